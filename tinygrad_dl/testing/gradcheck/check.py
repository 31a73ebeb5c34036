"""The public checks, `check_gradients` and `check_pair`: validation of arguments, the check, and its verdict."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from types import FunctionType
from typing import Any, Literal

import numpy as np

from ... import checks, functional
from ..._signatures import signature
from ...core.modes import no_grad
from ..progress import bar_class
from . import claim, coordinates
from .arguments import Arguments, name_of
from .blame import blame
from .claim import ClaimedGradient
from .pairs import Pair
from .report import GradientReport, Mistake, Row, raise_or_warn
from .verdict import compare


def check_gradients(
    f: Callable[..., Any],
    *primals: Any,
    order: int = 1,
    modes: Sequence[Literal["vjp", "jvp"]] = ("vjp", "jvp"),
    argnums: int | Sequence[int] | None = None,
    progress: bool = True,
) -> GradientReport:
    """Compare the derivatives of `f` at `primals`, up to an `order`, with finite differences.

    The derivatives with respect to every float and complex array among the arguments are checked in float64. A
    derivative is wrong if it is off by more than some millionths of itself and by more than three times the measured
    error of the differences, so that small gradients and large values are checked as well. At a kink any number between
    the slopes of both sides is right.

    Parameters
    ----------
    f
        A Module, or a function in NumPy syntax, from arrays, Tensors, numbers, lists, tuples, dicts and Modules to
        arrays of any shape.
    *primals
        The arguments of `f`, with floats of any shapes. A float32 argument must have a float32 gradient.
    order
        The highest order of derivative to check.
    modes
        "vjp" for reverse mode, "jvp" for forward mode, by default both.
    argnums
        The numbers of the arguments to differentiate with respect to, by default all.
    progress
        Show a progress bar if the check takes more than a second and tqdm is installed.

    Returns
    -------
    GradientReport
        The table of what was checked, with the number of kinks. Its `passed` is False where rounding hides a derivative
        from differences, as in a saturated unit; then an `UndecidedWarning` names the elements, the reason and what to
        do.

    Raises
    ------
    GradientError
        If a derivative is wrong. It gives the wrong elements, the derivative rule at fault, and code to reproduce it.
    ValueError, TypeError
        If `f` can't be checked: no argument has floats, or `f` is not finite, changes its arguments, or returns another
        value when called again.

    Notes
    -----
    An argument of more than 128 numbers is checked in random directions, and up to 24 of its elements one by one; a
    wrong direction is searched for its wrong elements. Of a value of more than 32 numbers, four random combinations are
    checked.

    Examples
    --------
    >>> import numpy as np
    >>> import tinygrad_dl as tg
    >>> from tinygrad_dl import testing
    >>> report = testing.check_gradients(lambda W, x: np.tanh(W @ x), np.ones((3, 2)), np.array([0.1, 0.2]))
    >>> report.passed
    True
    """
    return raise_or_warn(gradients_report(f, *primals, order=order, modes=modes, argnums=argnums, progress=progress))


def gradients_report(
    f: Callable[..., Any],
    *primals: Any,
    order: int = 1,
    modes: Sequence[Literal["vjp", "jvp"]] = ("vjp", "jvp"),
    argnums: int | Sequence[int] | None = None,
    progress: bool = False,
) -> GradientReport:
    """Return the report of `check_gradients`, also if its verdict is "wrong"."""
    order = checks.whole_number("check_gradients", "order", order)
    if not modes or set(modes) - {"vjp", "jvp"}:
        raise ValueError(f'check_gradients: expected modes among "vjp" and "jvp", got {modes!r}.')
    _check_call(f, primals)
    arguments = Arguments(f, primals, argnums)
    report = GradientReport(name_of(f))
    with _progress(progress) as tick, np.errstate(all="ignore"):
        _check_orders(report, arguments, order, modes, tick)
    return report


def _check_call(f: Callable[..., Any], primals: tuple[Any, ...]) -> None:
    """Raise TypeError if a function, perhaps a gradient by hand, is among `primals` and `f` does not take so many."""
    if not any(isinstance(primal, FunctionType) for primal in primals):
        return
    try:
        signature(f).bind(*primals)
    except TypeError:
        raise TypeError(
            f"check_gradients: expected the arguments of {name_of(f)}, got a function among them: to check a gradient "
            f"by hand, write tg.testing.check_pair(f, lambda g, x: g * gradient(x), x)."
        ) from None
    except ValueError:  # of a function written in C, without a signature
        return


def _check_orders(
    report: GradientReport, arguments: Arguments, order: int, modes: Sequence[str], tick: Callable[[], Any]
) -> None:
    """Fill in the report; a function, since an interrupt at a loop's jump would skip the end of a block around it."""
    rng = np.random.default_rng(0)
    for k in range(1, order + 1):
        claimed = claim.of_rules(arguments.call, arguments.wide(), k, rng, tick)
        report.others = claimed.inconsistency()
        if not report.others:
            rows, mistakes = compare(claimed, arguments.leaves, k, modes)
            if mistakes:
                report.blame, kinks = blame(arguments, k, rng)
                undefined = any(np.isnan(mistake.claimed) for mistake in mistakes)
                if k == 1 and kinks and report.blame is None and not undefined:
                    rows, mistakes = _unless_at_kinks(arguments, k, modes, rng, rows, mistakes)
            report.rows += rows
            report.mistakes += mistakes
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
    """Return the findings; mistakes that vanish nearby count as kinks, since every rule by itself is right.

    With relu'(0) = 0, the chain rule gives relu(x) - relu(-x) the derivative 0 at 0, though it is 1: the chain rule
    does not hold at kinks, for any choice of subgradients.
    """
    moved = [value + 1e-4 * coordinates.sizes(value) * rng.normal(size=value.shape) for value in arguments.wide()]
    try:
        close, others = compare(claim.of_rules(arguments.call, moved, order, rng), arguments.leaves, order, modes)
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
    """Compare a backward pass written by hand with finite differences of its `forward`.

    Both functions are plain NumPy and need no Tensor. Tolerances, errors and warnings are those of `check_gradients`.

    Parameters
    ----------
    forward
        A function of `primals` that returns an array, or a pair of an array and a cache.
    backward
        A function of the cotangent `g`, which has the shape of the array that `forward` returns, in one of three forms:
        `backward(g, *primals)`, `backward(g, ans, *primals)` or `backward(g, cache)`. It returns the cotangent of each
        float argument, of the argument's shape, in order: one array, a tuple, or a dict by the names of the arguments,
        `W` or `dW`.
    *primals
        The arguments of `forward`, with floats of any shapes.
    argnums
        The numbers of the arguments that `backward` differentiates with respect to, by default all.
    progress
        Show a progress bar if the check takes more than a second and tqdm is installed.

    Returns
    -------
    GradientReport
        As for `check_gradients`.

    Raises
    ------
    GradientError
        If a cotangent is wrong, or has the wrong shape.
    ValueError, TypeError
        If the pair can't be checked, see `check_gradients`, or `backward` has none of the three forms.

    Examples
    --------
    >>> import numpy as np
    >>> from tinygrad_dl import testing
    >>> def forward(W, x):
    ...     return W @ x
    >>> def backward(g, W, x):
    ...     return np.outer(g, x), W.T @ g
    >>> testing.check_pair(forward, backward, np.ones((3, 2)), np.array([0.1, 0.2])).passed
    True
    """
    return raise_or_warn(pair_report(forward, backward, *primals, argnums=argnums, progress=progress))


def pair_report(
    forward: Callable[..., Any],
    backward: Callable[..., Any],
    *primals: Any,
    argnums: int | Sequence[int] | None = None,
    progress: bool = False,
) -> GradientReport:
    """Return the report of `check_pair`, also if its verdict is "wrong"."""
    arguments = Arguments(forward, primals, argnums)
    pair = Pair(forward, backward, arguments)
    names = name_of(forward, "forward"), name_of(backward, "backward")
    report = GradientReport(f"the pair {', '.join(names)}")
    rng = np.random.default_rng(0)
    report.advice = f"{names[1]} is wrong: it contradicts differences of {names[0]}."
    with _progress(progress) as tick, np.errstate(all="ignore"):
        values = arguments.wide()
        report.others = pair.inconsistency(values)
        if not report.others:
            claimed = ClaimedGradient(values, pair.value, pair.linearize, rng, tick)
            report.rows, report.mistakes = compare(claimed, arguments.leaves, 1, ("vjp",))
            report.others = report.others or arguments.lost_dtypes(pair.vjp)
        if report.verdict == "wrong":
            with contextlib.suppress(Exception):  # of any kind, in functions of the user: then there are no causes
                report.causes = pair.causes(values)
    return report


@contextlib.contextmanager
def _progress(wanted: bool) -> Iterator[Callable[[], Any]]:
    """A function to call at every evaluation; it advances a progress bar, which appears after a second."""
    tqdm = bar_class(wanted)
    if tqdm is None:
        yield lambda: None
        return
    with tqdm(desc="checking gradients", unit=" evaluations", delay=1, leave=False) as bar:
        yield bar.update
