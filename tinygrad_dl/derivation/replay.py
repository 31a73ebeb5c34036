"""`replay`: the recorded forward pass of a loss, and its backward pass, as one program of NumPy calls."""

from __future__ import annotations

import keyword
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from ..core import primitives
from ..core.backprop import backward_between, topological_order
from ..core.modes import Observer, observing
from ..core.registry import name_of
from ..core.tensor import Tensor, apply, untracked
from ..functional.deferred import gradient
from ..guards import cuts
from ..tracing import literals
from ..tracing.kinds import INDEXED
from ..tracing.program import Node, Program, nodes_in
from ..tracing.symbols import Length, Symbol
from ..tracing.trace import Trace, parameter_names, tensor_of

_UNNAMED = ("X", "Y", "C")  # the names of arrays without a name, in the order of their first use
_CUT = ("C", "mask")  # of constants that were computed from Tensors, numbers or conditions
_ARITHMETIC = (np.add, np.subtract, np.multiply, np.divide, np.matmul)
_RESERVED = {*keyword.kwlist, "np", "sigmoid", "softmax"}  # names that mean something else in the lines


class Origin(NamedTuple):
    """A part of a cotangent: the `operation` whose rule computed it, and the name of its answer, `through`."""

    operation: str
    through: str


class Replay(NamedTuple):
    """A `program` of the forward and backward pass of a loss.

    Its outputs are the loss and the cotangents of the Tensors with the names `targets`. `seed` is the input for the
    derivative of the loss with respect to itself, 1; `m` the input for the number of samples, the columns of the input
    `data`, or None; `floats` are the inputs that were integers; `origins` has those of each named cotangent.
    """

    program: Program
    data: Node | None
    m: Node | None
    seed: Node
    floats: list[Node]
    origins: dict[str, list[Origin]]
    targets: list[str | None]


def replay(loss: Tensor, targets: Sequence[Tensor], names: Mapping[int, str] | None = None) -> Replay:
    """Repeat on Symbols the calls that recorded `loss`, and go backward to the `targets`.

    Parameters and plain arrays without a name have the `names` by their `id`, or x, and X, Y and C.
    """
    inner: dict[Tensor, list[Any]] = {}
    order = _with_inner_gradients(topological_order(loss), inner)
    inputs = _Inputs(order, names or {})
    found: dict[Tensor, Any] = {leaf: inputs.leaf(leaf) for leaf in order if leaf._function is None}
    seed = Node(np.ones_like(loss._value), name="1")
    wanted = set(targets) - {loss}

    def run() -> list[Any]:
        for node in order:
            if node._function is None:
                continue
            if node in inner:
                results = [found.get(x, x) for x in inner[node]]
                found[node] = results[0] if len(results) == 1 else results
            else:
                one = seed if node._order < loss._order else None  # recorded later: a part of an inner gradient
                args = tuple([_argument(node, i, found, inputs, one) for i in range(len(node._args))])
                is_part = node._function is primitives.output
                found[node] = args[0][args[1]] if is_part else apply(node._function, args, node._kwargs)
            if type(found[node]) is Tensor:
                found[node].name = node.name or (inputs.distinct(None, "x") if node in wanted else None)
        end, start = found[loss], Symbol(node=seed)
        return backward_between({end: start}, [found[x] for x in targets], topological_order(end), create_graph=False)

    trace, origins = Trace(), _Origins()
    trace.names_lengths = True
    cotangents = trace.run(lambda: observing.call(origins, run))
    for tensor in found.values():
        if type(tensor) is Tensor and tensor.name and type(tensor._value) is Symbol:
            tensor._value._node.name = tensor.name
    for node in trace.nodes:
        kwargs = {key: inputs.printable(value, True) for key, value in node.kwargs.items()}
        _set_arguments(node, inputs.printable(node.args, True), kwargs)
    gradients = [g._node if type(g) is Symbol else inputs.printable(g, True) for g in cotangents]
    outputs = [found[loss]._value._node, *gradients]
    program = Program([*inputs.constants, *inputs.leaves, seed], trace.nodes, outputs)
    names_of_targets = [found[x].name for x in targets]
    return Replay(*_with_samples(program, inputs), seed, inputs.floats(), origins.by_name(), names_of_targets)


def _with_inner_gradients(order: Iterable[Tensor], inner: dict[Tensor, list[Any]]) -> list[Tensor]:
    """The `order` with the graphs of gradients that are one node of it, such as those of `tg.grad`; their results."""
    expanded: dict[Tensor, None] = {}
    for node in order:
        if node._function is gradient:
            assert node._kwargs is not None
            inner[node] = node._kwargs["pullback"].with_graph()
            results = [x for x in inner[node] if type(x) is Tensor]
            expanded |= dict.fromkeys(_with_inner_gradients(topological_order(*results), inner))
        expanded[node] = None
    return list(expanded)


def _argument(node: Tensor, i: int, found: dict[Tensor, Tensor], inputs: _Inputs, one: Node | None) -> Any:
    """Argument `i` of the call that recorded `node`, with Symbols for arrays; `one` starts an inner gradient."""
    value, parent = node._args[i], node._parents[i] if i < len(node._parents) else None
    if parent in found:
        return found[parent]
    if i and node._function in INDEXED:
        inputs.printable(value)  # long arrays get their names in the order of their first use
    elif isinstance(value, np.ndarray) and value.ndim:
        if one is not None:
            return untracked(inputs.cotangent(value, one))
        assert node._function is not None  # an operation
        role = parameter_names(node._function, len(node._args))[i]
        is_number = node._function in _ARITHMETIC
        return untracked(inputs.constant(value, parent.name if parent is not None else None, False, role, is_number))
    return value


class _Inputs:
    """The inputs of the program, each with a name of its own."""

    def __init__(self, order: Sequence[Tensor], names: Mapping[int, str]):
        self.leaves: list[Node] = []
        self.constants: list[Node] = []
        self.data: list[Node] = []  # of the constants, those that were given as plain arrays
        self._floats: dict[int, np.ndarray] = {}  # in place of integers, by their `id`
        self._given = names
        self._users = {x.name for node in order for x in (node, *node._parents) if x is not None} | {*names.values()}
        self._names = {*_RESERVED, *(node.name for node in order if node.name and node._function is not None)}
        self._unnamed = iter(_UNNAMED)

    def leaf(self, tensor: Tensor) -> Tensor:
        node = Node(tensor._value, name=self.distinct(tensor.name or self._given.get(id(tensor)), "x"))
        self.leaves.append(node)
        leaf = tensor_of(Symbol(node=node), tensor)
        leaf.name = node.name  # that of its gradient, too
        return leaf

    def constant(
        self, value: np.ndarray, name: str | None, is_inner: bool = False, role: str = "", is_number: bool = False
    ) -> Symbol:
        """A Symbol for an array, the same one for the same numbers, unless they have a name of their own.

        If `is_number`, integers that could overflow, such as labels in uint8, are floats, as they are beside Tensors.
        """
        # A condition such as Z > 10 has lost its formula.
        is_cut = not name and (is_inner or cuts.of(value) is not None)
        given = name or self._given.get(id(value))
        if is_number and value.dtype.kind in "iu" and value.dtype != np.int64:
            value = self._floats.setdefault(id(value), value.astype(np.float64))
        for node in self.constants:
            is_equal = not name and node.dtype == value.dtype and np.array_equal(node.value, value)
            if node.value is value or is_equal:
                return Symbol(node=node)
            if not given and not is_cut and _is_rest(value, node.value):
                return 1 - Symbol(node=node)
        other = "" if given else _CUT[value.dtype == bool] if is_cut else self._letter(role)
        node = Node(value, name=self.distinct(given, other))
        self.constants.append(node)
        self.data += [node] if not name and not is_cut else []
        return Symbol(node=node)

    def floats(self) -> list[Node]:
        """The constants that were integers."""
        return [node for node in self.constants if any(node.value is x for x in self._floats.values())]

    def cotangent(self, value: np.ndarray, one: Node) -> Any:
        """A Symbol for an array in an inner gradient: the numbers that it starts from, or the transpose of an input."""
        if value.size and np.all(value == value.flat[0]):
            number = Symbol(node=one) * value.flat[0].item()
            return np.broadcast_to(np.reshape(number, ()) if one.shape else number, value.shape)
        transposed = next((node for node in self.constants if np.array_equal(node.value.T, value)), None)
        return self.constant(value, None, True) if transposed is None else np.transpose(Symbol(node=transposed))

    def _letter(self, role: str) -> str:
        """Y for labels, as the parameter of a loss is called; for others the next letter that is not the user's."""
        free = (letter for letter in self._unnamed if letter not in self._names | self._users)
        return role if role == "Y" else next(free, _UNNAMED[-1])

    def printable(self, arg: Any, is_inner: bool = False) -> Any:
        """An argument with inputs in place of arrays that are too long to print; `is_inner` for those of rules."""
        if type(arg) in (tuple, list):
            return type(arg)([self.printable(part, is_inner) for part in arg])
        is_long = isinstance(arg, np.ndarray) and arg.ndim and literals.array(arg) is None
        return self.constant(arg, None, is_inner)._node if is_long else arg

    def distinct(self, given: str | None, other: str) -> str:
        """The user's name as an identifier, or else another, with an underscore or more if it is taken."""
        name = identifier(given or other)
        while name in self._names or (not given and name in self._users):
            name += "_"
        self._names.add(name)
        return name


def _is_rest(x: Any, y: Any) -> bool:
    """Return whether `x` is 1 - y, as labels in a cost, and the two differ in more than a number."""
    return x.shape == y.shape and x.dtype.kind in "iuf" and bool(np.ptp(x)) and np.array_equal(x, 1 - y)


def identifier(name: str) -> str:
    """The name with underscores for what Python does not allow in one.

    >>> identifier("cell.W"), identifier("2x")
    ('cell_W', '_2x')
    """
    name = "".join(letter if f"_{letter}".isidentifier() else "_" for letter in name)
    return name if name.isidentifier() else f"_{name}"


class _Origins(Observer):
    """Notes the origins of cotangents, and names cotangents after their Tensors."""

    def __init__(self) -> None:
        self.found: dict[Tensor, list[Origin]] = {}

    def by_name(self) -> dict[str, list[Origin]]:
        return {f"d{tensor.name}": origins for tensor, origins in self.found.items() if tensor.name}

    def rules(self, rules: Iterable[Any], node: Any, g: Any) -> Iterable[Any]:
        self._name(node, g)
        origin = Origin(name_of(node._function), node.name or "")
        for parent in node._parents:
            if parent is not None and parent._tracked:
                self.found.setdefault(parent, []).append(origin)
        return rules

    def finished(self, cotangents: dict[Any, Any]) -> None:
        for tensor, g in cotangents.items():
            self._name(tensor, g)

    def _name(self, tensor: Tensor, g: Any) -> None:
        if tensor.name and type(g) is Symbol and not g._node.name and g._node.function is not None:
            g._node.name = f"d{tensor.name}"


def _set_arguments(node: Node, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> None:
    node.args, node.kwargs, node.parts = args, kwargs, tuple(nodes_in([*args, *kwargs.values()]))


def _with_samples(program: Program, inputs: _Inputs) -> tuple[Program, Node | None, Node | None]:
    """The program with the number of samples, the columns of the first matrix that is data, as an input m; both."""
    samples = (node for node in program.inputs if node.name in _UNNAMED[:2] or any(node is x for x in inputs.data))
    data = next((node for node in samples if len(node.shape) == 2), None)
    if data is None:
        return program, None, None
    size = data.shape[1]
    m = Node(size, name=inputs.distinct(None, "m"))
    minus_m = Node(-size, np.negative, (m,))

    def length(node: Node, arg: Any) -> Any:
        if type(arg) is Length:
            is_m = abs(arg) == size and arg.axis == len(arg.of.shape) - 1
        else:  # a length that was a plain number when the loss was computed
            is_m = type(arg) is int and arg == size and node.function is np.divide
        return (m if arg > 0 else minus_m) if is_m else arg

    for node in program.nodes:
        _set_arguments(node, tuple([length(node, arg) for arg in node.args]), node.kwargs)
    return Program([*program.inputs, m], [minus_m, *program.nodes], program.outputs), data, m
