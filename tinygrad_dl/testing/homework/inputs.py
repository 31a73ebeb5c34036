"""Inputs for a function of a learner: from the variables of the file, or random arrays of shapes that it runs with."""

from __future__ import annotations

import functools
import inspect
import itertools
import re
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ...core.signatures import signature
from .loading import CannotCheck, UserFile

# How arguments of each role are named, and what to try, likeliest first: words, or shapes of arrays, n being the units
# of a layer, p those of the layer before, m the samples. The first role that fits counts.
ROLES: dict[str, tuple[str, tuple[str, ...]]] = {
    "word": (r"\w*activation", ("relu", "sigmoid", "tanh")),
    "prediction": (r"[yY]_?(hat|pred)\w*", ("n m", "m n", "n", "")),
    "labels": (r"[yY]\d*|[yY]_\w+|labels?|targets?", ("n m", "m n", "m", "")),
    "weights": (r"[wW]\d*|[wW]_\w+|weights?", ("n p", "p n", "p 1", "n", "")),
    "bias": (r"b\d*|b_\w+|bias|beta|gamma", ("n 1", "n", "1 n", "")),
    "inputs": (r"[xX]|[xX]_\w+|A|A_prev\w*|inputs?", ("p m", "m p", "p", "m")),
    "setting": (r"alpha|slope|lambd\w*|eps\w*|keep_prob|learning_rate", ("",)),
    "values": (r"\w+", ("n m", "m n", "n", "")),
}
UNITS, SAMPLES = (3, 4, 2, 2, 2), 5  # of layers 0, 1, ...
TRIES = 2000


DRAWS: dict[str, Callable[[np.random.Generator, Any], Any]] = {
    "anywhere": lambda rng, shape: rng.normal(size=shape),
    "in (0, 1)": lambda rng, shape: rng.uniform(0.1, 0.9, shape),
    "0 or 1": lambda rng, shape: rng.integers(0, 2, shape).astype(float),
    "classes": lambda rng, shape: rng.integers(0, 2, shape),
}
# How to draw arrays, and labels beside them, likeliest first. If there are no labels, the last two.
WAYS = (
    ("in (0, 1)", "0 or 1"),
    ("anywhere", "0 or 1"),
    ("anywhere", "classes"),
    ("anywhere", "anywhere"),
    ("in (0, 1)", "in (0, 1)"),
)


def role_of(name: str) -> str:
    """The role of an argument by its name.

    >>> [role_of(name) for name in ("A_prev", "W2", "Z", "y_hat", "Y")]
    ['inputs', 'weights', 'values', 'prediction', 'labels']
    """
    return next(role for role, (pattern, _) in ROLES.items() if re.fullmatch(pattern, name))


@dataclass(frozen=True)
class Call:
    """A call that runs: `function` of the positional `values`, which are called `names`, and gives `result`.

    `settings` are the names of those of which no derivative is wanted; `taken` describes the origin of the values.
    """

    function: Callable[..., Any]
    names: list[str]
    values: list[Any]
    settings: frozenset[str]
    taken: list[str]
    result: Any


def call_of(file: UserFile, name: str, common: str = "") -> Call:
    """A call of the function `name` that runs. Raises CannotCheck, which names missing definitions, if there is none.

    Of each argument, the value is from a dict or tuple `<name>_inputs` or `inputs` of the file, or its variable of that
    name, or the default; else a random array. A function of a pair may go by what the names have in `common`.
    """
    function = file.functions[name]
    parameters = [p for p in signature(function).parameters.values() if p.kind not in (p.VAR_POSITIONAL, p.VAR_KEYWORD)]
    given = _inputs_of_file(file, [name, *([common] if common else [])], [p.name for p in parameters])
    available = {**file.variables, **given}
    known = {p.name: available[p.name] for p in parameters if p.name in available}
    parameters = [p for p in parameters if p.name in known or p.default is p.empty]
    names = [p.name for p in parameters]
    if not names:
        raise CannotCheck(f"{file.place(function)}: {name}: expected a function of arrays, got one without arguments.")
    settings = {p.name for p in parameters if p.default is not p.empty and p.name not in given}
    settings |= {n for n in names if role_of(n) in ("labels", "setting", "word")}
    positional = _positional(function, parameters)
    positional.__name__ = name  # which a lambda has not
    error: Exception | None = None
    for values in itertools.islice(_candidates(names, known), TRIES):
        try:
            with np.errstate(all="ignore"):
                result = positional(*values)
            if not np.all(np.isfinite(answer(result))):
                raise ValueError("it gives nan or inf.")
        except Exception as e:
            error = error or e  # of the first, which had the likeliest shapes
        else:
            taken = describe(dict(zip(names, values, strict=True)), known)
            return Call(positional, names, values, frozenset(settings), taken, result)
    assert error
    problem = str(file.problem(error, f"{name}({', '.join(names)})", file.place(function)))
    missing = ", ".join(n for n in names if n not in known)
    if missing:
        problem += f" (tried with random arrays; define {missing}, or {name}_inputs = {{...}}, in the file)"
    raise CannotCheck(problem)


def answer(result: Any) -> np.ndarray:
    """The array that a forward pass gives, without its cache. TypeError if it gives none."""
    value = result[0] if isinstance(result, (tuple, list)) and len(result) else result
    if value is None:
        raise TypeError("it gives None; is a return missing?")
    if np.asarray(value).dtype.kind not in "biufc":
        what = type(value).__name__
        raise TypeError(f"expected a function that gives an array, or an array and a cache, got {what}.")
    return np.asarray(value)


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

    @functools.wraps(function)
    def positional(*values):
        bound = signature(function).bind_partial()
        bound.arguments.update(zip((p.name for p in parameters), values, strict=True))
        return function(*bound.args, **bound.kwargs)

    plain = [p.replace(kind=p.POSITIONAL_OR_KEYWORD, default=p.empty) for p in parameters]
    positional.__signature__ = inspect.Signature(plain)  # type: ignore[attr-defined]
    return positional


def _candidates(names: list[str], known: dict[str, Any]) -> Iterator[list[Any]]:
    """Values to try, likeliest first: whole numbers in arrays as floats, unless that does not run."""
    roles = list(map(role_of, names))
    ways = WAYS if "labels" in roles else WAYS[-2:]
    floats = {n: _as_floats(n, value) for n, value in known.items()}
    options = [[None] if n in known else _options(n, names, known) for n in names]
    for chosen in itertools.product(*options):
        for given, (of_arrays, of_labels) in itertools.product((floats, known) if known else ({},), ways):
            rng = np.random.default_rng(0)
            draws = {"word": lambda rng, word: word, "labels": DRAWS[of_labels]}
            yield [
                given[n] if n in given else draws.get(role, DRAWS[of_arrays])(rng, option)
                for n, role, option in zip(names, roles, chosen, strict=True)
            ]


def _as_floats(name: str, value: Any) -> Any:
    whole = isinstance(value, np.ndarray) and value.dtype.kind in "iu" and role_of(name) != "labels"
    return value.astype(float) if whole else value


def _options(name: str, names: list[str], known: dict[str, Any]) -> Sequence[Any]:
    """The shapes, or words, to try for an argument, with the sizes that those known have."""
    sizes: dict[Any, int] = {**dict(enumerate(UNITS)), "m": SAMPLES, "1": 1}  # units by their layer
    if any(role_of(n) == "labels" for n in names):
        sizes[max(map(_layer, names))] = 1  # as in the course: the output is a probability
    for n, value in known.items():
        if isinstance(value, np.ndarray) and value.ndim == 2:
            sizes.update(zip(_axes(n, names)[0], value.shape, strict=False))
    sizes["1"] = 1
    if role_of(name) == "word":
        return ROLES["word"][1]
    return [tuple(sizes[axis] for axis in axes) for axes in _axes(name, names)]


def _axes(name: str, names: list[str]) -> list[list[Any]]:
    """The axes of an argument: the number of a layer, for its units, "m", or "1"."""
    role, layer = role_of(name), _layer(name)
    if role in ("labels", "prediction") or (role == "inputs" and "weights" not in map(role_of, names)):
        role, layer = "values", max(map(_layer, names))  # of the last layer
    meaning = {"n": layer, "p": max(layer - 1, 0)}
    return [[meaning.get(letter, letter) for letter in axes.split()] for axes in ROLES[role][1]]


def _layer(name: str) -> int:
    digits = re.search(r"\d+$", name)
    return min(int(digits[0]), len(UNITS) - 1) if digits else 1


def describe(values: Mapping[str, Any], known: Collection[str]) -> list[str]:
    """The origin and the shapes of the inputs: "of the file: X (3, 5)", "random: W (4, 3), b (4, 1)"."""
    groups: dict[str, list[str]] = {}
    for name, value in values.items():
        what = str(np.shape(value)) if hasattr(value, "shape") or isinstance(value, list) else f"{value!r:.60}"
        source = "of the file" if name in known else "tried" if isinstance(value, str) else "random"
        groups.setdefault(source, []).append(f"{name} {what}")
    return [f"{source}: {', '.join(parts)}" for source, parts in groups.items()]


def report_text(notes: Sequence[str], report: Any) -> str:
    """The text of a check: how it was made, and its report."""
    return "\n".join([*(f"  {note}" for note in notes), "", str(report)])
