"""Convolution and pooling (course 4, week 1), as loops over places, with samples last."""

import itertools
from collections.abc import Iterator
from typing import Literal

import numpy as np

Array = np.ndarray


def conv_forward(A_prev: Array, W: Array, b: Array, stride: int = 1, padding: int = 0) -> Array:
    """Compute Z: at each place the sum of the product of a slice of the images and a filter, plus a bias.

    Parameters
    ----------
    A_prev
        Images, (c, h, w, m).
    W, b
        Filters, (c_out, c, f, f), and biases, (c_out, 1).
    stride, padding
        The step from slice to slice, and the number of zeros around an image.

    Returns
    -------
    array
        Z, (c_out, h_out, w_out, m).

    Examples
    --------
    >>> conv_forward(np.ones((1, 3, 3, 2)), np.ones((1, 1, 2, 2)), np.zeros((1, 1)))[0, :, :, 0]
    array([[4., 4.],
           [4., 4.]])
    """
    P = _padded(A_prev, padding)
    f = W.shape[2]
    n_h, n_w = ((n - f) // stride + 1 for n in P.shape[1:3])
    Z = np.zeros((len(W), n_h, n_w, A_prev.shape[3]))
    for h, w, rows, columns in _places(n_h, n_w, f, stride):
        a_slice = P[:, rows, columns]
        Z[:, h, w] = np.tensordot(W, a_slice, axes=3) + b
    return Z


def conv_backward(dZ: Array, A_prev: Array, W: Array, stride: int = 1, padding: int = 0) -> tuple[Array, Array, Array]:
    """Compute dA_prev, dW and db of `conv_forward`, without a 1/m of the cost.

    At each place, dA_prev gets W dZ, dW gets the slice times dZ, and db gets dZ.

    Parameters
    ----------
    dZ
        The error of Z, (c_out, h_out, w_out, m).
    A_prev, W, stride, padding
        As in `conv_forward`.

    Returns
    -------
    dA_prev, dW, db
        Arrays of the shapes of A_prev, W and b.

    Examples
    --------
    >>> A_prev, W = np.ones((1, 3, 3, 2)), np.ones((1, 1, 2, 2))
    >>> dA_prev, dW, db = conv_backward(np.ones((1, 2, 2, 2)), A_prev, W)
    >>> dA_prev[0, :, :, 0]
    array([[1., 2., 1.],
           [2., 4., 2.],
           [1., 2., 1.]])
    """
    P = _padded(A_prev, padding)
    dP, dW, db = np.zeros(P.shape), np.zeros(W.shape), np.zeros((len(W), 1))
    _, n_h, n_w, _ = dZ.shape
    for h, w, rows, columns in _places(n_h, n_w, W.shape[2], stride):
        dP[:, rows, columns] += np.tensordot(W, dZ[:, h, w], axes=(0, 0))
        dW += np.tensordot(dZ[:, h, w], P[:, rows, columns], axes=(1, 3))
        db += np.sum(dZ[:, h, w], axis=1, keepdims=True)
    height, width = A_prev.shape[1:3]
    return dP[:, padding : padding + height, padding : padding + width], dW, db


def pool_forward(A_prev: Array, size: int, stride: int, mode: Literal["max", "average"] = "max") -> Array:
    """Compute the largest value, or the mean, of each slice of each channel.

    Parameters
    ----------
    A_prev
        Images, (c, h, w, m).
    size, stride
        The height and width of a slice, and the step from slice to slice.
    mode
        "max" or "average".

    Returns
    -------
    array
        A, (c, h_out, w_out, m).

    Examples
    --------
    >>> pool_forward(np.arange(4.0).reshape(1, 2, 2, 1), 2, 1)[0, :, :, 0]
    array([[3.]])
    """
    c, height, width, m = A_prev.shape
    n_h, n_w = ((n - size) // stride + 1 for n in (height, width))
    A = np.zeros((c, n_h, n_w, m))
    for h, w, rows, columns in _places(n_h, n_w, size, stride):
        a_slice = A_prev[:, rows, columns]
        A[:, h, w] = np.max(a_slice, axis=(1, 2)) if mode == "max" else np.mean(a_slice, axis=(1, 2))
    return A


def pool_backward(dA: Array, A_prev: Array, size: int, stride: int, mode: Literal["max", "average"] = "max") -> Array:
    """Compute dA_prev of `pool_forward`: dA goes to the largest value of a slice, or evenly to all.

    Parameters
    ----------
    dA
        The error of the outputs, (c, h_out, w_out, m).
    A_prev, size, stride, mode
        As in `pool_forward`.

    Returns
    -------
    array
        dA_prev, (c, h, w, m).

    Examples
    --------
    >>> pool_backward(np.ones((1, 1, 1, 1)), np.arange(4.0).reshape(1, 2, 2, 1), 2, 1)[0, :, :, 0]
    array([[0., 0.],
           [0., 1.]])
    """
    dA_prev = np.zeros(A_prev.shape)
    _, n_h, n_w, _ = dA.shape
    for h, w, rows, columns in _places(n_h, n_w, size, stride):
        a_slice, da = A_prev[:, rows, columns], dA[:, h, w][:, np.newaxis, np.newaxis]
        mask = a_slice == np.max(a_slice, axis=(1, 2), keepdims=True) if mode == "max" else 1 / size**2
        dA_prev[:, rows, columns] += mask * da
    return dA_prev


def _padded(A: Array, padding: int) -> Array:
    return np.pad(A, ((0, 0), (padding, padding), (padding, padding), (0, 0)))


def _places(n_h: int, n_w: int, size: int, stride: int) -> Iterator[tuple[int, int, slice, slice]]:
    """Yield each place of the output, and the rows and columns of its slice of the input."""
    for h, w in itertools.product(range(n_h), range(n_w)):
        yield h, w, slice(h * stride, h * stride + size), slice(w * stride, w * stride + size)
