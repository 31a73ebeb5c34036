"""A tracked Tensor as any argument of any function of NumPy: its derivative is right, or it is refused in words.

The calls are those of the coverage table, on plain arrays; then each number in them, and each keyword that takes one,
becomes a tracked Tensor: alone, and beside others.
"""

import inspect
import warnings

import numpy as np
import pytest

import tinygrad_dl as tg
from tests.coverage.examples import CASES
from tinygrad_dl import pytree
from tinygrad_dl.core import registry
from tinygrad_dl.coverage.numpy_functions import public_functions

STEP = 1e-6
LEFT_OUT = {  # files and text; null spaces have any basis; np.bmat of an array is None; ord is compared with 1 and 2
    *("np.save", "np.savez", "np.savez_compressed", "np.savetxt", "np.info", "np.show_config", "np.show_runtime"),
    *("np.get_include", "np.nested_iters"),
    *("np.linalg.svd", "np.bmat", "np.linalg.norm", "np.linalg.vector_norm"),
}
UNTRIED = {
    "dtype",
    "out",
    "order",
    "subok",
    "like",
    "device",
    "casting",
    "signature",
    "copy",
    "axis",
    "axes",
    "keepdims",
}


class Met(Exception):
    """Raised with the first call of a function that dispatches."""


class Probe:
    """An array that stops at the first function of NumPy that it meets."""

    def __init__(self, array):
        self.array = array
        self.shape, self.dtype, self.ndim, self.size = array.shape, array.dtype, array.ndim, array.size

    def __array_ufunc__(self, ufunc, method, *args, **kwargs):
        raise Met(ufunc if method == "__call__" else getattr(ufunc, method), args, kwargs)

    def __array_function__(self, function, types, args, kwargs):
        raise Met(function, args, kwargs)


def plain(value):
    if isinstance(value, Probe):
        return value.array
    return type(value)(map(plain, value)) if type(value) in (list, tuple) else value


def calls():
    """Calls with positional arguments and keywords, by function: of the coverage table, and of one array."""
    found = {}
    for case in CASES:
        try:
            case.call(*map(Probe, case.arrays()))
        except Met as met:
            function, args, kwargs = met.args
            if not isinstance(function, str):
                found.setdefault(function, []).append((plain(args), {k: plain(v) for k, v in kwargs.items()}))
        except Exception:  # it needs an array
            continue
    arrays = np.array([0.3, 1.2, 0.7]), np.array([[0.3, 1.2], [0.7, 2.4]])
    for one in public_functions():
        found.setdefault(one.function, [((array,), {}) for array in arrays])
    return {f: found[f] for f in found if registry.name_of(f) not in LEFT_OUT and hasattr(f, "__name__")}


CALLS = calls()


def places(value, path=()):
    """Where numbers are among the arguments of a call."""
    if isinstance(value, dict):
        value = value.items()
    elif isinstance(value, (list, tuple)):
        value = enumerate(value)
    elif isinstance(value, (float, int)) and not isinstance(value, bool):
        yield path, float(value)
        return
    else:
        if isinstance(value, np.ndarray) and value.dtype.kind == "f" and value.size:
            yield path, value
        return
    for key, part in value:
        yield from places(part, (*path, key))


def replaced(value, path, new):
    if not path:
        return new
    if isinstance(value, dict):
        return {**value, path[0]: replaced(value.get(path[0]), path[1:], new)}
    parts = list(value)
    parts[path[0]] = replaced(parts[path[0]], path[1:], new)
    return type(value)(parts)


def variants(function, args, kwargs):
    """The call with more keywords that take a number, as far as NumPy tells which there are."""
    yield kwargs
    try:
        parameters = inspect.signature(function).parameters
        given = inspect.signature(function).bind(*args, **kwargs).arguments
    except (ValueError, TypeError):
        parameters, given = dict.fromkeys(["initial", "where"]), {}
    for name in parameters:
        if name not in given and name not in UNTRIED and name not in ("args", "kwargs"):
            yield {**kwargs, name: 0.75}


def tried(call, added):
    """Each place in a call, its value, and the call: as it is, and with Tensors for the other arrays of floats."""
    found = list(places(call))
    for path, value in found:
        if path[1] in added or not added:
            yield path, value, call
            beside = call
            for other, array in found:
                if other != path and isinstance(array, np.ndarray):
                    beside = replaced(beside, other, tg.parameter(array))
            if beside is not call:
                yield path, value, beside


def weighted(result):
    """A number that depends on all that a function gave."""
    rng, total = np.random.default_rng(0), 0.0
    for y in pytree.leaves(result):
        y = y if type(y) is tg.Tensor else np.asarray(y)
        w = rng.uniform(0.5, 1.5, (2, *y.shape))
        total = total + np.sum(np.real(y) * w[0]) + np.sum(np.imag(y) * w[1])
    return total


def slope(f, x):
    """The derivative of `weighted(f(x))`, for all of `x` moved alike; None where it has none, or takes no floats."""
    try:
        a, b, c, d = (weighted(f(x + k * STEP)) for k in (-2, -1, 1, 2))
        one, two = (c - b) / (2 * STEP), (d - a) / (4 * STEP)
        return float(one) if abs(one - two) <= 1e-4 * (1 + abs(one)) else None  # nan is not
    except Exception:
        return None


def derivative(f, x):
    """The same by backward; None if a call is refused."""
    tensor = tg.parameter(np.array(x))
    try:
        total = weighted(f(tensor))
        return float(np.sum(tg.gradients(total, tensor))) if type(total) is tg.Tensor and total.requires_grad else 0.0
    except (TypeError, ValueError, AttributeError, np.linalg.LinAlgError):
        return None


def wrong(function):
    for args, kwargs in CALLS[function]:
        for more in variants(function, args, kwargs):
            for path, value, beside in tried((list(args), more), added=more.keys() - kwargs.keys()):

                def f(x, path=path, call=beside):
                    args, kwargs = replaced(call, path, x)
                    return function(*args, **kwargs)

                with warnings.catch_warnings(), np.errstate(all="ignore"):
                    warnings.simplefilter("ignore")
                    expected = slope(f, value)
                    if expected is None:
                        continue
                    found = derivative(f, value)
                if found is not None and not abs(found - expected) <= 1e-3 * (1 + abs(expected)):
                    yield args, more, path, found, expected


@pytest.mark.parametrize("function", CALLS, ids=registry.name_of)
def test_a_tensor_as_any_argument_has_the_right_derivative_or_is_refused(function):
    assert not list(wrong(function))
