"""The pass that splits a program over samples: each of some threads computes on columns of its own.

It follows the axis of samples from the inputs through the calls. Elementwise calls, and products such as `W @ A`, stay
within a column; sums over samples, such as `dZ @ A.T`, are computed in parts, which are combined in a fixed order, so
that the numbers are the same in each run. What goes before is computed once, and so is what comes after the sums.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable
from typing import Any

import numpy as np

from .. import _functions
from ..core import primitives
from ..core.registry import name_of
from .biases import above_ones
from .memory import is_reduction
from .program import Node, Program, TraceError, call, nodes_in, replace_nodes, shape_of
from .workers import Workers

_COMBINING: set[Any] = {np.add, np.multiply, np.maximum, np.minimum, np.logical_and, np.logical_or}
_REDUCING: dict[Any, Any] = {np.any: np.logical_or, np.all: np.logical_and}
_ELEMENTWISE: set[Any] = {
    *(np.where, np.clip, primitives.astype, _functions.masked, _functions.sigmoid, _functions.softplus),
    *(primitives.identity, _functions.log_above_0, above_ones),
}
_SHAPING: set[Any] = {np.broadcast_to, np.reshape}  # by a shape, in which the number of samples is


def with_columns(
    program: Program,
    threads: int,
    invariant: set[Node],
    data: Iterable[Node],
    emit: Callable[[Program], Callable[..., tuple[Any, ...]]],
) -> Program:
    """Split `program` among `threads`, which run what `emit` makes of their parts; itself if there are too few samples.

    The samples are columns of the inputs that are `data`. What is `invariant` is not computed at each step, and stays
    as it is. Raises TraceError if a call needs all samples.
    """
    work = {node.shape[-1]: 0 for node in data if node.shape}  # for each length that may be the number of samples
    for node in program.nodes:
        for length in {*node.shape} & work.keys():
            work[length] += node.size
    if work and max(work) < threads:
        return program
    reasons = []
    for length in sorted(work, key=work.__getitem__, reverse=True):
        if length >= threads:
            try:
                split = _Split(program, length, invariant, {node for node in data if node.shape[-1:] == (length,)})
            except _Mixed as error:
                reasons.append(str(error))
            else:
                return split.program(threads, emit)
    reason = [*reasons, "there is no array of samples as columns among its data"][0]
    raise TraceError(f"threads={threads}: the compiled function can't be split over samples: {reason}")


class _Mixed(Exception):
    """A call mixes samples."""


class _Split:
    """The axis of samples of each call that has one, counted from the end, and the calls that are summed over it."""

    def __init__(self, program: Program, length: int, invariant: set[Node], data: set[Node]):
        self.old, self.length, self.invariant = program, length, invariant
        self.axes: dict[Node, int] = dict.fromkeys(data, -1)
        self.sums: dict[Node, Any] = {}  # by the ufunc that combines parts
        self.late: set[Node] = set()
        for node in program.nodes:
            sampled = [part for part in node.parts if part in self.axes]
            if node in invariant:
                axis = self._axis(node) if sampled else None
                if type(axis) is int:
                    self.axes[node] = axis  # of which parts get their columns, as of data
            elif any(part in self.late or part in self.sums for part in node.parts):
                self.late.add(node)
                if sampled:
                    self._refuse(node, "needs a sum over all samples, for each of them")
            elif sampled:
                self._place(node)
        if self.axes.keys() <= data | invariant:
            raise _Mixed("it computes nothing for single samples")

    def _refuse(self, node: Node, reason: str) -> None:
        line = f", in\n  {node.line}" if node.line else ""
        raise _Mixed(f"{name_of(node.function)} {reason}{line}")

    def _place(self, node: Node) -> None:
        """Find the axis of samples of the answer. Raises _Mixed if there is none."""
        found = self._axis(node)
        if found is None:
            self._refuse(node, "needs all samples")
        if isinstance(found, np.ufunc):
            self.sums[node] = found
        else:
            self.axes[node] = found

    def _axis(self, node: Node) -> Any:
        """The axis of samples of the answer, or the ufunc that combines those of parts; None if it mixes samples."""
        function: Any = node.function
        found: Any = None
        if function is np.matmul:
            found = self._product(*node.args)
        elif _combining_of(function) is not None and len(node.args) == 1:
            found = self._reduction(node)
        elif function in _SHAPING and node.kwargs in ({}, {"order": "C"}):
            fits = self.axes.get(node.args[0]) == -1 and node.shape[-1:] == (self.length,)
            found = -1 if fits and len(node.args) == 2 else None
        elif function is np.transpose and len(node.args) == 1:
            found = -1 - self.axes[node.args[0]] - len(node.shape)
        elif function in _ELEMENTWISE or (isinstance(function, np.ufunc) and not function.signature):
            axes = {self.axes[arg] for arg in node.args if type(arg) is Node and arg in self.axes}
            found = axes.pop() if len(axes) == 1 and not node.kwargs and type(node.value) is not tuple else None
        return found

    def _product(self, a: Any, b: Any) -> Any:
        left, right = (self.axes.get(x) if type(x) is Node else None for x in (a, b))
        if len(shape_of(a)) > 2 or len(shape_of(b)) != 2:
            return None
        if left == -1 or right == -2:
            return np.add if left != -2 and right != -1 else None
        return left if right is None else right if left is None else None

    def _reduction(self, node: Node) -> Any:
        if not node.kwargs.keys() <= {"axis", "keepdims", "dtype"}:
            return None
        (x,), ndim = node.args, len(node.args[0].shape)
        axis = node.kwargs.get("axis", 0 if is_reduction(node.function) else None)
        axes = range(ndim) if axis is None else np.atleast_1d(axis).tolist()
        reduced = {axis % ndim - ndim for axis in axes}
        place = self.axes[x]
        if place in reduced:
            return _combining_of(node.function)
        return place if node.kwargs.get("keepdims") else place + sum(axis > place for axis in reduced)

    # ---- the new program

    def program(self, threads: int, emit: Callable[[Program], Callable[..., tuple[Any, ...]]]) -> Program:
        """The calls that come before, one that runs all parts, and the calls that come after."""
        computed = [node for node in self.old.nodes if node not in self.invariant]
        inside = [node for node in computed if node in self.axes or node in self.sums]
        outside = {*inside}
        given = list(dict.fromkeys(part for node in inside for part in node.parts if part not in outside))
        needed = {part for node in self.old.nodes if node not in outside for part in node.parts}
        needed |= {*nodes_in(self.old.outputs), *(guard.node for guard in self.old.guards)}
        results = [node for node in inside if node in needed]
        bounds = [self.length * i // threads for i in range(threads + 1)]
        parts = [self._part(inside, given, results, *ends) for ends in itertools.pairwise(bounds)]
        run = Workers([emit(part) for part in parts])
        values = tuple(node.value for part in parts for node in part.outputs)
        split = Node(values, run, tuple(given))
        found: dict[Node, Node] = {}
        combined: list[Node] = [split]
        for i, node in enumerate(results):
            pieces = [Node(values[j], primitives.getitem, (split, j)) for j in range(i, len(values), len(results))]
            combined += pieces
            if node in self.axes:
                axis = self.axes[node] % len(node.shape)
                combined.append(Node(node.value, np.concatenate, (pieces,), {"axis": axis}))
            else:
                total = pieces[0]
                for piece in pieces[1:]:
                    total = Node(node.value, self.sums[node], (total, piece))
                    combined.append(total)
            found[node] = combined[-1]
            found[node].name = node.name
        before, after = [], []
        for node in self.old.nodes:
            if node not in outside and node in self.late:
                args, kwargs = (replace_nodes(x, lambda part: found.get(part, part)) for x in (node.args, node.kwargs))
                found[node] = Node(node.value, node.function, args, kwargs, node.name, node.line)
                after.append(found[node])
            elif node not in outside:
                before.append(node)
        outputs = replace_nodes(self.old.outputs, lambda part: found.get(part, part))
        guards = [guard._replace(node=found.get(guard.node, guard.node)) for guard in self.old.guards]
        return Program(self.old.inputs, [*before, *combined, *after], outputs, guards)

    def _part(self, inside: list[Node], given: list[Node], results: list[Node], start: int, stop: int) -> Program:
        """The calls for samples from `start` to `stop`, with the same inputs as those of all."""
        inputs = {node: Node(node.value, name=node.name) for node in given}
        nodes: list[Node] = []
        found: dict[Node, Node] = {}
        columns: dict[tuple[Node, int], Node] = {}

        def cut(node: Node, axis: int) -> Node:
            """The columns of an array from outside."""
            key = node, axis
            if key not in columns:
                index = tuple([slice(None)] * (len(node.shape) + axis) + [slice(start, stop)])
                columns[key] = Node(node.value[index], primitives.getitem, (inputs[node], index))
                nodes.append(columns[key])
            return columns[key]

        def argument(arg: Any, axis: int | None) -> Any:
            """An argument of a call with samples along `axis`, counted from the end."""
            if type(arg) is Node and arg in found:
                return found[arg]
            shape = shape_of(arg)
            if axis is not None and len(shape) >= -axis and shape[axis] != 1:
                if type(arg) is Node:
                    return cut(arg, axis)
                return arg[(..., slice(start, stop), *[slice(None)] * (-1 - axis))]
            return inputs[arg] if type(arg) is Node else arg

        for node in inside:
            args = [argument(arg, axis) for arg, axis in zip(node.args, self._axes_of_arguments(node), strict=True)]
            if node.function in _SHAPING:
                args[1] = *node.shape[:-1], stop - start
            values = replace_nodes((args, dict(node.kwargs)), lambda part: part.value)
            with np.errstate(all="ignore"):
                value = call(node.function, *values)  # type: ignore[arg-type]
            found[node] = Node(value, node.function, tuple(args), node.kwargs, node.name, node.line)
            nodes.append(found[node])
        return Program([*inputs.values()], nodes, [found[node] for node in results])

    def _axes_of_arguments(self, node: Node) -> list[int | None]:
        """The axis along which each argument has samples, if it is no number."""
        if node.function is np.matmul:
            if node in self.sums:
                return [-1, -2]
            return [None, -1] if self.axes[node] == -1 and node.args[1] in self.axes else [-2, None]
        if node.function in _SHAPING:
            return [self.axes[node], None]
        if node.function is np.transpose or _combining_of(node.function) is not None:
            return [self.axes[node.args[0]]]
        return [self.axes[node]] * len(node.args)


def _combining_of(function: Any) -> Any:
    """The ufunc that makes the answer of a reduction out of those for parts of the samples; None for other calls."""
    ufunc = function.__self__ if is_reduction(function) else _REDUCING.get(function)
    return ufunc if ufunc in _COMBINING else None
