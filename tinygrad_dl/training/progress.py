"""The progress bar of `fit`."""

from __future__ import annotations

import sys
import warnings
from typing import Any


def progress_bar(done: int, epochs: int, wanted: bool) -> Any:
    """The epochs to go, with a bar if tqdm is installed: in notebooks a widget or a line of text; nothing in logs."""
    left = range(done, epochs)
    if not wanted or sys.stderr is None:  # in a program without a console
        return left
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # tqdm warns in a notebook without ipywidgets, and shows a text then
            from tqdm.auto import tqdm
    except ImportError:
        return left
    settings: dict[str, Any] = {"disable": None, "dynamic_ncols": True}
    if _is_notebook() and tqdm.__module__ == "tqdm.std":  # without ipywidgets: what goes to stderr has a red ground
        settings = {"file": sys.stdout, "ncols": 100}
    return tqdm(left, initial=done, total=epochs, unit="epoch", **settings)


def _is_notebook() -> bool:
    shell = getattr(sys.modules.get("IPython"), "get_ipython", lambda: None)()
    return hasattr(shell, "kernel")
