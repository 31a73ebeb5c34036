"""Functions that change the shape or order of elements: the derivative of each is its inverse."""

from typing import Literal

import numpy as np
from numpy.lib.array_utils import normalize_axis_index

from ..core.registry import defcomposite, defvjp
from ._shapes import as_array, broadcast_along

# ---- axes


def _reshape_vjp(g, ans, x, shape, order: Literal["C", "F"] = "C", *, copy=None):
    return np.reshape(g, x.shape, order=order)


def _inverse_permutation(axes):
    if axes is None:
        return None
    axes = (axes,) if np.ndim(axes) == 0 else axes  # NumPy accepts one axis for a vector
    return np.argsort([axis % len(axes) for axis in axes])


defvjp(np.reshape,          _reshape_vjp)
defvjp(np.expand_dims,      lambda g, ans, x, axis: np.reshape(g, x.shape))
defvjp(np.squeeze,          lambda g, ans, x, axis=None: np.reshape(g, x.shape))
defvjp(np.transpose,        lambda g, ans, x, axes=None: np.transpose(g, _inverse_permutation(axes)))
defvjp(np.swapaxes,         lambda g, ans, x, axis1, axis2: np.swapaxes(g, axis1, axis2))
defvjp(np.moveaxis,         lambda g, ans, x, source, destination: np.moveaxis(g, destination, source))
defvjp(np.matrix_transpose, lambda g, ans, x: np.swapaxes(g, -1, -2))
defvjp(np.broadcast_to,     lambda g, ans, x, shape, subok=False: g)  # the engine sums over repeated axes


def _rollaxis(a, axis, start=0):
    ndim = np.ndim(a)
    axis = normalize_axis_index(axis, ndim)
    before = start + ndim if start < 0 else start  # the axis to move it before
    if not 0 <= before <= ndim:
        raise np.exceptions.AxisError(f"np.rollaxis: expected a start from {-ndim} to {ndim}, got {start}.")
    return np.moveaxis(a, axis, before - (axis < before))


def _atleast(ndim, of_vector, of_matrix):
    """Make the decomposition of `np.atleast_1d` and its like, from the new shapes of a vector and of a matrix."""

    def atleast(*arys):
        results = [_add_axes(x, ndim, of_vector, of_matrix) for x in arys]
        return results[0] if len(results) == 1 else tuple(results)

    return atleast


def _add_axes(x, ndim, of_vector, of_matrix):
    x = as_array(x)
    if x.ndim >= ndim:
        return x
    return np.reshape(x, (1,) * ndim if x.ndim == 0 else of_vector(x.shape) if x.ndim == 1 else of_matrix(x.shape))


defcomposite(np.ravel,       lambda x, order="C": np.reshape(x, -1, order=order))
defcomposite(np.rollaxis,    _rollaxis)
defcomposite(np.atleast_1d,  _atleast(1, None, None))
defcomposite(np.atleast_2d,  _atleast(2, lambda shape: (1, *shape), None))
defcomposite(np.atleast_3d,  _atleast(3, lambda shape: (1, *shape, 1), lambda shape: (*shape, 1)))

# ---- the order along axes

defvjp(np.flip,             lambda g, ans, m, axis=None: np.flip(g, axis))
defvjp(np.fliplr,           lambda g, ans, m: np.fliplr(g))
defvjp(np.flipud,           lambda g, ans, m: np.flipud(g))
defvjp(np.roll,             lambda g, ans, a, shift, axis=None: np.roll(g, np.negative(shift), axis))
defvjp(np.rot90,            lambda g, ans, m, k=1, axes=(0, 1): np.rot90(g, -k, axes))

# ---- triangles, with zeros elsewhere

defvjp(np.tril,             lambda g, ans, m, k=0: np.tril(g, k))
defvjp(np.triu,             lambda g, ans, m, k=0: np.triu(g, k))

# ---- several arrays in one shape


def _broadcast_arrays(*args, subok=False):
    shape = np.broadcast_shapes(*map(np.shape, args))
    return tuple(np.broadcast_to(x, shape) for x in args)


def _meshgrid(*xi, copy=True, sparse=False, indexing="xy"):
    if indexing not in ("xy", "ij"):
        raise ValueError(f"np.meshgrid: expected indexing 'xy' or 'ij', got {indexing!r}.")
    axes = list(range(len(xi)))
    if indexing == "xy":
        axes[:2] = axes[:2][::-1]
    grid = [broadcast_along(x, axis, len(xi)) for axis, x in zip(axes, xi, strict=True)]
    return tuple(grid) if sparse else _broadcast_arrays(*grid)


defcomposite(np.broadcast_arrays,    _broadcast_arrays)
defcomposite(np.meshgrid,            _meshgrid)
