"""`check_gradients` and `check_pair`: what is asked, what is refused, and what becomes of the verdict."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import Any, Literal

import numpy as np

from ... import checks, functional
from ...core.modes import no_grad
from . import claim, coordinates
from .arguments import Arguments, name_of
from .blame import blame
from .claim import Claim
from .pairs import Pair
from .report import GradientReport, Mistake, Row, concluded
from .verdict import examine


def check_gradients(
    f: Callable[..., Any],
    *primals: Any,
    order: int = 1,
    modes: Sequence[Literal["vjp", "jvp"]] = ("vjp", "jvp"),
    argnums: int | Sequence[int] | None = None,
    progress: bool = True,
) -> GradientReport:
    """Hold the derivatives of `f` at `primals` against differences, to an `order`; raise GradientError if wrong.

    `f` maps arrays, Tensors, numbers, lists, tuples, dicts and Modules to arrays of any shape, in NumPy syntax, or is a
    Module itself. Its derivatives by every float and complex array among the arguments, or among those that `argnums`
    tells, are checked in float64: in reverse mode ("vjp") and in forward mode ("jvp"). What is float32 must have
    float32 gradients. A derivative is wrong if it is off by more than some millionths of itself and three times the
    error that the differences are measured to have: so neither small gradients nor large values are a problem. At a
    kink, a number between the slopes of both sides is right. Of an argument of more than 128 numbers, all are checked
    together, in random directions, and up to 24 by themselves; a wrong direction is searched for its elements. Of a
    value of more than 32 numbers, four random combinations are looked at.

    The report counts kinks. The error names the wrong elements, the derivative rule that is to blame, and code to
    reproduce it. Where rounding hides a derivative from differences, as in a saturated unit, the report is "undecided":
    it has not `passed`, and an UndecidedWarning names the elements, the reason and what to do. A progress bar shows
    where tqdm is installed, if it takes long, unless `progress=False`.

    Raises ValueError or TypeError for what can't be checked: no floats, a function that is not finite, changes its
    arguments, or gives another value when called again.

    >>> import numpy as np
    >>> import tinygrad_dl as tg
    >>> from tinygrad_dl import testing
    >>> report = testing.check_gradients(lambda W, x: np.tanh(W @ x), np.ones((3, 2)), np.array([0.1, 0.2]))
    >>> report.passed
    True
    """
    return concluded(gradients_report(f, *primals, order=order, modes=modes, argnums=argnums, progress=progress))


def gradients_report(
    f: Callable[..., Any],
    *primals: Any,
    order: int = 1,
    modes: Sequence[Literal["vjp", "jvp"]] = ("vjp", "jvp"),
    argnums: int | Sequence[int] | None = None,
    progress: bool = False,
) -> GradientReport:
    """The report of `check_gradients`, whatever its verdict."""
    order = checks.whole_number("check_gradients", "order", order)
    if not modes or set(modes) - {"vjp", "jvp"}:
        raise ValueError(f'check_gradients: expected modes of "vjp" and "jvp", got {modes!r}.')
    arguments = Arguments(f, primals, argnums)
    report = GradientReport(name_of(f))
    with _progress(progress) as tick, np.errstate(all="ignore"):
        _examine_orders(report, arguments, order, modes, tick)
    return report


def _examine_orders(
    report: GradientReport, arguments: Arguments, order: int, modes: Sequence[str], tick: Callable[[], Any]
) -> None:
    """Fill in the report: a function, since an interrupt at the jump of a loop skips the end of a block around it."""
    rng = np.random.default_rng(0)
    for k in range(1, order + 1):
        claimed = claim.of_rules(arguments.call, arguments.wide(), k, rng, tick)
        report.others = claimed.misfit()
        if not report.others:
            rows, mistakes = examine(claimed, arguments.leaves, k, modes)
            if mistakes:
                report.blame, kinks = blame(arguments, k, rng)
                undefined = any(np.isnan(mistake.claimed) for mistake in mistakes)
                if k == 1 and kinks and report.blame is None and not undefined:
                    rows, mistakes = _unless_at_kinks(arguments, k, modes, rng, rows, mistakes)
            report.add(rows, mistakes)
        if report.verdict == "wrong":
            return
    with no_grad():
        report.others = arguments.lost_dtypes(lambda *values: functional.vjp(arguments.call, *values))


def _unless_at_kinks(
    arguments: Arguments,
    order: int,
    modes: Sequence[str],
    rng: np.random.Generator,
    rows: list[Row],
    mistakes: list[Mistake],
) -> tuple[list[Row], list[Mistake]]:
    """What was found, but for mistakes that are none close by, while every rule by itself is right: these are kinks.

    With relu'(0) = 0, the derivative of relu(x) - relu(-x) at 0 comes out as 0, though it is 1: the chain rule does
    not hold at kinks, whichever subgradients are taken.
    """
    moved = [value + 1e-4 * coordinates.sizes(value) * rng.normal(size=value.shape) for value in arguments.wide()]
    try:
        close, others = examine(claim.of_rules(arguments.call, moved, order, rng), arguments.leaves, order, modes)
    except ValueError:  # not defined there
        return rows, mistakes
    return (rows, mistakes) if others else ([replace(row, kinks=row.kinks + len(mistakes)) for row in close], [])


def check_pair(
    forward: Callable[..., Any],
    backward: Callable[..., Any],
    *primals: Any,
    argnums: int | Sequence[int] | None = None,
    progress: bool = True,
) -> GradientReport:
    """Hold a backward pass written by hand against differences of its `forward`; raise GradientError if it is wrong.

    Both are plain NumPy and need no Tensor. `forward(*primals)` gives an array, or a pair of an array and a cache.
    `backward` takes the cotangent g of that array, and then what it needs: `backward(g, *primals)`,
    `backward(g, ans, *primals)`, or `backward(g, cache)`. It gives the cotangent of each float argument, in order: one
    array, a tuple, or a dict by the names of the arguments, `W` or `dW`. Numbers and tolerances are as in
    `check_gradients`, and so are errors and warnings; complex cotangents are as `autodiff` explains.

    >>> import numpy as np
    >>> from tinygrad_dl import testing
    >>> def forward(W, x):
    ...     return W @ x
    >>> def backward(g, W, x):
    ...     return np.outer(g, x), W.T @ g
    >>> testing.check_pair(forward, backward, np.ones((3, 2)), np.array([0.1, 0.2])).passed
    True
    """
    return concluded(pair_report(forward, backward, *primals, argnums=argnums, progress=progress))


def pair_report(
    forward: Callable[..., Any],
    backward: Callable[..., Any],
    *primals: Any,
    argnums: int | Sequence[int] | None = None,
    progress: bool = False,
) -> GradientReport:
    """The report of `check_pair`, whatever its verdict."""
    arguments = Arguments(forward, primals, argnums)
    pair = Pair(forward, backward, arguments)
    names = name_of(forward, "forward"), name_of(backward, "backward")
    report = GradientReport(f"the pair {', '.join(names)}")
    rng = np.random.default_rng(0)
    report.advice = f"It is {names[1]} that is wrong: differences of {names[0]} say otherwise."
    with _progress(progress) as tick, np.errstate(all="ignore"):
        values = arguments.wide()
        report.others = pair.misfit(values)
        if not report.others:
            claimed = Claim(values, pair.value, pair.linearize, rng, tick)
            report.add(*examine(claimed, arguments.leaves, 1, ("vjp",)))
            report.others = report.others or arguments.lost_dtypes(pair.vjp)
    return report


@contextmanager
def _progress(wanted: bool) -> Iterator[Callable[[], Any]]:
    """What to call at every evaluation: it moves a bar, which shows after a second."""
    found = importlib.util.find_spec("tqdm") if wanted else None
    if found is None:
        yield lambda: None
        return
    from tqdm import tqdm

    with tqdm(desc="checking gradients", unit=" evaluations", delay=1, leave=False) as bar:
        yield bar.update
