"""The formula of an operation and of its derivatives, in NumPy's syntax: the real rule is traced, and printed.

`tracing.py` has the functions, `symbols.py` what a rule is run on, `printing.py` and `literals.py` make text of it.
"""

from .printing import Formula
from .tracing import derivative, expression, parameter_names

__all__ = ["Formula", "derivative", "expression", "parameter_names"]
