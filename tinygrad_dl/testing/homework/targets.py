"""The files that a command names: files, notebooks, folders, patterns, and FILE:NAME."""

from __future__ import annotations

import glob
import os
import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

SUFFIXES = (".py", ".ipynb")
NOT_HOMEWORK = re.compile(r"[._].*|.*egg-info|venv|env|node_modules|site-packages")  # in a folder that is searched


class Target(NamedTuple):
    """A file to check: all of it, or what goes by one of the names."""

    path: str
    names: tuple[str, ...] = ()


class NoTarget(ValueError):
    """Raised if a path leads to no file; the message is one line."""


def targets_of(arguments: Iterable[str | os.PathLike[str]]) -> list[Target]:
    """The files that paths, folders, patterns and FILE:NAME name, each once, in the order of the arguments."""
    found: dict[str, tuple[str, ...]] = {}
    for argument in arguments:
        for path, name in _of_argument(os.fspath(argument)):
            names = found.setdefault(path, (name,) if name else ())
            if names and name not in names:  # the whole file takes in each of its names
                found[path] = (*names, name) if name else ()
    return [Target(path, names) for path, names in found.items()]


def _of_argument(argument: str) -> Iterator[tuple[str, str]]:
    path, name = split_name(argument)
    if Path(path).is_dir():
        inside = sorted(map(str, _homework_in(Path(path))))
        if not inside:
            raise NoTarget(f"{path}: there are no Python files or notebooks in this folder.")
        yield from ((file, name) for file in inside)
    elif Path(path).exists() or not glob.has_magic(path):
        if not Path(path).exists():
            raise NoTarget(f"{path}: there is no such file.")
        yield path, name
    else:
        matches = [m for m in sorted(glob.glob(path, recursive=True)) if not NOT_HOMEWORK.fullmatch(Path(m).name)]
        if not matches:
            raise NoTarget(f"{path}: no file matches this pattern.")
        for match in matches:
            if Path(match).is_dir():
                yield from ((str(file), name) for file in sorted(_homework_in(Path(match))))
            elif match.endswith(SUFFIXES):
                yield match, name


def _homework_in(folder: Path) -> Iterator[Path]:
    for root, folders, files in os.walk(folder):
        folders[:] = [name for name in folders if not NOT_HOMEWORK.fullmatch(name)]
        for name in files:
            if name.endswith(SUFFIXES) and not NOT_HOMEWORK.fullmatch(name):
                yield Path(root, name)


def split_name(target: str) -> tuple[str, str]:
    r"""The path and the name in FILE:NAME; a drive's colon does not count.

    >>> split_name("my work/x.py:relu"), split_name(r"C:\x.py"), split_name(r"C:\x.py:relu")
    (('my work/x.py', 'relu'), ('C:\\x.py', ''), ('C:\\x.py', 'relu'))
    """
    path, _, name = target.rpartition(":")
    if len(path) < 2 or re.search(r"[/\\]", name) or Path(target).exists():
        return target, ""
    return path.rstrip(":"), name
