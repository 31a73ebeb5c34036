"""What gradient checkers miss, side by side: `python -m tests.benchmarks.gradient_checks [--peers torch,jax,autograd]`.

Each checker is called as its documentation shows, with its own tolerances, on float64, with its random numbers seeded,
to the order and in the mode of the row. One that draws new directions in each call is asked 20 times: "MISSED 8/20".
The rows are in `gradient_rows`; here is how each system is given a derivative rule and asked to check it.
"""

import argparse
import importlib.metadata
import importlib.util
import platform
import re
import warnings
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, NamedTuple

import numpy as np

import tinygrad_dl as tg
from tests.benchmarks.gradient_rows import ROWS, TO_READ, Row
from tests.benchmarks.peers import among
from tinygrad_dl.testing import check_gradients


class System(NamedTuple):
    """A framework with a gradient checker.

    `primitive(mode, forward, *rules)` gives `forward` derivative rules of its own; `check(f, primals, order, mode)`
    raises a `failure` for a wrong derivative. A checker that draws its directions anew in each call is asked more
    than once: one wrong answer of `draws` is one too many.
    """

    version: str
    xp: Any
    primitive: Callable[..., Callable]
    check: Callable[..., Any]
    failure: type[Exception]
    draws: int = 1


class Verdict(NamedTuple):
    """What a checker says of a row, in a word; whether it is `true`; and the text of its failure."""

    word: str
    true: bool
    text: str = ""

    def __str__(self) -> str:
        return f"{'✓' if self.true else '✗'} {self.word}"


def verdict(system: System, row: Row) -> Verdict:
    """Ask `system` about `row`: the worst of its answers, and how many there were of that kind if not all agree."""
    answers = [_verdict(system, row, seed) for seed in range(system.draws)]
    worst = min(answers, key=lambda answer: answer.true)
    share = sum(answer.true is worst.true for answer in answers)
    return worst if share == len(answers) else worst._replace(word=f"{worst.word} {share}/{len(answers)}")


def _verdict(system: System, row: Row, seed: int) -> Verdict:
    np.random.seed(seed)  # noqa: NPY002 (it is what HIPS autograd draws from)
    f = row.make(system.xp, lambda forward, *rules: system.primitive(row.mode, forward, *rules))
    try:
        system.check(f, row.primals, row.order, row.mode)
    except system.failure as failure:
        return Verdict("FALSE ALARM" if row.right else "caught", not row.right, str(failure))
    except Exception as error:
        return Verdict("error", False, f"{type(error).__name__}: {error}")
    return Verdict("passes" if row.right else "MISSED", row.right)


# ---- the systems
#
# All rows in forward mode act on each element, so that there a rule is its own transpose: it carries tangents too.


def ours() -> System:
    def primitive(mode, forward, *rules):
        function = tg.primitive(forward)
        tg.defvjp(function, *rules)
        return function

    def check(f, primals, order, mode):
        check_gradients(f, *primals, order=order, modes=(mode,))

    return System(f"tinygrad_dl {tg.__version__}", np, primitive, check, AssertionError)


def torch(fast_mode: bool = False) -> System:
    import torch
    from torch.autograd.gradcheck import GradcheckError, gradcheck, gradgradcheck

    def primitive(mode, forward, *rules):
        class Primitive(torch.autograd.Function):
            @staticmethod
            def forward(ctx, *args):
                ctx.save_for_backward(*args)
                ctx.save_for_forward(*args)
                return forward(*args)

            @staticmethod
            def backward(ctx, g):
                args = ctx.saved_tensors
                return tuple(rule(g, forward(*args), *args) for rule in rules)

            @staticmethod
            def jvp(ctx, *tangents):
                args = ctx.saved_tensors
                return sum(rule(t, forward(*args), *args) for rule, t in zip(rules, tangents, strict=True))

        Primitive.__name__ = Primitive.__qualname__ = forward.__name__
        return Primitive.apply

    def check(f, primals, order, mode):
        torch.manual_seed(0)
        tensors = tuple(torch.tensor(x, requires_grad=True) for x in primals)
        modes = {"check_forward_ad": mode == "jvp", "check_backward_ad": mode == "vjp"}
        gradcheck(f, tensors, fast_mode=fast_mode, **modes)
        if order == 2:
            gradgradcheck(f, tensors, fast_mode=fast_mode)

    return System(f"torch {torch.__version__}", torch, primitive, check, GradcheckError)


def torch_fast() -> System:
    return torch(fast_mode=True)


def jax() -> System:
    import jax
    from jax.test_util import check_grads

    jax.config.update("jax_enable_x64", True)

    def primitive(mode, forward, *rules):
        if mode == "jvp":
            function = jax.custom_jvp(forward)

            @function.defjvp
            def jvp(args, tangents):
                ans = forward(*args)
                return ans, sum(rule(t, ans, *args) for rule, t in zip(rules, tangents, strict=True))

            return function
        function = jax.custom_vjp(forward)
        function.defvjp(
            lambda *args: (forward(*args), args),
            lambda args, g: tuple(rule(g, forward(*args), *args) for rule in rules),
        )
        return function

    def check(f, primals, order, mode):
        check_grads(f, tuple(map(jax.numpy.asarray, primals)), order, modes=["fwd" if mode == "jvp" else "rev"])

    return System(f"jax {jax.__version__}", jax.numpy, primitive, check, AssertionError)


def hips() -> System:
    import autograd.numpy
    from autograd.extend import defjvp, defvjp
    from autograd.extend import primitive as new_primitive
    from autograd.test_util import check_grads

    def primitive(mode, forward, *rules):
        function = new_primitive(forward)
        defvjp(function, *[lambda ans, *args, rule=rule: lambda g: rule(g, ans, *args) for rule in rules])
        defjvp(function, *rules)
        return function

    def check(f, primals, order, mode):
        check_grads(f, modes=["fwd" if mode == "jvp" else "rev"], order=order)(*primals)

    return System(
        f"autograd {importlib.metadata.version('autograd')}", autograd.numpy, primitive, check, AssertionError, draws=20
    )


COLUMNS = [  # title, the package that it needs, the system
    ("ours", "tinygrad_dl", ours),
    ("torch", "torch", torch),
    ("torch, fast", "torch", torch_fast),
    ("JAX", "jax", jax),
    ("HIPS", "autograd", hips),
]
PEERS = ["torch", "jax", "autograd"]

# ---- what is printed, column by column

TOTALS = ["MISSED", "FALSE ALARM", "error"]
NAMES = {  # what the reader of a failure of `TO_READ` wants to know, and how it may be put
    "element": r"[\[(]2, ?1[\])]",
    "argument": r"\bA\b|\b(argument|input|argnum) 0\b",
    "rule at fault": r"\bscaled\b",
}


def said(verdicts: Sequence[Verdict]) -> list[str]:
    """The verdicts, and how many are true or wrong in which way."""
    true = sum(verdict.true for verdict in verdicts)
    wrong = [sum(verdict.word.startswith(word) for verdict in verdicts) for word in TOTALS]
    return [*map(str, verdicts), "", f"{true} of {len(verdicts)}", *map(str, wrong)]


def told(text: str) -> list[str]:
    """The size of a failure's text, and whether it names what its reader wants to know."""
    if not text:
        return ["no text"] * (2 + len(NAMES))
    names = ["yes" if re.search(pattern, text) else "no" for pattern in NAMES.values()]
    return [f"{len(text):,}", f"{len(text.splitlines()):,}", *names]


def print_table(head: Sequence[str], columns: Sequence[Sequence[str]]) -> None:
    """Print aligned `columns` under their `head`; one that is missing says so at its top."""
    height = max(map(len, columns))
    columns = [column or ["not installed", *[""] * (height - 1)] for column in columns]
    columns = [[title, "-" * len(title), *column] for title, column in zip(head, columns, strict=True)]
    widths = [max(map(len, column)) for column in columns]
    for line in zip(*columns, strict=True):
        print("  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip())
    print()


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="gradient_checks", description="What gradient checkers miss, side by side.")
    parser.add_argument(
        "--peers", type=partial(among, PEERS), default=PEERS, metavar=",".join(PEERS), help="which ones (default: all)"
    )
    asked = ["tinygrad_dl", *parser.parse_args(arguments).peers]

    columns = {title: (package, make) for title, package, make in COLUMNS if package in asked}
    systems = {title: make() for title, (package, make) in columns.items() if importlib.util.find_spec(package)}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of the logarithm of a negative number, and the like
        verdicts = {title: [verdict(system, row) for row in ROWS] for title, system in systems.items()}

    versions = dict.fromkeys(system.version for system in systems.values())
    print(f"Python {platform.python_version()}, NumPy {np.__version__}, {', '.join(versions)}\n")
    print_table(
        ["the rule of", "is", *columns],
        [
            [*[row.name for row in ROWS], "", "true verdicts", *TOTALS],
            [*["right" if row.right else "wrong" for row in ROWS], *[""] * (2 + len(TOTALS))],
            *[said(verdicts[title]) if title in systems else [] for title in columns],
        ],
    )
    print_table(
        [f"the text of the last failure ({TO_READ.name})", *columns],
        [
            ["characters", "lines", *[f"names the {what}" for what in NAMES]],
            *[told(verdicts[title][-1].text) if title in systems else [] for title in columns],
        ],
    )


if __name__ == "__main__":
    main()
