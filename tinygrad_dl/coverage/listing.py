"""`functions`: which functions of NumPy have derivatives, as a list to print or to see in a notebook."""

from __future__ import annotations

from collections.abc import Sequence

from .. import _html
from .numpy_functions import KINDS, NumpyFunction, other_functions, public_functions
from .table import totals_text

_WORDS = {"rule": "a rule", "composite": "by its decomposition", "constant": "zero wherever it exists"}


class Listing(Sequence[NumpyFunction]):
    """Functions of NumPy, with the kind of their derivative; a notebook shows a table.

    Attributes
    ----------
    entries : list of NumpyFunction
        The functions.
    """

    entries: list[NumpyFunction]

    def __init__(self, entries: Sequence[NumpyFunction]):
        self.entries = list(entries)

    def __getitem__(self, index: int) -> NumpyFunction:  # type: ignore[override]
        return self.entries[index]

    def __len__(self) -> int:
        return len(self.entries)

    def __str__(self) -> str:
        rows = self._rows()
        widths = [max(map(len, column)) for column in zip(*rows, strict=True)] if rows else []
        return "\n".join("  ".join(map(str.ljust, row, widths)).rstrip() for row in rows)

    def __repr__(self) -> str:
        return f"Listing of {len(self)} functions: print it"

    def _repr_html_(self) -> str:
        verdicts = ["right" if entry.is_differentiable else "" for entry in self]
        rows = [[_html.Code(name), *rest] for name, *rest in self._rows()]
        head = ["function", "derivative", "with respect to"]
        return _html.block(_html.table(rows, head, verdicts), _html.note(*totals_text(self, ()).split("\n")[:1]))

    def _rows(self) -> list[list[str]]:
        return [[entry.names[0], *_words(entry)] for entry in self]


def functions(*names: str) -> Listing:
    """List the functions of NumPy and their derivatives, without running any check.

    Parameters
    ----------
    *names
        Parts of names, such as "linalg"; all functions if there are none.

    Returns
    -------
    Listing
        The functions whose name contains one of `names`.

    Examples
    --------
    >>> print(functions("np.nanm", "np.nonzero"))
    np.nanmax     a rule                   x
    np.nanmean    a rule                   x
    np.nanmedian  by its decomposition
    np.nanmin     a rule                   x
    np.nonzero    zero wherever it exists
    """
    entries = [*public_functions(), *other_functions()]
    return Listing([e for e in entries if not names or any(part in name for part in names for name in e.names)])


def _words(entry: NumpyFunction) -> tuple[str, str]:
    """The derivative in words, and the arguments that have one."""
    if entry.kind == "refused":
        return f"refused: {KINDS['refused'][entry.function]}", ""
    return _WORDS.get(entry.kind, entry.kind), entry.arguments if entry.kind == "rule" else ""
