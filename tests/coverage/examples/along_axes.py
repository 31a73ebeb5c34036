"""Functions that call a function of yours along axes."""

from typing import Any

import numpy as np

from tinygrad_dl.coverage.cases import real, table


def scaled(v: Any, factor: Any = 1) -> Any:
    return v * np.sum(v) * factor


CASES = table(
    (np.apply_along_axis, "to vectors", lambda x: np.apply_along_axis(scaled, 1, x), real(2, 3)),
    (np.apply_along_axis, "to numbers", lambda x: np.apply_along_axis(np.prod, 0, x), real(2, 3)),
    (np.apply_along_axis, "to matrices", lambda x: np.apply_along_axis(np.diag, 0, x), real(2, 3)),
    (np.apply_along_axis, "more arguments", lambda x: np.apply_along_axis(scaled, -1, x, factor=2), real(2, 2, 2)),
    (np.apply_along_axis, "of a vector", lambda x: np.apply_along_axis(scaled, 0, x, 3), real(3)),
    (np.apply_over_axes, "axes gone", lambda x: np.apply_over_axes(np.sum, x, [0, 2]), real(2, 2, 2)),
    (np.apply_over_axes, "axes kept", lambda x: np.apply_over_axes(np.flip, x, -1), real(2, 3)),
)
