"""`Plan`: the compiled program of one signature, with its inputs read, its writes done and its result built in code."""

from __future__ import annotations

import functools
import keyword
import linecache
import operator
import weakref
from collections import deque
from collections.abc import Callable
from typing import Any

import numpy as np

from .. import pytree
from ..core.tensor import Tensor, untracked
from ..guards.numpy_warnings import NOWHERE
from .algebra import OF_SPEED, simplified
from .blocks import unpack
from .buffering import broadcasts_much, in_small_buffers
from .columns import with_columns
from .constants import with_constants
from .dead_code import without_dead_code
from .emitting import Code
from .invariants import invariant_nodes
from .masks import with_masks
from .places import Place, is_generator
from .program import Node, Program, Stale, shape_of
from .session import Source, Step, record_step
from .subexpressions import with_common_once
from .sums import with_long_sums
from .trace import Output, turns
from .updates import updated_together


def passes(program: Program) -> Program:
    """All passes of a compiled program."""
    program = simplified(with_common_once(without_dead_code(with_constants(program))))
    return without_dead_code(with_common_once(with_masks(program)))


def make_plan(
    f: Callable[..., Any],
    args: tuple[Any, ...],
    kwargs: dict[str, Any],
    dynamic: set[tuple[int, Any]],
    threads: int = 1,
) -> Plan:
    """Trace `f` and compile it for the signature of its arguments, and for a number of threads."""
    step = record_step(f, args, kwargs, dynamic)
    return Plan(step, passes(step.program), threads)


# Threads take turns, since they share the buffers.
_RUN = """def run(leaves):
    global is_running_
    with lock_:
        if is_running_: raise RuntimeError("a compiled function calls itself.")
        is_running_ = True
        try:
"""
_END = """        finally:
            is_running_ = False
"""


class Plan:
    """A compiled function of the leaves of the arguments.

    Attributes
    ----------
    program, traced : Program
        The program, and as it was traced.
    run : function
        The compiled function of the leaves. It raises Stale if it is not for this call, or an error of NumPy, before
        it has written anything.
    """

    program: Program
    traced: Program
    run: Callable[[list[Any]], Any]

    def __init__(self, step: Step, program: Program, threads: int):
        self.program, self.traced, self._step = program, step.program, step
        self._running = simplified(program, rules=OF_SPEED)
        constants = [source.node for source in step.sources if self._is_constant(source)]
        self._running = updated_together(step, self._running, {*constants, *invariant_nodes(self._running, constants)})
        self._broadcasts_much = broadcasts_much(self._running)
        if threads > 1:
            invariant = invariant_nodes(self._running, constants)
            self._running = with_columns(self._running, threads, invariant, self._data(), emitted)
        self._running = with_long_sums(self._running)
        self._constants = self._find_constants()
        self._generators = [(s.argument, s.place) for s in step.sources if is_generator(s.node.value)]
        self._states: list[tuple[Any, Any]] = []
        self._emit()
        for node in {*step.program.nodes, *program.nodes, *program.inputs, *self._running.nodes}:
            node.value = None  # which only passes need

    def _find_constants(self) -> list[tuple[Place, Any]]:
        """The places that the program takes as constant, without those of Tensors that it replaces unread."""
        inputs = {source.place.identity for source in self._step.sources if source.place and not source.path}
        uses = self._running.uses()
        read = {id(source.place.holder) for source in self._step.sources if source.place and uses[source.node]}
        written = {write.place.identity for write in self._step.writes if write.place is not None}
        constants = [(place, place.get()) for place in self._step.places.others if place.identity not in inputs]
        return [
            (place, value)
            for place, value in constants
            if place.identity not in written or type(value) is not Tensor or id(value) in read
        ]

    def _data(self) -> list[Node]:
        """The inputs that are neither parameters nor the state of an optimizer."""
        step = self._step
        written = {write.place.identity for write in step.writes if write.place is not None}
        tensors = [step.fresh.get(s.argument) if s.place is None else s.place.holder for s in step.sources]
        return [
            source.node
            for source, tensor in zip(step.sources, tensors, strict=True)
            if source.slot == "_value"
            and not (type(tensor) is Tensor and tensor._tracked)
            and not (source.place is not None and source.place.identity in written)
        ]

    def _draw(self, run: Callable[[list[Any]], Any], leaves: list[Any]) -> Any:
        """Run a program that draws random numbers; `undo` needs the states of its generators."""
        with turns:
            generators = [leaves[i] if place is None else place.get() for i, place in self._generators]
            self._states = [(g.bit_generator, g.bit_generator.state) for g in generators]
            return run(leaves)

    def undo(self) -> None:
        """Put generators back to where they were before a call that failed."""
        for generator, state in self._states:
            generator.state = state

    def promote(self, dynamic: set[tuple[int, Any]]) -> bool:
        """Add places of numbers that have changed to `dynamic`; return whether there are any."""
        changed = [
            place.identity
            for place, value in self._constants
            if (type(value) in (int, float) or isinstance(value, np.number))
            and type(place.get()) is type(value)
            and place.get() != value
        ]
        dynamic.update(changed)
        return bool(changed)

    # ---- code

    def _emit(self) -> None:
        step, program = self._step, self._running
        texts: dict[Node, str] = {}
        taken = {"leaves", "lock_", "is_running_", "writes_"}
        for each in (self.program, program):
            uses = each.uses()
            each.inputs = [node for node in each.inputs if uses[node]]
        for node in self.program.inputs:
            texts[node] = node.name = _identifier(node.name, taken)
        outputs = program.outputs
        code = Code(program, texts, [source.node for source in step.sources if self._is_constant(source)])
        used = {node for node, count in program.uses().items() if count}
        reads, checks = self._reads(code, used)
        copies: list[str] = []
        values = [self._handed_out(code, output, copies) for output in outputs]
        writes = self._writes(code, values, copies)
        result = _tree(code, step.result, self._results(code, values))
        body = [*checks, *reads, *code.lines, *copies, *writes, f"return {result}"]
        text = _RUN + "".join(f"            {line}\n" for line in body) + _END
        name = f"<compiled {id(self)}>"
        linecache.cache[name] = (len(text), None, text.splitlines(keepends=True), name)
        weakref.finalize(self, linecache.cache.pop, name, None)
        namespace = {**code.namespace, "__warningregistry__": NOWHERE, "__name__": __name__}
        namespace |= {"lock_": turns, "is_running_": False}
        exec(compile(text, name, "exec"), namespace)
        run = namespace["run"]
        run = in_small_buffers(run) if self._broadcasts_much else run
        self.run = functools.partial(self._draw, run) if self._generators else run
        parameters, results = ", ".join(texts.values()), ", ".join(values)
        self._body = [f"def step({parameters}):", *code.lines, *copies, f"return {results}"]
        self._code = code

    @property
    def source(self) -> str:
        """The code that runs, as a function of the inputs of the program, with definitions of its names."""
        return "\n".join([*self._code.header(), "", "", "\n    ".join(self._body), ""])

    def _is_constant(self, source: Source) -> bool:
        """Return whether an input is the array of a constant Tensor, which never changes."""
        if source.argument >= 0:
            tensor = self._step.fresh.get(source.argument) if source.slot == "_value" else None
        else:
            place = source.place
            assert place is not None
            tensor = place.holder if type(place.holder) is Tensor and place.key == "_value" else None
            if any(write.place is not None and write.place.holder is tensor for write in self._step.writes):
                return False
        return tensor is not None and not tensor._tracked and source.node in self._running.inputs

    def _reads(self, code: Code, used: set[Node]) -> tuple[list[str], list[str]]:
        """Statements that read the inputs, and those that check what the plan takes as constant."""
        stale = code.name(Stale, "Stale")
        reads, conditions = [], []
        written = {write.place.identity for write in self._step.writes if write.place is not None}
        for source in self._step.sources:
            node, place = source.node, source.place
            if place is None:
                if node in used:
                    slot = f".{source.slot}" if source.argument in self._step.fresh else ""
                    reads.append(f"{code.texts[node]} = leaves[{source.argument}]{slot}")
                continue
            text = _access(code, place) + "".join(f"[{i}]" for i in source.path)
            if node in used:
                reads.append(f"{code.texts[node]} = {text}")
                text = code.texts[node]
            elif type(place.holder) is Tensor or place.identity in written:
                continue  # else its shape or type may be read
            if not (type(place.holder) is Tensor and place.key == "_value"):
                if not isinstance(node.value, np.ndarray):
                    conditions_of = f"type({text}) is not {code.name(type(node.value), 'kind')}"
                else:
                    conditions_of = (
                        f"type({text}) is not {code.name(np.ndarray, 'ndarray')} or {text}.shape != "
                        f"{code.text(tuple(node.shape))} or {text}.dtype != {code.name(node.dtype, 'dtype')}"
                    )
                reads.append(f"if {conditions_of}: raise {stale}")
        for place, value in self._constants:
            conditions.append(f"{_access(code, place)} is not {code.name(value, 'k')}")
        for place in self._step.places.arrays:
            if isinstance(place.get(), tuple):
                layout = code.name(_layout, "layout")
                conditions.append(f"{layout}({_access(code, place)}) != {code.name(_layout(place.get()), 'k')}")
        for container in self._step.places.sized:
            holder = code.name(container, "h")
            if isinstance(container, set):
                conditions.append(f"{holder} != {code.name(frozenset(container), 'k')}")
            else:
                conditions.append(f"len({holder}) != {len(container)}")
        for tensor in self._step.places.tensors:
            holder = code.name(tensor, "t")
            conditions.append(f"{holder}._tracked is not {tensor._tracked}")
            if self._step.reads_gradients:
                conditions.append(f"({holder}._grad is None) is not {tensor._grad is None}")
        for i, tensor in self._step.known.items():
            conditions.append(f"leaves[{i}] is not {code.name(tensor, 't')}")
        if self._step.fresh and self._step.places.tensors:
            known = code.name(frozenset(self._step.places.tensors), "tensors")
            conditions += [f"leaves[{i}] in {known}" for i in self._step.fresh]
        return reads, [f"if {condition}: raise {stale}" for condition in dict.fromkeys(conditions)]

    def _handed_out(self, code: Code, output: Any, copies: list[str]) -> str:
        """The expression of an output: a new array, or a number."""
        if type(output) is not Node:
            text = code.text(output)
            return f"{text}.copy()" if isinstance(output, np.ndarray) else text
        text = code.text(output)
        if output.shape and code.memory.bases[output] != {output} and output.function is not unpack:
            name = f"{text.partition('.')[0]}_c{len(copies)}"
            copies.append(f"{name} = {text}.copy()")
            return name
        return text

    def _results(self, code: Code, values: list[str]) -> list[str]:
        """The expressions of the result: copies of arrays that become values of Tensors, which nobody may change."""
        outputs = self._running.outputs
        data = [write.value for write in self._step.writes if write.place is not None and write.place.key == "_value"]
        new = {id(outputs[output.index]) for output in data if type(output) is Output and output.index >= 0}
        values = [*values]
        for output in pytree.leaves(self._step.result):
            if type(output) is not Output or output.index < 0 or output.tensor:
                continue
            if id(outputs[output.index]) in new:
                values[output.index] = f"{code.name(np.array, 'array')}({values[output.index]})"
        return values

    def _is_input(self, output: Any) -> bool:
        is_traced = isinstance(output, Output) and output.index >= 0
        return is_traced and self._running.outputs[output.index] in self._running.inputs

    def _is_number(self, output: Any) -> bool:
        is_traced = isinstance(output, Output) and output.index >= 0
        return is_traced and not shape_of(self._running.outputs[output.index])

    def _is_array(self, output: Output) -> bool:
        node = self._running.outputs[output.index] if output.index >= 0 else None
        return type(node) is Node and bool(node.shape)

    def _writes(self, code: Code, values: list[str], copies: list[str]) -> list[str]:
        """Statements that write what the function writes, after all calls that could fail or be interrupted.

        Neither Ctrl-C nor another thread comes between them: both come at calls, and a single call of C sets Tensors.
        """
        places: list[str] = []
        values_there: list[str] = []
        setters: list[str] = []
        targets: list[str] = []
        new: list[str] = []
        seen: set[str] = set()
        for write in self._step.writes:
            text = _tree(code, write.value, values)
            slot = write.slot or (write.place.key if write.place and type(write.place.holder) is Tensor else "")
            shared = text in seen or (slot == "_value" and self._is_input(write.value))
            if isinstance(write.value, Output) and shared and self._is_array(write.value):
                text = f"{code.name(np.array, 'array')}({text})"
            elif slot and self._is_number(write.value):  # which NumPy computes from arrays of shape ()
                text = f"{code.name(np.asarray, 'asarray')}({text})"
            seen.add(text)
            if slot:
                setters.append(code.name(Tensor.__dict__[slot].__set__, f"set{slot}"))
                targets.append(
                    f"leaves[{write.argument}]" if write.place is None else code.name(write.place.holder, "t")
                )
                new.append(text)
            else:
                assert write.place is not None
                places.append(_access(code, write.place))
                values_there.append(text)
        lines = [f"{', '.join(places)}, = {', '.join(values_there)},"] if places else []
        if new:
            fixed = code.name(tuple(code.namespace[name] for name in setters), "setters")
            if any("leaves" in target for target in targets):
                given = f"({', '.join(targets)},)"
            else:
                given = code.name(tuple(code.namespace[name] for name in targets), "targets")
            run_all, call = code.name(map, "map"), code.name(operator.call, "call")
            lines.insert(0, f"writes_ = {run_all}({call}, {fixed}, {given}, ({', '.join(new)},))")
            lines.append(f"{code.name(_finish, 'finish')}(writes_)")
        return lines


def emitted(program: Program) -> Callable[..., tuple[Any, ...]]:
    """A part of a program as a function of its inputs; it has its text as `source`."""
    program, taken = with_long_sums(program), set[str]()
    texts = {node: _identifier(node.name, taken) for node in program.inputs}
    parameters = ", ".join(texts.values())
    code = Code(program, texts, [])
    returned = ", ".join(code.texts[node] for node in program.outputs)
    text = "\n    ".join([f"def columns({parameters}):", *code.lines, f"return {returned},"])
    namespace = {**code.namespace, "__warningregistry__": NOWHERE, "__name__": __name__}
    exec(text, namespace)
    namespace["columns"].source = "\n".join([*code.header(), "", text])
    for node in (*program.inputs, *program.nodes):
        node.value = None  # which only passes need
    result: Callable[..., tuple[Any, ...]] = namespace["columns"]
    return result


_finish = deque[Any](maxlen=0).extend  # goes through an iterator


def _layout(value: Any) -> Any:
    """The types and lengths of nested tuples."""
    return (type(value), *map(_layout, value)) if isinstance(value, tuple) else None


def _access(code: Code, place: Place) -> str:
    holder = code.name(place.holder, "h")
    return f"{holder}[{code.text(place.key)}]" if place.is_element else f"{holder}.{place.key}"


def _identifier(name: str, taken: set[str]) -> str:
    name = "".join(c if c.isidentifier() or c.isdigit() else "_" for c in name).strip("_") or "x"
    name = name if name[0].isalpha() else f"x{name}"
    while name in taken or keyword.iskeyword(name):
        name += "_"
    taken.add(name)
    return name


def _tree(code: Code, tree: Any, values: list[str]) -> str:
    """The expression that builds a tree of Outputs."""
    kind = type(tree)
    if kind is Output:
        if tree.index < 0:
            constant = tree.constant
            if isinstance(constant, (np.ndarray, Tensor)):
                return f"{code.name(_copied, 'copied')}({code.name(constant, 'k')})"
            return code.text(constant)
        text = values[tree.index]
        return f"{code.name(tree.tensor, tree.tensor.__name__)}({text})" if tree.tensor else text
    if tree is None:
        return "None"
    if kind in (tuple, list):
        parts = ", ".join(_tree(code, part, values) for part in tree)
        return f"[{parts}]" if kind is list else f"({parts}{',' * (len(tree) == 1)})"
    if kind is dict:
        return f"{{{', '.join(f'{code.text(key)}: {_tree(code, part, values)}' for key, part in tree.items())}}}"
    parts = ", ".join(_tree(code, leaf, values) for leaf in pytree.leaves(tree))
    return f"{code.name(pytree.unflatten, 'unflatten')}({code.name(tree, 'tree')}, [{parts}])"


def _copied(value: Any) -> Any:
    return untracked(np.array(value._value), value.name) if type(value) is Tensor else np.array(value)
