"""`tg.primitives`: one function a name."""

import numpy as np
import pytest

import tinygrad_dl as tg
from tinygrad_dl import _functions
from tinygrad_dl.core import primitives

NAMES = {name for name in vars(tg.primitives) if name[0] != "_"}


def test_a_name_of_the_module_is_one_function_in_the_whole_package():
    assert tg.primitive is tg.primitives.primitive
    assert {"set_at", "add_at", "getitem", "put_along_axis", "scatter_add", "values"} <= NAMES
    for name in NAMES - {"primitive"}:
        assert getattr(tg.primitives, name) is getattr(_functions if hasattr(_functions, name) else primitives, name)
    for module in (primitives, _functions):
        for name in set(tg.__all__) & set(vars(module)):
            assert getattr(tg, name) is getattr(module, name), name


@pytest.mark.parametrize("name", sorted(NAMES - {"primitive"}))
def test_each_primitive_dispatches_on_its_arguments(name):
    assert getattr(tg.primitives, name) in primitives.on_arrays


def test_a_primitive_of_the_user_is_isolated_under_both_names():
    @tg.primitives.primitive
    def careless(x):
        x *= 2
        return x

    tg.defvjp(careless, lambda g, ans, x: 2 * g)
    with pytest.raises(ValueError, match="careless changes an array in place"):
        careless(tg.parameter(np.ones(2)))
