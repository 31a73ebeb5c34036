"""A learner's object at work: one forward and one backward pass of a fresh copy, and the gradients that come of it."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from . import methods
from .gradient_names import argument_of
from .loading import UserFile
from .objects import ON_ARRAYS, Place, arrays_in, at, copied_object, gradient_for, put, related, set_rates
from .repeatable import Repeatable
from .through import SCORES

RATE = 1.0
SPREAD = 0.7  # of drawn parameters


class NoGradient(TypeError):
    """Raised if a backward pass neither gives nor keeps a gradient."""


class Player:
    """An object of a learner that runs forward once and backward once."""

    file: UserFile
    forward: str
    backward: str
    cotangent: str
    object: Any
    input_name: str
    taken: list[str]
    takes_cotangent: bool
    places: Any
    out: Any
    stepped: bool

    def __init__(self, file: UserFile, template: Any, forward: str, backward: str, cotangent: str = "g"):
        self.file, self.forward, self.backward, self.cotangent = file, forward, backward, cotangent
        self.object = copied_object(template)
        if callable(getattr(self.object, "train", None)) and not methods.arguments_of(self.object.train):
            self.object.train()
        self.rate = set_rates(self.object, RATE)
        labels = [n for n in methods.arguments_of(getattr(self.object, forward)) if not methods.LABELS.fullmatch(n)]
        others = methods.arguments_of(getattr(self.object, forward))
        self.input_name = (labels or others or ["x"])[0]
        plain = (methods.LABELS, methods.RATES, methods.FLAGS)
        self.taken = [
            n
            for n in methods.arguments_of(getattr(self.object, backward), needed=True)
            if not any(p.fullmatch(n) for p in plain) or (n in ("y", "t") and not self._has_labels)
        ]
        if not self.taken:  # backward(self, g=None)
            self.taken = methods.arguments_with_none(getattr(self.object, backward))
        self.takes_cotangent = bool(self.taken)

    @property
    def _has_labels(self) -> bool:
        return any(methods.LABELS.fullmatch(n) for n in methods.arguments_of(getattr(self.object, self.forward)))

    # ---- parameters

    def parameters(self, x: np.ndarray, y: Any) -> tuple[list[Place], list[np.ndarray]]:
        """The places of the arrays that the output depends on, and values drawn for them."""
        out = np.array(self.run_forward([], [], x, y))
        after = arrays_in(self.object)
        places: list[Place] = []
        rng = np.random.default_rng(1)
        for place, value in after.items():
            if np.shares_memory(value, x) if isinstance(value, np.ndarray) else False:
                continue
            old = np.array(value)
            try:
                put(self.object, place, old + 0.01 * rng.uniform(1, 2, old.shape) if old.ndim else float(old) + 0.01)
                depends = not np.array_equal(self._forward(x, y), out, equal_nan=True)
            except Exception:
                depends = False
            try:
                put(self.object, place, old if old.ndim else float(old))
            except Exception:
                continue
            if depends:
                places.append(place)
        values = [np.array(after[place], dtype=float) for place in places]
        drawn = [SPREAD * rng.normal(size=v.shape) + _middle(p, v) for p, v in zip(places, values, strict=True)]
        return places, drawn

    # ---- passes

    def run_forward(self, places: Sequence[Place], parameters: Sequence[Any], x: Any, y: Any) -> np.ndarray:
        """The output for these values of the parameters."""
        if places:
            missing = [p for p in places if not _is_there(self.object, p)]
            if missing:  # they are made by the first forward pass
                self._forward(x, y)
        for place, value in zip(places, parameters, strict=True):
            put(self.object, place, np.array(value, dtype=float) if np.ndim(value) else float(value))
        self.places = list(places)
        return self._forward(x, y)

    def _forward(self, x: Any, y: Any) -> np.ndarray:
        method = getattr(self.object, self.forward)
        before = {place: value for place, value in arrays_in(self.object).items()}
        given: list[Any] = []
        used = False
        for n in methods.arguments_of(method, needed=True):
            if methods.LABELS.fullmatch(n) and y is not None:
                given.append(np.array(y))
            elif not used:
                given.append(self._as_theirs(np.array(x)))
                used = True
            elif methods.FLAGS.fullmatch(n):
                given.append("train" if n == "mode" else True)
            else:
                raise NoGradient(f"{self.forward}: there is no value for its argument {n}.")
        if not used and y is None:
            names = methods.arguments_of(method)
            if names:
                given.insert(0, self._as_theirs(np.array(x)))
        called = self.object.__call__ if methods.calls(type(self.object), self.forward) else method
        with np.errstate(all="ignore"):
            result = Repeatable(called)(*given)
        self.result = result
        if isinstance(result, tuple) and result:
            result = result[0]
        self.out = self._kept_output(before) if result is None else result
        return np.array(self.out, dtype=float)

    def _as_theirs(self, x: np.ndarray) -> Any:
        """The input as an array of the learner's subclass, if the file has one."""
        own = [c for c in self.file.classes.values() if issubclass(c, np.ndarray)]
        return x.view(own[0]) if own else x

    def _kept_output(self, before: Mapping[Place, Any]) -> Any:
        there = vars(self.object)
        for name in methods.OUTPUTS:
            if isinstance(there.get(name), (np.ndarray, float)):
                return there[name]
        raise NoGradient(f"{self.forward}: it gives None, and keeps no output: is a return missing?")

    def run_backward(self, g: np.ndarray, x: Any, y: Any, out: np.ndarray, scores: Any = None) -> dict[str, Any]:
        """The gradients by the names of the parameters and the input, for a cotangent `g`.

        A loss may take the `scores` that its input was computed from.
        """
        method = getattr(self.object, self.backward)
        before = {place: np.array(value) for place, value in arrays_in(self.object).items()}
        old = [np.array(at(self.object, place), dtype=float) for place in self.places]
        if not self.takes_cotangent and np.ndim(out) and hasattr(self.out, "__dict__"):
            for name in ("g", "grad"):
                setattr(self.out, name, np.array(g))
        arguments = self._arguments(method, g, x, y, out, scores)
        with np.errstate(all="ignore"):
            result = Repeatable(method)(**arguments)
        after = arrays_in(self.object)
        return self._parameter_gradients(result, before, after, old) | self._input_gradient(result, before, after, x)

    def _arguments(
        self, method: Any, g: np.ndarray, x: Any, y: Any, out: np.ndarray, scores: Any = None
    ) -> dict[str, Any]:
        cotangent = {"g": g, "input": x, "output": self._kept_or(out)}[self.cotangent]
        given: dict[str, Any] = {}
        used = False
        for n in methods.arguments_of(method):
            if len(self.taken) > 1 and y is not None and SCORES.fullmatch(n):
                if scores is None:
                    raise NoGradient(f"{self.backward}: there is no value for its argument {n}.")
                given[n] = np.array(scores)
            elif n in self.taken and not used and not self._is_named(n):
                given[n] = np.array(cotangent, dtype=float)
                used = True
            elif methods.LABELS.fullmatch(n) and y is not None:
                given[n] = np.array(y)
            elif methods.RATES.fullmatch(n):
                given[n], self.rate = RATE, RATE
            elif n in self.taken:
                given[n] = self._known(n, x)
        return given

    def _is_named(self, name: str) -> bool:
        """Return whether an argument of the backward pass is the input or the cache of the forward pass."""
        return len(self.taken) > 1 and (name == self.input_name or "cache" in name)

    def _known(self, name: str, x: Any) -> Any:
        if "cache" in name and isinstance(self.result, tuple):
            return self.result[1] if len(self.result) == 2 else self.result[1:]
        if methods.FLAGS.fullmatch(name):
            return True
        if name == self.input_name or name in ("x", "X", "inputs", "input", "A_prev"):
            return np.array(x)
        raise NoGradient(f"{self.backward}: there is no value for its argument {name}.")

    def _kept_or(self, out: np.ndarray) -> Any:
        """The output that a loss keeps, as the probabilities of a softmax, or else the one that it gave."""
        kept = vars(self.object).get("output", vars(self.object).get("out"))
        return kept if isinstance(kept, np.ndarray) else out

    # ---- gradients

    def _parameter_gradients(
        self, result: Any, before: Mapping, after: Mapping, old: Sequence[np.ndarray]
    ) -> dict[str, Any]:
        found: dict[str, Any] = {}
        returned, self.stepped = self._returned(result), False
        others = [place for place in after if place not in self.places]
        for place, value in zip(self.places, old, strict=True):
            now = np.array(at(self.object, place), dtype=float)
            changed = now.shape != value.shape or not np.array_equal(now, value)
            kept = gradient_for(place, value.shape, others, lambda p: after[p])
            fresh = kept is not None and not (kept in before and np.array_equal(before[kept], after[kept]) and changed)
            named = next((part for n, part in returned.items() if n and related(n, place.key)), None)
            if named is not None:
                found[place.name] = np.array(named, dtype=float)
            elif kept is not None and fresh:
                found[place.name] = np.array(after[kept], dtype=float)
            elif changed:
                found[place.name] = (value - now) / (self.rate or 1.0)
            self.stepped |= changed
        return found

    def _input_gradient(self, result: Any, before: Mapping, after: Mapping, x: np.ndarray) -> dict[str, Any]:
        returned = self._returned(result)
        parameters = [p.key for p in self.places]
        free = {n: v for n, v in returned.items() if not any(related(n, k) for k in parameters)}
        if free:
            named = [v for n, v in free.items() if n and argument_of(n, [self.input_name])]
            alike = [v for v in free.values() if np.shape(v) == np.shape(x)]
            return {self.input_name: np.array((alike or named or list(free.values()))[0], dtype=float)}
        for place, value in after.items():
            unchanged = place in before and np.array_equal(before[place], value)
            new = not unchanged and place.owner == () and place not in self.places
            fits = np.shape(value) == np.shape(x) or not self.places or "in" in str(place.key)
            if new and fits and self._is_of_input(place):
                return {self.input_name: np.array(value, dtype=float)}
        return {}

    def _is_of_input(self, place: Place) -> bool:
        """Return whether an array is called as the gradient of the input is."""
        kept = [self.input_name, "inp", "input", "inputs", "x"]
        on_array = place.key in ON_ARRAYS and bool(place.containers) and place.containers[-1] in kept
        return on_array or bool(methods.INPUT_GRADIENTS.fullmatch(str(place.key)))

    def _returned(self, result: Any) -> dict[str, Any]:
        """The arrays that a backward pass returns, by the names in its `return`, or numbers as text."""
        if isinstance(result, Mapping):
            return {str(n): v for n, v in result.items() if isinstance(v, (np.ndarray, float))}
        parts = result if isinstance(result, (tuple, list)) else (result,)
        names = methods.returned_names(self.file, getattr(self.object, self.backward))
        names = names if len(names) == len(parts) else [""] * len(parts)
        found: dict[str, Any] = {}
        for i, (name, part) in enumerate(zip(names, parts, strict=True)):
            if isinstance(part, Mapping):
                found |= {str(n): v for n, v in part.items()}
            elif isinstance(part, (np.ndarray, float)) and part is not None:
                found[name or f" {i}"] = part
        if len(found) == 1 and len(parts) == 1 and not any(related(next(iter(found)), p.key) for p in self.places):
            return {" 0": next(iter(found.values()))}
        return found

    # ---- words

    def steps(self, x: np.ndarray, y: Any) -> bool:
        """Return whether the backward pass changes the parameters."""
        places, values = self.parameters(x, y)
        other = Player(self.file, self.object, self.forward, self.backward, self.cotangent)
        out = other.run_forward(places, values, x, y)
        other.run_backward(np.ones_like(out), x, y, out)
        return bool(other.stepped)

    def called(self, name: str, run: Any) -> str:
        """The learner's name for the gradient of an array."""
        after = arrays_in(self.object)
        place = next((p for p in after if p.name == name), None)
        kept = gradient_for(place, np.shape(after[place]), list(after), lambda p: after[p]) if place else None
        return kept.name if kept else f"d{name}"


def _is_there(thing: Any, place: Place) -> bool:
    try:
        at(thing, place)
    except (KeyError, IndexError, AttributeError):
        return False
    return True


def _middle(place: Place, value: np.ndarray) -> float:
    """The middle of the numbers to draw: that of a scale or a variance is not 0."""
    return float(value.mean()) if re.search("gamma|var|scale", str(place.key)) else 0.0
