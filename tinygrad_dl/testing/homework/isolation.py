"""The check of a learner's file in a process of its own. The verdict is written here, not there.

Isolated: the file runs in a new process, on a copy of its folder, with limits on time, memory and the size of files,
without input, network, other processes, or writing outside of that copy; what it prints is thrown away. Its functions
cannot end in "right": the process announces its checks, signs each finding, says that it has come to the end, and has
compared the checker with a record taken before the file ran.

Not isolated: it is a process, not a sandbox. The file can read what you can read. Code written to break out, in C or
by walking through the frames of the interpreter, can. For files of strangers run the whole command in a container or
under bubblewrap.
"""

from __future__ import annotations

import json
import os
import queue
import secrets
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from tempfile import TemporaryDirectory, TemporaryFile
from typing import IO, Any, Self

from .channel import Forged, Receiver
from .findings import UNCHECKED, FileResult, Finding, without_covered

ROOT = Path(__file__).resolve().parents[3]  # of the package
STARTING = 60.0  # seconds for Python and the checker to start
KEPT = ("PATH", "HOME", "LANG", "TZ", "LD_LIBRARY_PATH", "SYSTEMROOT", "WINDIR", "USERPROFILE", "PYTHONPYCACHEPREFIX")
SET = {
    "MPLBACKEND": "Agg",
    "PYTHONHASHSEED": "0",
    "PYTHONUTF8": "1",
    **{f"{library}_NUM_THREADS": "1" for library in ("OMP", "OPENBLAS", "MKL", "VECLIB")},
}


def check_isolated(
    path: str,
    only: Sequence[str] = (),
    *,
    timeout: float = 60.0,
    memory: int = 4096,
    seed: int = 0,
    inputs: str | None = None,
    order: int = 1,
) -> FileResult:
    """Check the file at `path` in a process of its own.

    Parameters
    ----------
    path
        A Python file or a notebook.
    only
        The names of what is checked; all if there are none.
    timeout
        The seconds after which the process is ended; what it has not checked by then is "not checked".
    memory
        The limit of its address space in MiB, on systems that have one.
    seed
        The seed of NumPy's and Python's generators for the file and for each check.
    inputs
        A file whose variables replace those of the same names.
    order
        The order of derivatives of a single function.

    Returns
    -------
    FileResult
        With a finding for each check; a problem if the process did not come to its end as it should.
    """
    start, key = time.monotonic(), secrets.token_bytes(32)
    result = _Result(str(path), timeout)
    with TemporaryDirectory(prefix="tinygrad_dl_", ignore_cleanup_errors=True) as scratch:
        request = {
            "path": str(Path(path).absolute()),
            "shown": str(path),
            "only": [*only],
            "key": key.hex(),
            "scratch": scratch,
            "timeout": timeout,
            "memory": memory,
            "seed": seed,
            "inputs": str(Path(inputs).absolute()) if inputs else "",
            "order": order,
        }
        with _Worker(request) as worker:
            result.listen(worker, Receiver(key))
    return result.file_result(time.monotonic() - start)


class _Worker:
    """The process, and a thread that reads what it writes; it ends with all that it has started."""

    def __init__(self, request: dict[str, Any]):
        self.errors: IO[bytes] = TemporaryFile()  # noqa: SIM115 (closed with the process)
        self.process = subprocess.Popen(
            [sys.executable, "-P", "-m", f"{__package__}.worker"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self.errors,
            cwd=request["scratch"],
            env=_environment(request["scratch"], Path(request["path"]).parent),
            start_new_session=True,  # nothing on Windows
            creationflags=getattr(subprocess, "CREATE_NEW_PROCESS_GROUP", 0),
        )
        self.chunks: queue.SimpleQueue[bytes] = queue.SimpleQueue()
        self._request = json.dumps(request).encode()

    def __enter__(self) -> Self:
        assert self.process.stdin
        with suppress(OSError):  # it has ended already, and so will the messages
            self.process.stdin.write(self._request)
            self.process.stdin.close()
        threading.Thread(target=self._read, daemon=True).start()
        return self

    def __exit__(self, *error: object) -> None:
        if hasattr(os, "killpg"):
            with suppress(OSError):
                os.killpg(self.process.pid, signal.SIGKILL)
        with suppress(OSError):
            self.process.kill()
        self.process.wait()
        self.errors.close()

    def _read(self) -> None:
        assert self.process.stdout
        with self.process.stdout as output:
            self._read_all(output.fileno())
        self.chunks.put(b"")

    def _read_all(self, descriptor: int) -> None:
        while data := os.read(descriptor, 2**16):
            self.chunks.put(data)

    def how_it_ended(self) -> str:
        """The reason why there are no more messages."""
        try:
            status = self.process.wait(1)
        except subprocess.TimeoutExpired:
            return "it closed the channel of the checker"
        if status >= 0:
            return f"the process ended by itself (status {status}), as by os._exit()"
        names = {number.value: number.name for number in signal.Signals}
        return f"the process crashed ({names.get(-status, -status)}), perhaps for want of memory"

    def last_error(self) -> str:
        """The last line of what Python wrote, before the file was run."""
        self.errors.seek(0)
        return (self.errors.read().decode(errors="replace").strip().splitlines() or [""])[-1]


def _environment(scratch: str, folder: Path) -> dict[str, str]:
    """The environment of the worker, without what is secret and without the learner's folder in the search path."""
    here = {Path.cwd(), folder, folder.resolve()}
    search = [entry for entry in map(Path, filter(None, sys.path)) if entry.is_absolute() and entry not in here]
    kept = {name: os.environ[name] for name in KEPT if name in os.environ}
    path = os.pathsep.join(dict.fromkeys(map(str, [ROOT, *search])))
    return {**kept, **SET, "PYTHONPATH": path, "TMPDIR": scratch, "TEMP": scratch, "TMP": scratch}


class _Result:
    """The result as far as it is known: every check that was announced and not answered is "not checked"."""

    def __init__(self, path: str, timeout: float):
        self.path, self.timeout = path, timeout
        self.checks: list[tuple[str, tuple[str, ...]]] = []
        self.findings: dict[int, Finding] = {}
        self.notes: tuple[str, ...] = ()
        self.problem, self.void, self.ended = "", False, False

    def listen(self, worker: _Worker, receiver: Receiver) -> None:
        """Take in the messages, until the end or until the time is up."""
        deadline, ready = time.monotonic() + STARTING, False
        try:
            while not self.ended:
                data = worker.chunks.get(timeout=max(deadline - time.monotonic(), 0))
                if not data:
                    why = worker.how_it_ended() if ready else f"the checker did not start: {worker.last_error()}"
                    self.problem = f"{self.path}: {why}"
                    return
                for kind, content in receiver.feed(data):
                    if kind == "ready":
                        deadline, ready = time.monotonic() + self.timeout, True
                    self._take(kind, **content)
        except queue.Empty:
            self.problem = f"{self.path}: longer than {self.timeout:g} s" if ready else "the checker did not start"
        except Forged as error:
            self.problem, self.void = f"{self.path}: it wrote to the channel of the checker: {error}", True

    def _take(self, kind: str, **content: Any) -> None:
        if kind == "notes":
            self.notes = tuple(content["notes"])
        elif kind == "checks":
            self.checks = [(title, tuple(names)) for title, names in content["checks"]]
        elif kind == "finding":
            self.findings[content["number"]] = Finding.from_dict(content["finding"])
        elif kind == "end":
            self.ended, self.problem, self.void = True, content["problem"], content["void"]

    def file_result(self, seconds: float) -> FileResult:
        """The result of the file."""
        findings, reason = [], self.problem or f"{self.path}: the checker gave no result"
        for number, (title, names) in enumerate(self.checks):
            if number in self.findings and not self.void:
                findings.append(self.findings[number])
            else:
                findings.append(Finding(title, UNCHECKED, problem=reason, names=names))
                reason = reason if self.void else f"{self.path}: not reached"
        findings = findings if self.problem else without_covered(findings)
        return FileResult(self.path, tuple(findings), self.problem, self.notes, seconds)
