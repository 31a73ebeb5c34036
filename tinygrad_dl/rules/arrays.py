"""What the chapters share: shapes, indices and casts. No calculus."""

import numpy as np

from ..core import primitives


def spread(g, x, axis, keepdims):
    """The inverse of a reduction's shape: `g`, or an answer, repeated along the reduced axes of `x`."""
    if axis is not None and not keepdims and x.ndim:  # NumPy lets a 0-d array have an axis 0
        g = np.expand_dims(g, axis)
    return np.broadcast_to(g, x.shape)


def at_axis(axis, *index):
    """An index with `index` at `axis`, which is not negative, and everything before it."""
    return (slice(None),) * axis + index


def lying_along(x, axis, ndim):
    """The vector `x` as an array of `ndim` axes, lying along one of them."""
    return np.reshape(x, [-1 if i == axis else 1 for i in range(ndim)])


def as_array(x):
    """`x` as something with a shape: Tensors as they are."""
    return x if hasattr(x, "shape") else np.array(x)


def cast(x, dtype):
    """`x` in another float type; as it is if that is None, or its own."""
    return x if dtype is None or x.dtype == dtype else primitives.astype(x, dtype)


def number_of(mask, ans, axis, keepdims):
    """The number of True in `mask`, at least 1, in a float type that holds counts and does not widen `ans`.

    They are counted in integers: in float16 a sum of ones stalls at 2,048, in float32 at 16,777,216.
    """
    dtype = np.finfo(np.result_type(ans.dtype, np.float32)).dtype
    return cast(np.maximum(np.sum(mask, axis=axis, keepdims=keepdims), 1), dtype)


def nonzero(x):
    """`x` with 1 instead of 0, to divide by."""
    return np.where(x == 0, 1, x)
