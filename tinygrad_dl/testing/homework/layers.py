"""Layers and losses as objects: their forward pass is differentiated numerically, their backward pass compared with it.

A forward pass may give its output or keep it; a backward pass may give gradients, keep them, or make a step with them,
in which case the gradient is the change divided by the learning rate. Each run starts from a fresh copy of the object.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import numpy as np

from ..gradcheck.causes import causes_of
from . import construction, methods
from .findings import UNCHECKED, UNDECIDED, WRONG, Check, Finding, worst
from .judging import Judgement, finding_of, merged, small_number
from .loading import CannotCheck, UserFile
from .objects import Place, objects_in
from .players import NoGradient, Player
from .repairs import repairs_and
from .screening import Wrong, careful, clearly_wrong, unlikeliness
from .signs import error_is_target_minus_output
from .through import Activation, activations_for, says_through

BATCHES = ("m p", "p m", "m p 2 3", "2 p 6 5", "2 6 5 p", "2 6 5", "p 6 5", "6 5 p", "6 5")
ONE_SAMPLE = "it is right for one sample only: is a sum over the samples missing?"
TRANSPOSED = "transposed: a matrix in place of its transpose, or the other way round; it runs with equal sizes only"
SINGLES = ("1 p", "p 1", "p", "1 p 6 5", "")


def find(file: UserFile, progress: bool) -> Iterator[Check]:
    """The layers and losses of a file: classes with a forward and a backward pass."""
    for name, cls in file.classes.items():
        if is_layer(cls) and not _is_base(cls, file):
            bases = [base.__name__ for base in cls.__mro__[1:] if base in file.classes.values()]
            yield Check(name, (name, *bases), partial(_check_class, file, name, progress))


def is_layer(cls: type) -> bool:
    """Return whether a class has a forward and a backward pass of a layer or a loss, and not those of a whole net."""
    forward, backward = methods.pair_of_methods(cls)
    if not forward or not backward or issubclass(cls, np.ndarray):
        return False
    if methods.takes_labels(cls, backward) and not methods.takes_labels(cls, forward):
        return False
    return methods.takes_values(cls, forward)


def _is_base(cls: type, file: UserFile) -> bool:
    """Return whether other classes of the file are made of this one, which makes no sense by itself."""
    inherit = any(cls in other.__mro__[1:] for other in file.classes.values())
    return inherit and (construction.needs_functions(cls) or methods.is_abstract(cls))


def check_layer(layer: Any, x: Any, y: Any = None, *, progress: bool = False) -> Finding:
    """The finding on a layer or loss that is there already, for its input `x`, and the labels of a loss.

    Parameters
    ----------
    layer
        An object with a forward and a backward method under any of their usual names.
    x
        The input of its forward pass.
    y
        The labels, for a loss.
    progress
        Show a progress bar.

    Returns
    -------
    Finding
        With a verdict on the gradient of each parameter and of the input.

    Raises
    ------
    CannotCheck
        If the object has no forward or no backward method, or these don't run.
    """
    from .live import live_file

    cls = type(layer)
    forward, backward = methods.pair_of_methods(cls)
    if not forward or not backward:
        raise CannotCheck(f"{cls.__name__}: expected an object with methods forward and backward.")
    file = live_file({forward: getattr(cls, forward), backward: getattr(cls, backward)})
    run = Layer(file, layer, forward, backward, np.array(x, dtype=float), y, "the given x", len(x) if np.ndim(x) else 1)
    tried = _tried(run)
    if isinstance(tried, Exception):
        raise file.problem(tried, f"{cls.__name__}.{backward}")
    return _finding(file, cls, [_judged(tried, progress)], place="")


# ---- the runs of a layer


@dataclass(frozen=True)
class Layer:
    """A layer of a learner with an input in one layout, as a function with gradients."""

    file: UserFile
    template: Any
    forward: str
    backward: str
    x: np.ndarray
    y: Any
    layout: str
    samples: int
    notes: tuple[str, ...] = ()
    cotangent: str = "g"  # what the backward pass is given: "g", or the "input" or "output" of a loss
    reduce: str = ""  # the mean or the sum of what a loss gives for each sample
    scales: Mapping[str, float] | None = None  # by which a convention multiplies gradients
    doubt: bool = False  # that it is made for one sample at a time
    through: Activation | None = None  # of the scores, for a loss that gives the derivative with respect to them

    def player(self) -> Player:
        """The object, ready to run."""
        return Player(self.file, self.template, self.forward, self.backward, self.cotangent)

    def predicted(self, x: Any) -> Any:
        """The input of the forward pass, for an argument of the whole function."""
        return self.through.function(x) if self.through else x

    def value(self, *values: Any) -> np.ndarray:
        """The output for values of the parameters and the input."""
        player = self.player()
        *parameters, x = values
        out = player.run_forward(self.places(), parameters, self.predicted(x), self.y)
        return getattr(np, self.reduce)(out) if self.reduce else out

    def gradients(self, g: np.ndarray, values: Sequence[Any]) -> dict[str, Any]:
        """The gradients by the names of the parameters and the input."""
        player = self.player()
        *parameters, x = values
        a = self.predicted(x)
        out = player.run_forward(self.places(), parameters, a, self.y)
        given = player.run_backward(g, a, self.y, out, x if self.through else None)
        times = g if (self.cotangent != "g" or not player.takes_cotangent) and np.ndim(g) == 0 else 1.0
        scales = self.scales or {}
        return {n: times * scales.get(n, 1.0) * part for n, part in given.items() if part is not None}

    def places(self) -> list[Place]:
        """The places of the parameters."""
        return self._found()[0]

    def names(self) -> list[str]:
        """The names of the parameters and the input."""
        return [*(place.name for place in self.places()), self.player().input_name]

    def values(self) -> list[Any]:
        """Values of the parameters, drawn, and the input."""
        return [*self._found()[1], self.x]

    def _found(self) -> tuple[list[Place], list[np.ndarray]]:
        if "found" not in self.__dict__:
            object.__setattr__(self, "found", self.player().parameters(self.x, self.y))
        return self.__dict__["found"]


def _tried(run: Layer) -> Layer | Exception:
    """The first reading of a layer whose gradients have the right shapes, or any that runs, or the first error."""
    error: Exception | None = None
    runs: list[Layer] = []
    for each in _readings(run):
        try:
            values = each.values()
            ans = each.value(*values)
            if not np.all(np.isfinite(ans)):
                raise ValueError("the output is nan or inf.")
            given = each.gradients(_cotangent(ans), values)
        except Exception as problem:
            error = error or problem
            continue
        if not given:
            error = error or NoGradient(f"{run.backward}: it gives no gradient, and keeps none.")
            continue
        runs.append(each)
        if _fits(each, given):
            return each
    return runs[0] if runs else error or NoGradient("it does not run.")


def _cotangent(ans: np.ndarray) -> np.ndarray:
    """Derivatives by the output, drawn: those of the sum of a softmax are 0, and no step is made."""
    return np.random.default_rng(7).uniform(0.5, 1.5, ans.shape) if ans.ndim else np.ones(())


def _readings(run: Layer) -> Iterator[Layer]:
    """The layer with each argument that the backward pass may be given, and each reduction of the output of a loss."""
    ans = None
    if run.y is not None:
        with suppress(Exception):
            ans = run.value(*run.values())
    if ans is None:
        yield replace(run, cotangent="g", reduce="")
        return
    reduces = [""] if ans.ndim == 0 else ["mean", "sum", ""]
    for cotangent in ["input", "output", "g"] if run.player().takes_cotangent else ["g"]:
        for reduce in reduces:
            if reduce or ans.ndim == 0 or cotangent == "g":
                yield replace(run, cotangent=cotangent, reduce=reduce)
    if run.player().takes_cotangent and not run.places():
        classes = 1 if "rows" in run.layout else 0
        for through in activations_for(run.file, run.x, classes, run.player().taken):
            for reduce in reduces[:2]:
                yield replace(run, cotangent="input", reduce=reduce, through=through)


def _fits(run: Layer, given: Mapping[str, Any]) -> bool:
    shapes = {n: np.shape(v) for n, v in zip(run.names(), run.values(), strict=True)}
    return all(np.shape(part) == shapes[n] for n, part in given.items())


# ---- the layouts of a class


def _check_class(file: UserFile, name: str, progress: bool) -> Finding:
    """The finding on a class: on the objects that its constructor makes, in the first layout that fits."""
    cls = file.classes[name]
    found = _first_fitting(file, cls, progress, construction.DIFFERENT)
    if (not found or isinstance(found, Exception)) and methods.takes_labels(cls, methods.pair_of_methods(cls)[0]):
        single = _first_fitting(file, cls, progress, construction.SINGLE)
        found = single if isinstance(single, list) else found
    if not found or isinstance(found, Exception):
        equal = _first_fitting(file, cls, progress, construction.EQUAL)
        if isinstance(equal, list) and any(judged[1].fits and judged[1].verdict == WRONG for judged in equal):
            detail = f"it runs with equal sizes only: {_line(file, found)}" if found else ""
            return _finding(file, cls, equal, file.place(cls), detail)
        if isinstance(found, Exception):
            raise file.problem(found, f"{name}.{methods.pair_of_methods(cls)[1]}", file.place(cls))
        raise CannotCheck(
            f"{file.place(cls)}: {name}: no drawn arguments fit: check it as testing.check({name}(...), x)."
        )
    return _finding(file, cls, found, file.place(cls))


def _line(file: UserFile, error: Any) -> str:
    return str(file.problem(error)) if isinstance(error, Exception) else ""


Judged = tuple[Layer, Judgement, tuple[str, ...], Wrong]


def _first_fitting(
    file: UserFile, cls: type, progress: bool, sizes: construction.Sizes
) -> list[Judged] | Exception | None:
    """The judged layer in the first layout that fits; one for each activation that the constructor takes."""
    error: Exception | None = None
    found: list[Judged] = []
    poor: list[Layer] = []
    noted: set[tuple[str, ...]] = set()
    for template, notes in construction.instances(cls, file, sizes):
        if found and (not notes or notes in noted):
            continue
        for run in _layouts(file, template, notes, sizes):
            tried = _tried(run)
            if isinstance(tried, Exception):
                error = error or tried
                continue
            values = tried.values()
            if _fits(tried, tried.gradients(_cotangent(tried.value(*values)), values)):
                if poor and tried.samples == 1:
                    tried = replace(tried, notes=(*tried.notes, ONE_SAMPLE), doubt=True)
                found.append(_judged(tried, progress))
                noted.add(notes)
                break
            poor.append(tried)
    if not found and poor:
        found = [_judged(poor[0], progress)]
    return found or error


def _layouts(file: UserFile, template: Any, notes: tuple[str, ...], sizes: construction.Sizes) -> Iterator[Layer]:
    """The layer with inputs of each shape, and labels of each kind for a loss."""
    forward, backward = methods.pair_of_methods(type(template))
    loss = methods.takes_labels(type(template), forward)
    letters = {"m": sizes.samples, "p": sizes.inputs}
    for shape in (*BATCHES, *SINGLES):
        axes = shape.split()
        size = tuple(letters.get(axis) or int(axis) for axis in axes)
        rng = np.random.default_rng(3)
        x = rng.uniform(0.1, 0.9, size) if loss else rng.normal(size=size)
        batch = size[axes.index("m")] if "m" in axes else size[0] if len(size) == 4 and shape in BATCHES else 1
        words = _in_words(shape)
        for y, kind in _labels(x, axes, sizes.outputs) if loss else [(None, "")]:
            yield Layer(file, template, forward, backward, x, y, ", ".join(filter(None, (words, kind))), batch, notes)
        if loss and shape == "m p":  # one score a sample
            single = x[:, :1]
            for y in (single.round(), single.round()[:, 0]):
                yield Layer(
                    file, template, forward, backward, single, y, "samples are rows, of one number", batch, notes
                )
            yield Layer(
                file, template, forward, backward, x[:, 0], x[:, 0].round(), "a number for each sample", batch, notes
            )


def _in_words(shape: str) -> str:
    known = {
        "m p": "samples are rows",
        "p m": "samples are columns",
        "1 p": "one sample, a row",
        "p 1": "one sample, a column",
    }
    return known.get(shape, f"an input of axes ({shape})" if shape else "a number")


def _labels(x: np.ndarray, axes: Sequence[str], outputs: int) -> Iterator[tuple[Any, str]]:
    """Labels for predictions `x`, or for inputs of a net with some `outputs`: one-hot, or the numbers of classes."""
    if outputs == 1 and axes in (["m", "p"], ["p", "m"]):
        numbers = np.arange(x.shape[axes.index("m")]) % 2.0
        yield numbers[:, np.newaxis] if axes[0] == "m" else numbers[np.newaxis], "a label for each sample"
        yield numbers, "a label for each sample"
    elif axes[:2] in (["m", "p"], ["p", "m"]) and x.ndim == 2:
        classes = axes.index("p")
        numbers = np.arange(x.shape[1 - classes]) % x.shape[classes]
        one_hot = np.eye(x.shape[classes])[numbers]
        yield one_hot if classes == 1 else one_hot.T, "one-hot labels"
        yield numbers, "labels are class numbers"
        more = np.eye(outputs)[numbers % outputs]
        yield more if classes == 1 else more.T, "one-hot labels"
        yield numbers % outputs, "labels are class numbers"
    else:
        yield (x > 0.5).astype(float), ""


# ---- the verdict


def _judged(run: Layer, progress: bool) -> Judged:
    """The first reading that makes all gradients right, or the plain one, its judgement, its words, and the wrong."""
    names, values = run.names(), run.values()
    given = run.gradients(_cotangent(run.value(*values)), values)
    wanted = [n for n in names if n in given]
    title = type(run.template).__name__
    every = [type(inner) for inner in objects_in(run.template)]
    small = small_number([getattr(c, m) for c in every for m in (run.forward, run.backward) if hasattr(c, m)])
    readings = [(run, ""), *_conventions(run, [n for n in wanted if n != names[-1]])]
    looks = []
    for each, words in readings:
        try:
            looks.append((each, words, clearly_wrong(each, wanted)))
        except Exception:  # a reading that does not run
            continue
        if not looks[-1][2]:
            break
    each, words, wrong = min(looks, key=lambda look: unlikeliness(look[2], run.samples))
    judgement, wrong = careful(title, each, wanted, small, progress)
    return each, judgement, (*_words(each), *([words] if words else [])), wrong


def _conventions(run: Layer, parameters: Sequence[str]) -> Iterator[tuple[Layer, str]]:
    """Other readings that a teacher accepts, all of the whole layer: the place of the 1/m, and steps that are added."""
    player = run.player()
    for each in _readings(run):
        if vars(each) != vars(run):  # arrays are the same objects; Python 3.13 compares dataclasses by their values
            yield each, ""
    if len(parameters) > 1 and run.samples > 1 and run.y is None:
        scales = dict.fromkeys(parameters, float(run.samples))
        yield replace(run, scales=scales), "the gradients of the parameters hold the 1/m"
    if parameters and player.steps(run.x, run.y) and error_is_target_minus_output(run.file):
        yield (
            replace(run, scales=dict.fromkeys(parameters, -1.0)),
            "the error given is minus the gradient, and the step is added",
        )


def _words(run: Layer) -> tuple[str, ...]:
    lines = [*run.notes, run.layout]
    if run.y is not None and run.cotangent != "g":
        lines.append(f"the backward pass takes the {'predictions' if run.cotangent == 'input' else 'output'}")
    if run.through:
        lines.append(f"the derivative is with respect to the scores, of which {run.through.name} gives the predictions")
    if run.reduce:
        lines.append(f"the loss is the {run.reduce} over the samples")
    return tuple(lines)


def _is_through_by_chance(found: Sequence[Judged]) -> bool:
    """Return whether a loss is right with respect to the scores only, and no name tells that these are meant."""
    runs = [run for run, *_ in found if run.through]
    names = [name for run in runs for name in (type(run.template).__name__, run.backward)]
    return bool(runs) and not says_through(names, runs[0].player().taken)


def _finding(file: UserFile, cls: type, found: list[Judged], place: str, detail: str = "") -> Finding:
    """One finding on all the objects of a class; `detail` is the error with sizes that differ."""
    run, judgement, readings, _ = found[0]
    for other, more, words, _ in found[1:]:
        judgement = merged(judgement, more, f"with {', '.join(other.notes)}")
        readings = (*readings, *(w for w in words if w not in readings))
    worst_run, wrong = next(((r, w) for r, j, _, w in found if j.verdict == WRONG), (run, {}))
    player = worst_run.player()
    called = {n: player.called(n, worst_run) for n in worst_run.names()}
    named = {n: causes_of(given, truth, samples=worst_run.samples) for n, (given, truth) in wrong.items()}
    causes = repairs_and(named, file, lambda: worst_run)
    if detail:
        causes = {n: (TRANSPOSED, *causes[n]) for n in causes}
    taken = [f"random: {', '.join(f'{n} {np.shape(v)}' for n, v in zip(run.names(), run.values(), strict=True))}"]
    names = [cls.__name__, *(b.__name__ for b in cls.__mro__[1:] if b in file.classes.values())]
    missing = [p.name for p in worst_run.places() if p.name not in judgement.reports]
    readings = (*readings, *([detail] if detail else []), *(f"no gradient found for {n}" for n in missing))
    doubt = missing or worst_run.doubt or _is_through_by_chance(found)
    verdict = worst([judgement.verdict, *([UNDECIDED] if doubt else [])]) if judgement.reports else UNCHECKED
    return finding_of(cls.__name__, names, place, taken, readings, judgement, called, causes, verdict)
