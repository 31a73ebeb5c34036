"""The oracle: derivatives by central differences, in float64, that know nothing of any rule."""

from collections.abc import Callable, Sequence

import numpy as np

STEP = 2e-3  # extrapolated: an error of order STEP**4 from the curve, and 1e-16 / STEP from rounding


def gradient(f: Callable[..., float], arrays: Sequence[np.ndarray], argnum: int = 0) -> np.ndarray:
    """The derivative of `f(*arrays)`, a number, by each element of `arrays[argnum]`.

    Two central differences, of steps h and h/2, extrapolated to a step of 0 (Richardson).
    """
    x = np.array(arrays[argnum], dtype=float)
    result = np.empty_like(x)
    for index in np.ndindex(x.shape):

        def at(step, index=index):
            moved = x.copy()
            moved[index] += step
            return float(f(*arrays[:argnum], moved, *arrays[argnum + 1 :]))

        wide, narrow = ((at(h) - at(-h)) / (2 * h) for h in (STEP, STEP / 2))
        result[index] = (4 * narrow - wide) / 3
    return result


def assert_equal(actual: np.ndarray, expected: np.ndarray, rtol: float = 1e-6) -> None:
    """Raise unless a gradient is, shape included, what the differences say, to within the scale of the gradient."""
    assert actual.shape == expected.shape
    np.testing.assert_allclose(actual, expected, rtol=rtol, atol=rtol * max(np.abs(expected).max(initial=0), 1e-3))
