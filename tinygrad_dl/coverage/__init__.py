"""The table of NumPy's functions, their derivatives and checks: `python -m tinygrad_dl.coverage`."""

from .listing import Listing, functions

__all__ = ["Listing", "functions"]
