"""Nets that are functions around a dict, or a tuple, of parameters: which ones belong together, and a run of them."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from . import methods
from .construction import Sizes, instances, strings_of
from .environment import Environment
from .gradient_names import NUMERIC
from .loading import CannotCheck, UserFile
from .nets import Net, Run
from .objects import Place, arrays_in, put
from .repeatable import copied
from .signs import steps_are_added

BACKWARD = re.compile(r"\w*(back|bprop|grad|deriv)\w*", re.I)
FORWARD = re.compile(r"\w*(forw|feed|fprop|propag|predict|hypothesis|model|fwd|net_?out|compute_output)\w*", re.I)
NO_FORWARD = re.compile(
    r"\w*(back|grad|update|init|cost|loss|train|accura|test|plot|deriv|optimi|descent|load|check)\w*", re.I
)
COST = re.compile(r"\w*(cost|loss|entropy|objective|mse|error)\w*|J", re.I)
NO_COST = re.compile(r"\w*(back|grad|prime|deriv|update|plot|print|train|_d|delta)\w*|d_?[a-z]\w*", re.I)
INIT = re.compile(r"\w*(init|create|make|random|build_param|get_param)\w*", re.I)
COTANGENT = re.compile(
    r"d_?(A|Z|a|z|out|y|Y|L|E|prev|next|scores?|curr|AL)\w*|grad\w*|delta\w*|upstream\w*|g|err\w*|residual"
)
TRAINING = re.compile(r"\w*(iter|epoch)\w*|print_cost|optimizer|epsilon|gradients?|grads")
WEIGHTS = re.compile(r"[wWbB]_?\d*|weights?_?\d*|bias(es)?_?\d*|[tT]heta_?\d*")
KEYS = re.compile(r"([wW]|weights?_?|[bB]|bias(?:es)?_?|[tT]heta_?)(\d*)")
NUMBER = re.compile(r"%[dis]|\{\w*\}")  # of a layer, to be filled in
OUTPUTS = (Sizes(), Sizes(outputs=1))  # of several classes, and of one probability


class Roles(NamedTuple):
    """The functions of one net, by name."""

    backward: str
    forward: str
    costs: tuple[str, ...]
    inits: tuple[str, ...]
    penalised: bool  # by the costs


def backward_functions(file: UserFile) -> Iterator[Roles]:
    """The functions that give the gradients of a whole net, with those that belong to them."""
    for name in file.functions:
        arguments = methods.arguments_of(file.functions[name])
        if not _is_backward(file, name, arguments):
            continue
        forward = _forward_of(file, name)
        regular = any(_part(n) == "lambd" for n in arguments)
        costs = [n for n in file.functions if COST.fullmatch(n) and not NO_COST.fullmatch(n) and _takes(file, n, "Y")]
        penalised = [n for n in costs if _takes(file, n, "lambd")]
        plain = [n for n in costs if n not in penalised]
        inits = tuple(n for n in file.functions if INIT.fullmatch(n) and not _takes(file, n, "Y"))
        chosen = penalised if regular and penalised else plain
        if forward:
            yield Roles(name, forward, tuple(chosen), inits, bool(regular and penalised))


def _part(name: str) -> str:
    return Environment.part(name)


def _takes(file: UserFile, function: str, part: str) -> bool:
    return any(_part(n) == part for n in methods.arguments_of(file.functions[function]))


def _is_backward(file: UserFile, name: str, arguments: Sequence[str]) -> bool:
    returned = methods.returned_names(file, file.functions[name])
    gives = [n for n in returned if re.fullmatch(r"d_?[WwBbJt]\w*|\w*grad\w*|nabla\w*|\w*deriv\w*|\w*delta\w*|d", n)]
    named = BACKWARD.fullmatch(name) and (
        gives or returned in ([""], []) or not any(COST.fullmatch(n) for n in returned)
    )
    if (not named and len(gives) < 2) or NUMERIC.fullmatch(name):
        return False
    if not any(_part(n) == "Y" for n in arguments) or any(
        COTANGENT.fullmatch(n) or TRAINING.fullmatch(n) for n in arguments
    ):
        return False
    return not any(COST.fullmatch(n) for n in returned)


def _forward_of(file: UserFile, backward: str) -> str:
    """The forward pass of the same net: of the name most alike, or the plain one."""
    candidates = []
    for name in file.functions:
        arguments = methods.arguments_of(file.functions[name])
        takes = any(_part(n) == "X" for n in arguments)
        takes &= any(_part(n) == "parameters" or WEIGHTS.fullmatch(n) for n in arguments)
        if takes and FORWARD.fullmatch(name) and not NO_FORWARD.fullmatch(name) and name != backward:
            candidates.append(name)
    special = ("dropout", "regular", "_n", "batch", "norm", "softmax", "momentum")
    mine = [s for s in special if s in backward]

    def strangeness(name: str) -> tuple[int, int, int]:
        theirs = [s for s in special if s in name]
        order = re.search(r"forw|feed|prop|fwd", name)
        return len(set(theirs) - set(mine)), -len(set(theirs) & set(mine)), 0 if order else 1

    return min(candidates, key=strangeness, default="")


class Functions:
    """The nets that the functions of a file make with drawn parameters and data, likeliest first, or errors."""

    file: UserFile
    roles: Any

    def __init__(self, file: UserFile, roles: Roles):
        self.file, self.roles = file, roles
        self.masks: dict[str, np.ndarray] = {}

    def place(self) -> str:
        """The place of the backward pass."""
        return self.file.place(self.file.functions[self.roles.backward])

    def __iter__(self) -> Iterator[Net | Exception]:
        """Yield the net for each form of the parameters and the data."""
        for store, sizes in self._stores():
            places = [p for p in arrays_in(store) if p.key is not None]
            for X, layout, samples in _data(store, sizes):
                try:
                    drawn = _drawn(store, places)
                    out = self._run(store, places, drawn, X, None, samples, False)[0]
                except Exception as error:
                    yield error
                    continue
                if not np.all(np.isfinite(out)) or (out.size > 1 and np.allclose(out, 1)):
                    continue  # the softmax of one number
                for Y in _labels(out, samples, layout):
                    net = self._net(store, places, drawn, X, Y, layout, samples)
                    try:
                        net = net.widened().moderate()
                        net.first()
                    except Exception as error:
                        yield error
                        continue
                    yield net

    def _net(self, store: Any, places: Sequence[Place], drawn: Any, X: Any, Y: Any, layout: str, samples: int) -> Net:
        file, roles = self.file, self.roles
        regular = any(_part(n) == "lambd" for n in methods.arguments_of(file.functions[roles.backward]))
        return Net(
            play=lambda values, backward: self._run(store, places, values, X, Y, samples, backward),
            places=places,
            drawn=drawn,
            X=X,
            Y=Y,
            samples=samples,
            layout=layout,
            lambd=0.3 if regular and not roles.penalised else 0.0,
            added=steps_are_added(file),
            code=list(file.functions.values()),
            place=self.place(),
            masks=dict(self.masks),
        )

    def _run(self, store: Any, places: Any, values: Any, X: Any, Y: Any, samples: int, backward: bool) -> Run:
        store = copied(store)
        for place, value in zip(places, values, strict=True):
            put(store, place, np.array(value, dtype=float))
        functions, roles = self.file.functions, self.roles
        named = {**store, **{k: v for part in store.values() if isinstance(part, Mapping) for k, v in part.items()}}
        parts = {"X": X, "m": samples, "parameters": next(iter(store.values()))}
        if Y is not None:
            parts["Y"] = Y
        env = Environment(self.file, named, parts)
        forward = functions[roles.forward]
        if Y is None and any(_part(n) == "Y" for n in methods.arguments_of(forward)):
            env.parts["Y"] = np.full((1, samples), 0.5)
        result = env.call(forward)
        env.learn(forward, result, prediction=True)
        self._name_the_cache(env)
        prediction = np.asarray(env.parts["prediction"], dtype=float)
        costs: dict[str, float] = {}
        if prediction.size == 1 and samples > 1:
            costs[roles.forward] = float(prediction.ravel()[0])
            prediction = env.parts["prediction"] = _last_activation(env.named, samples)
        if Y is None:
            return prediction, costs, {}
        for name in roles.costs if not costs else ():
            try:
                cost = np.asarray(env.call(functions[name]), dtype=float)
            except Exception:
                continue
            if cost.size == 1 and np.isfinite(cost).all():
                costs[name] = float(cost.ravel()[0])
        gradients = self._gradients(env.call(functions[roles.backward]), places) if backward else {}
        return prediction, costs, gradients

    def _name_the_cache(self, env: Environment) -> None:
        """Give the parts of a cache that is a tuple the names by which the backward pass unpacks it."""
        cache = env.parts.get("cache")
        names = methods.unpacked_names(self.file, self.file.functions[self.roles.backward])
        if isinstance(cache, (tuple, list)) and len(names) == len(cache):
            given = dict(zip(names, cache, strict=True))
            env.named |= {n: value for n, value in given.items() if n not in env.named}
            self.masks = {n: np.asarray(v) for n, v in given.items() if re.fullmatch(r"[dD]\d+", n)}

    def _gradients(self, result: Any, places: Sequence[Place]) -> dict[Place, Any]:
        return gradients_in(self.file, self.file.functions[self.roles.backward], result, places)

    # ---- parameters

    def _stores(self) -> Iterator[tuple[dict[str, Any], Sizes]]:
        """Dicts of the parameters as the functions take them: from a function that makes them, or by their names."""
        for sizes in OUTPUTS:
            for name in self.roles.inits:
                for made, _ in itertools.islice(instances(self.file.functions[name], self.file, sizes), 6):
                    store = self._as_arguments(name, made)
                    if store and len(arrays_in(store)) >= 2:
                        yield _shrunk(store), sizes
            for rows in (False, True):
                store = self._by_names(sizes, rows)
                if store:
                    yield store, sizes

    def _as_arguments(self, init: str, made: Any) -> dict[str, Any]:
        if isinstance(made, Mapping):
            return {"parameters": dict(made)}
        if isinstance(made, (tuple, list)):
            names = methods.returned_names(self.file, self.file.functions[init])
            if isinstance(made, tuple) and len(names) == len(made) and all(names):
                return dict(zip(names, made, strict=True))
            return {"parameters": made}
        return {}

    def _by_names(self, sizes: Sizes, rows: bool) -> dict[str, Any]:
        """Parameters by the names that the functions use: arguments W1, b1, ..., or keys of a dict."""
        functions = [self.file.functions[n] for n in (self.roles.forward, self.roles.backward)]
        names = [n for f in functions for n in methods.arguments_of(f) if WEIGHTS.fullmatch(n)]
        strings = [NUMBER.sub("", s) for f in functions for s in strings_of(f)]
        keys = [s for s in strings if KEYS.fullmatch(s)]
        numbered = [k for k in dict.fromkeys(names or keys) if re.search(r"\d$", k)]
        if not numbered and keys and not names:
            stems = dict.fromkeys(KEYS.fullmatch(k)[1] for k in keys)  # type: ignore[index]
            numbered = [f"{stem}{layer}" for layer in (1, 2, 3) for stem in stems]
        layers = max((int(re.search(r"\d+$", k)[0]) for k in numbered), default=0)  # type: ignore[index]
        if not layers or layers > 5:
            return {}
        units = [sizes.inputs, *itertools.islice(itertools.cycle(sizes.hidden), layers - 1), sizes.outputs]
        made = {k: _parameter(k, units, rows) for k in numbered}
        return made if names else {"parameters": made}


def _parameter(name: str, units: Sequence[int], rows: bool) -> np.ndarray:
    layer = int(re.search(r"\d+$", name)[0])  # type: ignore[index]
    n, p = units[layer], units[layer - 1]
    if name[0] in "bB":
        return np.zeros((1, n) if rows else (n, 1))
    return np.zeros((p, n) if rows else (n, p))


def _shrunk(store: dict[str, Any]) -> dict[str, Any]:
    """The parameters with small sizes, where a function makes them in the sizes of real data."""
    arrays = arrays_in(store)
    if max(np.size(a) for a in arrays.values()) <= 100:
        return store
    weights = sorted(
        (p for p, a in arrays.items() if np.ndim(a) == 2 and 1 not in np.shape(a)), key=lambda p: str(p.key)
    )
    if not weights:
        return store
    rows = len(weights) > 1 and arrays[weights[0]].shape[1] == arrays[weights[1]].shape[0]
    if rows and arrays[weights[0]].shape[0] == arrays[weights[1]].shape[1]:
        rows = False
    units = [4, *itertools.islice(itertools.cycle((5, 6)), len(weights) - 1), 3]
    for layer, place in enumerate(weights, start=1):
        n, p = units[layer], units[layer - 1]
        _replace(store, place, np.zeros((p, n) if rows else (n, p)))
    for layer, place in enumerate(sorted((p for p in arrays if p not in weights), key=lambda p: str(p.key)), start=1):
        shape = tuple(1 if side == 1 else units[min(layer, len(units) - 1)] for side in np.shape(arrays[place]))
        _replace(store, place, np.zeros(shape))
    return store


def _replace(store: Any, place: Place, value: np.ndarray) -> None:
    thing = store
    for step in place.containers:
        thing = thing[step]
    thing[place.key] = value


def _drawn(store: Any, places: Sequence[Place]) -> list[np.ndarray]:
    rng = np.random.default_rng(2)
    arrays = arrays_in(store)
    return [0.5 * rng.normal(size=np.shape(arrays[p])) for p in places]


# ---- data


def _data(store: Any, sizes: Sizes) -> Iterator[tuple[np.ndarray, str, int]]:
    rng = np.random.default_rng(3)
    m = sizes.samples
    yield rng.normal(size=(sizes.inputs, m)), "samples are columns", m
    yield rng.normal(size=(m, sizes.inputs)), "samples are rows", m


def labels_for(out: np.ndarray, samples: int, layout: str) -> Iterator[Any]:
    """Labels of all usual forms for an output: one-hot, 0 or 1, and class numbers."""
    rows = "rows" in layout
    classes = out.size // max(samples, 1)
    if samples == 1:
        one = np.zeros(out.size)
        one[min(1, out.size - 1)] = 1.0
        yield one.reshape(out.shape)
        yield min(1, out.size - 1)
        return
    numbers = np.random.default_rng(5).permutation(np.arange(samples) % max(classes, 2))
    if classes > 1:
        one_hot = np.eye(classes)[numbers]
        yield one_hot if rows else one_hot.T
        yield numbers
        yield numbers[np.newaxis] if not rows else numbers[:, np.newaxis]
        yield one_hot.T if rows else one_hot
        return
    yield numbers.reshape(out.shape).astype(float)
    if out.ndim > 1:
        yield numbers.astype(float)
    yield numbers.reshape((1, -1) if rows else (-1, 1)).astype(float)


_labels = labels_for


def _last_activation(named: Mapping[str, Any], samples: int) -> np.ndarray:
    """The output of the last layer, among what a forward pass that gives a cost leaves in its cache."""
    layers = {int(match[1]): v for n, v in named.items() if (match := re.fullmatch(r"[aA]_?(\d+)", n))}
    if layers:
        return np.asarray(layers[max(layers)], dtype=float)
    arrays = [v for v in named.values() if isinstance(v, np.ndarray) and samples in v.shape]
    return np.asarray(arrays[-1], dtype=float) if arrays else np.zeros(samples)


# ---- gradients


def gradients_in(file: UserFile, function: Any, result: Any, places: Sequence[Place]) -> dict[Place, Any]:
    """The gradients that a function gives, by place: names in its `return`, keys of dicts, numbers in lists."""
    if result is None:
        return {}
    parts = list(result) if isinstance(result, tuple) else [result]
    names = methods.returned_names(file, function)
    if isinstance(result, list) and len(names) == len(result) and len(result) > 1:
        parts = list(result)
    if len(names) != len(parts) or not all(names):
        names = [f"d{p.key}" for p in places] if len(parts) == len(places) else ["grads"] * (len(parts) == 1)
        names = names or [f"part{i}" for i in range(len(parts))]
    if len(parts) == 1 and isinstance(parts[0], (Mapping, list)):
        names = ["grads"]
    named = {
        n: np.float64(part) if isinstance(part, (int, float)) else part for n, part in zip(names, parts, strict=True)
    }
    found = arrays_in(named, once=False)  # also db1 that is given as db2 too
    if not found:
        raise CannotCheck("expected gradients, got none.")
    return found
