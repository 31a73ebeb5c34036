"""What to check gradients against. `formulas` holds the backprop that the course derives by hand."""

from . import formulas

__all__ = ["formulas"]
