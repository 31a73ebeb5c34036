"""Files: atomic writes, and arrays read safely from an archive that may be damaged or hostile."""

from __future__ import annotations

import errno
import math
import os
import re
import stat
from collections import Counter
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager, suppress
from typing import IO, TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from pathlib import Path


@contextmanager
def whole_file(path: str | bytes | os.PathLike[str]) -> Iterator[Path]:
    """Yield a temporary file that replaces `path` when the block ends; on an error, an old file stays unchanged.

    If several threads or processes write to one path, the last to end wins. A link is kept and its target replaced; an
    old file keeps its mode. Raises, before anything is written, FileNotFoundError if the folder is missing,
    PermissionError for a read-only file, IsADirectoryError for a folder, ValueError for a device, pipe or socket.

    >>> import tempfile
    >>> from pathlib import Path
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = Path(folder) / "greeting.txt"
    ...     with whole_file(path) as part:
    ...         _ = part.write_text("hello")
    ...     path.read_text()
    'hello'
    """
    target = _resolve_target(path)
    old = os.stat(target) if target.exists() else None
    mode = 0o666 if old is None else stat.S_IMODE(old.st_mode)
    part = target.with_name(f".tinygrad_dl-{os.urandom(8).hex()}")
    try:
        os.close(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode))  # less the umask
        if old is not None:
            with suppress(OSError, AttributeError):  # another user's file, or Windows
                os.chown(part, old.st_uid, old.st_gid)
            os.chmod(part, mode)
        yield part
        os.replace(part, target)
    finally:
        part.unlink(missing_ok=True)


def _resolve_target(path: str | bytes | os.PathLike) -> Path:
    """Resolve `path` to the file to write. Raises an error if it cannot be written."""
    from pathlib import Path

    name = os.fsdecode(path)
    target = Path(os.path.realpath(name))
    if target.is_dir() or not os.path.basename(name):
        raise IsADirectoryError(errno.EISDIR, "expected the path of a file, got a folder", name)
    if not target.parent.is_dir():
        raise FileNotFoundError(f"there is no folder {os.fspath(target.parent)!r} to save in: create it first")
    if target.exists():
        _check_regular(name)
        if not os.access(target, os.W_OK):
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), name)
    return target


def _check_regular(name: str) -> None:
    if not stat.S_ISREG(os.stat(name).st_mode):
        raise ValueError(f"{name!r}: expected the path of a file, got a folder, device, pipe or socket.")


# ---- arrays in a .npz archive


def write_arrays(path: str | bytes | os.PathLike[str], arrays: Mapping[str, np.ndarray]) -> None:
    """Write `arrays` to an `.npz` archive. An older file is replaced at the end, or stays on an error.

    Raises ValueError for a name with a NUL or backslash, and errors as `whole_file`.
    """
    import zipfile

    for name in arrays:
        if zipfile.ZipInfo(f"{name}.npy").filename != f"{name}.npy":
            raise ValueError(f"a parameter named {name!r} can't be saved: name it without a NUL or backslash.")
    with whole_file(path) as part, open(part, "wb") as file:
        archive = zipfile.ZipFile(file, "w")  # not np.savez: a parameter may be called `file`
        try:
            for name, values in arrays.items():
                with archive.open(f"{name}.npy", "w", force_zip64=True) as entry:
                    np.lib.format.write_array(entry, values, allow_pickle=False)
            archive.close()
        except BaseException:
            archive.fp = None  # prevents closing, which would raise another error after Ctrl-C
            raise
        file.flush()
        os.fsync(file.fileno())


_HEADER = re.compile(
    rb"\x93NUMPY\x01\x00..\{"
    rb"'descr': '([<>|][biufc]\d+)', 'fortran_order': (False|True), 'shape': (\([\d, ]*\)), \} *\n",
    re.DOTALL,
)
_LONGEST_HEADER, _LARGEST_ITEM, _LONGEST_TEXT = 10_000, 32, 64_000_000  # bytes


def read_arrays(
    path: str | bytes | os.PathLike[str], shapes: Mapping[str, tuple[int, ...] | None]
) -> dict[str, np.ndarray]:
    """Read the arrays of the `.npz` archive `path`, which must have exactly the names and shapes of `shapes`.

    The shape None stands for a text, an array of bytes of any length up to 64 MB. Reads no more bytes than such arrays
    take. Raises OSError if the file cannot be opened, else ValueError.
    """
    name = os.fsdecode(path)
    with suppress(FileNotFoundError):
        _check_regular(name)  # opening a pipe would wait for a writer
    with open(name, "rb") as file:
        try:
            return _read(file, shapes)
        except _Unfit as error:
            raise ValueError(f"{name!r}: {error}") from None
        except Exception as error:  # the class that zipfile raises depends on the damaged byte
            raise ValueError(f"{name!r} is not a complete .npz archive of Module.save: {error}") from None


def read_text(path: str | bytes | os.PathLike[str], entry: str) -> bytes:
    """Read one array of bytes, a text of at most 64 MB, from an `.npz` archive. Raises errors as `read_arrays`."""
    import zipfile

    name = os.fsdecode(path)
    with suppress(FileNotFoundError):
        _check_regular(name)
    with open(name, "rb") as file:
        try:
            with zipfile.ZipFile(file) as archive, archive.open(f"{entry}.npy") as content:
                text = content.read(_LONGEST_TEXT + _LONGEST_HEADER + 1)
                return _decode_array(entry, text, None).tobytes()
        except Exception as error:  # the class that zipfile raises depends on the damaged byte
            raise ValueError(f"{name!r} is no complete archive with {entry!r} in it: {error}") from None


class _Unfit(ValueError):
    """An intact archive with other names or shapes."""


def _read(file: IO[bytes], shapes: Mapping[str, tuple[int, ...] | None]) -> dict[str, np.ndarray]:
    import zipfile

    with zipfile.ZipFile(file) as archive:
        entries = [entry.orig_filename for entry in archive.infolist()]  # `filename` ends at a NUL
        found = [entry.removesuffix(".npy") if entry.endswith(".npy") else f"{entry} (no .npy)" for entry in entries]
        if difference := describe_difference(shapes, found):
            raise _Unfit(f"the names of its arrays do not fit: {difference}.")
        arrays = {}
        for name, entry in zip(found, archive.infolist(), strict=True):
            if entry.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
                raise ValueError(f"{name}: expected an entry that is stored or deflated.")
            shape = shapes[name]
            most = _LONGEST_TEXT if shape is None else _LARGEST_ITEM * math.prod(shape)
            if entry.file_size > _LONGEST_HEADER + most:
                raise _Unfit(f"{name}: expected the shape {shape}, got {entry.file_size:,} bytes.")
            with archive.open(entry) as content:
                arrays[name] = _decode_array(name, content.read(entry.file_size), shape)
    return arrays


def _decode_array(name: str, content: bytes, shape: tuple[int, ...] | None) -> np.ndarray:
    """Decode the bytes of a `.npy` file, as `np.save` writes them. The header is matched, never evaluated."""
    header: Any = _HEADER.match(content)
    try:
        dtype = np.dtype(header[1].decode())
    except TypeError:  # no header, or an unknown dtype
        raise ValueError(f"{name}: expected the header of an array of numbers.") from None
    if shape is None:
        shape = (len(content) - header.end(),)
    if header[3].decode() != str(shape):
        raise _Unfit(f"{name}: expected the shape {shape}, got {dtype} of shape {header[3].decode():.60}.")
    if header.end() + dtype.itemsize * math.prod(shape) != len(content):
        raise ValueError(f"{name}: expected the bytes of {dtype} of shape {shape}, got {len(content)} bytes.")
    return np.frombuffer(content, dtype, offset=header.end()).reshape(shape, order="F" if header[2] == b"True" else "C")


def describe_difference(expected: Collection[str], found: Collection[str]) -> str | None:
    """Describe the names in `found` that are missing, unknown or repeated; None if they match `expected`.

    >>> describe_difference(["W", "b"], ["W", "c", "c"])
    "missing ['b'], unknown ['c'], twice ['c']"
    """
    wanted, times = set(expected), Counter(found)
    missing, unknown, twice = wanted - times.keys(), times.keys() - wanted, {name for name in times if times[name] > 1}
    if not (missing or unknown or twice):
        return None
    return (
        f"missing {_first_few(missing)}, unknown {_first_few(unknown)}{f', twice {_first_few(twice)}' if twice else ''}"
    )


def _first_few(names: Collection[str]) -> str:
    more = f" and {len(names) - 5} more" if len(names) > 5 else ""
    return f"{sorted(names, key=str)[:5]}{more}" if names else "nothing"
