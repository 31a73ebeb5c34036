"""Initializers: `init(shape, rng)` draws the weights of a layer of shape (n_out, n_in).

Weights must differ, or all units of a layer would stay equal; these functions choose their variance.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

Initializer = Callable[[tuple[int, int], "np.random.Generator"], np.ndarray]


def zeros(shape: tuple[int, int], rng: np.random.Generator | None = None) -> np.ndarray:
    """Return zeros: right for biases, wrong for weights, which would keep all units of a layer equal.

    Parameters
    ----------
    shape : tuple of int
        (n_out, n_in).
    rng : numpy.random.Generator, optional
        Ignored.

    Returns
    -------
    array
        Zeros, (n_out, n_in).

    Examples
    --------
    >>> zeros((1, 2))
    array([[0., 0.]])
    """
    return np.zeros(shape)


def normal(scale: float = 0.01, *_misplaced: object) -> Initializer:
    """Make an initializer that draws from N(0, scale²): the course's first, for shallow nets.

    Parameters
    ----------
    scale : float
        The standard deviation.

    Returns
    -------
    function
        `init(shape, rng)`, which gives an array (n_out, n_in).

    Raises
    ------
    TypeError
        If it is called like an initializer itself, with a shape and an `rng`.

    References
    ----------
    Course, week 3.

    Examples
    --------
    >>> normal(scale=0.1)((2, 3), np.random.default_rng(0)).shape
    (2, 3)
    """
    if _misplaced:
        raise TypeError("normal: expected init=normal(scale), got init=normal: pass a scale.")

    def draw(shape: tuple[int, int], rng: np.random.Generator) -> np.ndarray:
        return rng.normal(0.0, scale, shape)

    draw.__name__ = f"normal({scale})"
    return draw


def xavier(shape: tuple[int, int], rng: np.random.Generator) -> np.ndarray:
    """Draw from N(0, 1 / n_in), which keeps the variance from layer to layer, for tanh and sigmoid.

    Parameters
    ----------
    shape : tuple of int
        (n_out, n_in).
    rng : numpy.random.Generator
        The source of randomness.

    Returns
    -------
    array
        Weights, (n_out, n_in).

    References
    ----------
    Glorot and Bengio, "Understanding the difficulty of training deep feedforward neural networks", 2010.

    Examples
    --------
    >>> xavier((2, 100), np.random.default_rng(0)).std().round(2)
    np.float64(0.1)
    """
    return rng.normal(0.0, np.sqrt(1 / shape[1]), shape)


def he(shape: tuple[int, int], rng: np.random.Generator) -> np.ndarray:
    """Draw from N(0, 2 / n_in), which keeps the variance through a relu.

    Parameters
    ----------
    shape : tuple of int
        (n_out, n_in).
    rng : numpy.random.Generator
        The source of randomness.

    Returns
    -------
    array
        Weights, (n_out, n_in).

    References
    ----------
    He, Zhang, Ren and Sun, "Delving deep into rectifiers", 2015.

    Examples
    --------
    >>> he((2, 200), np.random.default_rng(0)).std().round(2)
    np.float64(0.1)
    """
    return rng.normal(0.0, np.sqrt(2 / shape[1]), shape)


BY_NAME = {"he": he, "xavier": xavier, "zeros": zeros}
