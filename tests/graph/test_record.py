"""The backward pass written down: the engine's own gradients, what each edge adds to them, and how each stands."""

import tracemalloc

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import tinygrad_dl as tg
from tinygrad_dl.core.primitives import Outputs
from tinygrad_dl.graph.nodes import Graph
from tinygrad_dl.graph.record import Record, states
from tinygrad_dl.testing import formulas, strategies


def scalar_of(program):
    """A random program as a loss, and its inputs."""
    inputs = [tg.parameter(x, f"x{i}") for i, x in enumerate(program.inputs)]
    return np.sum(program(*inputs)), inputs


def recorded(*outputs):
    graph = Graph(outputs)
    return graph, Record(graph)


def tracked(graph):
    return [node for node in graph.nodes if node.is_tracked and type(node.array) is not Outputs]


# ---- gradients


@given(strategies.programs(kinks=True))
def test_the_gradient_of_each_node_is_that_of_the_engine(program):
    loss, inputs = scalar_of(program)
    graph, record = recorded(loss)
    nodes = tracked(graph)
    for node, g in zip(nodes, tg.gradients(loss, [node.value for node in nodes]), strict=True):
        assert np.array_equal(record.gradients[node.index], g), node
    loss.backward()
    for x in inputs:
        if graph.index(x) is not None:
            assert np.array_equal(record.gradients[graph.index(x)], x.grad)


@given(strategies.networks())
def test_the_gradients_in_a_net_are_those_of_the_course(network):
    graph, record = recorded(network.loss())
    A, caches = formulas.deep_forward(network.X, network.parameters, network.activations)
    expected = formulas.deep_backward(formulas.cost_backward(A, network.Y), caches)
    named = {node.name: node.index for node in graph.nodes if node.name}
    assert {name for name in named if name[0] != "A"} == {
        f"{kind}{i + 1}" for kind in "WbZ" for i in range(len(caches))
    }
    for name, index in named.items():
        times = network.X.shape[1] if name[0] in "ZA" else 1  # the course's dZ and dA are errors per sample
        np.testing.assert_allclose(times * record.gradients[index], expected[f"d{name}"], rtol=1e-6, atol=1e-12)


@given(strategies.programs(kinks=True) | strategies.programs())
def test_the_contributions_to_a_node_add_up_to_its_gradient(program):
    loss, _ = scalar_of(program)
    graph, record = recorded(loss)
    for node in tracked(graph):
        parts = [c.value for c in record.into(node.index)]
        total = sum(parts, np.zeros(node.shape)) + (1.0 if node.is_output else 0.0)
        np.testing.assert_allclose(record.gradients[node.index], total, rtol=1e-12, atol=1e-300)


@given(strategies.programs(kinks=True))
def test_there_is_a_contribution_over_each_edge_between_tracked_nodes_in_the_order_of_backprop(program):
    loss, _ = scalar_of(program)
    graph, record = recorded(loss)
    edges = {
        (node.index, head, argnum)
        for node in graph.nodes
        for head, argnum in node.operands
        if graph.nodes[head].is_tracked
    }
    assert {(c.tail, c.head, c.argnum) for c in record.contributions} == edges
    assert len(record.contributions) == len(edges)
    operations = [node.index for node in graph.nodes if node.kind == "operation"]
    assert record.order == operations[::-1]
    assert [c.tail for c in record.contributions] == sorted([c.tail for c in record.contributions], reverse=True)
    for head, tail, argnum in [(c.head, c.tail, c.argnum) for c in record.contributions]:
        assert record.of((head, tail, argnum)).argnum == argnum
    assert record.of((0, 0, 7)) is None


def test_both_edges_of_a_product_of_a_by_itself_contribute():
    a = tg.parameter([3.0, 5.0])
    _, record = recorded(np.sum(a * a))
    assert [(c.argnum, c.value.tolist()) for c in record.into(0)] == [(0, [3.0, 5.0]), (1, [3.0, 5.0])]
    assert record.gradients[0].tolist() == [6.0, 10.0]


SHAPES = [((3, 1), (4,)), ((), (3, 4)), ((1, 4), (3, 4)), ((4,), (2, 3, 4)), ((2, 1, 4), (3, 1)), ((3, 4), (3, 4))]


@pytest.mark.parametrize(("one", "two"), SHAPES)
def test_what_broadcasting_repeated_is_raw_in_the_shape_of_the_answer_and_summed_to_that_of_the_argument(one, two):
    rng = np.random.default_rng(0)
    a, b = rng.normal(size=one), rng.normal(size=two)
    x, y = tg.parameter(a), tg.parameter(b)
    shape = np.broadcast_shapes(one, two)
    weights = rng.normal(size=shape)
    graph, record = recorded(np.sum(weights * (x * y)))
    for tensor, own, other in ((x, a, b), (y, b, a)):
        (contribution,) = record.into(graph.index(tensor))
        raw = weights * other
        assert contribution.raw.shape == shape
        np.testing.assert_array_equal(contribution.raw, raw)
        extra = len(shape) - own.ndim
        axes = [i for i in range(len(shape)) if i < extra or (own.shape[i - extra] == 1 and shape[i] > 1)]
        np.testing.assert_allclose(contribution.value, raw.sum(axis=tuple(axes)).reshape(own.shape), rtol=1e-12)
        assert contribution.is_summed == (own.shape != shape)


def test_a_cast_is_no_sum():
    x = tg.parameter(np.ones(3, np.float32))
    graph, record = recorded(np.sum(x * np.ones(3)))
    (contribution,) = record.into(graph.index(x))
    assert contribution.raw.dtype == np.float64
    assert contribution.value.dtype == np.float32
    assert not contribution.is_summed


def test_the_gradient_of_several_outputs_is_that_of_their_sum():
    rng = np.random.default_rng(0)
    x = tg.parameter(rng.normal(size=3))
    y = np.sum(x**2)
    z = 3.0 * y
    for outputs in ([y, z], [z, y], [y, z, z]):
        graph, record = recorded(*outputs)
        np.testing.assert_allclose(record.gradients[graph.index(y)], 4.0)
        np.testing.assert_allclose(record.gradients[graph.index(z)], 1.0)
        np.testing.assert_allclose(record.gradients[graph.index(x)], 8.0 * x.data)


def test_functions_of_several_outputs_have_gradients_by_output():
    A = np.array([[2.0, 1.0], [1.0, 3.0]])
    x = tg.parameter(A)
    w, v = np.linalg.eigh(x)
    loss = np.sum(w**2) + 0.0 * np.sum(v)
    graph, record = recorded(loss)
    of_trace = 4 * np.tril(A) - 2 * np.diag(np.diag(A))  # of A², by the triangle that is read
    np.testing.assert_allclose(record.gradients[graph.index(x)], of_trace, atol=1e-12)
    np.testing.assert_allclose(record.gradients[graph.index(w)], 2 * np.linalg.eigvalsh(A))
    joint = [g for g in record.gradients.values() if type(g) is Outputs]
    assert len(joint) == 1
    only, record = recorded(np.sum(np.linalg.eigh(x)[0]))
    assert any(g[1] is None for g in record.gradients.values() if type(g) is Outputs)
    np.testing.assert_allclose(record.gradients[only.index(x)], np.eye(2), atol=1e-12)


def test_a_rule_without_end_is_watched_argument_by_argument():
    parts = [tg.parameter(np.full(2, float(i))) for i in range(5)]
    graph, record = recorded(np.sum(np.concatenate(parts) * np.arange(10.0)))
    for i, part in enumerate(parts):
        assert record.gradients[graph.index(part)].tolist() == [2.0 * i, 2.0 * i + 1]
    assert len(record.contributions) == 7


# ---- it only watches


@given(strategies.programs(), st.booleans())
def test_no_grad_is_touched_and_nothing_is_recorded(program, gone_back):
    loss, inputs = scalar_of(program)
    if gone_back:
        loss.backward()
    before = [(x.grad, None if x.grad is None else x.grad.copy()) for x in inputs]
    graph, _ = recorded(loss)
    assert all(node.value._grad is None for node in graph.nodes if node.kind == "operation")
    for x, (grad, numbers) in zip(inputs, before, strict=True):
        assert x.grad is grad
        assert numbers is None or np.array_equal(grad, numbers)


def test_it_is_the_same_in_debug_mode_and_in_no_grad():
    def record():
        x = tg.parameter([1.0, -2.0])
        return Record(Graph([np.sum(np.tanh(x) * x)]))

    x = tg.parameter([1.0, -2.0])
    graph = Graph([np.sum(np.tanh(x) * x)])
    plain = Record(graph)
    with tg.debug():
        checked = record()
    with tg.no_grad():
        unrecorded = Record(graph)
    for other in (checked, unrecorded):
        assert other.order == plain.order
        assert [c.value.tolist() for c in other.contributions] == [c.value.tolist() for c in plain.contributions]


def test_a_gradient_that_is_not_finite_is_recorded_as_it_is():
    x = tg.parameter([0.0, 1.0])
    with np.errstate(divide="ignore"):
        graph, record = recorded(np.sum(np.sqrt(x)))
        assert record.gradients[graph.index(x)].tolist() == [np.inf, 0.5]


def test_what_is_no_number_or_not_tracked_is_the_error_of_backward():
    x = tg.parameter([1.0, 2.0])
    for output, words in ((x * 2, "size 1"), (tg.Tensor(1.0), "nothing to differentiate")):
        with pytest.raises(ValueError, match=words):
            recorded(output)


def test_a_rule_that_gives_no_array_is_the_error_of_backward():
    @tg.primitive
    def wrong(x):
        return x * 1

    tg.defvjp(wrong, lambda g, ans, x: 1.0)
    with pytest.raises(TypeError, match=r"the derivative rule of wrong gave 1\.0: expected an array"):
        recorded(np.sum(wrong(tg.parameter([1.0]))))


def test_a_long_chain_and_many_uses_are_recorded_in_linear_time(deep):
    x = y = tg.parameter(1.0)
    length = 20_000 if deep else 4_000
    for _ in range(length):
        y = y * x
    graph, record = recorded(y)
    assert len(record.contributions) == 2 * length
    assert record.gradients[0] == length + 1
    assert sum(record.of((0, node.index, 1)) is not None for node in graph.nodes[1:]) == length


def test_a_record_of_norms_has_those_of_the_arrays_and_no_array_of_a_contribution():
    a, b = tg.parameter(np.arange(3.0)[:, None], "a"), tg.parameter(np.ones((2, 3, 4)), "b")
    graph = Graph([np.sum(np.tanh(a * b) * a)])
    arrays, norms = Record(graph), Record(graph, keep="norms")
    assert norms.order == arrays.order
    for one, other in zip(arrays.contributions, norms.contributions, strict=True):
        assert (other.raw, other.value) == (None, None)
        assert other.norm == one.norm == pytest.approx(np.linalg.norm(one.value))
        assert (other.raw_shape, other.shape) == (one.raw_shape, one.shape) == (one.raw.shape, one.value.shape)
        assert other.is_summed == one.is_summed
    for index, g in arrays.gradients.items():
        assert np.array_equal(norms.gradients[index], g)


@pytest.mark.deep
def test_heat_of_a_net_of_many_steps_takes_no_matrix_for_each_of_them():
    W, h = tg.parameter(np.eye(200) / 2, "W"), tg.parameter(np.ones((200, 1)))
    for _ in range(60):
        h = np.tanh(W @ h)
    loss = np.sum(h)
    tracemalloc.start()
    tg.draw(loss, heat=True)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 30 * W.data.nbytes


# ---- states


def state(graph, record=None):
    """The state of each node, by its name, or what it is."""
    return {node.name or node.label: word for node, word in zip(graph.nodes, states(graph, record), strict=True)}


def test_before_backward_nothing_is_computed_and_after_it_leaves_are_and_the_rest_is_freed():
    x = tg.parameter([1.0, 2.0], name="x")
    loss = np.sum(np.tanh(x) * tg.Tensor([1.0, 2.0], name="X"))
    graph = Graph([loss])
    never = "never computed"
    assert state(graph) == {"x": never, "tanh": never, "X": "not needed", "×": never, "sum": never}
    loss.backward()
    assert state(graph) == {"x": "computed", "tanh": "freed", "X": "not needed", "×": "freed", "sum": "freed"}
    record = Record(graph)
    assert set(state(graph, record).values()) == {"computed", "not needed"}
    x.grad = None
    assert state(graph)["tanh"] == never


def test_freed_is_said_only_where_all_parameters_behind_have_a_gradient():
    """Through which graph it came is not told by it: that is what the word says, and no more."""
    x, w = tg.parameter([1.0, 2.0], name="x"), tg.parameter([3.0, 3.0], name="w")
    np.sum(x**3).backward()
    h = np.tanh(x)
    y = h * w
    words = state(Graph([np.sum(y)]))
    assert words == {
        "x": "computed",
        "tanh": "freed",
        "w": "never computed",
        **dict.fromkeys("×", "never computed"),
    } | {"sum": "never computed"}
    data = tg.Tensor([1.0, 1.0], name="X")
    assert state(Graph([np.exp(x) + data]))["+"] == "freed"  # data have no gradient to wait for


def test_a_gradient_that_is_exactly_zero_says_so_stored_or_recorded():
    x, w = tg.parameter([1.0, 2.0], name="x"), tg.parameter([3.0, 3.0], name="w")
    loss = np.sum(x * w * 0.0) + np.sum(x)
    graph = Graph([loss])
    assert state(graph, Record(graph))["w"] == "zero"
    assert state(graph, Record(graph))["x"] == "computed"
    loss.backward()
    assert (state(graph)["w"], state(graph)["x"]) == ("zero", "computed")


@pytest.mark.parametrize("g", [[-1.0, -2.0], [0.0, -3.0], [np.nan, 0.0], [0.0, 1e-320]])
def test_a_gradient_that_is_not_zero_everywhere_is_computed(g):
    x = tg.parameter([1.0, 2.0], name="x")
    graph = Graph([np.sum(x * 2)])
    x.grad = np.array(g)
    assert state(graph)["x"] == "computed"


CUTS = {
    "detach": lambda x: x.detach(),
    "no_grad": lambda x: tg.no_grad()(lambda: x * 2)(),
    "np.sign": np.sign,
    "np.greater": lambda x: x > 0,
    "np.copysign": lambda x: np.copysign(np.ones(2), x),
}


@pytest.mark.parametrize("by", CUTS)
def test_what_was_cut_off_is_blocked_stored_or_recorded(by):
    x = tg.parameter([1.0, 2.0], name="x")
    loss = np.sum(x * CUTS[by](x))
    graph = Graph([loss])
    (blocked,) = [node.index for node in graph.nodes if node.kind == "blocked"]
    assert graph.nodes[blocked].cut.by == by
    for record in (None, Record(graph)):
        assert states(graph, record)[blocked] == "blocked"
    loss.backward()
    assert states(graph)[blocked] == "blocked"


def test_a_parameter_that_another_loss_reached_is_computed_and_this_one_never():
    x, w = tg.parameter([1.0], name="x"), tg.parameter([1.0], name="w")
    np.sum(x * 2).backward()
    words = state(Graph([np.sum(x * w)]))
    assert (words["x"], words["w"]) == ("computed", "never computed")


def test_outputs_that_nothing_was_made_of_are_no_gradient_of_their_function():
    x = tg.parameter([[2.0, 0.0], [0.0, 1.0]], name="x")
    graph = Graph([np.sum(np.linalg.eigh(x)[0])])
    assert set(states(graph, Record(graph))) == {"computed"}


def test_a_rule_may_run_a_backward_pass_of_its_own():
    x = tg.parameter([2.0, 1.0], name="x")
    inner = tg.checkpoint(lambda x: np.sin(np.exp(x)) * x)
    by_grad = tg.custom(lambda x: np.sin(x), lambda g, ans, x: g * tg.grad(lambda x: np.sum(np.sin(x)))(x))
    for f in (inner, by_grad):
        loss = np.sum(f(x) ** 2)
        graph = Graph([loss])
        record = Record(graph)
        np.testing.assert_allclose(record.gradients[graph.index(x)], tg.gradients(loss, x))
        assert [graph.nodes[index].kind for index in record.order] == ["operation"] * 3
