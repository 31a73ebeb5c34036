"""Nets that are objects: which methods play which part, and a run of them on a fresh copy."""

from __future__ import annotations

import inspect
import itertools
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np

from . import methods
from .construction import Sizes, instances
from .environment import SETTINGS, Environment
from .loading import CannotCheck, UserFile
from .net_functions import COST, NO_COST, gradients_in, labels_for
from .nets import Net, Run
from .objects import RATES, Place, arrays_in, at, copied_object, put, set_rates
from .players import RATE, SPREAD
from .signs import steps_are_added

FORWARD = re.compile(
    r"_?_?(forward\w*|feed_?forward\w*|predict_?(proba|prob|raw)?|f_?prop\w*|propagate\w*|think|query|output|call__|"
    r"fwd\w*|compute_output|run|net_?output|get_output|evaluate_net|activate|hypothesis|scores?|model)"
)
BACKWARD = re.compile(
    r"_?_?(back\w*|b_?prop\w*|grad(ient)?s?|(calc|compute|get|calculate)_?grad\w*|cost\w*prime|costFunctionPrime|deriv\w*|"
    r"update_?weights?|dloss|bptt|propagate_back\w*|backprop\w*|compute_derivatives)",
    re.I,
)
BOTH = re.compile(r"_?(loss|cost|loss_and_grad\w*|compute_loss\w*|propagate|objective|cost_function)", re.I)
STEP = re.compile(r"_?(train(_step|_one|_on_batch|_batch|_sample)?|step|learn|fit_step|update|train_once|one_step)")
INIT = re.compile(
    r"_?(init\w*|build\w*|initiali[sz]e\w*|setup|reset\w*|create\w*|compile|default_weight_initializer)", re.I
)
TRAINING = re.compile(r"\w*(iter|epoch)\w*|num_steps|X_val|training_data|mini_?batch\w*|max_\w*")
PENALTY = re.compile(r"_?(reg|reg_\w+|regulari[sz]\w+|lambd\w*|lmbda|l2\w*|_?lambda_?|weight_decay)")
OWN_WEIGHTS = re.compile(r"_?(w|weights?|theta|params|parameters)_?\w*", re.I)
OUTPUTS = (Sizes(), Sizes(outputs=1))
OWN_X = ("X", "x", "input", "inputs", "data", "_X")
OWN_Y = ("y", "Y", "target", "targets", "labels", "output_true", "_y")


class Methods(NamedTuple):
    """The methods of a net by name; "" if there is none, or the backward pass does its work."""

    forward: str
    backward: str
    costs: tuple[str, ...]
    inits: tuple[str, ...]

    def all(self) -> list[str]:
        """All names."""
        return [n for n in (self.forward, self.backward, *self.costs, *self.inits) if n]


def is_network(cls: type) -> bool:
    """Return whether a class is a net that gives gradients of its parameters, or makes a step with them."""
    from .layers import is_layer

    roles = [] if methods.is_abstract(cls) else methods_of(cls)
    return bool(roles) and (not is_layer(cls) or _predicts_beside_its_cost(cls, roles[0]))


def _predicts_beside_its_cost(cls: type, roles: Methods) -> bool:
    """Return whether a class with a method for its cost has weights and an output of its own, unlike a loss."""
    code = getattr(inspect.unwrap(cls.__init__), "__code__", None)  # type: ignore[misc]
    weights = code is not None and any(OWN_WEIGHTS.fullmatch(n) for n in code.co_names)
    own = weights and roles.forward and not methods.takes_labels(cls, roles.forward)
    return bool(own and COST.fullmatch(methods.pair_of_methods(cls)[0]))


def methods_of(cls: type) -> list[Methods]:
    """The methods of a net, in each way in which they may belong together, likeliest first."""
    names = [
        n
        for n in dir(cls)
        if inspect.isroutine(method := getattr(cls, n, None)) and hasattr(inspect.unwrap(method), "__code__")
    ]
    names = [n for n in names if not methods.is_empty(getattr(cls, n))]
    plain = [n for n in names if not any(TRAINING.fullmatch(a) for a in methods._own_arguments(cls, n))]
    forwards = [n for n in plain if FORWARD.fullmatch(n)]
    forwards.sort(key=lambda n: (not n.strip("_").startswith(("forw", "feed", "call")), len(n)))
    backwards = [n for n in plain if BACKWARD.fullmatch(n) and n not in forwards]
    backwards.sort(key=lambda n: (not n.strip("_").startswith("back"), "update" in n, len(n)))
    costs = tuple(n for n in plain if COST.fullmatch(n) and not NO_COST.fullmatch(n))
    inits = tuple(n for n in plain if INIT.fullmatch(n))
    found = [Methods(f, b, costs, inits) for b in backwards for f in [*forwards[:2], ""]]
    both = [b for b in plain if BOTH.fullmatch(b) and methods.takes_labels(cls, b) and methods.takes_values(cls, b)]
    found += [Methods(f, b, (), inits) for b in both for f in ["", *forwards[:1]]]
    if not backwards:
        found += [
            Methods(f, b, costs, inits)
            for b in plain
            if STEP.fullmatch(b) and _takes_data(cls, b)
            for f in forwards[:2]
        ]
    return found


def _takes_data(cls: type, name: str) -> bool:
    return methods.takes_labels(cls, name) and methods.takes_values(cls, name)


class Objects:
    """The nets that a class makes with drawn sizes, or one net that is there, with drawn or given data."""

    file: UserFile
    cls: type
    net: Any
    x: Any
    y: Any

    def __init__(self, file: UserFile, cls: type, net: Any = None, x: Any = None, y: Any = None):
        self.file, self.cls, self.net, self.x, self.y = file, cls, net, x, y

    def place(self) -> str:
        """The place of the class."""
        return "" if self.net is not None else self.file.place(self.cls)

    def __iter__(self) -> Iterator[Net | Exception]:
        """Yield the net for each choice of methods, sizes and forms of the data."""
        for roles in methods_of(self.cls):
            for template, sizes, notes in self._templates():
                for X, layout, samples in self._data(template, sizes):
                    yield from self._nets(roles, template, X, layout, samples, notes)

    def _templates(self) -> Iterator[tuple[Any, Sizes, tuple[str, ...]]]:
        if self.net is not None:
            yield self.net, Sizes(), ()
            return
        for sizes in OUTPUTS:
            for made, notes in itertools.islice(instances(self.cls, self.file, sizes), 4):
                yield made, sizes, notes

    def _data(self, template: Any, sizes: Sizes) -> Iterator[tuple[np.ndarray, str, int]]:
        if self.net is not None:
            layouts = [("samples are rows", len(self.x)), ("samples are columns", self.x.shape[-1])]
            yield from ((self.x, *each) for each in (layouts if self.x.ndim > 1 else [("one sample", 1)]))
            return
        m = sizes.samples
        sides = [
            side
            for a in arrays_in(template).values()
            if np.ndim(a) == 2
            for side in np.shape(a)
            if 1 < side < 40 and side != m
        ]
        for p in dict.fromkeys([sizes.inputs, *sides[:2]]):
            for shape, layout, samples in (
                ((m, p), "samples are rows", m),
                ((p, m), "samples are columns", m),
                ((p, 1), "one sample, a column", 1),
                ((1, p), "one sample, a row", 1),
                ((p,), "one sample", 1),
            ):
                yield np.random.default_rng(3).normal(size=shape), layout, samples
        yield np.random.default_rng(3).integers(0, sizes.outputs, m), "a row for each step of a sequence of numbers", m

    def _nets(
        self, roles: Methods, template: Any, X: Any, layout: str, samples: int, notes: Any
    ) -> Iterator[Net | Exception]:
        try:
            out = self._output(roles, template, X, samples)
        except Exception as error:
            yield error
            return
        if not np.all(np.isfinite(out)) or (out.size > 1 and np.allclose(out, 1)) or out.size < samples:
            return
        for Y in [self.y] if self.net is not None else labels_for(out, samples, layout):
            try:
                play = Play(self.file, template, roles, X, Y)
                places = play.parameters()
                if not places:
                    raise CannotCheck(f"{self.cls.__name__}: its output depends on no parameters.")
                drawn = play.drawn(places)
                steps = play.steps(places, drawn)
                net = Net(
                    play=lambda values, backward, play=play, places=places: play.run(places, values, backward),
                    places=places,
                    drawn=drawn,
                    X=X,
                    Y=Y,
                    samples=samples,
                    layout=", ".join([layout, *notes]),
                    lambd=play.penalty(),
                    steps=steps,
                    added=not steps and steps_are_added(self.file),  # a step shows its own sign
                    code=[getattr(self.cls, n) for n in roles.all()],
                    place=self.place(),
                )
                net = net.widened().moderate()
                if net.first()[1]:  # the learner's own cost has its own penalty
                    net = replace(net, lambd=0.0)
                if not net.given():
                    raise CannotCheck(f"{self.cls.__name__}.{roles.backward}: it gives no gradient, and makes no step.")
            except Exception as error:
                yield error
                continue
            yield net

    def _output(self, roles: Methods, template: Any, X: Any, samples: int) -> np.ndarray:
        """The output of the net; a forward pass that takes the labels gets some."""
        error: Exception | None = None
        for Y in (
            None,
            np.arange(samples)[:, np.newaxis] % 2.0,
            np.arange(samples)[np.newaxis] % 2.0,
            np.eye(samples, 3),
        ):
            try:
                return Play(self.file, template, roles, X, Y).prediction()
            except Exception as problem:
                error = error or problem
        assert error
        raise error


class Play:
    """The runs of one object with its data."""

    file: UserFile
    roles: Any
    template: Any
    rate: Any

    def __init__(self, file: UserFile, template: Any, roles: Methods, X: Any, Y: Any = None):
        self.file, self.roles, self.X, self.Y = file, roles, X, Y
        self.template = copied_object(template)
        self._give_data(self.template)
        for name in vars(self.template):
            if name == "dtype":
                self.template.dtype = np.float64
        for name, value in list(vars(self.template).items()):
            if PENALTY.fullmatch(name) and isinstance(value, (int, float)) and value == 0:
                setattr(self.template, name, SETTINGS["lambd"])  # without one, its mistakes don't show
        self.rate = set_rates(self.template, RATE)
        self._initialised = self._initialise()

    def _give_data(self, thing: Any) -> None:
        """Put the data where an object keeps its own."""
        for names, value in ((OWN_X, self.X), (OWN_Y, self.Y)):
            for name in names:
                if (
                    name in vars(thing)
                    and value is not None
                    and (vars(thing)[name] is None or np.ndim(vars(thing)[name]) > 0)
                ):
                    setattr(thing, name, np.array(value))

    def _initialise(self) -> bool:
        """Call the methods that make the parameters, if the constructor has not."""
        if any(np.size(a) > 1 for p, a in arrays_in(self.template).items() if p.key not in (*OWN_X, *OWN_Y)):
            return False
        for name in self.roles.inits:
            try:
                Environment(self.file, {}, {"X": self.X, "Y": self.Y}).call(getattr(self.template, name))
            except Exception:
                continue
        return True

    def environment(self, thing: Any) -> Environment:
        """The data and the parts of an object, for calls of its methods."""
        rows = np.ndim(self.X) == 2
        parts = {"X": self.X, "m": np.shape(self.X)[0] if rows else 1, "rate": RATE}
        if self.Y is not None:
            parts["Y"] = self.Y
        return Environment(self.file, {}, parts)

    def prediction(self) -> np.ndarray:
        """The output for the template's own parameters."""
        return self._forward(copied_object(self.template))[0]

    def _forward(self, thing: Any) -> tuple[np.ndarray, Environment, dict[str, float]]:
        env = self.environment(thing)
        name = self.roles.forward or self.roles.backward
        method = getattr(thing, name)
        result = env.call(method, **self._first(method))
        costs: dict[str, float] = {}
        if result is None:
            env.parts["prediction"] = self._kept(thing)
        else:
            env.learn(method, result, prediction=True)
            parts = result if isinstance(result, tuple) else (result,)
            numbers = [
                p for p in parts if isinstance(p, (float, np.floating)) or (isinstance(p, np.ndarray) and p.ndim == 0)
            ]
            if numbers and len(parts) > 1:
                costs[name] = float(numbers[0])
        prediction = np.asarray(env.parts["prediction"])
        if prediction.ndim == 0 and self.Y is not None:  # a method that gives the scores if there are no labels
            with suppress(Exception):
                prediction = Play(self.file, thing, self.roles, self.X).prediction()
        if prediction.dtype.kind != "f":
            raise CannotCheck(f"{name}: expected an output of real numbers, got {prediction.dtype}.")
        return prediction.astype(float), env, costs

    def _first(self, method: Any) -> dict[str, Any]:
        """The samples, for the first argument of a forward pass whose name does not tell."""
        names = [n for n in methods.arguments_of(method) if not methods.LABELS.fullmatch(n)]
        return {names[0]: self.X} if names and not any(Environment.part(n) == "X" for n in names) else {}

    def _kept(self, thing: Any) -> np.ndarray:
        """The output that a forward pass keeps: the last of the activations, by name."""
        there = {n: v for n, v in vars(thing).items() if isinstance(v, np.ndarray)}
        for name in methods.OUTPUTS:
            if name in there and name not in OWN_Y:
                return there[name]
        layers = {
            int(d[0]): v
            for n, v in there.items()
            if re.fullmatch(r"(a|A|layer|l|o|out)_?\d+", n) and (d := re.findall(r"\d+", n))
        }
        if not layers:
            raise CannotCheck("the forward pass gives None, and keeps no output.")
        return layers[max(layers)]

    def parameters(self) -> list[Place]:
        """The places of the arrays that the output depends on, and that a forward pass does not write."""
        thing = copied_object(self.template)
        out = self._forward(thing)[0]
        kept = arrays_in(thing)
        found: list[Place] = []
        for place, value in arrays_in(self.template).items():
            if place.key in (*OWN_X, *OWN_Y) and not place.containers:
                continue
            twin = copied_object(self.template)
            old = np.array(value, dtype=float)
            put(
                twin,
                place,
                old + 0.3 * np.random.default_rng(1).uniform(1, 2, old.shape) if old.ndim else float(old) + 0.3,
            )
            try:
                moved = self._forward(twin)[0]
            except Exception:
                continue
            if place in kept and not np.array_equal(moved, out):
                found.append(place)
        return found

    def drawn(self, places: Sequence[Place]) -> list[np.ndarray]:
        """Values for the parameters."""
        rng = np.random.default_rng(2)
        return [SPREAD * rng.normal(size=np.shape(at(self.template, p))) for p in places]

    def penalty(self) -> float:
        """The factor of a penalty that an object keeps, or that its methods take."""
        for name, value in vars(self.template).items():
            if PENALTY.fullmatch(name) and isinstance(value, float):
                return value
        names = methods.arguments_of(getattr(self.template, self.roles.backward))
        return 0.3 if any(Environment.part(n) == "lambd" for n in names) else 0.0

    def run(self, places: Sequence[Place], values: Sequence[Any], backward: bool) -> Run:
        """One run of a fresh copy."""
        thing = copied_object(self.template)
        for place, value in zip(places, values, strict=True):
            put(thing, place, np.array(value, dtype=float) if np.ndim(value) else float(value))
        prediction, env, costs = self._forward(thing)
        if not costs:
            costs = self._costs(thing, env, prediction)
        roles = self.roles
        if roles.backward and (backward or not costs):
            before = {p: np.array(a) for p, a in arrays_in(thing).items()}
            result = env.call(getattr(thing, roles.backward), **_rates(getattr(thing, roles.backward)))
            given, number = _split(result)
            if number is not None and not costs and given is not None:
                costs = {roles.backward: number}
            if backward:
                return prediction, costs, self._gradients(thing, given, before, places, values)
        return prediction, costs, {}

    def _costs(self, thing: Any, env: Environment, prediction: np.ndarray) -> dict[str, float]:
        """The costs by the methods, and by the object that some keep."""
        found: dict[str, float] = {}
        candidates: dict[str, Callable[..., Any]] = {n: getattr(thing, n) for n in self.roles.costs}
        for name in ("cost", "loss", "loss_fn", "cost_function"):
            inner = vars(thing).get(name)
            for of in ("fn", "forward", "loss", "__call__"):
                if inner is not None and hasattr(getattr(inner, of, None), "__code__"):
                    candidates[f"{name}.{of}"] = getattr(inner, of)
        for name, method in candidates.items():
            if self.Y is None:
                break
            try:
                result = env.call(method)
                cost = np.asarray(result, dtype=float)
            except Exception:
                continue
            if cost.size == 1 and np.isfinite(cost).all():
                found[name] = float(cost.ravel()[0])
        return found

    def _gradients(
        self, thing: Any, result: Any, before: Mapping, places: Sequence[Place], values: Sequence[Any]
    ) -> dict[Place, Any]:
        """The gradients that a backward pass gives, or keeps, or the steps that it makes."""
        found: dict[Place, Any] = {}
        for place, value in zip(places, values, strict=True):
            now = np.asarray(at(thing, place), dtype=float)
            if now.shape != np.shape(value) or not np.array_equal(now, value):
                found[place] = (np.asarray(value) - now) / RATE
        if found:
            return found
        if result is not None:
            try:
                given = gradients_in(self.file, getattr(thing, self.roles.backward), result, places)
            except CannotCheck:
                given = {}
            if given:
                return {Place((), p.containers, p.key)._replace(owner=places[0].owner): v for p, v in given.items()}
        return {
            p: a
            for p, a in arrays_in(thing).items()
            if p not in places and not (p in before and np.array_equal(before[p], a))
        }

    def steps(self, places: Sequence[Place], values: Sequence[Any]) -> bool:
        """Return whether the backward pass changes the parameters."""
        return any(place in places for place in self.run(places, values, True)[2])


def _rates(method: Any) -> dict[str, float]:
    """The learning rate, for a method that takes one, even by default."""
    return {n: RATE for n in methods.arguments_of(method) if RATES.fullmatch(n)}


def _split(result: Any) -> tuple[Any, float | None]:
    """The gradients, and the cost beside them if there is one."""
    if isinstance(result, tuple):
        numbers = [
            p for p in result if isinstance(p, (float, np.floating)) or (isinstance(p, np.ndarray) and p.ndim == 0)
        ]
        others = [p for p in result if not any(p is n for n in numbers)]
        if len(numbers) == 1 and others and len(result) == 2:
            return others[0], float(numbers[0])
        return result, None
    if isinstance(result, (float, np.floating)):
        return None, float(result)
    return result, None
