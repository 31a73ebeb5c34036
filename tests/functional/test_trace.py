"""Modules, dataclasses and constants as arguments of derivatives."""

import dataclasses

import numpy as np
import pytest

import tinygrad_dl as tg

X = np.array([[0.5, -1.0], [2.0, 0.3]])


@dataclasses.dataclass(frozen=True)
class Params:
    W: np.ndarray
    b: float
    steps: int = 3
    total: float = dataclasses.field(init=False, default=0.0)

    def __post_init__(self):
        if self.steps != 3:
            raise AssertionError("made anew")


@dataclasses.dataclass(slots=True)
class Slots:
    x: float
    rest: list


class Net(tg.nn.Module):
    def __init__(self):
        rng = np.random.default_rng(0)
        self.dense = tg.nn.Dense(2, 3, rng=rng)
        self.scale = tg.parameter(2.0, name="scale")
        self.frozen = tg.Tensor(3.0)
        self.rng = rng
        self.parts = {"again": self.dense, "list": [tg.parameter(1.0)]}
        self.act = self.activation

    def activation(self, Z):
        return np.tanh(Z * self.scale)

    def __call__(self, X):
        return self.act(self.dense(X)) * self.frozen + self.parts["again"].b * self.parts["list"][0]


def loss(net, X):
    return np.mean(net(X) ** 2)


def by_backward(net):
    value = loss(net, X)
    return dict(zip(dict(net.named_parameters()), tg.gradients(value, net).values(), strict=False))


# ---- dataclasses


def test_a_gradient_by_a_dataclass_is_one_made_without_its_init():
    g = tg.grad(lambda p: np.sum(p.W) * p.b**p.steps + p.total)(Params(X, 2.0))
    assert type(g) is Params
    assert np.array_equal(g.W, np.full((2, 2), 8.0))
    assert g.b == pytest.approx(12 * X.sum())
    assert g.steps is None
    assert g.total == 1


def test_a_gradient_by_a_dataclass_with_slots():
    p = Slots(2.0, [3.0, None])
    assert tg.grad(lambda p: p.x**2 * p.rest[0])(p) == Slots(12.0, [4.0, None])
    assert p == Slots(2.0, [3.0, None])


# ---- constants in structures


def test_what_is_not_floats_in_a_structure_is_a_constant_with_gradient_none():
    p = {"w": 2.0, "count": 3, "labels": np.array([0, 1]), "mode": "a", "f": np.sin, "flag": True, "nothing": None}

    def f(p):
        assert type(p["count"]) is int
        assert p["mode"] == "a"
        assert p["flag"] is True
        return p["f"](p["w"]) * p["count"] * np.sum(p["labels"])

    g = tg.grad(f)(p)
    assert g.keys() == p.keys()
    assert g.pop("w") == 3 * np.cos(2.0)
    assert set(g.values()) == {None}


def test_a_tangent_of_a_constant_is_none():
    p = {"w": 2.0, "count": 3}
    assert tg.jvp(lambda p: p["w"] * p["count"], (p,), ({"w": 1.0, "count": None},))[1] == 3
    assert tg.hvp(lambda p: p["w"] ** 2 * p["count"], (p,), ({"w": 1.0, "count": None},)) == (
        {"w": 6.0, "count": None},
    )
    with pytest.raises(ValueError, match="3 is not differentiated: pass None as its tangent"):
        tg.jvp(lambda p: p["w"] * p["count"], (p,), ({"w": 1.0, "count": 1},))


def test_an_argument_without_any_floats_is_an_error():
    with pytest.raises(TypeError, match=r"expected floats to differentiate with respect to, got int, str: write 1\.0"):
        tg.grad(lambda p: 1.0)([1, "a"])


def test_an_integer_alone_counts_as_a_float():
    assert tg.grad(lambda x: x**2)(3) == 6


def test_none_as_a_cotangent_or_tangent_is_zero():
    _, pullback = tg.vjp(lambda x: (x**2, np.sin(x)), 2.0)
    assert pullback((1.0, None)) == (4.0,)
    assert tg.jvp(lambda x, y: x * y, (2.0, 3.0), (None, 1.0))[1] == 2


# ---- Modules


def test_the_gradient_by_a_module_is_a_dict_by_the_names_of_its_parameters():
    net = Net()
    g = tg.grad(loss)(net, X)
    assert list(g) == [name for name, p in net.named_parameters() if p.requires_grad]
    assert "frozen" not in g
    loss(net, X).backward()
    for name, p in net.named_parameters():
        if p.requires_grad:
            np.testing.assert_allclose(g[name].data, p.grad, rtol=1e-14)


def test_a_module_that_is_differentiated_by_is_a_copy_that_shares_what_is_no_parameter():
    net, seen = Net(), []

    def f(copy):
        seen.append(copy)
        assert copy is not net
        assert copy.rng is net.rng
        assert copy.parts["again"] is copy.dense
        assert copy.act.__self__ is copy
        assert len(copy.parameters()) == len(net.parameters())
        copy.state = 1
        return loss(copy, X)

    tg.grad(f)(net)
    assert seen
    assert not hasattr(net, "state")


def test_parameters_are_found_inside_of_nested_transforms():
    net = Net()

    def decay(net):
        return sum(np.sum(p**2) for p in net.parameters() if p.requires_grad)

    twice = tg.grad(lambda net: sum(np.sum(g**2) for g in tg.grad(decay)(net).values()))(net)  # of 4 p²: 8 p
    for name, p in net.named_parameters():
        if p.requires_grad:
            np.testing.assert_allclose(twice[name].data, 8 * p.data, rtol=1e-14)


def test_a_gradient_by_a_module_can_be_differentiated_by_its_parameters():
    net = Net()
    penalty = sum(np.sum(g**2) for g in tg.grad(loss)(net, X).values())
    penalty.backward()
    expected = tg.grad(lambda net: sum(np.sum(g**2) for g in tg.grad(loss)(net, X).values()))(net)
    np.testing.assert_allclose(net.scale.grad, expected["scale"].data, rtol=1e-12)


def test_in_no_grad_the_gradient_by_a_module_has_no_graph():
    net = Net()
    with tg.no_grad():
        g = tg.grad(loss)(net, X)
    assert not any(part.requires_grad for part in g.values())


def test_jacobians_products_and_gradients_take_modules():
    net = Net()
    J = tg.jacobian(lambda net: net(X))(net)
    assert J["dense.W"].shape == (3, 2, 3, 2)
    tangents = {name: np.ones(p.shape) for name, p in net.named_parameters() if p.requires_grad}
    _, pushed = tg.jvp(lambda net: net(X), (net,), (tangents,))
    along = sum(np.tensordot(J[name].data, t, t.ndim) for name, t in tangents.items())
    np.testing.assert_allclose(pushed.data, along, rtol=1e-12)
    [product] = tg.hvp(lambda net: loss(net, X), (net,), (tangents,))
    assert product.keys() == tangents.keys()
    assert tg.gradients(loss(net, X), net).keys() == tangents.keys()


def test_a_mapped_module_has_parameters_for_each_sample():
    nets = [tg.nn.Dense(2, 1, rng=np.random.default_rng(i)) for i in range(3)]
    many = tg.nn.Dense(2, 1, rng=np.random.default_rng(0))
    many.W, many.b = (
        tg.Tensor(np.stack(part), requires_grad=True)
        for part in zip(*[(n.W.data, n.b.data) for n in nets], strict=True)
    )
    found = tg.vmap(lambda net: net(X))(many)
    np.testing.assert_allclose(found.data, [net(X).data for net in nets], rtol=1e-14)


def test_a_shared_parameter_takes_both_cotangents():
    class Tied(tg.nn.Module):
        def __init__(self):
            self.a = self.b = tg.parameter(3.0)

        def __call__(self, x):
            return self.a * x + self.b

    g = tg.grad(lambda net: net(2.0))(Tied())
    assert {name: part.item() for name, part in g.items()} == {"a": 3.0}
