"""The process in which one learner's file is run and checked: `isolation` starts it, and hears what it found.

It reads a request from its standard input, and signs its messages with the key in it: the checks to come, the finding
of each, and the end. Whatever the file prints is thrown away.
"""

from __future__ import annotations

import importlib
import json
import os
import random
import shutil
import sys
import time
import warnings
from pathlib import Path
from typing import Any

import numpy as np

from . import guard, integrity
from .beside import search_path
from .budget import TooLong, time_limit
from .channel import Sender
from .discovery import discover, outcome
from .execution import Limits
from .findings import UNCHECKED, Check, Finding
from .loading import CannotCheck, UserFile, run_file
from .scratch import copy_folders
from .source import read_source

STATEMENT, EXECUTION, IMPORTS = 1.0, 8.0, 20.0  # seconds, of a file before its checks


def main() -> None:
    """Serve one request, and end the process without what the file has left to be done at its end."""
    request = json.load(sys.stdin)
    sender = Sender(os.dup(1), bytes.fromhex(request["key"]))
    integrity.load_checker()
    null = os.open(os.devnull, os.O_RDWR)
    for descriptor in (0, 1, 2):
        os.dup2(null, descriptor)
    sys.dont_write_bytecode = True
    sender.send("ready")
    problem, void = _serve(sender, request)
    sender.send("end", problem=problem, void=void)
    os._exit(0)


def _serve(sender: Sender, request: dict[str, Any]) -> tuple[str, bool]:
    """Run the file and its checks: the problem, if there is one, and whether it makes all findings void."""
    timeout, shown = request["timeout"], request["shown"]
    deadline = time.monotonic() + timeout
    guard.limit_resources(timeout, request["memory"])
    warnings.simplefilter("ignore")
    try:
        given = _inputs(request["inputs"])
        copy, notes = _copied(Path(request["path"]).resolve(), shown, Path(request["scratch"]))
        os.chdir(copy.parent)
        record = integrity.Record()
        guard.forbid(request["scratch"])
        _seed(request["seed"])
        limits = Limits(min(STATEMENT, timeout / 6), min(EXECUTION, timeout / 4), min(IMPORTS, timeout / 3))
        with run_file(str(copy), shown=shown, limits=limits) as file:
            sender.send("notes", notes=[*notes, *file.notes])
            if given:  # before all that the learner's file gives
                _replace_inputs(file, given)
            checks = discover(file, request["only"], request["order"])
            sender.send("checks", checks=[[check.title, check.names] for check in checks])
            changed = _send_findings(sender, file, checks, record, request["seed"], deadline)
        changed = changed or record.changed()
        return (f"{shown}: it changes the checker: {changed}", True) if changed else ("", False)
    except CannotCheck as error:
        return str(error), False
    except BaseException as error:
        return f"{shown}: {type(error).__name__}: {error}", False


def _replace_inputs(file: UserFile, given: dict[str, Any]) -> None:
    """Put the inputs of a teacher in the place of those of the learner's file."""
    for name in [n for n in file.names if n.endswith("_inputs")]:
        del file.names[name]
    file.names.update({"inputs": given, **given})


def _send_findings(
    sender: Sender, file: UserFile, checks: list[Check], record: integrity.Record, seed: int, deadline: float
) -> str:
    """Send the finding of each check, until the file changes the checker: the change, "" if there is none."""
    for number, check in enumerate(checks):
        _seed(seed)
        finding = _finding(file, check, (deadline - time.monotonic()) / 2)
        if changed := record.changed():
            return changed
        sender.send("finding", number=number, finding=finding.as_dict())
    return ""


def _copied(path: Path, shown: str, scratch: Path) -> tuple[Path, list[str]]:
    """The copy of a file in one of its folder, and notes."""
    source = read_source(str(path), shown)
    folder, notes = copy_folders(search_path(path, source.tree), scratch)
    shutil.copyfile(path, folder / path.name)  # however large it is
    return folder / path.name, notes


def _finding(file: UserFile, check: Check, seconds: float) -> Finding:
    try:
        with time_limit(seconds):
            return outcome(file, check)
    except (TooLong, KeyboardInterrupt, GeneratorExit) as error:
        return Finding(check.title, UNCHECKED, problem=str(file.problem(error)), names=check.names)


def _inputs(path: str) -> dict[str, Any]:
    """The variables of a teacher's file, which is run before the learner's, and has no mistakes in it."""
    if not path:
        return {}
    with run_file(path) as file:
        if file.notes:
            raise CannotCheck(f"{path}: {file.notes[0]}")
        return file.variables


def _seed(seed: int) -> None:
    random.seed(seed)
    np.random.seed(seed)  # noqa: NPY002 (which a learner's code draws from)


if __name__ == "__main__":  # by its own name, under which the record of the checker holds it
    importlib.import_module(f"{__package__}.worker").main()
