"""Formulas of operations and of their derivatives in NumPy's syntax, traced from the rules themselves.

`tracing.py` runs a rule on the Symbols of `symbols.py`; `printing.py` and `literals.py` print the result.
"""

from .printing import Formula
from .tracing import derivative, expression, parameter_names

__all__ = ["Formula", "derivative", "expression", "parameter_names"]
