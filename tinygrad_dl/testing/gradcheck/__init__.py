"""Derivatives held against differences: `check_gradients` those of the rules, `check_pair` those written by hand.

From the inside out: `differences` takes slopes along a line and measures their error; `coordinates` and `arguments`
make a function of anything one of real numbers; `claim` is such a function with what is said to be its derivative;
`comparison` and `verdict` tell right from wrong; `blame` finds the rule; `report` has the words; `check` is the front.
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
