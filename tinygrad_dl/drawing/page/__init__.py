"""`explore`: backprop through a graph as a page to step through: one HTML file, which needs no network.

`contents` collects the data, `pictures` lays them out, `document` assembles the file; its scripts and style sheets are
beside them.
"""

from __future__ import annotations

import operator
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from ..._files import whole_file
from ...core.tensor import Tensor
from ...graph.data_names import name_data
from ...graph.nodes import Graph
from ..input_tensors import tensors_to_show
from .contents import contents_of
from .document import assemble
from .frame import PagePath
from .pictures import pictures_of

MAX_VALUES = 400  # numbers of an array
MAX_NODES = 2000


def explore(
    x: Tensor | Callable[..., Any],
    path: str | os.PathLike[str] = "backprop.html",
    *inputs: Any,
    max_values: int = MAX_VALUES,
    max_nodes: int = MAX_NODES,
    title: str | None = None,
) -> Path:
    """Write a page to step through backprop from the loss `x`, forward and backward; return its path.

    The page shows each operation and its value and, going back, the arriving derivative, each derivative that leaves,
    with its formula, and their sums, beside the formula of the course if there is one. It is one file for any browser,
    and needs no network. No `grad` is changed.

    Parameters
    ----------
    x
        A Tensor of one number; with `inputs`, a net or a function, and the page is of `x(*inputs)`.
    path
        The file to write, which ends in .html. An existing file is replaced as a whole, or not at all.
    *inputs
        The arguments of `x`.
    max_values
        The largest number of values to show of an array; very many arrays have fewer.
    max_nodes
        The largest number of nodes in the graph.
    title
        The title of the page.

    Returns
    -------
    Path
        The path of the page; a notebook shows the page itself.

    Raises
    ------
    TypeError
        If `x` is no Tensor, or a function without its inputs.
    ValueError
        If the loss is not a single number computed from parameters, the graph is too large, or the path does not end in
        .html.
    FileNotFoundError, IsADirectoryError
        If the folder does not exist, or the path is a folder.

    Notes
    -----
    Layouts that together take more than a minute are left out. Tensors with equal names get numbers: `x#0`. The page
    has lines of source for operations recorded in `with tg.debug():`.

    Examples
    --------
    >>> import tempfile
    >>> import numpy as np
    >>> import tinygrad_dl as tg
    >>> w = tg.parameter([0.5, -1.0], name="w")
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     explore(np.sum(w**2), f"{folder}/sum.html").name
    'sum.html'
    """
    path = _check_path(path)
    max_values, max_nodes = _check_limit("max_values", max_values), _check_limit("max_nodes", max_nodes)
    if title is not None and not isinstance(title, str):
        raise TypeError(f"explore: expected a title of words, got {type(title).__name__} {title!r}: pass a str.")
    if callable(x) and not inputs:
        raise TypeError(
            f"explore: expected the inputs of {getattr(x, '__name__', type(x).__name__)}, got none: write explore(net, "
            f'"backprop.html", X), the inputs after the path.'
        )
    outputs = tensors_to_show("explore", x, inputs)
    if len(outputs) != 1:
        raise ValueError(f"explore: expected one loss, got {len(outputs)} Tensors: explore one, or their sum.")
    _check_loss(outputs[0])
    graph = Graph(outputs)
    name_data(graph)
    if len(graph.nodes) > max_nodes:
        raise ValueError(
            f"explore: expected a graph of at most {max_nodes:,} nodes, got {len(graph.nodes):,}: explore fewer layers "
            f"or time steps, or pass max_nodes={len(graph.nodes)} and wait for a large page."
        )
    shown, note = pictures_of(graph)
    page = assemble(contents_of(graph, _title(outputs[0], title), shown, max_values, note))
    with whole_file(path) as part:
        part.write_text(page, encoding="utf-8")
    return PagePath(path)


def _check_path(path: str | os.PathLike) -> Path:
    if not isinstance(path, (str, os.PathLike)):
        raise TypeError(
            f"explore: expected the path of the page second, got {type(path).__name__}: write explore(loss, "
            f'"backprop.html"), or explore(net, "backprop.html", X), the inputs after the path.'
        )
    path = Path(path)
    if path.suffix.lower() not in (".html", ".htm"):
        instead = f"{path.stem or 'backprop'}.html"
        raise ValueError(f"explore: expected a path that ends in .html, got {str(path)!r}: pass {instead!r}.")
    if not path.parent.is_dir():
        raise FileNotFoundError(f"explore: there is no folder {str(path.parent)!r} for {path.name!r}: make it first.")
    if path.is_dir():
        raise IsADirectoryError(f"explore: expected the path of a file, got the folder {str(path)!r}.")
    return path


def _check_limit(name: str, most: int) -> int:
    if isinstance(most, bool | np.bool_) or not hasattr(most, "__index__"):
        raise TypeError(f"explore: expected a whole number for {name}, got {type(most).__name__} {most!r}: pass 400.")
    if most < 1:
        raise ValueError(f"explore: expected {name} of 1 or more, got {most}.")
    return operator.index(most)


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
            f"{loss.dtype}: explore np.sum(x) or np.mean(x), or of a net, the function that computes the loss."
        )


def _title(loss: Tensor, title: str | None) -> str:
    if title is not None:
        return title
    return f"Backprop from {loss.name}" if loss.name else "Backprop, step by step"
