"""Locks on folders: who writes is alone there, who reads sees nobody writing; a process that dies holds none."""

from __future__ import annotations

import errno
import os
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from fundalloc.errors import Fault, InputError
from fundalloc.language import say

if sys.platform != "win32":
    import fcntl

#: seconds to wait for another process
PATIENCE = 30.0
#: seconds between two looks
PAUSE = 0.01


@contextmanager
def locked(
    folder: Path, ask: Callable[[], None], *, shared: bool = False, make: Callable[[], None] | None = None
) -> Iterator[None]:
    """Holds a folder, alone or together with others that share it; waits for who holds it.

    ask: called while it waits. make: makes the folder where there is none. The lock is one of the system on the folder
    itself, so no file is left, whatever happens. Where the system has no such locks (Windows, some network drives)
    nobody waits. Raises InputError after PATIENCE, FileNotFoundError where there is no folder.
    """
    handle = None
    try:
        while True:
            if make is not None:
                make()
            try:
                handle = _open(folder)
            except FileNotFoundError:
                if make is None:
                    raise
                continue  # somebody else took it away
            if handle is None:
                break
            _wait(handle, folder, ask, shared)
            if _same(handle, folder):
                break
            _close(handle)
            handle = None
        yield
    finally:
        if handle is not None:
            _close(handle)


def _open(folder: Path) -> int | None:
    """The folder, opened; None where that cannot be."""
    try:
        return None if sys.platform == "win32" else os.open(folder, os.O_RDONLY)
    except PermissionError:  # a folder that may be used, and not listed
        return None


def _wait(handle: int, folder: Path, ask: Callable[[], None], shared: bool) -> None:
    if sys.platform == "win32":
        return
    end = time.monotonic() + PATIENCE
    while True:
        ask()
        try:
            fcntl.flock(handle, (fcntl.LOCK_SH if shared else fcntl.LOCK_EX) | fcntl.LOCK_NB)
            return
        except OSError as error:
            if error.errno != errno.EWOULDBLOCK:
                return  # no locks there
        if time.monotonic() > end:
            said = say(
                "another command has been at work there for {code_patience:g} s; nothing was changed.",
                code_patience=PATIENCE,
            )
            raise InputError([Fault(said, say("Try again, or name another folder."), file=str(folder))])
        time.sleep(PAUSE)


def _close(handle: int) -> None:
    with suppress(OSError):  # nothing was written through it
        os.close(handle)


def _same(handle: int, folder: Path) -> bool:
    """Whether the folder that is held is still the one of that name."""
    try:
        return os.path.samestat(os.fstat(handle), folder.stat())
    except FileNotFoundError:
        return False
