"""The code of a compiled program: a flat Python function that calls NumPy with `out=` buffers."""

from __future__ import annotations

import itertools
import operator
import re
import types
from collections.abc import Callable
from typing import Any

import numpy as np

from ..core import primitives
from .biases import above_ones
from .blocks import Entry, Place, Pool, pack, unpack
from .definitions import statement_of
from .invariants import invariant_nodes
from .kinds import has_fixed_shape
from .memory import Memory, Slot, can_write, is_reduction
from .program import Guard, Mismatch, Node, Program, nodes_in
from .spelling import as_array, by_position, dtype_of_numbers, is_small_product
from .sums import stacked
from .symbols import item
from .workers import Workers

_INFIX = {
    operator.add: "+",
    operator.sub: "-",
    operator.mul: "*",
    operator.truediv: "/",
    operator.pow: "**",
    operator.mod: "%",
    operator.floordiv: "//",
}
_OF_SCALARS: dict[Any, str] = {  # faster than the ufuncs
    **{np.add: "+", np.subtract: "-", np.multiply: "*", np.divide: "/"},
    **{np.less: "<", np.less_equal: "<=", np.greater: ">", np.greater_equal: ">=", np.not_equal: "!=", np.equal: "=="},
}
_SYMBOLS: dict[Any, str] = {**_INFIX, **_OF_SCALARS}
_FUNCTIONS = (types.FunctionType, types.BuiltinFunctionType)  # equal for the same method of the same object
_BY_KEYWORD = {np.maximum, np.minimum}  # a third positional argument of these warns in NumPy 2.4
_VIEWS = {np.transpose, np.swapaxes, np.reshape, primitives.getitem, np.expand_dims, np.squeeze, np.broadcast_to}


class Code:
    """The lines that compute a program, and the names in them.

    Attributes
    ----------
    lines : list of str
        Statements.
    namespace : dict
        The functions, buffers and constants in them.
    texts : dict
        The expression for each Node.
    """

    memory: Memory
    texts: dict[Node, str]

    def __init__(self, program: Program, texts: dict[Node, str], constant_inputs: list[Node]):
        """Emit `program`; `texts` are the names of its inputs, of which some hold the same arrays for many runs."""
        self.program = program
        invariant = invariant_nodes(program, constant_inputs)
        escaping = [output for output in program.outputs if type(output) is Node]
        self._targets = _targets_in_blocks(program, invariant)  # a call -> the pack that it writes its answer into
        self._inside = _written_inside(program, invariant, self._targets)  # a call -> where its answer goes
        self.memory = Memory(program, escaping, invariant, {**self._targets, **self._inside})
        self.lines: list[str] = []
        self.namespace: dict[str, Any] = {}
        self.texts = dict(texts)
        self._names: dict[Any, str] = {}  # of the values in the namespace: functions, others by identity
        self._used = {*texts.values()}
        self._buffers = [_aligned(size) for size in self.memory.sizes]
        self._arrays: dict[Node, np.ndarray] = {}  # in buffers, which are at the same place in each run
        self._in_slots: dict[Slot, np.ndarray] = {}
        self._numbers: dict[tuple[str, np.dtype], np.ndarray] = {}
        self._places: dict[Node, list[Place]] = {}  # of the views of blocks
        self._parts: dict[Node, list[Node]] = {}  # a block -> what is unpacked from it
        for node in program.nodes:
            if node.function is unpack:
                self._parts.setdefault(node.args[0], []).append(node)
        for block, parts in [*self._parts.items()]:
            parts.sort(key=lambda part: part.args[1])
            if block.function is not pack and sum(part.size for part in parts) < block.size:  # some are not needed
                del self._parts[block]
        self._views_of_packed: dict[tuple[Place, ...], list[Place]] = {}  # the same for all blocks of these places
        for node in program.nodes:
            if node.function is pack:
                views = [Place(*part.args[1:]) for part in self._parts.get(node, ())]
                self._views_of_packed.setdefault(node.args[0], []).extend(views)
        self._definitions: dict[str, str] = {}
        self._count = itertools.count(1)
        guards: dict[Node, list[Guard]] = {}
        for guard in program.guards:
            guards.setdefault(guard.node, []).append(guard)
        self._owners: dict[int, Entry] = {}
        self._pools: dict[Node, Pool] = {}
        self._blocks: dict[Node, list[str]] = {}  # the names of the views of blocks
        first = [node for node in program.nodes if node in invariant]
        if first:
            self._emit_once(first, constant_inputs, guards)
        for node in program.inputs:
            self._check(guards.get(node, []))
        for block in dict.fromkeys(self._targets.values()):
            self._take(block, "acquire()")
        for node in program.nodes:
            if node not in invariant:
                self._emit(node)
                self._check(guards.get(node, []))

    # ---- statements

    def _emit_once(self, nodes: list[Node], inputs: list[Node], guards: dict[Node, list[Guard]]) -> None:
        """Statements that run only if the arrays of `inputs` are others than at the last run."""
        used = {part for node in nodes for part in node.parts}
        pairs = [(self.texts[node], self.name(None, f"last_{self.texts[node]}")) for node in inputs if node in used]
        for node in nodes:
            self._emit(node)
            self._check(guards.get(node, []))
        kept = [self.texts[node] for node in nodes if node not in self._arrays and self.texts[node].isidentifier()]
        now, last = (", ".join(names) for names in zip(*pairs, strict=True))
        self.lines = [
            f"global {', '.join([last, *kept])}",
            f"if {' or '.join(f'{text} is not {name}' for text, name in pairs)}:",
            f"    {' = '.join(name for _, name in pairs)} = None",  # until all is computed: it may raise an error
            *(f"    {line}" for line in self.lines),
            f"    {last} = {now}",
        ]

    def _emit(self, node: Node) -> None:
        function: Any = primitives.on_arrays.get(node.function, node.function)  # type: ignore[arg-type]
        slot = self.memory.slots.get(node)
        note = f"  # {node.name}" if node.name else ""
        if node.function is pack:
            self._pack(node)
        elif node.function is unpack and node.args[0] in self._blocks:
            block = node.args[0]
            self.texts[node] = self._blocks[block][self._places[block].index(Place(*node.args[1:]))]
        elif node in self._targets:
            block = self._targets[node]
            out = self._blocks[block][block.args[1:].index(node)]
            self.texts[node] = out
            self.lines.append(f"{self._call(function, node, self._out(function, node, out))}{note}")
        elif node in self._inside:
            self.texts[node] = out = self._rows_of(*self._inside[node])
            self._arrays[node] = self.namespace[out]
            self.lines.append(f"{self._call(function, node, self._out(function, node, out))}{note}")
        elif node.function is stacked:
            for i, term in enumerate(node.args):
                if self._inside.get(term) != (node, i):
                    self.lines.append(f"{self._rows_of(node, i)}[...] = {self.text(term)}")
        elif node in self._arrays:  # above ones
            pass
        elif slot is None and node in self._parts and can_write(node):
            out = self._take(node, "acquire()")
            self.lines.append(self._call(function, node, self._out(function, node, out)))
        elif slot is not None:
            if slot not in self._in_slots:  # one array for all calls, which NumPy need not check for overlap
                array = self._buffers[slot.number][: slot.nbytes].view(slot.dtype).reshape(slot.shape)
                self._in_slots[slot] = array
            definition = f"buffer{slot.number}[:{slot.nbytes}].view({slot.dtype.str!r}).reshape({slot.shape})"
            text = self._place(node, self._in_slots[slot], f"_{slot.number}", definition)
            self.lines.append(f"{self._call(function, node, self._out(function, node, text))}{note}")
        elif node.function in _VIEWS and (base := self._view(node)) is not None:
            self._place(node, base, f"{self.text(node.args[0])}v", self._call(function, node))
        elif function is np.transpose and len(node.args) == 1:
            self.texts[node] = f"{self.text(node.args[0])}.T"
        else:
            if function is item:
                expression = f"{self.text(node.args[0])}.item()"
            elif function in _INFIX or (function in _OF_SCALARS and isinstance(node.value, np.generic)):
                expression = f"{self.text(node.args[0])} {_SYMBOLS[function]} {self.text(node.args[1])}"
            else:
                expression = self._call(function, node)
            self.texts[node] = name = f"v{next(self._count)}"
            self.lines.append(f"{name} = {expression}{note}")
            if isinstance(node.value, np.ndarray) and not has_fixed_shape(node.function):
                mismatch = self.name(Mismatch, "Mismatch")
                self.lines.append(
                    f"if {name}.shape != {self.text(tuple(node.shape))}: raise {mismatch}('another shape')"
                )

    def _out(self, function: Any, node: Node, text: str) -> str:
        by_keyword = is_reduction(function) or node.kwargs or function in _BY_KEYWORD
        return f"out={text}" if by_keyword else text

    def _take(self, block: Node, call: str) -> str:
        """Statements that get a block from its pool, and name it and its views: the arrays in it, and those of it."""
        unpacked = tuple(Place(*part.args[1:]) for part in self._parts.get(block, ()))
        packed = block.args[0] if block.function is pack else unpacked
        places = [*dict.fromkeys([*packed, *self._views_of_packed.get(packed, ())])]
        pool = self._pools.setdefault(block, Pool(places, block.dtype, self._owners))
        name = f"B{next(self._count)}"
        views = [f"{name}_{i}" for i in range(len(places))]
        self.lines.append(f"{name}, ({', '.join(views)},), _ = {self.name(pool, 'pool')}.{call}")
        self._used.update([name, *views])
        self.texts[block], self._blocks[block], self._places[block] = name, views, places
        return name

    def _pack(self, node: Node) -> None:
        """Statements that bring arrays into a block: most are there already."""
        if node not in self._blocks:
            self._take(node, f"locate({self.text(node.args[1:])})")
            return
        for part, view in zip(node.args[1:], self._blocks[node], strict=False):
            if self._targets.get(part) is not node:
                self.lines.append(f"{view}[...] = {self.text(part)}")

    def _call(self, function: Any, node: Node, out: str = "") -> str:
        name = self.name(function, _name(function))
        reduction = by_position(node, out.removeprefix("out="))
        if reduction:
            array, axis, dtype, keepdims = map(self.text, (*reduction[:3], reduction[4]))
            return f"{name}({array}, {axis}, {dtype}, {reduction[3] or None}, {keepdims})"
        if not node.kwargs and is_small_product(function, node.args) and not self._skips_columns(node):
            return f"{self.text(node.args[0])}.dot({', '.join([self.text(node.args[1]), *filter(None, [out])])})"
        common = dtype_of_numbers(node)
        parts = [self._number(arg, common) if common else self.text(arg) for arg in node.args]
        parts += [f"{key}={self.text(value)}" for key, value in node.kwargs.items()]
        return f"{name}({', '.join([*parts, *filter(None, [out])])})"

    def _skips_columns(self, node: Node) -> bool:
        """Return whether a call writes its answer beside a column in a block, which the method `dot` can't do."""
        block = self._targets.get(node)
        return block is not None and block.args[0][block.args[1:].index(node)].stride > 0

    def _number(self, arg: Any, dtype: np.dtype) -> str:
        """The expression for an argument beside arrays of a `dtype`: a number as an array, which NumPy takes faster."""
        value = as_array(arg, dtype)
        if value is None:
            return self.text(arg)
        known = self._numbers.setdefault((repr(arg), dtype), value)
        return self.name(known, "n" + re.sub(r"\W", "_", repr(arg)))

    def _place(self, node: Node, array: np.ndarray, name: str, definition: str) -> str:
        self._arrays[node] = array
        self.texts[node] = name = self.name(array, name)
        self._definitions[name] = definition
        return name

    def _rows_of(self, whole: Node, row: int | None) -> str:
        """The name of a row of an array that several calls fill; without a number, of all rows above the ones."""
        name, make = ("_ones", "np.ones") if row is None else ("_stack", "np.empty")
        if whole not in self._arrays:
            array = np.ones(whole.shape, whole.dtype)
            self._place(whole, array, name, f"{make}({whole.shape}, {whole.dtype.str!r})")
        index, text = (slice(-1), ":-1") if row is None else (row, str(row))
        part = self.name(self._arrays[whole][index], f"{self.texts[whole]}_{'above' if row is None else row}")
        self._definitions[part] = f"{self.texts[whole]}[{text}]"
        return part

    def _view(self, node: Node) -> np.ndarray | None:
        """The view that a call gives of an array in a buffer, made once; None for other calls."""
        first, *rest = node.args
        if type(first) is not Node or first not in self._arrays or any(True for _ in nodes_in((rest, node.kwargs))):
            return None
        base = self._arrays[first]
        function: Any = primitives.on_arrays.get(node.function, node.function)  # type: ignore[arg-type]
        view = function(base, *rest, **node.kwargs)
        return view if isinstance(view, np.ndarray) and np.shares_memory(view, base) else None

    def _check(self, guards: list[Guard]) -> None:
        for guard in guards:
            text = self.text(guard.node)
            if guard.test is bool:
                condition = text if not guard.value else f"not {text}"
            else:
                condition = f"{self.name(guard.test, 'test')}({text}) != {self.text(guard.value)}"
            line = guard.line.rpartition("/")[2]
            error = guard.error or Mismatch
            self.lines.append(f"if {condition}: raise {self.name(error, error.__name__)}({line!r})")

    def header(self) -> list[str]:
        """Statements that define the names in `lines`, for readers: buffers, functions and constants."""
        words = set(re.findall(r"\w+", "\n".join(self.lines)))
        definitions = []
        for name, value in reversed(self.namespace.items()):
            if name in words:
                given = self._definitions.get(name)
                definitions.append(f"{name} = {given}" if given else statement_of(name, value))
                words.update(re.findall(r"\w+", definitions[-1]))
        lines = ["import math", "import operator", "", "import numpy as np", "from tinygrad_dl import primitives"]
        if self._pools:
            lines.append("from tinygrad_dl.tracing.blocks import Pool")
        if any(type(value) is Workers for value in self.namespace.values()):
            lines.append("from tinygrad_dl.tracing.workers import Workers")
        lines.append("")
        lines += [f"buffer{i} = np.empty({size}, np.uint8)" for i, size in enumerate(self.memory.sizes)]
        return lines + definitions[::-1]

    # ---- names

    def text(self, value: Any) -> str:
        """The expression for an argument."""
        kind = type(value)
        if kind is Node:
            return self.texts[value]
        if isinstance(value, int) and kind is not bool:
            return repr(int(value))
        if value is None or kind in (bool, str, bytes) or (kind is float and np.isfinite(value)):
            return repr(value)
        if kind in (tuple, list):
            parts = ", ".join(map(self.text, value))
            return f"[{parts}]" if kind is list else f"({parts}{',' * (len(value) == 1)})"
        if isinstance(value, tuple) and not hasattr(value, "_fields"):  # a shape
            return self.text(tuple(value))
        if kind is slice:
            return f"slice({self.text(value.start)}, {self.text(value.stop)}, {self.text(value.step)})"
        if kind is dict:
            return f"{{{', '.join(f'{key!r}: {self.text(part)}' for key, part in value.items())}}}"
        return self.name(value, "k")

    def name(self, value: Any, wish: str) -> str:
        """The name of a function or constant in the namespace."""
        key = value if isinstance(value, _FUNCTIONS) else id(value) if value is not None else wish
        known = self._names.get(key)
        if known is None:
            known = wish
            while known in self._used:
                known = f"{wish}_{next(self._count)}"
            self._used.add(known)
            self._names[key] = known
            self.namespace[known] = value
        return known


def _targets_in_blocks(program: Program, invariant: set[Node]) -> dict[Node, Node]:
    """For each call that can write its answer into a block that it is packed into: that block."""
    targets: dict[Node, Node] = {}
    for node in program.nodes:
        if node.function is pack and any(part.function is not None for part in node.args[1:]):
            for part in node.args[1:]:
                if can_write(part) and part not in invariant and part not in targets:
                    targets[part] = node
    return targets


def _written_inside(
    program: Program, invariant: set[Node], taken: dict[Node, Node]
) -> dict[Node, tuple[Node, int | None]]:
    """For each call that can write its answer into a larger array: that one, and the row in a stack."""
    kept = {*nodes_in(program.outputs), *invariant, *taken}
    found: dict[Node, tuple[Node, int | None]] = {}
    for whole in program.nodes:
        if whole.function in (above_ones, stacked) and whole not in kept:
            for i, node in enumerate(whole.args):
                if can_write(node) and node not in kept and node not in found:
                    found[node] = whole, None if whole.function is above_ones else i
    return found


def _name(function: Callable[..., Any]) -> str:
    owner = getattr(function, "__self__", None)
    name = getattr(function, "__name__", "function")
    name = f"{owner.__name__}_{name}" if isinstance(owner, np.ufunc) else name
    return name if name.isidentifier() else "function"


def _aligned(nbytes: int, to: int = 64) -> np.ndarray:
    """Bytes that begin where a cache line does."""
    raw = np.empty(nbytes + to, np.uint8)
    start = -raw.ctypes.data % to
    return raw[start : start + nbytes]
