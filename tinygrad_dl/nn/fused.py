"""Formulas that a net uses at every step, as one node of the graph each, with a derivative rule of their own.

They are those of `activations` and `losses`, whose backprop falls out just as well; the tests hold the two against
each other. One node is faster, is what the course draws, and is more exact: σ' as a (1 - a) cancels against the
cross-entropy's 1 / (a (1 - a)) to the last digit, as long as a is not 0 or 1 itself.
"""

import functools
import math
from typing import Any

import numpy as np

from .. import batching
from ..core.numpy_warnings import Computing, at_the_users_line
from ..core.primitives import Kept, accumulator, primitive
from ..core.registry import defvjp, defvjp_keeping
from . import activations, losses
from .activations import HALF, single

_computing = Computing(globals())


@primitive
@_computing
def affine(W: Any, A: Any, b: Any) -> Any:
    """W A + b of matrices and a column `b`: a dense layer. The sum is written over the product: one array less."""
    try:
        Z = W @ A
        if b.shape != (Z.shape[0], 1):
            raise ValueError(f"affine: expected b of shape ({Z.shape[0]}, 1) for W of shape {W.shape}, got {b.shape}.")
        return np.add(Z, b, out=Z) if b.dtype == Z.dtype else Z + b
    except TypeError as error:
        return at_the_users_line(error, np.add, (at_the_users_line(error, np.matmul, (W, A)), b))


_computing.complete()


def _sum_of_samples(g):
    adjacent = type(g) is np.ndarray and g.flags.c_contiguous  # such as NumPy adds in pairs, exactly enough
    return g.sum(axis=1, keepdims=True, dtype=None if adjacent else accumulator(g, g.shape[1]))


defvjp(
    affine,
    lambda g, ans, W, A, b: g @ A.T,
    lambda g, ans, W, A, b: W.T @ g,
    lambda g, ans, W, A, b: _sum_of_samples(g),
)
batching.rules[affine] = lambda level, W, A, b: W @ A + b

sigmoid = primitive(activations.sigmoid)
defvjp(sigmoid, lambda g, ans, z: g * (ans * (1 - ans)))
batching.rules[sigmoid] = lambda level, z: level.wrapped(sigmoid(z._value))


@primitive
@functools.wraps(activations.relu)
def relu(z: Any) -> Any:
    return np.maximum(z, 0)  # several times as fast as np.where, on large arrays ten times


def _where_positive(g, z):
    """`g` where `z` > 0, else 0, even if `g` is inf or nan there. The product is up to ten times as fast as where."""
    finite = type(g) is np.ndarray and math.isfinite(np.vdot(g, g))
    return g * (z > 0) if finite else np.where(z <= 0, 0, g)


defvjp(relu, lambda g, ans, z: _where_positive(g, z))
batching.rules[relu] = lambda level, z: level.wrapped(relu(z._value))

leaky_relu = primitive(activations.leaky_relu)
defvjp(
    leaky_relu,
    lambda g, ans, z, alpha=0.01: np.where(z <= 0, alpha * g, g),
    lambda g, ans, z, alpha=0.01: np.where(z <= 0, g * z, 0),
)
batching.rules[leaky_relu] = lambda level, z, alpha=0.01: (
    level.wrapped(leaky_relu(z._value, alpha)) if type(alpha) in (float, int) else activations.leaky_relu(z, alpha)
)

# Instead of by 0, the cross-entropy's rule divides by a number that is below σ(-80), the least that `sigmoid` gives,
# and far enough above the least float32 for costs with weights. In float16 the quotient is held at the largest number.
LEAST, LARGEST_HALF = 1e-35, 65504


def _in_single(rule):
    """The `rule` of a loss, in float32 if that is in float16, which has no m above 65,504."""

    @functools.wraps(rule)
    def rounded(g, ans, A, Y, **kept):
        if ans.dtype is not HALF:
            return rule(g, ans, A, Y, **kept)
        return rule(single(g), ans, single(A), single(Y), **kept)

    return rounded


def _m(A):
    return A.shape[-1] if A.shape else 1


def _cross_entropy_vjp(g, ans, A, Y):
    part = g / _m(A) * ((1 - Y) / np.maximum(1 - A, LEAST) - Y / np.maximum(A, LEAST))
    return part if ans.dtype is not HALF else np.clip(part, -LARGEST_HALF, LARGEST_HALF)


binary_cross_entropy = primitive(losses.binary_cross_entropy)
defvjp(
    binary_cross_entropy,
    _in_single(_cross_entropy_vjp),
    _in_single(lambda g, ans, A, Y: g / _m(A) * (np.log(1 - A + losses.TINY) - np.log(A + losses.TINY))),
)

binary_cross_entropy_with_logits = primitive(losses.binary_cross_entropy_with_logits)
defvjp(
    binary_cross_entropy_with_logits,
    _in_single(lambda g, ans, Z, Y: g / _m(Z) * (sigmoid(Z) - Y)),
    _in_single(lambda g, ans, Z, Y: g / -_m(Z) * Z),
)


def _with_powers(Z, Y):
    """The softmax cross-entropy of arrays; kept are the powers of e that it divides by their sum, and that sum."""
    Z, Y = losses.arrays("softmax_cross_entropy", Z, Y)
    losses.check_classes(Z, Y)
    if Z.dtype is HALF:
        return Kept(losses.softmax_cross_entropy(Z, Y), None)
    P, z = losses.one_hot(Z, Y), Z - np.rint(np.maximum.reduce(Z, axis=0))
    powers = np.exp(z)
    total = np.add.reduce(powers, axis=0)
    with np.errstate(invalid="ignore"):
        cost = np.add.reduce(P * (z - np.log(total)), axis=None) / -Z.shape[-1]
    if cost != cost:
        cost = losses.softmax_cross_entropy(Z, Y)
    return Kept(cost, (powers, total))


def _class_errors(Z, Y, kept):
    """softmax(Z) - P, for the sum of P, which is near 1, times the softmax."""
    P = losses.one_hot(Z, Y)
    if kept is None:
        powers = np.exp(activations.shifted(Z, axis=0))
        kept = powers, powers.sum(axis=0)
    powers, total = kept
    return powers * (P.sum(axis=0, dtype=Z.dtype) / total) - P


softmax_cross_entropy = primitive(losses.softmax_cross_entropy)
defvjp_keeping(
    softmax_cross_entropy,
    _with_powers,
    _in_single(lambda g, ans, Z, Y, kept=None: g / _m(Z) * _class_errors(Z, Y, kept)),
    _in_single(lambda g, ans, Z, Y, kept=None: g / -_m(Z) * activations.log_softmax(Z)),
)

for _function in (
    sigmoid,
    relu,
    leaky_relu,
    binary_cross_entropy,
    binary_cross_entropy_with_logits,
    softmax_cross_entropy,
):
    _function.__module__ = __name__  # where pickle finds it
