"""`record_step`: trace a function with all that it reads and writes besides its arguments.

Symbols stand in the places that `places` finds while the function runs; all is as before afterwards. A function is
traced twice: constants that differ come from random numbers or a state that was not found, and would be wrong later.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Any, NamedTuple

import numpy as np

from .. import pytree
from ..core.tensor import Tensor
from .places import MISSING, Number, Place, Places, find_places, is_generator
from .program import Node, Program, TraceError
from .randomness import symbolic_generator
from .repeats import ADVICE, check_same, random_states
from .signatures import Unsuitable
from .symbols import Symbol
from .trace import Trace, output_of, parameter_names, tensor_of, turns


class Source(NamedTuple):
    """The origin of the input `node`: a `slot` of argument number `argument`, or a `place`, or a part of its tuple."""

    node: Node
    argument: int = -1
    place: Place | None = None
    path: tuple[int, ...] = ()
    slot: str = "_value"  # of an argument that is a Tensor


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
    fresh: dict[int, Tensor]  # arguments that are Tensors, each once, by number, as they were for the trace
    known: dict[int, Tensor]  # arguments that are Tensors of `places`
    reads_gradients: bool = False

    @property
    def constants(self) -> list[Any]:
        """The parts of its result and of its writes that are not traced."""
        outputs = pytree.leaves((self.result, [write.value for write in self.writes]))
        return [output.constant for output in outputs]


class Changing(Exception):
    """The numbers in some `places` change while the function runs, so they are inputs."""

    def __init__(self, places: list[Place]):
        super().__init__(", ".join(place.label for place in places))
        self.places = places


def record_step(
    f: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any], dynamic: set[tuple[int, Any]]
) -> Step:
    """Trace `f(*args, **kwargs)` with all numbers in the `dynamic` places as inputs, and add others that change.

    Every tracked Tensor has a gradient as input, unless `f` reads gradients, so that it matters which there are.

    Raises TraceError for what a program can't hold.
    """
    with suppress(Exception):  # which the second attempt raises
        return _record_twice(f, args, kwargs, dynamic, True, False)
    return _record_twice(f, args, kwargs, dynamic, None, None)._replace(reads_gradients=True)


def _record_twice(
    f: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any], dynamic: set[Any], *grads: bool | None
) -> Step:
    while True:
        try:
            with turns:
                before = random_states()
                first, second = (_Session(f, args, kwargs, dynamic, each).record() for each in grads)
                if not before <= random_states():
                    raise TraceError(f"the compiled function draws random numbers: {ADVICE}.")
        except Changing as changing:
            found = {place.identity for place in changing.places}
            if found <= dynamic:
                raise TraceError(
                    f"{changing.places[0].label} is set to a number that is not computed from its old value: compute "
                    f"it outside of the compiled function."
                ) from None
            dynamic |= found
            continue
        if outside := first.captured & second.captured:
            raise TraceError(
                f"{outside.pop()._label()} is used by the compiled function, but is neither an argument nor reached "
                f"from its variables: pass it as an argument."
            )
        check_same(first.program, second.program, first.constants, second.constants)
        return first


class _Session:
    """One trace. Either all tracked Tensors have gradients, or none has, or, if `grads` is None, those that do."""

    def __init__(
        self,
        f: Callable[..., Any],
        args: tuple[Any, ...],
        kwargs: dict[str, Any],
        dynamic: set[Any],
        grads: bool | None,
    ):
        self.f, self.args, self.kwargs, self.dynamic, self.grads = f, args, kwargs, dynamic, grads
        self.leaves = [*labelled_arguments(f, args, kwargs)]
        objects = {label: leaf for label, leaf in self.leaves if is_object(leaf)}
        self.places = find_places(f, objects)
        for tree, _ in _containers((args, kwargs)):
            self.places.walk(type(tree), type(tree).__name__)  # its methods
        if self.places.frozen:
            raise TraceError(
                f"{self.places.frozen[0]} holds an array that can't be traced there: pass it as an argument."
            )
        self.sources: list[Source] = []
        self.first: dict[Tensor, int] = {}  # the number of each Tensor among the arguments, where it is first
        self.fresh: dict[int, Tensor] = {}  # Tensors made for them, by that number
        self.gradients: dict[int, Symbol] = {}
        self.known: dict[int, Tensor] = {}
        self.restore: list[tuple[Place, Any]] = []
        self.changing: list[Place] = []

    def record(self) -> Step:
        """Trace the function, and put everything back."""
        contents = [(holder, _contents(holder)) for holder, _ in self.places.containers]
        kept = {id(holder) for holder, _ in contents}
        variables = {
            place.identity: place
            for place in (*self.places.arrays, *self.places.others, *self.places.unset)
            if id(place.holder) not in kept and type(place.holder) is not Tensor
        }
        originals = [(place, place.get()) for place in variables.values()]
        try:
            self._put_symbols()
            current = [(place, place.get()) for place in variables.values()]
            swapped = [_contents(holder) for holder, _ in contents]
            tensors = [(t._value, t._grad) for t in self.places.tensors]
            given = iter([self._given(i, label, leaf) for i, (label, leaf) in enumerate(self.leaves)])
            args, kwargs = pytree.map_leaves(lambda _: next(given), (self.args, self.kwargs), pytree.registered())
            containers = [*_containers((args, kwargs))]
            tracing = Trace()
            result = tracing.run(self.f, *args, **kwargs)
            _check_unchanged(containers)
            outputs: list[Any] = []
            structure = self._outputs_of(result, outputs)
            writes = [*self._writes(swapped, tensors, current, outputs)]
            if self.changing:
                raise Changing(self.changing)
            if tracing.last_draw is not None:  # which the generator is left after
                outputs.append(tracing.last_draw)
        finally:
            try:
                self._put_back(originals, contents)
            except BaseException:  # Ctrl-C
                self._put_back(originals, contents)
                raise
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
            first = self.first.setdefault(leaf, i)
            if first != i:
                return self.fresh[first]
            self.fresh[i] = tensor_of(self._input(leaf._value, leaf.name or label, argument=i), leaf)
            if leaf._grad is not None:
                gradient = self._input(leaf._grad, f"{leaf.name or label}_grad", argument=i, slot="_grad")
                self.gradients[i] = gradient
                self.fresh[i]._grad = gradient  # type: ignore[assignment]
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
            has_gradient = gradient is not None if self.grads is None else self.grads
            if gradient is None and tensor._tracked:
                gradient = np.zeros_like(tensor._value)
            self._swap(place, self._input(tensor._value, name, place=place))
            place = Place(tensor, "_grad", f"{name}_grad")
            symbol = None if gradient is None else self._input(gradient, place.label, place=place)
            self._swap(place, symbol if has_gradient else None)
        for place in self.places.arrays:
            self._swap(place, self._parts(place, place.get(), ()))
        for place in self.places.generators:
            self._swap(place, self._generator(place.get(), place.label, place=place))
        for place in self._numbers():
            if place.identity in self.dynamic:
                self._swap(place, self._input(place.get(), place.label, place=place))

    def _numbers(self) -> Iterator[Place]:
        """The places of numbers, those in lists included."""
        for place in self.places.others:
            if isinstance(place.get(), (int, float, np.number)) and not isinstance(place.holder, list):
                yield place
        for holder, label in self.places.containers:
            if isinstance(holder, list):
                for i, value in enumerate(holder):
                    if isinstance(value, (int, float, np.number)):
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

    def _put_back(self, originals: list[tuple[Place, Any]], contents: list[tuple[Any, Any]]) -> None:
        """Undo all writes, those of Symbols too; it may be called again where it was interrupted."""
        for holder, content in contents:
            _refill(holder, content)
        for place, value in (*originals, *reversed(self.restore)):
            if place.get() is not value:
                place.set(value)

    def _writes(
        self, swapped: list[Any], tensors: list[Any], variables: list[tuple[Place, Any]], outputs: list[Any]
    ) -> Iterator[Write]:
        """All changes that the function made."""
        for tensor, before in zip(self.places.tensors, tensors, strict=True):
            for slot, old in zip(("_value", "_grad"), before, strict=True):
                new = getattr(tensor, slot)
                if new is not old:
                    yield Write(self._outputs_of(new, outputs), place=Place(tensor, slot, tensor.name or "a parameter"))
        for i, tensor in self.fresh.items():
            source = next(source for source in self.sources if source.argument == i)
            gradient = self.gradients.get(i)
            for slot, old in (("_value", source.node), ("_grad", gradient._node if gradient is not None else None)):
                new = getattr(tensor, slot)
                if getattr(new, "_node", new) is not old:
                    yield Write(self._outputs_of(new, outputs), argument=i, slot=slot)
        for (holder, label), old in zip(self.places.containers, swapped, strict=True):
            yield from self._changes(holder, label, old, outputs)
        for place, old in variables:
            if (new := place.get()) is not old:
                yield Write(self._written(place, old, new, outputs), place=place)

    def _outputs_of(self, value: Any, outputs: list[Any]) -> Any:
        """The tree of Outputs of a result or of what is written to a place. Raises TraceError for hidden arrays."""

        def output(leaf: Any) -> Any:
            if type(leaf) is not Symbol and is_object(leaf) and self.places.leads_to_symbols(leaf):
                raise TraceError(
                    f"the compiled function makes a {type(leaf).__name__} of traced arrays, which would hold those of "
                    f"the first call: return arrays, or lists, tuples, dicts and dataclasses of them."
                )
            return output_of(leaf, outputs)

        return pytree.map_leaves(output, value, pytree.registered())

    def _changes(self, holder: Any, label: str, old: Any, outputs: list[Any]) -> Iterator[Write]:
        if len(holder) != len(old) and not isinstance(holder, dict):
            raise TraceError(f"{label} gets longer or shorter: return what the compiled function computes instead.")
        if isinstance(holder, dict) and not holder.keys() >= old.keys():
            raise TraceError(f"{label} loses elements in the compiled function: do that outside of it.")
        if isinstance(holder, set):
            if holder != old:
                raise TraceError(f"{label} changes: return what the compiled function computes instead.")
            return
        for key, new in [*(holder.items() if isinstance(holder, dict) else enumerate(holder))]:
            before = old.get(key, MISSING) if isinstance(holder, dict) else old[key]
            if new is not before:
                place = Place(holder, key, f"{label}[{key!r}]")
                yield Write(self._written(place, before, new, outputs), place=place)

    def _written(self, place: Place, old: Any, new: Any, outputs: list[Any]) -> Any:
        """The tree of Outputs of a `new` value of a place."""
        count = len(outputs)
        tree = self._outputs_of(new, outputs)
        if len(outputs) == count and isinstance(new, (int, float)) and isinstance(old, (int, float, Node, Symbol)):
            self.changing.append(place)
        if len(outputs) == count and isinstance(new, (np.ndarray, Tensor)):
            raise TraceError(f"{place.label} is set to an array that does not depend on the arguments: do it outside.")
        return tree


def _contents(holder: Any) -> Any:
    return dict(holder) if isinstance(holder, dict) else set(holder) if isinstance(holder, set) else list(holder)


def _refill(holder: Any, content: Any) -> None:
    if isinstance(holder, list):
        holder[:] = content
    elif not isinstance(holder, dict):  # a deque or a set
        holder.clear()
        (holder.update if isinstance(holder, set) else holder.extend)(content)
    elif any(holder.get(key, MISSING) is not value for key, value in content.items()) or len(holder) != len(content):
        for key in [key for key in holder if key not in content]:
            del holder[key]
        for key, value in content.items():  # a Counter would add them up
            holder[key] = value


# ---- arguments


def labelled_arguments(
    f: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]
) -> Iterator[tuple[str, Any]]:
    """The leaves of the arguments with names: Modules and other objects, None included, are leaves."""
    for name, arg in zip(parameter_names(f, len(args)), args, strict=True):
        yield from pytree.labelled_leaves(arg, name, pytree.registered())
    for name, arg in kwargs.items():
        yield from pytree.labelled_leaves(arg, name, pytree.registered())


def _containers(tree: Any) -> Iterator[tuple[Any, dict[Any, Any]]]:
    """The lists, dicts and dataclasses in a tree, with their parts."""
    parts = None if isinstance(tree, pytree.registered()) else pytree.children(tree)
    if parts is not None:
        yield tree, dict(parts)
        for part in parts.values():
            yield from _containers(part)


def _check_unchanged(containers: list[tuple[Any, dict[Any, Any]]]) -> None:
    """Raise TraceError if the function has changed an argument: it got a copy."""
    for container, before in containers:
        parts = pytree.children(container) or {}
        if parts.keys() != before.keys() or any(part is not before[key] for key, part in parts.items()):
            raise TraceError(
                f"the compiled function changes its argument, a {type(container).__name__}: return a new one."
            )


def is_object(leaf: Any) -> bool:
    """Return whether a leaf is neither an array nor a number, but an object to walk."""
    return not isinstance(leaf, (*Number, np.ndarray, Tensor)) and not is_generator(leaf)
