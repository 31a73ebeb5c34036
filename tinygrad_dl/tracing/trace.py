"""`trace`: run a function on Symbols, and collect all calls of NumPy in a Program.

Forward pass, derivative rules and updates are recorded alike. The trace names what it can: inputs by the parameters of
the function, results by the names of their Tensors, cotangents `dZ1` after the Tensor `Z1` that they belong to.
"""

from __future__ import annotations

import os
import threading
import weakref
from collections.abc import Callable, Iterable
from types import FrameType
from typing import Any, NamedTuple

import numpy as np

from .. import _frames, pytree
from .._signatures import signature
from ..core import primitives, registry
from ..core.modes import Observer, is_recording, observing
from ..core.registry import name_of
from ..core.tensor import Tensor, record, untracked
from ..guards.flags import switched
from .program import Guard, Node, Program, TraceError
from .symbols import Recorder, Symbol, is_of_package, is_transparent, recorder

turns = threading.RLock()  # traces and compiled functions of all threads take turns: they share buffers and places
if hasattr(os, "register_at_fork"):  # not on Windows; a forked process has no thread that would end its turn
    os.register_at_fork(before=turns.acquire, after_in_parent=turns.release, after_in_child=turns.release)


class Traced(NamedTuple):
    """A `program`, and the `result` of the traced function with an index of the program's outputs at each leaf."""

    program: Program
    result: Any

    def __call__(self, *values: Any) -> Any:
        """Evaluate the program on arrays; return the result in the structure of the traced function."""
        outputs = self.program.evaluate(*values)
        return pytree.map_leaves(lambda output: output.restored(outputs), self.result)


class Output:
    """Number `index` of the outputs of a program; or a `constant` if `index` is -1.

    `tensor` is the function that makes a Tensor of it, or None for an array.
    """

    __slots__ = ("constant", "index", "tensor")

    index: int
    tensor: Callable[[Any], Tensor] | None
    constant: Any

    def __init__(self, index: int, tensor: Callable[[Any], Tensor] | None = None, constant: Any = None):
        self.index, self.tensor, self.constant = index, tensor, constant

    def restored(self, outputs: list[Any]) -> Any:
        """The output as the function returned it."""
        if self.index < 0:
            return self.constant
        value = outputs[self.index]
        return self.tensor(np.asarray(value)) if self.tensor else value


def compiled_function() -> None:
    """Stand for the function of a Tensor whose graph a compiled function has not kept."""


registry.refuse(
    "is not kept by compiled functions: compute the whole loss and its gradients in one, or call the function itself",
    compiled_function,
)


def without_graph(values: Any) -> Tensor:
    """A Tensor of `values` that would be tracked if they were not compiled: its gradient is an error, not nothing."""
    return record(values, compiled_function, (), None, ()) if is_recording() else untracked(values)


class Trace(Recorder):
    """The calls recorded so far, and the conversions to numbers that the package itself made, as guards.

    Those through which no gradient flows, such as calls in blocks of `no_grad`, are noted besides, as `cuts`.
    """

    def __init__(self) -> None:
        self.nodes: list[Node] = []
        self.cuts: list[Node] = []
        self.guards: list[Guard] = []
        self.tensors: list[Tensor] = []  # recorded by the function

    def add(self, node: Node) -> None:
        """Append a call. Raises TraceError inside of the function's own `np.errstate`, which programs lack."""
        if np.geterr() != _SILENT:
            raise TraceError(f"np.errstate counts outside of compiled functions: enter it there, in\n  {node.line}")
        if self.is_for_rules and is_recording() is False:  # in a block of no_grad, it is an object that is false
            raise TraceError(
                "a backward pass does not record its operations, through which gradients flow all the same"
            )
        self.nodes.append(node)
        if not is_recording() or node.function is primitives.values:
            self.cuts.append(node)

    def convert(self, node: Node, kind: type, frame: FrameType) -> Any:
        """Return a value that the package takes, and guard it. Raises TraceError for the user's code."""
        if is_of_package(frame):
            test = _TESTS.get(kind, kind)
            self.guards.append(Guard(node, test, test(node.value), _frames.line_of(frame)))
            return np.array(node.value) if kind is np.ndarray else test(node.value)
        line = _frames.line_of(_frames.users_frame(frame))
        raise TraceError(f"{_CONVERSIONS[kind]}, in\n  {line}")

    def shaped_by_values(self, node: Node, frame: FrameType) -> None:
        """Guard the shape of an answer, which depends on values. Raises TraceError for the user's code."""
        if not is_of_package(frame):
            line = _frames.line_of(_frames.users_frame(frame))
            raise TraceError(
                f"the shape of the answer of {name_of(node.function)} depends on traced values, and programs have "
                f"fixed shapes: write np.where(mask, x, 0) for x[mask], in\n  {line}"
            )
        self.guards.append(Guard(node, _shapes, _shapes(node.value), _frames.line_of(frame)))

    def run(self, f: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        """Call `f`, record it, and give the Nodes the names of their Tensors."""
        self.tensors = (naming := _Naming()).tensors
        with turns:  # not a loop here: an interrupt at its jump would leave the lock held, in Python 3.13
            result = self._record(naming, f, args, kwargs)
        naming.name_nodes()
        return result

    def _record(self, naming: _Naming, f: Callable[..., Any], args: Any, kwargs: dict[str, Any]) -> Any:
        earlier = [*TraceError.raised]  # by a trace in which this one runs
        TraceError.raised.clear()
        bodies = {}
        try:
            for key, body in primitives.on_arrays.copy().items():  # a primitive may be freed meanwhile
                primitive = key() if isinstance(key, weakref.ref) else key  # which the tables hold weakly if a user's
                if primitive is not None and not is_transparent(primitive):
                    bodies[key] = body
                    primitives.on_arrays[key] = primitive  # it dispatches, so that Symbols record it
            with np.errstate(all="ignore"):  # the program warns, when it runs
                result = switched(recorder, self, observing.call, naming, f, *args, **kwargs)
            if TraceError.raised:
                raise TraceError.raised[0]
        finally:
            primitives.on_arrays.update(bodies)
            TraceError.raised[:] = earlier
        return result


_SILENT = dict.fromkeys(("divide", "over", "under", "invalid"), "ignore")


def _contents(answer: Any) -> Any:
    return np.shape(answer), np.asarray(answer).tobytes()


_TESTS: dict[type, Any] = {list: lambda answer: answer.tolist(), np.ndarray: _contents}


def _shapes(answer: Any) -> Any:
    return tuple(map(np.shape, answer)) if isinstance(answer, tuple) else np.shape(answer)


_CONVERSIONS = {
    bool: "a branch on a traced value: `if`, `while`, `and` and `assert` would hold for the traced call only. Write "
    "np.where(condition, x, y), or pass the condition as a static bool argument",
    int: "int(x) of a traced value would be a constant of the program: pass it as a static argument",
    float: "float(x) of a traced value would be a constant of the program: leave it out, or write x.item()",
    complex: "complex(x) of a traced value would be a constant of the program: leave it out",
    list: "x.tolist() of a traced value would be a constant of the program: return the array",
    np.ndarray: "a traced value can't become a plain array, which would be a constant of the program: leave out "
    "np.array and np.asarray, write functions of NumPy, and tg.primitive for functions of other libraries, which must "
    "get all arrays as arguments",
}


class _Naming(Observer):
    """Notes the Tensors recorded, and names their cotangents."""

    def __init__(self) -> None:
        self.tensors: list[Tensor] = []

    def recorded(self, node: Any) -> None:
        self.tensors.append(node)

    def rules(self, rules: Iterable[Callable[..., Any]], node: Any, g: Any) -> Iterable[Callable[..., Any]]:
        _name_cotangent(node, g)
        return rules

    def finished(self, cotangents: dict[Any, Any]) -> None:
        for tensor, g in cotangents.items():
            _name_cotangent(tensor, g)

    def name_nodes(self) -> None:
        """Give each Node the name of its Tensor."""
        for tensor in self.tensors:
            if tensor.name and type(tensor._value) is Symbol:
                node = tensor._value._node
                node.name = node.name or tensor.name


def _name_cotangent(tensor: Tensor, g: Any) -> None:
    g = g._value if type(g) is Tensor else g
    name = tensor.name or (tensor._value._node.name if type(tensor._value) is Symbol else "")
    if name and type(g) is Symbol and not g._node.name and g._node.function is not None:
        g._node.name = f"d{name}"


def trace(f: Callable[..., Any], *args: Any) -> Traced:
    """Call `f` on Symbols in place of the arrays among `args`; return the recorded program.

    Parameters
    ----------
    f
        A function of arrays, Tensors, Modules, and lists, tuples, dicts and dataclasses of them. It may compute
        gradients. Other arguments are constants of the program.
    *args
        Arguments, whose shapes and dtypes the program is for.

    Returns
    -------
    Traced
        The program, whose inputs are the arrays among `args` in the order of `pytree.leaves`, and the structure of the
        result of `f`.

    Raises
    ------
    TraceError
        If `f` branches on a traced value, or converts one to a plain number or array; the message gives the line.

    Examples
    --------
    >>> import numpy as np
    >>> traced = trace(lambda x, y: (np.sum(x * y), y), np.ones(3), np.arange(3.0))
    >>> traced.program
    Program of 2 inputs, 2 calls, 2 outputs
    >>> traced(np.full(3, 2.0), np.ones(3))
    (np.float64(6.0), array([1., 1., 1.]))
    """
    inputs: list[Node] = []

    def symbolic(label: str, leaf: Any) -> Any:
        if not isinstance(leaf, (Tensor, np.ndarray, np.generic)):
            return leaf
        value = leaf._value if type(leaf) is Tensor else np.array(leaf)[()]
        node = Node(value, name=(leaf.name if type(leaf) is Tensor else "") or label)
        inputs.append(node)
        return tensor_of(Symbol(node=node), leaf) if type(leaf) is Tensor else Symbol(node=node)

    given = [
        pytree.unflatten(arg, [symbolic(*leaf) for leaf in pytree.labelled_leaves(arg, label)])
        for label, arg in zip(parameter_names(f, len(args)), args, strict=True)
    ]
    tracing = Trace()
    result = tracing.run(f, *given)
    outputs: list[Any] = []
    structure = pytree.map_leaves(lambda leaf: output_of(leaf, outputs), result)
    return Traced(Program(inputs, tracing.nodes, outputs, tracing.guards), structure)


def tensor_of(value: Symbol, like: Tensor) -> Tensor:
    """A leaf over a Symbol, tracked and named as `like` is."""
    leaf = untracked(value, like.name)
    leaf._tracked = like._tracked
    return leaf


def output_of(leaf: Any, outputs: list[Any]) -> Output:
    """Append the Node of a result to `outputs`, if it is traced."""
    value = leaf._value if type(leaf) is Tensor else leaf
    if type(value) is not Symbol:
        return Output(-1, constant=leaf)
    outputs.append(value._node)
    kind = (without_graph if leaf._tracked else untracked) if type(leaf) is Tensor else None
    return Output(len(outputs) - 1, kind)


def parameter_names(f: Callable[..., Any], count: int) -> list[str]:
    """The names of the first `count` positional parameters of `f`; x0, x1, ... for those without a name."""
    try:
        parameters = list(signature(f).parameters.values())
    except (TypeError, ValueError):
        parameters = []
    names = [p.name for p in parameters if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)][:count]
    return names + [f"x{i}" for i in range(len(names), count)]
