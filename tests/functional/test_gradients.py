"""Gradients of functions: any order, any structure, nothing confused."""

from collections import namedtuple

import numpy as np
import pytest

import tinygrad_dl as tg

Layer = namedtuple("Layer", "W b")


@pytest.mark.parametrize(
    ("f", "derivatives"),
    [
        (lambda x: x**5, [80.0, 160.0, 240.0, 240.0]),
        (np.exp, [np.exp(2)] * 4),
        (np.sin, [np.cos(2), -np.sin(2), -np.cos(2), np.sin(2)]),
        (lambda x: 1 / x, [-1 / 4, 2 / 8, -6 / 16, 24 / 32]),
        (lambda x: x + 1, [1.0, 0.0, 0.0, 0.0]),
        (lambda x: np.prod(np.stack([x, x, x])), [12.0, 12.0, 6.0, 0.0]),
        (lambda x: np.matmul(np.stack([x, x]), np.stack([x, 1])), [5.0, 2.0, 0.0, 0.0]),
    ],
)
def test_grad_may_be_nested_to_order_4(f, derivatives):
    for expected in derivatives:
        f = tg.grad(f)
        np.testing.assert_allclose(f(2.0), expected, rtol=1e-12)


@pytest.mark.parametrize(
    ("f", "at", "derivative"),
    [
        (lambda x: x * tg.grad(lambda y: x * y)(x), 3.0, 6.0),  # d/dx x²
        (lambda x: x * tg.grad(lambda y: x * y * y)(x), 3.0, 54.0),  # d/dx 2x³
        (lambda x: x * tg.grad(lambda y: x + y)(1.0), 1.0, 1.0),
        (lambda x: x * tg.grad(lambda y: x + y)(x), 1.0, 1.0),
        (lambda x: tg.grad(lambda y: x * y)(2.0), 3.0, 1.0),
        (lambda x: tg.grad(lambda y: y * y)(x * x), 3.0, 12.0),
        (lambda x: tg.grad(lambda y: tg.grad(lambda z: x * y * z)(y))(x), 3.0, 1.0),
        (lambda x: tg.grad(lambda y: y * tg.grad(lambda z: x * y * z)(y))(x), 3.0, 12.0),  # d/dx 2x²
        (lambda x: x * tg.value_and_grad(lambda y: x * y)(x)[0], 3.0, 27.0),
    ],
)
def test_an_inner_derivative_never_confuses_its_variable_with_an_outer_one(f, at, derivative):
    assert tg.grad(f)(at) == derivative


def test_an_inner_gradient_is_by_its_own_argument_alone():
    x = tg.parameter(3.0)
    inner = tg.grad(lambda y: x * y)(x)
    assert inner.item() == 3.0
    assert tg.gradients(inner, x) == 1.0


def test_a_gradient_comes_in_the_structure_of_its_argument():
    params = {"layers": [Layer(np.array([2.0]), 3.0), (np.array([[4.0]]), None)], "scale": 5.0, "none": []}

    def f(p):
        (W, b), (V, _) = p["layers"]
        return np.sum(W * b * V) * p["scale"]

    g = tg.grad(f)(params)
    assert g == {"layers": [Layer(np.array([60.0]), 40.0), (np.array([[30.0]]), None)], "scale": 24.0, "none": []}
    assert type(g["layers"][0]) is Layer
    assert type(g["layers"][1]) is tuple


@pytest.mark.parametrize(
    ("argnum", "expected"),
    [(0, 20.0), (1, 15.0), (2, 12.0), (np.int64(1), 15.0), ((2, 0), (12.0, 20.0)), ([1], (15.0,))],
)
def test_argnum_chooses_the_arguments(argnum, expected):
    assert tg.grad(lambda x, y, z: x * y * z, argnum)(3.0, 4.0, 5.0) == expected


def test_other_arguments_and_keywords_reach_the_function_as_they_are():
    def f(x, data, *, power, label="a"):
        assert type(data) is np.ndarray
        assert label == "b"
        return np.sum((x * data) ** power)

    assert tg.grad(f)(2.0, np.array([1.0, 2.0]), power=2, label="b") == 20.0


def test_the_kind_of_a_gradient_mirrors_the_argument():
    def f(x):
        return np.sum(x * x)

    kinds = [
        (np.array([3.0]), np.ndarray, np.float64),
        (np.array(3.0), np.ndarray, np.float64),
        (np.array([3.0], np.float32), np.ndarray, np.float32),
        (3.0, np.float64, np.float64),
        (3, np.float64, np.float64),
        (np.float32(3), np.float32, np.float32),
        (tg.Tensor([3.0]), tg.Tensor, np.float64),
    ]
    for x, kind, dtype in kinds:
        value, g = tg.value_and_grad(f)(x)
        assert (type(g), g.dtype) == (kind, dtype)
        assert isinstance(value, tg.Tensor) == isinstance(x, tg.Tensor)
        assert np.all(np.asarray(g) == 6.0)
        assert np.asarray(value) == 9.0


def test_a_constant_tensor_gives_an_untracked_gradient_and_a_tracked_one_a_tracked_gradient():
    constant, tracked = tg.Tensor(3.0), tg.parameter(3.0)
    assert not tg.grad(lambda x: x**2)(constant).requires_grad
    g = tg.grad(lambda x: x**2)(tracked)
    assert tg.gradients(g, tracked) == 2.0
    assert tracked.grad is constant.grad is None


def test_a_gradient_is_an_array_of_its_own():
    x = np.ones(2)
    value, g = tg.value_and_grad(lambda x: np.sum(x))(x)
    g[:] = 7.0
    assert x.tolist() == [1.0, 1.0]
    assert value == 2.0
    value, g = tg.value_and_grad(lambda x: x)(np.ones(1))
    value[:] = g[:] = 7.0
    assert type(tg.value_and_grad(lambda x: x)(2.0)[0]) is np.float64


def test_grad_works_inside_no_grad():
    with tg.no_grad():
        assert tg.grad(lambda x: x**3)(2.0) == 12.0
        assert tg.grad(tg.grad(lambda x: x**3))(2.0) == 12.0
        assert type(tg.grad(lambda x: x**3)(tg.parameter(2.0))) is tg.Tensor
        assert not tg.grad(lambda x: x**3)(tg.parameter(2.0)).requires_grad
        assert not tg.is_grad_enabled()


def test_no_grad_inside_a_function_hides_what_is_computed_there():
    def f(x):
        with tg.no_grad():
            hidden = x * 1.0
        return x * hidden

    assert tg.grad(f)(3.0) == 3.0


def test_a_gradient_depends_on_the_parameters_that_a_function_closes_over():
    w = tg.parameter(5.0)
    g = tg.grad(lambda x: w * x**2)(3.0)
    assert g.item() == 30.0
    tg.backward(g)
    assert w.grad == 6.0
    w.grad = None
    with tg.no_grad():
        plain = tg.grad(lambda x: w * x**2)(3.0)
    assert not isinstance(plain, tg.Tensor)


@pytest.mark.parametrize("f", [lambda x: 1.0 * np.float64(2), lambda x: tg.Tensor(3.0), lambda x: np.array([4.0])])
def test_a_function_that_ignores_its_argument_has_gradient_zero(f):
    g = tg.grad(f)({"a": np.ones((2, 3)), "b": 1.0})
    assert g["a"].tolist() == np.zeros((2, 3)).tolist()
    assert g["b"] == 0.0


def test_a_gradient_by_nothing_is_empty():
    assert tg.grad(lambda p: 2.0 * np.float64(1))([]) == []


def test_value_and_grad_keeps_the_name_of_the_function():
    def loss(x):
        """The loss."""
        return x

    assert tg.grad(loss).__name__ == tg.value_and_grad(loss).__name__ == "loss"
    assert tg.grad(loss).__doc__ == "The loss."


# ---- what is refused


@pytest.mark.parametrize("result", [1.0, 1])
def test_a_plain_number_has_lost_its_gradient(result):
    with pytest.raises(
        TypeError, match=r"lost its gradient: leave out float\(\), \.item\(\) and the functions of math"
    ):
        tg.grad(lambda x: result)(1.0)


def test_a_function_must_give_a_scalar():
    with pytest.raises(TypeError, match=r"shape \(2,\): reduce it with np.sum, .*tg.jacobian\(f\) .*tg.hessian\(f\)"):
        tg.grad(lambda x: x * 2)(np.ones(2))


@pytest.mark.parametrize(
    ("x", "message"),
    [
        (np.array([1, 2]), "expected floats, got int64; write 1.0 or astype"),
        (True, "expected floats, got bool"),
        ("text", "expected numbers, got data of dtype <U4"),
        (tg.Tensor([1]), "expected floats, got int64"),
    ],
)
def test_an_argument_must_be_floats(x, message):
    with pytest.raises(TypeError, match=message):
        tg.grad(lambda x: x)(x)


@pytest.mark.parametrize(
    ("result", "message"), [(None, r"got NoneType: is a return missing\?"), ("text", "got str"), ([1.0], "got list")]
)
def test_a_function_must_give_a_tensor(result, message):
    with pytest.raises(TypeError, match=f"expected a function that returns Tensors, {message}"):
        tg.grad(lambda x: result)(1.0)


@pytest.mark.parametrize("f", [np.argmax, lambda x: x > 0, lambda x: tg.Tensor(3), lambda x: np.sum(x, dtype=int)])
def test_a_function_must_give_a_float(f):
    with pytest.raises(TypeError, match=r"expected a function that returns a real float, got (int64|bool)"):
        tg.grad(f)(np.ones(1))


def test_argnum_must_number_an_argument():
    with pytest.raises(ValueError, match="expected argnum to have at least one argument number, got none"):
        tg.grad(lambda x: x, ())(1.0)
    for argnum in (1, -2, (0, 1)):
        with pytest.raises(TypeError, match=r"no positional argument (1|-2): the function was given 1"):
            tg.grad(lambda *args: args[0], argnum)(1.0)


@pytest.mark.parametrize(
    "inner",
    [
        lambda a: tg.grad(lambda x: a * x**2)(3.0),
        lambda a: tg.grad(tg.checkpoint(lambda x: a * x**2))(3.0),
        lambda a: tg.jvp(lambda x: a * x**2, (3.0,), (1.0,))[1],
        lambda a: tg.hvp(lambda x: a * x**3, (1.0,), (1.0,))[0],
        lambda a: tg.jacobian(lambda x: a * x**2)(3.0),
        lambda a: tg.elementwise_grad(lambda x: a * x**2)(3.0),
        lambda a: tg.vmap(tg.grad(lambda x: a * x**2))(np.array([3.0]))[0],
    ],
)
def test_an_inner_variable_that_is_done_with_is_nothing_outside(inner):
    slope = tg.grad(inner)(2.0)
    assert type(slope) is np.float64
    assert slope == 6


@pytest.mark.parametrize("n", range(2, 9))
def test_elementwise_grad_notices_any_two_elements_that_are_exchanged(n):
    for i in range(n):
        for j in range(i):
            order = np.arange(n)
            order[[i, j]] = j, i
            with pytest.raises(ValueError, match="mixes elements"):
                tg.elementwise_grad(lambda x, order=order: x[order] ** 2)(np.arange(1.0, n + 1))


@pytest.mark.parametrize("make", [tg.grad, tg.jacobian, tg.hessian])
@pytest.mark.parametrize(
    ("argnum", "error"), [((0, 0), ValueError), ((0, -2), ValueError), (("x", 0), ValueError), (1.0, TypeError)]
)
def test_arguments_are_chosen_once_by_integers_and_names(make, argnum, error):
    with pytest.raises(error, match=r"expected (different arguments|argnum to be the number or name of an argument)"):
        make(lambda x, y: x * y, argnum)(2.0, 3.0)
