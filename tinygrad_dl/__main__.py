"""The command `tinygrad-dl`, or `python -m tinygrad_dl`: check homework, draw a graph, show what has derivatives."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from . import __version__
from .coverage import __main__ as coverage
from .testing import cli as check

DRAW = """\
Draw the graph of a function of a Python file, called with the variables of the file that have the names of its
arguments and random arrays for the others; or that of a Tensor of the file, such as a loss. The file runs as a script
would, with your rights."""


BROKEN_PIPE = 141  # the status of a program that this signal ends


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command with `argv`, and return its exit status."""
    check.print_any_text()
    try:
        status = _run(argv)
        print(end="", flush=True)  # not sys.stdout.flush(): a program without a console has none
    except BrokenPipeError:  # as of `| head`, which has read enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # Python flushes it once more at its end
        return BROKEN_PIPE
    return status


def _run(argv: Sequence[str] | None) -> int:
    parser = check.Parser("tinygrad-dl", description="Gradients to see and to trust. Each command has its own --help.")
    version = f"tinygrad-dl {__version__}, NumPy {np.__version__}"
    parser.add_argument("--version", action="version", version=version)
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", required=True)
    checking = commands.add_parser("check", help=check.SUMMARY, **check.TEXTS)
    check.add_arguments(checking)
    drawing = commands.add_parser("draw", help="draw the graph of a function or a Tensor of a file", description=DRAW)
    _add_arguments(drawing)
    commands.add_parser("coverage", help="show which functions of NumPy have derivatives", add_help=False)
    options, rest = parser.parse_known_args(argv)
    if options.command == "coverage":
        return coverage.main(rest, "tinygrad-dl coverage")
    if rest:
        {"check": checking, "draw": drawing}[options.command].error(f"unrecognized arguments: {' '.join(rest)}")
    return check.run(checking, options) if options.command == "check" else _draw(drawing, options)


def _add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("target", metavar="FILE:NAME", help="a file, and a function or Tensor in it")
    parser.add_argument("--output", "-o", metavar="FILE", help="an .svg (NAME.svg), .png, .pdf or .gv")
    parser.add_argument(
        "--show", choices=["forward", "backward", "both"], default="forward", help="which pass (forward)"
    )
    parser.add_argument("--gradients", action="store_true", help="run a backward pass, and show the norms of gradients")
    parser.add_argument("--formulas", action="store_true", help="show the derivatives of each operation")


def _draw(parser: argparse.ArgumentParser, options: argparse.Namespace) -> int:
    from . import Tensor, draw
    from .testing.homework.inputs import call_of
    from .testing.homework.loading import CannotCheck, run_file
    from .testing.homework.targets import split_name

    path, name = split_name(options.target)
    if not name:
        parser.error(f"expected FILE:NAME, got {options.target}.")
    output = Path(options.output or f"{name}.svg")
    how = {"show": options.show, "gradients": options.gradients, "formulas": options.formulas}
    try:
        with run_file(path) as file:
            value = file.names.get(name)
            if isinstance(value, Tensor):
                drawing = draw(value, **how)
            elif name in file.functions:
                call = call_of(file, name)
                drawing = draw(call.function, *call.values, **how)
                print("\n".join(call.taken))
            else:
                parser.error(f"{path}: expected a function or a Tensor called {name}.")
            print(drawing.render(output))
    except (CannotCheck, OSError, ValueError, TypeError, RuntimeError) as problem:
        parser.error(str(problem))
    return 0


if __name__ == "__main__":
    sys.exit(main())
