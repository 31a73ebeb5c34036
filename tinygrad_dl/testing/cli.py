"""The command line of `check`: `python -m tinygrad_dl.testing PATH...`, and `tinygrad-dl check`."""

from __future__ import annotations

import argparse
import io
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NoReturn

from .._files import whole_file
from .homework.files import check_files
from .homework.findings import RIGHT, UNCHECKED, UNDECIDED, WRONG, FileResult
from .homework.formats import FORMATS
from .homework.page import page
from .homework.report import CheckReport
from .homework.targets import NoTarget, targets_of

STATUS = {RIGHT: 0, WRONG: 1, UNDECIDED: 2, UNCHECKED: 2}
MISUSE, INTERRUPTED = 3, 130
WRITERS = {**FORMATS, "html": page}

SUMMARY = "check gradients that were derived by hand, in files, notebooks and folders"
DESCRIPTION = """\
Check gradients that were derived by hand, in Python files and notebooks as they are: pairs such as relu_forward and
relu_backward (or relu_prime, d_relu, ...), layers with forward and backward, whole nets, functions that give a cost and
its gradients, and gradients in a training loop. The forward pass of the file is differentiated numerically and decides;
formulas only name the cause of a mistake. A function of another kind is checked if it is named: its derivatives by
autodiff, against differences."""

EPILOG = """\
examples:
  %(prog)s homework.py
  %(prog)s homework.py:relu_backward
  %(prog)s class/*/week4.ipynb --jobs 4 --html class.html --csv marks.csv
  %(prog)s class --inputs teacher.py --only L_model_backward

Inputs of a function are the variables of the file with the names of its arguments, or those in a dict `relu_inputs` or
`inputs`; random arrays for what is missing or does not fit together. What the file of --inputs defines comes first.

isolation:
  Each file runs in a process of its own, in a copy of its folder, with limits on time, memory and the size of files,
  without input, network, other processes or writing outside of that copy. The verdict is written outside of that
  process: a file that ends it, crashes it, takes too long or changes the checker is not checked. This stops accidents
  and pranks. It is a process and no sandbox: the file can read what you can read, and code made to break out can. Put
  the whole command into a container or bubblewrap for files of strangers:
    docker run --rm --network none --memory 4g -v "$PWD:/work:ro" -w /work IMAGE %(prog)s . --html - >class.html
    bwrap --ro-bind / / --dev /dev --proc /proc --tmpfs /tmp --unshare-all --die-with-parent \\
      %(prog)s . --html - >class.html

exit status: 0 everything is right, 1 something is wrong, 2 something is undecided or could not be checked, 3 misuse."""


TEXTS: dict[str, Any] = {
    "description": DESCRIPTION,
    "epilog": EPILOG,
    "formatter_class": argparse.RawDescriptionHelpFormatter,
}


class Parser(argparse.ArgumentParser):
    """A parser whose errors have an exit status of their own: 2 means that something was not checked."""

    def error(self, message: str) -> NoReturn:
        """Print the usage and the message, and exit."""
        self.print_usage(sys.stderr)
        self.exit(MISUSE, f"{self.prog}: error: {message}\n")


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command with `argv`, and return its exit status."""
    print_any_text()
    parser = Parser("python -m tinygrad_dl.testing", **TEXTS)
    add_arguments(parser)
    return run(parser, parser.parse_args(argv))


def print_any_text(encoding: str | None = None) -> None:
    """Print ? for what the standard output cannot show, such as ∘, in its encoding or another."""
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(encoding=encoding, errors="replace")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of the command to a parser."""
    add = parser.add_argument
    add(
        "paths", metavar="PATH", nargs="+", help="a file, notebook, folder or pattern; FILE:NAME is one thing in a file"
    )
    add(
        "--only", metavar="NAME", action="append", default=[], help="check this function or class only; may be repeated"
    )
    add(
        "--inputs", metavar="FILE", help="a Python file of the teacher's, whose variables come before those of learners"
    )
    add("--seed", metavar="N", type=int, default=0, help="of the random inputs (0)")
    add("--order", metavar="N", type=_positive, default=1, help="of the derivatives of a function that is named (1)")
    limits = parser.add_argument_group("limits")
    limits.add_argument("--jobs", metavar="N", type=_positive, default=1, help="files at a time (1)")
    limits.add_argument("--timeout", metavar="S", type=_seconds, default=60.0, help="seconds for a file (60)")
    limits.add_argument("--memory", metavar="MIB", type=_positive, default=4096, help="MiB for a file (4096)")
    output = parser.add_argument_group("output", "FILE is replaced; - is the standard output, without the text")
    output.add_argument("--html", metavar="FILE", help="a page for a class: a table, and a section for each file")
    output.add_argument("--json", metavar="FILE", help="everything, for programs")
    output.add_argument("--csv", metavar="FILE", help="a row for each file, with its right gradients, for a gradebook")
    output.add_argument("--junit", metavar="FILE", help="JUnit XML, for continuous integration")
    output.add_argument("--no-progress", action="store_true", help="no progress bar")


def run(parser: argparse.ArgumentParser, options: argparse.Namespace) -> int:
    """Run the command with parsed options, and return its exit status."""
    wanted = {kind: path for kind in WRITERS if (path := getattr(options, kind)) is not None}
    _refuse_unwritable(parser, wanted)
    try:
        targets = targets_of(options.paths)
    except NoTarget as problem:
        parser.error(str(problem))
    if options.inputs is not None and not Path(options.inputs).is_file():
        parser.error(f"--inputs: {options.inputs}: there is no such file.")
    names = ("only", "inputs", "seed", "order", "jobs", "timeout", "memory")
    settings = {name: getattr(options, name) for name in names}
    results = check_files(targets, **settings, progress=not options.no_progress)
    done: list[FileResult] = []
    status = 0
    try:
        for result in results:
            done.append(result)
    except KeyboardInterrupt:
        status = INTERRUPTED
    report = CheckReport(done)
    try:
        for kind, path in wanted.items():
            _write(parser, path, WRITERS[kind](done))
    finally:  # nothing is lost where a file can't be written, or a pipe is closed
        if "-" not in wanted.values():
            print(report)
    if status == INTERRUPTED:
        print(f"interrupted; {len(done)} of {len(targets)} files were checked", file=sys.stderr)
    return status or STATUS[report.verdict]


def _refuse_unwritable(parser: argparse.ArgumentParser, wanted: dict[str, str]) -> None:
    """End with an error before hours of checks are lost."""
    files = [path for path in wanted.values() if path != "-"]
    if len(set(files)) < len(files) or list(wanted.values()).count("-") > 1:
        parser.error("two outputs have the same name: give each its own.")
    for kind, path in wanted.items():
        if path != "-" and (Path(path).is_dir() or not Path(path).absolute().parent.is_dir()):
            parser.error(f"--{kind}: {path}: expected a file in a folder that exists.")


def _write(parser: argparse.ArgumentParser, path: str, text: str) -> None:
    if path == "-":
        print_any_text(encoding="utf-8")  # as in a file: the page and the XML name it
        print(text, end="")
        return
    try:
        with whole_file(path) as part:
            part.write_bytes(text.encode("utf-8", "replace"))
    except OSError as problem:
        parser.error(f"{path}: {problem}")


def _positive(text: str) -> int:
    value = int(text)
    if value < 1:
        raise argparse.ArgumentTypeError(f"expected 1 or more, got {text}.")
    return value


def _seconds(text: str) -> float:
    value = float(text)
    if not 0 < value < 1e6:
        raise argparse.ArgumentTypeError(f"expected seconds above 0, got {text}.")
    return value
