"""The text of a learner's file as a syntax tree: what parses is kept, the rest becomes notes.

Notebooks are taken apart in `notebooks`; the tree is run in `execution`.
"""

from __future__ import annotations

import ast
import codecs
import io
import re
import tokenize
import warnings
from bisect import bisect_right
from dataclasses import dataclass
from pathlib import Path

from . import notebooks, python2

CONTINUES = re.compile(r"[\s#)\]}]|(else|elif|except|finally)\b|$")  # a line that begins no statement
JOINED = 30  # pieces that one statement may seem to have, by lines in a string that are not indented


class CannotCheck(Exception):
    """Raised when a file or function cannot be checked; the message is one line."""


@dataclass(frozen=True)
class Source:
    """A file as it was read.

    Attributes
    ----------
    path
        Its name, also that in messages unless it has a label.
    text
        The code; that of a notebook is its code cells, one below the other.
    tree
        The statements that parse, with their lines in the text.
    notes
        The parts that do not parse, a line each.
    cells
        The first line in the text of each code cell of a notebook.
    integer_division
        True if 1/2 is 0, as in Python 2.
    label
        The name in messages of a cell of the running notebook, "Cell In[2]".
    """

    path: str
    text: str
    tree: ast.Module
    notes: tuple[str, ...] = ()
    cells: tuple[int, ...] = ()
    integer_division: bool = False
    label: str = ""

    def where(self, line: int) -> str:
        """The place of a line within the file: "line 12", or "cell 3 line 2", counting the cells that hold code."""
        if not self.cells:
            return f"line {line}"
        cell = max(bisect_right(self.cells, line), 1)
        return f"cell {cell} line {line - self.cells[cell - 1] + 1}"

    def place(self, line: int) -> str:
        """The place of a line: "homework.py:12", "homework.ipynb cell 3 line 2" or "Cell In[2] line 3"."""
        name = self.label or self.path
        return f"{name} {self.where(line)}" if self.cells or self.label else f"{name}:{line}"


def read_source(path: str, shown: str = "") -> Source:
    """Read the file at `path`, which messages call `shown`.

    Python 2 is read as Python 3. Raises CannotCheck for what can't be read, is no Python, or has nothing that parses.
    """
    shown = shown or path
    if Path(path).is_dir():
        raise CannotCheck(f"{shown}: expected a Python file or a notebook, got a folder.")
    try:
        data = Path(path).read_bytes()
    except FileNotFoundError:
        raise CannotCheck(f"{shown}: there is no such file.") from None
    except OSError as error:
        raise CannotCheck(f"{shown}: {error.strerror}.") from None
    text, note = _decoded(data, shown)
    if path.endswith(".ipynb"):
        try:
            cells, old = notebooks.code_cells(text)
        except ValueError as error:
            raise CannotCheck(f"{shown}: {error}") from None
        return _Reader(shown, note, old).notebook(cells)
    return _Reader(shown, note, True).script(text)


def _decoded(data: bytes, shown: str) -> tuple[str, list[str]]:
    """The text of a file, and a note if its encoding was guessed."""
    if data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        data = data.decode("utf-16", "replace").encode()
    if b"\0" in data:
        raise CannotCheck(f"{shown}: null bytes; expected a text file.")
    try:
        encoding = tokenize.detect_encoding(io.BytesIO(data).readline)[0]
    except SyntaxError:
        encoding = "utf-8"
    note = []
    try:
        text = data.decode(encoding)
    except UnicodeDecodeError:
        text, note = data.decode("latin-1"), [f"read as latin-1: it is not {encoding}"]
    return text.replace("\r\n", "\n").replace("\r", "\n"), note


class _Reader:
    """A file being parsed; `old` if it may be of Python 2."""

    def __init__(self, path: str, notes: list[str], old: bool):
        self.path, self.notes, self.old = path, [*notes], old
        self.is_python2 = False
        self.body: list[ast.stmt] = []
        self.first: CannotCheck | None = None  # the first syntax error

    def script(self, text: str) -> Source:
        self._parse(text, 0, f"{self.path}:", "line ")
        return self._source(text, ())

    def notebook(self, cells: list[str]) -> Source:
        starts, line = [], 1
        for number, text in enumerate(cells, 1):
            starts.append(line)
            where = f"cell {number} line "
            self._parse(text, line - 1, f"{self.path} {where}", where)
            line += text.count("\n") + 1
        return self._source("\n".join(cells), tuple(starts))

    def _source(self, text: str, cells: tuple[int, ...]) -> Source:
        if self.first and not any(isinstance(s, (ast.FunctionDef, ast.ClassDef)) for s in self.body):
            raise self.first
        tree = ast.Module(notebooks.without_ipython(self.body), [])
        integers = self.is_python2 and python2.divides_integers(tree.body)
        if self.is_python2:
            self.notes.insert(0, "read as Python 2, where 1/2 is 0" if integers else "read as Python 2")
        return Source(self.path, text, tree, tuple(self.notes), cells, integers)

    def _parse(self, text: str, before: int, place: str, where: str) -> None:
        """Add the statements of `text` and notes of what does not parse.

        `before` is the number of lines that precede it, `place` and `where` begin the place of a line in it.
        """
        error = self._add(text, before)
        for mended in (
            lambda text, _: notebooks.without_magics(text),
            self._without_tabs,
            self._of_python2,
            self._without_tabs,
        ):
            if error and (other := mended(text, error)) != text:
                text = other
                error = self._add(text, before)
        if error is None:
            return
        self.first = self.first or CannotCheck(f"{place}{error.lineno or 1}: {type(error).__name__}: {error.msg}")
        pieces = _pieces(text)
        start = 0
        while start < len(pieces):
            count, offset = 1, pieces[start][0]
            failed = first = self._add(pieces[start][1], before + offset)
            while failed and count < JOINED and start + count < len(pieces):
                count += 1
                joined = "\n".join(piece for _, piece in pieces[start : start + count])
                failed = self._add(joined, before + offset)
            if failed and first:
                line = offset + (first.lineno or 1)
                head = pieces[start][1].strip().split("\n")[0][:60].rstrip(":")
                self.notes.append(f"not run: {where}{line}: {head}: {type(first).__name__}: {first.msg}")
                count = 1
            start += count

    def _without_tabs(self, text: str, error: SyntaxError) -> str:
        """The text with tabs as Python 2 reads them, if these are mixed with spaces."""
        return text.expandtabs(8) if isinstance(error, IndentationError) else text

    def _of_python2(self, text: str, error: SyntaxError) -> str:
        """The text as Python 3, if it was of Python 2."""
        if not self.old or not error.msg.startswith(python2.REFUSED) or python2.modernised(text) == text:
            return text
        self.is_python2 = True
        return python2.modernised(text)

    def _add(self, text: str, before: int) -> SyntaxError | None:
        """Add the statements of `text`, or give the reason why it does not parse."""
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # of invalid escapes
                tree = ast.parse(text)
        except SyntaxError as error:
            return error
        except (ValueError, RecursionError, MemoryError) as error:
            return SyntaxError(str(error))
        ast.increment_lineno(tree, before)
        self.body += tree.body
        return None


def _pieces(text: str) -> list[tuple[int, str]]:
    """The text cut before each line that seems to begin a statement, with the number of lines before each piece."""
    lines = text.split("\n")
    starts = [
        i
        for i, line in enumerate(lines)
        if not CONTINUES.match(line) and not (i and lines[i - 1].startswith("@"))  # what is decorated
    ]
    ends = [*starts[1:], len(lines)]
    return [(start, "\n".join(lines[start:end])) for start, end in zip(starts, ends, strict=True)]
