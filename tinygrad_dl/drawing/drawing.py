"""`draw`: Tensors, or a function and its inputs, in; a `Drawing` out, which shows and renders itself."""

from __future__ import annotations

import contextlib
import os
import tempfile
import warnings
import webbrowser
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, Literal, get_args

from ..core.tensor import Tensor
from ..graph import health
from ..graph.data_names import name_data
from ..graph.nodes import Graph
from ..graph.record import Record
from . import engine, raster, style, svg
from .backward import BackwardPicture
from .described import described
from .dot import Picture, notes
from .dot_builder import DotBuilder
from .findings import Findings, Options
from .folding import fold
from .input_tensors import tensors_to_show

MAX_NODES = 300  # beyond which a picture is no picture
_SECONDS = 60  # for a layout
Show = Literal["forward", "backward", "both"]
Direction = Literal["TB", "LR"]
Theme = Literal["auto", "light", "dark"]
_CHOICES: dict[str, tuple[Any, ...]] = {
    "show": get_args(Show),
    "direction": get_args(Direction),
    "theme": get_args(Theme),
    "values": (False, True, "image"),
    "gradients": (False, True, "stored"),
    **dict.fromkeys(("formulas", "shapes", "memory", "heat", "modules", "legend"), (False, True)),
}


def draw(
    x: Tensor | Sequence[Tensor] | Callable[..., Any],
    *inputs: Any,
    show: Show = "forward",
    values: bool | Literal["image"] = False,
    gradients: bool | Literal["stored"] = False,
    formulas: bool = False,
    shapes: bool = False,
    memory: bool = False,
    heat: bool = False,
    report: Any = None,
    depth: int | None = None,
    roll: bool = False,
    max_nodes: int | None = MAX_NODES,
    modules: bool = True,
    direction: Direction = "TB",
    theme: Theme = "auto",
    legend: bool = True,
) -> Drawing:
    r"""Draw the computation of `x`, or of `x(*inputs)`.

    Gradients made with `create_graph=True` are Tensors too: their picture is that of the backward pass. Plain arrays
    have the name of the argument or of the variable that holds them, or else X1, X2, ... A long picture goes on in a
    next column.

    Parameters
    ----------
    x
        A Tensor, such as a loss, or a list of Tensors; the program of a compiled function, `step.program`; with
        `inputs`, a net or a function, which is called once, or twice if it has no parameters.
    *inputs
        The arguments of `x`.
    show
        The "forward" pass, the "backward" pass with the formula of each derivative rule, or "both" side by side.
        `print` gives the same as text: the nodes, and for a backward pass the formulas of `derive`.
    values
        True shows small arrays in full, and the range and mean of large ones; "image" adds a tiny heat image.
    gradients
        True runs a backward pass, without changing any `grad`, and shows the norm of each gradient and of each
        contribution to it; "stored" shows the gradients in `grad`. A gradient that is zero, never computed, blocked (by
        `detach`, `no_grad`, a constant function), not needed or freed is marked so.
    formulas
        Show the derivative with respect to each of the first 12 arguments of an operation, as its rule computes it.
    shapes, memory
        Show shapes on the edges, and the memory of each array.
    heat
        Fill nodes by the norm of the gradient, and add a verdict: vanishing, exploding, dead ReLUs, saturation.
    report
        A report of `testing.check_backprop`, shown as an outline at each name, right or wrong, with the cause.
    depth
        Draw Modules nested this deep in others as one node; 0 draws each outermost Module as one node.
    roll
        Draw repeated blocks once, with ×N.
    max_nodes
        Summarize a larger picture until it has at most so many nodes; None draws all.
    modules
        Draw a frame around the operations of each Module.
    direction
        "TB" from top to bottom, "LR" from left to right.
    theme
        "light", "dark", or "auto", which in an SVG follows the reader's theme, and in a notebook that of the notebook.
    legend
        Draw a legend.

    Returns
    -------
    Drawing
        Shown by a notebook; `render` writes it to a file.

    Raises
    ------
    TypeError
        If `x` has no Tensors, or `depth`, `max_nodes`, `roll` or `report` has the wrong type.
    ValueError
        If a choice does not exist; `depth` is below 0 or `max_nodes` below 1; no input can be tracked; gradients, heat
        or a backward pass are wanted of anything but one number computed from parameters; or the graph lacks all names
        of the `report`.

    Examples
    --------
    >>> import tinygrad_dl as tg
    >>> w = tg.parameter([0.5, -1.0], name="w")
    >>> drawing = tg.draw(w**2)
    >>> drawing
    Drawing of 3 nodes and 2 edges: .render("graph.svg") writes the picture, .source is its DOT text
    >>> print(drawing)
    1 operation on 1 parameter (2 numbers)
    #1     (2,)  w ** 2
    #0  w  (2,)  parameter
    """
    options = Options(
        show=show,
        values=values,
        gradients=gradients,
        formulas=formulas,
        shapes=shapes,
        memory=memory,
        heat=heat,
        direction=direction,
        dark=theme == "dark",
        legend=legend,
        modules=modules,
    )
    for name, choices in _CHOICES.items():
        given = theme if name == "theme" else getattr(options, name)
        if not any(given is choice or (isinstance(given, str) and given == choice) for choice in choices):
            raise ValueError(f"draw: expected {name} to be one of {', '.join(map(repr, choices))}, got {given!r}.")
    graph = Graph(tensors_to_show("draw", x, inputs))
    name_data(graph)
    goes_back = show != "forward" or gradients is True or heat
    if goes_back:
        _check_scalar(graph)
    record = Record(graph, keep="norms") if goes_back else None
    found = Findings(graph, record, _check_report(report, graph), gradients == "stored")
    verdict = health.verdict(graph, found.record) if heat and found.record is not None else []

    def source(options: Options, max_nodes: int | None) -> tuple[str, int, int, str]:
        view = fold(graph, depth=depth, roll=roll, max_nodes=max_nodes)
        found.scale_to(unit.members for unit in view.units)
        builder = DotBuilder(direction, options.dark, options.plain)
        if show == "both":
            builder.frame("forward", "forward", kind="pass")
            builder.frame("backward", "backward", kind="pass")
        if show != "backward":
            Picture(view, found, options, builder, "forward" if show == "both" else None).draw()
        if show != "forward":
            frame = "backward" if show == "both" else None
            BackwardPicture(view, found, options, builder, frame, mirrored=show == "both").draw()
        foot = notes(found, options, view, verdict)
        return builder.source(legend, foot, found.scale if heat else None), builder.nodes, builder.edges, view.note

    first, nodes, edges, note = source(options, max_nodes)
    simpler = [("straight edges, no frames", lambda: source(options.plainly(), max_nodes)[0])]
    for fewer in (100, 30):
        if nodes > fewer:
            simpler.append((f"about {fewer} nodes, straight edges", lambda n=fewer: source(options.plainly(), n)[0]))  # type: ignore[misc]
    text = partial(described, found, options)
    return Drawing(first, nodes, edges, note, tuple(verdict), graph, tuple(simpler), theme == "auto", text)


def _check_scalar(graph: Graph) -> None:
    for index in graph.outputs:
        node = graph.nodes[index]
        if not node.is_tracked or node.array.size != 1:
            raise ValueError(
                f"draw: a backward pass starts at one number that is computed from parameters, got {node.title} of "
                f"shape {node.shape}{'' if node.is_tracked else ', which is not tracked'}: draw the loss, or np.sum(x)."
            )


def _check_report(report: Any, graph: Graph) -> Any:
    if report is None:
        return None
    if not hasattr(report, "rows"):
        raise TypeError(
            f"draw: expected report=testing.check_backprop(...), got {type(report).__name__} {str(report)[:40]!r}."
        )
    names = {f"d{node.name}" for node in graph.nodes if node.name}
    if names.isdisjoint(row.name for row in report.rows):
        raise ValueError(
            f"draw: the report is about {', '.join(row.name for row in report.rows)}, and this graph has none of these "
            f"names: draw the loss of the net that was checked."
        )
    return report


@dataclass(frozen=True, repr=False)
class Drawing:
    """A picture of a graph, made by `draw`: notebooks show it, `print` gives its text.

    Attributes
    ----------
    source
        The picture in the DOT language.
    nodes, edges
        Their numbers in the picture.
    note
        A description of the summary, if the picture is one.
    verdict
        The sentences of `draw(..., heat=True)`.
    graph
        The graph as data.

    Examples
    --------
    >>> import tempfile
    >>> import tinygrad_dl as tg
    >>> drawing = tg.draw(tg.parameter(2.0, name="x") * 3)
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     drawing.render(f"{folder}/graph.gv").name
    'graph.gv'
    """

    source: str
    nodes: int
    edges: int
    note: str = ""
    verdict: tuple[str, ...] = ()
    graph: Graph | None = field(default=None, compare=False)
    _simpler: tuple[tuple[str, Callable[[], str]], ...] = field(default=(), compare=False)
    _adapts: bool = field(default=False, compare=False)
    _description: Callable[[], str] | None = field(default=None, compare=False)  # the text of the graph

    def render(self, path: str | Path, seconds: float = _SECONDS) -> Path:
        """Write the picture to a file, which is replaced at the end, or stays as it was.

        Parameters
        ----------
        path
            A path that ends in .svg, .png or .pdf; .gv and .dot hold the source itself. Letters that the bundled engine
            has no font for, such as Chinese ones, are drawn in a .png by rsvg-convert or a browser, or with a warning.
        seconds
            The time for the layout. If it takes longer, a simpler picture is made, with a UserWarning.

        Returns
        -------
        pathlib.Path
            The path.

        Raises
        ------
        ValueError
            For another suffix, or `seconds` of 0 or below.
        FileNotFoundError
            If the folder does not exist.
        RuntimeError
            If no program can lay the graph out; .gv and .dot need none.
        TypeError
            If `path` is not a path.

        Examples
        --------
        >>> import tinygrad_dl as tg
        >>> tg.draw(tg.parameter(2.0)).render("graph.jpeg")
        Traceback (most recent call last):
        ValueError: render: expected a path that ends in .svg, .png, .pdf, .gv or .dot, got 'graph.jpeg'.
        """
        if not isinstance(path, (str, os.PathLike)):
            raise TypeError(f'render: expected a path such as "graph.svg", got {type(path).__name__} {path!r:.40}.')
        if not isinstance(seconds, (int, float)) or not seconds > 0:
            raise ValueError(
                f"render: expected seconds above 0 for the layout, such as {_SECONDS}, got {seconds!r:.40}."
            )
        return engine.write(lambda suffix: self._render(suffix, seconds), self.source, Path(path))

    def _render(self, suffix: str, seconds: float = _SECONDS, in_notebook: bool = False) -> bytes:
        candidates: list[tuple[str, Any]] = [("the picture", self.source), *self._simpler]
        picture, used = engine.best(candidates, suffix, seconds)
        if used != "the picture":
            warnings.warn(f"the layout of all took too long: this picture has {used}.", UserWarning, stacklevel=5)
        if suffix == ".svg":
            return svg.with_style(picture, style.dark_css(in_notebook) if self._adapts else "", hover=True)
        return (self._other_png(candidates, seconds) if suffix == ".png" else None) or picture

    def _other_png(self, candidates: list[tuple[str, Any]], seconds: float) -> bytes | None:
        """The PNG by another program, if the layout engine has no font for all letters."""
        letters = raster.missing_letters(self.source) if engine.is_bundled() else ""
        if not letters:
            return None
        return raster.other_png(svg.with_style(engine.best(candidates, ".svg", seconds)[0]), letters)

    def show(self) -> Path | None:
        """Open the picture in the notebook, or in the browser; without a layout engine, print its text and the reason.

        Returns
        -------
        pathlib.Path or None
            The file that the browser shows, if there is one.
        """
        display = _notebook()
        if display is not None:
            display(self)
            return None
        folder = tempfile.mkdtemp(prefix="tinygrad_dl-")
        try:
            path = self.render(Path(folder) / "graph.svg")
        except engine.EngineError as error:
            print(self)
            if engine.problem() is None:  # it has said so, else
                print(error)
            return None
        webbrowser.open(path.as_uri())
        return path

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, str]:
        """The picture for a notebook and its text, or the text alone where no engine can lay it out.

        As HTML it follows the theme of the notebook, has tooltips, and shows the way of a node under the pointer;
        where a program shows SVGs only, it is an image.
        """
        bundle = {"text/plain": str(self)}
        with contextlib.suppress(engine.EngineError):
            picture = self._render(".svg", in_notebook=True).decode()
            bundle |= {"text/html": f'<div style="overflow-x: auto">{picture}</div>', "image/svg+xml": picture}
        return bundle

    def __str__(self) -> str:
        lines = [self._description()] if self._description is not None else []
        lines += [self.note] if self.note else []
        lines += self.verdict
        if engine.problem() is not None:
            lines.append(f"No picture: {engine.problem()}.")
        return "\n".join(lines)

    def __repr__(self) -> str:
        nodes, edges = (
            f"{n:,} {noun}{'' if n == 1 else 's'}" for n, noun in ((self.nodes, "node"), (self.edges, "edge"))
        )
        how = engine.problem() or '.render("graph.svg") writes the picture'
        return f"Drawing of {nodes} and {edges}: {how}, .source is its DOT text"


def _notebook() -> Callable | None:
    """The `display` of the notebook that this runs in."""
    import sys

    shell = sys.modules.get("IPython")
    if shell is None or shell.get_ipython() is None or not hasattr(shell.get_ipython(), "kernel"):
        return None
    from IPython.display import display

    return display
