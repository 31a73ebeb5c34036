"""`python -m tinygrad_dl.testing homework.py`: check the gradients in a file without writing a test."""

from __future__ import annotations

import argparse
import io
import re
import sys
import warnings
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import redirect_stdout
from functools import partial
from pathlib import Path
from typing import NamedTuple

from .gradcheck import gradients_report
from .homework import gradients, inputs, pairs
from .homework.loading import CannotCheck, UserFile, run_file

RIGHT, WRONG, UNDECIDED, UNCHECKED = "right", "wrong", "undecided", "not checked"

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


class Check(NamedTuple):
    """A check: its title, the names that select it, and a function that returns the verdict and the report."""

    title: str
    names: tuple[str, ...]
    run: Callable[[], tuple[str, str]]


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
            checks = _select(file, name, options)
            for check in checks:
                print(check.title, flush=True)
                counts[_outcome(file, check)] += 1
    except CannotCheck as problem:
        print(problem, file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        return 130
    shown = [RIGHT, WRONG, *(outcome for outcome in (UNDECIDED, UNCHECKED) if counts[outcome])]
    print(", ".join(f"{counts[outcome]} {outcome}" for outcome in shown))
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


def _outcome(file: UserFile, check: Check) -> str:
    """Run a check and print its report. The output of the learner's functions, called many times, is hidden."""
    try:
        with redirect_stdout(io.StringIO()), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            verdict, text = check.run()
    except Exception as error:
        print(file.problem(error), file=sys.stderr, flush=True)
        print()
        return UNCHECKED
    print(text, flush=True)
    print()
    return verdict


# ---- the checks of a file


def _select(file: UserFile, name: str, options: argparse.Namespace) -> list[Check]:
    """All checks, in the order of the file, or those selected by `name`; CannotCheck if there are none."""
    checks = list(_checks(file, not options.no_progress))
    by_name = [check for check in checks if name and name in check.names]
    if options.order > 1 and (by_name or not name):
        raise CannotCheck("--order: only a single function is checked to higher order; name one, as in file.py:f.")
    if by_name or (checks and not name):
        return by_name or checks
    if name in file.functions and re.search(r"_(backward|grad|gradient|prime)$|^(backward|grad)_", name):
        raise CannotCheck(
            f"{file.path}: there is no forward function to pair {name} with: expected one of the same name without "
            f"the part for backward."
        )
    if name in file.functions:
        return [Check(name, (name,), partial(_check_function, file, name, options.order, not options.no_progress))]
    alone = ", ".join(n for n in file.functions if not any(n in check.names for check in checks))
    if name:
        there = [check.title for check in checks] + ([f"the functions {alone}"] if alone else [])
        raise CannotCheck(f"{file.path}: there is no {name} to check; there is {'; '.join(there) or 'nothing'}.")
    raise CannotCheck(
        f"{file.path}: nothing to check: expected a pair such as relu_forward and relu_backward, or a dict of "
        f"gradients {{'dW1': ..., ...}}" + (f"; name a function to check it by autodiff: {alone}." if alone else ".")
    )


def _checks(file: UserFile, progress: bool) -> Iterator[Check]:
    """The checks of a file, in its order."""
    loose = {n: v for n, v in file.variables.items() if gradients.GRADIENT.fullmatch(n)}
    for name, value in file.names.items():
        if name in file.functions:
            yield from _checks_of_function(file, name, progress)
        elif gradients.gradients_in(value):
            run = partial(gradients.check_dict, file, name, gradients.gradients_in(value))
            yield Check(name, (name,), run)
            loose = {}
    if loose:
        title = ", ".join(loose)
        yield Check(title, tuple(loose), partial(gradients.check_dict, file, title, loose))


def _checks_of_function(file: UserFile, name: str, progress: bool) -> Iterator[Check]:
    forward, common = _pair_of(file, name)
    if gradients.is_backprop(file, name, forward):
        run = partial(gradients.check_function, file, name, forward)
        yield Check(name, (name, forward, common), run)
    elif forward:
        run = partial(pairs.check_functions, file, forward, name, common, progress)
        yield Check(f"{forward}, {name}", (forward, name, common), run)


def _pair_of(file: UserFile, backward: str) -> tuple[str, str]:
    """The name of the forward function for `backward`, and the part that both names share."""
    for forward_pattern, backward_pattern in pairs.PAIRS:
        match = re.fullmatch(backward_pattern.replace("{}", "(.*)"), backward)
        if match and (forward := forward_pattern.format(match[1])) in file.functions:
            return forward, match[1]
    return "", ""


def _check_function(file: UserFile, name: str, order: int, progress: bool) -> tuple[str, str]:
    """The derivatives of a function, by autodiff, against differences."""
    call = inputs.call_of(file, name)
    argnums = [i for i, n in enumerate(call.names) if n not in call.settings or n == "y"]  # y may be no label
    report = gradients_report(call.function, *call.values, order=order, argnums=argnums, progress=progress)
    return report.verdict, inputs.report_text(call.taken, report)


if __name__ == "__main__":
    sys.exit(main())
