"""The chain rule on graphs: accumulation, depth, memory, and what `backward` and `gradients` refuse."""

import weakref
from collections import namedtuple

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import tinygrad_dl as tg
from tinygrad_dl import nn
from tinygrad_dl.core.backprop import topological_order

Pair = namedtuple("Pair", "x y")


# ---- accumulation


@pytest.mark.parametrize("times", [1, 20, 40])
def test_a_chain_of_diamonds_doubles_the_derivative_each_time(times):
    x = y = tg.parameter(1.0)
    for _ in range(times):
        y = y + y
    assert len(topological_order(y)) == times + 1
    tg.backward(y)
    assert x.grad == 2.0**times


@pytest.mark.parametrize(
    ("f", "derivative"),
    [
        (lambda x: x + x, 2.0),
        (lambda x: x * x, 6.0),
        (lambda x: x * x * x, 27.0),
        (lambda x: x - x, 0.0),
        (lambda x: x / x, 0.0),
        (lambda x: np.sin(x) * np.exp(x) + x, np.exp(3.0) * (np.cos(3.0) + np.sin(3.0)) + 1),
        (lambda x: (x + 1) * (x + 2) * (x + 3), 4 * 5 + 4 * 6 + 5 * 6),
        (lambda x: np.sum(np.stack([x, 2 * x, x])), 4.0),
    ],
)
def test_derivatives_over_every_path_are_added(f, derivative):
    x = tg.parameter(3.0)
    tg.backward(f(x))
    np.testing.assert_allclose(x.grad, derivative, rtol=1e-12, atol=1e-12)


@given(st.lists(st.tuples(st.integers(0, 99), st.integers(0, 99), st.booleans()), min_size=1, max_size=30))
def test_any_graph_of_sums_and_products_has_the_derivative_of_its_polynomial(steps):
    """Against the derivative carried forward, number beside number."""
    x = tg.parameter(1.0)
    nodes, values, slopes = [x], [1.0], [1.0]
    for i, j, product in steps:
        i, j = i % len(nodes), j % len(nodes)
        nodes.append(nodes[i] * nodes[j] / 2 if product else (nodes[i] + nodes[j]) / 2)
        values.append(values[i] * values[j] / 2 if product else (values[i] + values[j]) / 2)
        slope = slopes[i] * values[j] + values[i] * slopes[j] if product else slopes[i] + slopes[j]
        slopes.append(slope / 2)
    found = tg.gradients(nodes[-1], x)
    np.testing.assert_allclose(found, slopes[-1], rtol=1e-12)


def test_grad_adds_up_over_calls_and_the_graph_stays_usable():
    x = tg.parameter([1.0, 2.0])
    loss = np.sum(x**2)
    tg.backward(loss)
    first = x.grad
    loss.backward()
    assert first.tolist() == [2.0, 4.0]
    assert x.grad.tolist() == [4.0, 8.0]
    x.grad = None
    tg.backward(loss)
    assert x.grad.tolist() == [2.0, 4.0]


def test_grad_is_an_array_even_of_a_number():
    x = tg.parameter(2.0)
    for times in (1, 2, 3):
        tg.backward(x * 3)
        assert type(x.grad) is np.ndarray
        assert x.grad == 3.0 * times


def test_only_leaves_get_a_grad():
    x, constant = tg.parameter(2.0), tg.Tensor(3.0)
    y = x * constant
    loss = y * y
    tg.backward(loss)
    assert x.grad == 36.0
    assert constant.grad is None
    for made in (y, loss):
        with pytest.warns(
            UserWarning, match=r"so its grad is None: .*tg\.gradients\(loss, x\).*p\.data = p\.data - 0\.1 \* p\.grad"
        ) as told:
            assert made.grad is None
        assert told[0].filename == __file__


def test_a_leaf_is_its_own_derivative():
    x = tg.parameter(5.0)
    x.backward()
    assert x.grad == 1.0


@pytest.mark.parametrize("part", [np.real, np.imag])
def test_a_real_number_among_complex_ones_gets_the_real_part_of_its_cotangent(part):
    c = np.array([2 + 1j, -3 + 0.5j, 1 - 4j])
    assert tg.grad(lambda x: np.sum(part(c * x)))(np.ones(3)).tolist() == part(c).tolist()


@pytest.mark.parametrize("flipped", [False, True])
def test_elements_that_are_read_add_to_no_cotangent_but_that_of_their_array(flipped):
    a, b, c = tg.parameter([1.0, 2.0]), tg.parameter([3.0, 4.0]), np.array([5.0, 6.0])
    terms = [np.sum(c * (a + b)), a[0] + a[0]]
    np.add(*(terms[::-1] if flipped else terms)).backward()
    assert (a.grad.tolist(), b.grad.tolist()) == ([7.0, 6.0], [5.0, 6.0])


def test_gradients_never_share_memory():
    a, b = tg.parameter([1.0, 2.0]), tg.parameter([3.0, 4.0])
    cotangent = np.ones(2)
    y = a + b
    tg.backward(y, cotangent)
    arrays = [cotangent, a.grad, b.grad, a.data, b.data, *tg.gradients(y, [a, b, y, y], cotangent=cotangent)]
    tg.backward(a, cotangent)
    arrays.append(a.grad)
    assert not any(np.shares_memory(u, v) for i, u in enumerate(arrays) for v in arrays[:i])


def test_backward_changes_no_input():
    x, cotangent = tg.parameter([1.0, 2.0]), np.array([3.0, 4.0])
    constant = np.array([5.0, 6.0])
    y = x * constant + x
    tg.backward(y, cotangent)
    assert (x.tolist(), constant.tolist(), cotangent.tolist()) == ([1.0, 2.0], [5.0, 6.0], [3.0, 4.0])
    assert y.tolist() == [6.0, 14.0]
    assert x.grad.tolist() == [18.0, 28.0]


@given(st.lists(st.sampled_from(range(4)), min_size=2, max_size=6))
def test_adding_cotangents_up_changes_no_array_that_someone_else_holds(ways):
    kept, c = np.array([10.0, 20.0]), np.array([3.0, 5.0])
    f = tg.primitive(lambda x: 1.0 * x)
    tg.defvjp(f, lambda g, ans, x: kept)
    x = tg.parameter([1.0, 2.0])
    y = 2.0 * x
    total = sum([[f, lambda y: y, np.negative, lambda y: y[::-1]][way](y) for way in ways], 0.0)
    dtotal, dy, dx = tg.gradients(total, [total, y, x], cotangent=c)
    n = [ways.count(way) for way in range(4)]
    expected = n[0] * kept + (n[1] - n[2]) * c + n[3] * c[::-1]
    assert (kept.tolist(), dtotal.tolist()) == ([10.0, 20.0], [3.0, 5.0])
    assert (dy.tolist(), dx.tolist()) == (expected.tolist(), (2 * expected).tolist())


def test_a_cotangent_weighs_the_outputs():
    x = tg.parameter([1.0, 2.0])
    for cotangent in ([10.0, 1.0], np.array([10.0, 1.0]), tg.Tensor([10.0, 1.0])):
        assert tg.gradients(x**2, x, cotangent=cotangent).tolist() == [20.0, 4.0]


def test_gradients_with_a_graph_depend_on_their_cotangent():
    x, u = tg.parameter([1.0, 2.0]), tg.parameter([3.0, 4.0])
    g = tg.gradients(x**3, x, create_graph=True, cotangent=u)
    assert tg.gradients(np.sum(g), u).tolist() == [3.0, 12.0]


def test_an_untracked_factor_gets_no_gradient_and_costs_none():
    @tg.primitive
    def product(x, y):
        return x * y

    def not_wanted(g, ans, x, y):
        raise AssertionError("the rule of an argument that is not tracked")

    tg.defvjp(product, lambda g, ans, x, y: g * y, not_wanted)
    x = tg.parameter(2.0)
    tg.backward(product(x, tg.Tensor(3.0)))
    assert x.grad == 3.0


def test_gradients_go_no_way_that_does_not_lead_to_a_target():
    @tg.primitive
    def pass_on(x):
        return x

    def not_wanted(g, ans, x):
        raise AssertionError("the rule of a function that no target went into")

    tg.defvjp(pass_on, not_wanted)
    x, y = tg.parameter(2.0), tg.parameter(3.0)
    assert tg.gradients(x * pass_on(y), x) == 3.0


def test_a_rule_that_gives_the_wrong_shape_is_named():
    @tg.primitive
    def halve(x):
        return x / 2

    tg.defvjp(halve, lambda g, ans, x: np.ones(7))
    with pytest.raises(ValueError, match=r"rule of halve gave a cotangent of shape \(7,\) .* of shape \(2,\)"):
        tg.backward(np.sum(halve(tg.parameter([1.0, 2.0]))))


# ---- gradients


@pytest.mark.parametrize("create_graph", [False, True])
def test_gradients_come_in_the_structure_of_the_tensors(create_graph):
    x, y = tg.parameter(2.0), tg.parameter(5.0)
    z = x * y
    trees = [x, [x, y], (x, y), {"a": x, "b": [y, (x,)]}, Pair(y, x), [x, None, [], {}]]
    expected = [5.0, [5.0, 2.0], (5.0, 2.0), {"a": 5.0, "b": [2.0, (5.0,)]}, Pair(2.0, 5.0), [5.0, None, [], {}]]
    for tree, value in zip(trees, expected, strict=True):
        found = tg.gradients(z, tree, create_graph)
        assert found == value
        assert type(found) is type(tree) or tree is x
    kind = tg.Tensor if create_graph else np.ndarray
    assert type(tg.gradients(z, x, create_graph)) is kind
    assert x.grad is None


@pytest.mark.parametrize("create_graph", [False, True])
def test_gradients_by_an_intermediate_count_what_goes_through_it_only(create_graph):
    x = tg.parameter(2.0)
    y = x**2
    z = y * x
    dz, dy, dx = tg.gradients(z, [z, y, x], create_graph)
    assert (float(dz), float(dy), float(dx)) == (1.0, 2.0, 12.0)


@pytest.mark.parametrize("create_graph", [False, True])
@given(st.lists(st.integers(0, 2), min_size=1, max_size=6), st.data())
def test_gradients_by_elements_that_were_read_are_those_by_variables(create_graph, indices, data):
    x, factors = tg.parameter([2.0, 3.0, 5.0]), data.draw(st.lists(st.integers(-3, 3), min_size=6, max_size=6))
    parts = [x[i] for i in indices]
    loss = sum((factor * part**2 for factor, part in zip(factors, parts, strict=False)), 0 * x[0])
    wanted = parts if data.draw(st.booleans()) else [x, *parts]
    found = tg.gradients(loss, wanted, create_graph)
    by_part = [2.0 * factor * float(part) for factor, part in zip(factors, parts, strict=False)]
    by_x = [sum(g for g, i in zip(by_part, indices, strict=True) if i == j) for j in range(3)]
    assert [g.tolist() for g in found] == (by_part if wanted is parts else [by_x, *by_part])


KINDS_OF_RULES = {
    "by argument": lambda x, w: x * w,
    "with settings": lambda x, w: np.sum(np.matmul(x, w, axes=[(0, 1), (0, 1), (0, 1)])) * np.ones((2, 2)),
    "adding": lambda x, w: (x[0] + x[0] + x[1]) * w,
    "joint": lambda x, w: np.concatenate([x, w]),
    "chosen": lambda x, w: nn.sigmoid(x) * nn.sigmoid(w),
    "unbounded": lambda x, w: np.einsum("ij,jk->ik", x, w),
}


@pytest.mark.parametrize("kind", KINDS_OF_RULES)
def test_a_leaf_that_is_frozen_after_the_forward_pass_gets_no_gradient(kind):
    x, w = tg.parameter([[1.0, 2.0], [3.0, 4.0]]), tg.parameter([[0.5, -1.0], [2.0, 0.25]])
    loss = np.sum(KINDS_OF_RULES[kind](x, w) ** 2)
    expected = tg.gradients(loss, w)
    x.requires_grad = False
    loss.backward()
    assert x.grad is None
    assert w.grad.tolist() == expected.tolist()


@pytest.mark.parametrize("create_graph", [False, True])
def test_a_tensor_that_the_output_does_not_depend_on_has_derivative_zero(create_graph):
    x, other = tg.parameter([1.0, 2.0]), tg.Tensor([[3.0]], dtype=np.float32, requires_grad=True)
    y = np.sum(x)
    later = y * 2
    zero, too_late = tg.gradients(y, [other, later], create_graph)
    assert (zero.tolist(), zero.dtype, too_late.tolist()) == ([[0.0]], np.float32, 0.0)
    assert tg.gradients(y, other, create_graph).shape == (1, 1)


def test_gradients_with_a_graph_can_be_differentiated_to_any_order():
    x = tg.parameter(2.0)
    y = x**5
    for expected in (80.0, 160.0, 240.0, 240.0, 120.0):
        y = tg.gradients(y, x, create_graph=True)
        assert y.item() == expected
    assert y.requires_grad is False or tg.gradients(y, x).item() == 0.0


def test_gradients_without_a_graph_are_made_of_arrays_even_inside_a_tracked_computation():
    x = tg.parameter(2.0)
    g = tg.gradients(x**3, x)
    assert type(g) is np.ndarray
    assert (g * x).tolist() == 24.0


def test_gradients_make_their_graph_inside_no_grad_too():
    x = tg.parameter(2.0)
    y = x**3
    with tg.no_grad():
        g = tg.gradients(y, x, create_graph=True)
        tg.backward(y)
    assert g.requires_grad
    assert tg.gradients(g, x) == x.grad == 12.0


# ---- what is refused


@pytest.mark.parametrize("output", [tg.Tensor([1.0]), 3.0, np.ones(1), None])
def test_nothing_to_differentiate_is_an_error_that_says_how_to_have_it(output):
    with pytest.raises(ValueError, match=r"nothing to differentiate.*tg\.parameter\(\.\.\.\), outside of tg\.no_grad"):
        tg.backward(output)
    with pytest.raises(ValueError, match="nothing to differentiate"):
        tg.gradients(output, tg.parameter(1.0))


def test_many_outputs_want_a_cotangent():
    with pytest.raises(ValueError, match=r"output of size 1.*shape \(2,\) and no cotangent\. Reduce it with np\.sum"):
        tg.backward(tg.parameter([1.0, 2.0]) * 2)


def test_a_complex_output_wants_a_cotangent():
    with pytest.raises(ValueError, match="expected a real output of size 1"):
        tg.backward(tg.parameter(1.0) * 1j)


@pytest.mark.parametrize("cotangent", [1.0, [1.0], [[1.0, 2.0]], np.ones(3)])
def test_a_cotangent_has_the_shape_of_the_output(cotangent):
    with pytest.raises(ValueError, match=r"cotangent of shape \(2,\), got \("):
        tg.backward(tg.parameter([1.0, 2.0]) * 2, cotangent)


@pytest.mark.parametrize("target", [1.0, np.ones(2), tg.Tensor(1.0, name="c")])
def test_gradients_are_by_tracked_tensors(target):
    with pytest.raises(ValueError, match=r"expected Tensors that require grad, got (float|ndarray|Tensor 'c' that)"):
        tg.gradients(tg.parameter(1.0) * 1, [target])


# ---- depth and memory


@pytest.mark.deep
def test_200_000_steps_go_forward_backward_and_away():
    x = y = tg.parameter(1.0)
    for _ in range(200_000):
        y = y * 1.000001
    tg.backward(y)
    np.testing.assert_allclose(x.grad, 1.000001**200_000, rtol=1e-9)  # as many roundings
    del y


def test_a_deep_graph_of_a_gradient_is_no_deeper_trouble(deep):
    x = y = tg.parameter(1.0)
    for _ in range(20_000 if deep else 4_000):
        y = np.sin(y)
    (g,) = tg.gradients(y, [x], create_graph=True)
    assert np.isfinite(tg.gradients(g, x))


@pytest.mark.usefixtures("no_gc")
def test_memory_goes_when_the_result_goes():
    x = tg.parameter(np.ones(3))
    middle = np.exp(x)
    seen = [weakref.ref(middle), weakref.ref(x)]
    loss = np.sum(middle * x)
    del middle
    tg.backward(loss)
    g = tg.gradients(loss, x, create_graph=True)
    assert seen[0]() is not None
    del loss, g
    assert seen[0]() is None
    assert seen[1]() is x


@pytest.mark.usefixtures("no_gc")
def test_grad_leaves_nothing_behind():
    seen = []

    def f(x):
        y = np.sin(x)
        seen.append(weakref.ref(y))
        return y * y

    tg.grad(tg.grad(f))(1.0)
    assert seen[0]() is None
