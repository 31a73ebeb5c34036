"""Errors of calls without a derivative rule: they name the function, the argument, and the way out."""

import pytest

import tinygrad_dl as tg
from tinygrad_dl.core import registry


def test_a_primitive_without_a_rule_names_the_way_out():
    @tg.primitive
    def mystery(x):
        return x

    with pytest.raises(TypeError, match=r"no derivative rule for mystery\. Give it one with tg\.defvjp\(mystery, "):
        mystery(tg.parameter(1.0))


def test_an_argument_beyond_the_rules_is_named():
    @tg.primitive
    def f(x, y):
        return x * y

    tg.defvjp(f, lambda g, ans, x, y: g * y)
    assert tg.grad(lambda x: f(x, 3.0))(2.0) == 3.0
    with pytest.raises(TypeError, match=r"argument 1 of f \(the first is 0\)"):
        f(2.0, tg.parameter(1.0))


def test_a_keyword_that_the_rules_do_not_take_is_named():
    @tg.primitive
    def f(x, twice=False):
        return x * (2 if twice else 1)

    tg.defvjp(f, lambda g, ans, x: g)
    with pytest.raises(TypeError, match=r"f has no derivative rule for calls with twice=: leave it out, or"):
        f(tg.parameter(1.0), twice=True)
    assert f(tg.Tensor(1.0), twice=True).item() == 2.0


def test_more_positional_arguments_than_the_rules_take_are_counted():
    @tg.primitive
    def f(x, twice=False, thrice=False):
        return x * (1 + twice + thrice)

    tg.defvjp(f, lambda g, ans, x: g)
    with pytest.raises(TypeError, match=r"f has no derivative rule for calls with 3 positional arguments"):
        f(tg.parameter(1.0), True, True)


@pytest.mark.parametrize("name", ["expm1", "log1p", "cbrt", "i0"])
def test_a_namesake_in_another_library_is_not_taken_for_numpys(name):
    special = pytest.importorskip("scipy.special")
    assert registry.name_of(getattr(special, name)) == name
    with pytest.raises(TypeError, match=rf"^{name} of another library than NumPy has no .* write np\.{name}"):
        tg.grad(getattr(special, name))(0.5)
