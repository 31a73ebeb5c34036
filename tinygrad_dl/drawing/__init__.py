"""Pictures of a graph: `draw` gives a `Drawing`, which shows itself in a notebook and renders to a file.

The graph is read into a `graph.Graph`; `dot` and `backward` describe it as DOT text, `engine` lays it out, and `page`
makes a page to step through backprop. `plots` are curves and fields, by matplotlib.
"""

import importlib
from typing import TYPE_CHECKING

from .. import _guesses
from .drawing import Drawing, draw
from .engine import set_engine
from .page import explore

__all__ = ["Drawing", "draw", "explore", "plots", "set_engine"]

if TYPE_CHECKING:
    from . import plots
else:

    def __getattr__(name):
        if name == "plots":  # imported on first use
            return importlib.import_module(".plots", __name__)
        raise _guesses.missing_name(__name__, name, __all__)

    def __dir__():
        return __all__
