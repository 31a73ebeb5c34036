"""The laws that the derivatives of any function obey, one small function each, and their table `LAWS`.

A law maps a `CheckedFunction` to None, or to a description of the fault. `properties.py` makes tests of them.
"""

from __future__ import annotations

import contextlib
import functools
import inspect
import itertools
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np

from .. import functional, pytree
from ..functional.user_ops import read_only
from .gradcheck import GradientReport, gradients_report, pair_report
from .gradcheck.arguments import Arguments
from .gradcheck.differences import EPS
from .gradcheck.pairs import Pair

RTOL = 1e-8  # between two ways to compute one derivative in float64, relative to the largest number in it
ROUNDING = 1e-4  # of that, relative to gradients nearby: 1e-12 of these are rounding, wherever the others cancel
REFUSED = (ValueError, TypeError, IndexError)  # what a function raises for shapes that don't fit


class CheckedFunction:
    """A function with float arguments `primals`, reduced to a function of arrays, all of which are varied.

    `function` is in NumPy syntax, or a pair (forward, backward) by hand. `values` are the arrays among the primals, in
    float64, and `names` their names; `vjp(*values)` returns the value and the pullback to all of them.
    `check(**settings)` compares it with differences; `undecided` holds the reports that rounding left undecided.
    """

    by_hand: bool
    arguments: Arguments
    values: list[np.ndarray]
    names: list[str]
    vjp: Callable[..., Any]
    check: Callable[..., Any]

    def __init__(
        self, function: Callable[..., Any] | tuple[Callable[..., Any], Callable[..., Any]], primals: Sequence[Any]
    ):
        self.by_hand = isinstance(function, tuple)
        self.undecided: list[GradientReport] = []
        self.forward: Callable = function[0] if isinstance(function, tuple) else function
        self.arguments = Arguments(self.forward, primals)
        self.values, self.names = self.arguments.wide(), [leaf.name for leaf in self.arguments.leaves]
        if isinstance(function, tuple):
            self.vjp = Pair(*function, self.arguments).vjp
            self.check = functools.partial(pair_report, *function, *primals)
        else:
            self.vjp = functools.partial(functional.vjp, self.arguments.call)
            self.check = functools.partial(gradients_report, self.forward, *primals)

    def gradients(self, *values: np.ndarray) -> list[np.ndarray]:
        """The cotangents of `values`, for a cotangent of the value that depends on its shape only."""
        value, pullback = self.vjp(*values)
        return [np.asarray(g) for g in pullback(some_like(value))]

    @functools.cached_property
    def typical(self) -> float:
        """The size of nearby gradients, or of their terms, which may cancel to 0 up to rounding.

        A whole gradient may cancel at this point, and that of the cosine of two vectors of one number does everywhere;
        its terms are as large as the value divided by the argument.
        """
        nearby = self.gradients(*[x + 2**-7 * some_like(x) for x in self.values])
        value = max((float(np.abs(y).max(initial=0)) for y in pytree.leaves(self.vjp(*self.values)[0])), default=0.0)
        sizes = [float(np.abs(x).max(initial=0)) for x in self.values]
        found = [float(np.abs(g).max(initial=0)) for g in nearby if np.all(np.isfinite(g))]
        return max([*found, *(value / size for size in sizes if size)], default=0.0)

    @functools.cached_property
    def noise(self) -> float:
        """The largest change of a gradient when all arguments grow by a few roundings."""
        grown = [self.gradients(*[x * (1 + k * EPS) for x in self.values]) for k in range(5)]
        changes = [np.ptp(same, axis=0) for same in zip(*grown, strict=True)]
        return max((float(change.max(initial=0)) for change in changes if np.all(np.isfinite(change))), default=0.0)

    def same(self, a: Any, b: Any, scale: float = 0.0) -> bool:
        """Return whether two gradients are equal up to rounding in sums of terms of size `scale`, or their own."""
        return (
            _close(a, b, scale)
            or _close(a, b, max(scale, ROUNDING * self.typical))
            or _close(a, b, max(scale, 8 * self.noise / RTOL))
        )


Law = Callable[[CheckedFunction], str | None]  # returns None, or a description of the fault


def vjp_is_numeric(subject: CheckedFunction) -> str | None:
    """Reverse mode gives what differences give."""
    return _contradiction(subject) if subject.by_hand else _contradiction(subject, modes=("vjp",))


def jvp_is_vjp_transposed(subject: CheckedFunction) -> str | None:
    """⟨u, J t⟩ = ⟨Jᵀ u, t⟩ for a tangent t in forward mode and a cotangent u in reverse mode."""
    if subject.by_hand:
        return None
    tangents = tuple(map(some_like, subject.values))
    value, pushed = functional.jvp(subject.arguments.call, tuple(subject.values), tangents)
    forward = _products(some_like(value), pushed)
    reverse = _products(subject.gradients(*subject.values), tangents)
    if subject.same(forward.sum(), reverse.sum(), scale=np.abs(forward).sum() + np.abs(reverse).sum()):
        return None
    return f"⟨u, J t⟩ is {forward.sum():.9g} by tg.jvp, and ⟨Jᵀ u, t⟩ is {reverse.sum():.9g} by tg.vjp."


def second_order_is_numeric(subject: CheckedFunction) -> str | None:
    """The derivative of the gradient is what differences of the gradient give."""
    return None if subject.by_hand else _contradiction(subject, modes=("vjp",), order=2)


def broadcasting_sums(subject: CheckedFunction) -> str | None:
    """The gradient with respect to a broadcast argument is summed over the repeated axes."""
    for i, x in enumerate(subject.values):
        for cut, axis in _cuts(x):
            few, many = list(subject.values), list(subject.values)
            few[i], many[i] = cut, np.broadcast_to(cut, x.shape).copy()
            if not _broadcasts(subject, few, i, x.shape):
                continue
            where = f"With {subject.names[i]} of shape {cut.shape} instead of {x.shape},"
            expected = subject.gradients(*many)
            scale = np.abs(expected[i]).sum()
            expected[i] = np.reshape(expected[i].sum(axis=axis), cut.shape)
            try:
                gradients = subject.gradients(*few)
            except REFUSED as error:
                return f"{where} there is no gradient: {type(error).__name__}: {error}"
            for name, gradient, right in zip(subject.names, gradients, expected, strict=True):
                if not subject.same(gradient, right, scale):
                    found = f"the gradient with respect to {name}, of shape {gradient.shape}, is"
                    advice = 'If that is not meant to work, leave this law out: without=["broadcasting"].'
                    return f"{where} {found}\n{gradient}\ninstead of\n{right}\n{advice}"
    return None


def _broadcasts(subject: CheckedFunction, values: Sequence[np.ndarray], i: int, shape: tuple[int, ...]) -> bool:
    """Return whether the function broadcasts the i-th of `values` to `shape`, at this point and nearby.

    At one point it may seem so by chance, since the sum of one 0 is that of two; likewise on one side of a kink, and
    far from 0, where a tanh is 1. Hence numbers of size 1 are tried too.
    """
    moderate = [x / max(1, np.abs(x).max(initial=0)) for x in values]
    for step, at in ((0, values), (2**-7, values), (-(2**-7), values), (0, moderate)):
        few = [x + step * some_like(x) for x in at]
        many = [*few[:i], np.broadcast_to(few[i], shape).copy(), *few[i + 1 :]]
        try:
            if not _equal(subject.vjp(*few)[0], subject.vjp(*many)[0]):
                return False
        except REFUSED:
            return False
    return True


def inputs_are_left_alone(subject: CheckedFunction) -> str | None:
    """Inputs and cotangents are neither changed nor given back as gradients, and may be read-only."""
    primals = read_only(subject.arguments.primals)
    arrays = [x for x in pytree.leaves(primals) if isinstance(x, np.ndarray)]
    before = [x.copy() for x in arrays]
    try:
        with contextlib.suppress(TypeError, AttributeError):  # of a function that is for Tensors only
            subject.forward(*primals)
        value, pullback = subject.vjp(*_float_leaves(primals, subject))
        gradients = pullback(read_only(some_like(value)))
    except ValueError as error:
        if "read-only" not in str(error):
            raise
        place = inspect.getinnerframes(error.__traceback__)[-1]  # type: ignore[arg-type]
        return f"Something writes into an input or a cotangent, at {place.filename}:{place.lineno}\n  {error}"
    for x, old in zip(arrays, before, strict=True):
        if x.tobytes() != old.tobytes():
            return f"An input was\n{old}\nbefore the call and is\n{x}\nafter it."
    for name, gradient in zip(subject.names, gradients, strict=True):
        if any(np.shares_memory(gradient, x) for x in arrays):
            return f"The gradient with respect to {name} shares memory with an input: return a copy."
    return None


def float32_stays_float32(subject: CheckedFunction) -> str | None:
    """For float32 inputs, the value and the gradients are float32."""
    narrow = [x.astype(np.complex64 if np.iscomplexobj(x) else np.float32) for x in subject.values]
    value, pullback = subject.vjp(*narrow)
    wide = [y for y in map(np.asarray, pytree.leaves(value)) if y.dtype.name in ("float64", "complex128")]
    if wide:
        return f"Here the value is {wide[0].dtype}."
    for name, x, gradient in zip(subject.names, narrow, pullback(some_like(value)), strict=True):
        if np.asarray(gradient).dtype != x.dtype:
            return f"The gradient with respect to {name} is {np.asarray(gradient).dtype}, and {name} is {x.dtype}."
    return None


def uses_add_up(subject: CheckedFunction) -> str | None:
    """A variable in two places gets the sum of the gradients; a pullback gives the same again, in any memory order."""
    value, pullback = subject.vjp(*subject.values)
    u = some_like(value)
    once = [np.array(g) for g in pullback(u)]
    with contextlib.suppress(*REFUSED):
        subject.gradients(*[np.flip(x).copy() for x in subject.values])  # what keeps a state has another one now
    for name, g, again in zip(subject.names, once, pullback(u), strict=True):
        if not subject.same(again, g):
            return f"Called once more, the pullback gives for {name}\n{again}\nand gave\n{g}"
    wrong = _by_memory_order(subject, value, u, once)
    if wrong:
        return wrong
    if subject.by_hand:
        return None

    def doubled(*values):
        return pytree.map_leaves(lambda y: y + y, subject.arguments.call(*values))

    for name, g, twice in zip(subject.names, once, functional.vjp(doubled, *subject.values)[1](u), strict=True):
        if not subject.same(twice, 2 * g):
            return f"The gradient of f + f with respect to {name} is\n{twice}\ninstead of twice that of f,\n{2 * g}"
    for i, j in itertools.combinations(range(len(once)), 2):
        if once[i].shape == once[j].shape and once[i].dtype == once[j].dtype:
            with contextlib.suppress(*REFUSED):
                wrong = _of_one_variable(subject, i, j)
                if wrong:
                    return wrong
    return None


def _by_memory_order(subject: CheckedFunction, value: Any, u: Any, expected: Sequence[np.ndarray]) -> str | None:
    """Describe gradients that change with the memory order of the cotangent `u`, or of the arguments.

    A function whose value changes as well, such as x.ravel("K"), is left out.
    """
    turned = [_in_other_order(x) for x in subject.values]
    for words, values, cotangent in (
        ("the cotangent", subject.values, pytree.map_leaves(_in_other_order, u)),
        ("the arguments", turned, u),
    ):
        ans, pullback = subject.vjp(*values)
        if not _equal(ans, value):
            continue
        for name, gradient, right in zip(subject.names, pullback(cotangent), expected, strict=True):
            if not subject.same(gradient, right):
                where = f"With {words} in another order in memory, as by np.asfortranarray,"
                return f"{where} the gradient with respect to {name} is\n{gradient}\ninstead of\n{right}"
    return None


def _of_one_variable(subject: CheckedFunction, i: int, j: int) -> str | None:
    """Describe a wrong gradient with one variable for the arguments i and j."""
    values = list(subject.values)
    values[j] = values[i]

    def joined(x):
        return subject.arguments.call(*[x if k in (i, j) else value for k, value in enumerate(values)])

    value, pullback = functional.vjp(joined, values[i])
    if not all(np.all(np.isfinite(y)) for y in pytree.leaves(value)):  # outside of the domain of one of them
        return None
    (actual,) = pullback(some_like(value))
    g = subject.gradients(*values)
    if subject.same(actual, g[i] + g[j], scale=np.abs(g[i]).max(initial=0) + np.abs(g[j]).max(initial=0)):
        return None
    one = f"{subject.names[i]} = {subject.names[j]}"
    return f"With one variable for both, {one}, its gradient is\n{actual}\ninstead of the sum\n{g[i] + g[j]}"


LAWS: dict[str, Law] = {
    "no aliasing": inputs_are_left_alone,  # the first: what writes into its inputs can't be checked any further
    "vjp vs numeric": vjp_is_numeric,
    "jvp vs vjp": jvp_is_vjp_transposed,
    "second order": second_order_is_numeric,
    "broadcasting": broadcasting_sums,
    "dtype kept": float32_stays_float32,
    "used twice": uses_add_up,
}

# ---- shared by the laws


def some_like(tree: Any) -> Any:
    """A cotangent or tangent for `tree` that depends on its shapes only; zeros for integers."""
    rng = np.random.default_rng(0)

    def numbers(y):
        y = np.asarray(y)
        if y.dtype.kind not in "fc":
            return np.zeros_like(y)
        parts = rng.uniform(0.5, 1.5, (2, *y.shape)) * rng.choice([-1, 1], (2, *y.shape))
        return (parts[0] + 1j * parts[1] if y.dtype.kind == "c" else parts[0]).astype(y.dtype)

    return pytree.map_leaves(numbers, tree)


def _contradiction(subject: CheckedFunction, **settings: Any) -> str | None:
    report = subject.check(**settings)
    if report.verdict == "undecided":
        subject.undecided.append(report)
    return str(report).split("\n\nTo reproduce")[0] if report.verdict == "wrong" else None


def _products(u: Any, t: Any) -> np.ndarray:
    """Re(u t) of all numbers in two trees, the terms of ⟨u, t⟩."""
    return np.concatenate([np.real(a * b).ravel() for a, b in zip(pytree.leaves(u), pytree.leaves(t), strict=True)])


def _close(a: Any, b: Any, scale: float = 0.0) -> bool:
    """Return whether two arrays are equal up to rounding of numbers of size `scale`, or their own."""
    a, b = np.asarray(a), np.asarray(b)
    if a.shape != b.shape:
        return False
    scale = max(scale, np.abs(a).max(initial=0), np.abs(b).max(initial=0))
    return bool(np.all((np.abs(a - b) <= RTOL * scale) | (a == b) | (np.isnan(a) & np.isnan(b))))


def _equal(a: Any, b: Any) -> bool:
    ours, others = list(pytree.leaves(a)), list(pytree.leaves(b))
    return len(ours) == len(others) and all(map(_close, ours, others))


def _cuts(x: np.ndarray) -> Iterator[tuple[np.ndarray, int]]:
    """Parts of `x` that broadcast to its shape, with the axis: one of length 1, or the first left out."""
    for axis, length in enumerate(x.shape):
        if length > 1:
            yield np.take(x, [0], axis), axis
    if x.ndim and len(x):
        yield np.array(x[0]), 0


def _in_other_order(x: Any) -> np.ndarray:
    """A copy of `x` in Fortran order; in C order if it was in Fortran order."""
    return np.array(x, order="F" if np.asarray(x).flags.c_contiguous else "C")


def _float_leaves(primals: Sequence[Any], subject: CheckedFunction) -> list[Any]:
    """The arrays to vary, in their own memory; copies if there are Modules."""
    floats = [x for x in pytree.leaves(primals) if getattr(x, "dtype", np.asarray(x).dtype).kind in "fc"]
    copies = [leaf.value for leaf in subject.arguments.leaves]
    return floats if len(floats) == len(copies) else copies
