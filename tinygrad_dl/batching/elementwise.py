"""Batching rules of elementwise functions and ufuncs: batched arrays broadcast against unbatched ones."""

import functools
from typing import Any

import numpy as np

from .. import _functions
from ..core import primitives
from ..guards.numpy_warnings import Computing, at_the_users_line
from .batched import CannotBatch, Level, rules

_computing = Computing(globals())


def rank(x: Any) -> int:
    """Return the number of axes of an array, a list or a tuple; 0 for other arguments."""
    ndim = getattr(x, "ndim", None)
    return ndim if isinstance(ndim, int) else np.ndim(x) if type(x) in (list, tuple) else 0


@_computing
def _elementwise(function):
    def rule(level: Level, *args, **kwargs):
        ndim = max(map(rank, (*args, *kwargs.values())))
        args = tuple(level.align(x, ndim) for x in args)
        kwargs = {keyword: level.align(x, ndim) for keyword, x in kwargs.items()}
        try:
            result = function(*args, **kwargs)
        except TypeError as error:
            result = at_the_users_line(error, function, args, kwargs)
        return level.wrap(result)

    return rule


@functools.cache
def _of_ufunc(ufunc):
    """Make the rule of a ufunc; for those with a signature see `_stacking`."""
    return _elementwise(ufunc) if ufunc.signature is None else _stacking(ufunc)


@_computing
def _stacking(gufunc):
    """Make the rule of a ufunc with a signature such as `(m,n),(n)->(m)`, which broadcasts the axes before those."""
    cores = [len(core.split(",")) if core else 0 for core in gufunc.signature.split("->")[0][1:-1].split("),(")]

    def rule(level: Level, *args, **kwargs):
        if kwargs.keys() & {"axis", "axes", "keepdims"}:
            raise CannotBatch("expected no axis, axes or keepdims")
        if any(rank(x) < core for x, core in zip(args, cores, strict=True)):
            raise CannotBatch("expected at least as many axes as the signature has")
        loops = max(rank(x) - core for x, core in zip(args, cores, strict=True))
        args = tuple(level.align(x, loops + core) for x, core in zip(args, cores, strict=True))
        try:
            result = gufunc(*args, **kwargs)
        except TypeError as error:
            result = at_the_users_line(error, gufunc, args, kwargs)
        return level.wrap(result)

    return rule


rules[np.ufunc] = _of_ufunc

NAMES = (
    "where clip real imag angle real_if_close nan_to_num sinc i0 round around fix sign copy isclose iscomplex isreal"
)
NAMES += " isposinf isneginf"

OURS = "masked sigmoid softplus log_above_0 widened"

for _function in (
    *(getattr(np, name) for name in NAMES.split()),
    *(getattr(_functions, name) for name in OURS.split()),
    primitives.identity,
    primitives.astype,
):
    rules[_function] = _elementwise(_function)


def _where(level: Level, condition, *branches):
    if not branches:
        raise CannotBatch("np.where of one argument returns a different shape for each sample")
    return _elementwise(np.where)(level, condition, *branches)


def _full_like(level: Level, a, fill_value, **kwargs):
    if kwargs.get("shape") is not None:
        raise CannotBatch("expected no shape=")
    if rank(fill_value) > rank(a):
        raise CannotBatch("expected a fill_value that broadcasts")
    like = a._value if level.is_batched(a) else np.broadcast_to(a, (level.size, *np.shape(a)))
    return level.wrap(np.full_like(like, level.align(fill_value, rank(a)), **kwargs))


def _filled_like(function):
    def rule(level: Level, a, *args, **kwargs):
        if len(args) > 2 or kwargs.get("shape") is not None:
            raise CannotBatch("expected no shape=")
        return level.wrap(function(a._value, *args, **kwargs))

    return rule


rules[np.where], rules[np.full_like] = _where, _full_like
for _function in (np.zeros_like, np.ones_like, np.empty_like):
    rules[_function] = _filled_like(_function)

# ---- properties of an array, which are the same for all samples

rules[np.shape] = lambda level, a: a.shape
rules[np.ndim] = lambda level, a: a.ndim
rules[np.size] = lambda level, a, axis=None: a.size if axis is None else a.shape[axis]
for _function in (np.iscomplexobj, np.isrealobj):
    rules[_function] = lambda level, x, function=_function: function(x._value)


def _of_dtypes(function):
    def rule(level: Level, *args):
        return function(*[x.dtype if level.is_batched(x) else x for x in args])

    return rule


for _function in (np.result_type, np.can_cast, np.min_scalar_type, np.common_type):
    rules[_function] = _of_dtypes(_function)

rules[np.allclose] = lambda level, a, b, **kwargs: np.all(np.isclose(a, b, **kwargs))
rules[np.array_equal] = lambda level, a, b: np.all(np.equal(a, b)) if np.shape(a) == np.shape(b) else False

_computing.complete()
