"""Functions that reduce axes: sum, mean, max, min, prod, var, std."""

import numpy as np

from ..registry import defvjp


def _spread(g, x, axis, keepdims):
    """The inverse of a reduction's shape: `g`, or an answer, repeated along the reduced axes of `x`."""
    if axis is not None and not keepdims and x.ndim:  # NumPy lets a 0-d array have an axis 0
        g = np.expand_dims(g, axis)
    return np.broadcast_to(g, x.shape)


def _count(x, ans):
    """How many elements of `x` go into one of `ans`."""
    return x.size // max(ans.size, 1)


def _mean_vjp(g, ans, x, axis=None, dtype=None, out=None, keepdims=False):
    return _spread(g / _count(x, ans), x, axis, keepdims)


def _extremum_vjp(g, ans, x, axis=None, out=None, keepdims=False):
    tied = np.equal(x, _spread(ans, x, axis, keepdims))
    ties = np.sum(tied, axis=axis, keepdims=keepdims, dtype=ans.dtype)
    return _spread(g / ties, x, axis, keepdims) * tied


def _deviation(x, axis):
    deviation = x - np.mean(x, axis=axis, keepdims=True)
    return np.conjugate(deviation) if np.iscomplexobj(x) else deviation  # the variance is the mean of |deviation|**2


def _var_vjp(g, ans, x, axis=None, dtype=None, out=None, ddof=0, keepdims=False):
    return _spread(2 * g / (_count(x, ans) - ddof), x, axis, keepdims) * _deviation(x, axis)


def _std_vjp(g, ans, x, axis=None, dtype=None, out=None, ddof=0, keepdims=False):
    safe = np.where(ans == 0, 1, ans) * (_count(x, ans) - ddof)  # of a constant, 0 / 0 becomes 0
    return _spread(g / safe, x, axis, keepdims) * _deviation(x, axis)


def _prod_vjp(g, ans, x, axis=None, dtype=None, out=None, keepdims=False):
    return _spread(g, x, axis, keepdims) * _products_of_others(x, axis)


def _products_of_others(x, axis):
    """For each element the product of all others along `axis`: by multiplication alone, so that zeros are no trouble.

    A tree of pairwise products, up and down: the others of an element are the others of its pair, and its twin.
    """
    if x.size == 0:
        return np.ones_like(x)
    axes = tuple(range(x.ndim)) if axis is None else axis if isinstance(axis, tuple) else (axis,)
    axes = tuple(i % x.ndim for i in axes)
    order = axes + tuple(i for i in range(x.ndim) if i not in axes)
    factors = np.transpose(x, order)
    moved_shape = factors.shape
    level = np.reshape(factors, (int(np.prod(moved_shape[: len(axes)])), -1))
    twins = []
    while len(level) > 1:
        if len(level) % 2:
            level = np.concatenate([level, np.ones_like(level[:1])])
        pairs = np.reshape(level, (len(level) // 2, 2, -1))
        twins.append(pairs[:, ::-1])
        level = pairs[:, 0] * pairs[:, 1]
    others = np.ones_like(level)
    for twin in reversed(twins):
        others = np.expand_dims(others[: len(twin)], 1) * twin
        others = np.reshape(others, (2 * len(twin), -1))
    others = np.reshape(others[: factors.size // max(others.shape[1], 1)], moved_shape)
    return np.transpose(others, np.argsort(order))


defvjp(np.sum, lambda g, ans, x, axis=None, dtype=None, out=None, keepdims=False: _spread(g, x, axis, keepdims))
defvjp(np.mean, _mean_vjp)
defvjp(np.max, _extremum_vjp)
defvjp(np.min, _extremum_vjp)
defvjp(np.amax, _extremum_vjp)
defvjp(np.amin, _extremum_vjp)
defvjp(np.prod, _prod_vjp)
defvjp(np.var, _var_vjp)
defvjp(np.std, _std_vjp)
