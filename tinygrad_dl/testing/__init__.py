"""Gradient checking: numerical, property-based, and against hand-derived backprop.

`check` checks what was derived by hand: a file, a function, a pair of functions, a layer, a network. Behind it,
`check_gradients` and `check_pair` compare derivatives, by autodiff or by hand, with finite differences, and
`check_backprop` diagnoses the formulas of a hand derivation. `check_laws` and `given_gradients` test the properties of
derivatives, with `strategies` for arrays, networks and programs (the extra `hypothesis`); `formulas` is the course's
backprop.
"""

import importlib
from typing import TYPE_CHECKING

from .. import _guesses
from . import formulas
from .backprop import BackpropReport, check_backprop
from .gradcheck import GradientError, GradientReport, UndecidedWarning, check_gradients, check_pair
from .homework.check import CheckReport, check, test_file
from .properties import check_laws, given_gradients

__all__ = [
    "BackpropReport",
    "CheckReport",
    "GradientError",
    "GradientReport",
    "UndecidedWarning",
    "check",
    "check_backprop",
    "check_gradients",
    "check_laws",
    "check_pair",
    "formulas",
    "given_gradients",
    "strategies",
    "test_file",
]

if TYPE_CHECKING:
    from . import strategies
else:

    def __getattr__(name):
        if name == "strategies":  # imports Hypothesis, so it is imported on first use
            return importlib.import_module(".strategies", __name__)
        raise _guesses.missing_name(__name__, name, __all__)

    def __dir__():
        return __all__
