"""Functions whose derivative is zero wherever it exists give NumPy's plain values."""

import functools

import numpy as np
import pytest

import tinygrad_dl as tg
from tests.rules.test_every_rule import is_covered
from tinygrad_dl.core import primitives, registry

CONSTANTS = sorted(filter(is_covered, registry.constants), key=registry.name_of)


def dispatches(function):
    """Whether NumPy gives the call of `function` to a Tensor among its arguments."""
    of_ufunc = isinstance(getattr(function, "__self__", function), np.ufunc)
    return of_ufunc or hasattr(function, "_implementation") or function in primitives.on_arrays


OTHER = np.array([0.2, 0.7, 3.0])


SPECIAL = {  # arguments beside an array of floats
    np.floor_divide: (2.0,),
    np.argpartition: (1,),
    np.can_cast: (np.float64,),
    np.searchsorted: (0.7,),
    np.digitize: (np.array([0.0, 1.0]),),
    np.min_scalar_type: (),
}


TWO = "isin equal not_equal less less_equal greater greater_equal array_equal array_equiv isclose allclose logical_and"


TWO += " logical_or logical_xor may_share_memory shares_memory in1d"


SPECIAL |= {getattr(np, name): (OTHER,) for name in TWO.split() if hasattr(np, name)}


WHOLE = {  # arguments beside an array of integers
    np.unravel_index: ((2, 3),),
    np.ravel_multi_index: ((2, 3, 4),),
}


ONE_WHOLE = "bitwise_count bitwise_invert bitwise_not invert packbits unpackbits"


TWO_WHOLE = "bitwise_and bitwise_or bitwise_xor bitwise_left_shift bitwise_right_shift left_shift right_shift gcd lcm"


WHOLE |= {getattr(np, name): () for name in ONE_WHOLE.split()}


WHOLE |= {getattr(np, name): (2,) for name in TWO_WHOLE.split()}


SQUARE = {np.diag_indices_from, np.tril_indices_from, np.triu_indices_from, np.linalg.matrix_rank}


OF_DATES = {np.isnat, np.busday_count, np.busday_offset, np.is_busday, np.datetime_as_string}  # which no Tensor holds


OF_METHOD = {"outer": (3,), "reduceat": ([0, 1],)}


def constant_arguments(function):
    """What a constant `function` may be called with: an array, and what stands beside it."""
    owner = getattr(function, "__self__", None)
    whole = function in WHOLE or owner in WHOLE
    x = np.array([1, 2, 1], np.uint8) if whole else np.eye(3) if function in SQUARE else np.array([0.2, 0.7, 1.9])
    if isinstance(owner, np.ufunc):
        return x > 1 if "dd->d" not in owner.types and not whole else x, *OF_METHOD.get(function.__name__, ())
    return x, *(WHOLE if whole else SPECIAL).get(function, ())


@pytest.mark.filterwarnings("ignore:.*is deprecated:DeprecationWarning")  # np.fix in 2.5, np.in1d before 2.4
@pytest.mark.parametrize("function", [*filter(dispatches, CONSTANTS)], ids=registry.name_of)
def test_a_constant_function_of_tensors_gives_the_plain_values_of_numpy(function):
    if function in OF_DATES:
        pytest.skip("takes no numbers")
    x, *args = constant_arguments(function)
    if function is np.einsum_path:
        function = functools.partial(np.einsum_path, "i,j", OTHER)
    expected = function(x, *args)
    for tensor in (tg.Tensor(x), tg.parameter(x)) if x.dtype.kind == "f" else (tg.Tensor(x),):
        actual = function(tensor, *args)
        assert type(actual) is type(expected)
        if function is not np.empty_like:  # whose values are whatever was there
            np.testing.assert_equal(actual, expected)
