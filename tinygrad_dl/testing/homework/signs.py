"""The sign of steps: whether a file reckons with the error y - a, which is minus the gradient, and adds its steps."""

from __future__ import annotations

import ast
import re

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


def error_is_target_minus_output(file: UserFile) -> bool:
    """Return whether a file has the error y - a somewhere; without it, a step that is added is a mistake of sign."""
    return any(
        isinstance(node, ast.BinOp) and isinstance(node.op, ast.Sub) and bool(MINUS.fullmatch(ast.unparse(node)))
        for node in ast.walk(file.tree)
    )


def steps_are_added(file: UserFile) -> bool:
    """Return whether a file adds its steps, W += step, and never subtracts one."""
    added = subtracted = False
    for node in ast.walk(file.tree):
        if isinstance(node, ast.AugAssign) and PARAMETER.fullmatch(ast.unparse(node.target)):
            added |= isinstance(node.op, ast.Add)
            subtracted |= isinstance(node.op, ast.Sub)
        elif isinstance(node, ast.Assign) and isinstance(node.value, ast.BinOp):
            target, left = ast.unparse(node.targets[0]), ast.unparse(node.value.left)
            if target == left and PARAMETER.fullmatch(target):
                added |= isinstance(node.value.op, ast.Add)
                subtracted |= isinstance(node.value.op, ast.Sub)
    return added and not subtracted and error_is_target_minus_output(file)
