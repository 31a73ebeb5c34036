"""Causes of wrong gradients in the code itself: the one small change of it that makes them right.

`slips` has the kinds of changes of an expression, `mutations` puts each into a syntax tree in turn, and `search` judges
the changed functions again. No formula is needed: what is right is given as a function that judges.
"""

from .mutations import copy_of
from .search import Claim, Look, Patch, called_by, numeric_gradient, patch_of, repairs, repairs_of

__all__ = ["Claim", "Look", "Patch", "called_by", "copy_of", "numeric_gradient", "patch_of", "repairs", "repairs_of"]
