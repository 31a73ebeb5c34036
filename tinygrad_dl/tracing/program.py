"""`Node`, one recorded call of NumPy, and `Program`, a flat list of them from inputs to outputs."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, ClassVar, NamedTuple

import numpy as np

from ..core import primitives
from ..core.registry import name_of


class Node:
    """A call `function(*args, **kwargs)`, or an input of the program if `function` is None.

    Nodes stand in `args` and `kwargs` where values of earlier calls do, also inside of lists, tuples, dicts and slices.

    Attributes
    ----------
    function, args, kwargs
        The call.
    parts
        The Nodes among the arguments, one per occurrence.
    value
        The answer when it was traced: an array, or a Python number. Passes need it; a compiled program drops it.
    name
        The user's name for the answer, such as "W1" or "dZ2"; empty if there is none.
    line
        The line of the user that made the call, for errors; empty if it is not known.
    """

    __slots__ = ("args", "dtype", "function", "kwargs", "line", "name", "parts", "shape", "value")

    function: Callable[..., Any] | None
    args: tuple[Any, ...]
    kwargs: Mapping[str, Any]
    value: Any
    shape: tuple[int, ...]
    dtype: Any
    name: str
    line: str
    parts: tuple[Node, ...]

    def __init__(
        self,
        value: Any,
        function: Callable[..., Any] | None = None,
        args: tuple[Any, ...] = (),
        kwargs: Mapping[str, Any] | None = None,
        name: str = "",
        line: str = "",
    ):
        self.function, self.args, self.kwargs, self.name, self.line = function, args, kwargs or {}, name, line
        self.value = value
        parts: list[Node] = []
        for arg in args if not kwargs else (*args, *kwargs.values()):
            if type(arg) is Node:
                parts.append(arg)
            elif isinstance(arg, (list, tuple, dict, slice)):
                parts += nodes_in(arg)
        self.parts = tuple(parts)
        self.shape = value.shape if isinstance(value, (np.ndarray, np.generic)) else ()
        self.dtype = getattr(value, "dtype", type(value))

    @property
    def size(self) -> int:
        """The number of elements."""
        return math.prod(self.shape)

    @property
    def is_number(self) -> bool:
        """True if the answer is a Python number: its dtype does not count beside an array."""
        return isinstance(self.dtype, type)

    def __repr__(self) -> str:
        made = f"{name_of(self.function)}(...)" if self.function else "input"
        return f"Node({self.name or '_'} = {made}, {getattr(self.dtype, 'name', self.dtype)} {self.shape})"


def nodes_in(arg: Any) -> Iterator[Node]:
    """The Nodes in an argument, one per occurrence."""
    if type(arg) is Node:
        yield arg
    elif isinstance(arg, slice):
        yield from nodes_in((arg.start, arg.stop, arg.step))
    elif isinstance(arg, (tuple, list, dict)):
        for part in arg.values() if isinstance(arg, dict) else arg:
            yield from nodes_in(part)


def shape_of(arg: Any) -> tuple[int, ...]:
    """The shape of a Node or an array; () for a number or a setting."""
    return arg.shape if isinstance(arg, (Node, np.ndarray, np.generic)) else ()


def replace_nodes(arg: Any, replacement: Callable[[Node], Any]) -> Any:
    """Rebuild an argument with `replacement(node)` in place of each Node."""
    if type(arg) is Node:
        return replacement(arg)
    if isinstance(arg, (tuple, list)) and any(True for _ in nodes_in(arg)):
        parts = [replace_nodes(part, replacement) for part in arg]
        return type(arg)(*parts) if hasattr(arg, "_fields") else type(arg)(parts)
    if type(arg) is dict:
        return {key: replace_nodes(part, replacement) for key, part in arg.items()}
    if type(arg) is slice:
        return slice(*(replace_nodes(part, replacement) for part in (arg.start, arg.stop, arg.step)))
    return arg


def call(function: Callable[..., Any], args: Sequence[Any], kwargs: Mapping[str, Any]) -> Any:
    """Call a function of NumPy, or the body of a primitive, on arrays."""
    return primitives.on_arrays.get(function, function)(*args, **kwargs)


def needed(outputs: Iterable[Any]) -> list[Node]:
    """The Nodes that `outputs` are computed from, themselves included: arguments first, without recursion."""
    order: dict[Node, None] = {}
    stack: list[tuple[Node, bool]] = [(node, False) for node in reversed([*nodes_in(list(outputs))])]
    while stack:
        node, is_complete = stack.pop()
        if is_complete:
            order[node] = None
        elif node not in order:
            stack.append((node, True))
            stack += [(part, False) for part in reversed([*node.parts]) if part not in order]
    return list(order)


class Guard(NamedTuple):
    """A value that the package took from the answer of a `node` at a `line`: `test(answer)`, a bool, number or shape.

    The program is the traced function where it is the same `value` again.
    """

    node: Node
    test: Callable[[Any], Any]
    value: Any
    line: str
    error: type[Exception] | None = None  # a Mismatch, if it is None

    def check(self, answer: Any) -> None:
        """Raise `Mismatch` if the program does not hold for this `answer`."""
        found = self.test(answer)
        if found != self.value:
            raise Mismatch(f"the program was traced for {self.value}, and finds {found}, at\n  {self.line}")


class TraceError(TypeError):
    """A function computes what a program can't hold."""

    raised: ClassVar[
        list[TraceError]
    ] = []  # since the trace began: the function may catch one, and take another branch

    def __init__(self, message: str):
        super().__init__(message)
        TraceError.raised.append(self)


class Mismatch(Exception):
    """A program does not hold for some inputs, for which the traced function takes another branch."""


class Stale(Mismatch):
    """Something that a compiled program takes as constant has changed, so that another trace is needed."""


class Program:
    """A flat list of calls, in an order in which they can run.

    Attributes
    ----------
    inputs : list of Node
        The inputs, in the order of the arguments of `evaluate`.
    nodes : list of Node
        The calls.
    outputs : list
        A Node for each output, or a constant.
    guards : list of Guard
        The conditions under which the program is the traced function.
    """

    inputs: list[Node]
    nodes: list[Node]
    outputs: list[Any]
    guards: list[Guard]

    def __init__(
        self, inputs: Sequence[Node], nodes: Iterable[Node], outputs: Sequence[Any], guards: Sequence[Guard] = ()
    ):
        self.inputs, self.outputs, self.guards = list(inputs), list(outputs), list(guards)
        self.nodes = [node for node in nodes if node.function is not None]

    def evaluate(self, *values: Any) -> list[Any]:
        """Run the calls on other arrays, of the shapes and dtypes that were traced; return the outputs.

        Raises Mismatch if a guard does not hold.
        """
        if len(values) != len(self.inputs):
            raise TypeError(f"expected {len(self.inputs)} inputs, got {len(values)}.")
        found: dict[Node, Any] = dict(zip(self.inputs, values, strict=True))
        guards: dict[Node, list[Guard]] = {}
        for guard in self.guards:
            guards.setdefault(guard.node, []).append(guard)
        for node in self.inputs:
            for guard in guards.get(node, ()):
                guard.check(found[node])
        for node in self.nodes:
            args = [replace_nodes(arg, found.__getitem__) for arg in node.args]
            kwargs = {key: replace_nodes(part, found.__getitem__) for key, part in node.kwargs.items()}
            found[node] = call(node.function, args, kwargs)  # type: ignore[arg-type]
            for guard in guards.get(node, ()):
                guard.check(found[node])
        return [replace_nodes(output, found.__getitem__) for output in self.outputs]

    def uses(self) -> dict[Node, int]:
        """The number of uses of each Node, by calls and as an output."""
        counts = dict.fromkeys([*self.inputs, *self.nodes], 0)
        for node in self.nodes:
            for part in node.parts:
                counts[part] += 1
        for part in nodes_in([*self.outputs, *(guard.node for guard in self.guards)]):
            counts[part] += 1
        return counts

    def __repr__(self) -> str:
        return f"Program of {len(self.inputs)} inputs, {len(self.nodes)} calls, {len(self.outputs)} outputs"


def rewrite(program: Program, visit: Callable[[Node, Callable[..., Any]], Any]) -> Program:
    """Rebuild `program` call by call, with `visit(node, new)` in place of each Node.

    The arguments of `node` are rebuilt already. `visit` returns it, another Node, or a constant; `new(function, *args,
    **kwargs)` adds a call. A Node that replaces another takes over its name.
    """
    found: dict[Node, Any] = {node: node for node in program.inputs}
    nodes: list[Node] = []

    def new(function: Callable[..., Any], *args: Any, **kwargs: Any) -> Node:
        def value(node: Node) -> Any:
            return node.value

        with np.errstate(all="ignore"):
            answer = call(function, replace_nodes(args, value), replace_nodes(kwargs, value))
        nodes.append(Node(answer, function, args, kwargs))
        return nodes[-1]

    for node in program.nodes:
        rebuilt = node
        if any([found[part] is not part for part in node.parts]):
            args, kwargs = (replace_nodes(part, found.__getitem__) for part in (node.args, node.kwargs))
            rebuilt = Node(node.value, node.function, args, kwargs, node.name, node.line)
        result = found[node] = visit(rebuilt, new)
        if result is rebuilt:
            nodes.append(result)
        elif type(result) is Node and node.name and result.function is not None:
            result.name = result.name or node.name
    outputs = replace_nodes(program.outputs, found.__getitem__)
    guards = [guard._replace(node=found[guard.node]) for guard in program.guards]
    return Program(program.inputs, nodes, outputs, [guard for guard in guards if type(guard.node) is Node])
