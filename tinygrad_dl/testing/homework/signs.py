"""The sign of steps: whether a file reckons with the error y - a, which is minus the gradient, and adds its steps."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

from .loading import UserFile

LABEL = r"(self\.)?([yYtT]|[yY]_?(true|train|batch|label)\w*|targets?\w*|labels?|expected\w*|desired\w*)(\[.*\])?"
OUTPUT = (
    r"(self\.)?([aA]L?\d?|[yY]_?(hat|pred\w*)|out\w*|final\w*|pred\w*|layer_?\w*|l\d|o|activations?\w*|h|probs?|"
    r"\w*output\w*)(\[.*\])?"
)
MINUS = re.compile(f"{LABEL} - {OUTPUT}")
PARAMETER = re.compile(
    r".*([wW]_?\w{0,2}|[wW]eights?\w*|synapse\w*|syn_?\d|bias\w*|b\d?|theta\w*|params?\w*|who|wih)(\[.*\])?"
)


EVEN = {"square", "abs", "absolute", "fabs", "power", "pow", "norm"}  # they forget the sign of a difference


def error_is_target_minus_output(file: UserFile) -> bool:
    """Return whether a file has the error y - a somewhere; without it, a step that is added is a mistake of sign.

    The difference in a loss such as mean((y - a)**2) tells nothing of the steps.
    """
    return any(
        isinstance(node, ast.BinOp) and isinstance(node.op, ast.Sub) and bool(MINUS.fullmatch(ast.unparse(node)))
        for node in _signed(file.whole)
    )


def _signed(node: ast.AST) -> Iterator[ast.AST]:
    """The nodes below `node` that are in no even function, where the sign of a difference counts."""
    yield node
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Pow):
        return
    if isinstance(node, ast.Call) and getattr(node.func, "attr", getattr(node.func, "id", "")) in EVEN:
        return
    for child in ast.iter_child_nodes(node):
        yield from _signed(child)


def steps_are_added(file: UserFile) -> bool:
    """Return whether a file adds its steps, W += step, and never subtracts one."""
    added = subtracted = False
    for node in ast.walk(file.whole):
        if isinstance(node, ast.AugAssign) and PARAMETER.fullmatch(ast.unparse(node.target)):
            added |= isinstance(node.op, ast.Add)
            subtracted |= isinstance(node.op, ast.Sub)
        elif isinstance(node, ast.Assign) and isinstance(node.value, ast.BinOp):
            target, left = ast.unparse(node.targets[0]), ast.unparse(node.value.left)
            if target == left and PARAMETER.fullmatch(target):
                added |= isinstance(node.value.op, ast.Add)
                subtracted |= isinstance(node.value.op, ast.Sub)
    return added and not subtracted and error_is_target_minus_output(file)
