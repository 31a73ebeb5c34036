"""`python -m tinygrad_dl.testing homework.py`: check the gradients in a file without writing a test."""

from __future__ import annotations

import argparse
import io
import re
import sys
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from .homework.discovery import discover, outcome
from .homework.findings import RIGHT, UNCHECKED, UNDECIDED, WRONG
from .homework.loading import CannotCheck, run_file

DESCRIPTION = """\
Check what a Python file derives by hand: pairs of functions such as relu_forward and relu_backward (or relu and
relu_backward, relu_prime, ...) against differences, and dicts of gradients such as {"dW1": ..., "db1": ...}, or
functions that give one, against the formulas of the course. Any other function is checked if it is named: its
derivatives by autodiff, against differences."""

EPILOG = """\
examples:
  python -m tinygrad_dl.testing homework.py
  python -m tinygrad_dl.testing homework.py:relu_backward

The file is run first, but for what is under `if __name__ == "__main__":`. Inputs of a function are the variables of
the file with the names of its arguments, or those in a dict `relu_inputs`, `inputs`; random arrays for what is missing.
A dict of gradients needs X, Y, parameters (or W1, b1, ...) and activations, a list of names, beside it.

exit status: 0 all is right, 1 something is wrong, 2 something could not be checked or is undecided."""


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command with `argv`, and return its exit status."""
    parser = _parser()
    options = parser.parse_args(argv)
    if options.order < 1:
        parser.error(f"--order: expected 1 or more, got {options.order}.")
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="replace")  # a terminal that has no ∘
    path, name = _split(options.target)
    counts: Counter[str] = Counter()
    try:
        with run_file(path) as file:
            for check in discover(file, [name] if name else [], options.order, not options.no_progress):
                print(check.title, flush=True)
                finding = outcome(file, check)
                if finding.problem:
                    print(finding.problem, file=sys.stderr, flush=True)
                else:
                    print(finding.report, flush=True)
                print()
                counts[finding.verdict] += 1
    except CannotCheck as problem:
        print(problem, file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        return 130
    shown = [RIGHT, WRONG, *(verdict for verdict in (UNDECIDED, UNCHECKED) if counts[verdict])]
    print(", ".join(f"{counts[verdict]} {verdict}" for verdict in shown))
    return 1 if counts[WRONG] else 2 if len(shown) > 2 else 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        "python -m tinygrad_dl.testing",
        description=DESCRIPTION,
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("target", metavar="FILE[:NAME]", help="a Python file, and the one thing in it to check")
    parser.add_argument("--order", type=int, default=1, metavar="N", help="of the derivatives of a single function")
    parser.add_argument("--no-progress", action="store_true", help="no progress bar")
    return parser


def _split(target: str) -> tuple[str, str]:
    r"""The path and the name in FILE:NAME; a drive's colon does not count.

    >>> _split("my work/x.py:relu"), _split(r"C:\x.py"), _split(r"C:\x.py:relu")
    (('my work/x.py', 'relu'), ('C:\\x.py', ''), ('C:\\x.py', 'relu'))
    """
    path, _, name = target.rpartition(":")
    if len(path) < 2 or re.search(r"[/\\]", name) or Path(target).is_file():
        return target, ""
    return path.rstrip(":"), name


if __name__ == "__main__":
    sys.exit(main())
