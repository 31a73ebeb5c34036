"""Convolution and pooling of images, as a product of matrices over sliding windows. Samples are last.

Images are (channels, height, width, m): with the samples last, as columns are, so that a dense layer takes what
`flatten` returns. From (m, channels, height, width), `np.moveaxis(images, 0, -1)`; from (m, height, width, channels),
`np.transpose(images, (3, 1, 2, 0))`.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from .. import checks
from ..core.tensor import Tensor, parameter, untracked
from . import initializers
from .module import Module

_LAYOUT = "images are (channels, height, width, m)"


def conv2d(A: Any, W: Any, b: Any = 0.0, *, stride: int = 1, padding: int = 0) -> Any:
    """Compute the cross-correlation of images with filters, which deep learning calls convolution.

    Parameters
    ----------
    A : array or Tensor
        Images, (c, h, w, m).
    W : array or Tensor
        Filters, (c_out, c, k, l).
    b : array or Tensor
        Biases, (c_out, 1).
    stride : int
        The step from window to window, at least 1.
    padding : int
        The number of zeros around an image on each side.

    Returns
    -------
    array or Tensor
        (c_out, h_out, w_out, m), with h_out = (h + 2 padding - k) // stride + 1, and w_out likewise.

    Raises
    ------
    ValueError
        If the shapes do not fit, or a filter is larger than a padded image.

    References
    ----------
    Course 4, week 1.

    Examples
    --------
    >>> image = np.arange(9.0).reshape(1, 3, 3, 1)
    >>> conv2d(image, np.ones((1, 1, 2, 2)))[0, :, :, 0]
    array([[ 8., 12.],
           [20., 24.]])
    """
    stride = checks.whole_number("conv2d", "stride", stride)
    padding = checks.whole_number("conv2d", "padding", padding, least=0)
    if np.ndim(W) != 4:
        raise ValueError(f"conv2d: expected filters (c_out, c, k, l), got {np.shape(W)}.")
    filters, channels, *window = np.shape(W)
    _check_images("conv2d", A, window, padding, channels)
    if np.ndim(b) and np.shape(b) != (filters, 1):
        raise ValueError(f"conv2d: expected biases ({filters}, 1) for {filters} filters, got {np.shape(b)}.")
    if padding:
        A = np.pad(A, ((0, 0), (padding, padding), (padding, padding), (0, 0)))
    windows = _windows(A, window, stride)
    _, height, width, m = windows.shape[:4]
    columns: Any = np.reshape(np.transpose(windows, (0, 4, 5, 1, 2, 3)), (channels * window[0] * window[1], -1))
    if type(columns) is np.ndarray and type(W) is Tensor:
        columns = untracked(columns, "windows")  # in pictures and derivations, which would call them X
    return np.reshape(np.reshape(W, (filters, -1)) @ columns + b, (filters, height, width, m))


def max_pool2d(A: Any, size: int = 2, *, stride: int | None = None) -> Any:
    """Compute the largest value in each window of each channel; at a tie the cotangent is shared.

    Parameters
    ----------
    A : array or Tensor
        Images, (c, h, w, m).
    size : int
        The height and width of a window.
    stride : int, optional
        The step from window to window. The default is `size`.

    Returns
    -------
    array or Tensor
        (c, (h - size) // stride + 1, (w - size) // stride + 1, m).

    Raises
    ------
    ValueError
        If `A` is no images, or the window is larger than they are.

    References
    ----------
    Course 4, week 1.

    Examples
    --------
    >>> max_pool2d(np.arange(16.0).reshape(1, 4, 4, 1))[0, :, :, 0]
    array([[ 5.,  7.],
           [13., 15.]])
    """
    return np.max(_pooled("max_pool2d", A, size, stride), axis=(4, 5))


def average_pool2d(A: Any, size: int = 2, *, stride: int | None = None) -> Any:
    """Compute the mean of each window of each channel.

    Parameters
    ----------
    A : array or Tensor
        Images, (c, h, w, m).
    size : int
        The height and width of a window.
    stride : int, optional
        The step from window to window. The default is `size`.

    Returns
    -------
    array or Tensor
        (c, (h - size) // stride + 1, (w - size) // stride + 1, m).

    Raises
    ------
    ValueError
        If `A` is no images, or the window is larger than they are.

    References
    ----------
    Course 4, week 1.

    Examples
    --------
    >>> average_pool2d(np.arange(16.0).reshape(1, 4, 4, 1))[0, :, :, 0]
    array([[ 2.5,  4.5],
           [10.5, 12.5]])
    """
    return np.mean(_pooled("average_pool2d", A, size, stride), axis=(4, 5))


def flatten(A: Any) -> Any:
    """Reshape images (c, h, w, m) to columns (c h w, m), for a dense layer.

    Parameters
    ----------
    A : array or Tensor
        An array whose last axis is that of the samples.

    Returns
    -------
    array or Tensor
        A matrix with a column for each sample.

    Examples
    --------
    >>> flatten(np.ones((2, 3, 4, 5))).shape
    (24, 5)
    """
    return np.reshape(A, (-1, np.shape(A)[-1]))


class Conv2D(Module):
    """A convolutional layer: Z = W * A + b for images A (c_in, h, w, m); see `conv2d`.

    Parameters
    ----------
    c_in : int
        The number of channels of the inputs.
    c_out : int
        The number of filters.
    size : int
        The height and width of a filter.
    stride : int
        The step from window to window.
    padding : int
        The number of zeros around an image on each side.
    rng : numpy.random.Generator
        The source of randomness for the weights. Required.
    init : function or str
        The initializer of the weights, as for `Dense`: of the matrix (c_out, c_in size²).
    dtype : dtype
        The type of the parameters.

    Attributes
    ----------
    W : Tensor
        Filters, (c_out, c_in, size, size).
    b : Tensor
        Biases, (c_out, 1), initially zero.

    Raises
    ------
    ValueError
        If a size is below 1, or the inputs have another shape.
    TypeError
        If a size is not a whole number, or `rng` is missing.

    Examples
    --------
    >>> layer = Conv2D(1, 8, 3, padding=1, rng=np.random.default_rng(0))
    >>> layer(np.ones((1, 28, 28, 5))).shape
    (8, 28, 28, 5)
    """

    stride: int
    padding: int
    W: Tensor
    b: Tensor

    def __init__(
        self,
        c_in: int,
        c_out: int,
        size: int,
        *,
        stride: int = 1,
        padding: int = 0,
        rng: np.random.Generator | None = None,
        init: initializers.Initializer | str = initializers.he,
        dtype: Any = np.float64,
    ):
        c_in, c_out, size = (
            checks.whole_number("Conv2D", name, value)
            for name, value in (("c_in", c_in), ("c_out", c_out), ("size", size))
        )
        self.stride = checks.whole_number("Conv2D", "stride", stride)
        self.padding = checks.whole_number("Conv2D", "padding", padding, least=0)
        initialize = checks.named("Conv2D", "an initializer", init, initializers.BY_NAME)
        checks.function("Conv2D", "init", initialize, "tg.nn.he")
        shape = c_out, c_in * size**2
        W = np.asarray(initialize(shape, checks.generator("Conv2D", rng)), dtype)
        if W.shape != shape:
            raise ValueError(f"Conv2D({c_in}, {c_out}, {size}): expected init to give {shape}, got {W.shape}.")
        self.W = parameter(W.reshape(c_out, c_in, size, size), name="W")
        self.b = parameter(np.zeros((c_out, 1), dtype), name="b")

    def __call__(self, A: Any) -> Any:
        """Compute Z = W * A + b, (c_out, h_out, w_out, m), for images `A` (c_in, h, w, m)."""
        return conv2d(A, self.W, self.b, stride=self.stride, padding=self.padding)

    def __repr__(self) -> str:
        c_out, c_in, size, _ = self.W.shape
        return f"Conv2D({c_in}, {c_out}, {size})"


def _pooled(where: str, A: Any, size: int, stride: int | None) -> Any:
    """The windows of a pooling layer, (c, h_out, w_out, m, size, size)."""
    size = checks.whole_number(where, "size", size)
    stride = size if stride is None else checks.whole_number(where, "stride", stride)
    _check_images(where, A, [size, size], 0, None)
    return _windows(A, [size, size], stride)


def _windows(A: Any, window: list[int], stride: int) -> Any:
    windows: Any = sliding_window_view(A, window, axis=(1, 2))
    return windows if stride == 1 else windows[:, ::stride, ::stride]


def _check_images(where: str, A: Any, window: list[int], padding: int, channels: int | None) -> None:
    shape = np.shape(A)
    if len(shape) != 4:
        raise ValueError(f"{where}: expected (channels, height, width, m), got {shape}; {_LAYOUT}.")
    if channels is not None and shape[0] != channels:
        advice = ""
        if shape[1] == channels:
            advice = ": from (m, channels, height, width), pass np.moveaxis(A, 0, -1)"
        elif shape[3] == channels:
            advice = ": from (m, height, width, channels), pass np.transpose(A, (3, 1, 2, 0))"
        raise ValueError(f"{where}: expected {channels} channels on axis 0, got {shape}; {_LAYOUT}{advice}.")
    for axis, length in enumerate(window, start=1):
        if shape[axis] + 2 * padding < length:
            raise ValueError(
                f"{where}: expected at least {length} pixels on axis {axis}, got {shape[axis] + 2 * padding} of images "
                f"{shape} with padding {padding}; {_LAYOUT}."
            )
