"""The signatures of functions, whose annotations may name what is there for type checkers only."""

from __future__ import annotations

import importlib
import inspect
from collections.abc import Callable
from typing import Any


def _settings() -> dict[str, Any]:
    """Settings of `inspect.signature` for annotations that Python 3.14 evaluates there, and not in the definition."""
    try:
        annotationlib = importlib.import_module("annotationlib")
    except ModuleNotFoundError:
        return {}
    return {"annotation_format": annotationlib.Format.FORWARDREF}


_SETTINGS = _settings()


def signature(function: Callable[..., Any]) -> inspect.Signature:
    """The signature of `function`: `inspect.signature`, and no NameError for a name under `if TYPE_CHECKING`.

    Raises ValueError for some functions written in C, TypeError for what can't be called.
    """
    return inspect.signature(function, **_SETTINGS)
