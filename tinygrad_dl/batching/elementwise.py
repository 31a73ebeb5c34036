"""Functions that act on each element, ufuncs among them: samples broadcast against what is not batched."""

import functools
from typing import Any

import numpy as np

from ..core import primitives
from ..core.numpy_warnings import Computing, at_the_users_line
from .batched import Level, NotAtOnce, rules

_computing = Computing(globals())


def rank(x: Any) -> int:
    """How many axes an argument has, if it is an array."""
    ndim = getattr(x, "ndim", None)
    return ndim if isinstance(ndim, int) else np.ndim(x) if type(x) in (list, tuple) else 0


@_computing
def _elementwise(function):
    def rule(level: Level, *args, **kwargs):
        ndim = max(map(rank, (*args, *kwargs.values())))
        args = tuple(level.aligned(x, ndim) for x in args)
        kwargs = {keyword: level.aligned(x, ndim) for keyword, x in kwargs.items()}
        try:
            result = function(*args, **kwargs)
        except TypeError as error:
            result = at_the_users_line(error, function, args, kwargs)
        return level.wrapped(result)

    return rule


@functools.cache
def _of_ufunc(ufunc):
    """The rule for a ufunc; for one of whole rows or matrices see `products`."""
    return _elementwise(ufunc) if ufunc.signature is None else _stacking(ufunc)


@_computing
def _stacking(gufunc):
    """A ufunc with a signature such as `(m,n),(n)->(m)`: it takes stacks of what it says, aligned from the right."""
    cores = [len(core.split(",")) if core else 0 for core in gufunc.signature.split("->")[0][1:-1].split("),(")]

    def rule(level: Level, *args, **kwargs):
        if kwargs.keys() & {"axis", "axes", "keepdims"}:
            raise NotAtOnce("with axes")
        if any(rank(x) < core for x, core in zip(args, cores, strict=True)):
            raise NotAtOnce("with fewer axes than the signature has")
        loops = max(rank(x) - core for x, core in zip(args, cores, strict=True))
        args = tuple(level.aligned(x, loops + core) for x, core in zip(args, cores, strict=True))
        try:
            result = gufunc(*args, **kwargs)
        except TypeError as error:
            result = at_the_users_line(error, gufunc, args, kwargs)
        return level.wrapped(result)

    return rule


rules[np.ufunc] = _of_ufunc

NAMES = (
    "where clip real imag angle real_if_close nan_to_num sinc i0 round around fix sign copy isclose iscomplex isreal"
)
NAMES += " isposinf isneginf"

for _function in (*(getattr(np, name) for name in NAMES.split()), primitives.identity, primitives.astype):
    rules[_function] = _elementwise(_function)


def _where(level: Level, condition, *branches):
    if not branches:
        raise NotAtOnce("of one argument, whose result has another shape for each sample")
    return _elementwise(np.where)(level, condition, *branches)


def _full_like(level: Level, a, fill_value, **kwargs):
    if kwargs.get("shape") is not None:
        raise NotAtOnce("with shape=")
    if rank(fill_value) > rank(a):
        raise NotAtOnce("of values that don't broadcast")
    like = a._value if level.has(a) else np.broadcast_to(a, (level.size, *np.shape(a)))
    return level.wrapped(np.full_like(like, level.aligned(fill_value, rank(a)), **kwargs))


def _filled_like(function):
    def rule(level: Level, a, *args, **kwargs):
        if len(args) > 2 or kwargs.get("shape") is not None:
            raise NotAtOnce("with shape=")
        return level.wrapped(function(a._value, *args, **kwargs))

    return rule


rules[np.where], rules[np.full_like] = _where, _full_like
for _function in (np.zeros_like, np.ones_like, np.empty_like):
    rules[_function] = _filled_like(_function)

# ---- what is asked about an array, and is the same for all samples

rules[np.shape] = lambda level, a: a.shape
rules[np.ndim] = lambda level, a: a.ndim
rules[np.size] = lambda level, a, axis=None: a.size if axis is None else a.shape[axis]
for _function in (np.iscomplexobj, np.isrealobj):
    rules[_function] = lambda level, x, function=_function: function(x._value)


def _of_dtypes(function):
    def rule(level: Level, *args):
        return function(*[x.dtype if level.has(x) else x for x in args])

    return rule


for _function in (np.result_type, np.can_cast, np.min_scalar_type, np.common_type):
    rules[_function] = _of_dtypes(_function)

rules[np.allclose] = lambda level, a, b, **kwargs: np.all(np.isclose(a, b, **kwargs))
rules[np.array_equal] = lambda level, a, b: np.all(np.equal(a, b)) if np.shape(a) == np.shape(b) else False

_computing.complete()
