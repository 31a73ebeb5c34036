"""The program that lays a graph out, Graphviz's `dot` or the PyPI wheel `graphviz-pure`: finding and running it."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import sys
import sysconfig
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from .._files import whole_file

_SOURCE_SUFFIXES = (".gv", ".dot")
_PICTURE_OPTIONS = {".svg": [], ".png": ["-Gdpi=144"], ".pdf": []}
_SECONDS = 120.0  # beyond which a layout is given up
_VARIABLE = "TINYGRAD_DL_DOT"
REMEDY = 'install one with pip install "tinygrad-dl[render]", or install Graphviz (https://graphviz.org/download)'

_chosen: str | None = None  # by `set_engine`
_BY_FUNCTION = ("set_engine", "set_engine(None) looks for one by itself")
_BY_VARIABLE = (_VARIABLE, f"without {_VARIABLE} one is looked for")


class EngineError(RuntimeError):
    """No layout engine, or one that failed; the message has the engine's own words and a way out."""


class Timeout(EngineError):
    """The engine took longer than it was given, and was ended: a simpler picture may come out."""


# ---- finding it


def set_engine(path: str | os.PathLike[str] | None) -> None:
    """Set the program that lays graphs out, in place of the one that is found automatically.

    It takes precedence over the environment variable TINYGRAD_DL_DOT, which has the same effect.

    Parameters
    ----------
    path
        The path of a Graphviz `dot`; None finds a program automatically again.

    Raises
    ------
    EngineError
        If there is no such program; the setting is then unchanged.
    TypeError
        If `path` is not a path.

    Examples
    --------
    >>> set_engine("/no/such/dot")  # doctest: +ELLIPSIS
    Traceback (most recent call last):
    tinygrad_dl.drawing.engine.EngineError: set_engine: there is no '/no/such/dot': expected the path of...
    >>> set_engine(None)
    """
    global _chosen
    if path is not None and not isinstance(path, (str, os.PathLike)):
        raise TypeError(
            f"set_engine: expected the path of Graphviz's dot, or None, got {type(path).__name__} {path!r:.40}."
        )
    _chosen = None if path is None else _check_program(os.fspath(path), *_BY_FUNCTION)


def find() -> str | None:
    """The path of a layout engine: the one the user set, Graphviz's own `dot`, graphviz-pure, or else None.

    Raises EngineError if what the user set is no program: it is never passed over.

    >>> find() is None or Path(find()).exists()
    True
    """
    if _chosen is not None:
        return _check_program(_chosen, *_BY_FUNCTION)
    if os.environ.get(_VARIABLE):
        return _check_program(os.environ[_VARIABLE], *_BY_VARIABLE)
    # pip puts graphviz-pure beside the interpreter, which is on PATH only in an activated environment.
    beside = os.pathsep.join([os.path.dirname(sys.executable or ""), sysconfig.get_path("scripts")])
    return shutil.which("dot") or shutil.which("graphviz-pure") or shutil.which("graphviz-pure", path=beside)


def is_bundled() -> bool:
    """Return whether the engine is graphviz-pure, which brings its own font, of Latin and a few other letters."""
    return "graphviz-pure" in Path(find() or "").name


def problem() -> str | None:
    """The reason why there is no engine, and the remedy, as the end of a sentence; None if there is one.

    >>> problem() is None or REMEDY in problem() or "expected" in problem()
    True
    """
    try:
        return None if find() else f"no program to lay the graph out was found: {REMEDY}"
    except EngineError as error:
        return str(error).removesuffix(".")


def _find_program() -> str:
    engine = find()
    if engine is None:
        raise EngineError(f'{problem()}; .source and .render("graph.gv") work without.')
    return engine


def _check_program(path: str, setting: str, way_back: str) -> str:
    """The absolute path of the program at `path`, or of that name on PATH, which the user set by `setting`."""
    program = shutil.which(os.path.expanduser(path))
    if program is not None:
        return os.path.abspath(program)
    place = Path(path).expanduser()
    wrong = f"there is no {path!r}"
    if place.is_dir():
        wrong = f"{path!r} is a folder"
    elif place.exists():
        wrong = f"{path!r} may not be executed"
    raise EngineError(f"{setting}: {wrong}: expected the path of Graphviz's dot; {way_back}.")


# ---- running it


def render(source: str, suffix: str, seconds: float | None = None) -> bytes:
    """The picture that DOT `source` describes, in the format of `suffix`: .svg, .png or .pdf, in `seconds`, or 120.

    Raises Timeout if it takes longer, and EngineError if there is no engine, or where it fails or lacks the format.

    >>> render("digraph { a -> b }", ".svg")[:5]
    b'<?xml'
    """
    engine = _find_program()
    seconds = _SECONDS if seconds is None else seconds
    try:
        code, output, words = _run([engine, f"-T{suffix[1:]}", *_PICTURE_OPTIONS[suffix]], source.encode(), seconds)
    except subprocess.TimeoutExpired:
        raise Timeout(
            f"{engine} gave up after {seconds:.3g} s on {len(source):,} characters of DOT: draw a smaller part of the "
            f'graph, or .render("graph.gv") and try another program.'
        ) from None
    except OSError as error:
        way_out = _BY_FUNCTION[1] if _chosen else _BY_VARIABLE[1] if os.environ.get(_VARIABLE) else REMEDY
        raise EngineError(f"{engine} could not be run ({error}): {way_out}.") from error
    if code or not output:
        message = words.decode(errors="replace").strip() or f"exit status {code} and no message"
        raise EngineError(
            f"{engine} could not make {suffix}: {message}\n"
            "Every engine makes .svg and .png, Graphviz's own dot makes .pdf too, and .gv needs none."
        )
    return output


def _run(command: list[str], content: bytes, seconds: float) -> tuple[int, bytes, bytes]:
    """The exit status and the two outputs of `command`, fed with `content`; if it doesn't end, it is ended."""
    # A group of its own, as `dot` may be a script: killing the script alone would leave the program that it started.
    process = subprocess.Popen(
        command,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        start_new_session=os.name == "posix",
    )
    try:
        output, words = process.communicate(content, timeout=seconds)
    except BaseException:  # a timeout, or the user's interrupt
        _kill(process)
        raise
    return process.returncode, output, words


def _kill(process: subprocess.Popen) -> None:
    with contextlib.suppress(OSError):
        if os.name == "posix":
            os.killpg(process.pid, signal.SIGKILL)
        else:
            tree = ["taskkill", "/F", "/T", "/PID", str(process.pid)]
            subprocess.run(tree, capture_output=True, check=False)
    process.kill()
    process.wait()
    for pipe in (process.stdin, process.stdout, process.stderr):
        with contextlib.suppress(OSError):  # what was not written yet can't be flushed any more
            pipe.close()  # type: ignore[union-attr]


def best(
    candidates: Sequence[tuple[str, str | Callable[[], str]]], suffix: str, seconds: float | None = None
) -> tuple[bytes, str]:
    """The first of `candidates` that the engine lays out in time, and its name.

    Candidates are pairs of a name and DOT source, or a function that gives the source, from the best picture to the
    simplest. Each has half of the `seconds` that are left, the last one all of them. Raises EngineError as `render`
    does at the first failure of another kind, and Timeout if none comes out.

    >>> best([("the picture", "digraph { a -> b }"), ("straight edges", lambda: "digraph { a }")], ".svg", 20)[1]
    'the picture'
    """
    if not candidates:
        raise ValueError("best: expected one candidate or more, got none: pass [('the picture', source)].")
    engine = _find_program()  # before sources are made in vain
    seconds = _SECONDS if seconds is None else seconds
    end = time.monotonic() + seconds
    tried = []
    for left, (name, source) in zip(range(len(candidates), 0, -1), candidates, strict=True):
        source = source() if callable(source) else source
        time_left = end - time.monotonic()
        share = max(time_left if left == 1 else time_left / 2, seconds / 20)  # some, if making sources took it all
        try:
            return render(source, suffix, share), name
        except Timeout:
            tried.append(f"{name} ({len(source):,} characters of DOT) in {share:.3g} s")
    raise Timeout(
        f"{engine} gave up after {seconds:.3g} s: it could not lay out {'; nor '.join(tried)}. Give it more seconds, "
        f'draw a smaller part of the graph, or .render("graph.gv") and try another program.'
    )


def write(picture: Callable[[str], bytes], source: str, path: Path) -> Path:
    """Write `picture(suffix)` to `path`, or for .gv and .dot the DOT `source` itself: see `Drawing.render`.

    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     write(lambda suffix: b"", "digraph {}", Path(folder) / "graph.gv").read_text()
    'digraph {}'
    """
    suffix = path.suffix.lower()
    if suffix not in (*_PICTURE_OPTIONS, *_SOURCE_SUFFIXES):
        raise ValueError(f"render: expected a path that ends in .svg, .png, .pdf, .gv or .dot, got {str(path)!r}.")
    if not path.parent.is_dir():
        raise FileNotFoundError(f"render: there is no folder {str(path.parent)!r} for {path.name!r}: make it first.")
    if path.is_dir():
        raise IsADirectoryError(f"render: expected the path of a file, got the folder {str(path)!r}.")
    content = source.encode() if suffix in _SOURCE_SUFFIXES else picture(suffix)
    with whole_file(path) as part:
        part.write_bytes(content)
    return path
