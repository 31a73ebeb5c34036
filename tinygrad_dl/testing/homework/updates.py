"""Updates of parameters in a learner's code, by their syntax.

`W -= lr * dW`, `W = W - lr * dW`, `self.W += step` and `params["W"] = np.subtract(params["W"], step)` are updates, and
so are the elements of `Ws = [W - lr * dW for W, dW in zip(Ws, dWs)]` and of a dict that is made in this way.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from typing import Any

RATE = r"(?i)_*(l_?r\w*|learning_?rate\w*|learn\w*|alpha\w*|eta\w*|epsilon\w*|eps|\w*rate|step_?(size)?|gamma)"
LEAVES = (ast.Name, ast.Attribute, ast.Subscript)


def same(a: ast.AST, b: ast.AST) -> bool:
    """Return whether two expressions are written alike."""
    return ast.unparse(a) == ast.unparse(b)


def terms_of(value: ast.expr, sign: int = 1) -> Iterator[tuple[int, ast.expr]]:
    """The terms of a sum, with their signs."""
    if isinstance(value, ast.BinOp) and isinstance(value.op, (ast.Add, ast.Sub)):
        yield from terms_of(value.left, sign)
        yield from terms_of(value.right, sign if isinstance(value.op, ast.Add) else -sign)
    elif isinstance(value, ast.UnaryOp) and isinstance(value.op, ast.USub):
        yield from terms_of(value.operand, -sign)
    elif function_of(value) in ("subtract", "add") and len(value.args) == 2:  # type: ignore[attr-defined]
        yield from terms_of(value.args[0], sign)  # type: ignore[attr-defined]
        yield from terms_of(value.args[1], sign if function_of(value) == "add" else -sign)  # type: ignore[attr-defined]
    else:
        yield sign, value


def function_of(value: ast.AST) -> str:
    """The name of the called function, without its module."""
    if not isinstance(value, ast.Call):
        return ""
    called = value.func
    return called.attr if isinstance(called, ast.Attribute) else called.id if isinstance(called, ast.Name) else ""


def update_of(statement: ast.AST) -> list[tuple[ast.expr, list[tuple[int, ast.expr]], bool]]:
    """The updates that a statement makes: each a target, the terms added to it, and True if it is also scaled."""
    if isinstance(statement, ast.AugAssign) and isinstance(statement.op, (ast.Add, ast.Sub)):
        sign = 1 if isinstance(statement.op, ast.Add) else -1
        return [(statement.target, list(terms_of(statement.value, sign)), False)]
    if not isinstance(statement, ast.Assign) or len(statement.targets) != 1:
        return []
    found: list[tuple[ast.expr, list[tuple[int, ast.expr]], bool]] = []
    for one, new in pairs_of(statement):
        terms = list(terms_of(new))
        own = [(sign, term) for sign, term in terms if _is_share(term, one)]
        if isinstance(one, LEAVES) and len(own) == 1 and own[0][0] == 1 and len(terms) > 1:
            found.append((one, [t for t in terms if t not in own], not same(own[0][1], one)))
    return found


def updates_inside(statement: ast.AST) -> Iterator[tuple[Any, ast.expr, list[tuple[int, ast.expr]]]]:
    """The lists and dicts in a statement whose elements are updated ones: each with the element, and the terms added.

    They are those that replace what they run over, and those with a learning rate in them.
    """
    if not isinstance(statement, (ast.Assign, ast.Return)) or statement.value is None:
        return
    targets = [ast.unparse(target) for target in getattr(statement, "targets", [])]
    for made in ast.walk(statement.value):
        if isinstance(made, (ast.ListComp, ast.DictComp)) and len(made.generators) == 1:
            over = made.generators[0]
            replaces = any(isinstance(n, LEAVES) and ast.unparse(n) in targets for n in ast.walk(over.iter))
            terms = list(terms_of(made.elt if isinstance(made, ast.ListComp) else made.value))
            steps = [term for term in terms if _is_rated(term[1])]
            for own in [term for term in terms if term not in steps and term[0] == 1]:
                element = _element(own[1], over.target)
                if element is not None and len(terms) > 1 and (replaces or steps):
                    yield made, element, [term for term in terms if term is not own]
                    break


def _is_rated(term: ast.expr) -> bool:
    """True for a term with a learning rate, as a variable."""
    return any(isinstance(node, LEAVES) for scale in factors_of(term)[0] for node in ast.walk(scale))


def _element(term: ast.expr, variables: ast.expr) -> ast.expr | None:
    """The element in a term that is a share of it: one of the variables of a loop, or what has one for its key."""
    names = {n.id for n in ast.walk(variables) if isinstance(n, ast.Name)}
    for node in ast.walk(term):
        key = node.slice if isinstance(node, ast.Subscript) else node
        if isinstance(node, ast.expr) and isinstance(key, ast.Name) and key.id in names and _is_share(term, node):
            return node
    return None


def pairs_of(statement: ast.Assign) -> list[tuple[ast.expr, ast.expr]]:
    """The targets of an assignment and their values: several in `W, b = W - dW, b - db`."""
    target, value = statement.targets[0], statement.value
    several = isinstance(target, ast.Tuple) and isinstance(value, ast.Tuple) and len(target.elts) == len(value.elts)
    if several and not any(isinstance(part, ast.Starred) for part in (*target.elts, *value.elts)):  # type: ignore
        return list(zip(target.elts, value.elts, strict=True))  # type: ignore[attr-defined]
    return [(target, value)]


def _is_share(term: ast.expr, target: ast.AST) -> bool:
    """True for the target itself, or the target times factors."""
    while isinstance(term, ast.BinOp) and isinstance(term.op, (ast.Mult, ast.Div)):
        if isinstance(term.op, ast.Mult) and _is_share(term.right, target):
            return True
        term = term.left
    return same(term, target)


def factors_of(term: ast.expr) -> tuple[list[ast.expr], ast.expr]:
    """The factors of a term that scale a step, such as a learning rate, and the rest.

    A size such as m, a whole number and 2.0 belong to the gradient; so does 0.5, unless there is no other factor.
    """
    scales, rest = _factors_of(term)
    if not scales and isinstance(term, ast.BinOp) and isinstance(term.op, ast.Mult):
        for number, other in ((term.left, term.right), (term.right, term.left)):
            if isinstance(number, ast.Constant) and number.value in (0.5, 1.0) and isinstance(number.value, float):
                return [number], other
    return scales, rest


def _factors_of(term: ast.expr) -> tuple[list[ast.expr], ast.expr]:
    scales, rest = [], term
    if isinstance(term, ast.BinOp) and isinstance(term.op, ast.Mult):
        (first, left), (second, right) = _factors_of(term.left), factors_of(term.right)
        scales = first + second
        rest = ast.copy_location(ast.BinOp(left, ast.Mult(), right), term)
        if _scales(left) and not _scales(right):
            scales, rest = [*scales, left], right
        elif _scales(right) and not _scales(left):
            scales, rest = [*scales, right], left
    elif isinstance(term, ast.BinOp) and isinstance(term.op, ast.MatMult):  # lr * A @ B is (lr * A) @ B
        (first, left), (second, right) = _factors_of(term.left), _factors_of(term.right)
        scales, rest = first + second, ast.copy_location(ast.BinOp(left, ast.MatMult(), right), term)
    elif isinstance(term, ast.BinOp) and isinstance(term.op, ast.Div):
        scales, left = _factors_of(term.left)
        rest = ast.copy_location(ast.BinOp(left, ast.Div(), term.right), term)
        if _scales(left) and isinstance(term.right, (ast.Name, ast.Attribute, ast.Call, ast.Subscript, ast.Constant)):
            one = ast.copy_location(ast.Constant(1.0), term)  # lr / m is a rate, and 1 / m
            scales, rest = [*scales, left], ast.copy_location(ast.BinOp(one, ast.Div(), term.right), term)
    elif isinstance(term, ast.UnaryOp) and isinstance(term.op, ast.USub):
        scales, operand = _factors_of(term.operand)
        rest = ast.copy_location(ast.UnaryOp(ast.USub(), operand), term)
    elif function_of(term) in ("multiply", "dot") and len(term.args) == 2:  # type: ignore[attr-defined]
        left, right = term.args  # type: ignore[attr-defined]
        if _scales(left) or _scales(right):
            scales, rest = ([left], right) if _scales(left) else ([right], left)
    return scales, rest


def _scales(factor: ast.expr) -> bool:
    if isinstance(factor, ast.UnaryOp):
        return _scales(factor.operand)
    if isinstance(factor, ast.Constant):
        return isinstance(factor.value, float) and factor.value not in (0.5, 1.0, 2.0)
    name = factor.attr if isinstance(factor, ast.Attribute) else factor.id if isinstance(factor, ast.Name) else ""
    if isinstance(factor, ast.Subscript) and isinstance(factor.slice, ast.Constant):
        name = str(factor.slice.value)
    return bool(re.fullmatch(RATE, name))


def leaves_of(value: ast.expr) -> dict[str, ast.expr]:
    """The variables in an expression, by their text: names, attributes and entries, but no functions."""
    found: dict[str, ast.expr] = {}

    def search(node: ast.AST) -> None:
        if isinstance(node, (ast.ListComp, ast.GeneratorExp, ast.DictComp, ast.SetComp, ast.Lambda)):
            return  # their own variables are not there outside of them
        if isinstance(node, LEAVES) and "__" not in ast.unparse(node):
            found[ast.unparse(node)] = node
        for child in ast.iter_child_nodes(node):
            if not (isinstance(node, ast.Call) and child is node.func and isinstance(child, ast.Name)):
                search(child)

    search(value)
    return found
