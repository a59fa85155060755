"""Beside: a task that is done by a process of its own while other work goes on here."""

from __future__ import annotations

import os
import pickle
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import TypeVar

T = TypeVar("T")


@contextmanager
def beside(task: Callable[[], T], *, processes: int) -> Iterator[Callable[[], T]]:
    """Gives what asks for the result of a task; until then a second process may be at it, if there are to be two.

    What does not succeed there, for whatever reason, is done again here when it is asked for: so errors are raised
    here and in words. Where there is nothing to be gained, or no way to fork, the task is done here and at once.
    """
    if processes < 2 or not _forks():
        found = task()
        yield lambda: found
        return
    read, write = os.pipe()
    child = os.fork()
    if not child:
        _work(task, write)
    os.close(write)
    ended = False

    def result() -> T:
        nonlocal ended
        with open(read, "rb", closefd=False) as pipe:
            content = pipe.read()
        ended, status = True, os.waitpid(child, 0)[1]
        return task() if status else pickle.loads(content)

    try:
        yield result
    finally:
        os.close(read)
        if not ended:
            with suppress(ProcessLookupError):
                os.kill(child, signal.SIGKILL)
            os.waitpid(child, 0)


def _forks() -> bool:
    """Whether the process can be forked safely, and two of them have a processor each."""
    if not hasattr(os, "fork") or threading.active_count() > 1:
        return False
    own = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return own > 1


def _work(task: Callable[[], T], write: int) -> None:
    """Does the task and ends the process, without anything that a process does at its end."""
    status = 1
    try:
        content = pickle.dumps(task())
        with open(write, "wb") as pipe:
            pipe.write(content)
        status = 0
    finally:
        os._exit(status)
