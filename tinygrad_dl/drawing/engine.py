"""The program that lays a graph out, Graphviz's `dot` or the PyPI wheel `graphviz-pure`: finding and running it."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path

from ..files import whole_file

_SOURCE_SUFFIXES = (".gv", ".dot")
_PICTURE_OPTIONS = {".svg": [], ".png": ["-Gdpi=144"], ".pdf": []}
_SECONDS = 120  # beyond which a layout is given up
REMEDY = (
    'install one with pip install "tinygrad-dl[render]", or install Graphviz (https://graphviz.org/download); '
    '.source and .render("graph.gv") work without'
)


class EngineError(RuntimeError):
    """No layout engine, or one that failed; the message has the engine's own words and a way out."""


def find() -> str | None:
    """The path of a layout engine: Graphviz's own `dot` if it is installed, else graphviz-pure, else None.

    >>> find() is None or Path(find()).exists()
    True
    """
    # pip puts graphviz-pure beside the interpreter, which is on PATH only in an activated environment.
    beside = os.pathsep.join([os.path.dirname(sys.executable or ""), sysconfig.get_path("scripts")])
    return shutil.which("dot") or shutil.which("graphviz-pure") or shutil.which("graphviz-pure", path=beside)


def rendered(source: str, suffix: str) -> bytes:
    """The picture that DOT `source` describes, in the format of `suffix`: .svg, .png or .pdf.

    Raises EngineError if there is no engine, and where it fails, lacks the format, or takes minutes.

    >>> rendered("digraph { a -> b }", ".svg")[:5]
    b'<?xml'
    """
    engine = find()
    if engine is None:
        raise EngineError(f"no program to lay the graph out was found: {REMEDY}.")
    command = [engine, f"-T{suffix[1:]}", *_PICTURE_OPTIONS[suffix]]
    try:
        run = subprocess.run(command, input=source.encode(), capture_output=True, timeout=_SECONDS, check=False)
    except subprocess.TimeoutExpired:
        raise EngineError(
            f"{engine} gave up after {_SECONDS} s on {len(source):,} characters of DOT: draw a smaller part of the "
            f'graph, or .render("graph.gv") and try another program.'
        ) from None
    except OSError as error:
        raise EngineError(f"{engine} could not be run ({error}): {REMEDY}.") from error
    if run.returncode or not run.stdout:
        message = run.stderr.decode(errors="replace").strip() or f"exit status {run.returncode} and no message"
        raise EngineError(
            f"{engine} could not make {suffix}: {message}\nEvery engine makes .svg, and .gv needs no engine."
        )
    return run.stdout


def write(source: str, path: Path) -> Path:
    """Write the picture of DOT `source`, or the source itself, to `path`, as its suffix says: see `Drawing.render`.

    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     write("digraph {}", Path(folder) / "graph.gv").read_text()
    'digraph {}'
    """
    suffix = path.suffix.lower()
    if suffix not in (*_PICTURE_OPTIONS, *_SOURCE_SUFFIXES):
        raise ValueError(f"render: expected a path that ends in .svg, .png, .pdf, .gv or .dot, got {str(path)!r}.")
    if not path.parent.is_dir():
        raise FileNotFoundError(f"render: there is no folder {str(path.parent)!r} for {path.name!r}: make it first.")
    if path.is_dir():
        raise IsADirectoryError(f"render: expected the path of a file, got the folder {str(path)!r}.")
    content = source.encode() if suffix in _SOURCE_SUFFIXES else rendered(source, suffix)
    with whole_file(path) as part:
        part.write_bytes(content)
    return path
