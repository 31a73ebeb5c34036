"""Signatures of functions, also with annotations that exist for type checkers only."""

from __future__ import annotations

import importlib
import inspect
from collections.abc import Callable
from typing import Any


def _settings() -> dict[str, Any]:
    """The settings of `inspect.signature` for Python 3.14, which evaluates annotations there, not at the definition."""
    try:
        annotationlib = importlib.import_module("annotationlib")
    except ModuleNotFoundError:
        return {}
    return {"annotation_format": annotationlib.Format.FORWARDREF}


_SETTINGS = _settings()


def signature(function: Callable[..., Any]) -> inspect.Signature:
    """The signature of `function`, without a NameError for annotations imported under `if TYPE_CHECKING`.

    Raises ValueError for some functions written in C, TypeError for objects that are not callable.
    """
    return inspect.signature(function, **_SETTINGS)
