"""Property-based tests of derivatives: `check_laws` at given inputs, `given_gradients` at inputs of Hypothesis.

The properties are in `laws.py`, the strategies in `strategies`, which is the only importer of Hypothesis.
"""

from __future__ import annotations

import functools
import importlib
import inspect
import sys
import textwrap
import types
from collections.abc import Callable, Collection, Mapping
from typing import Any

import numpy as np

from .. import functional, pytree
from .._signatures import signature
from ..core.registry import name_of
from .gradcheck import GradientReport
from .gradcheck.coordinates import in_layout_of
from .gradcheck.report import raise_or_warn
from .laws import LAWS, CheckedFunction, Law, some_like
from .source_repr import source_repr

LINES = 26  # of a failure, at most: Hypothesis adds its own

Function = Callable[..., Any] | tuple[Callable[..., Any], Callable[..., Any]] | str

# function -> the domain of each argument, if it is not "real" for all; kinks -> values at which there is no derivative
DOMAINS: dict[Callable[..., Any], tuple[Any, ...]] = {
    **dict.fromkeys((np.log, np.log2, np.log10, np.sqrt), ("positive",)),
    **dict.fromkeys((np.arcsin, np.arccos, np.arctanh, np.tan), ("unit interval",)),
    **dict.fromkeys((np.reciprocal, np.cbrt), ("nonzero",)),
    np.log1p: ("above minus one",),
    np.arccosh: ("above one",),
    np.divide: ("real", "nonzero"),
    **dict.fromkeys((np.power, np.float_power), ("positive", "real")),
    **dict.fromkeys((np.arctan2, np.hypot), ("nonzero", "nonzero")),
    **dict.fromkeys((np.remainder, np.fmod), ((0.25, 0.875), "above one")),  # it jumps at each multiple
}


def check_laws(f: Function, /, *primals: Any, without: Collection[str] = (), **named: Any) -> None:
    """Check that the derivatives of `f` at these arguments obey the laws of derivatives.

    Warn with an `UndecidedWarning`, as `check_gradients` does, if rounding hides a derivative from differences.

    Parameters
    ----------
    f
        A function in NumPy syntax, its name such as "np.tanh", or a pair (forward, backward) as for `check_pair`.
    *primals, **named
        The arguments of `f`, of any shapes. All floats among them are varied, and nothing else.
    without
        Names of laws to leave out.

    Raises
    ------
    AssertionError
        If a law is broken, with code to reproduce it.
    ValueError
        If a law or a function does not exist.

    Examples
    --------
    >>> check_laws("np.tanh", np.array([0.5, -2.0]))
    >>> check_laws((np.sin, lambda g, x: g * np.cos(x)), np.array([[0.5]]))
    """
    __tracebackhide__ = True  # for pytest: the message is complete
    for report in undecided_laws(f, *primals, without=without, **named)[:1]:
        raise_or_warn(report)


def undecided_laws(f: Function, /, *primals: Any, without: Collection[str], **named: Any) -> list[GradientReport]:
    """Check the laws as `check_laws` does, and return the reports of those that rounding leaves undecided."""
    __tracebackhide__ = True
    laws = _laws(without)
    function = _resolve(f)
    subject = _subject(function, primals, named)
    for name, law in laws.items():
        with np.errstate(all="ignore"):
            wrong = law(subject)
        if wrong:
            raise AssertionError(_failure(function, name, wrong, _code(function, primals, named)))
    return subject.undecided


def _subject(f: Any, primals: tuple, named: Mapping[str, Any]) -> CheckedFunction:
    forward, arguments = _positional(f[0] if isinstance(f, tuple) else f, primals, named)
    with np.errstate(all="ignore"):
        return CheckedFunction((forward, f[1]) if isinstance(f, tuple) else forward, arguments)


def given_gradients(f: Any = None, /, *joint: Any, without: Collection[str] = (), **strategies: Any) -> Any:
    """Return a Hypothesis test that the derivatives of `f` obey the laws of derivatives; without `f`, a decorator.

    Parameters
    ----------
    f
        As for `check_laws`.
    *joint
        One strategy for tuples of all arguments, such as `strategies.broadcastable(2)`.
    without
        Names of laws to leave out.
    **strategies
        A strategy for each argument, by name. Without any strategy the arguments are arrays that broadcast, in the
        domain of `f` if it is a function of NumPy.

    Returns
    -------
    function
        A test: a test runner finds it, calling it runs it, and `hypothesis.settings` and `example` apply to it.

    Raises
    ------
    TypeError
        If strategies are given both jointly and by name.
    ValueError
        If a law or a function does not exist.

    Notes
    -----
    Only floats are varied. Arguments at which rounding hides a derivative are drawn again. So are those beyond 3 in an
    unbounded domain at which `f` or its gradient overflows, or at which a failure does not occur nearby as well. For a
    strategy that depends on another argument, use `shared` and `flatmap` of `hypothesis.strategies`.

    Examples
    --------
    >>> from tinygrad_dl.testing import strategies
    >>> test_tanh = given_gradients("np.tanh")
    >>> test_tanh()
    >>> def swish(x, beta):
    ...     return x / (1 + np.exp(-beta * x))
    >>> test_swish = given_gradients(swish, x=strategies.arrays(), beta=strategies.arrays((), "positive"))
    >>> @given_gradients(x=strategies.arrays(domain="positive"))
    ... def test_entropy(x):
    ...     return -np.sum(x * np.log(x))
    >>> test_entropy()
    """
    from .strategies import hypothesis, numbers

    if f is None or isinstance(f, hypothesis.strategies.SearchStrategy):
        joint = joint if f is None else (f, *joint)
        return lambda function: given_gradients(function, *joint, without=without, **strategies)
    _laws(without)  # raises now if there is none of this name
    function = _resolve(f)
    forward = function[0] if isinstance(function, tuple) else function
    if joint or not strategies:
        if len(joint) > 1 or strategies:
            raise TypeError("given_gradients: expected a strategy by name for each argument, or one for all of them.")
        strategies = {"primals": joint[0] if joint else _default(forward)}

    def test(*instance, **inputs):
        __tracebackhide__ = True
        primals = inputs.pop("primals") if [*strategies] == ["primals"] else ()
        if not isinstance(primals, tuple):
            raise TypeError(
                f"given_gradients: expected a strategy of tuples of arguments, got one of {type(primals).__name__}: "
                "give it the name of the argument, as in x=strategies.arrays()."
            )
        bound = types.MethodType(function, *instance) if instance else function
        try:
            usable = not undecided_laws(bound, *primals, without=without, **inputs)
        except (AssertionError, OverflowError, ValueError):
            if not (numbers.drawn_wide() and _by_chance(bound, primals, inputs, without)):
                raise
            usable = False
        hypothesis.assume(usable)  # or others are drawn

    functools.update_wrapper(test, function[1] if isinstance(function, tuple) else function)
    test.checks = function  # type: ignore[attr-defined]
    test.__signature__ = _signature(forward, strategies)  # type: ignore[attr-defined]
    if not test.__name__.startswith("test"):
        test.__name__ = f"test_{test.__name__.strip('<>')}"  # of a lambda too
        test.__doc__ = f"The derivatives of {name_of(forward)} obey the laws of derivatives."
    # not the phase that explains a failure by varying it under a tracer: that takes a minute, and shows less.
    # No deadline: how long differences take depends on the machine
    phases = [phase for phase in hypothesis.settings().phases if phase is not hypothesis.Phase.explain]
    made = hypothesis.given(**strategies)(hypothesis.settings(phases=phases, deadline=None)(test))
    vars(made).pop("_hypothesis_internal_settings_applied", None)  # so that settings may go on top
    return made


def _by_chance(f: Any, primals: tuple, named: Mapping[str, Any], without: Collection[str]) -> bool:
    """Return whether a failure at large arguments is no fault of a rule: `f` overflows, or obeys the laws nearby.

    A wrong rule is wrong at more than one point; a rounding error, or a jump of a rounded x, is not.
    """
    if _overflows(f, primals, named):
        return True
    for k in (1, 2):

        def moved(x: Any, factor: float = 1 + k * 1.23456789e-4) -> Any:
            is_float = isinstance(x, np.ndarray) and x.dtype.kind in "fc"
            return in_layout_of(np.asarray(x * x.dtype.type(factor)), x) if is_float else x

        try:
            others, by_name = pytree.map_leaves(moved, (tuple(primals), dict(named)))
            undecided_laws(f, *others, without=without, **by_name)
        except (AssertionError, ValueError):
            continue
        return True
    return False


def _overflows(f: Any, primals: tuple, named: Mapping[str, Any]) -> bool:
    """Return whether the value of `f`, or one of its first two derivatives, is not finite here."""
    try:
        with np.errstate(all="ignore"):
            subject = _subject(f, primals, named)
            value, pullback = subject.vjp(*subject.values)
            u = some_like(value)
            found = [value, pullback(u)]
            if not subject.by_hand:
                gradients, pullback = functional.vjp(lambda *x: subject.vjp(*x)[1](u), *subject.values)
                found.append(pullback(gradients))
    except OverflowError:  # of Python's own numbers
        return True
    return not all(np.all(np.isfinite(y)) for y in pytree.leaves(found))


def _laws(without: Collection[str]) -> dict[str, Law]:
    """The laws to check."""
    without = {without} if isinstance(without, str) else without
    unknown = set(without) - LAWS.keys()
    if unknown:
        raise ValueError(f"there is no law {', '.join(map(repr, unknown))} to leave out; there are {', '.join(LAWS)}.")
    return {name: law for name, law in LAWS.items() if name not in without}


def _signature(forward: Callable, strategies: Mapping[str, Any]) -> inspect.Signature:
    """The signature of a test: `self` and fixtures, for the test runner, then the drawn arguments."""
    try:
        own = signature(forward).parameters.values()
    except (TypeError, ValueError):  # written in C
        own = {}.values()
    left = [p for p in own if p.kind is p.POSITIONAL_OR_KEYWORD and p.default is p.empty and p.name not in strategies]
    instance = [p for p in left[:1] if p.name == "self"]
    fixtures = [] if "primals" in strategies else [p.name for p in left[len(instance) :]]
    by_name = [inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY) for name in (*fixtures, *strategies)]
    return inspect.Signature([*instance, *by_name])


def _default(forward: Callable) -> Any:
    """The strategy for the arguments of a function without given strategies."""
    from . import strategies

    if forward is np.matmul:
        return strategies.matmul_pairs(layouts=True)
    if isinstance(forward, np.ufunc):
        count = forward.nin
    else:
        parameters = signature(forward).parameters.values()
        count = sum(p.default is p.empty and p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD) for p in parameters)
    domains = DOMAINS.get(forward, ("real",) * max(count, 1))
    return strategies.broadcastable(len(domains), domains, layouts=True)


# ---- the function and its arguments


def _resolve(f: Any) -> Any:
    """The function for `f`: itself, the function of this name, or the one that a test of `given_gradients` checks."""
    if hasattr(f, "hypothesis"):
        return f.hypothesis.inner_test.checks
    if not isinstance(f, str):
        return f
    first, *names = f.split(".")
    try:
        module = importlib.import_module({"np": "numpy", "tg": __package__.split(".")[0]}.get(first, first))
        return functools.reduce(getattr, names, module)
    except (ImportError, AttributeError):
        raise ValueError(f'there is no {f!r}: expected a name such as "np.tanh" or "tg.nn.relu".') from None


def _positional(f: Callable, primals: tuple, named: Mapping[str, Any]) -> tuple[Callable, tuple]:
    """`f` and its arguments by position; with keyword-only arguments, an equivalent function without them."""
    if isinstance(f, np.ufunc):  # its names are the caller's: NumPy before 2.4 gives it no signature of use
        return f, (*primals, *named.values())
    try:
        bound = signature(f).bind(*primals, **named)
    except ValueError:  # written in C, without a signature
        return f, (*primals, *named.values())
    except TypeError:
        kinds = {p.kind for p in signature(f).parameters.values() if p.default is p.empty}
        if kinds == {inspect.Parameter.POSITIONAL_ONLY}:  # the names are the caller's
            return f, (*primals, *named.values())
        raise
    if not bound.kwargs:
        return f, bound.args

    @functools.wraps(f)
    def call(*args):
        return f(*args[: len(bound.args)], **dict(zip(bound.kwargs, args[len(bound.args) :], strict=True)))

    parameters = [inspect.Parameter(name, inspect.Parameter.POSITIONAL_OR_KEYWORD) for name in bound.arguments]
    call.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    return call, (*bound.args, *bound.kwargs.values())


# ---- the text of a failure


def _failure(function: Any, law: str, wrong: str, code: list[str]) -> str:
    name = name_of(function[1] if isinstance(function, tuple) else function)
    lines = [f'{name} breaks the law "{law}": {LAWS[law].__doc__}', *wrong.splitlines()]
    room = LINES - len(code) - 2
    if len(lines) > room:
        lines[max(room, 2) - 1 :] = ["..."]
    return "\n".join([*lines, "", "To see it again:", *code])


def _code(function: Any, primals: tuple, named: Mapping[str, Any]) -> list[str]:
    """Lines of code that call `check_laws` with these arguments."""
    functions = function if isinstance(function, tuple) else (function,)
    defaults = ("forward", "backward") if functions[1:] else ("f",)
    sources = [_source(f, default) for f, default in zip(functions, defaults, strict=True)]
    names = ", ".join(name for name, _ in sources)
    values = [*map(source_repr, primals), *(f"{name}={source_repr(value)}" for name, value in named.items())]
    arguments = [f"({names})" if len(functions) > 1 else names, *values]
    lines = [
        "import numpy as np",
        "from tinygrad_dl.testing import check_laws",
        *(line for _, line in sources if line),
    ]
    call = f"check_laws({', '.join(arguments)})"
    if len(call) > 110 or "\n" in call:
        call = "check_laws(\n" + "".join(textwrap.indent(f"{a},\n", "    ") for a in arguments) + ")"
    return [f"    {line}" for line in [*lines, *call.splitlines()]]


def _source(f: Callable, default: str) -> tuple[str, str]:
    """The name of `f` in code, `default` for a lambda, and the line that imports it, or a comment with its place."""
    if name_of(f).startswith("np."):
        return name_of(f), ""
    if not hasattr(f, "__qualname__"):  # an object, not a function
        return repr(f), f"from {type(f).__module__} import {type(f).__qualname__}"
    name = f.__qualname__
    module = getattr(f, "__module__", "")
    found = getattr(sys.modules.get(module), name, None)
    if _resolve(found) is f:
        return name, f"from {module} import {name}"
    code = getattr(inspect.unwrap(f), "__code__", None)
    place = f" in {code.co_filename}, line {code.co_firstlineno}" if code else ""
    name = default if "<lambda>" in name else name.split(".")[-1]
    return name, f"# {name} is the one{place}"
