"""Helpers of the chapters for shapes, indices and casts. No calculus."""

import numpy as np

from ..core import primitives


def unreduce(g, x, axis, keepdims):
    """Repeat `g`, or a result, along the reduced axes of `x`: the inverse of a reduction's change of shape."""
    if axis is not None and not keepdims and x.ndim:  # NumPy accepts axis 0 for a 0-d array
        g = np.expand_dims(g, axis)
    return np.broadcast_to(g, x.shape)


def index_at_axis(axis, *index):
    """Return the index tuple with `index` at a non-negative `axis`, and full slices before it."""
    return (slice(None),) * axis + index


def broadcast_along(x, axis, ndim):
    """Reshape the vector `x` to `ndim` axes, with length 1 along all but `axis`."""
    return np.reshape(x, [-1 if i == axis else 1 for i in range(ndim)])


def as_array(x):
    """Convert `x` to an array; Tensors, and other objects with a shape, are returned unchanged."""
    return x if hasattr(x, "shape") else np.array(x)


def cast(x, dtype):
    """Cast `x` to `dtype`; None, and the dtype of `x`, leave it unchanged."""
    return x if dtype is None or x.dtype == dtype else primitives.astype(x, dtype)


def count_true(mask, ans, axis, keepdims):
    """Count the True elements of `mask`, at least 1, in a float type that holds counts and does not widen `ans`.

    The sum is of integers: in float16 a sum of ones stalls at 2,048, in float32 at 16,777,216.
    """
    dtype = np.finfo(np.result_type(ans.dtype, np.float32)).dtype
    return cast(np.maximum(np.sum(mask, axis=axis, keepdims=keepdims), 1), dtype)


def nonzero(x):
    """Replace 0 by 1 in a divisor."""
    return np.where(x == 0, 1, x)


def is_small(logarithm):
    """Return True if each `logarithm` is so small, and finite, that its exponential keeps half of its digits."""
    return np.all(np.abs(primitives.values(logarithm)) < np.finfo(logarithm.dtype).eps ** -0.5)
