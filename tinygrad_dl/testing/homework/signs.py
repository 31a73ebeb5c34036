"""The sign of steps: whether a file reckons with the error y - a, which is minus the gradient, and adds its steps."""

from __future__ import annotations

import ast
import re

from .loading import UserFile

LABEL = r"(self\.)?([yYtT]|[yY]_?(true|train|batch|label)\w*|targets?\w*|labels?|expected\w*|desired\w*)(\[.*\])?"
OUTPUT = (
    r"(self\.)?([aA]L?\d?|[yY]_?(hat|pred\w*)|out\w*|final\w*|pred\w*|layer_?\w*|l\d|o|activations?\w*|h|probs?|\w*output\w*)"
    r"(\[.*\])?"
)
MINUS = re.compile(f"{LABEL} - {OUTPUT}")


def steps_are_added(file: UserFile) -> bool:
    """Return whether a file has the error y - a somewhere, whose steps are to be added.

    A step that is added in a file without it is a mistake of sign.
    """
    for node in ast.walk(file.tree):
        if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Sub) and MINUS.fullmatch(ast.unparse(node)):
            return True
    return False
