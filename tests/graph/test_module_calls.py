"""The calls of Modules in a graph, against Modules that record themselves what they compute."""

import dataclasses

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import tinygrad_dl as tg
from tinygrad_dl import nn
from tinygrad_dl.graph.nodes import Graph

RNG = np.random.default_rng(0)


class Witness:
    """The oracle: a stack of the calls that are under way, and for each Tensor the calls in which it was made."""

    def __init__(self):
        self.stack, self.made = [], {}

    def __call__(self, tensor):
        self.made[id(tensor)] = (list(self.stack), tensor)
        return tensor


class Noting(nn.Module):
    """A Module that tells a Witness of each Tensor that it makes; `body(self, *inputs)` is what it computes."""

    def __init__(self, witness, name, body, **attributes):
        self.witness, self.name, self.body = witness, name, body
        self.w = tg.parameter(np.ones(3), f"w of {name}")
        vars(self).update(attributes)

    def __call__(self, *inputs, **more):
        self.witness.stack.append(self.name)
        try:
            return self.body(self, *inputs, **more)
        finally:
            self.witness.stack.pop()

    def __repr__(self):
        return self.name


def path(node):
    return [repr(scope.module) for scope in node.scope.path] if node.scope else []


def assert_as_witnessed(graph, witness):
    operations = [node for node in graph.nodes if node.kind == "operation"]
    assert operations
    for node in operations:
        assert path(node) == witness.made[id(node.value)][0], node


def paths(graph):
    return {node.name or node.label: path(node) for node in graph.nodes}


# ---- operations


def test_modules_that_are_dataclasses_are_modules_like_others():
    """They have an `__eq__` of their own, which compares Tensors, and no hash."""

    @dataclasses.dataclass
    class Layer(nn.Module):
        W: tg.Tensor
        inner: nn.Module | None = None

        def __call__(self, A):
            return self.W @ (A if self.inner is None else self.inner(A))

    net = Layer(tg.parameter(np.eye(2)), Layer(tg.parameter(np.eye(2))))
    graph = Graph([net(np.ones((2, 3)))])
    assert [(scope.name, id(scope.module)) for scope in graph.scopes] == [("", id(net)), ("inner", id(net.inner))]
    assert [len(node.scope.path) for node in graph.nodes if node.kind == "operation"] == [2, 1]


def test_nested_nets_nest_and_are_named_by_their_place():
    inner = nn.Sequential(nn.Dense(2, 2, rng=RNG), np.tanh)
    net = nn.Sequential(inner, nn.Sequential(nn.Dense(2, 1, rng=RNG)), nn.sigmoid)
    graph = Graph([np.mean(net(np.ones((2, 3))))])
    assert [(len(scope.path), scope.name, type(scope.module).__name__) for scope in graph.scopes] == [
        *((1, "", "Sequential"), (2, "layers.0", "Sequential"), (3, "layers.0", "Dense")),
        *((2, "layers.1", "Sequential"), (3, "layers.0", "Dense")),
    ]
    where = {node.name: node.scope.module for node in graph.nodes if node.name and node.scope}
    assert where["Z1"] is where["W1"] is where["b1"] is inner.layers[0]
    assert where["A1"] is inner
    assert where["Z2"] is net.layers[1].layers[0]
    assert where["A2"] is net
    assert graph.nodes[graph.outputs[0]].scope is None
    assert [scope.title for scope in graph.scopes][2] == "layers.0: Dense(2, 2)"


def test_a_long_or_a_plain_title_is_the_class():
    class Plain(nn.Module):
        def __call__(self, A):
            return np.tanh(A)

    assert [scope.title for scope in Graph([Plain()(tg.parameter([1.0]))]).scopes] == ["Plain"]
    net = nn.mlp([2] * 9, rng=RNG)
    assert Graph([net(np.ones((2, 1)))]).scopes[0].title == "Sequential"


def test_a_module_whose_own_text_fails_is_called_by_its_class():
    class Silent(nn.Module):
        def __call__(self, A):
            return np.tanh(A)

        def __repr__(self):
            raise RuntimeError("not now")

    net = nn.Sequential(Silent())
    outer, inner = Graph([net(tg.parameter([1.0]))]).scopes
    assert inner.title == "layers.0: Silent"
    assert outer.title == "Sequential"  # whose text has that of its layers
    assert inner.text == outer.text == ""


@st.composite
def nested(draw, depth=0):
    """A tree: what a Module computes, "own" for an operation of its own, or a Module that it calls."""
    part = st.just("own") if depth == 3 else st.one_of(st.just("own"), nested(depth=depth + 1))
    return draw(st.lists(part, min_size=1, max_size=3))


@given(nested(), st.sampled_from([lambda x: x * 1.5, np.tanh, lambda x: x + x]))
def test_in_any_nest_of_calls_each_operation_is_where_it_was_made(tree, operation):
    witness = Witness()

    def module(tree, name):
        parts = [part if part == "own" else module(part, f"{name}.{i}") for i, part in enumerate(tree)]

        def body(self, A):
            for part in parts:
                A = witness(operation(A) * self.w) if part == "own" else part(A)
                if part == "own":
                    witness(A._parents[0])
            return A

        return Noting(witness, name, body, parts=parts)

    net = module(tree, "net")
    y = witness(net(witness(tg.parameter(np.ones(3)) * 2)) * 3)
    assert_as_witnessed(Graph([y]), witness)


@given(st.data())
def test_in_any_program_of_calls_that_keep_and_reuse_values_each_operation_is_where_it_was_made(data):
    """Layers take any values that an earlier layer or the program made, as arguments or from where they were kept."""
    witness = Witness()
    kept = [
        witness(tg.parameter(np.ones(3)) * 2)
    ]  # what calls gave or were given, so that it is known when it was made

    def body(self, A, B):
        h = witness(witness(A * self.w) + B)
        for index in data.draw(st.lists(st.integers(0, len(kept) - 1), max_size=2)):
            h = witness(h * kept[index])
        return h

    for number in range(data.draw(st.integers(1, 5))):
        layer = Noting(witness, f"layer {number}", body)
        A, B = (kept[data.draw(st.integers(0, len(kept) - 1))] for _ in range(2))
        kept.append(layer(A, B))
        if data.draw(st.booleans()):
            kept.append(Noting(witness, "use", lambda self, x: witness(x * self.w))(witness(kept[-1] * 0.5)))
    graph = Graph([added(witness, kept)])
    assert_as_witnessed(graph, witness)


def added(witness, values):
    total = values[0]
    for value in values[1:]:
        total = witness(total + value)
    return total


def test_a_module_called_twice_has_two_scopes():
    layer = nn.Dense(2, 2, rng=RNG)
    net = nn.Sequential(layer, np.tanh, layer)
    graph = Graph([net(np.ones((2, 1)))])
    assert [(scope.name, scope.module is layer) for scope in graph.scopes] == [
        ("", False),
        ("layers.0", True),
        ("layers.0", True),
    ]
    assert [node.scope for node in graph.nodes if node.label == "affine"] == graph.scopes[1:]


def test_a_shared_parameter_is_where_all_its_uses_are():
    witness = Witness()
    shared = tg.parameter(np.ones(3), "shared")
    body = lambda self, A: witness(A * shared)  # noqa: E731
    one, two = Noting(witness, "one", body), Noting(witness, "two", body)
    both = Noting(witness, "both", lambda self, A: two(one(A)))
    x = tg.parameter(np.ones(3), "x")
    assert paths(Graph([both(x)]))["shared"] == ["both"]
    assert paths(Graph([two(one(x))]))["shared"] == []
    assert paths(Graph([one(x)]))["shared"] == ["one"]
    assert paths(Graph([np.sum(one(x)) + np.sum(shared)]))["shared"] == []


def test_what_an_earlier_layer_kept_is_not_of_the_layer_that_uses_it():
    """A skip connection through an attribute: to an output, and to something inside."""
    witness = Witness()

    def encode(self, A):
        self.inside = witness(np.tanh(A))
        self.output = witness(self.inside * self.w)
        return self.output

    encoder = Noting(witness, "encoder", encode)
    for attribute in ("inside", "output"):
        decoder = Noting(witness, "decoder", lambda self, A, of=attribute: witness(A + getattr(encoder, of)))
        net = Noting(witness, "net", lambda self, A, d=decoder: d(witness(encoder(A) * 2)))
        assert_as_witnessed(Graph([net(tg.parameter(np.ones(3)))]), witness)


def test_what_came_before_an_argument_came_before_the_call():
    witness = Witness()
    x = tg.parameter(np.ones(3))
    context = witness(np.exp(x))
    net = Noting(witness, "net", lambda self, A: witness(A * context))
    assert_as_witnessed(Graph([net(witness(context + 1))]), witness)


def test_a_module_that_gives_what_it_was_given_computed_nothing():
    class Identity(nn.Module):
        def __call__(self, A):
            return A[0] if isinstance(A, list) else A

    x = tg.parameter(np.ones(3))
    h = np.tanh(x)
    for answer in (Identity()(h), Identity()([h]), Identity()(A=h), nn.Sequential(Identity(), Identity())(h)):
        assert answer is h
        graph = Graph([answer * 2])
        assert graph.scopes == []
        assert all(node.scope is None for node in graph.nodes)


def test_a_module_that_gives_what_it_kept_computed_it_the_first_time():
    class Cached(nn.Module):
        answer = None

        def __call__(self, A):
            if self.answer is None:
                self.answer = np.tanh(A)
            return self.answer

    module = Cached()
    x = tg.parameter(np.ones(3))
    graph = Graph([module(x) + module(np.exp(x))])
    assert [type(scope.module).__name__ for scope in graph.scopes] == ["Cached"]


def test_a_net_that_gives_what_its_last_layer_gave_has_it_inside():
    net = nn.Sequential(nn.Dense(2, 1, rng=RNG))
    graph = Graph([net(np.ones((2, 1)))])
    assert [scope.module for scope in graph.nodes[graph.outputs[0]].scope.path] == [net, net.layers[0]]


class Cell(nn.Module):
    def __init__(self):
        self.W, self.U = tg.parameter(np.eye(3), "W"), tg.parameter(np.eye(3), "U")

    def __call__(self, x, state):
        h, c = state
        gate = np.tanh(self.W @ h + self.U @ x)
        c = c * gate
        return gate, (np.tanh(c) * gate, c)


@pytest.mark.parametrize("steps", [1, 5])
def test_a_cell_that_takes_and_gives_a_tuple_of_states_has_a_scope_a_step(steps):
    cell, state = Cell(), (tg.parameter(np.ones(3), "h0"), tg.parameter(np.ones(3), "c0"))
    gates = []
    for _ in range(steps):
        gate, state = cell(np.ones(3), state)
        gates.append(gate)
    graph = Graph([np.sum(state[0] * state[1]) + np.sum(gates[-1])])
    assert len(graph.scopes) == steps
    assert all(scope.parent is None for scope in graph.scopes)
    for step, scope in enumerate(graph.scopes):
        inside = [node.label for node in graph.nodes if node.scope is scope and node.kind == "operation"]
        assert sorted(inside) == sorted(["@", "@", "+", "tanh", "×", "tanh", "×"]), step
        assert len(scope.outputs) == 3  # the gate is used in the sum, or in the next step's c
    where = {node.name: node.scope for node in graph.nodes if node.name}
    assert where["h0"] is where["c0"] is None
    assert where["W"] is where["U"] is (graph.scopes[0] if steps == 1 else None)


@pytest.mark.parametrize(
    "call", [lambda m, x: m(x), lambda m, x: m(A=x), lambda m, x: m({"x": [x]}), lambda m, x: m([[x]])]
)
def test_an_input_is_not_of_the_call_however_it_is_given(call):
    witness = Witness()

    def body(self, A):
        while not isinstance(A, tg.Tensor):
            A = next(iter(A.values() if isinstance(A, dict) else A))
        return witness(A * self.w)

    x = tg.parameter(np.ones(3), "x")
    graph = Graph([call(Noting(witness, "net", body), witness(np.tanh(x)))])
    assert_as_witnessed(graph, witness)
    assert paths(graph)["x"] == []


@pytest.mark.parametrize("pack", [lambda a, b: (a, b), lambda a, b: [a, [b]], lambda a, b: {"a": a, "b": {"b": b}}])
def test_outputs_are_of_one_call_however_they_are_given(pack):
    witness = Witness()
    net = Noting(witness, "net", lambda self, x: pack(witness(np.exp(x)), witness(np.log(x))))
    answer = net(tg.parameter(np.ones(3)))
    a, b = answer.values() if isinstance(answer, dict) else answer
    b = b["b"] if isinstance(b, dict) else b[0] if isinstance(b, list) else b
    graph = Graph([a, b])
    assert_as_witnessed(graph, witness)
    assert len(graph.scopes) == 1


# ---- leaves


def test_a_plain_array_that_a_call_was_given_is_outside_and_one_of_its_own_inside():
    mask = np.array([[1.0], [0.0]])

    class Masked(nn.Module):
        def __call__(self, A):
            return tg.nn.fused.affine(np.eye(2) * tg.parameter(1.0, "scale"), A, np.zeros((2, 1))) * mask

    X = np.array([[2.0], [3.0]])  # of the same shape as what the call has of its own
    graph = Graph([Masked()(X)])
    inside = {str(node.array.tolist()): node.scope is not None for node in graph.nodes if node.kind == "data"}
    assert inside == {
        **{"[[1.0, 0.0], [0.0, 1.0]]": True, "[[2.0], [3.0]]": False, "[[0.0], [0.0]]": True, "[[1.0], [0.0]]": True}
    }
    assert paths(graph)["scale"]


def test_data_given_to_the_outer_net_are_outside_of_all_and_an_inner_input_is_in_the_outer_one():
    net = nn.Sequential(nn.Dense(2, 2, rng=RNG), nn.Dense(2, 1, rng=RNG))
    for X in (np.ones((2, 3)), tg.Tensor(np.ones((2, 3)))):
        (data,) = [node for node in Graph([net(X)]).nodes if node.kind == "data"]
        assert data.scope is None

    class Fixed(nn.Module):
        def __init__(self):
            self.layer = nn.Dense(2, 1, rng=RNG)

        def __call__(self, A):
            return self.layer(np.ones((2, 3))) + A

    graph = Graph([Fixed()(np.zeros((1, 3)))])
    assert {node.shape: len(node.scope.path) if node.scope else 0 for node in graph.nodes if node.kind == "data"} == {
        **{(2, 3): 1, (1, 3): 0}
    }


@pytest.mark.parametrize("make", [lambda X: X, lambda X: X.astype(int), lambda X: X.astype(np.float32)])
@pytest.mark.parametrize("value", [2.0, np.nan, np.inf])
def test_a_plain_array_is_known_again_by_its_numbers_a_nan_too_and_in_any_dtype(make, value):
    class Cast(nn.Module):
        def __call__(self, A):
            return tg.parameter(np.ones((2, 3)), "own") * A.astype(float) + np.array([[7.0, 2.0, 2.0]])

    if make(np.ones(1)).dtype == int and not np.isfinite(value):
        return
    graph = Graph([Cast()(make(np.full((2, 3), value)))])
    assert {node.shape: node.scope is not None for node in graph.nodes if node.kind == "data"} == {
        **{(2, 3): False, (1, 3): True}
    }
