"""Code for an older NumPy and Python, run on the present ones: removed names, and numbers out of small arrays."""

from __future__ import annotations

import ast
from typing import Any

import numpy as np

from ..repair import copy_of
from .python2 import divide

RENAMED = {  # removed in 1.24, 2.0 and later
    "float_": "float64",
    "complex_": "complex128",
    "unicode_": "str_",
    "Inf": "inf",
    "Infinity": "inf",
    "infty": "inf",
    "NaN": "nan",
    "product": "prod",
    "cumproduct": "cumprod",
    "sometrue": "any",
    "alltrue": "all",
    "in1d": "isin",
    "row_stack": "vstack",
    "trapz": "trapezoid",
    "mat": "asmatrix",
    "round_": "round",
}
BUILTIN = ("float", "int", "bool", "object", "complex", "str")  # np.float was float
METHODS = {"iteritems": "items", "itervalues": "values", "iterkeys": "keys"}  # of dicts
# FUNCTIONS in the file
NUMBER, FORMAT, SCALAR, DIVIDE, ELEMENT = "__number__", "__format_text__", "__scalar__", "__divide__", "__element__"


def mend(statement: ast.stmt, integer_division: bool = False) -> ast.stmt:
    """The statement with what the present NumPy refuses replaced by its meaning in an older one, and in Python 2."""
    return mend_in_place(copy_of(statement), integer_division)


def mend_in_place(statement: ast.stmt, integer_division: bool = False) -> ast.stmt:
    """As `mend`, of a tree that is changed itself."""
    return ast.fix_missing_locations(_Mend(integer_division).visit(statement))


class _Mend(ast.NodeTransformer):
    def __init__(self, integer_division: bool):
        self.integer_division = integer_division

    def visit_Attribute(self, node: ast.Attribute) -> ast.AST:
        self.generic_visit(node)
        if node.attr in METHODS:
            return ast.copy_location(ast.Attribute(node.value, METHODS[node.attr], node.ctx), node)
        of_numpy = isinstance(node.value, ast.Name) and node.value.id in ("np", "numpy")
        if not of_numpy or not isinstance(node.ctx, ast.Load) or node.attr in vars(np):
            return node
        if node.attr == "asscalar":
            return ast.copy_location(ast.Name(SCALAR, ast.Load()), node)
        if node.attr in BUILTIN:
            return ast.copy_location(ast.Name(node.attr, ast.Load()), node)
        return ast.copy_location(ast.Attribute(node.value, RENAMED.get(node.attr, node.attr), ast.Load()), node)

    def visit_Call(self, node: ast.Call) -> ast.AST:
        self.generic_visit(node)
        one = len(node.args) == 1 and not node.keywords and not isinstance(node.args[0], ast.Starred)
        if one and isinstance(node.func, ast.Name) and node.func.id in ("float", "int"):
            node.args = [ast.copy_location(ast.Call(ast.Name(NUMBER, ast.Load()), node.args, []), node)]
        return node

    def visit_Assign(self, node: ast.Assign) -> ast.AST:
        self.generic_visit(node)
        if len(node.targets) == 1:
            node.value = self._element(node.targets[0], node.value)
        return node

    def visit_AugAssign(self, node: ast.AugAssign) -> ast.AST:
        self.generic_visit(node)
        node.value = self._element(node.target, node.value)
        return node

    def _element(self, target: ast.expr, value: ast.expr) -> ast.expr:
        """The value for an entry `x[i]`, which is a number if that is one."""
        if not isinstance(target, ast.Subscript) or any(isinstance(n, ast.Call) for n in ast.walk(target)):
            return value
        holder, key = copy_of(target.value), copy_of(target.slice)
        if isinstance(value, ast.Constant) or any(isinstance(n, ast.Slice) for n in ast.walk(key)):
            return value
        return ast.copy_location(ast.Call(ast.Name(ELEMENT, ast.Load()), [value, holder, key], []), value)

    def visit_BinOp(self, node: ast.BinOp) -> ast.AST:
        self.generic_visit(node)
        if isinstance(node.op, ast.Mod) and isinstance(node.left, ast.Constant) and isinstance(node.left.value, str):
            node.right = ast.copy_location(ast.Call(ast.Name(FORMAT, ast.Load()), [node.right], []), node)
        elif isinstance(node.op, ast.Div) and self.integer_division:
            return ast.copy_location(ast.Call(ast.Name(DIVIDE, ast.Load()), [node.left, node.right], []), node)
        return node


def _number(value: Any) -> Any:
    """The number in an array of one element; any other value as it is."""
    return value.item() if isinstance(value, np.ndarray) and value.ndim and value.size == 1 else value


def _element(value: Any, holder: Any, key: Any) -> Any:
    """The number in an array of one element, such as a matrix, if it is to be one element of an array."""
    if not isinstance(value, np.ndarray) or not value.ndim or value.size != 1 or not isinstance(holder, np.ndarray):
        return value
    return value.item() if holder.dtype != object and np.ndim(holder[key]) == 0 else value


def _format_values(values: Any) -> Any:
    """The values of `text % values`, with numbers for arrays of one element; an array for %s stays as it prints."""
    if isinstance(values, tuple):
        return tuple(map(_Printed.of, values))
    return _Printed.of(values)


class _Printed(float):
    """The number in an array, which %s prints as the array."""

    array: np.ndarray

    @classmethod
    def of(cls, value: Any) -> Any:
        """The printed number of an array of one element; any other value as it is."""
        number = _number(value)
        if number is value or not isinstance(number, (int, float)):
            return value
        printed = cls(number)
        printed.array = value
        return printed

    def __str__(self) -> str:
        return str(self.array)

    def __repr__(self) -> str:
        return repr(self.array)


FUNCTIONS = {
    NUMBER: _number,
    FORMAT: _format_values,
    SCALAR: lambda array: np.asarray(array).item(),
    DIVIDE: divide,
    ELEMENT: _element,
}
