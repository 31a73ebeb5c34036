"""`python -m tinygrad_dl.coverage`: the table of what of NumPy has derivatives, each cell a check that runs now."""

from __future__ import annotations

import argparse
import importlib
import sys
from collections.abc import Iterator, Sequence

from ..testing.progress import bar_class
from .cases import Case
from .numpy_functions import NumpyFunction, other_functions, public_functions
from .table import check_examples, checks_text, lists_text, rows_text, totals_text


def main(arguments: Sequence[str] | None = None, prog: str = "python -m tinygrad_dl.coverage") -> int:
    """Print the table; the exit status is 1 if a check fails, or a function of NumPy is in none of the tables."""
    parser = argparse.ArgumentParser(
        prog=prog,
        description="What of NumPy has derivatives. Every cell of the table is a check that runs now: the gradient "
        "(first), the gradient of the gradient (second) and jvp (forward) against differences, the same for complex "
        "numbers (- where NumPy takes none), and whether float32 stays float32.",
    )
    parser.add_argument("names", nargs="*", help="show the functions whose name contains one of these; all if left out")
    parser.add_argument("--totals", action="store_true", help="print the totals alone, without running any check")
    options = parser.parse_args(arguments)
    public, others = public_functions(), other_functions()
    if options.totals:
        print(totals_text(public, others))
        return 0
    chosen = [f for f in (*public, *others) if _is_meant(f, options.names)]
    if not chosen:
        print(f"no function of NumPy has {' or '.join(map(repr, options.names))} in its name", file=sys.stderr)
        return 2
    differentiable = [function for function in chosen if function.is_differentiable]
    rows = list(check_examples(_with_progress(differentiable), _examples() if differentiable else ()))
    if rows:
        print(rows_text(rows), end="\n\n")
    if rest := lists_text(function for function in chosen if not function.is_differentiable):
        print(rest, end="\n\n")
    if not options.names:
        print(totals_text(public, others))
    if rows:
        print(checks_text(rows))
    wrong = [text for row in rows for text in row.failures]
    for text in wrong:
        print(text, file=sys.stderr)
    return int(bool(wrong) or any(function.kind == "unknown" for function in chosen))


def _examples() -> list[Case]:
    """The examples of every function, which are test data. Ends the program where the tests are not there."""
    try:
        return importlib.import_module("tests.coverage.examples").CASES
    except ModuleNotFoundError:
        sys.exit(
            "python -m tinygrad_dl.coverage runs the examples in tests/coverage: run it in a clone of the project."
        )


def _is_meant(function: NumpyFunction, names: Sequence[str]) -> bool:
    return not names or any(part in name for part in names for name in function.names)


def _with_progress(functions: list[NumpyFunction]) -> Iterator[NumpyFunction]:
    tqdm = bar_class()
    settings = {"desc": "checking", "unit": " functions", "delay": 1, "leave": False, "disable": None}
    yield from tqdm(functions, **settings) if tqdm else functions


if __name__ == "__main__":
    sys.exit(main())
