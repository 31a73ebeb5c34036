"""The user's own line on the stack, for warnings and error messages."""

from __future__ import annotations

import functools
import linecache
import os
import sys
import sysconfig
import warnings
from pathlib import Path
from types import FrameType

import numpy as np

NUMPY = "numpy"
PACKAGE = f"{Path(__file__).parent}{os.sep}"
_NOT_THE_USERS = tuple(f"{Path(package).parent}{os.sep}" for package in (__file__, np.__file__))
_STANDARD = tuple(f"{sysconfig.get_path(name)}{os.sep}" for name in ("stdlib", "platstdlib"))


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
        return NUMPY if filename.startswith(_NOT_THE_USERS[1]) else ""
    if not {"site-packages", "dist-packages"}.isdisjoint(Path(filename).parts):
        return "installed"
    return "standard" if filename.startswith((*_STANDARD, "<frozen ")) else ""
