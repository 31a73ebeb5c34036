"""Products, and linear algebra: NumPy takes stacks of matrices, so most needs only to see the samples' axis."""

import string

import numpy as np

from ..core import primitives
from .axes import named
from .batched import Level, NotAtOnce, rules
from .elementwise import rank


def _matmul(level: Level, x, y):
    if level.has(x) and x.ndim == 1 and rank(y) == 2 and not level.has(y):
        return level.wrapped(np.matmul(x._value, y))  # one product of matrices
    if level.has(y) and y.ndim == 1 and rank(x) == 2 and not level.has(x):
        return level.wrapped(np.matmul(y._value, x.T))
    if not rank(x) or not rank(y):
        raise NotAtOnce("of numbers")
    left, right = (np.expand_dims(z, axis) if rank(z) == 1 else z for z, axis in ((x, 0), (y, 1)))
    ndim = max(rank(left), rank(right))
    product = np.matmul(level.aligned(left, ndim), level.aligned(right, ndim))
    dropped = tuple(axis for axis, z in ((-2, x), (-1, y)) if rank(z) == 1)
    return level.wrapped(np.squeeze(product, dropped) if dropped else product)


def _einsum(level: Level, subscripts, *operands, optimize=False, **kwargs):
    if not isinstance(subscripts, str):
        raise NotAtOnce("whose subscripts are no string")
    inputs, arrow, output = subscripts.replace(" ", "").partition("->")
    if not arrow:
        letters = inputs.replace(",", "").replace(".", "")
        output = "..." * ("." in inputs) + "".join(sorted(c for c in set(letters) if letters.count(c) == 1))
    new = next(letter for letter in string.ascii_letters if letter not in subscripts)
    parts = [new * level.has(x) + part for part, x in zip(inputs.split(","), operands, strict=True)]
    values = [x._value if level.has(x) else x for x in operands]
    return level.wrapped(np.einsum(f"{','.join(parts)}->{new}{output}", *values, optimize=optimize, **kwargs))


def _stack_of_matrices(function):
    def rule(level: Level, a, *args, **kwargs):
        if not level.has(a) or any(map(level.has, (*args, *kwargs.values()))):
            raise NotAtOnce("of several arrays of the samples")
        if a.ndim < 2:
            raise NotAtOnce("of no matrix")
        return level.wrapped(function(a._value, *args, **kwargs))

    return rule


def _solve(level: Level, a, b):
    column = np.expand_dims(b, 1) if rank(b) == 1 else b
    ndim = max(rank(a), rank(column))
    x = np.linalg.solve(level.aligned(a, ndim), level.aligned(column, ndim))
    return level.wrapped(x[..., 0] if rank(b) == 1 else x)


for _function in named(
    "linalg.inv linalg.det linalg.slogdet linalg.cholesky linalg.eig linalg.eigh linalg.eigvals linalg.eigvalsh "
    "linalg.svd linalg.svdvals linalg.qr linalg.pinv linalg.matrix_rank linalg.matrix_power linalg.cond "
    "linalg.matrix_norm linalg.matrix_transpose linalg.diagonal linalg.trace"
):
    rules[_function] = _stack_of_matrices(_function)

rules |= {
    np.matmul: _matmul,
    np.linalg.matmul: _matmul,
    np.einsum: _einsum,
    primitives.einsum: _einsum,
    np.linalg.solve: _solve,
}
