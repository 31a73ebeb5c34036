"""`compile`: run a function of NumPy, gradients and updates included, as one flat list of NumPy calls.

The first call for a signature (shapes, dtypes, structure, plain numbers) traces the function; `passes` simplify the
program, and `emitting` writes it as a function that computes into kept buffers. Where that function does not hold, for
other branches, warnings or errors, the original function runs instead.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any, NamedTuple

from .. import _frames
from ..batching import at_own_levels
from ..core.modes import IN_FUNCTION, IN_RULE, is_observed, is_recording, recording
from ..functional.derived import Derived
from . import printing
from .plans import Plan, make_plan
from .program import Program, Stale, TraceError
from .signatures import Unsuitable, signature
from .symbols import recorder
from .trace import turns

_MANY = 8  # signatures, before a warning


class CacheInfo(NamedTuple):
    """Counts of the calls that ran compiled (`hits`), were traced (`misses`), and ran as they are (`eager`)."""

    hits: int
    misses: int
    eager: int
    currsize: int


class Compiled(Derived):
    """A compiled function; see `compile`."""

    def __init__(self, f: Callable[..., Any], threads: int = 1):
        super().__init__(self.__call__, compile, f, threads)
        self._f, self._threads = f, threads
        self._plans: dict[Any, list[Plan]] = {}
        self._dynamic: set[tuple[int, Any]] = set()
        self._untraceable: set[Any] = set()
        self._latest: Plan | None = None
        self._hits = self._misses = self._eager = 0

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Run the program for the signature of the arguments; make it at the first call."""
        if args or kwargs or is_recording() is not True or is_observed() or recorder.get() is not None:
            if is_observed() or recorder.get() is not None or recording.value() in (IN_FUNCTION, IN_RULE):
                return self._f(*args, **kwargs)  # in debug mode, in another trace, or inside of a derivative
            try:
                key, leaves = signature(args, kwargs)
            except Unsuitable:
                return self._run_eagerly(args, kwargs)
        else:
            key, leaves = None, []
        if key in self._untraceable:
            return self._run_eagerly(args, kwargs)
        for plan in self._plans.get(key, ()):
            try:
                result = plan.run(leaves)
            except Stale:
                continue
            except Exception:
                plan.undo()
                return self._run_eagerly(args, kwargs)  # which raises it at the user's line, if it is an error
            self._hits += 1
            return result
        try:
            plan = at_own_levels(self._make, key, args, kwargs)
        except TraceError:
            raise
        except Unsuitable:
            return self._run_eagerly(args, kwargs)
        except Exception as error:
            return self._run_untraced(key, args, kwargs, error)
        try:
            return plan.run(leaves)
        except Exception:
            plan.undo()
            return self._run_eagerly(args, kwargs)

    def _run_untraced(self, key: Any, args: tuple[Any, ...], kwargs: dict[str, Any], error: Exception) -> Any:
        """Run the function where its trace raised an `error`, which it may raise itself."""
        result = self._run_eagerly(args, kwargs)
        self._untraceable.add(key)
        _frames.warn(
            f"{self._name} runs without being compiled, since its trace raised {type(error).__name__}: {error}"
        )
        return result

    def _run_eagerly(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        self._eager += 1
        return self._f(*args, **kwargs)

    def _make(self, key: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Plan:
        """Trace the function for a signature. Raises TypeError for what a program can't hold."""
        with turns:
            plans = self._plans.setdefault(key, [])
            dynamic = {*self._dynamic}
            stale = [plan for plan in plans if plan.promote(dynamic)]
            try:
                plan = make_plan(self._f, args, kwargs, dynamic, self._threads)
            except TraceError:
                if not stale:
                    raise
                dynamic = self._dynamic  # the numbers count as they are
                plan = make_plan(self._f, args, kwargs, dynamic, self._threads)
            else:
                plans[:] = [plan for plan in plans if plan not in stale]
            self._dynamic, self._latest = dynamic, plan
            plans.insert(0, plan)
            del plans[_MANY + 1 :]  # of states that will hardly come back
            self._misses += 1
        if self.cache_info().currsize == _MANY + 1:
            _frames.warn(
                f"{getattr(self._f, '__name__', 'the function')} was compiled for {_MANY + 1} signatures: each shape, "
                f"dtype, structure and plain number that differs takes a new trace. Pad the arrays to a few shapes, or "
                f"pass numbers that change as floats or arrays."
            )
        return plan

    def __get__(self, instance: Any, owner: Any = None) -> Any:
        """Bind it as a method: each object has its own compiled function."""
        if instance is None:
            return self
        if not isinstance(getattr(instance, "__dict__", None), dict):  # it has slots, or is a class
            return functools.partial(self, instance)
        bound = vars(instance).get(self._f.__name__)
        if type(bound) is Compiled and getattr(bound._f, "__self__", instance) is not instance:
            bound = None  # that of the object which this one is a copy of
        if bound is None:
            bound = vars(instance)[self._f.__name__] = Compiled(self._f.__get__(instance, owner), self._threads)
        return bound

    def __set__(self, instance: Any, value: Any) -> None:
        """Replace the method of one object."""
        vars(instance)[self._f.__name__] = value

    @property
    def program(self) -> Program:
        """The program of the latest signature, after all passes."""
        return self._plan().program

    @property
    def traced(self) -> Program:
        """The program of the latest signature, as it was traced."""
        return self._plan().traced

    def source(self, buffers: bool = False) -> str:
        """The program of the latest signature as a function of NumPy: readable, or with `buffers` as it runs.

        Both are functions of the same inputs that return the same outputs.
        """
        plan = self._plan()
        return plan.source if buffers else printing.source(plan.program, self._name)

    @property
    def _name(self) -> str:
        name = getattr(self._f, "__name__", "step")
        return name if name.isidentifier() else "step"

    def cache_info(self) -> CacheInfo:
        """Counts of calls, and the number of signatures."""
        return CacheInfo(self._hits, self._misses, self._eager, sum(map(len, self._plans.values())))

    def cache_clear(self) -> None:
        """Forget all signatures, and free their buffers."""
        self._plans.clear()
        self._latest = None

    def _plan(self) -> Plan:
        if self._latest is None:
            raise ValueError(f"{self._name} has not been called yet: call it once, since a program is for its shapes.")
        return self._latest


def compile(f: Callable[..., Any], threads: int = 1) -> Compiled:
    """Return `f` compiled: traced at the first call, and run as one flat list of NumPy calls into kept buffers after.

    All that `f` computes is in the program: the forward pass, `grad` or `backward`, an optimizer's step. Parameters,
    gradients and the state of optimizers are read and written as `f` does, by way of its arguments, closures, global
    variables, Modules and attributes.

    Parameters
    ----------
    f
        A function of arrays, Tensors, Modules, numbers, and lists, tuples, dicts and dataclasses of them.
    threads : int
        The number of threads among which samples, the columns of arrays, are split, for a step of about a millisecond
        or more. NumPy's own threads are for products alone, and should be off (OPENBLAS_NUM_THREADS=1).

    Returns
    -------
    Compiled
        A function of the arguments of `f`. Its results are new arrays each time. To go backward from a Tensor among
        them is an error, since it has no graph. It has `source()`, `program` and `cache_info()`.

    Raises
    ------
    TypeError
        At the first call, if `f` branches on a traced value, converts one to a plain number or array, changes one in
        place, has a shape that depends on values, draws random numbers without a generator that it gets, or if it
        can't be split among several `threads`; the message gives the line.

    Warns
    -----
    UserWarning
        If more than 8 signatures were traced.

    Notes
    -----
    A program is for a signature: shapes and dtypes of arrays, integers, strings and other plain arguments. Floats and
    arrays may change from call to call, also those that `f` finds in variables and attributes. What it prints appears
    at its first call only. Arrays that it makes without its inputs are constants of the program. So is what it reads
    from objects of installed libraries that do not import this package, such as data frames, and from the environment.

    Checks of this package, as of the range of labels, stay checks. If one fails, or NumPy would warn or raise an error,
    `f` itself runs, with the same numbers and messages as ever. So it does inside `tg.debug()` and inside a function
    that is being differentiated.

    With several threads, sums over samples are added up in parts, in the same order each time: they differ from those
    of one thread by rounding. What needs a sum over all samples for each of them, as a batch norm does, can't be split.

    Examples
    --------
    >>> import numpy as np
    >>> import tinygrad_dl as tg
    >>> w = tg.parameter(1.0)
    >>> descent = tg.optim.SGD([w], learning_rate=0.1)
    >>> @tg.compile
    ... def step(x):
    ...     descent.zero_grad()
    ...     loss = np.sum((w * x) ** 2)
    ...     loss.backward()
    ...     descent.step()
    ...     return loss
    >>> [round(step(np.array([1.0])).item(), 6) for _ in range(3)], round(w.item(), 6)
    ([1.0, 0.64, 0.4096], 0.512)
    """
    if not callable(f):
        raise TypeError(f"compile: expected a function, got {f!r:.60}.")
    if type(threads) is not int or threads < 1:
        raise ValueError(f"compile: expected threads to be a whole number from 1 on, got {threads!r:.60}.")
    return Compiled(f, threads)
