"""Pictures of a graph: `draw` gives a `Drawing`, which shows itself in a notebook and renders to a file.

What a picture says is in `dot.py`; the program that lays it out is found and run in `engine.py`.
"""

from .dot import Drawing, draw

__all__ = ["Drawing", "draw"]
