"""Is this gradient right, and if not, what is wrong with it?

`check_gradients` and `check_pair` hold derivatives against differences, by autodiff or by hand; `given_gradients` makes
a property-based test of that, with `strategies` for arrays, nets and programs (the extra `hypothesis`);
`check_backprop` says which formula of a hand derivation is wrong, and how; `formulas` is the course's backprop.
"""

import importlib
from typing import TYPE_CHECKING

from . import formulas
from .backprop import BackpropReport, check_backprop
from .gradcheck import GradientError, GradientReport, UndecidedWarning, check_gradients, check_pair
from .properties import check_laws, given_gradients

__all__ = [
    "BackpropReport",
    "GradientError",
    "GradientReport",
    "UndecidedWarning",
    "check_backprop",
    "check_gradients",
    "check_laws",
    "check_pair",
    "formulas",
    "given_gradients",
    "strategies",
]

if TYPE_CHECKING:
    from . import strategies
else:

    def __getattr__(name):
        if name == "strategies":  # imports Hypothesis, so it is imported when asked for
            return importlib.import_module(".strategies", __name__)
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
