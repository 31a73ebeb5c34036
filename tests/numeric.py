"""The oracle: derivatives by central differences, in float64, that know nothing of any rule."""

from collections.abc import Callable, Sequence

import numpy as np

STEP = 2e-3  # extrapolated: an error of order STEP**4 from the curve, and 1e-16 / STEP from rounding


def slope(f: Callable[[float], float]) -> float:
    """The derivative of `f` at 0: two central differences, of steps h and h/2, extrapolated to a step of 0."""
    wide, narrow = ((f(h) - f(-h)) / (2 * h) for h in (STEP, STEP / 2))
    return (4 * narrow - wide) / 3


def gradient(f: Callable[..., float], arrays: Sequence[np.ndarray], argnum: int = 0) -> np.ndarray:
    """The derivative of `f(*arrays)`, a number, with respect to each element of `arrays[argnum]`."""
    x = np.array(arrays[argnum], dtype=float)
    result = np.empty_like(x)
    for index in np.ndindex(x.shape):

        def at(step, index=index):
            moved = x.copy()
            moved[index] += step
            return float(f(*arrays[:argnum], moved, *arrays[argnum + 1 :]))

        result[index] = slope(at)
    return result


def assert_equal(actual: np.ndarray, expected: np.ndarray, rtol: float = 1e-6) -> None:
    """Raise unless a gradient is, shape included, what the differences say, to within the scale of the gradient."""
    assert actual.shape == expected.shape
    np.testing.assert_allclose(actual, expected, rtol=rtol, atol=rtol * max(np.abs(expected).max(initial=0), 1e-3))


def assert_gradient(
    actual: np.ndarray, f: Callable[..., float], arrays: Sequence[np.ndarray], argnum: int, elements: bool = True
) -> None:
    """Raise unless a gradient is what the differences give: of all `elements`, or along one direction across them."""
    if elements:
        return assert_equal(actual, gradient(f, arrays, argnum))
    x = np.asarray(arrays[argnum], dtype=float)
    rng = np.random.default_rng(3)
    direction = rng.choice([-1.0, 1.0], x.shape) * rng.uniform(0.5, 1, x.shape)  # no element next to 0
    found = slope(lambda step: float(f(*arrays[:argnum], x + step * direction, *arrays[argnum + 1 :])))
    assert actual.shape == x.shape
    scale = max(np.abs(actual).max(initial=0), 1e-3)
    np.testing.assert_allclose(np.sum(actual * direction), found, rtol=1e-6, atol=1e-6 * scale)
