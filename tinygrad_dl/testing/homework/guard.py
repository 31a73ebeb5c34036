"""Limits of the process in which a learner's file runs. They stop accidents and simple tricks; this is no sandbox."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from typing import Any

FORBIDDEN = (  # events of `sys.audit`
    "os.exec",
    "os.fork",
    "os.forkpty",
    "os.kill",
    "os.killpg",
    "os.posix_spawn",
    "os.spawn",
    "os.startfile",
    "os.system",
    "gc.get_objects",
    "gc.get_referents",
    "gc.get_referrers",
    "pty.spawn",
    "resource.prlimit",
    "resource.setrlimit",
    "socket.bind",
    "socket.connect",
    "socket.getaddrinfo",
    "socket.gethostbyname",
    "subprocess.Popen",
    "webbrowser.open",
)
CHANGES = {  # events, and the numbers of the arguments that are paths
    "open": (0,),
    "os.chmod": (0,),
    "os.chown": (0,),
    "os.link": (0, 1),
    "os.mkdir": (0,),
    "os.remove": (0,),
    "os.rename": (0, 1),
    "os.rmdir": (0,),
    "os.symlink": (1,),
    "os.truncate": (0,),
    "os.utime": (0,),
    "shutil.move": (0, 1),
    "shutil.rmtree": (0,),
}
WRITING = os.O_WRONLY | os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_TRUNC


def limit_resources(seconds: float, memory: int) -> None:
    """Limit processor time, memory in MiB, and the size of files, where the system can."""
    try:
        import resource
    except ImportError:  # Windows
        return
    limits = {
        "RLIMIT_AS": memory * 2**20,
        "RLIMIT_CPU": int(seconds) + 2,
        "RLIMIT_FSIZE": 64 * 2**20,
        "RLIMIT_CORE": 0,
    }
    for name, value in limits.items():
        try:
            resource.setrlimit(getattr(resource, name), (value, value))
        except (ValueError, OSError):  # lower already, or not of this system
            continue


def forbid(folder: str) -> None:
    """Refuse other processes, the network, and changes of files outside of a folder, until the process ends."""
    sys.addaudithook(_hook(os.path.realpath(folder)))


def _hook(folder: str) -> Callable[[str, tuple[Any, ...]], None]:
    forbidden, changes, realpath, fsdecode = frozenset(FORBIDDEN), dict(CHANGES), os.path.realpath, os.fsdecode
    inside = (folder + os.sep, os.devnull)

    def hook(event: str, arguments: tuple[Any, ...]) -> None:
        if event in forbidden:
            raise PermissionError(f"{event} is not allowed while a file is checked")
        if event in changes and (event != "open" or writes(*arguments[1:3])):
            for number in changes[event]:
                path = arguments[number]
                if isinstance(path, (str, bytes, os.PathLike)) and not realpath(fsdecode(path)).startswith(inside):
                    raise PermissionError(f"{fsdecode(path)}: only files of the own folder may be changed")

    def writes(mode: Any, flags: Any) -> bool:
        return any(c in "wax+" for c in mode or "") or bool((flags or 0) & WRITING)

    return hook
