"""Hand-derived gradients in a learner's file, and the net that they are of: what `check_backprop` is to be given."""

from __future__ import annotations

import copy
import itertools
import re
from collections.abc import Callable, Collection, Mapping
from typing import Any

import numpy as np

from ..._signatures import signature
from .. import formulas
from ..backprop import check_backprop
from .gradient_names import NUMERIC
from .inputs import report_text
from .loading import CannotCheck, UserFile
from .net import PARTS, Net, net_of, parts_of

SETTINGS: dict[str, Any] = {  # of `check_backprop`, and what the file may call them
    "cost": ("cost",),
    "regularisation": ("regularisation", "regularization", "lambd", "lambda_"),
    "leaky_slope": ("leaky_slope",),
    "convention": ("convention",),
}
LEARNING_RATES = ("learning_rate", "lr", "eta", "alpha")
HIDDEN = ("tanh", "relu", "sigmoid", "leaky_relu", "identity")  # to guess from, the course's first
LAYERS = (2, 3, 1, 4)  # of a net that is made up
GRADIENT = re.compile(r"d[AZWb]\d+")


def gradients_in(value: Any) -> dict[str, Any]:
    """The entries of a dict that may be gradients: nothing, unless one is named as in dW1."""
    if not isinstance(value, Mapping) or not any(GRADIENT.fullmatch(str(name)) for name in value):
        return {}
    return {name: part for name, part in value.items() if str(name).startswith("d")}


def is_backprop(file: UserFile, name: str, forward: str) -> bool:
    """Return whether a function computes the gradients of a whole net, by its name, arguments and return."""
    parameters, returned = signature(file.functions[name]).parameters, file.returned_names(name)
    own = set(parameters) - set(signature(file.functions[forward]).parameters if forward else ())
    of_a_net = {*PARTS["Y"], "parameters", "params"} - ({"y"} if forward else set())  # y may be what comes out
    if not own & of_a_net or any("grad" in n for n in parameters) or NUMERIC.fullmatch(name):
        return False
    gives = any(re.fullmatch(r".*back\w*|.*gradients?|.*grads?|d[AZWb]\d+", n) for n in (name, *returned))
    return gives and not set(returned) & set(PARTS["parameters"])  # as training does


def check_dict(file: UserFile, name: str, gradients: Mapping[str, Any]) -> tuple[str, str]:
    """The verdict on `gradients` for the net of the file, and the report. CannotCheck names missing definitions."""
    parts = parts_of(file)
    missing = [what for what, value in parts.items() if value is None]
    if missing:
        raise CannotCheck(f"{file.path}: {name}: define {', '.join(missing)} in the file: what the gradients are of.")
    return _check(file, name, gradients, net_of(file, parts, 0), _before_update(file, parts["parameters"], gradients))


def check_function(file: UserFile, name: str, forward: str) -> tuple[str, str]:
    """The verdict on the gradients that a function gives, and the report.

    The net is that of the file, or a random one: of as many layers as it gives gradients for, if that can be found.
    A function that runs for some number of layers, and fails for another that its forward pass takes, is wrong.
    """
    parts, found, problem, failure = parts_of(file), None, None, ""
    for layers in LAYERS:
        net = net_of(file, parts, layers)
        try:
            gradients = _gradients_by(file, name, forward, net)
        except Exception as error:
            here = file.problem(error, name, file.place(file.functions[name]))
            problem = problem or here
            if parts["parameters"] is None and _predicts(file, forward, net):
                failure = failure or f"  fails for a net of {layers} layers, for which {forward} runs: {here}"
            continue
        fits = max(int(n[2:]) for n in gradients if GRADIENT.fullmatch(n)) == layers
        if found is None or (fits and not found[2]):
            found = net, gradients, fits
    if found and failure:
        return "wrong", failure
    if found:
        return _check(file, name, found[1], found[0], [])
    assert problem
    raise problem


def _gradients_by(file: UserFile, name: str, forward: str, net: Net) -> dict[str, Any]:
    """The gradients that a function computes for a net, and for the result of `forward`, such as its cache.

    If there is no `forward`, the last function that returns the needed values, by name, takes its place.
    """
    function = file.functions[name]
    known = _known(net)
    needs = _missing(function, known)
    maker = (forward or _maker_of(file, needs)) if needs else ""
    if maker:
        known = {**_supply(file, maker, _call(file, maker, known), needs), **known}
    result = _call(file, name, known)
    gradients = gradients_in(_by_name(file, name, result))
    if not gradients:
        place = file.place(function)
        raise CannotCheck(f"{place}: {name}: expected a function that gives a dict of gradients, dW1, db1, ...")
    if "" in file.returned_names(name) and isinstance(result, tuple):
        net.taken.append(f"not checked: what {name} returns without giving it a name")
    return gradients


def _known(net: Net) -> dict[str, Any]:
    known = {n: getattr(net, what) for what, names in PARTS.items() for n in names} | {"m": np.shape(net.X)[-1]}
    return {**known, **(net.parameters if isinstance(net.parameters, Mapping) else {})}


def _predicts(file: UserFile, forward: str, net: Net) -> bool:
    """Return whether a forward pass gives predictions for a net, of the shape of its labels."""
    try:
        result = _call(file, forward, _known(net))
    except Exception:
        return False
    return np.shape(result[0] if isinstance(result, tuple) else result) == np.shape(net.Y)


def _maker_of(file: UserFile, names: Collection[str]) -> str:
    """The last function that returns all these, by name."""
    return next((n for n in reversed(file.functions) if set(names) <= {*file.returned_names(n)}), "")


# ---- the check


def _check(
    file: UserFile, name: str, gradients: Mapping[str, Any], net: Net, before: list[dict[str, Any]]
) -> tuple[str, str]:
    guesses = [
        (net._replace(parameters=parameters, activations=activations), notes)
        for parameters, notes in [(net.parameters, []), *((p, ["parameters: before the last update"]) for p in before)]
        for activations in ([net.activations] if net.activations is not None else _guesses(parameters))
    ]
    guess, notes = max(guesses, key=lambda each: _how_many_right(gradients, each[0]))  # the first of those
    if net.activations is None:
        notes = [*notes, f"guessed: activations {guess.activations}; define them if they are others"]
    try:
        settings = _settings(file, guess.activations)
        report = check_backprop(gradients, net.X, net.Y, guess.parameters, guess.activations or None, **settings)
    except (ValueError, TypeError) as error:
        raise CannotCheck(str(file.problem(error, name)).replace("check_backprop: ", "")) from None
    statuses = [row.status for row in report]
    if "unknown" in statuses and "right" not in statuses:
        doubt = "are X, Y and the parameters of the file those that the gradients were computed with?"
        if net.activations is None:
            raise CannotCheck(f"{file.path}: {name}: define activations, such as ['tanh', 'sigmoid']; {doubt}")
        notes = [*notes, f"nothing is right: {doubt}"]
    return "right" if report.passed else "wrong", report_text([*net.taken, *notes], report)


def _guesses(parameters: Mapping[str, Any]) -> list[list[str]]:
    """Activations of the layers that W1, ..., WL make: one for all that are hidden, and then one for each."""
    hidden = sum(name[0] == "W" for name in parameters) - 1
    choices = itertools.product(HIDDEN, repeat=hidden) if hidden <= 3 else [(g,) * hidden for g in HIDDEN]
    return [[*choice, "sigmoid"] for choice in sorted(choices, key=lambda choice: len(set(choice)))]


def _before_update(file: UserFile, parameters: Any, gradients: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The parameters as they were if the file has since made a step of gradient descent."""
    rate = next((file.variables[n] for n in LEARNING_RATES if isinstance(file.variables.get(n), float)), None)
    try:
        return [{n: value + rate * gradients[f"d{n}"] for n, value in parameters.items()}] if rate else []
    except (KeyError, ValueError, TypeError, AttributeError):
        return []


def _how_many_right(gradients: Mapping[str, Any], net: Net) -> int:
    """The number of gradients that equal the formulas, in either convention; fast, without a search for causes."""
    try:
        parameters = {n: np.asarray(value, float) for n, value in net.parameters.items()}
        A, caches = formulas.deep_forward(np.asarray(net.X, float), parameters, net.activations or [])
        truth = formulas.deep_backward(formulas.cost_backward(A, np.asarray(net.Y, float)), caches)
        given = {n: np.asarray(g, float) for n, g in gradients.items() if n in truth and np.shape(g) == truth[n].shape}
    except (ValueError, TypeError, KeyError, AttributeError):
        return 0  # `check_backprop` gives the reason
    scales = (1, A.shape[1])
    return sum(any(np.allclose(scale * g, truth[n], 1e-6, 0) for scale in scales) for n, g in given.items())


def _settings(file: UserFile, activations: list[Any] | None) -> dict[str, Any]:
    settings: dict[str, Any] = {}
    for setting, names in SETTINGS.items():
        kind = str if setting in ("cost", "convention") else (int, float)  # the value of a cost is none
        settings.update((setting, file.variables[n]) for n in names if isinstance(file.variables.get(n), kind))
    if activations and activations[-1] != "sigmoid":
        settings.setdefault("cost", "mean_squared_error")
    return settings


# ---- calls of the learner's functions


def _missing(function: Callable, known: Collection[str]) -> list[str]:
    """The arguments of `function` that are not known, and have no default."""
    parameters = signature(function).parameters.values()
    return [
        p.name
        for p in parameters
        if p.kind not in (p.VAR_POSITIONAL, p.VAR_KEYWORD) and p.name not in known and p.default is p.empty
    ]


def _call(file: UserFile, name: str, known: Mapping[str, Any]) -> Any:
    """The result of a function for values known by name, and variables of the file."""
    function = file.functions[name]
    missing = _missing(function, {**known, **file.variables})
    if missing:
        raise CannotCheck(f"{file.place(function)}: {name}: define {', '.join(missing)} in the file.")
    bound = signature(function).bind_partial()
    for p in signature(function).parameters.values():
        if p.name in known or (p.name in file.variables and p.kind not in (p.VAR_POSITIONAL, p.VAR_KEYWORD)):
            bound.arguments[p.name] = copy.deepcopy(known.get(p.name, file.variables.get(p.name)))
    with np.errstate(all="ignore"):
        return function(*bound.args, **bound.kwargs)


def _supply(file: UserFile, function: str, result: Any, needs: list[str]) -> dict[str, Any]:
    """The results of a function by name; unnamed ones that are needed are taken in order, or else as the cache."""
    named = _by_name(file, function, result)
    parts = result if isinstance(result, tuple) else (result,)
    left = [n for n in needs if n not in named]
    return named | dict(zip(left, parts if len(left) == len(parts) else parts[-1:] * len(left), strict=True))


def _by_name(file: UserFile, function: str, result: Any) -> dict[str, Any]:
    """The results of a function by the names in its `return`, and entries of dicts by their keys."""
    parts = result if isinstance(result, tuple) else (result,)
    names = file.returned_names(function)
    named = dict(zip(names, parts, strict=True)) if len(names) == len(parts) else {}
    for part in parts:
        named |= part if isinstance(part, Mapping) else {}
    return named
