"""The checks of each example of a differentiable function, one for each column of the table."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

import numpy as np

from .. import pytree
from ..functional import vjp
from ..testing.gradcheck import GradientError, GradientReport, gradients_report
from .cases import Case


class NotApplicable(Exception):
    """Raised by a check of what NumPy itself does not do, such as a cube root of complex numbers."""


class NotDecided(Exception):
    """Raised by a check in which all differences by an argument are too noisy to confirm anything but a zero."""


def first_order(case: Case) -> None:
    """Compare the gradient with respect to each argument with differences."""
    _agrees(gradients_report(case.call, *case.arrays(), modes=["vjp"]))


def second_order(case: Case) -> None:
    """Compare the gradient of the gradient with differences of the gradient."""
    _agrees(gradients_report(case.call, *case.arrays(), modes=["vjp"], order=2))


def forward_mode(case: Case) -> None:
    """Compare the tangent of `jvp` with differences."""
    _agrees(gradients_report(case.call, *case.arrays(), modes=["jvp"]))


def complex_numbers(case: Case) -> None:
    """Compare with differences at complex arguments, in both modes."""
    rng = np.random.default_rng(2)
    arrays = [x + 0.1j * rng.uniform(1, 2, x.shape) for x in case.arrays()]
    with warnings.catch_warnings():
        warnings.simplefilter("error", np.exceptions.ComplexWarning)
        try:
            case.call(*arrays)
        except (TypeError, ValueError, np.exceptions.ComplexWarning) as error:
            raise NotApplicable from error
    _agrees(gradients_report(case.call, *arrays))


def float32_kept(case: Case) -> None:
    """Values and gradients of float32 have the dtype that NumPy gives, and agree with those of float64."""
    arrays = case.arrays()
    narrow = [x.astype(np.float32) for x in arrays]
    value, pullback = vjp(case.call, *narrow)
    wide_value, wide_pullback = vjp(case.call, *arrays)
    for given, expected in zip(pytree.leaves(value), pytree.leaves(case.call(*narrow)), strict=True):
        _has_dtype(np.asarray(expected).dtype, "the value", given)
    gradients = pullback(pytree.map_leaves(np.ones_like, value))
    for gradient, wide in zip(gradients, wide_pullback(pytree.map_leaves(np.ones_like, wide_value)), strict=True):
        _has_dtype(np.dtype(np.float32), "a gradient", gradient)
        np.testing.assert_allclose(gradient, wide, rtol=1e-3, atol=1e-3 * np.abs(wide).max(initial=1e-3))


CHECKS: dict[str, Callable[[Case], None]] = {  # the column -> what must hold of every example
    "first": first_order,
    "second": second_order,
    "forward": forward_mode,
    "complex": complex_numbers,
    "float32": float32_kept,
}


def failure(check: Callable[[Case], None], case: Case) -> str | None:
    """Describe the fault of an example in a line; "" if there is none. Raises NotApplicable or NotDecided."""
    try:
        with np.errstate(all="ignore"):
            check(case)
    except (AssertionError, TypeError, ValueError) as error:
        return f"{case.name}: {type(error).__name__}: {next(filter(str.strip, str(error).splitlines()), '')}"
    return None


def _has_dtype(expected: np.dtype, what: str, given: Any) -> None:
    if np.asarray(given).dtype != expected:
        raise AssertionError(f"{what} has dtype {np.asarray(given).dtype}")


def _agrees(report: GradientReport) -> None:
    if report.verdict == "wrong":
        raise GradientError(report)
    if not all(row.decided for row in report.rows):
        raise NotDecided
