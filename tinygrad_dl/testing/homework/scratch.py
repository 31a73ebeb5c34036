"""A copy of a learner's folder, in which the file runs and may write."""

from __future__ import annotations

import itertools
import os
import shutil
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path

LEFT_OUT = ("__pycache__", "node_modules", "site-packages", "venv", "env", "build", "dist")  # and hidden folders
FILES, FOLDERS, FILE_BYTES, BYTES = 1000, 500, 8 * 2**20, 32 * 2**20
NOTES = 5  # of files that are not copied


def copy_folders(folders: Sequence[Path], target: Path) -> tuple[Path, list[str]]:
    """Copy the first folder, and the Python files of the others, which are above it.

    Returns the copy of the first folder, and a note of each file that is too large. Links are not followed.
    """
    top = min(folders, key=lambda folder: len(folder.parts))
    notes: list[str] = []
    count = size = 0
    for path in _needed(folders):
        copy, large = target / path.relative_to(top), path.stat().st_size
        if count >= FILES or large > FILE_BYTES or size + large > BYTES:
            notes.append(f"not copied: {path.relative_to(top).as_posix()}, {large / 2**20:.1f} MiB")
        elif not copy.exists():
            copy.parent.mkdir(parents=True, exist_ok=True)
            with suppress(OSError):  # a file that can't be read
                shutil.copyfile(path, copy)
            count, size = count + 1, size + large
    inside = target / folders[0].relative_to(top)
    inside.mkdir(parents=True, exist_ok=True)
    return inside, notes[:NOTES]


def _needed(folders: Sequence[Path]) -> Iterator[Path]:
    yield from _files(folders[0])
    for folder in folders[1:]:
        yield from (path for path in _files(folder) if path.suffix == ".py")


def _files(folder: Path) -> Iterator[Path]:
    """The regular files in a folder, those of outer folders first."""
    for root, folders, files in itertools.islice(os.walk(folder), FOLDERS):
        folders[:] = sorted(name for name in folders if not name.startswith(".") and name not in LEFT_OUT)
        for name in sorted(files):
            path = Path(root, name)
            if path.is_file() and not path.is_symlink():
                yield path
