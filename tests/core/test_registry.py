"""Giving functions derivatives: by the user, in the way that the package itself does."""

import numpy as np
import pytest

import tinygrad_dl as tg
from tests import numeric
from tinygrad_dl.core import registry


def test_a_primitive_of_ones_own_is_differentiated_to_any_order():
    @tg.primitive
    def quartic(x, scale=1.0):
        return scale * x**4

    tg.defvjp(quartic, lambda g, ans, x, scale=1.0: g * (4 * scale * x**3))
    assert quartic(np.array(2.0)) == 16.0
    assert tg.grad(lambda x: quartic(x, scale=2.0))(2.0) == 64.0
    assert tg.grad(tg.grad(quartic))(2.0) == 48.0
    assert "made by quartic" in repr(quartic(tg.parameter(1.0)))


def test_a_rule_is_for_its_own_argument():
    @tg.primitive
    def f(x, y, z):
        return x * y**2 * z**3

    tg.defvjp(f, lambda g, ans, x, y, z: g * y**2 * z**3, None, lambda g, ans, x, y, z: g * 3 * x * y**2 * z**2)
    primals = [np.array([1.0, 2.0]), np.array([3.0]), np.array([[0.5], [1.5]])]
    gradients = tg.grad(lambda *args: np.sum(f(*args)), (0, 1, 2))(*primals)
    for argnum in (0, 2):
        numeric.assert_equal(gradients[argnum], numeric.gradient(lambda *a: np.sum(f(*a)), primals, argnum))
    assert gradients[1].tolist() == [0.0]  # None: constant in this argument


def test_one_rule_may_serve_every_argument():
    @tg.primitive
    def total(*arrays):
        return sum(array * (i + 1) for i, array in enumerate(arrays))

    tg.defvjp_each(total, lambda argnum, g, ans, *arrays: g * (argnum + 1))
    assert tg.grad(lambda x, y, z: total(x, y, z, x), (0, 1, 2))(1.0, 1.0, 1.0) == (5.0, 2.0, 3.0)


def test_a_constant_function_gives_plain_values():
    @tg.primitive
    def steps(x):
        return np.floor(x)

    tg.defnondiff(steps)
    assert type(steps(tg.parameter([1.5]))) is np.ndarray


def test_a_composite_function_has_the_derivative_of_its_decomposition():
    @tg.primitive
    def norm(x):
        return np.linalg.norm(x, 1)

    tg.defcomposite(norm, lambda x: np.sum(abs(x)))
    assert tg.grad(norm)(np.array([3.0, -4.0])).tolist() == [1.0, -1.0]
    assert norm(np.array([3.0, -4.0])) == 7.0


def test_what_is_said_last_of_a_function_holds():
    @tg.primitive
    def f(x):
        return x * 2

    x = tg.parameter(1.0)
    for _ in range(2):
        tg.defvjp(f, lambda g, ans, x: g * 2)
        assert tg.gradients(f(x), x) == 2.0
        tg.defnondiff(f)
        assert type(f(x)) is not tg.Tensor
        tg.defcomposite(f, lambda x: x * 3)
        assert tg.gradients(f(x), x) == 3.0
        tg.defvjp_each(f, lambda argnum, g, ans, x: g * 4)
        assert tg.gradients(f(x), x) == 4.0
        assert f not in registry.constants
        assert f not in registry.composites
        tg.defcomposite(f, lambda x: x * 3)
        tg.defnondiff(f)
        assert type(f(x)) is not tg.Tensor


def test_a_function_without_any_rule_is_not_differentiable():
    with pytest.raises(ValueError, match=r"defvjp\(np\.sign\): expected a rule; defnondiff declares"):
        tg.defvjp(np.sign, None)


def test_functions_have_the_names_that_a_reader_gives_them():
    assert [registry.name_of(f) for f in (np.tanh, np.sum, len)] == ["np.tanh", "np.sum", "len"]


def test_a_function_is_in_one_of_the_three_tables():
    vjps, constants, composites = set(registry.vjps), registry.constants, set(registry.composites)
    assert not vjps & constants
    assert not vjps & composites
    assert not constants & composites
