"""Products of vectors, matrices and stacks of them: matmul, dot, outer, cross, kron, tensordot, and traces."""

import math
import operator

import numpy as np
from numpy.lib.array_utils import normalize_axis_tuple

from ..core.registry import defcomposite, defvjp

# ---- matmul, for every rank; the engine sums over broadcast stacks


def _matmul_left(g, ans, x, y, *, axes=None):
    if axes is not None:
        return _apply_in_axes(axes, _matmul_left, 0, g, x, y)
    if x.ndim >= 2 and y.ndim >= 2:
        return np.matmul(g, y.mT)
    if y.ndim == 1:  # (..., n, k) @ (k,) -> (..., n), and (k,) @ (k,) -> ()
        return np.expand_dims(g, -1) * y if x.ndim >= 2 else g * y
    return np.matmul(y, np.expand_dims(g, -1))[..., 0]  # (n,) @ (..., n, k) -> (..., k)


def _matmul_right(g, ans, x, y, *, axes=None):
    if axes is not None:
        return _apply_in_axes(axes, _matmul_right, 1, g, x, y)
    if x.ndim >= 2 and y.ndim >= 2:
        return np.matmul(x.mT, g)
    if x.ndim == 1:  # (n,) @ (..., n, k) -> (..., k), and (n,) @ (n,) -> ()
        return np.expand_dims(x, -1) * np.expand_dims(g, -2) if y.ndim >= 2 else g * x
    return np.matmul(np.expand_dims(g, -2), x)[..., 0, :]  # (..., n, k) @ (k,) -> (..., n)


def _apply_in_axes(axes, rule, argnum, g, x, y):
    """Apply `rule`, which takes vectors and matrices in the last axes, to arrays that have them in `axes`."""
    places = [(axis,) if isinstance(axis, (int, np.integer)) else tuple(axis) for axis in axes]
    places += [()] * (3 - len(places))  # NumPy allows to omit an output without axes
    last = [tuple(range(-len(place), 0)) for place in places]
    x, y, g = (np.moveaxis(z, *move) for z, *move in zip((x, y, g), places, last, strict=True))
    ndim = (x, y)[argnum].ndim
    home = tuple(axis - ndim if axis >= 0 else axis for axis in places[argnum])  # stacks may be broadcast in front
    return np.moveaxis(rule(g, None, x, y), last[argnum], home)


defvjp(np.matmul, _matmul_left, _matmul_right)

# ---- the other products of stacks, some of which conjugate a complex argument


def _column(x):
    return np.expand_dims(x, -1)


def _row(x):
    return np.expand_dims(x, -2)


def _with_axes(argnum, rule):
    """Make a rule of a ufunc with `axes` and `axis` from `rule(g, x, y)` for the last axes."""

    def rule_along_axes(g, ans, x, y, *, axes=None, axis=None, keepdims=False):
        if axis is not None or (keepdims and axes is None):
            axis = -1 if axis is None else axis
            axes = [axis, axis, axis if keepdims else ()]
        if keepdims:
            g = np.squeeze(g, axes[2] if len(axes) > 2 else -1)
            axes = [*axes[:2], ()]
        if axes is None:
            return rule(g, x, y)
        return _apply_in_axes(axes, lambda g, ans, x, y: rule(g, x, y), argnum, g, x, y)

    return rule_along_axes


def _products(function, left, right):
    defvjp(function, _with_axes(0, left), _with_axes(1, right))


_products(
    np.vecdot,
    lambda g, x, y: np.conj(_column(g) * y),
    lambda g, x, y: _column(g) * np.conj(x),
)
_products(
    np.matvec,
    lambda g, x, y: _column(g) * _row(y),
    lambda g, x, y: np.matmul(x.mT, _column(g))[..., 0],
)
_products(
    np.vecmat,
    lambda g, x, y: np.conj(np.matmul(y, _column(g))[..., 0]),
    lambda g, x, y: _column(np.conj(x)) * _row(g),
)

# ---- the cross product: its cotangents are cross products again


def _cross_left(g, ans, a, b, axisa=-1, axisb=-1, axisc=-1, axis=None):
    if axis is not None:
        axisa = axisb = axisc = axis
    return np.cross(_in_space(b, axisb), g, axisb, axisc, _from_the_end(_in_space(a, axisa), axisa))


def _cross_right(g, ans, a, b, axisa=-1, axisb=-1, axisc=-1, axis=None):
    if axis is not None:
        axisa = axisb = axisc = axis
    return np.cross(g, _in_space(a, axisa), axisc, axisa, _from_the_end(_in_space(b, axisb), axisb))


def _in_space(x, axis):
    if x.shape[axis] == 2:
        raise TypeError(
            "np.cross of vectors of 2 numbers, which NumPy has deprecated, has no derivative rule: write "
            "x[..., 0] * y[..., 1] - x[..., 1] * y[..., 0], or append a 0 to each."
        )
    return x


def _from_the_end(x, axis):
    return axis - x.ndim if axis >= 0 else axis  # other axes may be broadcast in front of `x`


defvjp(np.cross, _cross_left, _cross_right)

# ---- the trace


def _trace_vjp(g, ans, a, offset=0, axis1=0, axis2=1, dtype=None, out=None):
    ones = np.eye(a.shape[axis1], a.shape[axis2], offset, dtype=ans.dtype)
    return np.moveaxis(np.expand_dims(g, (-2, -1)) * ones, (-2, -1), (axis1, axis2))


defvjp(np.trace, _trace_vjp)

# ---- composite products


def _kron(a, b):
    ndim = max(np.ndim(a), np.ndim(b))
    a_shape, b_shape = ((1,) * (ndim - np.ndim(z)) + np.shape(z) for z in (a, b))
    blocks = np.expand_dims(np.reshape(a, a_shape), tuple(range(1, 2 * ndim, 2)))
    block = np.expand_dims(np.reshape(b, b_shape), tuple(range(0, 2 * ndim, 2)))
    return np.reshape(np.multiply(blocks, block), tuple(m * n for m, n in zip(a_shape, b_shape, strict=True)))


def _multi_dot(arrays):
    """Multiply matrices in the order with the fewest scalar multiplications."""
    ndims = [np.ndim(array) for array in arrays]
    if len(arrays) < 2 or not {ndims[0], ndims[-1]} <= {1, 2} or any(ndim != 2 for ndim in ndims[1:-1]):
        raise ValueError(
            f"np.linalg.multi_dot: expected at least two matrices, where the first and the last may be vectors, got "
            f"arrays of {ndims} axes."
        )
    sides = [1 if ndims[0] == 1 else np.shape(arrays[0])[0], *(np.shape(array)[-1] for array in arrays)]
    sides[-1] = 1 if ndims[-1] == 1 else sides[-1]
    sides[-2] = np.shape(arrays[-1])[0]

    best = {(i, i + 1): (0, i) for i in range(len(arrays))}  # (start, stop) -> cost, and the split
    for length in range(2, len(arrays) + 1):
        for start in range(len(arrays) - length + 1):
            stop = start + length
            best[start, stop] = min(
                (best[start, i][0] + best[i, stop][0] + sides[start] * sides[i] * sides[stop], i)
                for i in range(start + 1, stop)
            )
    return _product(arrays, best, 0, len(arrays))


def _product(arrays, best, start, stop):
    if stop - start == 1:
        return arrays[start]
    split = best[start, stop][1]
    return np.matmul(_product(arrays, best, start, split), _product(arrays, best, split, stop))


def _matrix_power(a, n):
    n = operator.index(n)
    if n < 0:
        return _matrix_power(np.linalg.inv(a), -n)
    if n == 0:  # constant, with the shape of a
        return np.where(True, np.eye(np.shape(a)[-1], dtype=a.dtype), a)
    if n == 1:
        return a
    half = _matrix_power(a, n // 2)
    square = np.matmul(half, half)
    return np.matmul(square, a) if n % 2 else square

def _dot(x, y):
    if np.ndim(x) == 0 or np.ndim(y) == 0:
        return np.multiply(x, y)
    if np.ndim(x) <= 2 and np.ndim(y) <= 2:
        return np.matmul(x, y)
    return _tensordot(x, y, ((np.ndim(x) - 1,), (max(np.ndim(y) - 2, 0),)))


def _outer(x, y):
    return np.multiply(np.reshape(x, (-1, 1)), np.reshape(y, (1, -1)))


def _tensordot(x, y, axes=2):
    if isinstance(axes, (int, np.integer)):
        axes = (range(np.ndim(x) - axes, np.ndim(x)), range(axes))
    x_axes, y_axes = (list(normalize_axis_tuple(of, np.ndim(z))) for z, of in zip((x, y), axes, strict=True))
    x_free = [i for i in range(np.ndim(x)) if i not in x_axes]
    y_free = [i for i in range(np.ndim(y)) if i not in y_axes]
    summed = [np.shape(x)[i] for i in x_axes]
    if summed != [np.shape(y)[i] for i in y_axes]:
        raise ValueError(f"np.tensordot: axes {x_axes} of {np.shape(x)} don't fit axes {y_axes} of {np.shape(y)}.")
    x_shape, y_shape = [np.shape(x)[i] for i in x_free], [np.shape(y)[i] for i in y_free]
    left = np.reshape(np.transpose(x, x_free + x_axes), (math.prod(x_shape), math.prod(summed)))
    right = np.reshape(np.transpose(y, y_axes + y_free), (math.prod(summed), math.prod(y_shape)))
    return np.reshape(np.matmul(left, right), x_shape + y_shape)


defcomposite(np.dot, _dot)
defcomposite(np.inner, lambda a, b, /: np.tensordot(a, b, (-1, -1)) if np.ndim(a) and np.ndim(b) else np.multiply(a, b))
defcomposite(np.vdot, lambda a, b, /: np.vecdot(np.ravel(a), np.ravel(b)))
defcomposite(np.outer, _outer)
defcomposite(np.kron, _kron)
defcomposite(np.tensordot, _tensordot)
defcomposite(np.linalg.multi_dot, _multi_dot)
defcomposite(np.linalg.matrix_power, _matrix_power)

# ---- the same functions in np.linalg, some of them for fewer ranks


def _linalg_cross(x1, x2, /, *, axis=-1):
    lengths = [np.shape(x)[axis] for x in (x1, x2)]
    if lengths != [3, 3]:
        raise ValueError(f"np.linalg.cross: expected vectors of 3 numbers along axis {axis}, got {lengths}.")
    return np.cross(x1, x2, axis=axis)


def _linalg_outer(x1, x2, /):
    if np.ndim(x1) != 1 or np.ndim(x2) != 1:
        raise ValueError(f"np.linalg.outer: expected two vectors, got shapes {np.shape(x1)} and {np.shape(x2)}.")
    return np.outer(x1, x2)


defcomposite(np.linalg.cross, _linalg_cross)
defcomposite(np.linalg.outer, _linalg_outer)
defcomposite(np.linalg.matmul, lambda x1, x2, /: np.matmul(x1, x2))
defcomposite(np.linalg.tensordot, lambda x1, x2, /, *, axes=2: np.tensordot(x1, x2, axes))
defcomposite(np.linalg.vecdot, lambda x1, x2, /, *, axis=-1: np.vecdot(x1, x2, axis=axis))  # type: ignore[call-overload]
defcomposite(np.linalg.matrix_transpose, lambda x, /: np.matrix_transpose(x))
defcomposite(np.linalg.diagonal, lambda x, /, *, offset=0: np.diagonal(x, offset, -2, -1))
defcomposite(np.linalg.trace, lambda x, /, *, offset=0, dtype=None: np.trace(x, offset, -2, -1, dtype))
