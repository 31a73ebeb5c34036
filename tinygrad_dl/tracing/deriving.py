"""Derivative rules of a formula as programs: its forward and backward pass, traced together and simplified."""

from __future__ import annotations

import functools
import os
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from .. import _functions
from ..core import primitives, registry
from ..core.backprop import backward_between, topological_order
from ..core.modes import no_grad, with_recording
from ..core.registry import name_of
from ..core.tensor import Tensor, untracked
from . import algebra, identities
from .constants import with_constants
from .dead_code import without_dead_code
from .printing import ATOM, IN_NUMPY, SIGN, _Printer
from .program import Mismatch, Node, Program, rewrite
from .spelling import is_small_product
from .subexpressions import with_common_once
from .symbols import Length, Symbol
from .trace import Trace, output_of


def rule_of(
    formula: Callable[..., Any],
    names: Sequence[str],
    ans: Any,
    primals: Sequence[Any],
    kwargs: Any,
    recorded: bool,
    wanted: Sequence[bool],
    kinds: tuple[str, ...] = (algebra.EXACT,),
    kept: Callable[..., Any] | None = None,
) -> Program:
    """The program of the derivative rule of `formula`, whose outputs are the cotangents of the `wanted` primals.

    Parameters
    ----------
    formula
        A function of arrays.
    names
        The names of the inputs of the program: those of the cotangent `g`, of the answer, and of the primals.
    ans, primals, kwargs
        The answer and the arguments of a call; Python's numbers and other settings are constants of the program.
    recorded
        True for a rule that records a graph, which differs where a first derivative has a kink.
    wanted
        For each of the primals whether it is wanted, which only a float can be.
    kinds
        The kinds of identities to apply to the formula.
    kept
        A function of the primals that computes values that the forward pass has kept, further inputs of the program.

    Raises
    ------
    TypeError
        If the formula can't be traced, or its answer does not depend on a float; if a rule that is recorded would have
        gradients where the formula has none, as in blocks of `no_grad`.
    """
    nodes = [
        Node(_plain(x), name=name) for x, name in zip((np.ones_like(_plain(ans)), ans, *primals), names, strict=True)
    ]
    arrays = [i for i, x in enumerate(primals) if hasattr(x, "dtype")]
    targets = [i for i, is_wanted in enumerate(wanted) if is_wanted]
    given = [
        Symbol(node=node) if i in arrays else x for i, (node, x) in enumerate(zip(nodes[2:], primals, strict=True))
    ]
    inputs = [nodes[2 + i] for i in arrays]
    forward, tracing = Trace(), Trace()
    forward.is_for_rules = True
    forward.names_lengths = tracing.names_lengths = type(ans) is Symbol
    outputs: list[Any] = []
    answer = with_recording(True, lambda: forward.run(formula, *given, **kwargs))
    if output_of(answer, outputs).index < 0:
        raise TypeError("the answer does not depend on an argument.")
    if recorded and forward.cuts:
        raise TypeError("a rule holds the values of what has no gradient, without the cut.")
    for node in forward.cuts:
        node.function = no_grad()(node.function)  # type: ignore[arg-type]
    program = Program(inputs, forward.nodes, outputs, forward.guards)
    program = without_dead_code(algebra.simplified(program, kinds, identities.OF_FORMULAS))

    def backward() -> tuple[Any, list[Any]]:
        leaves = {i: untracked(Symbol(node=nodes[2 + i])) for i in arrays}
        for i in targets:
            leaves[i]._tracked = True
        y = program.evaluate(*leaves.values())[0]
        g: Any = Symbol(node=nodes[0])
        if recorded:
            g = untracked(g)
            g._tracked = True
        return y, backward_between({y: g}, [leaves[i] for i in targets], topological_order(y), recorded)

    y, cotangents = tracing.run(with_recording, True, backward)
    parts = [part._node for part in tracing.run(kept, *given, **kwargs)] if kept else []
    outputs = []
    for cotangent in cotangents:
        if output_of(cotangent, outputs).index < 0:
            raise TypeError("the cotangent is not traced.")
    whole = Program(nodes, tracing.nodes, [*outputs, *parts], tracing.guards)
    whole = _with_inputs(without_dead_code(whole), {y._value._node: nodes[1]})
    whole = with_common_once(with_constants(without_dead_code(whole)))
    for table in (identities.OF_RULES, identities.AFTERWARDS):
        whole = with_common_once(without_dead_code(algebra.simplified(whole, rules=table)))
    parts = whole.outputs[len(outputs) :]
    inputs = [Node(part.value, name=f"kept{k}") for k, part in enumerate(parts)]
    whole = _with_inputs(whole, dict(zip(parts, inputs, strict=True)))
    return without_dead_code(Program(whole.inputs, whole.nodes, whole.outputs[: len(outputs)], whole.guards))


def _plain(x: Any) -> Any:
    """The values of a Tensor or a Symbol; ones in place of what has other values for each sample."""
    if type(x) is Tensor:
        x = x._value
    if type(x) is Symbol:
        x = x._value
    if isinstance(x, np.ndarray):
        return x.view(np.ndarray)
    return x if isinstance(x, (np.ndarray, np.generic)) or not hasattr(x, "dtype") else np.ones(x.shape, x.dtype)


def _with_inputs(program: Program, inputs: dict[Node, Node]) -> Program:
    """Take `inputs` in place of the Nodes that compute their values once more, the last ones first.

    Those that are compared with other computed numbers stay: a maximum equals its operand only if it is computed from
    it, and the program computes operands with other roundings than the forward pass.
    """
    inputs = {node: given for node, given in inputs.items() if not _is_compared(program, node)}
    added = [node for node in inputs.values() if node not in program.inputs]
    program = Program([*program.inputs, *added], program.nodes, program.outputs, program.guards)
    for computed in [node for node in reversed(program.nodes) if node in inputs]:
        program = rewrite(program, functools.partial(_replaced, computed, inputs[computed]))
    return program


def _is_compared(program: Program, node: Node) -> bool:
    """Return whether a step, such as a comparison or an order, depends on `node` and on other computed floats."""
    from_it, from_others = {node}, set[Node]()
    for each in [each for each in program.nodes if each is not node]:
        by_it, by_others = not from_it.isdisjoint(each.parts), not from_others.isdisjoint(each.parts)
        is_step = each.function in registry.constants or np.dtype(each.dtype).kind in "biu"
        if by_it and by_others and is_step:
            return True
        if by_it:
            from_it.add(each)
        if by_others or not (by_it or is_step or not each.parts):
            from_others.add(each)
    return False


def _replaced(computed: Node, given: Node, node: Node, new: Callable[..., Any]) -> Node:
    return given if node is computed else node


def compiled(program: Program, name: str, wanted: Sequence[bool], on_arrays: bool = False) -> Callable[..., Any]:
    """Compile a rule to a Python function in NumPy's syntax, of all inputs of the `program`.

    It returns a tuple with a cotangent for each argument that is `wanted`, and None for the others.

    With `on_arrays` it is for arrays only, and faster. It raises Mismatch where a guard does not hold.
    """
    emitter = _Emitter(program, on_arrays)
    place = os.path.join(os.path.dirname(__file__), f"<rule of {name}>")  # a line of this package, not the user's
    exec(compile(emitter.source(program, wanted), place, "exec"), emitter.namespace)
    rule: Callable[..., Any] = emitter.namespace["rule"]
    return rule


class _Emitter(_Printer):
    """Prints a program as a function; `namespace` holds what has no text: constants, and functions but NumPy's."""

    def __init__(self, program: Program, on_arrays: bool):
        self.namespace: dict[str, Any] = {"np": np}
        self._on_arrays, self.for_readers = on_arrays, not on_arrays
        uses = program.uses()
        super().__init__({}, [*program.inputs, *program.nodes], {node for node in program.nodes if uses[node] > 1})

    def source(self, program: Program, wanted: Sequence[bool]) -> str:
        """The code of the function `rule`, which returns the outputs at the places of the `wanted` arguments."""
        lines = [f"{name} = {text}" for name, text in self.bindings]
        for guard in program.guards:
            test, expected = self.held(guard.test), self.held(guard.value)
            lines.append(f"if {test}({self.text(guard.node)}) != {expected}: raise {self.held(Mismatch)}")
        parameters = ", ".join(self.texts[node][0] for node in program.inputs)
        outputs = map(self.text, program.outputs)
        parts = "".join([f"{next(outputs) if is_wanted else None}, " for is_wanted in wanted])
        return "\n    ".join([f"def rule({parameters}):", *lines, f"return ({parts})"])

    def call(self, function: Any, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> tuple[str, int]:
        """The text of a call; a mask is no product here, for what is not finite."""
        if function is _functions.masked:
            return f"{self.name(function)}({', '.join(map(self.text, args))})", ATOM
        if self._on_arrays and not kwargs and is_small_product(function, args):
            return f"{self.text(args[0], ATOM)}.dot({self.text(args[1])})", ATOM
        return super().call(function, args, kwargs)

    def name(self, function: Any) -> str:
        """NumPy's name of a function, or one of the namespace, which is looked up faster."""
        if function in IN_NUMPY:
            return IN_NUMPY[function]
        if self._on_arrays:
            return self.held(primitives.on_arrays.get(function, function))
        name = name_of(function)
        found: Any = np
        for part in name.split(".")[1:]:
            found = getattr(found, part, None)
        return name if name.startswith("np.") and found is function else self.held(function)

    def constant(self, value: Any) -> tuple[str, int]:
        """The text of a Python number or setting, or of a length; a name for an array, whose dtype counts."""
        if type(value) is Length and value.of in self.texts:
            return f"{'-' * (value < 0)}{self.texts[value.of][0]}.shape[{value.axis}]", SIGN if value < 0 else ATOM
        if isinstance(value, (np.ndarray, np.generic, np.dtype)) or (callable(value) and not isinstance(value, Node)):
            return self.held(value), ATOM
        return super().constant(value)

    def held(self, value: Any) -> str:
        """The name of a value in the namespace."""
        name = next((name for name, known in self.namespace.items() if known is value), f"_{len(self.namespace)}")
        self.namespace[name] = value
        return name
