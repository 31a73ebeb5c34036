"""The messages of the worker: lines of JSON, each signed with a key that only the two ends were given."""

from __future__ import annotations

import hashlib
import hmac
import json
import os
from collections.abc import Iterator
from typing import Any

LONGEST = 8 * 2**20  # bytes of all messages that are not read yet


class Forged(Exception):
    """Raised for what is no message of the worker's."""


class Sender:
    """The worker's end, which the process that made it uses alone: not one that it forks."""

    def __init__(self, descriptor: int, key: bytes):
        self._descriptor, self._key, self._count, self._process = descriptor, key, 0, os.getpid()

    def send(self, kind: str, **content: Any) -> None:
        """Send a message of some kind."""
        if os.getpid() != self._process:
            os._exit(1)
        body = json.dumps([self._count, kind, content]).encode()
        self._count += 1
        line = memoryview(_signature(self._key, body) + b" " + body + b"\n")
        while line:
            line = line[os.write(self._descriptor, line) :]


class Receiver:
    """The parent's end: the messages in their order."""

    def __init__(self, key: bytes):
        self._key, self._count, self._rest = key, 0, b""

    def feed(self, data: bytes) -> Iterator[tuple[str, dict[str, Any]]]:
        """The messages that are complete with these bytes. Forged for anything else."""
        *lines, self._rest = (self._rest + data).split(b"\n")
        for line in lines:
            signature, _, body = line.partition(b" ")
            if not hmac.compare_digest(signature, _signature(self._key, body)):
                raise Forged("a line that the checker did not write")
            count, kind, content = json.loads(body)
            if count != self._count:
                raise Forged("a message of the checker came twice or is missing")
            self._count += 1
            yield kind, content
        if len(self._rest) > LONGEST:
            raise Forged("a line without an end")


def _signature(key: bytes, body: bytes) -> bytes:
    return hashlib.blake2b(body, key=key, digest_size=16).hexdigest().encode()
