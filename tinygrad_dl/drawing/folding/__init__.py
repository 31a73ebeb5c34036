"""Which parts of a graph are summed up, so that its picture can be read: Modules, repeated blocks, or long runs.

`choosing.py` has `fold`, `views.py` what comes out; `rolling.py` finds repeated blocks, and `ordering.py` makes them
stand next to each other.
"""

from .choosing import fold
from .views import Frame, Link, Unit, View

__all__ = ["Frame", "Link", "Unit", "View", "fold"]
