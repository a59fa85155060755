"""Injection: at one call of the system a process is killed, interrupted, or told of an error.

Of all calls that files and folders under one place meet with, in the order in which they come, one is hit.
"""

from __future__ import annotations

import errno
import fcntl
import os
import signal
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

CALLS = (
    "mkdir", "rename", "replace", "rmdir", "unlink", "open", "write", "fsync", "close", "lstat", "stat", "scandir",
    "listdir", "fstat",
)  # fmt: skip
#: what may happen at a call, in words, and what it is
KINDS: dict[str, Any] = {
    "killed before": signal.SIGKILL,
    "killed after": signal.SIGKILL,
    "Ctrl-C": signal.SIGINT,
    "terminated": signal.SIGTERM,
    "disk full": errno.ENOSPC,
    "disk fails": errno.EIO,
    "not allowed": errno.EACCES,
    "read-only": errno.EROFS,
    "disk full from then on": errno.ENOSPC,
    "disk fails from then on": errno.EIO,
    "read-only from then on": errno.EROFS,
}
#: calls that only look: a disk that is full or may not be written to answers them
LOOKS = ("lstat", "stat", "scandir", "listdir", "fstat", "close")


class Injection:
    """Counts calls that concern a place; at the one with a number it happens. said: what was hit."""

    def __init__(self, place: Path, step: int, kind: str) -> None:
        self.place, self.step, self.kind = str(place), step, kind
        self.count, self.said = 0, ""
        self.handles: set[int] = set()
        self.lock = threading.Lock()

    def install(self) -> None:
        """From now on."""
        for name in CALLS:
            setattr(os, name, self._wrapped(name, getattr(os, name)))
        fcntl.flock = self._wrapped("flock", fcntl.flock)

    def _concerned(self, args: tuple[Any, ...], named: dict[str, Any]) -> bool:
        if not args:
            return False
        if isinstance(args[0], int):
            return args[0] in self.handles
        return named.get("dir_fd") in self.handles or os.fspath(args[0]).startswith(self.place)

    def _wrapped(self, name: str, real: Callable[..., Any]) -> Callable[..., Any]:
        def call(*args: Any, **named: Any) -> Any:
            if not self._concerned(args, named):
                return real(*args, **named)
            with self.lock:
                self.count += 1
                hit = self.count == self.step or ("from then on" in self.kind and 0 < self.step < self.count)
            if hit and not self.said:
                self.said = f"{name} {Path(args[0]).name if isinstance(args[0], str | Path) else ''}"
            if hit and self.kind != "killed after":
                self._happen(name, real, args)
            found = real(*args, **named)
            if name == "open":
                self.handles.add(found)
            elif name == "close":
                self.handles.discard(args[0])
            if hit and self.kind == "killed after":
                os.kill(os.getpid(), signal.SIGKILL)
            return found

        return call

    def _happen(self, name: str, real: Callable[..., Any], args: tuple[Any, ...]) -> None:
        what = KINDS[self.kind]
        if isinstance(what, signal.Signals):
            if name == "write" and what == signal.SIGKILL:
                real(args[0], bytes(args[1])[: len(args[1]) // 2])
            os.kill(os.getpid(), what)
            return
        if name in LOOKS and what in (errno.ENOSPC, errno.EROFS):
            return
        if name == "close":
            real(*args)
            self.handles.discard(args[0])
        if name == "write" and what == errno.ENOSPC:
            real(args[0], bytes(args[1])[: len(args[1]) // 2])
        raise OSError(what, os.strerror(what))
