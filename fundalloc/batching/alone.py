"""Alone: one batch at a time writes to a folder."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from fundalloc.errors import Fault, InputError
from fundalloc.language import say

if sys.platform != "win32":
    import fcntl

LOCK = ".batch.lock"


@contextmanager
def alone(folder: Path) -> Iterator[None]:
    """Holds a folder for the block. Raises InputError where another batch holds it.

    The lock is one of the system on a file that goes with the block; it ends with the process, however that ends. Where
    there are no such locks two batches can meet: each folder is still written whole, and what comes last stays.
    """
    if sys.platform == "win32":
        yield
        return
    file = folder / LOCK
    handle = _held(file)
    try:
        yield
    finally:
        file.unlink(missing_ok=True)
        os.close(handle)


def _held(file: Path) -> int:
    while True:
        try:
            handle = os.open(file, os.O_RDWR | os.O_CREAT | getattr(os, "O_NOFOLLOW", 0), 0o644)
        except OSError as error:
            text = say("cannot be written ({code_strerror}).", code_strerror=error.strerror)
            raise InputError([Fault(text, say("Name another folder with -o."), file=str(file.parent))]) from error
        _lock(handle, file)
        if _same(handle, file):
            return handle
        os.close(handle)  # it was taken away by who held it: another one counts now


def _lock(handle: int, file: Path) -> None:
    if sys.platform != "win32":
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(handle)
            text = say("another batch is writing to this folder; nothing was changed.")
            fault = Fault(text, say("Wait for its end, or name another folder with -o."), file=str(file.parent))
            raise InputError([fault]) from None
        except OSError:  # no locks there
            pass


def _same(handle: int, file: Path) -> bool:
    try:
        return os.path.samestat(os.fstat(handle), file.stat())
    except FileNotFoundError:
        return False
