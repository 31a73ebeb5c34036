"""Learners' objects: the arrays that they hold, by place, fresh copies of them, and which gradient belongs to which."""

from __future__ import annotations

import copy
import functools
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from types import ModuleType
from typing import Any, NamedTuple

import numpy as np

from .gradient_names import argument_of

DEPTH = 5  # objects in lists in objects
RATES = re.compile(r"_?(learning_?rate|learn_?rate|lr|l_?rate|eta|alpha|step_?size|epsilon_?lr|rate_learning)", re.I)
NUMBERS = re.compile(r"([bBwW]|bias|weight|theta|intercept|gamma|beta)_?\d*")  # parameters that may be plain numbers
GRADIENTS = re.compile(
    r"_?(d|grads?|gradients?|dparams?|d_params?|derivatives?|g|_grad|grad_dict|nablas?|deltas?)", re.I
)
VALUES = re.compile(r"_?(params?|parameters?|value|val|data|array|variables)", re.I)
ON_ARRAYS = ("g", "grad", "gradient")  # attributes of arrays of a subclass, and of objects around arrays


class Place(NamedTuple):
    """The place of an array in an object: steps to its owner and to containers in that, and its last name or number."""

    owner: tuple[Any, ...]
    containers: tuple[Any, ...]
    key: Any

    @property
    def name(self) -> str:
        """The name as learners write it: "W1", "weights[0]", "layers[0].W", "params[0]['W']"."""
        steps = [*self.owner, *self.containers, self.key]
        text = ""
        for i, step in enumerate(steps):
            if isinstance(step, str):
                inside = i > len(self.owner) and self.containers and not self.owner  # params["W1"] is W1
                alone = f"{text}[{step!r}]" if "[" in text else step
                text = alone if not text or inside else f"{text}.{step}"
            else:
                text += f"[{step}]"
        return text


def arrays_in(thing: Any, once: bool = True) -> dict[Place, np.ndarray]:
    """The arrays of real numbers in an object, its dicts, lists and inner objects, each `once` or wherever it is."""
    return dict(_walk(thing, (), (), set(), DEPTH, once))


def _walk(
    thing: Any, owner: tuple, containers: tuple, seen: set[int], depth: int, once: bool
) -> Iterator[tuple[Place, Any]]:
    inside = _entries(thing)
    if inside is None or depth < 0 or id(thing) in seen:
        return
    seen.add(id(thing))
    is_object = not isinstance(thing, (Mapping, list, tuple))
    if is_object:
        owner, containers = (*owner, *containers), ()
    later = []
    for key, value in inside:
        if _is_numbers(value) or (_is_number(value) and isinstance(key, str) and NUMBERS.fullmatch(key)):
            if id(value) not in seen or _is_number(value) or not once:
                seen.add(id(value))
                yield Place(owner, containers, key), value
                for name, part in getattr(value, "__dict__", {}).items():  # an array of a subclass, with its gradient
                    if _is_numbers(part):
                        yield Place(owner, (*containers, key), name), part
        else:
            later.append((key, value))
    for key, value in later:
        yield from _walk(value, owner, (*containers, key), seen, depth - 1, once)


def _entries(thing: Any) -> list[tuple[Any, Any]] | None:
    """The parts of a container or an object by key; None for anything else."""
    if isinstance(thing, Mapping):
        return list(thing.items())
    if isinstance(thing, (list, tuple)):
        return list(enumerate(thing))
    if isinstance(thing, (np.ndarray, type, ModuleType, np.random.Generator, np.random.RandomState)):
        return None
    names = getattr(thing, "__dict__", None)
    return None if names is None or hasattr(thing, "__code__") else list(names.items())


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _is_numbers(value: Any) -> bool:
    return isinstance(value, (np.ndarray, np.floating)) and value.dtype.kind == "f" and value.size > 0


def at(thing: Any, place: Place) -> Any:
    """The value at a place now. KeyError, IndexError or AttributeError if nothing is."""
    for step in (*place.owner, *place.containers, place.key):
        thing = thing[step] if isinstance(thing, (Mapping, list, tuple)) else getattr(thing, step)
    return thing


def put(thing: Any, place: Place, value: Any) -> None:
    """Write values at a place: into the array that is there, so that all who share it see them."""
    old = at(thing, place)
    if isinstance(old, np.ndarray) and old.dtype == np.float64 and old.flags.writeable and old.shape == np.shape(value):
        old[...] = value
        return
    *steps, key = (*place.owner, *place.containers, place.key)
    for step in steps:
        thing = thing[step] if isinstance(thing, (Mapping, list, tuple)) else getattr(thing, step)
    if isinstance(thing, (dict, list)):
        thing[key] = value
    else:
        setattr(thing, key, value)


def copied_object(thing: Any) -> Any:
    """A copy of an object with its arrays; parts that can't be copied are shared."""
    try:
        return copy.deepcopy(thing)
    except Exception:
        twin = copy.copy(thing)
        for name, value in vars(thing).items():
            try:
                setattr(twin, name, copy.deepcopy(value))
            except Exception:
                continue
        return twin


def set_rates(thing: Any, rate: float) -> float | None:
    """Set the learning rates that an object and its inner objects keep, and return the rate; None if they keep none."""
    found = None
    for inner in objects_in(thing):
        for name, value in list(vars(inner).items()):
            if RATES.fullmatch(name) and isinstance(value, (int, float)) and not isinstance(value, bool):
                setattr(inner, name, rate)
                found = rate
    return found


def objects_in(thing: Any) -> list[Any]:
    """An object and the objects in it."""
    found: list[Any] = []
    seen: set[int] = set()

    def search(part: Any, depth: int) -> None:
        inside = _entries(part)
        if inside is None or id(part) in seen or depth < 0:
            return
        seen.add(id(part))
        if not isinstance(part, (Mapping, list, tuple)):
            found.append(part)
        for _, value in inside:
            search(value, depth - 1)

    search(thing, DEPTH)
    return found


# ---- which gradient belongs to which array


def gradient_for(place: Place, shape: tuple[int, ...], others: Iterable[Place], get: Callable[[Place], Any]) -> Any:
    """The place among `others` that holds the gradient of the array at `place`, by its name; None if there is none."""
    there = [other for other in others if other.owner == place.owner and other != place]
    near = [other for other in there if _belongs(other, place)]
    near = near or [other for other in there if other.key != place.key and related(other.key, place.key)]
    fits = [other for other in near if np.shape(get(other)) == shape]
    listed = [other for other in there if _is_listed(other) and np.shape(get(other)) == shape] if not near else []
    return next(iter(fits or near or (listed if len(listed) == 1 else [])), None)


def _is_listed(place: Place) -> bool:
    """Return whether an array is in a list of gradients, where its shape alone tells its parameter."""
    return (
        isinstance(place.key, int) and bool(place.containers) and bool(GRADIENTS.fullmatch(str(place.containers[-1])))
    )


def _belongs(gradient: Place, place: Place) -> bool:
    """Return whether the first place is called as the gradient of the second."""
    if gradient.containers == (*place.containers, place.key):
        return gradient.key in ON_ARRAYS
    if len(gradient.containers) != len(place.containers):
        flat = (
            not place.containers
            and len(gradient.containers) == 1
            and bool(GRADIENTS.fullmatch(str(gradient.containers[0])))
        )
        return flat and related(gradient.key, place.key)
    steps = [*zip(gradient.containers, place.containers, strict=True), (gradient.key, place.key)]
    differing = [(g, p) for g, p in steps if g != p]
    return bool(differing) and all(related(g, p) for g, p in differing)


@functools.lru_cache(maxsize=4096)
def related(gradient: Any, name: Any) -> bool:
    """Return whether a name is that of the gradient of `name`: dW of W, grads of params, nabla_w of weights."""
    if gradient == name:
        return True
    if not isinstance(gradient, str) or not isinstance(name, str):
        return False
    if GRADIENTS.fullmatch(gradient) and VALUES.fullmatch(name):
        return True
    if gradient.replace("_", "").casefold() == name.replace("_", "").casefold():
        return False
    names = [n for n in (name, *_short(name)) if n.casefold() != gradient.casefold()]
    return any(argument_of(gradient, [n]) == n for n in names)


def _short(name: str) -> list[str]:
    """Other names of an array: w for weights, b for biases, with the number of the layer."""
    plain = name.strip("_")
    digits = re.search(r"\d*$", plain)[0]  # type: ignore[index]
    stem = plain[: len(plain) - len(digits)].rstrip("_").lower()
    known = {
        "w": ("w", "weight", "weights", "kernel", "kernels", "filter", "filters", "theta"),
        "b": ("b", "bias", "biases"),
    }
    for names in known.values():
        if stem in names:
            return [f"{each}{digits}" for each in names] + [f"{each.upper()}{digits}" for each in names[:1]]
    return [plain]
