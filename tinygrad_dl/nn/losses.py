"""Losses as plain NumPy formulas: the mean over samples of a sum over outputs.

Predictions and labels are (n, m), samples are columns. Shapes that would broadcast are errors, as are labels out of
range. A loss has the float type of the predictions, whatever the type of the labels; a float16 loss is computed in
float32.
"""

import weakref
from typing import Any, overload

import numpy as np

from .activations import Array, log_softmax, with_upcast

TINY = 1e-30  # keeps log(0) finite; far below the spacing of floats near 1, so that nothing else changes


@overload
def binary_cross_entropy(A: np.ndarray, Y: Any) -> Any: ...
@overload
def binary_cross_entropy(A: Array, Y: Any) -> Array: ...
@with_upcast
def binary_cross_entropy(A: Any, Y: Any) -> Any:
    """Compute -1/m Σ [y log a + (1 - y) log(1 - a)], the course's cost.

    A wrong probability of exactly 0 or 1 passes no gradient through a sigmoid, so a net whose sigmoid saturates
    stops learning. `binary_cross_entropy_with_logits` has no such gap.

    Parameters
    ----------
    A : array or Tensor
        Probabilities in [0, 1], (n, m).
    Y : array or Tensor
        Labels in [0, 1], (n, m).

    Returns
    -------
    number or Tensor
        The loss, 0-d.

    Raises
    ------
    TypeError
        If an argument is not an array or Tensor.
    ValueError
        If the shapes differ or are empty, or a label or probability lies outside [0, 1].

    References
    ----------
    Course, week 3.

    Examples
    --------
    >>> binary_cross_entropy(np.array([[0.5, 0.25]]), np.array([[1, 0]])).round(4)
    np.float64(0.4904)
    """
    A, Y = _samples("binary_cross_entropy", A, Y)
    not_Y = once(complement, "binary_cross_entropy", Y)
    with np.errstate(invalid="ignore"):
        cost = cost_of_probabilities(A, Y, not_Y)
    if cost != cost:  # nan: the logarithm of a number outside [0, 1]
        _check_range("binary_cross_entropy", "probabilities", A, "; for logits take binary_cross_entropy_with_logits")
    return cost


@overload
def binary_cross_entropy_with_logits(Z: np.ndarray, Y: Any) -> Any: ...
@overload
def binary_cross_entropy_with_logits(Z: Array, Y: Any) -> Array: ...
@with_upcast
def binary_cross_entropy_with_logits(Z: Any, Y: Any) -> Any:
    """Compute 1/m Σ [log(1 + eᶻ) - y z]: the binary cross-entropy of σ(Z), exact for logits of any size.

    Parameters
    ----------
    Z : array or Tensor
        Logits, (n, m).
    Y : array or Tensor
        Labels in [0, 1], (n, m).

    Returns
    -------
    number or Tensor
        The loss, 0-d.

    Raises
    ------
    TypeError
        If an argument is not an array or Tensor.
    ValueError
        If the shapes differ or are empty, or a label lies outside [0, 1].

    Examples
    --------
    >>> binary_cross_entropy_with_logits(np.array([[0.0, 1e4]]), np.array([[1, 1]])).round(4)
    np.float64(0.3466)
    """
    Z, Y = _samples("binary_cross_entropy_with_logits", Z, Y)
    once(complement, "binary_cross_entropy_with_logits", Y)
    cost = cost_of_logits(Z, Y)
    if cost != cost:  # the cost of an infinite logit is 0 with the label that it predicts, else inf
        infinite, positive = np.isinf(Z), Z > 0
        terms = np.where(infinite & positive, (1 - Y) * Z, _terms_of_logits(Z, Y))
        cost = np.sum(np.where(infinite & (positive == Y), 0, terms)) / _count_samples(Z)
    return cost


@overload
def softmax_cross_entropy(Z: np.ndarray, Y: Any) -> Any: ...
@overload
def softmax_cross_entropy(Z: Array, Y: Any) -> Array: ...
@with_upcast
def softmax_cross_entropy(Z: Any, Y: Any) -> Any:
    """Compute -1/m Σ log softmax(z)[y]: the cross-entropy of the softmax of each column of logits.

    Parameters
    ----------
    Z : array or Tensor
        Logits, (classes, m).
    Y : array or Tensor
        Integer labels, (m,) or (1, m), or a column of class probabilities for each sample, (classes, m), for
        example one-hot.

    Returns
    -------
    number or Tensor
        The loss, 0-d.

    Raises
    ------
    TypeError
        If an argument is not an array or Tensor.
    ValueError
        If a shape does not fit, a label lies outside 0 ... classes - 1, or a column does not sum to 1.

    References
    ----------
    Course, week 4.

    Examples
    --------
    >>> Z = np.log(np.array([[0.5, 0.1], [0.5, 0.9]]))
    >>> softmax_cross_entropy(Z, np.array([0, 1])).round(4)
    np.float64(0.3993)
    >>> softmax_cross_entropy(Z, np.eye(2)).round(4)
    np.float64(0.3993)
    """
    Z, Y = arrays("softmax_cross_entropy", Z, Y)
    check_classes(Z, Y)
    P = one_hot(Z, Y)
    logs = log_softmax(Z)
    with np.errstate(invalid="ignore"):
        cost = cost_of_classes(P, logs)
    if cost != cost:  # a class with logit -inf and probability 0 costs 0, where 0 * -inf is nan
        cost = (P * np.where((logs == -np.inf) & (P == 0), 0, logs)).sum() / -Z.shape[-1]
    return cost


@overload
def mean_squared_error(A: np.ndarray, Y: Any) -> Any: ...
@overload
def mean_squared_error(A: Array, Y: Any) -> Array: ...
@with_upcast
def mean_squared_error(A: Any, Y: Any) -> Any:
    """Compute 1/m Σ (a - y)².

    Parameters
    ----------
    A : array or Tensor
        Predictions, (n, m).
    Y : array or Tensor
        Targets, (n, m).

    Returns
    -------
    number or Tensor
        The loss, 0-d.

    Raises
    ------
    TypeError
        If an argument is not an array or Tensor.
    ValueError
        If the shapes differ or are empty.

    Examples
    --------
    >>> mean_squared_error(np.array([[1.0, 2.0]]), np.array([[1.0, 4.0]]))
    np.float64(2.0)
    """
    A, Y = _samples("mean_squared_error", A, Y)
    return np.sum(np.square(A - Y)) / _count_samples(A)


# ---- the formulas, without checks


def cost_of_probabilities(A: Any, Y: Any, not_Y: Any, one: Any = 1, tiny: Any = TINY) -> Any:
    """Compute the binary cross-entropy of probabilities `A`; faster if `one` and `tiny` are arrays of its dtype."""
    return np.add.reduce(Y * np.log(A + tiny) + not_Y * np.log(one - A + tiny), None) / -_count_samples(A)


def cost_of_logits(Z: Any, Y: Any) -> Any:
    """Compute the binary cross-entropy of finite logits `Z`."""
    return np.add.reduce(_terms_of_logits(Z, Y), None) / _count_samples(Z)


def _terms_of_logits(Z, Y):
    return np.maximum(Z, 0) + np.log1p(np.exp(-np.abs(Z))) - Y * Z  # faster than np.logaddexp(0, Z)


def cost_of_classes(P: Any, logs: Any) -> Any:
    """Compute the cross-entropy of the logarithms of a softmax, for columns of probabilities `P`."""
    return (P * logs).sum() / -P.shape[-1]


def _count_samples(A):
    return A.shape[-1] if A.shape else 1


# ---- labels


_last: tuple[Any, ...] = (lambda: None,)  # a reference to labels; what their check depends on; its result


def once(check, *args):
    """Return `check(*args)`, computed once for read-only labels, the last of `args`, such as those of a Tensor."""
    global _last
    last, Y = _last, args[-1]
    if type(Y) is not np.ndarray or Y.base is not None or Y.flags.writeable:
        return check(*args)
    key = check, args[:-1], Y.shape, Y.tobytes()  # their owner may have changed them
    if last[0]() is not Y or last[1] != key:
        _last = last = weakref.ref(Y, _forget), key, check(*args)
    return last[2]


def _forget(labels):
    """Free the result that belongs to `labels` that were freed."""
    global _last
    if _last[0] is labels:
        _last = (lambda: None,)


def floats(Y: Any, A: Any) -> Any:
    """Convert labels `Y` to the float type of the predictions `A`: in uint8, 1 - 2 is 255."""
    return Y.astype(A.dtype) if Y.dtype != A.dtype and Y.dtype.kind in "biuf" and A.dtype.kind == "f" else Y


def _samples(loss, A, Y):
    """Return `A` and `Y` as arrays of one float type. Raises ValueError if their shapes differ."""
    A, Y = arrays(loss, A, Y)
    if A.shape != Y.shape:
        advice = f": pass np.reshape(Y, {A.shape})" if A.size == Y.size else ""
        raise ValueError(f"{loss}: expected predictions and labels of one shape, got {A.shape} and {Y.shape}{advice}.")
    if not A.size:
        raise ValueError(f"{loss}: expected at least one sample, got the shape {A.shape}.")
    return A, floats(Y, A)


def arrays(where: Any, *given: Any) -> Any:
    """Convert data frames among `given` to arrays. Raises TypeError for other values than these, arrays and Tensors."""
    return [value if type(value) is np.ndarray else _array(where, value) for value in given]


def _array(where, value):
    kind = type(value)
    if not hasattr(value, "shape"):
        raise TypeError(f"{where}: expected arrays or Tensors, got a {kind.__name__}: pass np.array(...).")
    return np.asarray(value) if hasattr(kind, "__array__") and not hasattr(kind, "__array_function__") else value


def _check_range(loss, what, values, advice=""):
    low, high = np.minimum.reduce(values, axis=None), np.maximum.reduce(values, axis=None)
    if low < 0 or high > 1:
        raise ValueError(f"{loss}: expected {what} in [0, 1], got {low:.4g} to {high:.4g}{advice}.")


def complement(loss, Y):
    """Return 1 - Y. Raises ValueError unless the labels `Y` lie in [0, 1]."""
    not_Y = 1 - Y
    if np.minimum.reduce(Y * not_Y, axis=None) < 0:  # one reduction for two
        _check_range(loss, "labels", Y)
    return not_Y


def check_classes(Z: Any, Y: Any) -> Any:
    """Return the sum of each column of class probabilities, or 1 for integer labels.

    Raises ValueError unless the labels `Y` fit the logits `Z`.
    """
    if Z.ndim != 2 or not Z.size:
        raise ValueError(f"softmax_cross_entropy: expected logits of shape (classes, m), got {Z.shape}.")
    classes, m = Z.shape
    if _holds_probabilities(Z, Y):
        return once(_sums_of_probabilities, "softmax_cross_entropy", Y)
    if Y.shape not in ((m,), (1, m)) or Y.dtype.kind not in "iu":
        advice = ": pass Y.astype(int)" if Y.shape in ((m,), (1, m)) and Y.dtype.kind in "bf" else ""
        raise ValueError(
            f"softmax_cross_entropy: expected integer labels of shape ({m},) or one-hot labels of shape "
            f"({classes}, {m}) for logits of shape {Z.shape}, got {Y.dtype} of shape {Y.shape}{advice}."
        )
    low, high = np.minimum.reduce(Y, axis=None), np.maximum.reduce(Y, axis=None)
    if low < 0 or high >= classes:
        raise ValueError(f"softmax_cross_entropy: expected labels in 0 ... {classes - 1}, got {low} to {high}.")
    return 1


def _sums_of_probabilities(loss, Y):
    _check_range(loss, "class probabilities", Y)
    sums = np.add.reduce(Y, axis=0)
    if not np.maximum.reduce(np.abs(sums - 1)) <= 1e-3:  # nan is not
        advice = "; for one output, take binary_cross_entropy" if len(Y) == 1 else ""
        raise ValueError(f"{loss}: expected columns of class probabilities that sum to 1{advice}.")
    return sums


def _holds_probabilities(Z, Y):
    return Y.shape == Z.shape and not (len(Z) == 1 and Y.dtype.kind in "iu")


def one_hot(Z: Any, Y: Any) -> Any:
    """Convert the labels `Y` of the logits `Z` to a column of probabilities for each sample."""
    if _holds_probabilities(Z, Y):
        return floats(Y, Z)
    return np.arange(len(Z))[:, np.newaxis] == np.reshape(Y, -1)
