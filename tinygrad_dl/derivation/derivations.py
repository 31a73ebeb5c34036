"""`derive`: the forward and backward pass of a loss as lines of formulas, with shapes, rules and reasons."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np

from .. import _html, pytree
from ..core.backprop import initial_cotangent, topological_order
from ..core.tensor import Tensor
from ..tracing.dead_code import without_dead_code
from ..tracing.printing import imports_of, lines_of, outputs_of
from ..tracing.program import Node, Program, needed, shape_of
from ..tracing.subexpressions import with_common_once
from .latex import Latex
from .patterns import sigmoid, softmax
from .reading import Reasons, readable
from .replay import Origin, Replay, replay

_PER_SAMPLE = (
    "{names}: errors per sample, as in the course. The derivatives of the cost are these, divided by m = {m}; the "
    "factor 1/m is applied once, in the gradients of the parameters."
)


class Step(NamedTuple):
    """A line of a derivation.

    Attributes
    ----------
    quantity : str
        The name on the left, such as "dW2".
    formula : str
        The right-hand side, in NumPy's syntax.
    shape : tuple of int
        The shape of the quantity.
    rule : str
        The operations whose derivative rules gave a gradient, such as "np.tanh"; empty in the forward pass.
    week : str
        The part of the course that derives the line, such as "week 3"; empty if it is not in the notes.
    reasons : tuple of str
        The steps of the chain rule and the simplifications that led to the formula.
    """

    quantity: str
    formula: str
    shape: tuple[int, ...]
    rule: str
    week: str
    reasons: tuple[str, ...]


class Derivation:
    """The formulas of a loss and its gradients, as made by `derive`; `print` shows them in NumPy's syntax.

    Attributes
    ----------
    steps : list of Step
        The lines, in an order in which they can be computed.
    per_sample : list of str
        The quantities that are errors per sample, m times a derivative of the loss, such as "dZ2".
    samples : int or None
        The number m of samples, if the formulas contain it.
    """

    steps: list[Step]
    per_sample: list[str]
    samples: int | None

    def __init__(
        self,
        steps: list[Step],
        latex: list[tuple[str, str]],
        per_sample: list[str],
        samples: int | None,
        explain: bool,
        imports: list[str],
    ):
        self.steps, self.per_sample, self.samples = steps, per_sample, samples
        self._latex, self._explain, self._imports = latex, explain, imports

    @property
    def source(self) -> str:
        """The lines as NumPy statements, which run where the inputs, `np`, `sigmoid` and `softmax` are defined.

        Other functions of this package are imported before them.
        """
        lines = [*self._imports]
        for step in self.steps:
            lines.append(f"{step.quantity} = {step.formula}")
            if self._explain:
                lines += [f"    # {reason}" for reason in step.reasons]
        return "\n".join(lines)

    def latex(self) -> str:
        """Return the lines in LaTeX, in the notation of the course, aligned at the equals signs.

        Returns
        -------
        str
            An `aligned` environment.
        """
        rows = [rf"{left} &= {right}" for left, right in self._latex]
        return "\n".join([r"\begin{aligned}", " \\\\\n".join(rows), r"\end{aligned}"])

    def _repr_latex_(self) -> str:
        return f"$\\displaystyle {self.latex()}$"

    def _repr_html_(self) -> str:
        rows = [
            [_html.Code(step.quantity), "=", _html.Code(step.formula), step.shape or "", step.rule, step.week]
            for step in self.steps
        ]
        note = _html.note(self.note()) if self.per_sample else ""
        return _html.block(_html.table(rows, ["quantity", "", "formula", "shape", "rule", "course"]), note)

    def __str__(self) -> str:
        return f"{self.source}\n\n{self.note()}" if self.per_sample else self.source

    def note(self) -> str:
        """Return the remark on the quantities that are errors per sample.

        Returns
        -------
        str
            Two sentences; "" if there are no such quantities.
        """
        if not self.per_sample:
            return ""
        return _PER_SAMPLE.format(names=", ".join(self.per_sample), m=self.samples)

    def __repr__(self) -> str:
        return f"<Derivation of {len(self.steps)} lines: print it, or see .source, .latex() and .steps>"


def derive(loss: Tensor, wrt: Any = None, *, explain: bool = False) -> Derivation:
    """Derive the formulas of the gradients of `loss`, as a person would write them down.

    The recorded operations and their derivative rules are run on symbols; the recorded calls are simplified by a table
    of rules. So the formulas are those that backprop computes, but for the guards against overflow and log(0), which
    are left out.

    Parameters
    ----------
    loss
        A tracked Tensor of size 1, such as `tg.nn.binary_cross_entropy(net(X), Y)`.
    wrt
        The Tensors to differentiate with respect to: one, or a list, tuple, dict or Module of them; by default all
        leaves that require grad. Named Tensors on the way to them get a line too.
    explain
        Add the reason of each step to the printed lines.

    Returns
    -------
    Derivation
        The lines, with `.source`, `.latex()` and `.steps`; a table in notebooks.

    Raises
    ------
    ValueError
        If `loss` is not tracked or not of size 1, or does not depend on one of `wrt`.

    Notes
    -----
    A condition that was computed from Tensors, such as `Z > 0` in `np.where`, is not in the graph: it is an input named
    `mask`. A length that equals the number of samples in a quotient is printed as m. A parameter without a name has its
    path in the Module that was called, such as cell_W; an array without a name is X, Y or C, unless it is short. A name
    that is no variable of Python, or that is taken, gets underscores.

    Examples
    --------
    >>> import numpy as np
    >>> import tinygrad_dl as tg
    >>> net = tg.nn.mlp([2, 4, 1], output=tg.nn.sigmoid, rng=np.random.default_rng(0))
    >>> derivation = tg.derive(tg.nn.binary_cross_entropy(net(np.ones((2, 5))), np.ones((1, 5))))
    >>> print(derivation.source)
    m = X.shape[1]
    Z1 = W1 @ X + b1
    A1 = np.tanh(Z1)
    Z2 = W2 @ A1 + b2
    A2 = sigmoid(Z2)
    cost = -np.sum(Y * np.log(A2) + (1 - Y) * np.log(1 - A2)) / m
    dZ2 = A2 - Y
    dW2 = dZ2 @ A1.T / m
    db2 = np.sum(dZ2, axis=1, keepdims=True) / m
    dA1 = W2.T @ dZ2
    dZ1 = dA1 * (1 - A1**2)
    dW1 = dZ1 @ X.T / m
    db1 = np.sum(dZ1, axis=1, keepdims=True) / m
    """
    return derive_named(loss, {}, wrt, explain)


def derive_named(loss: Tensor, names: Mapping[int, str], wrt: Any = None, explain: bool = False) -> Derivation:
    """`derive`, with `names` for parameters and plain arrays by their `id`, such as those of a picture."""
    initial_cotangent(loss)
    order = topological_order(loss)
    names = {**_paths(order), **names}
    targets = [x for x in order if x._function is None] if wrt is None else list(pytree.leaves(wrt))
    reached = set(order)
    for target in targets:
        if type(target) is not Tensor or target not in reached:
            raise ValueError(f"derive: expected Tensors that the loss depends on, got {str(target)[:60]}.")
    replayed = replay(loss, _from_the_last_layer_back(targets, order), names)
    reasons = Reasons()
    per_sample: set[str] = set()
    program = _simplified(replayed, reasons, per_sample)
    return _derivation(program, replayed, reasons, per_sample, explain)


def _from_the_last_layer_back(targets: list[Tensor], order: list[Tensor]) -> list[Tensor]:
    """The `targets` by their first use in the forward pass, the last one first; W before b of one call."""
    uses: dict[Tensor | None, tuple[int, int]] = {}
    for i, node in enumerate(order):
        for argnum, parent in enumerate(node._parents):
            uses.setdefault(parent, (-i, argnum))
    return sorted(targets, key=lambda x: uses.get(x, (-len(order), 0)))


def _paths(order: list[Tensor]) -> dict[int, str]:
    """The paths of parameters in the outermost Modules that were called, by the `id` of the parameters."""
    calls = [call for node in order if node._function is not None for call in node._calls or ()]
    calls.sort(key=lambda call: call[0])  # outer ones began earlier
    modules = {id(module): module for _, _, module, _ in calls}
    return {id(p): path for module in reversed(modules.values()) for path, p in module.named_parameters()}


def _simplified(replayed: Replay, reasons: Reasons, per_sample: set[str]) -> Program:
    """Simplify until nothing changes, and move names such as dZ2 to the errors per sample."""
    program = replayed.program
    leaves = {node.name for node in program.inputs}
    while True:
        before = [node.function for node in program.nodes]
        program = readable(program, reasons, replayed.seed)
        _rename(program, replayed, leaves, per_sample)
        program = without_dead_code(with_common_once(program))
        if [node.function for node in program.nodes] == before:
            break
    for node in needed(program.outputs[:1]):  # a quantity of the forward pass that is a gradient, too
        is_gradient = node.name in replayed.origins and f"d{node.name}" not in replayed.origins
        if is_gradient and node.function is not None:
            node.name = ""
    loss = program.outputs[0]
    if type(loss) is Node:
        loss.name = loss.name or "cost"
    return _in_order_of_the_notes(program)


def _in_order_of_the_notes(program: Program) -> Program:
    """The forward pass, then each gradient, right after the cotangents that it needs: dW2, db2, dA1, dZ1, dW1."""
    in_forward = set(needed(program.outputs[:1]))
    forward = [node for node in program.nodes if node in in_forward]
    nodes = dict.fromkeys([*forward, *needed(program.outputs[1:])])
    return Program(program.inputs, nodes, program.outputs, program.guards)


def _rename(program: Program, replayed: Replay, leaves: set[str], per_sample: set[str]) -> None:
    """Give the names of cotangents, but for those of leaves, to their numerators over m; and A2 to sigmoid(Z2)."""
    names = {node.name for node in program.nodes}
    for node in program.nodes:
        is_divided = node.function is np.divide and node.args[1] is replayed.m and type(node.args[0]) is Node
        if node.name.startswith("d") and node.name[1:] not in leaves and node.name not in per_sample and is_divided:
            per_sample.add(node.name)
            node.args[0].name, node.name = node.args[0].name or node.name, ""
        elif node.function is np.equal and isinstance(node.args[0], np.ndarray) and not node.name and "P" not in names:
            node.name = "P"  # one-hot labels
        elif node.function in (sigmoid, softmax) and not node.name:
            name = getattr(node.args[0], "name", "")
            if name.startswith("Z") and f"A{name[1:]}" not in names:
                node.name = f"A{name[1:]}"


def _derivation(
    program: Program, replayed: Replay, reasons: Reasons, per_sample: set[str], explain: bool
) -> Derivation:
    lines = lines_of(program)
    named = {node: name for node, name, _ in lines}
    latex = Latex(named, [node.name for node in program.inputs])
    m, data = replayed.m, replayed.data
    steps = [Step(x.name, f"{x.name}.astype(np.float64)", x.shape, "", "", ()) for x in replayed.floats]
    rows = []
    if m is not None and data is not None and any(part is m for node in program.nodes for part in node.parts):
        steps.append(Step(m.name, f"{data.name}.shape[1]", (), "", "", ()))
    layers = max([int(name[1:]) for name in named.values() if re.fullmatch(r"Z\d+", name)], default=0)
    texts = [(node, name, text, latex.definition(node)) for node, name, text in lines]
    texts += [(node, name, text, latex.text(node)) for node, name, text in _other_gradients(program, replayed, named)]
    for node, name, text, in_latex in texts:
        origins = _origins(name, replayed, set(named.values()))
        rule = ", ".join(dict.fromkeys(origin.operation for origin in origins))
        chain = [_through(origin) for origin in origins]
        because = tuple(dict.fromkeys([*chain, *_reasons_of(node, named, reasons)]))
        steps.append(Step(name, text, shape_of(node), rule, _week(name, text, layers), because))
        rows.append((latex.name(name), in_latex))
    names = [name for name in named.values() if name in per_sample]
    imports = [line for line in imports_of(program) if line.split()[-1] not in ("sigmoid", "softmax")]
    return Derivation(steps, rows, names, m.value if m is not None else None, explain, imports)


def _other_gradients(program: Program, replayed: Replay, named: dict[Node, str]) -> list[tuple[Any, str, str]]:
    """The gradients without a line of their own, which are an input, a constant, or another quantity."""
    lines, inputs = [], {node.name for node in program.inputs}
    for target, output, text in zip(replayed.targets, program.outputs[1:], outputs_of(program)[1:], strict=True):
        has_line = f"d{target}" in named.values() or (type(output) is Node and output.name == f"d{target}")
        if target and not has_line:
            lines.append((output, f"d{target}" + "_" * (f"d{target}" in inputs), text))
    return lines


def _origins(name: str, replayed: Replay, shown: set[str]) -> list[Origin]:
    """The origins of the cotangent `name`, and of one without a line of its own that it was computed from."""
    before = [f"d{origin.through}" for origin in replayed.origins.get(name, ()) if f"d{origin.through}" not in shown]
    return [*(origin for b in before for origin in replayed.origins.get(b, ())), *replayed.origins.get(name, ())]


def _through(origin: Origin) -> str:
    return f"chain rule: through {origin.through or 'the cost'}, by the rule of {origin.operation}"


def _reasons_of(node: Any, named: dict[Node, str], reasons: Reasons) -> tuple[str, ...]:
    """The reasons of all calls in the line of `node`."""
    found: dict[str, None] = {}
    stack = [node] if type(node) is Node else []
    while stack:
        part = stack.pop()
        found |= dict.fromkeys(reasons.of(part))
        stack += [below for below in part.parts if below not in named]
    return tuple(found)


_COURSE = {  # the digest of the notes; {l}, {k}: a layer and the one before
    "Z": ["W{l} @ A{k} + b{l}"],
    "A": ["sigmoid(Z{l})", "np.tanh(Z{l})", "np.maximum(Z{l}, 0)"],
    "dZ": ["A{l} - Y", "dA{l} * (1 - A{l}**2)", "dA{l} * (Z{l} > 0)", "dA{l} * (A{l} * (1 - A{l}))"],
    "dA": ["W{n}.T @ dZ{n}"],
    "dW": ["dZ{l} @ A{k}.T / m"],
    "db": ["np.sum(dZ{l}, axis=1, keepdims=True) / m"],
}


def _week(name: str, text: str, layers: int) -> str:
    """The part of the course's notes with this line: week 3 for nets of two layers, else week 4."""
    if name == "cost":
        return "week 3" if text.startswith("-np.sum(Y * np.log(A") and "(1 - Y)" in text else ""
    match = re.fullmatch(r"(d?[A-Za-z])(\d+)", name)
    if not match:
        return ""
    l = int(match[2])  # noqa: E741 (the course's letter)
    lines = [line.format(l=l, k=l - 1, n=l + 1).replace("A0", "X") for line in _COURSE.get(match[1], ())]
    return ("week 3" if layers <= 2 else "week 4") if text in lines else ""
