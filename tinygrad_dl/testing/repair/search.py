"""Causes of wrong gradients in a learner's own code: the one small change that makes them right.

It needs no formula, and serves for whatever was judged by differences: the functions behind are changed in place, one
place at a time, and judged again.
"""

from __future__ import annotations

import ast
import contextlib
import inspect
import itertools
import re
import sys
import textwrap
import time
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from types import CodeType, FrameType, FunctionType
from typing import Any, NamedTuple, Protocol

import numpy as np

from ..gradcheck.causes import near
from .mutations import Change, changes, larger, statements_of

SECONDS = 3.0  # of computing, for all code together
MOST = 3  # alternatives
MOST_KEYS = 30  # of a dict
GRADIENT = re.compile(r"\bd[A-Za-z_]?|grad|delta|err|nabla|_g\b", re.I)


class Claim(Protocol):
    """A function with gradients by hand: `value(*values)`, and `gradients(g, values)` by the names of the values."""

    def names(self) -> list[str]: ...  # noqa: D102
    def values(self) -> list[Any]: ...  # noqa: D102
    def value(self, *values: Any) -> Any: ...  # noqa: D102
    def gradients(self, g: np.ndarray, values: Sequence[Any]) -> Mapping[str, Any]: ...  # noqa: D102


class Patch(NamedTuple):
    """Code that may be changed.

    `tree` is to be changed, `apply()` brings it into force as it is then, or returns False, and `undo()` brings back
    the code as it was. `others` are functions to call in it, `where` tells the place of a line, `is_array` which
    variables may be arrays, and `more` are arrays that other code names. Code that computes the value too is `late`.
    """

    tree: ast.AST
    others: list[str]
    apply: Callable[[], bool]
    undo: Callable[[], None]
    where: Callable[[int], str] = "line {}".format
    is_array: Callable[[str], bool] = lambda name: True
    more: Sequence[str] = ()
    late: bool = False


class Look(NamedTuple):
    """The sight of gradients: the right ones, and if each wrong one differs from before, and the value is the same.

    `kept` is False if right elements of wrong gradients are wrong now.
    """

    right: Mapping[str, bool]
    differs: bool
    same: Callable[[], bool]
    kept: bool = True


def repairs(patches: Sequence[Patch], look: Callable[[], Look], seconds: float = SECONDS) -> list[str]:
    """The mistakes in some code, of which each alone explains the wrong gradients; none if there is none so simple.

    `look()` judges the gradients anew. Statements come first that have to do with wrong gradients alone, and with all
    of them: with a larger value in one of them, the right gradients stay right. Then come those that have no larger
    value, such as a dict, and updates.
    """
    end = time.process_time() + seconds
    before = look()

    def rank_now() -> int:
        now = look()
        if not now.differs or any(not now.right[name] for name, right in before.right.items() if right):
            return 2
        return 2 if not now.same() else 0 if now.kept else 1

    def is_right() -> bool:
        now = look()
        return all(now.right.values()) and now.same()

    def tried_on(patch: Patch, statements: list[ast.stmt], signs: bool = False) -> list[str]:
        every = changes(patch.tree, patch.others, statements, patch.is_array, patch.more, signs)
        with contextlib.closing(every):
            return _that_hold(patch, every, is_right, end)

    updates = [(patch, s, sign) for patch in patches for s in statements_of(patch.tree) if (sign := _signs(s))]
    signs = [sign for *_, sign in updates]
    for patch, statement, sign in sorted(updates, key=lambda update: update[2]):  # "+" before "-"
        odd = sign == "+-" or 2 * signs.count(sign) < len(signs) + 1 + (sign == "+")  # the others go the other way
        if odd and (found := tried_on(patch, [statement], signs=True)):
            return found
    ranked = [(patch, s, _rank(patch, s, rank_now, end)) for patch in patches for s in statements_of(patch.tree)]
    groups = [
        (rank, patch, [s for each, s, r in ranked if each is patch and r == rank])
        for rank, patch in itertools.product(range(3), patches)
    ]
    # of the likeliest statements, those of short functions come first
    for _, patch, statements in sorted(groups, key=lambda g: (g[0], g[1].late, len(g[2]) * (g[0] == 0))):
        if found := tried_on(patch, statements):
            others = updates if found[0].startswith("sign") else []
            return list(dict.fromkeys([*found, *(text for p, s, _ in others for text in tried_on(p, [s], signs=True))]))
    return []


def _rank(patch: Patch, statement: ast.stmt, rank: Callable[[], int], end: float) -> int:
    """0 for a statement that may hold the mistake, 2 for one that does not, 1 if that is unknown."""
    if time.process_time() > end:
        return 1
    with larger(statement):
        found = _tried(patch, rank)
    return 1 if found is None or (found == 0 and _is_update(statement)) else found


def _signs(statement: ast.stmt) -> str:
    """The signs by which updates in a statement add their steps: "+", "-", both, or none."""
    if not _is_update(statement):
        return ""
    operations = [statement] if isinstance(statement, ast.AugAssign) else [value for _, value in _assigned(statement)]
    signs: dict[type, str] = {ast.Add: "+", ast.Sub: "-"}
    return "".join(sorted({signs.get(type(getattr(_element(each), "op", None)), "") for each in operations}))


def _element(operation: Any) -> Any:
    """The elements of a list or dict that is made of others, or an operation itself."""
    while isinstance(operation, (ast.ListComp, ast.DictComp)):
        operation = operation.elt if isinstance(operation, ast.ListComp) else operation.value
    return operation


def _assigned(statement: ast.stmt) -> list[tuple[ast.expr, ast.expr]]:
    """The targets of a statement and their values, each of a tuple for itself."""
    target, value = (getattr(statement, "targets", None) or [None])[0], getattr(statement, "value", None)
    if target is None or value is None:
        return []
    several = isinstance(target, ast.Tuple) and isinstance(value, ast.Tuple) and len(target.elts) == len(value.elts)
    return list(zip(target.elts, value.elts, strict=True)) if several else [(target, value)]


def _is_update(statement: ast.stmt) -> bool:
    """Return whether a statement changes a variable that is no gradient by its name, as `W -= step` does."""
    pairs = [(statement.target,) * 2] if isinstance(statement, ast.AugAssign) else _assigned(statement)
    texts = [(ast.unparse(target), ast.unparse(value)) for target, value in pairs]
    made = any(_element(value) is not value for _, value in pairs)
    return any((made or target in value) and not GRADIENT.search(target) for target, value in texts)


def _that_hold(patch: Patch, tried: Iterable[Change], is_right: Callable[[], bool], end: float) -> list[str]:
    """The changes with which `is_right()` holds: the first ones, all of one kind, mistakes and new lines each once."""
    found: set[tuple[int, str]] = set()
    kind = ""
    texts: list[str] = []
    for change in tried:
        if time.process_time() > end or len(texts) == MOST or (texts and change.kind != kind):
            break
        line = change.statement.lineno
        what = change.mistake.partition(": ")[0] if change.kind == "_means" else change.mistake  # whatever is called m
        keys = {(line, what), (line, ast.unparse(change.statement))}
        if found.isdisjoint(keys) and _tried(patch, is_right):
            found |= keys
            kind = change.kind
            texts.append(change.words(patch.where))
    return texts


def _tried(patch: Patch, judge: Callable[[], int]) -> int | None:
    """The judgement on the tree of a patch as it is; None if it does not run, as what was changed need not."""
    try:
        with np.errstate(all="ignore"):
            return judge() if patch.apply() else None
    except Exception:
        return None
    finally:
        patch.undo()


def repairs_of(claim: Claim, patches: Sequence[Patch], wanted: Sequence[str], seconds: float = SECONDS) -> list[str]:
    """The mistakes in some code that make the `wanted` gradients of a claim wrong; the value stays as it is."""
    names, values = claim.names(), claim.values()
    ans = np.asarray(claim.value(*values), dtype=float)
    rng = np.random.default_rng(3)
    g = rng.uniform(0.5, 1.5, ans.shape) * rng.choice([-1.0, 1.0], ans.shape) if ans.ndim else np.ones(())
    before = {name: _numbers(part) for name, part in claim.gradients(g, values).items()}

    def along(*moved: Any) -> float:
        return float(np.sum(g * claim.value(*moved)))

    truth = {name: numeric_gradient(along, values, names.index(name)) for name in wanted}
    truth |= {name: part for name, part in before.items() if name not in truth and part is not None}

    wrong = [n for n in wanted if not _near(before.get(n), truth[n])]
    masks = {n: _right_elements(before.get(n), truth[n]) for n in wanted}

    def same() -> bool:
        return np.array_equal(np.asarray(claim.value(*values), dtype=float), ans)

    def look() -> Look:
        given = {name: _numbers(part) for name, part in claim.gradients(g, values).items()}
        right = {n: (part := given.get(n)) is not None and near(part, truth[n]) for n in truth}
        kept = all(np.all(_right_elements(given.get(n), truth[n])[masks[n]]) for n in wanted)
        return Look(right, all(not _near(given.get(n), before.get(n)) for n in wrong), same, kept)

    return repairs(patches, look, seconds)


def _numbers(part: Any) -> np.ndarray | None:
    return None if part is None else np.array(part, dtype=float)


def _right_elements(given: np.ndarray | None, truth: np.ndarray) -> np.ndarray:
    if given is None or given.shape != truth.shape:
        return np.zeros(truth.shape, bool)
    return np.abs(given - truth) <= 1e-4 * np.abs(truth).max(initial=0.0)


def _near(a: np.ndarray | None, b: np.ndarray | None) -> bool:
    return a is b is None or (a is not None and b is not None and near(a, b))


def numeric_gradient(f: Callable[..., float], values: Sequence[Any], i: int, step: float = 1e-6) -> np.ndarray:
    """The derivatives of a number with respect to one of the arguments, by central differences."""
    x = np.array(values[i], dtype=float)
    gradient = np.zeros(x.shape)
    for index in np.ndindex(x.shape):
        ends = []
        for h in (step, -step):
            moved = x.copy()
            moved[index] += h
            ends.append(f(*values[:i], moved if moved.ndim else float(moved), *values[i + 1 :]))
        gradient[index] = (ends[0] - ends[1]) / (2 * step)
    return gradient


# ---- functions as code that may be changed


def called_by(run: Callable[[], Any], known: Iterable[Any] = ()) -> dict[FunctionType, set[str]]:
    """The functions that are called while `run` runs, in their order, and their variables that are arrays.

    They are found among the `known` values, the global variables of the calls, the methods of classes in these, and
    the attributes of the first arguments.
    """
    arrays: dict[CodeType, set[str]] = {}
    spaces: dict[int, dict[str, Any]] = {}
    before = sys.getprofile()

    def see(frame: FrameType, event: str, argument: Any) -> None:
        code = frame.f_code
        if event == "call":
            arrays.setdefault(code, set())
            spaces.setdefault(id(frame.f_globals), frame.f_globals)
            first = frame.f_locals.get(code.co_varnames[0]) if code.co_argcount else None
            spaces.setdefault(id(first), getattr(first, "__dict__", {}))
        elif event == "return":
            arrays[code] = arrays.get(code, set()) | set(_arrays_in(frame.f_locals))

    sys.setprofile(see)
    try:
        run()
    finally:
        sys.setprofile(before)
    values = [*known, *itertools.chain(*(list(space.values()) for space in spaces.values()))]
    methods = [member for value in values if isinstance(value, type) for member in vars(value).values()]
    functions = {f.__code__: f for each in (*values, *methods) if (f := _plain(each)) is not None}
    return {functions[code]: names for code, names in arrays.items() if code in functions}


def _arrays_in(local: Mapping[str, Any]) -> Iterator[str]:
    """The variables that are arrays or floats, with attributes of self and entries of dicts."""
    kinds = (np.ndarray, float)
    yield from (name for name, value in local.items() if isinstance(value, kinds))
    held = getattr(local.get("self"), "__dict__", {})
    yield from (f"self.{name}" for name, value in held.items() if isinstance(value, kinds))
    dicts = [(name, value) for name, value in local.items() if isinstance(value, dict)]
    yield from (
        f"{n}[{key!r}]" for n, each in dicts for key, v in list(each.items())[:MOST_KEYS] if isinstance(v, kinds)
    )


def patch_of(
    function: Any,
    arrays: Collection[str] | None = None,
    mend: Callable[[Any], Any] = lambda tree: tree,
    where: Callable[[int], str] = "line {}".format,
) -> Patch | None:
    """A function as code that may be changed, for all who hold it; `mend` adapts its tree before it is compiled.

    `arrays` are those of its variables, if they are known. None for what has no source.
    """
    plain = _plain(function)
    if plain is None or (tree := _tree(plain)) is None:
        return None
    old = plain.__code__
    module = _module(tree, old)

    def apply() -> bool:
        code = _compiled(mend(module), old)
        plain.__code__ = code or old
        return code is not None

    def is_array(name: str) -> bool:
        return arrays is None or name in arrays or name not in old.co_varnames[old.co_argcount :]

    more = sorted(name for name in arrays or () if not name.isidentifier())
    return Patch(tree, _others(plain), apply, lambda: setattr(plain, "__code__", old), where, is_array, more)


def _plain(function: Any) -> FunctionType | None:
    function = getattr(function, "fget", function)  # of a property
    function = getattr(function, "__func__", function)
    function = inspect.unwrap(function) if callable(function) else function
    return function if isinstance(function, FunctionType) else None


def _tree(function: FunctionType) -> ast.FunctionDef | None:
    """The syntax tree of a function, with the line numbers of its file."""
    try:
        tree = ast.parse(textwrap.dedent(inspect.getsource(function))).body[0]
    except (OSError, TypeError, SyntaxError, IndexError):
        return None
    if not isinstance(tree, ast.FunctionDef):
        return None
    ast.increment_lineno(tree, function.__code__.co_firstlineno - 1)
    tree.decorator_list = []
    return tree


def _others(function: FunctionType) -> list[str]:
    """The functions of the same file, to be called instead."""
    file = function.__code__.co_filename
    return [
        name
        for name, value in function.__globals__.items()
        if isinstance(value, FunctionType) and value.__code__.co_filename == file and value is not function
    ]


def _module(tree: ast.FunctionDef, old: CodeType) -> ast.Module:
    """A module with the function, and with the variables of its closure around it."""
    body: list[ast.stmt] = [tree]
    if old.co_freevars:
        outer = ast.parse("def outer():\n    " + " = ".join(old.co_freevars) + " = None").body[0]
        assert isinstance(outer, ast.FunctionDef)
        outer.body.append(tree)
        body = [outer]
    return ast.fix_missing_locations(ast.Module(body, []))


def _compiled(module: ast.Module, old: CodeType) -> CodeType | None:
    """The code of the function in a module, to be put in the place of the old code; None if that makes no sense."""
    try:
        code = compile(module, old.co_filename, "exec", dont_inherit=True)
    except (SyntaxError, ValueError, TypeError):
        return None
    for _ in range(2 if old.co_freevars else 1):
        code = next((c for c in code.co_consts if isinstance(c, CodeType)), code)
    return code if code.co_freevars == old.co_freevars and code.co_name == old.co_name else None
