"""What transforms make of a function: it can be pickled and copied, has its name, and is a method in a class."""

import copy
import inspect
import multiprocessing
import pickle

import numpy as np
import pytest

import tinygrad_dl as tg

X = np.array([1.0, 2.0])


def cubes(x, power=3):
    """The sum of cubes."""
    return np.sum(x**power)


def slope(g, ans, x):
    return g * 2 * x


def squares(x):
    return x**2


@tg.grad
def decorated(x):
    return np.sum(x**2)


@tg.custom(vjp=slope)
def box(x):
    return x**2


MADE = {
    "grad": tg.grad(cubes),
    "value_and_grad": tg.value_and_grad(cubes, (0,)),
    "jacobian": tg.jacobian(squares),
    "hessian": tg.hessian(cubes),
    "elementwise_grad": tg.elementwise_grad(squares),
    "vmap": tg.vmap(cubes, loop=True),
    "vmap along another axis": tg.vmap(squares, 0, -1),
    "checkpoint": tg.checkpoint(cubes),
    "nested": tg.vmap(tg.grad(tg.grad(squares))),
    "custom": tg.custom(squares, slope),
    "numeric": tg.custom(squares, numeric=True),
    "decorated": decorated,
    "decorated custom": box,
}


@pytest.mark.parametrize("name", MADE)
def test_what_is_made_of_a_function_is_pickled_and_copied_if_that_can_be(name):
    made = MADE[name]
    for again in (pickle.loads(pickle.dumps(made)), copy.deepcopy(made), copy.copy(made)):
        np.testing.assert_equal(again(X), made(X))
    if name.startswith("decorated"):
        assert pickle.loads(pickle.dumps(made)) is made  # by name, as functions are
    else:
        assert made.__name__ in ("cubes", "squares")


def test_the_vjp_of_a_custom_function_is_pickled_with_it():
    again = pickle.loads(pickle.dumps(tg.custom(squares, slope)))
    assert tg.grad(lambda x: np.sum(again(x)))(X).tolist() == [2.0, 4.0]


def test_a_gradient_is_computed_in_another_process():
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        [found] = pool.map(MADE["grad"], [X])
    assert found.tolist() == [3.0, 12.0]


def test_what_cannot_be_pickled_says_so():
    with pytest.raises((pickle.PicklingError, AttributeError), match="lambda"):
        pickle.dumps(tg.grad(lambda x: x))


def test_it_looks_like_the_function():
    made = tg.grad(cubes)
    assert (made.__name__, made.__doc__, made.__wrapped__) == ("cubes", "The sum of cubes.", cubes)
    assert str(inspect.signature(made)) == "(x, power=3)"
    assert repr(made) == f"<grad of {cubes!r}>"
    assert repr(tg.vmap(cubes)) == f"<vmap of {cubes!r}>"


def test_in_a_class_it_is_a_method():
    class Curve:
        power = 3

        @tg.checkpoint
        def value(self, x):
            return np.sum(x**self.power)

        def _value(self, x):
            return np.sum(x**self.power)

        slope = tg.grad(_value, 1)

    assert Curve().value(X) == 9.0
    assert Curve().slope(X).tolist() == [3.0, 12.0]
    assert callable(Curve.value)


def test_no_grad_decorates_it():
    assert tg.no_grad()(tg.grad(cubes))(X).tolist() == [3.0, 12.0]
