"""Functions that give a value and its gradients: cost, dw, db = propagate(w, b, X, Y), loss, grads = loss(X, y, reg).

Also two functions of the same arguments, of which one gives the cost and the other its gradients.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from typing import Any, NamedTuple

import numpy as np

from ..._signatures import signature
from ...pytree import leaves
from .claims import Claimed, Explained, all_causes, judge_and_explain
from .drawing import role_of, roles_of, strings
from .findings import RIGHT, UNDECIDED, WRONG, Check, Finding
from .gradient_names import argument_of, is_cost, is_gradient
from .inputs import Call, calls_of
from .judging import finding_of, shapes_fit, small_number
from .loading import CannotCheck, UserFile
from .repeatable import Repeatable

NO_COST = re.compile(  # arguments of training, and of backward passes
    r"(num|n|max)_?iter\w*|iter(ation)?s?|(n_?|num_)?epochs?|steps?|batch_size|learning_rate|lr|eta|step_size|"
    r"d(out|[AZ]\w*|y|values|prev\w*|next\w*|L\w*|scores)|grad_out\w*|upstream\w*|g"
)
ARRAYS = (np.ndarray, np.generic, float)
SECONDS = 30.0
CALLS = 60  # of different shapes


def find(file: UserFile, progress: bool) -> Iterator[Check]:
    """The functions of a file that give a value and gradients, in its order, and those beside a cost function."""
    for name in file.functions:
        if _gives_both(file, name):
            yield Check(name, (name,), partial(_check, file, name, name, progress))
        else:
            cost = _cost_beside(file, name)
            if cost:
                yield Check(f"{cost}, {name}", (cost, name), partial(_check, file, cost, name, progress))


def check_values(f: Callable[..., Any], *args: Any, progress: bool = False) -> Finding:
    """The finding on a function that gives a value and its gradients, for these arguments, or drawn ones."""
    from .live import live_file

    name = f.__name__
    return _check(live_file({name: f}), name, name, progress, args)


class Plan(NamedTuple):
    """Places in a result, each a sequence of keys: of the value, and of the gradient of each argument.

    `called` are the learner's names of the gradients.
    """

    value: tuple[Any, ...] | None
    gradients: dict[str, tuple[Any, ...]]
    called: dict[str, str]


class _Tried(NamedTuple):
    call: Call
    plan: Plan
    judge: Callable[[], Explained]
    fits: bool


def _check(file: UserFile, cost: str, gradient: str, progress: bool, args: Sequence[Any] = ()) -> Finding:
    """The finding on the function `gradient`, whose value or whose gradients are those of the function `cost`."""
    place = file.place(file.functions[gradient])
    tried: list[_Tried] = []
    found: list[tuple[_Tried, Explained]] = []
    error: Exception | None = None
    start = time.monotonic()
    try:
        for call in _calls(file, gradient, args):
            try:
                tried.append(_try(file, cost, gradient, call, progress))
                if tried[-1].fits:
                    found.append((tried[-1], tried[-1].judge()))
                    if found[-1][1].verdict == RIGHT or not _by_units(call, found[-1][1]):
                        break
            except Exception as problem:
                error = error or file.problem(problem, gradient, place)
            if len(tried) >= CALLS or time.monotonic() - start > SECONDS:
                break
    except CannotCheck as problem:
        error = error or problem
    if not found:
        found = _equal(file, cost, gradient, progress) or [(each, each.judge()) for each in tried[:1]]
    if not found:
        raise error or CannotCheck(f"{place}: {gradient}: expected a value and its gradients.")
    best, judgement = min(found, key=lambda each: (not each[1].fits, each[1].wrong))
    call = best.call
    readings = ([call.layout] if call.layout else []) + _labels(call)
    verdict = ""
    if judgement.verdict == WRONG and cost != gradient and _only_regularised(file, cost, gradient):
        verdict, readings = UNDECIDED, [*readings, f"{gradient} is regularised, {cost} is not"]
    title = gradient if cost == gradient else f"{cost}, {gradient}"
    return finding_of(
        title,
        list({cost, gradient}),
        place,
        call.taken,
        readings,
        judgement,
        best.plan.called,
        all_causes(file, judgement),
        verdict,
    )


def _calls(file: UserFile, name: str, args: Sequence[Any], equal: bool = False) -> Iterator[Call]:
    names = list(signature(file.functions[name]).parameters)[: len(args)]
    return calls_of(file, name, equal=equal, args=dict(zip(names, args, strict=False)), accept=_numbers)


def _numbers(result: Any) -> np.ndarray:
    """All numbers in a result."""
    return np.concatenate([np.ravel(np.asarray(x)) for x in leaves(result) if _is_floats(x)] or [np.zeros(0)])


def _equal(file: UserFile, cost: str, gradient: str, progress: bool) -> list[tuple[_Tried, Explained]]:
    """The judgement with all sizes equal, which shows W in place of W.T; none if all is right there."""
    try:
        for call in _calls(file, gradient, (), equal=True):
            tried = _try(file, cost, gradient, call, progress)
            if tried.fits:
                judgement = tried.judge()
                return [(tried, judgement)] if judgement.verdict == WRONG else []
    except Exception:  # the error with different sizes says more
        return []
    return []


def _try(file: UserFile, cost: str, gradient: str, call: Call, progress: bool) -> _Tried:
    """The judgement on the gradients of a call, put off until it is needed. CannotCheck if there are none."""
    both = cost == gradient
    plan = plan_of(file, gradient, call, both)
    if not plan.gradients or (both and plan.value is None):
        raise CannotCheck(f"{gradient}: expected a value and gradients for {', '.join(call.names)}.")
    value_of = call.function if both else _value_function(file, cost, call)
    place = plan.value if both and plan.value is not None else ()

    def value(*values):
        result = _at(value_of(*values), place)
        return np.asarray(result if both else _first(result), dtype=float).reshape(())  # a cost is one number

    def gradients(g, values):
        result = call.function(*values)
        return {n: g * np.asarray(_at(result, where), dtype=float) for n, where in plan.gradients.items()}

    sizes = {"m": call.samples, "n": call.units}
    if not _varies(value, call):
        raise CannotCheck(f"{gradient}: its value does not depend on {', '.join(plan.gradients)}.")
    title = gradient if both else f"{cost}, {gradient}"
    wanted = list(plan.gradients)
    small = small_number(list(file.functions.values()))
    claim = Claimed(call.names, call.values, value, gradients, wanted)
    run = partial(judge_and_explain, title, claim, sizes, small, progress)
    fits = shapes_fit(gradients(np.ones(()), call.values), call.names, call.values, wanted)
    return _Tried(call, plan, run, fits)


def _varies(value: Callable[..., Any], call: Call) -> bool:
    """Return whether the value depends on the arrays, as the softmax of one number does not."""
    arrays = [n for n in _differentiable(call)]
    moved = [
        1.01 * np.asarray(v, dtype=float) + 0.003 if n in arrays else v
        for n, v in zip(call.names, call.values, strict=True)
    ]
    return not np.array_equal(value(*moved), value(*call.values))


def _at(result: Any, place: Sequence[Any]) -> Any:
    for key in place:
        result = result[key]
    return result


def _value_function(file: UserFile, cost: str, call: Call) -> Callable[..., Any]:
    """The cost function, of the arguments of the gradient function."""
    function = Repeatable(file.functions[cost])
    takes = [n for n in signature(function).parameters if n in call.names]

    def value(*values):
        given = dict(zip(call.names, values, strict=True))
        return function(**{n: given[n] for n in takes})

    return value


def plan_of(file: UserFile, name: str, call: Call, both: bool) -> Plan:
    """The places of the value and the gradients in a result: by names, then by shapes, then by their order.

    The result is that of a function that gives `both`, or only gradients.
    """
    result = call.result
    names: list[str] = file.returned_names(name)
    parts: list[tuple[tuple[Any, ...], str, Any]]
    if isinstance(result, Mapping):
        parts = [((key,), str(key), part) for key, part in result.items()]
    elif isinstance(result, (tuple, list)):
        names = names if len(names) == len(result) else [""] * len(result)
        parts = [((i,), names[i], part) for i, part in enumerate(result)]
    else:
        parts = [((), (names or [""])[0], result)]
    for place, label, part in list(parts):
        if isinstance(part, Mapping):
            parts += [((*place, key), str(key), entry) for key, entry in part.items()]
        elif isinstance(part, (tuple, list)) and all(
            isinstance(entry, (np.ndarray, np.generic, float)) for entry in part
        ):
            label = label if _is_of_others(label, call) else ""
            parts += [((*place, i), label, entry) for i, entry in enumerate(part)]
    value, gradients, called, left = None, {}, {}, []
    for place, label, part in parts:
        if not _is_floats(part) or (isinstance(part, (tuple, list)) and not place[1:] and not label):
            continue
        if _is_of_others(label, call):
            continue
        inside = bool(label) and (len(place) > 1 or isinstance(result, Mapping))
        argument = _argument(label, call, inside)
        if both and value is None and is_cost(label) and np.size(part) == 1:
            value = place
        elif argument and argument not in gradients and not (is_cost(label) and np.size(part) == 1):
            gradients[argument], called[argument] = place, label
        elif len(place) < 2 or not label:
            left.append((place, label, part))
    if both and value is None:
        scalar = next((each for each in left if np.size(each[2]) == 1 and not is_gradient(each[1])), None)
        if scalar:
            left.remove(scalar)
            value = scalar[0]
    wanted = [n for n in _differentiable(call) if n not in gradients]
    nameless = [each for each in left if not each[1] or is_gradient(each[1])]
    shapes = {n: np.shape(v) for n, v in zip(call.names, call.values, strict=True)}
    for place, label, part in nameless:
        alike = [n for n in wanted if shapes[n] == np.shape(part)]
        argument = wanted[0] if wanted and (len(wanted) == len(nameless) or not alike) else (alike or [""])[0]
        if argument:
            gradients[argument], called[argument] = place, label
            wanted.remove(argument)
    return Plan(value, gradients, called)


def _argument(label: str, call: Call, inside: bool) -> str:
    """The argument that a part named `label` is the gradient of; a key `W` of a dict may be that of W."""
    argument = argument_of(label, call.names) if inside or is_gradient(label) else ""
    return argument if inside or argument != label else ""


def _is_of_others(label: str, call: Call) -> bool:
    """True for the name of a gradient of weights or biases, where the function takes none: they are global."""
    takes = {role for role in roles_of(call.names).values()} & {"weights", "bias"}
    return not takes and bool(is_gradient(label) and argument_of(label, ("W", "weights", "b", "bias", "biases")))


def _differentiable(call: Call) -> list[str]:
    """The arguments that gradients may belong to: the parameters first."""
    roles = roles_of(call.names)
    order = ("weights", "bias", "recurrent", "prediction", "values", "inputs")
    names = [n for n in call.names if roles[n] in order and n not in call.settings]
    return sorted(
        names, key=lambda n: (order.index(roles[n]) > 2, order.index(roles[n]) if order.index(roles[n]) > 2 else 0)
    )


def _is_floats(part: Any) -> bool:
    try:
        return np.asarray(part).dtype.kind in "fiu" and not isinstance(part, (str, bool))
    except ValueError:  # a list of arrays of different shapes
        return False


def _first(result: Any) -> Any:
    return result[0] if isinstance(result, (tuple, list)) and len(result) else result


def _by_units(call: Call, judgement: Explained) -> bool:
    """Return whether gradients are off by the number of units alone: a mean over all numbers, where one is meant."""
    ratios = {ratio_of(report) for report in judgement.reports.values()}
    return call.units > 1 and len(ratios) == 1 and ratios <= {round(float(call.units), 5), round(1 / call.units, 5)}


def ratio_of(report: Any) -> float:
    """The ratio of claims to differences, if it is the same for all wrong elements of a gradient; else 0."""
    ratios = [m.claimed / m.low for m in report.mistakes if m.low == m.high and m.low]
    same = ratios and len(ratios) == len(report.mistakes) and np.ptp(ratios) < 1e-5 * abs(ratios[0])
    return round(ratios[0], 5) if same else 0.0


def _labels(call: Call) -> list[str]:
    """The kind of the labels in words, where they are not 0 or 1 as the course has them."""
    roles = roles_of(call.names)
    for n, value in zip(call.names, call.values, strict=True):
        if roles[n] == "labels" and np.ndim(value) == 1 and np.asarray(value).dtype.kind == "i":
            return ["labels are class numbers"]
        if roles[n] == "labels" and np.ndim(value) == 2 and call.units > 1 and np.all(np.isin(value, (0, 1))):
            return ["labels are one-hot"]
    return []


def _only_regularised(file: UserFile, cost: str, gradient: str) -> bool:
    """Return whether the gradient function takes a strength of regularisation that the cost function does not."""
    own = set(signature(file.functions[gradient]).parameters) - set(signature(file.functions[cost]).parameters)
    return any(re.match(r"lambd|lam|reg|l2|alpha", n) for n in own)


# ---- names


def _gives_both(file: UserFile, name: str) -> bool:
    """Return whether a function gives a cost and gradients, by its arguments and the names in its `return`."""
    parameters = list(signature(file.functions[name]).parameters)
    if len(parameters) < 2 or any(map(NO_COST.fullmatch, parameters)):
        return False
    roles = {role_of(n) for n in parameters}
    returned = file.returned_names(name)
    if "parameters" in roles or not roles & {"inputs", "labels", "weights", "prediction"}:
        return False
    if len(returned) > 1:
        gradients = [n for n in returned if is_gradient(n)]
        costs = [n for n in returned if is_cost(n)]
        unnamed = [n for n in returned if not n]
        named = bool(re.search(r"cost|loss|objective|grad", name, re.IGNORECASE)) and bool(unnamed)
        backward = "back" in name.lower()  # which gives no value, unless a name tells
        return bool((gradients and (costs or (unnamed and not backward))) or (costs and unnamed) or named)
    keys = strings(file.functions[name])
    return any(map(is_gradient, keys)) and any(map(is_cost, keys)) and "labels" in roles


def _cost_beside(file: UserFile, name: str) -> str:
    """The cost function of the same arguments as `name`, which gives gradients; "" if there is none."""
    parameters = list(signature(file.functions[name]).parameters)
    words = re.search(r"grad|deriv|backward|back_?prop|slope", name, re.IGNORECASE)
    returned = [n for n in file.returned_names(name) if n]
    roles = {role_of(n) for n in parameters}
    if any(map(NO_COST.fullmatch, parameters)):
        return ""
    if not (words or (returned and all(map(is_gradient, returned)))) or "parameters" in roles:
        return ""
    if not ("labels" in roles and roles & {"weights", "inputs"}) or "check" in name.lower():
        return ""
    found = []
    for other in file.functions:
        takes = [n for n, p in signature(file.functions[other]).parameters.items() if p.default is p.empty]
        named = re.search(r"cost|loss|error|objective|^J$|^j$|mse|likelihood|entropy", other, re.IGNORECASE)
        if named and other != name and set(takes) <= set(parameters) and len(takes) > 1 and "grad" not in other.lower():
            found.append((len(set(parameters) ^ set(takes)), other))
    return min(found)[1] if found else ""
