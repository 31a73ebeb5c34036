"""The progress bars of checks, by tqdm if it is installed."""

from __future__ import annotations

import importlib.util
import sys
from typing import Any


def bar_class(wanted: bool = True) -> Any:
    """The class of bars, `tqdm`; None if none is wanted or can be shown, as in a program without a console."""
    if not wanted or sys.stderr is None or importlib.util.find_spec("tqdm") is None:
        return None
    from tqdm import tqdm

    return tqdm
