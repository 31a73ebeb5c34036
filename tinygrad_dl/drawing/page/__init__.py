"""`explore`: backprop through a graph as a page to step through: one HTML file, which needs no network.

`contents` says what there is to see, `pictures` has it laid out, `document` makes the file; what the file does is in
the scripts and style sheets beside them.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

from ...files import whole_file
from ...tensor import Tensor
from ..graph import Graph, outputs_of
from .contents import contents_of
from .document import assembled
from .pictures import pictures_of

MAX_VALUES = 400  # numbers of an array
MAX_NODES = 2000


def explore(
    x: Tensor | Callable,
    path: str | os.PathLike = "backprop.html",
    *inputs: Any,
    max_values: int = MAX_VALUES,
    max_nodes: int = MAX_NODES,
    title: str | None = None,
) -> Path:
    """Write a page on which one steps through backprop from `x`, a loss, forward and backward; give its path.

    With `inputs`, `x` is a function or a net, and the page is of `x(*inputs)`. Open the file in any browser: it is one
    file, which needs no network and asks for none. It shows each operation, what it computes, and going back, the
    derivative that arrives, each that leaves, with its formula, and how they add up, beside the formula of the course
    where there is one. No `grad` is touched.

    Of each array the page has at most `max_values` numbers, fewer if there are very many arrays; and of a graph with
    more than `max_nodes` nodes there is none. Lines of source are known of what was recorded in `with tg.debug():`.

    Raises TypeError for what is no Tensor, ValueError for one that is not a single number or not computed from
    parameters, for too large a graph, and for a path that doesn't end in .html; FileNotFoundError where there is no
    such folder, IsADirectoryError if a folder is in place. A file is replaced whole, or not.

    >>> import tempfile
    >>> import numpy as np
    >>> import tinygrad_dl as tg
    >>> w = tg.parameter([0.5, -1.0], name="w")
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     explore(np.sum(w**2), f"{folder}/sum.html").name
    'sum.html'
    """
    path = _checked_path(path)
    if max_values < 1:
        raise ValueError(f"explore: expected max_values of 1 or more, got {max_values}.")
    outputs = outputs_of("explore", x, inputs)
    if len(outputs) != 1:
        raise ValueError(f"explore: expected one loss, got {len(outputs)} Tensors: explore one, or their sum.")
    _check_loss(outputs[0])
    graph = Graph(outputs)
    if len(graph.nodes) > max_nodes:
        raise ValueError(
            f"explore: expected a graph of at most {max_nodes:,} nodes, got {len(graph.nodes):,}: explore fewer layers "
            f"or time steps, or say max_nodes={len(graph.nodes)} and wait for a large page."
        )
    shown, note = pictures_of(graph)
    page = assembled(contents_of(graph, _title(outputs[0], title), shown, max_values, note))
    with whole_file(path) as part:
        part.write_text(page, encoding="utf-8")
    return path


def _checked_path(path: str | os.PathLike) -> Path:
    if not isinstance(path, (str, os.PathLike)):
        raise TypeError(
            f"explore: expected the path of the page second, got {type(path).__name__}: say explore(net, "
            f'"backprop.html", X), the inputs after the path.'
        )
    path = Path(path)
    if path.suffix.lower() not in (".html", ".htm"):
        raise ValueError(f"explore: expected a path that ends in .html, got {str(path)!r}.")
    if not path.parent.is_dir():
        raise FileNotFoundError(f"explore: there is no folder {str(path.parent)!r} for {path.name!r}: make it first.")
    if path.is_dir():
        raise IsADirectoryError(f"explore: expected the path of a file, got the folder {str(path)!r}.")
    return path


def _check_loss(loss: Tensor) -> None:
    name = f"Tensor {loss.name!r}" if loss.name else "a Tensor"
    if not loss.requires_grad:
        raise ValueError(
            f"explore: {name} of shape {loss.shape} was not computed from parameters, so nothing goes back from it: "
            f"make them with tg.parameter(...), outside of tg.no_grad()."
        )
    if loss.size != 1 or loss.dtype.kind == "c":
        raise ValueError(
            f"explore: backprop starts at one real number, such as a loss; got {name} of shape {loss.shape}, "
            f"{loss.dtype}: explore np.sum(x) or np.mean(x)."
        )


def _title(loss: Tensor, title: str | None) -> str:
    if title is not None:
        return title
    return f"Backprop from {loss.name}" if loss.name else "Backprop, step by step"
