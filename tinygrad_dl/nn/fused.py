"""Activations, the dense layer and losses that are one node of the graph each.

They are formulas, from which `fused` derives their rules; none is written by hand. What computes a value on arrays in
place of the formula checks the arguments first, or is faster. One node is fast, matches the course's drawings and is
exact: σ' = a (1 - a) cancels the cross-entropy's 1 / (a (1 - a)) to the last digit unless a is 0 or 1.
"""

from typing import TYPE_CHECKING, Any

import numpy as np

from .. import batching
from .._functions import widened
from ..core.primitives import Kept, wraps
from ..guards.numpy_warnings import Computing, at_the_users_line
from ..tracing.algebra import EXACT, READING
from ..tracing.fusing import fused
from . import activations, losses
from .activations import HALF, upcast_half, with_upcast

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
        Z = np.matmul(W, A)
        if b.shape != (Z.shape[0], 1):
            raise ValueError(f"affine: expected b of shape ({Z.shape[0]}, 1) for W of shape {W.shape}, got {b.shape}.")
        return np.add(Z, b, Z) if b.dtype is Z.dtype else Z + b
    except TypeError as error:
        return at_the_users_line(error, np.add, (at_the_users_line(error, np.matmul, (W, A)), b))


# The numbers 0, 1, 80 and TINY for arrays of a dtype, which takes them a fourth faster than Python's, if it is small.
_NUMBERS = {
    np.dtype(kind): tuple(np.array(number, kind) for number in (0, 1, 80, losses.TINY)) for kind in ("f4", "f8")
}


@wraps(activations.sigmoid)
def _sigmoid(z: activations.Array) -> activations.Array:
    if type(z) is not np.ndarray or z.dtype not in _NUMBERS:
        return activations.sigmoid(z)
    _, one, most, _ = _NUMBERS[z.dtype]
    return one / (one + np.exp(np.minimum(-z, most)))


@wraps(activations.relu)
def _relu(z: activations.Array) -> activations.Array:
    zero = _NUMBERS[z.dtype][0] if type(z) is np.ndarray and z.dtype in _NUMBERS else 0
    return np.maximum(z, zero)  # several times as fast as np.where, on large arrays ten times


_computing.complete()
_KINDS = EXACT, READING
_affine.__name__ = _affine.__qualname__ = "affine"
affine = fused(lambda W, A, b: W @ A + b, _affine)
sigmoid = fused(activations.sigmoid, _sigmoid, kinds=_KINDS)
relu = fused(activations.relu, _relu)
leaky_relu = fused(activations.leaky_relu)
_function: Any
for _function in (sigmoid, relu):
    batching.rules[_function] = lambda level, z, function=_function: level.wrap(function(z._value))
batching.rules[leaky_relu] = lambda level, z, alpha=0.01: (
    level.wrap(leaky_relu(z._value, alpha)) if type(alpha) in (float, int) else activations.leaky_relu(z, alpha)
)


# `np.errstate` takes as long as two operations on small arrays: here what would warn raises an error instead.
_quiet = Computing(vars(losses))
_cost_of_probabilities, _cost_of_classes = _quiet(losses.cost_of_probabilities), _quiet(losses.cost_of_classes)
_quiet.complete()
_INVALID = TypeError, FloatingPointError


def _of_probabilities(A: Any, Y: Any) -> Any:
    if A.dtype is HALF:
        return _of_probabilities(widened(A), upcast_half(Y)).astype(HALF)
    Y = losses.floats(Y, A)
    return losses.cost_of_probabilities(A, Y, 1 - Y)


def _checked_probabilities(A: Any, Y: Any) -> Any:
    """Compute the binary cross-entropy of arrays; of unusual ones by the function with all checks."""
    if type(A) is type(Y) is np.ndarray and A.dtype is Y.dtype in _NUMBERS and A.shape == Y.shape and A.size:
        not_Y = losses.once(losses.complement, "binary_cross_entropy", Y)
        _, one, _, tiny = _NUMBERS[A.dtype]
        try:
            cost = _cost_of_probabilities(A, Y, not_Y, one, tiny)
            if cost == cost:
                return cost
        except _INVALID:
            pass
    return losses.binary_cross_entropy(A, Y)


@with_upcast
def _of_logits(Z: Any, Y: Any) -> Any:
    return losses.cost_of_logits(Z, losses.floats(Y, Z))


@with_upcast
def _of_classes(Z: Any, Y: Any) -> Any:
    return losses.cost_of_classes(_floats_one_hot(Z, Y), activations.log_softmax(Z))


def _floats_one_hot(Z: Any, Y: Any) -> Any:
    P = losses.one_hot(Z, Y)
    return P.astype(Z.dtype) if P.dtype.kind == "b" else P


def _cost_and_exponentials(Z: Any, Y: Any) -> Kept:
    """Compute the softmax cross-entropy of arrays, and keep the parts of its gradient for the rule."""
    Z, Y = losses.arrays("softmax_cross_entropy", Z, Y)
    if Z.dtype is HALF:
        return Kept(losses.softmax_cross_entropy(Z, Y), ())
    sums = losses.check_classes(Z, Y)
    P, z = losses.one_hot(Z, Y), Z - np.rint(np.maximum.reduce(Z, 0))
    exponentials = np.exp(z)
    total = np.add.reduce(exponentials, 0)
    try:
        cost = _cost_of_classes(P, z - np.log(total))
    except _INVALID:
        cost = np.nan
    if cost != cost:
        cost = losses.softmax_cross_entropy(Z, Y)
    scale = sums / total
    return Kept(cost, (exponentials, scale if scale.dtype is total.dtype else scale.astype(total.dtype), P))


def _exponentials(Z: Any, Y: Any) -> tuple[Any, Any, Any]:
    """Compute what `_cost_and_exponentials` keeps: the softmax is scaled to the sum of each column of P, near 1."""
    P, exponentials = _floats_one_hot(Z, Y), np.exp(activations.shift_by_max(Z, axis=0))
    return exponentials, np.sum(P, axis=0, keepdims=True) / np.sum(exponentials, axis=0, keepdims=True), P


binary_cross_entropy = losses.binary_cross_entropy  # whose type it has
if not TYPE_CHECKING:
    _checked_probabilities = wraps(losses.binary_cross_entropy)(_checked_probabilities)
    binary_cross_entropy = fused(_of_probabilities, _checked_probabilities, kinds=_KINDS)
binary_cross_entropy_with_logits = fused(_of_logits, losses.binary_cross_entropy_with_logits, kinds=_KINDS)
softmax_cross_entropy = fused(
    _of_classes, losses.softmax_cross_entropy, keeping=_cost_and_exponentials, kept=_exponentials
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
