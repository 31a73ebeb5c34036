"""`vmap`: axes, structures, nesting with derivatives, the gradients of each sample, and what can't be done."""

import numpy as np
import pytest

import tinygrad_dl as tg

RNG = np.random.default_rng(0)
W, X, Y = RNG.normal(size=(2, 3)), RNG.normal(size=(5, 3)), RNG.normal(size=(5, 2))


def loss(W, x, y):
    return np.sum((np.tanh(W @ x) - y) ** 2)


def looped(f, *arrays):
    return np.stack([f(*row) for row in zip(*arrays, strict=True)])


# ---- axes and structures


@pytest.mark.parametrize("axis", [0, 1, 2, -1])
def test_the_samples_may_lie_along_any_axis(axis):
    many = np.moveaxis(RNG.normal(size=(4, 2, 3)), 0, axis)
    assert tg.vmap(np.sum, in_axes=axis)(many).shape == (4,)
    found = tg.vmap(lambda x: 2 * x, in_axes=axis, out_axes=axis)(many)
    np.testing.assert_array_equal(found, 2 * many)
    assert found.base is None
    same = tg.vmap(lambda x: x, in_axes=axis)(many)
    assert not np.shares_memory(same, many)


def test_arguments_that_are_the_same_for_all_samples():
    np.testing.assert_allclose(
        tg.vmap(loss, (None, 0, 0))(W, X, Y), looped(lambda x, y: loss(W, x, y), X, Y), rtol=1e-14
    )
    np.testing.assert_array_equal(tg.vmap(lambda x, *, k: x * k)(X, k=W[0]), X * W[0])


def test_axes_have_the_structure_of_the_arguments_or_hold_for_all_that_is_in_one():
    def f(p, x):
        return {"y": p["W"] @ x + p["b"], "p": p["b"]}

    p = {"W": W, "b": Y}
    found = tg.vmap(f, ({"W": None, "b": 0}, 0), {"y": 1, "p": 0})(p, X)
    np.testing.assert_allclose(found["y"], (X @ W.T + Y).T, rtol=1e-14)
    assert np.array_equal(found["p"], Y)
    pairs = tg.vmap(lambda pair: pair[0] + pair[1], ((0, 0),))((Y, Y))
    assert np.array_equal(pairs, 2 * Y)
    assert np.array_equal(tg.vmap(lambda pair: pair[0] + pair[1])((Y, Y)), 2 * Y)


def test_an_output_that_does_not_depend_on_the_sample_is_repeated_or_given_once():
    repeated, once = tg.vmap(lambda x: (1.0, W), out_axes=(0, None))(X)
    assert repeated.tolist() == [1] * 5
    assert once is W


def test_a_loop_has_the_outputs_of_all_samples_at_once():
    def f(x):
        return {"own": x * 2, "shared": W[0] * 3, "number": 4.0}

    axes = {"own": 1, "shared": None, "number": None}
    found, expected = (tg.vmap(f, 0, axes, loop=loop)(X) for loop in (True, False))
    for name in axes:
        np.testing.assert_array_equal(found[name], expected[name], strict=True)
    nested = tg.vmap(lambda s: tg.vmap(lambda x: (x, s * W[0]), 0, (0, None), loop=True)(X)[1])
    assert np.array_equal(nested(np.array([1.0, 2.0])), np.outer([1, 2], W[0]))
    with pytest.raises(TypeError, match="expected a function that returns arrays, got str"):
        tg.vmap(lambda x: "text", loop=True)(X)


def test_tensors_give_tensors_and_gradients_flow_through():
    x = tg.parameter(X)
    y = tg.vmap(lambda x: np.sin(x) @ W[0])(x)
    assert type(y) is tg.Tensor
    np.testing.assert_allclose(tg.gradients(np.sum(y), x), np.cos(X) * W[0], rtol=1e-14)
    w = tg.parameter(W)
    for f in (
        lambda x: w @ x,
        lambda x: x @ w.T,
        lambda x: np.tensordot(w, x, 1),
        lambda x: np.stack([w[0] * x, w[1]]),
    ):
        total = np.sum(tg.vmap(f)(X))
        np.testing.assert_allclose(tg.gradients(total, w), tg.gradients(sum(np.sum(f(x)) for x in X), w), rtol=1e-12)


def test_no_samples_are_fine():
    assert tg.vmap(lambda x: np.tanh(W @ x))(np.ones((0, 3))).shape == (0, 2)
    assert tg.vmap(tg.grad(lambda x: np.sum(x**2)))(np.ones((0, 3))).shape == (0, 3)


def test_it_nests():
    def distance(a, b):
        return np.sqrt(np.sum((a - b) ** 2))

    table = tg.vmap(lambda a: tg.vmap(lambda b: distance(a, b))(Y))(Y)
    np.testing.assert_allclose(table, np.linalg.norm(Y[:, np.newaxis] - Y, axis=-1), rtol=1e-14)
    inner_first = tg.vmap(tg.vmap(distance, (0, None)), (None, 0))(Y, Y)
    np.testing.assert_allclose(inner_first, table, rtol=1e-14)
    three = tg.vmap(lambda a: tg.vmap(lambda b: tg.vmap(lambda c: a * b + c)(X[0]))(X[1]))(X[2])
    np.testing.assert_allclose(three, X[2][:, None, None] * X[1][:, None] + X[0], rtol=1e-14)


# ---- derivatives inside and outside


def test_the_gradients_of_each_sample_sum_to_the_gradient_of_the_sum():
    each = tg.vmap(tg.grad(loss), (None, 0, 0))(W, X, Y)
    assert each.shape == (5, 2, 3)
    total = tg.grad(lambda W: sum(loss(W, x, y) for x, y in zip(X, Y, strict=True)))(W)
    np.testing.assert_allclose(each.sum(axis=0), total, rtol=1e-12)


@pytest.mark.parametrize("name", ["tanh", "relu", "sigmoid"])
def test_the_gradients_of_each_sample_by_a_net(name):
    net = tg.nn.mlp([3, 4, 1], hidden=getattr(tg.nn, name), output=tg.nn.sigmoid, rng=np.random.default_rng(0))
    labels = (Y[:, 0] > 0).astype(float)

    def cost(net, x, y):
        decay = sum(np.sum(p**2) for p in net.parameters())
        return tg.nn.binary_cross_entropy(net(np.expand_dims(x, 1)), np.reshape(y, (1, 1))) + 0.1 * decay

    each = tg.vmap(tg.grad(cost), (None, 0, 0))(net, X, labels)
    assert list(each) == [name for name, _ in net.named_parameters()]
    for i in range(5):
        alone = tg.grad(cost)(net, X[i], labels[i])
        for key, gradient in alone.items():
            np.testing.assert_allclose(each[key].data[i], gradient.data, rtol=1e-10, atol=1e-15)


TRANSFORMS = {
    "grad of grad": lambda f: tg.grad(lambda x: np.sum(tg.grad(f)(x) ** 2)),
    "hessian": tg.hessian,
    "jacobian": lambda f: tg.jacobian(lambda x: np.stack([f(x), f(2 * x)])),
    "jacobian, forward": lambda f: tg.jacobian(lambda x: np.outer(np.arange(1.0, 20), x) * f(x)),
    "jvp": lambda f: lambda x: tg.jvp(f, (x,), (np.ones(3),))[1],
    "jvp along itself": lambda f: lambda x: tg.jvp(f, (x,), (x,))[1],
    "vjp": lambda f: lambda x: tg.vjp(lambda x: x * f(x), x)[1](x)[0],
    "hvp": lambda f: lambda x: tg.hvp(f, (x,), (x,))[0],
    "elementwise_grad": lambda f: tg.elementwise_grad(lambda x: np.sin(x) * 2),
    "value_and_grad": lambda f: lambda x: tg.value_and_grad(f)(x)[0],
    "checkpoint": lambda f: tg.grad(tg.checkpoint(f)),
    "closed over": lambda f: lambda x: tg.grad(lambda w: np.sum(w * x) * f(x))(W[0]),
    "closed over, jacobian": lambda f: lambda x: tg.jacobian(lambda w: w * x)(W[0]),
}


@pytest.mark.parametrize("transform", TRANSFORMS.values(), ids=TRANSFORMS)
def test_derivatives_inside_are_those_of_each_sample(transform):
    g = transform(lambda x: np.sum(np.sin(x) ** 3) * x[0])
    np.testing.assert_allclose(tg.vmap(g)(X), looped(g, X), rtol=1e-9, atol=1e-12)
    twice = tg.vmap(lambda y: tg.vmap(lambda x: g(x * y))(X))(Y[:, 0])
    np.testing.assert_allclose(
        twice, np.stack([looped(lambda x, y=y: g(x * y), X) for y in Y[:, 0]]), rtol=1e-8, atol=1e-12
    )


@pytest.mark.parametrize("transform", TRANSFORMS.values(), ids=TRANSFORMS)
def test_derivatives_outside_see_through_to_any_order(transform):
    g = transform(lambda x: np.sum(np.sin(x) ** 3) * x[0])

    def total(map_, X):
        return np.sum(map_(X) ** 2)

    ours = tg.grad(lambda X: total(tg.vmap(g), X))(X)
    np.testing.assert_allclose(ours, tg.grad(lambda X: total(lambda X: looped(g, X), X))(X), rtol=1e-8, atol=1e-10)


def test_the_pullback_of_a_function_can_be_mapped():
    _, pullback = tg.vjp(lambda x: np.tanh(W @ x), X[0])
    np.testing.assert_allclose(tg.vmap(pullback)(np.eye(2))[0], tg.jacobian(lambda x: np.tanh(W @ x))(X[0]), rtol=1e-14)


@pytest.mark.parametrize("factor", [lambda x: 1.0, lambda x: x[0]])
def test_the_pullback_and_the_tangents_of_one_sample_can_be_mapped(factor):
    def f(x):
        return np.tanh(W @ x)

    def rows(x):
        _, pullback = tg.vjp(f, x)
        return tg.vmap(lambda u: pullback(u * factor(x))[0])(np.eye(2))

    def columns(x):
        return tg.vmap(lambda t: tg.jvp(f, (x,), (t * factor(x),))[1])(np.eye(3))

    expected = looped(lambda x: factor(x) * tg.jacobian(f)(x), X)
    np.testing.assert_allclose(tg.vmap(rows)(X), expected, rtol=1e-12)
    np.testing.assert_allclose(tg.vmap(columns)(X), np.moveaxis(expected, 1, 2), rtol=1e-12)


def test_a_variable_of_the_outside_is_not_confused_with_one_inside():
    def f(a):
        return np.sum(tg.vmap(tg.grad(lambda x: a * x**2 + np.sin(a)))(X[0]))

    assert type(tg.grad(f)(2.0)) is np.float64
    np.testing.assert_allclose(tg.grad(f)(2.0), 2 * X[0].sum(), rtol=1e-14)


def test_complex_numbers_and_float32():
    z = X + 1j * X[::-1]
    np.testing.assert_allclose(tg.vmap(tg.grad(lambda z: np.sum(np.abs(z) ** 2)))(z), 2 * np.conj(z), rtol=1e-14)
    assert tg.vmap(tg.grad(lambda x: np.sum(x * 2.0)))(X.astype(np.float32)).dtype == np.float32


# ---- what can't be done for all samples at once, and loop=True


@pytest.mark.parametrize(
    ("f", "message"),
    [
        (lambda x: x if x[0] > 0 else -x, r"np.where\(condition, a, b\).*loop=True"),
        (lambda x: float(x[0]), r"leave out float\(\).*loop=True"),
        (lambda x: np.asarray(x), "an array for each sample, and can't become a plain one"),
        (lambda x: x[x > 0], "gives another shape for each sample of tg.vmap"),
        (lambda x: np.nonzero(x > 0)[0], "another shape for each sample"),
        (lambda x: np.add(x, 1, out=np.zeros(3)), "would change x in place, inside of tg.vmap: write x = np.add"),
        (lambda x: W[np.argmax(x)], r"tg\.primitives\.getitem\(x, i\)"),
        (lambda x: "text", "expected a function that returns arrays, got str"),
        (lambda x: x.__setitem__(0, 1), "np.where"),
    ],
)
def test_operations_that_cannot_be_batched_raise_an_error_with_advice(f, message):
    with pytest.raises(TypeError, match=message):
        tg.vmap(f)(X)


def test_a_loop_does_whatever_one_sample_does():
    def f(x):
        return x if x[0] > 0 else {"a": 1}["a"] * float(x[1]) * np.ones(3)

    np.testing.assert_array_equal(tg.vmap(f, loop=True)(X), looped(f, X))
    p = {"x": tg.parameter(X)}
    found = tg.vmap(lambda p, k: (np.sum(p["x"]) * k, 1.0), (0, None), loop=True)(p, 2.0)
    assert found[1].tolist() == [1] * 5
    assert tg.gradients(np.sum(found[0]), p["x"]).tolist() == np.full((5, 3), 2.0).tolist()


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: tg.vmap(np.add)(X, W), r"one number of samples in all arguments, got 5 in args\[0\], 2 in args\[1\]"),
        (lambda: tg.vmap(np.sum)(1.0), r"args\[0\] is 1.0 and has no axis 0.*None in in_axes"),
        (lambda: tg.vmap(np.sum, 2)(X), r"args\[0\] has shape \(5, 3\) and has no axis 2"),
        (lambda: tg.vmap(np.sum, None)(X), "in_axes is None for all arguments"),
        (lambda: tg.vmap(np.add, (0,))(X, X), r"a tuple of 2, one for each argument, got \(0,\)"),
        (lambda: tg.vmap(np.sum, ({"a": 0},))({"b": X}), r"a dict with the keys \['b'\], or one for all of it"),
        (lambda: tg.vmap(np.sum, out_axes=None)(X), "the output differs between samples: give out_axes an axis"),
        (lambda: tg.vmap(np.sum, 0, None, loop=True)(X), "the output differs between samples: give out_axes an axis"),
        (
            lambda: tg.vmap(np.sum, 0, 1)(X),
            r"out_axes is 1 for an output that has shape \(5,\) with the axis of samples",
        ),
        (lambda: tg.vmap(np.sum, 0, "0", loop=True)(X), r"out_axes is '0' for an output that has shape \(5,\)"),
        (lambda: tg.vmap(np.sum, ("0",))(X), r"args\[0\] has shape \(5, 3\) and has no axis '0'"),
        (lambda: tg.vmap(lambda x: [x] * (1 + (x[0] == X[0, 0])), loop=True)(X), r"expected a list of \d, got"),
        (lambda: tg.vmap(np.sum, loop=True)(X[:0]), "at least one sample"),
    ],
)
def test_wrong_axes_are_named(call, message):
    with pytest.raises(ValueError, match=message):
        call()


def test_a_wrong_call_says_what_it_says_for_one_sample():
    with pytest.raises(ValueError, match=r"\(3,\) \(2,\)"):
        tg.vmap(lambda x: x + np.ones(2))(X)


@pytest.mark.parametrize("quantile", [np.quantile, np.nanquantile])
@pytest.mark.parametrize("axis", [None, 0, (0, 1)])
def test_several_quantiles_of_each_sample_are_those_of_one(quantile, axis):
    X, q = np.arange(24.0).reshape(2, 3, 4) ** 2, np.array([[0.1, 0.5, 0.7]])
    found = tg.vmap(lambda x: quantile(x, q, axis))(X)
    np.testing.assert_allclose(found, [quantile(x, q, axis) for x in X], rtol=1e-12)


@pytest.mark.parametrize(
    "f",
    [
        lambda x: np.sum(x, where=np.ones((2, 3), bool)),
        lambda x: np.add.reduce(x, where=np.ones((2, 3), bool)),
        lambda x: np.cumulative_sum([x, x]),
    ],
)
def test_what_numpy_refuses_for_a_sample_is_refused(f):
    with pytest.raises((ValueError, TypeError)):
        tg.vmap(f)(np.ones((2, 3)))


def test_what_is_no_function_is_refused():
    with pytest.raises(TypeError, match="vmap: expected a function, got 'sin'"):
        tg.vmap("sin")
