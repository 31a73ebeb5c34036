"""The user's own line on the stack, for warnings and error messages."""

from __future__ import annotations

import functools
import linecache
import os
import sys
import warnings
from types import FrameType

import numpy as np

NUMPY = "numpy"
PACKAGE, _OF_NUMPY = (os.path.join(os.path.dirname(package), "") for package in (__file__, np.__file__))
_NOT_THE_USERS = PACKAGE, _OF_NUMPY


def warn(message: str, category: type[Warning] = UserWarning) -> None:
    """Warn at the user's own line."""
    frame = users_frame(sys._getframe())
    seen = frame.f_globals.setdefault("__warningregistry__", {})
    warnings.warn_explicit(message, category, frame.f_code.co_filename, frame.f_lineno, registry=seen)


def line_of(frame: FrameType) -> str:
    """The file, number and code of the line that `frame` is at."""
    name, number = frame.f_code.co_filename, frame.f_lineno
    code = linecache.getline(name, number, frame.f_globals).strip()
    return f"{name}:{number}" + (f": {code}" if code else "")


def own_frame(frame: FrameType) -> FrameType:
    """The innermost frame from `frame` outwards that belongs neither to this package nor to NumPy."""
    while frame.f_code.co_filename.startswith(_NOT_THE_USERS) and frame.f_back is not None:
        frame = frame.f_back
    return frame


def users_frame(frame: FrameType) -> FrameType:
    """The innermost frame from `frame` outwards that belongs to no library, else that of `own_frame`."""
    own = own_frame(frame)
    outer: FrameType | None = own
    while outer is not None and is_library(outer.f_code.co_filename):
        outer = outer.f_back
    return outer or own


@functools.cache
def is_library(filename: str) -> str:
    """NUMPY, "installed" or "standard" for a file of a library; empty for the user's files and this package."""
    if filename.startswith(_NOT_THE_USERS):
        return NUMPY if filename.startswith(_OF_NUMPY) else ""
    import sysconfig  # which takes 1 ms with what it imports
    from pathlib import Path

    if not {"site-packages", "dist-packages"}.isdisjoint(Path(filename).parts):
        return "installed"
    standard = [os.path.join(sysconfig.get_path(name), "") for name in ("stdlib", "platstdlib")]
    return "standard" if filename.startswith((*standard, "<frozen ")) else ""
