"""Small changes of a function's source: a sign, a factor, a transpose, an axis, another name, each at one place.

`changes(function, others)` puts each in turn into a syntax tree. A change that makes wrong gradients right undoes a
mistake, and is named as that mistake: "Z1 for A1" is a change of Z1 to A1. The search is in `search`.
"""

from __future__ import annotations

import ast
import itertools
import re
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, NamedTuple

from .slips import LIKELY, OF_ARRAYS, RARE, counts_in, repeats, root, sides, swaps

Place = tuple[ast.AST, str, int | None]  # a node, one of its fields, and the position there if that is a list
MOST_NAMES, MOST_OTHERS = 30, 12
DERIVATIVE = re.compile(r"prime|deriv|grad|back|^d", re.I)
MODULES = ("np", "numpy", "math", "self", "cls")
OF_ANY_ARRAY = ("T", "shape", "size", "ndim", "dtype")
COUNTS = re.compile(r"(float\()?(len\(\w+\)|[\w.]+\.shape(\[-?\d\])?)\)?")  # m


class Change(NamedTuple):
    """A change that the tree has at the moment: its kind, the mistake that it undoes, and the changed statement."""

    kind: str
    mistake: str
    statement: ast.stmt

    def __str__(self) -> str:
        return self.words()

    def words(self, where: Callable[[int], str] = "line {}".format) -> str:
        """The mistake, and the line without it; `where` tells the place of a line."""
        text = ast.unparse(self.statement).split("\n")[0]
        text = text if len(text) <= 90 else text[:87] + "..."
        return f"{self.mistake}: {where(self.statement.lineno)} is right as `{text}`"


def changes(
    function: ast.AST,
    others: list[str],
    statements: Sequence[ast.stmt] | None = None,
    is_array: Callable[[str], bool] = lambda name: True,
    more: Sequence[str] = (),
    signs: bool = False,
) -> Generator[Change, None, None]:
    """Yield each change of a function, or of other statements, while the tree has it, the likeliest kinds first.

    `others` are the functions to call instead of those that are called. If some `statements` of it are given, these
    alone are changed, or moved. `is_array` tells which variables may be arrays, and `more` are arrays that other code
    names. With `signs`, there are no changes but of + and -.
    """
    chosen = statements_of(function) if statements is None else statements
    others = sorted(others, key=lambda name: not DERIVATIVE.search(name))[:MOST_OTHERS]
    scopes = [node for node in ast.walk(function) if isinstance(node, ast.FunctionDef)]
    held = {id(part): scope for scope in scopes for part in ast.walk(scope)}  # the innermost, which comes last
    known = {
        id(scope): _names(scope) for scope in {id(s): s for s in (held.get(id(s), function) for s in chosen)}.values()
    }
    places = [(statement, place) for statement in chosen for place in _places(statement)]
    counts = {id(statement) for statement in chosen if _is_count(statement)}  # all loops are to end

    def of_kinds(kinds: Sequence[Any]) -> Iterator[Change]:
        for kind, (statement, (parent, name, at)) in itertools.product(kinds, places):
            if repeats(kind, parent) or (kind is not sides and id(statement) in counts):
                continue
            node = _get(parent, name, at)
            names = known[id(held.get(id(statement), function))]
            if kind in OF_ARRAYS:
                names = list(dict.fromkeys([*filter(is_array, names), *more]))
            try:
                for mistake, new in kind(node, names, others):
                    _set(parent, name, at, new)
                    ast.fix_missing_locations(statement)
                    yield Change(kind.__name__, mistake, statement)
            finally:  # also if the search ends here
                _set(parent, name, at, node)

    yield from _operators(function, chosen)
    if signs:
        yield from of_kinds((swaps,))
        return
    yield from of_kinds(LIKELY)
    yield from _orders(function, chosen)
    yield from _divisions(function, chosen, known.get(id(function), _names(function)))
    yield from of_kinds(RARE)


def _get(parent: ast.AST, name: str, at: int | None) -> Any:
    return getattr(parent, name) if at is None else getattr(parent, name)[at]


def _set(parent: ast.AST, name: str, at: int | None, node: ast.AST) -> None:
    if at is None:
        setattr(parent, name, node)
    else:
        getattr(parent, name)[at] = node


def copy_of(node: Any, memory: dict[int, Any] | None = None) -> Any:
    """A copy of a syntax tree, faster than that of `copy`; `memory` gets the new nodes, by `id` of the old ones."""
    if isinstance(node, list):
        return [copy_of(part, memory) for part in node]
    if not isinstance(node, ast.AST):
        return node
    new = type(node).__new__(type(node))
    new.__dict__.update({name: copy_of(value, memory) for name, value in node.__dict__.items()})
    if memory is not None:
        memory[id(node)] = new
    return new


def statements_of(function: ast.AST) -> list[ast.stmt]:
    """The statements that compute something: no loop or condition, so that each change comes to its end."""
    kinds = (ast.Assign, ast.AugAssign, ast.AnnAssign, ast.Return, ast.Expr)
    every = [node for node in ast.walk(function) if isinstance(node, kinds) and node.value is not None]
    return [node for node in every if not (isinstance(node, ast.Expr) and _is_idle(node.value))]


def _is_count(statement: Any) -> bool:
    """Return whether a statement counts samples or units, which a loop may run over."""
    return isinstance(statement, ast.Assign) and bool(COUNTS.fullmatch(ast.unparse(statement.value)))


def _is_idle(value: ast.expr) -> bool:
    """Return whether a statement that is no more than this computes nothing: a docstring, or a call of print."""
    return isinstance(value, ast.Constant) or (isinstance(value, ast.Call) and ast.unparse(value.func) == "print")


@contextmanager
def larger(statement: Any) -> Iterator[None]:
    """Let a statement have a larger value within the block, or a larger first argument if it is a mere call."""
    call = statement.value if isinstance(statement, ast.Expr) and getattr(statement.value, "args", None) else None
    holder, name, at = (call, "args", 0) if call is not None else (statement, "value", None)
    value = _get(holder, name, at)
    more = ast.BinOp(ast.BinOp(value, ast.Mult(), ast.Constant(3)), ast.Add(), ast.Constant(0.1))  # than 0 too
    _set(holder, name, at, ast.copy_location(more, value))
    ast.fix_missing_locations(statement)
    try:
        yield
    finally:
        _set(holder, name, at, value)


def _places(statement: ast.stmt) -> Iterator[Place]:
    """The places of expressions in a statement, targets aside but for the mask or the indices of one."""
    queue: list[Place] = [(statement, "value", None)]
    for target in (*getattr(statement, "targets", ()), getattr(statement, "target", None)):
        if isinstance(target, ast.Subscript) and isinstance(target.slice, (ast.Compare, ast.Tuple)):
            queue.append((target, "slice", None))
    while queue:
        place = queue.pop(0)
        yield place
        node = _get(*place)
        for name, value in ast.iter_fields(node):
            if isinstance(value, (ast.expr, ast.operator)):
                queue.append((node, name, None))
            elif isinstance(value, list):
                queue += [(node, name, i) for i, each in enumerate(value) if isinstance(each, (ast.expr, ast.cmpop))]
                queue += [(each, "value", None) for each in value if isinstance(each, ast.keyword)]


def _names(function: ast.AST) -> list[str]:
    """The variables of a function, as the code spells them: A1, self.X, cache['Z1']."""
    found: dict[str, None] = {}
    for node in ast.walk(function):
        if isinstance(node, ast.arg) and node.arg not in ("self", "cls"):
            found[node.arg] = None
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            found[node.id] = None
        elif isinstance(node, (ast.Attribute, ast.Subscript)) and _is_variable(node):
            found[ast.unparse(node)] = None
    digits = sorted({*re.findall(r"\d", " ".join(found))})
    for name in list(found):  # W1 beside W2, if that alone is there
        if "[" in name and re.search(r"\d", name):
            found |= {re.sub(r"\d", digit, name): None for digit in digits}
    loaded = {n.id: None for n in ast.walk(function) if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Load)}
    found |= {name: None for name in loaded if name not in MODULES}
    called = {ast.unparse(node.func) for node in ast.walk(function) if isinstance(node, ast.Call)}
    unused = [name for name in found if name.isidentifier() and name not in loaded]
    return [name for name in dict.fromkeys([*unused, *found]) if name not in called][:MOST_NAMES]


def _is_variable(node: ast.Attribute | ast.Subscript) -> bool:
    if isinstance(node, ast.Subscript):
        return isinstance(node.slice, (ast.Constant, ast.JoinedStr)) and getattr(node.value, "attr", "") != "shape"
    return node.attr not in OF_ANY_ARRAY and root(node) not in ("np", "numpy", "math", "")


def _bodies(function: ast.AST) -> list[list[ast.stmt]]:
    return [node.body for node in ast.walk(function) if isinstance(getattr(node, "body", None), list)]  # type: ignore


def _orders(function: ast.AST, statements: Sequence[ast.stmt]) -> Iterator[Change]:
    """Two statements in the other order, where this makes a difference."""
    words = "the order: something is used before it is computed, or after it was updated"
    chosen = set(map(id, statements))
    for body in _bodies(function):
        whole = list(body)
        for i, j in itertools.combinations(range(len(whole)), 2):  # the later one before the earlier one
            if (chosen & {id(whole[i]), id(whole[j])}) and _depend(whole[i], whole[j]):
                try:
                    body.insert(i, body.pop(j))
                    yield Change("order", words, body[i])
                finally:
                    body[:] = whole


def _operators(function: ast.AST, statements: Sequence[ast.stmt]) -> Iterator[Change]:
    """Another operator in `a += b`, none, and one more."""
    chosen = set(map(id, statements))
    places = [(body, i) for body in _bodies(function) for i in range(len(body))]
    for body, i in [(body, i) for body, i in places if id(body[i]) in chosen]:
        statement, old = body[i], getattr(body[i], "op", None)
        if isinstance(statement, ast.AugAssign) and isinstance(old, (ast.Add, ast.Sub)):
            try:
                statement.op = ast.Sub() if isinstance(old, ast.Add) else ast.Add()
                yield Change("operator", "sign, += for -= or the reverse", statement)
                statement.op = old
                body[i] = ast.copy_location(ast.Assign([statement.target], statement.value), statement)
                yield Change("operator", "+= for =", body[i])
            finally:
                statement.op, body[i] = old, statement
        elif isinstance(statement, ast.Assign) and isinstance(target := statement.targets[0], ast.Subscript):
            try:
                body[i] = ast.copy_location(ast.AugAssign(target, ast.Add(), statement.value), statement)
                yield Change("operator", "= for +=: a sum is overwritten by each of its terms", body[i])
            finally:
                body[i] = statement


def _divisions(function: ast.AST, statements: Sequence[ast.stmt], names: Sequence[str]) -> Iterator[Change]:
    """A division by the number of samples after an array was changed in some places."""
    chosen = set(map(id, statements))
    for body in _bodies(function):
        whole = list(body)
        for i, statement in enumerate(whole):
            target = getattr(statement, "target", None) or (getattr(statement, "targets", None) or [None])[0]
            if id(statement) not in chosen or not isinstance(target, ast.Subscript):
                continue
            for count in counts_in(names):
                text = f"{ast.unparse(target.value)} = {ast.unparse(target.value)} / {count}"
                (new,) = ast.parse(text).body
                try:
                    body.insert(i + 1, ast.copy_location(new, statement))
                    ast.fix_missing_locations(new)
                    yield Change("division", f"1/m missing, after this line: {count}", new)
                finally:
                    body[:] = whole


def _depend(first: ast.stmt, second: ast.stmt) -> bool:
    """Return whether the second of two statements computes what the first one uses, or uses what that one updates."""
    if not isinstance(second, (ast.Assign, ast.AugAssign)):
        return False
    (stored, loaded), (stores, loads) = _variables(first), _variables(second)
    return bool(loaded & stores) or bool(stored & loaded & loads)


def _variables(statement: ast.stmt) -> tuple[set[str], set[str]]:
    """The variables that a statement assigns, and those that it reads; `a += b` does both with a."""
    kinds = (ast.Name, ast.Attribute, ast.Subscript)
    every = [node for node in ast.walk(statement) if isinstance(node, kinds)]
    stored = {ast.unparse(node) for node in every if isinstance(node.ctx, ast.Store)}
    loaded = {ast.unparse(node) for node in every if isinstance(node.ctx, ast.Load)}
    return stored, loaded | (stored if isinstance(statement, ast.AugAssign) else set())
