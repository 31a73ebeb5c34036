"""Summaries of large graphs: calls of Modules as one unit, and repeated blocks drawn once.

`choosing.py` has `fold`, `views.py` its result; `programs.py` compares nodes, `plans.py` finds Modules and runs.
"""

from .choosing import fold
from .views import Frame, Link, Unit, View

__all__ = ["Frame", "Link", "Unit", "View", "fold"]
