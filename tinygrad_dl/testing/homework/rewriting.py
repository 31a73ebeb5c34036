"""A learner's code rewritten so that a training step, its values and its updates are watched.

The new code calls the object `WATCH` of its namespace, a `watch.Watch`. What an update is, is in `updates`.
"""

from __future__ import annotations

import ast
import copy
import re
from collections.abc import Sequence
from typing import Any

from .updates import LEAVES, factors_of, function_of, leaves_of, pairs_of, update_of, updates_inside

WATCH = "__watch__"
QUIET = re.compile(r"\w*(print|verbose|debug|show|plot|display|log|report|disp)\w*", re.IGNORECASE)
SHOWS = ("print", "append", "str", "round", "format", "write", "info", "set_description", "float", "add_scalar")


def watched(tree: ast.Module, region: ast.AST, cut: Sequence[ast.AST]) -> ast.Module:
    """The tree, changed: its statement `region` is one step; the loops in `cut` end after a turn without a step."""
    return _Watched(region, cut).visit(tree)


class _Watched(ast.NodeTransformer):
    """Code in which updates, values and differences are watched; `region` is the statement that is one step."""

    def __init__(self, region: ast.AST, cut: Sequence[ast.AST]):
        self.region, self.cut = region, cut
        self.inside = False
        self.scopes: list[Any] = []
        self.elements: dict[int, tuple[ast.expr, Sequence]] = {}  # that are updated, by the list or dict

    # ---- the step

    def generic_visit(self, node: ast.AST) -> ast.AST:
        if node is not self.region:
            node = super().generic_visit(node)
            if isinstance(node, (ast.For, ast.While)) and any(node is each for each in self.cut):
                node.body += ast.parse(f"if {WATCH}.idle:\n    break").body
            return node
        inside, self.inside = self.inside, True
        names = sorted(self._own_names() & {n.id for n in ast.walk(node) if isinstance(n, ast.Name)})
        super().generic_visit(node)
        self.inside = inside
        start = [f"__given__ = {WATCH}.start(locals(), globals())"]
        start += [f"if {n!r} in __given__: {n} = __given__[{n!r}]" for n in names]
        head, tail = ast.parse("\n".join(start)).body, ast.parse(f"{WATCH}.done(locals(), globals())").body
        node.body = [*head, *node.body, *tail]  # type: ignore[attr-defined]
        return node

    def _own_names(self) -> set[str]:
        """The names that an assignment in the region would not hide: those assigned in its function, or the module."""
        scope = self.scopes[-1]
        arguments = {a.arg for a in ast.walk(scope) if isinstance(a, ast.arg)}
        return arguments | {n.id for n in ast.walk(scope) if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Store)}

    def visit_Module(self, node: ast.Module) -> ast.AST:
        self.scopes = [node]
        every = [inside for statement in ast.walk(node) for inside in updates_inside(statement)]
        self.elements = {id(made): (element, copy.deepcopy(terms)) for made, element, terms in every}
        return self.generic_visit(node)

    def visit_FunctionDef(self, node: ast.FunctionDef) -> ast.AST:
        self.scopes.append(node)
        node = self._function_of(node)
        self.scopes.pop()
        return node

    def _function_of(self, node: ast.FunctionDef) -> Any:
        if node is self.region:
            docstring = node.body[:1] if ast.get_docstring(node) else []
            declared = [s for s in node.body if isinstance(s, (ast.Global, ast.Nonlocal))]
            self.generic_visit(node)
            node.body = [*docstring, *declared, *(s for s in node.body if s not in declared and s not in docstring)]
            return node
        return self.generic_visit(node)

    def visit_If(self, node: ast.If) -> ast.AST:
        """Take a branch that only shows how far the training is."""
        shown = [n for n in ast.walk(node) if isinstance(n, ast.Call) and function_of(n) in SHOWS]
        jumps = [n for n in ast.walk(node) if isinstance(n, (ast.Break, ast.Continue, ast.Return, ast.Raise))]
        seldom = any(isinstance(n, ast.Mod) for n in ast.walk(node.test))
        seldom |= any(isinstance(n, ast.Name) and QUIET.fullmatch(n.id) for n in ast.walk(node.test))
        changes = any(update_of(n) for n in ast.walk(node))
        node = self.generic_visit(node)  # type: ignore[assignment]
        if self.inside and seldom and (shown or not changes) and not jumps and not node.orelse:
            handler = ast.ExceptHandler(ast.Name("Exception", ast.Load()), None, [ast.Pass()])
            return ast.copy_location(ast.Try(node.body, [handler], [], []), node)
        return node

    # ---- values

    def visit_AugAssign(self, node: ast.AugAssign) -> ast.AST:
        updates = update_of(node)
        if not updates:
            return self.generic_visit(node)
        target, terms, _ = updates[0]
        value = self._change(target, terms, self._load(target), self.visit(copy.deepcopy(node.value)), node.op)
        return ast.copy_location(ast.Assign([target], value), node)

    def visit_Assign(self, node: ast.Assign) -> ast.AST:
        updates = {ast.unparse(target): (target, terms, scaled) for target, terms, scaled in update_of(node)}
        target = node.targets[0]
        pairs = pairs_of(node)
        if len(pairs) > 1:
            node.value.elts = [self._assigned(one, value, updates) for one, value in pairs]  # type: ignore[attr-defined]
            return node
        node.value = self._assigned(target, node.value, updates)
        return node

    def _assigned(self, target: ast.expr, value: ast.expr, updates: dict) -> ast.expr:
        update = updates.get(ast.unparse(target))
        if update:
            return self._change(target, update[1], self._load(target), self.visit(copy.deepcopy(value)), None)
        return self._noted(ast.unparse(target), self.visit(value))

    def visit_ListComp(self, node: ast.ListComp) -> ast.AST:
        return self._made(node, "elt")

    def visit_DictComp(self, node: ast.DictComp) -> ast.AST:
        return self._made(node, "value")

    def _made(self, node: Any, value: str) -> ast.AST:
        """A list or dict, with its updated elements as the watch decides."""
        made = self.generic_visit(node)
        if id(node) in self.elements:
            element, terms = self.elements[id(node)]
            setattr(made, value, self._change(element, terms, self._load(element), getattr(made, value), None))
        return made

    def visit_Return(self, node: ast.Return) -> ast.AST:
        if node.value is not None:
            text = ast.unparse(node.value)
            node.value = self._noted(
                text if isinstance(node.value, LEAVES) else f"return of {self.scopes[-1].name}", self.visit(node.value)
            )
        return node

    def visit_Call(self, node: ast.Call) -> ast.AST:
        shows = function_of(node) in SHOWS
        texts = [ast.unparse(arg) for arg in node.args]
        self.generic_visit(node)
        if shows:
            node.args = [
                arg if isinstance(arg, (ast.Starred, ast.Constant)) else self._noted(f"shown {text}", arg)
                for arg, text in zip(node.args, texts, strict=True)
            ]
        return node

    def visit_FormattedValue(self, node: ast.FormattedValue) -> ast.AST:
        text = ast.unparse(node.value)
        node.value = self._noted(f"shown {text}", self.visit(node.value))
        return node

    def visit_BinOp(self, node: ast.BinOp) -> ast.AST:
        if isinstance(node.op, ast.Mod) and isinstance(node.left, ast.Constant) and isinstance(node.left.value, str):
            parts = node.right.elts if isinstance(node.right, ast.Tuple) else [node.right]
            noted = [self._noted(f"shown {ast.unparse(part)}", self.visit(part)) for part in parts]
            node.right = ast.Tuple(noted, ast.Load()) if isinstance(node.right, ast.Tuple) else noted[0]
            return node
        self.generic_visit(node)
        if isinstance(node.op, ast.Sub) and not isinstance(node.left, ast.Constant):
            return self._call("minus", [node.left, node.right], node)
        return node

    # ---- calls of the watch

    def _load(self, target: ast.expr) -> ast.expr:
        loaded = copy.deepcopy(target)
        for node in ast.walk(loaded):
            if isinstance(node, (*LEAVES, ast.Tuple)) and isinstance(node.ctx, ast.Store):
                node.ctx = ast.Load()
        return loaded

    def _noted(self, name: str, value: ast.expr) -> ast.expr:
        return self._call("note", [ast.Constant(name), value], value)

    def _change(self, target: ast.expr, terms: Sequence, old: ast.expr, value: ast.expr, op: Any) -> ast.expr:
        """The new value of an updated target, as the watch decides."""
        parts: list[ast.expr] = []
        for sign, term in terms:
            scales, rest = factors_of(term)
            leaves = leaves_of(rest)
            parts.append(
                ast.Tuple(
                    [
                        ast.Constant(sign),
                        ast.Tuple([copy.deepcopy(s) for s in scales], ast.Load()),
                        copy.deepcopy(rest),
                        ast.Constant(ast.unparse(rest)),
                        ast.Dict([ast.Constant(text) for text in leaves], [copy.deepcopy(n) for n in leaves.values()]),
                    ],
                    ast.Load(),
                )
            )
        container: ast.expr = ast.Constant(None)
        key: ast.expr = ast.Constant(None)
        if isinstance(target, ast.Subscript):
            container = self._load(target.value)
            index = ast.Attribute(ast.Name(WATCH, ast.Load()), "index", ast.Load())  # gives slices as they are
            key = ast.Subscript(index, self._load(target.slice), ast.Load())
        later = ast.Lambda(ast.arguments([], [], None, [], [], None, []), ast.Tuple(parts, ast.Load()))
        operator = ast.Constant({ast.Add: "+", ast.Sub: "-"}.get(type(op), ""))
        return self._call(
            "change", [ast.Constant(ast.unparse(target)), operator, old, value, later, container, key], target
        )

    def _call(self, method: str, arguments: list[ast.expr], at: ast.AST) -> ast.expr:
        function = ast.Attribute(ast.Name(WATCH, ast.Load()), method, ast.Load())
        return ast.fix_missing_locations(ast.copy_location(ast.Call(function, arguments, []), at))
