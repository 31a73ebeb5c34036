"""The progress bar of `fit`."""

from __future__ import annotations

import warnings
from typing import Any


def progress_bar(done: int, epochs: int, wanted: bool) -> Any:
    """The epochs to go, with a bar if tqdm is installed: a widget in notebooks, nothing in files and logs."""
    left = range(done, epochs)
    if not wanted:
        return left
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # tqdm warns in a notebook without ipywidgets, and shows a text then
            from tqdm.auto import tqdm
    except ImportError:
        return left
    return tqdm(left, initial=done, total=epochs, unit="epoch", disable=None, dynamic_ncols=True)
