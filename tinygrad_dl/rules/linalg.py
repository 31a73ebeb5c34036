"""Products of vectors, matrices and stacks of them: matmul, dot, outer, tensordot, einsum."""

import math
import string

import numpy as np
from numpy.lib.array_utils import normalize_axis_tuple

from .. import primitives
from ..registry import defspelling, defvjp, defvjp_each

# ---- matmul, of every rank; the engine sums over stacks that were broadcast


def _matmul_left(g, ans, x, y):
    if x.ndim >= 2 and y.ndim >= 2:
        return np.matmul(g, y.mT)
    if y.ndim == 1:  # (..., n, k) @ (k,) -> (..., n), and (k,) @ (k,) -> ()
        return np.expand_dims(g, -1) * y if x.ndim >= 2 else g * y
    return np.matmul(y, np.expand_dims(g, -1))[..., 0]  # (n,) @ (..., n, k) -> (..., k)


def _matmul_right(g, ans, x, y):
    if x.ndim >= 2 and y.ndim >= 2:
        return np.matmul(x.mT, g)
    if x.ndim == 1:  # (n,) @ (..., n, k) -> (..., k), and (n,) @ (n,) -> ()
        return np.expand_dims(x, -1) * np.expand_dims(g, -2) if y.ndim >= 2 else g * x
    return np.matmul(np.expand_dims(g, -2), x)[..., 0, :]  # (..., n, k) @ (k,) -> (..., n)


defvjp(np.matmul, _matmul_left, _matmul_right)

# ---- others, spelled as matmul


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


defspelling(np.dot, _dot)
defspelling(np.outer, _outer)
defspelling(np.tensordot, _tensordot)

# ---- einsum


def _einsum_vjp(argnum, g, ans, subscripts, *operands, optimize=False):
    """The sum over all indices but the argument's own, of `g` and the other operands."""
    inputs, output = _explicit(subscripts, operands)
    own, x = inputs.pop(argnum - 1), operands[argnum - 1]
    factors = [g, *operands[: argnum - 1], *operands[argnum:]]
    indices = [output, *inputs]
    target = ""
    for index, length in zip(own, x.shape, strict=True):
        if index in target:  # a diagonal: zero wherever the two indices differ
            twin = next(letter for letter in string.ascii_letters if letter not in "".join([own, target, *indices]))
            factors.append(np.eye(length, dtype=ans.dtype))
            indices.append(index + twin)
            target += twin
        else:
            target += index
    carried = [dict(zip(letters, np.shape(z), strict=True)) for letters, z in zip(indices, factors, strict=True)]
    for index, length in zip(own, x.shape, strict=True):
        if not any(axes.get(index) == length for axes in carried):  # summed in this operand alone: the same for each
            factors.append(np.ones(length, dtype=ans.dtype))
            indices.append(index)
    return np.einsum(f"{','.join(indices)}->{target}", *factors, optimize=optimize)


def _explicit(subscripts, operands):
    """The indices of each operand and of the output, a letter an axis: no ellipsis, no implicit output."""
    inputs, arrow, output = subscripts.replace(" ", "").partition("->")
    parts = inputs.split(",")
    if not arrow:
        letters = inputs.replace(",", "").replace(".", "")
        output = "..." * ("..." in inputs) + "".join(sorted(c for c in set(letters) if letters.count(c) == 1))
    hidden = [x.ndim - len(part.replace("...", "")) for part, x in zip(parts, operands, strict=True)]
    free = [letter for letter in string.ascii_letters if letter not in subscripts]
    ellipsis = "".join(free[: max(hidden)])
    spelled = [part.replace("...", ellipsis[len(ellipsis) - n :]) for part, n in zip(parts, hidden, strict=True)]
    return spelled, output.replace("...", ellipsis)


def _einsum(subscripts, *operands, optimize=False):
    if not isinstance(subscripts, str):
        raise TypeError("np.einsum of Tensors: expected the subscripts as a string, such as 'ij,jk->ik'.")
    return primitives.einsum(subscripts, *operands, optimize=optimize)


defvjp_each(primitives.einsum, _einsum_vjp)
defspelling(np.einsum, _einsum)
