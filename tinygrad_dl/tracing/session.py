"""`record_step`: trace a function with all that it reads and writes besides its arguments.

Symbols stand in the places that `places` finds while the function runs; all is as before afterwards. A function is
traced twice: constants that differ come from random numbers or a state that was not found, and would be wrong later.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import numpy as np

from .. import pytree
from ..core.registry import name_of
from ..core.tensor import Tensor
from .places import MISSING, Number, Place, Places, find_places, is_generator
from .program import Node, Program, TraceError
from .randomness import symbolic_generator
from .signatures import Unsuitable
from .symbols import Symbol
from .trace import Trace, output_of, parameter_names, tensor_of


class Source(NamedTuple):
    """The origin of the input `node`: leaf number `argument` of the arguments, or a `place`, or a part of its tuple."""

    node: Node
    argument: int = -1
    place: Place | None = None
    path: tuple[int, ...] = ()


class Write(NamedTuple):
    """A new `value`, a tree of Outputs, of a `place`, or of the `slot` of the Tensor that is leaf number `argument`."""

    value: Any
    place: Place | None = None
    argument: int = -1
    slot: str = ""


class Step(NamedTuple):
    """A traced function: its program, the origin of its inputs, its result and its writes.

    Its other `places` are constants; `captured` are Tensors that it differentiates by, and that are not in `places`.
    """

    program: Program
    sources: list[Source]
    result: Any
    writes: list[Write]
    places: Places
    captured: set[Tensor]
    fresh: dict[int, Tensor]  # arguments that are Tensors, by number, as they were for the trace
    known: dict[int, Tensor]  # arguments that are Tensors of `places`


class Changing(Exception):
    """The numbers in some `places` change while the function runs, so they are inputs."""

    def __init__(self, places: list[Place]):
        super().__init__(", ".join(place.label for place in places))
        self.places = places


def record_step(
    f: Callable[..., Any],
    args: tuple[Any, ...],
    kwargs: dict[str, Any],
    dynamic: set[tuple[int, Any]],
    grads: bool,
) -> Step:
    """Trace `f(*args, **kwargs)` with all numbers in the `dynamic` places as inputs, and add others that change.

    With `grads` every tracked Tensor has a gradient as input, zero if there is none: for functions that overwrite it.

    Raises TraceError for what a program can't hold.
    """
    while True:
        try:
            first, second = (_Session(f, args, kwargs, dynamic, grads).record() for _ in range(2))
        except Changing as changing:
            if known := [place.label for place in changing.places if place.identity in dynamic]:
                raise TraceError(
                    f"{known[0]} is set to a number that is not computed from its old value: compute it "
                    f"outside of the compiled function."
                ) from None
            dynamic.update(place.identity for place in changing.places)
            continue
        if outside := first.captured & second.captured:
            raise TraceError(
                f"{outside.pop()._label()} is used by the compiled function, but is neither an argument nor reached "
                f"from its variables: pass it as an argument."
            )
        _check_same(first.program, second.program)
        return first


class _Session:
    def __init__(
        self, f: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any], dynamic: set[Any], grads: bool
    ):
        self.f, self.args, self.kwargs, self.dynamic, self.grads = f, args, kwargs, dynamic, grads
        self.leaves = [*labelled_arguments(f, args, kwargs)]
        objects = {label: leaf for label, leaf in self.leaves if is_object(leaf)}
        self.places = find_places(f, objects)
        self.sources: list[Source] = []
        self.fresh: dict[int, Tensor] = {}  # Tensors made for those among the arguments, by number
        self.known: dict[int, Tensor] = {}
        self.changing: list[Place] = []
        self.restore: list[tuple[Place, Any]] = []

    def record(self) -> Step:
        """Trace the function, and put everything back."""
        contents = [(holder, _contents(holder)) for holder, _ in self.places.containers]
        walked = {id(holder) for holder, _ in contents}
        variables = [(place, place.get()) for place in self.places.others if id(place.holder) not in walked]
        try:
            self._put_symbols()
            swapped = [_contents(holder) for holder, _ in contents]
            tensors = [(t._value, t._grad) for t in self.places.tensors]
            given = iter([self._given(i, label, leaf) for i, (label, leaf) in enumerate(self.leaves)])
            args, kwargs = pytree.map_leaves(lambda _: next(given), (self.args, self.kwargs), pytree.registered())
            tracing = Trace()
            result = tracing.run(self.f, *args, **kwargs)
            outputs: list[Any] = []
            structure = _outputs_of(result, outputs)
            writes = [*self._writes(swapped, tensors, outputs)]
            done = {place.identity for place, _ in self.restore}
            for place, old in variables:  # of modules and closures
                if place.identity not in done and (new := place.get()) is not old:
                    writes.append(Write(self._written(place, old, new, outputs), place=place))
            if self.changing:
                raise Changing(self.changing)
            if tracing.last_draw is not None:  # which the generator is left after
                outputs.append(tracing.last_draw)
        finally:
            for place, value in reversed(self.restore):
                place.set(value)
            for place, value in variables:
                if place.get() is not value:
                    place.set(value)
            for holder, content in contents:
                _refill(holder, content)
        program = Program([source.node for source in self.sources], tracing.nodes, outputs, tracing.guards)
        captured = {p for t in tracing.tensors for p in t._parents if p is not None and p._tracked and not p._parents}
        captured -= {*self.places.tensors, *self.fresh.values()}
        return Step(program, self.sources, structure, writes, self.places, captured, self.fresh, self.known)

    # ---- before

    def _given(self, i: int, label: str, leaf: Any) -> Any:
        """The argument for the trace: a Symbol, or a Tensor over one, for leaf number `i`."""
        if type(leaf) is Tensor:
            if any(leaf is tensor for tensor in self.places.tensors):
                self.known[i] = leaf
                return leaf
            self.fresh[i] = tensor_of(self._input(leaf._value, leaf.name or label, argument=i), leaf)
            return self.fresh[i]
        if isinstance(leaf, (np.ndarray, np.number, float)):
            return self._input(leaf, label, argument=i)
        return self._generator(leaf, label, argument=i) if is_generator(leaf) else leaf

    def _generator(self, generator: Any, label: str, **origin: Any) -> Any:
        symbolic, node = symbolic_generator(generator, label)
        self.sources.append(Source(node, **origin))
        return symbolic

    def _input(self, value: Any, name: str, **origin: Any) -> Symbol:
        if type(value) is np.ndarray:
            value = value.copy() if value.flags.writeable else value
        node = Node(value, name=name)
        self.sources.append(Source(node, **origin))
        return Symbol(node=node)

    def _swap(self, place: Place, value: Any) -> None:
        self.restore.append((place, place.get()))
        place.set(value)

    def _put_symbols(self) -> None:
        for i, tensor in enumerate(self.places.tensors):
            name = tensor.name or f"t{i}"
            place = Place(tensor, "_value", name)
            gradient = tensor._grad
            if gradient is not None and type(gradient) is not np.ndarray:
                raise Unsuitable
            if gradient is None and self.grads and tensor._tracked:
                gradient = np.zeros_like(tensor._value)
            self._swap(place, self._input(tensor._value, name, place=place))
            place = Place(tensor, "_grad", f"{name}_grad")
            self._swap(place, None if gradient is None else self._input(gradient, place.label, place=place))
        for place in self.places.arrays:
            self._swap(place, self._parts(place, place.get(), ()))
        for place in self.places.generators:
            self._swap(place, self._generator(place.get(), place.label, place=place))
        for place in self._numbers():
            if place.identity in self.dynamic:
                self._swap(place, self._input(place.get(), place.label, place=place))

    def _numbers(self) -> Iterator[Place]:
        """The places of numbers, those in lists included."""
        yield from (place for place in self.places.others if isinstance(place.get(), (int, float)))
        for holder, label in self.places.containers:
            if isinstance(holder, list):
                for i, value in enumerate(holder):
                    if isinstance(value, (int, float)):
                        yield Place(holder, i, f"{label}[{i}]")

    def _parts(self, place: Place, value: Any, path: tuple[int, ...]) -> Any:
        """Symbols for an array, and for the arrays in a tuple."""
        if type(value) is np.ndarray:
            return self._input(value, place.label, place=place, path=path)
        if not isinstance(value, tuple):
            return value
        parts = [self._parts(place, part, (*path, i)) for i, part in enumerate(value)]
        return type(value)(*parts) if hasattr(value, "_fields") else type(value)(parts)

    # ---- after

    def _writes(self, swapped: list[Any], tensors: list[tuple[Any, Any]], outputs: list[Any]) -> Iterator[Write]:
        """All changes that the function made."""
        for tensor, before in zip(self.places.tensors, tensors, strict=True):
            for slot, old in zip(("_value", "_grad"), before, strict=True):
                new = getattr(tensor, slot)
                if new is not old:
                    yield Write(_outputs_of(new, outputs), place=Place(tensor, slot, tensor.name or "a parameter"))
        for i, tensor in self.fresh.items():
            source = next(source for source in self.sources if source.argument == i)
            for slot, old in (("_value", source.node), ("_grad", None)):
                new = getattr(tensor, slot)
                if new is not None and getattr(new, "_node", new) is not old:
                    yield Write(_outputs_of(new, outputs), argument=i, slot=slot)
        seen = set()
        for (holder, label), old in zip(self.places.containers, swapped, strict=True):
            yield from self._changes(holder, label, old, outputs)
            seen.add(id(holder))
        for place, _ in self.restore:
            if id(place.holder) not in seen and type(place.holder) is not Tensor:
                own = [source for source in self.sources if source.place is place and not source.path]
                new = place.get()
                if own and not is_generator(own[0].node.value) and getattr(new, "_node", new) is not own[0].node:
                    yield Write(self._written(place, own[0].node, new, outputs), place=place)

    def _changes(self, holder: Any, label: str, old: Any, outputs: list[Any]) -> Iterator[Write]:
        if len(holder) != len(old) and isinstance(holder, list):
            raise TraceError(f"{label} gets longer or shorter: return what the compiled function computes instead.")
        if isinstance(holder, dict) and not holder.keys() >= old.keys():
            raise TraceError(f"{label} loses elements in the compiled function: do that outside of it.")
        for key, new in [*(holder.items() if isinstance(holder, dict) else enumerate(holder))]:
            before = old[key] if isinstance(holder, list) else old.get(key, MISSING)
            if new is not before:
                place = Place(holder, key, f"{label}[{key!r}]")
                yield Write(self._written(place, before, new, outputs), place=place)

    def _written(self, place: Place, old: Any, new: Any, outputs: list[Any]) -> Any:
        """The tree of Outputs of a `new` value of a place."""
        count = len(outputs)
        tree = _outputs_of(new, outputs)
        if len(outputs) == count and isinstance(new, (int, float)) and isinstance(old, (int, float, Node, Symbol)):
            self.changing.append(place)
        if len(outputs) == count and isinstance(new, (np.ndarray, Tensor)):
            raise TraceError(f"{place.label} is set to an array that does not depend on the arguments: do it outside.")
        return tree


def _outputs_of(value: Any, outputs: list[Any]) -> Any:
    return pytree.map_leaves(lambda leaf: output_of(leaf, outputs), value, pytree.registered())


def _contents(holder: Any) -> Any:
    return list(holder) if isinstance(holder, list) else dict(holder)


def _refill(holder: Any, content: Any) -> None:
    if isinstance(holder, list):
        holder[:] = content
    elif any(holder.get(key, MISSING) is not value for key, value in content.items()) or len(holder) != len(content):
        for key in [key for key in holder if key not in content]:
            del holder[key]
        holder.update(content)


# ---- arguments


def labelled_arguments(
    f: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]
) -> Iterator[tuple[str, Any]]:
    """The leaves of the arguments with names: Modules and other objects, None included, are leaves."""
    for name, arg in zip(parameter_names(f, len(args)), args, strict=True):
        yield from pytree.labelled_leaves(arg, name, pytree.registered())
    for name, arg in kwargs.items():
        yield from pytree.labelled_leaves(arg, name, pytree.registered())


def is_object(leaf: Any) -> bool:
    """Return whether a leaf is neither an array nor a number, but an object to walk."""
    return not isinstance(leaf, (*Number, np.ndarray, Tensor)) and not is_generator(leaf)


# ---- the same program twice


def _check_same(first: Program, second: Program) -> None:
    """Raise TypeError if the two traces of a function differ."""
    if len(first.nodes) != len(second.nodes):
        raise TraceError("the compiled function computes something else each time: " + _ADVICE)
    numbers: dict[Node, int] = {}
    others: dict[Node, int] = {}
    for i, (a, b) in enumerate(zip([*first.inputs, *first.nodes], [*second.inputs, *second.nodes], strict=True)):
        numbers[a], others[b] = i, i
        if a.function != b.function or not _alike((a.args, a.kwargs), (b.args, b.kwargs), numbers, others):
            raise TraceError(
                f"{name_of(a.function)} gets other constants each time the compiled function runs: {_ADVICE}, "
                f"in\n  {a.line}"
            )


_ADVICE = (
    "random numbers need rng=np.random.default_rng(seed) as an argument of it; pass what else changes as an argument"
)


def _alike(a: Any, b: Any, numbers: dict[Node, int], others: dict[Node, int]) -> bool:
    stack = [(a, b)]
    while stack:
        a, b = stack.pop()
        if type(a) is not type(b):
            return False
        if type(a) is Node:
            if numbers[a] != others[b]:
                return False
        elif isinstance(a, np.ndarray):
            if a.dtype != b.dtype or a.shape != b.shape or a.tobytes() != b.tobytes():
                return False
        elif isinstance(a, (list, tuple)):
            if len(a) != len(b):
                return False
            stack += zip(a, b, strict=True)
        elif isinstance(a, dict):
            if a.keys() != b.keys():
                return False
            stack += [(a[key], b[key]) for key in a]
        elif isinstance(a, slice):
            stack += [(a.start, b.start), (a.stop, b.stop), (a.step, b.step)]
        elif isinstance(a, (int, float, complex, np.generic)) and a != b and not (a != a and b != b):
            return False
    return True
