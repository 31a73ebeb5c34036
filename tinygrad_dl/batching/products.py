"""Batching rules of products and linear algebra: NumPy accepts stacks of matrices, so most only unwrap and wrap."""

import string

import numpy as np

from .. import _functions
from .axes import functions_named
from .batched import CannotBatch, Level, rules
from .elementwise import rank


def _matmul(level: Level, x, y):
    if level.is_batched(x) and x.ndim == 1 and rank(y) == 2 and not level.is_batched(y):
        return level.wrap(np.matmul(x._value, y))  # one product of matrices
    if level.is_batched(y) and y.ndim == 1 and rank(x) == 2 and not level.is_batched(x):
        return level.wrap(np.matmul(y._value, x.T))
    if not rank(x) or not rank(y):
        raise CannotBatch("of numbers")
    left, right = (np.expand_dims(z, axis) if rank(z) == 1 else z for z, axis in ((x, 0), (y, 1)))
    ndim = max(rank(left), rank(right))
    product = np.matmul(level.align(left, ndim), level.align(right, ndim))
    dropped = tuple(axis for axis, z in ((-2, x), (-1, y)) if rank(z) == 1)
    return level.wrap(np.squeeze(product, dropped) if dropped else product)


def _einsum(level: Level, subscripts, *operands, optimize=False, **kwargs):
    if not isinstance(subscripts, str):
        raise CannotBatch("expected subscripts as a string")
    inputs, arrow, output = subscripts.replace(" ", "").partition("->")
    if not arrow:
        letters = inputs.replace(",", "").replace(".", "")
        output = "..." * ("." in inputs) + "".join(sorted(c for c in set(letters) if letters.count(c) == 1))
    new = next(letter for letter in string.ascii_letters if letter not in subscripts)
    parts = [new * level.is_batched(x) + part for part, x in zip(inputs.split(","), operands, strict=True)]
    values = [x._value if level.is_batched(x) else x for x in operands]
    return level.wrap(np.einsum(f"{','.join(parts)}->{new}{output}", *values, optimize=optimize, **kwargs))


def _stack_of_matrices(function):
    def rule(level: Level, a, *args, **kwargs):
        if not level.is_batched(a) or any(map(level.is_batched, (*args, *kwargs.values()))):
            raise CannotBatch("expected one batched array, the first argument")
        if a.ndim < 2:
            raise CannotBatch("expected a matrix")
        return level.wrap(function(a._value, *args, **kwargs))

    return rule


def _solve(level: Level, a, b):
    column = np.expand_dims(b, 1) if rank(b) == 1 else b
    ndim = max(rank(a), rank(column))
    x = np.linalg.solve(level.align(a, ndim), level.align(column, ndim))
    return level.wrap(x[..., 0] if rank(b) == 1 else x)


for _function in functions_named(
    "linalg.inv linalg.det linalg.slogdet linalg.cholesky linalg.eig linalg.eigh linalg.eigvals linalg.eigvalsh "
    "linalg.svd linalg.svdvals linalg.qr linalg.pinv linalg.matrix_rank linalg.matrix_power linalg.cond "
    "linalg.matrix_norm linalg.matrix_transpose linalg.diagonal linalg.trace"
):
    rules[_function] = _stack_of_matrices(_function)

rules |= {
    np.matmul: _matmul,
    np.linalg.matmul: _matmul,
    np.einsum: _einsum,
    _functions.einsum: _einsum,
    np.linalg.solve: _solve,
}
