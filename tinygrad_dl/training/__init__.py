"""Training: `fit`, and the `History` of a run."""

from .fitting import fit
from .history import History

__all__ = ["History", "fit"]
