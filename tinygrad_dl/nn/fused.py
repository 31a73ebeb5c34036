"""Fused primitives: frequent formulas of `activations` and `losses`, each as one node with its own derivative rule.

The plain formulas have the same derivatives; tests compare the two. One node is faster, matches the course's drawings
and is more exact: σ' = a (1 - a) cancels the cross-entropy's 1 / (a (1 - a)) to the last digit unless a is 0 or 1.
"""

import functools
from typing import Any

import numpy as np

from .. import batching
from ..core.numpy_warnings import Computing, at_the_users_line
from ..core.primitives import Kept, array_function, wraps
from ..core.registry import defvjp, defvjp_keeping
from ..tracing.fusing import fused
from . import activations, losses
from .activations import HALF, upcast_half

_computing = Computing(globals())


@_computing
def _affine(W: Any, A: Any, b: Any) -> Any:
    """Compute W A + b, a dense layer. The sum overwrites the product, which saves one array.

    Parameters
    ----------
    W : array or Tensor
        Weights, (n_out, n_in).
    A : array or Tensor
        Inputs, (n_in, m).
    b : array or Tensor
        Biases, (n_out, 1).

    Returns
    -------
    array or Tensor
        Z, (n_out, m).

    Raises
    ------
    ValueError
        If `b` is not a column of length n_out.
    """
    try:
        Z = W @ A
        if b.shape != (Z.shape[0], 1):
            raise ValueError(f"affine: expected b of shape ({Z.shape[0]}, 1) for W of shape {W.shape}, got {b.shape}.")
        return np.add(Z, b, out=Z) if b.dtype == Z.dtype else Z + b
    except TypeError as error:
        return at_the_users_line(error, np.add, (at_the_users_line(error, np.matmul, (W, A)), b))


@wraps(activations.relu)
def _relu(z: activations.Array) -> activations.Array:
    return np.maximum(z, 0)  # several times as fast as np.where, on large arrays ten times


_computing.complete()
_affine.__name__ = _affine.__qualname__ = "affine"
affine = fused(lambda W, A, b: W @ A + b, _affine)
sigmoid = fused(activations.sigmoid)
relu = fused(activations.relu, _relu)
leaky_relu = fused(activations.leaky_relu)
_function: Any
for _function in (sigmoid, relu):
    batching.rules[_function] = lambda level, z, function=_function: level.wrap(function(z._value))
batching.rules[leaky_relu] = lambda level, z, alpha=0.01: (
    level.wrap(leaky_relu(z._value, alpha)) if type(alpha) in (float, int) else activations.leaky_relu(z, alpha)
)

# The cross-entropy's rule divides by at least LEAST, never by 0. LEAST lies below σ(-80), the smallest value of
# `sigmoid`, and far enough above the smallest float32 for weighted costs. In float16 the quotient is clipped.
LEAST, LARGEST_HALF = 1e-35, 65504


def _with_half_upcast(rule):
    """Compute the `rule` of a loss in float32 where the loss is float16, which cannot hold m > 65,504."""

    @functools.wraps(rule)
    def upcast(g, ans, A, Y, **kept):
        if ans.dtype is not HALF:
            return rule(g, ans, A, Y, **kept)
        return rule(upcast_half(g), ans, upcast_half(A), upcast_half(Y), **kept)

    return upcast


def _m(A):
    return A.shape[-1] if A.shape else 1


def _cross_entropy_vjp(g, ans, A, Y):
    part = g / _m(A) * ((1 - Y) / np.maximum(1 - A, LEAST) - Y / np.maximum(A, LEAST))
    return part if ans.dtype is not HALF else np.clip(part, -LARGEST_HALF, LARGEST_HALF)


binary_cross_entropy = array_function(losses.binary_cross_entropy)
defvjp(
    binary_cross_entropy,
    _with_half_upcast(_cross_entropy_vjp),
    _with_half_upcast(lambda g, ans, A, Y: g / _m(A) * (np.log(1 - A + losses.TINY) - np.log(A + losses.TINY))),
)

binary_cross_entropy_with_logits = array_function(losses.binary_cross_entropy_with_logits)
defvjp(
    binary_cross_entropy_with_logits,
    _with_half_upcast(lambda g, ans, Z, Y: g / _m(Z) * (sigmoid(Z) - Y)),
    _with_half_upcast(lambda g, ans, Z, Y: g / -_m(Z) * Z),
)


def _loss_and_exponentials(Z, Y):
    """Compute the softmax cross-entropy of arrays, and keep the parts of its gradient for the rule."""
    Z, Y = losses.arrays("softmax_cross_entropy", Z, Y)
    if Z.dtype is HALF:
        return Kept(losses.softmax_cross_entropy(Z, Y), None)
    sums = losses.check_classes(Z, Y)
    P, z = losses.one_hot(Z, Y), Z - np.rint(np.maximum.reduce(Z, axis=0))
    exponentials = np.exp(z)
    total = np.add.reduce(exponentials, axis=0)
    with np.errstate(invalid="ignore"):
        cost = np.add.reduce(P * (z - np.log(total)), axis=None) / -Z.shape[-1]
    if cost != cost:
        cost = losses.softmax_cross_entropy(Z, Y)
    return Kept(cost, (exponentials, (sums / total).astype(total.dtype, copy=False), P))


def _class_errors(Z, Y, kept):
    """Compute softmax(Z) - P, with the softmax scaled to the sum of each column of P, which is near 1."""
    if kept is None:
        P, exponentials = losses.one_hot(Z, Y), np.exp(activations.shift_by_max(Z, axis=0))
        kept = exponentials, P.sum(axis=0, dtype=Z.dtype) / exponentials.sum(axis=0), P
    exponentials, scale, P = kept
    return exponentials * scale - P


softmax_cross_entropy = array_function(losses.softmax_cross_entropy)
defvjp_keeping(
    softmax_cross_entropy,
    _loss_and_exponentials,
    _with_half_upcast(lambda g, ans, Z, Y, kept=None: g / _m(Z) * _class_errors(Z, Y, kept)),
    _with_half_upcast(lambda g, ans, Z, Y, kept=None: g / -_m(Z) * activations.log_softmax(Z)),
)

for _function in (
    affine,
    sigmoid,
    relu,
    leaky_relu,
    binary_cross_entropy,
    binary_cross_entropy_with_logits,
    softmax_cross_entropy,
):
    _function.__module__ = __name__  # pickle looks functions up by module
