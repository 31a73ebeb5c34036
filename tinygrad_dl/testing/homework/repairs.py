"""The cause of wrong gradients in a learner's own words: the one small change of the code that makes them right.

A change is an expression in place of another: another variable, factor, axis, sign or constant. The step is run with
each of them in turn; one that changes the forward pass, or leaves a gradient wrong, is no repair.
"""

from __future__ import annotations

import ast
import itertools
import re
import time
from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np

from .training import Step
from .updates import LEAVES, function_of, update_of
from .watch import Record

SECONDS = 12.0
MOST = 3
BATCH = 150  # changes that are compiled together
DERIVATIVE = re.compile(r"\bd[A-Z_]?\w*|\w*(delta|grad|err|deriv|prime|nabla|slope)\w*|step", re.IGNORECASE)


class Change(NamedTuple):
    """A change: the number of a node in the walk of a statement, its new expression, and the kind of mistake."""

    top: ast.stmt
    number: int
    old: ast.expr
    new: ast.expr
    kind: str

    def __str__(self) -> str:
        return f"line {self.old.lineno}: {self.kind}: {ast.unparse(self.old)} for {ast.unparse(self.new)}"


def repairs(
    step: Step,
    variables: Sequence[str],
    run: Callable[[], Record | None],
    is_repaired: Callable[[Record], bool],
    touches: Callable[[Record], bool],
) -> list[str]:
    """The changes that repair a step, by the test `is_repaired` of what `run` gives; `variables` are its arrays.

    A statement is left as it is if a larger value in it does not touch the wrong gradients alone.
    """
    end = time.monotonic() + SECONDS
    found: dict[int, str] = {}  # by line, the first of each
    changes = _changes(step, variables, run, touches)
    while not found and (batch := list(itertools.islice(changes, BATCH))):
        for top, group in itertools.groupby(batch, lambda change: change.top):
            each = list(group)
            records = step.changed(top, [(change.number, change.new) for change in each], run)
            for change, record in zip(each, records, strict=False):
                if record is not None and is_repaired(record):
                    found.setdefault(change.old.lineno, str(change))
                if time.monotonic() > end:
                    records.close()
                    return list(found.values())
    return list(found.values())[:MOST]


def _changes(
    step: Step, variables: Sequence[str], run: Callable[[], Record | None], touches: Callable[[Record], bool]
) -> Iterator[Change]:
    """The changes to try: those of derivatives first, and of these small ones first."""
    places: dict[bool, list[tuple[ast.stmt, dict[int, int], Any]]] = {True: [], False: []}
    for top in step.tops():
        walk = {id(node): number for number, node in enumerate(ast.walk(top))}
        every: list[Any] = [s for s in ast.walk(top) if _may_change(s)]
        larger = [(walk[id(s.value)], _product([s.value, ast.Constant(1.5)])) for s in every]
        records = step.changed(
            top, [(n, ast.copy_location(new, s)) for (n, new), s in zip(larger, every, strict=True)], run
        )
        for statement, record in zip(every, records, strict=False):
            if record is None or touches(record):
                targets = (
                    statement.targets if isinstance(statement, ast.Assign) else [getattr(statement, "target", None)]
                )
                text = " ".join(ast.unparse(t) for t in targets if t is not None)
                likely = (
                    bool(DERIVATIVE.search(text)) or isinstance(statement, ast.Return) or bool(update_of(statement))
                )
                places[likely].append((top, walk, statement))
    alternatives = list(_slopes_of([v for v in variables if not DERIVATIVE.search(v)], step))
    for likely, make in ((True, _small), (True, _factors), (True, _swaps), (False, _small), (True, _more_factors)):
        for top, walk, statement in places[likely]:
            for old, new, kind in make(statement.value, variables, alternatives):
                yield Change(top, walk[id(old)], old, ast.copy_location(new, old), kind)


def _may_change(statement: Any) -> bool:
    """True for a statement with a value; W = W - step would be no update any more with another one."""
    with_value = isinstance(statement, (ast.Assign, ast.AugAssign, ast.Return)) and statement.value is not None
    return with_value and not (isinstance(statement, ast.Assign) and update_of(statement))


def _slopes_of(variables: Sequence[str], step: Step) -> Iterator[ast.expr]:
    """Derivatives of activations at each variable, by formulas and by functions of the file."""
    functions = [n for n in step.file.functions if re.search(r"(?i)prime|deriv|grad|^d_?[a-z]", n)]
    for v in variables:
        for text in (f"({v} * (1 - {v}))", f"(1 - {v} ** 2)", f"({v} > 0)", *(f"{f}({v})" for f in functions)):
            yield ast.parse(text, mode="eval").body


Found = Iterator[tuple[ast.expr, ast.expr, str]]


def _small(value: ast.expr, variables: Sequence[str], alternatives: Sequence[ast.expr]) -> Found:
    """Changes of an operator, a constant, an axis or a transposition."""
    for node in ast.walk(value):
        if isinstance(node, ast.Constant) and type(node.value) in (int, float):
            c: Any = node.value
            for number in (-c, 2 * c, c / 2, c + 1, c - 1):
                yield node, ast.Constant(number), "constant"
        elif isinstance(node, ast.BinOp):
            yield from _operators(node)
        elif isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub):
            yield node, node.operand, "sign"
        elif isinstance(node, ast.Compare) and isinstance(node.ops[0], (ast.Lt, ast.Gt, ast.LtE, ast.GtE)):
            turned = ast.Lt() if isinstance(node.ops[0], (ast.Gt, ast.GtE)) else ast.Gt()
            yield node, ast.Compare(node.left, [turned], node.comparators), "mask of the wrong sign"
        elif isinstance(node, ast.Call):
            yield from _of_call(node)
        if isinstance(node, ast.Attribute) and node.attr == "T":
            yield node, node.value, "transposed"
        elif isinstance(node, LEAVES) and ast.unparse(node) in variables:
            yield node, ast.Attribute(node, "T", ast.Load()), "transpose forgotten"
            yield node, ast.UnaryOp(ast.USub(), node), "sign"
    yield from _scaled_terms(value)


def _operators(node: ast.BinOp) -> Found:
    pairs: dict[type[ast.operator], list[type[ast.operator]]]
    pairs = {ast.Mult: [ast.MatMult, ast.Div], ast.MatMult: [ast.Mult], ast.Add: [ast.Sub], ast.Sub: [ast.Add]}
    kinds: dict[type[ast.operator], str]
    kinds = {ast.MatMult: "* for @", ast.Mult: "@ for *", ast.Sub: "sign", ast.Add: "sign", ast.Div: "factor"}
    for other in [*pairs.get(type(node.op), []), *([ast.Mult] if isinstance(node.op, ast.Div) else [])]:
        yield node, ast.BinOp(node.left, other(), node.right), kinds.get(other, "operator")
    if isinstance(node.op, ast.Sub):
        yield node, ast.BinOp(node.right, ast.Sub(), node.left), "sign"
    if isinstance(node.op, (ast.Mult, ast.Div)):
        yield node, node.left, "factor"
    if isinstance(node.op, ast.Mult):
        yield node, node.right, "factor"
    if isinstance(node.op, (ast.Add, ast.Sub)):
        yield node, node.left, "term"
        yield node, node.right, "term"


def _of_call(node: ast.Call) -> Found:
    name = function_of(node)
    if name in ("sum", "mean"):
        for axis in (0, 1):
            others = [k for k in node.keywords if k.arg != "axis"]
            args = node.args if isinstance(node.func, ast.Attribute) and _is_module(node.func.value) else []
            keywords = [ast.keyword("axis", ast.Constant(axis)), *others]
            if not any(k.arg == "keepdims" for k in others):
                yield (
                    node,
                    ast.Call(node.func, args[:1], [*keywords, ast.keyword("keepdims", ast.Constant(True))]),
                    "axis",
                )
            yield node, ast.Call(node.func, args[:1], keywords), "sum over the wrong axis"
    if name in ("multiply", "dot", "matmul") and len(node.args) == 2:
        op = ast.MatMult() if name == "multiply" else ast.Mult()
        yield node, ast.BinOp(node.args[0], op, node.args[1]), "* for @" if name == "multiply" else "@ for *"


def _is_module(node: ast.expr) -> bool:
    return isinstance(node, ast.Name) and node.id in ("np", "numpy")


def _scaled_terms(value: ast.expr) -> Found:
    """The terms of sums, doubled and halved: of a regularisation, for example."""
    for node in ast.walk(value):
        if isinstance(node, ast.BinOp) and isinstance(node.op, (ast.Add, ast.Sub)):
            terms = (node.left, node.right)
        elif node is value:
            terms = (value, value)
        else:
            continue
        for term, factor in itertools.product(dict.fromkeys(terms), (2.0, 0.5)):
            yield term, ast.BinOp(ast.Constant(factor), ast.Mult(), term), "factor"


def _swaps(value: ast.expr, variables: Sequence[str], alternatives: Sequence[ast.expr]) -> Found:
    """Another variable in place of one."""
    for node in ast.walk(value):
        if isinstance(node, LEAVES) and isinstance(node.ctx, ast.Load) and ast.unparse(node) in variables:
            for other in variables:
                if other != ast.unparse(node):
                    yield node, ast.parse(other, mode="eval").body, "another variable"


def _factors(value: ast.expr, variables: Sequence[str], alternatives: Sequence[ast.expr]) -> Found:
    """Another factor in a product, or one more: the derivative of an activation."""
    seen: set[int] = set()
    for node in ast.walk(value):
        if id(node) in seen or not isinstance(node, ast.BinOp) or not isinstance(node.op, ast.Mult):
            continue
        factors = _chain(node)
        seen |= {id(part) for part in ast.walk(node) if isinstance(part, ast.BinOp) and part.op is node.op}
        for i, other in itertools.product(range(len(factors)), alternatives):
            kept = [*factors[:i], *factors[i + 1 :]]
            yield node, _product([*kept, other]), "derivative of the activation"
            if len(factors) > 2:
                yield node, _product([factors[i], other]), "derivative of the activation"
    for other in alternatives if isinstance(value, (ast.BinOp, ast.Call)) else ():
        yield value, _product([value, other]), "derivative of the activation missing"
        yield value, other, "derivative of the activation"


def _more_factors(value: ast.expr, variables: Sequence[str], alternatives: Sequence[ast.expr]) -> Found:
    """One more factor beside a variable."""
    for node in ast.walk(value):
        if isinstance(node, LEAVES) and ast.unparse(node) in variables:
            for other in alternatives:
                yield node, _product([node, other]), "derivative of the activation missing"


def _chain(node: ast.expr) -> list[ast.expr]:
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Mult):
        return [*_chain(node.left), *_chain(node.right)]
    return [node]


def _product(factors: Sequence[ast.expr]) -> ast.expr:
    product = factors[0]
    for factor in factors[1:]:
        product = ast.BinOp(product, ast.Mult(), factor)
    return product


def arrays_of(notes: dict[tuple[str, int], Any]) -> list[str]:
    """The array variables of a step, by their expressions, without those that only show something."""
    names = [
        name for (name, _), value in notes.items() if np.ndim(value) and re.fullmatch(r"[\w.]+(\[[^\[\]]+\])*", name)
    ]
    return list(dict.fromkeys(names))
