"""Pictures of a graph: `draw` gives a `Drawing`, which shows itself in a notebook and renders to a file.

What is to be seen is read into a `graph.Graph`; `dot` and `backward` say how it looks as DOT text, `engine` has it laid
out, and `page` puts it on a page where one steps through backprop. `plots` are curves and fields, by matplotlib.
"""

import importlib
from typing import TYPE_CHECKING

from .drawing import Drawing, draw
from .engine import set_engine
from .page import explore

__all__ = ["Drawing", "draw", "explore", "plots", "set_engine"]

if TYPE_CHECKING:
    from . import plots
else:

    def __getattr__(name):
        if name == "plots":  # imported when it is asked for
            return importlib.import_module(".plots", __name__)
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
