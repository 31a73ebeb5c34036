"""Random numbers in a program: draws from a generator are calls of it, in the order in which they were traced."""

from __future__ import annotations

import copy
import functools
from typing import Any

from .program import Node, TraceError
from .symbols import Symbol, nodes_of, recorder, value_of

_CHANGING = {"shuffle", "spawn"}  # methods that are not traced


def draw(generator: Any, method: str, args: tuple[Any, ...], settings: dict[str, Any], after: Any) -> Any:
    """Random numbers of a `generator`; they come `after` those of another draw."""
    return getattr(generator, method)(*args, **settings)


@functools.cache
def _symbolic_class() -> type:
    from numpy.random import Generator  # which takes long to import

    class SymbolicGenerator(Generator):
        """A generator whose draws are recorded."""

        _node: Node

    for name in dir(Generator):
        if not name.startswith("_") and name != "bit_generator":
            setattr(SymbolicGenerator, name, _recorded(name))
    return SymbolicGenerator


def _recorded(name: str) -> Any:
    def method(self: Any, *args: Any, **settings: Any) -> Any:
        tracing = recorder.get()
        if name in _CHANGING or settings.get("out") is not None or tracing is None:
            raise TraceError(f"rng.{name} changes its argument or makes generators, and can't be traced: leave it out.")
        args, settings = nodes_of(args), nodes_of(settings)
        value = draw(self._node.value, name, value_of(args), value_of(settings), None)
        node = Node(value, draw, (self._node, name, args, settings, tracing.last_draw))
        tracing.add(node)
        tracing.last_draw = node
        return Symbol(node=node)

    return method


def symbolic_generator(generator: Any, name: str) -> tuple[Any, Node]:
    """A generator that records its draws from a copy of `generator`, and the Node that stands for it."""
    node = Node(copy.deepcopy(generator), name=name)
    node.dtype = type(generator)
    symbolic = _symbolic_class()(node.value.bit_generator)
    symbolic._node = node
    return symbolic, node
