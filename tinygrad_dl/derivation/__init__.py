"""Derivations: the backward pass of a loss as the formulas that a person would write down, in the course's notation.

`replay` records forward and backward pass as one program. `reading` simplifies it by a table of rules, with functions
that `patterns` recognises. `derivations` splits it into lines, and `latex` prints them in the notation of the course.
"""

from .derivations import Derivation, Step, derive

__all__ = ["Derivation", "Step", "derive"]
