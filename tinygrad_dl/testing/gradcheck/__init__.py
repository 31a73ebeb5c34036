"""Numerical gradient checks: `check_gradients` for derivative rules, `check_pair` for a backward pass by hand.

From the inside out: `differences` computes slopes along a line and their errors; `coordinates` and `arguments` reduce
any function to one of real numbers; `claim` pairs such a function with its claimed derivative; `comparison` and
`verdict` compare the two; `blame` finds the wrong rule; `report` writes the result; `check` is the public interface.
"""

from .check import check_gradients, check_pair, gradients_report, pair_report
from .report import GradientError, GradientReport, Mistake, UndecidedWarning

__all__ = [
    "GradientError",
    "GradientReport",
    "Mistake",
    "UndecidedWarning",
    "check_gradients",
    "check_pair",
    "gradients_report",
    "pair_report",
]
