"""Inputs for a function of a learner: random arrays of shapes that it runs with, or the variables of the file.

Shapes come from LAYOUTS, whole conventions such as "samples are columns", so that no call runs only because NumPy
broadcasts a number or a column. All sizes differ and have no common factor, so that m, W and W.T can't be mistaken.
"""

from __future__ import annotations

import functools
import inspect
import itertools
import time
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from ..._signatures import signature
from .drawing import Draw, draws, is_setting, role_of
from .loading import CannotCheck, UserFile
from .repeatable import Repeatable

TRIES = 2000
SECONDS = 20.0  # of the search for a call that runs


@dataclass(frozen=True)
class Call:
    """A call that runs: `function` of the positional `values`, which are called `names`, and gives `result`.

    `settings` are the names of those of which no derivative is wanted; `taken` describes the origin of the values.
    `layout` is the convention of the shapes, `samples` their number m, `words` the other choices of string settings.
    """

    function: Callable[..., Any]
    names: list[str]
    values: list[Any]
    settings: frozenset[str]
    taken: list[str]
    result: Any
    layout: str = ""
    samples: int = 0
    units: int = 0
    words: dict[str, tuple[str, ...]] = field(default_factory=dict)


def answer(result: Any) -> np.ndarray:
    """The array that a forward pass gives, without its cache. TypeError if it gives none."""
    value = result[0] if isinstance(result, (tuple, list)) and len(result) else result
    if value is None:
        raise TypeError("it gives None; is a return missing?")
    if np.asarray(value).dtype.kind not in "biufc":
        what = type(value).__name__
        raise TypeError(f"expected a function that gives an array, or an array and a cache, got {what}.")
    return np.asarray(value)


def call_of(file: UserFile, name: str, common: str = "") -> Call:
    """The first call of the function `name` that runs, with the variables of the file where it has them.

    Of each argument, the value is from a dict or tuple `<name>_inputs` or `inputs` of the file, or its variable of that
    name, or the default; else a random array. Raises CannotCheck, which names missing definitions, if none runs.
    """
    return next(calls_of(file, name, common, from_file=True, function=file.functions[name]))


def calls_of(
    file: UserFile,
    name: str,
    common: str = "",
    from_file: bool = False,
    equal: bool = False,
    fixed: Mapping[str, Any] | None = None,
    accept: Callable[[Any], Any] = answer,
    function: Callable[..., Any] | None = None,
    args: Mapping[str, Any] | None = None,
) -> Iterator[Call]:
    """Calls of the function `name` that run, likeliest first, each of other shapes.

    Arrays are random ones, and only if none of these runs, variables of the file; `from_file` reverses that. A function
    of a pair may go by what the names have in `common`. All sizes are `equal`, if asked for. `fixed` are arguments that
    have one value, by name, and need no gradient; `args` are given, too. `accept` gives the numbers in a result, which
    are to be finite. The `function` called is by default a repeatable form of that of the file. Raises CannotCheck,
    which names missing definitions, if no call runs.
    """
    place = file.place(file.functions[name])
    function = function or Repeatable(file.functions[name])
    parameters = [p for p in signature(function).parameters.values() if p.kind not in (p.VAR_POSITIONAL, p.VAR_KEYWORD)]
    given = _inputs_of_file(file, [name, *([common] if common else [])], [p.name for p in parameters])
    given |= {**(fixed or {}), **(args or {})}
    left = {p.name: file.variables[p.name] for p in parameters if p.name in file.variables and p.name not in given}
    usable = {n: v for n, v in left.items() if is_setting(n, v)}
    said = {p.name for p in parameters if isinstance(p.default, str) and role_of(p.name) == "word"}
    parameters = [p for p in parameters if p.name in {**left, **given} or p.default is p.empty or p.name in said]
    names = [p.name for p in parameters]
    if not names:
        raise CannotCheck(
            f"{file.place(file.functions[name])}: {name}: expected a function of arrays, got one without arguments."
        )
    settings = {p.name for p in parameters if p.default is not p.empty and p.name not in given}
    settings |= {n for n in names if role_of(n) in ("labels", "setting", "word", "settings")} | set(fixed or {})
    positional = _positional(function, parameters)
    positional.__name__ = name  # which a lambda has not
    sources = [{**usable, **given}, *([{**left, **given}] if left != usable else [])]
    search = _Search(positional, names, frozenset(settings), function, accept)
    found = False
    for known in reversed(sources) if from_file else sources:
        for call in search.calls(known, [n for n in left if n not in known], equal):
            found = True
            yield call
        if found:
            return
    assert search.error
    problem = str(file.problem(search.error, f"{name}({', '.join(names)})", place))
    missing = ", ".join(n for n in names if n not in {**left, **given})
    if missing:
        problem += f" (tried with random arrays; define {missing}, or {name}_inputs = {{...}}, in the file)"
    raise CannotCheck(problem)


class _Search:
    """The search for calls that run; `error` is that of the first one, which had the likeliest shapes."""

    def __init__(
        self, positional: Callable, names: list[str], settings: frozenset[str], function: Callable, accept: Callable
    ):
        self.positional, self.names, self.settings = positional, names, settings
        self.function, self.accept = function, accept
        self.error: Exception | None = None

    def calls(self, known: dict[str, Any], unused: list[str], equal: bool) -> Iterator[Call]:
        start = time.monotonic()
        seen = set()
        for draw in itertools.islice(draws(self.names, known, self.function, equal), TRIES):
            values = [draw.values[n] for n in self.names]
            key = tuple((np.shape(v), getattr(v, "dtype", type(v)).__str__()) for v in values if hasattr(v, "shape"))
            if key and key in seen:
                continue
            if time.monotonic() - start > SECONDS:
                break
            try:
                with np.errstate(all="ignore"):
                    result = self.positional(*values)
                if not np.all(np.isfinite(self.accept(result))):
                    raise ValueError("it gives nan or inf.")
            except Exception as error:
                self.error = self.error or error
                continue
            seen.add(key)
            yield self._call(draw, values, known, unused, result)

    def _call(self, draw: Draw, values: list[Any], known: dict[str, Any], unused: list[str], result: Any) -> Call:
        taken = describe(dict(zip(self.names, values, strict=True)), known)
        if unused:
            taken.append(f"not used, since random ones show more: {', '.join(unused)} of the file")
        return Call(
            self.positional, self.names, values, self.settings, taken, result, draw.layout, draw.samples, draw.units,
            draw.words,
        )  # fmt: skip


def _inputs_of_file(file: UserFile, names: Sequence[str], parameters: list[str]) -> dict[str, Any]:
    """The inputs that the file gives, by name."""
    for variable in (*(f"{name}_inputs" for name in names), "inputs"):
        given = file.variables.get(variable)
        if isinstance(given, Mapping) and set(given) & set(parameters):
            unknown = ", ".join(set(given) - set(parameters))
            if unknown and variable != "inputs":
                expected = ", ".join(parameters)
                raise CannotCheck(f"{file.path}: {variable}: expected inputs for {expected}, got {unknown}.")
            return {n: v for n, v in given.items() if n in parameters}
        if isinstance(given, (tuple, list)) and len(given) <= len(parameters) and variable not in parameters:
            return dict(zip(parameters, given, strict=False))
    return {}


def _positional(function: Callable, parameters: list[inspect.Parameter]) -> Callable:
    """`function` of these parameters only, by position."""
    whole = signature(function)
    by_name = all(p.kind is not p.POSITIONAL_ONLY for p in parameters)
    names = [p.name for p in parameters]

    @functools.wraps(function)
    def positional(*values):
        if by_name:
            return function(**dict(zip(names, values, strict=True)))
        bound = whole.bind_partial()
        bound.arguments.update(zip(names, values, strict=True))
        return function(*bound.args, **bound.kwargs)

    plain = [p.replace(kind=p.POSITIONAL_OR_KEYWORD, default=p.empty) for p in parameters]
    positional.__signature__ = inspect.Signature(plain)  # type: ignore[attr-defined]
    return positional


def describe(values: Mapping[str, Any], known: Collection[str]) -> list[str]:
    """The origin and the shapes of the inputs: "of the file: X (3, 5)", "random: W (4, 3), b (4, 1)"."""
    groups: dict[str, list[str]] = {}
    for name, value in values.items():
        what = str(np.shape(value)) if hasattr(value, "shape") or isinstance(value, list) else f"{value!r:.60}"
        tried = isinstance(value, (str, Mapping, bool, int))
        source = "of the file" if name in known else "tried" if tried else "random"
        groups.setdefault(source, []).append(f"{name} {what}")
    return [f"{source}: {', '.join(parts)}" for source, parts in groups.items()]


def report_text(notes: Sequence[str], report: Any) -> str:
    """The text of a check: how it was made, and its report."""
    return "\n".join([*(f"  {note}" for note in notes), "", str(report)])
