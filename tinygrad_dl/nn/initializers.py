"""Initializers: `init(shape, rng)` draws the weights of a layer of shape (n_out, n_in).

Weights must differ, or all units of a layer would stay the same unit; how much is what these functions choose.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

Initializer = Callable[[tuple[int, int], "np.random.Generator"], np.ndarray]


def zeros(shape: tuple[int, int], rng: np.random.Generator | None = None) -> np.ndarray:
    """Zeros: right for biases; weights of zero make all units of a layer alike, forever.

    >>> zeros((1, 2))
    array([[0., 0.]])
    """
    return np.zeros(shape)


def normal(scale: float = 0.01, *misplaced: object) -> Initializer:
    """An initializer that draws from N(0, scale²): the course's first, for shallow nets.

    >>> normal(scale=0.1)((2, 3), np.random.default_rng(0)).shape
    (2, 3)
    """

    if misplaced:
        raise TypeError("normal: expected init=normal(scale), which draws; got normal itself.")

    def draw(shape: tuple[int, int], rng: np.random.Generator) -> np.ndarray:
        return rng.normal(0.0, scale, shape)

    draw.__name__ = f"normal({scale})"
    return draw


def xavier(shape: tuple[int, int], rng: np.random.Generator) -> np.ndarray:
    """Draws from N(0, 1 / n_in): keeps the variance from layer to layer, for tanh and sigmoid (Glorot, Bengio 2010).

    >>> xavier((2, 100), np.random.default_rng(0)).std().round(2)
    np.float64(0.1)
    """
    return rng.normal(0.0, np.sqrt(1 / shape[1]), shape)


def he(shape: tuple[int, int], rng: np.random.Generator) -> np.ndarray:
    """Draws from N(0, 2 / n_in): keeps the variance through relu, which halves it (He et al. 2015).

    >>> he((2, 200), np.random.default_rng(0)).std().round(2)
    np.float64(0.1)
    """
    return rng.normal(0.0, np.sqrt(2 / shape[1]), shape)
