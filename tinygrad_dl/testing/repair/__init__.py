"""Causes of wrong gradients in the code itself: the one small change of it that makes them right.

`slips` has the kinds of changes of an expression, `mutations` puts each into a syntax tree in turn, and `search` judges
the changed functions again. No formula is needed: what is right is given as a function that judges.
"""

from .search import repairs, repairs_in, repairs_of

__all__ = ["repairs", "repairs_in", "repairs_of"]
