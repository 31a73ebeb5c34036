"""Einstein summation: sums of products over indices."""

import operator
import string

import numpy as np

from .. import _functions
from ..core import primitives
from ..core.registry import defcomposite, defvjp_each


def _einsum_vjp(argnum, g, ans, subscripts, *operands, optimize=False):
    """Sum the product of `g` and the other operands over all indices but those of the argument."""
    inputs, output = _explicit(subscripts, operands)
    own, x = inputs.pop(argnum - 1), operands[argnum - 1]
    factors = [g, *operands[: argnum - 1], *operands[argnum:]]
    indices = [output, *inputs]
    target = ""
    for index, length in zip(own, x.shape, strict=True):
        if index in target:  # a repeated index: zero off the diagonal
            twin = next(letter for letter in string.ascii_letters if letter not in "".join([own, target, *indices]))
            factors.append(np.eye(length, dtype=ans.dtype))
            indices.append(index + twin)
            target += twin
        else:
            target += index
    carried = [dict(zip(letters, np.shape(z), strict=True)) for letters, z in zip(indices, factors, strict=True)]
    for index, length in zip(own, x.shape, strict=True):
        if not any(axes.get(index) == length for axes in carried):  # summed in this operand alone
            factors.append(np.ones(length, dtype=ans.dtype))
            indices.append(index)
    written = f"{','.join(indices)}->{target}"
    if ans.dtype == np.float16:  # NumPy adds these one by one, rounding each time
        wide = [primitives.astype(z, np.float32) for z in factors]
        return primitives.astype(np.einsum(written, *wide, optimize=optimize), np.float16)
    return np.einsum(written, *factors, optimize=optimize)


def _explicit(subscripts, operands):
    """Expand subscripts to the indices of each operand and of the output, without ellipsis or implicit output."""
    inputs, arrow, output = subscripts.replace(" ", "").partition("->")
    parts = inputs.split(",")
    if not arrow:
        letters = inputs.replace(",", "").replace(".", "")
        output = "..." * ("..." in inputs) + "".join(sorted(c for c in set(letters) if letters.count(c) == 1))
    hidden = [np.ndim(x) - len(part.replace("...", "")) for part, x in zip(parts, operands, strict=True)]
    free = [letter for letter in string.ascii_letters if letter not in subscripts]
    ellipsis = "".join(free[: max(hidden)])
    expanded = [part.replace("...", ellipsis[len(ellipsis) - n :]) for part, n in zip(parts, hidden, strict=True)]
    return expanded, output.replace("...", ellipsis)


def _einsum(*operands, dtype=None, order="K", casting="safe", optimize=False):
    subscripts, operands = _as_text(operands)
    if dtype is not None:
        operands = tuple(x if hasattr(x, "dtype") else np.array(x) for x in operands)
        for x in operands:
            if not np.can_cast(x.dtype, dtype, casting):
                raise TypeError(f"np.einsum: can't cast {x.dtype} to {np.dtype(dtype)} by the rule {casting!r}.")
        operands = tuple(primitives.astype(x, dtype) for x in operands)
    return _functions.einsum(subscripts, *operands, optimize=optimize)


def _as_text(operands):
    """Convert operands followed by lists of their indices to a subscripts string and operands."""
    if isinstance(operands[0], str):
        return operands[0], operands[1:]
    arrays, indices = operands[0 : len(operands) // 2 * 2 : 2], operands[1::2]
    letters = string.ascii_uppercase + string.ascii_lowercase

    def text(part):
        return "".join("..." if i is Ellipsis else letters[operator.index(i)] for i in part)

    inputs = ",".join(map(text, indices))
    return (f"{inputs}->{text(operands[-1])}" if len(operands) % 2 else inputs), arrays


defvjp_each(_functions.einsum, _einsum_vjp)
defcomposite(np.einsum, _einsum)
