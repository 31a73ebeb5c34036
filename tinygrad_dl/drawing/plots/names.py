"""The names of the course, W1 b1 Z1 A1 W2 ..., split into layer and kind."""

from __future__ import annotations

import re


def layer_and_kind(name: str) -> tuple[str, str]:
    """Split a name into its number and the rest: W1 into ("1", "W")."""
    return ".".join(re.findall(r"\d+", name)), re.sub(r"\d+", "", name)
