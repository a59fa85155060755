"""Interruptions: Ctrl-C and its like end a command, and never where something is half done."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any

#: what ends a command: Ctrl-C, a service that is stopped, a terminal that is closed; the last is let through first
SIGNALS = tuple(getattr(signal, name) for name in ("SIGHUP", "SIGTERM", "SIGINT") if hasattr(signal, name))

_heard: list[int] = []


def listen() -> None:
    """From now on each of the signals is a KeyboardInterrupt, but for those that the process was told to ignore."""
    for number in SIGNALS:
        if signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, _interrupt)


def _interrupt(number: int, frame: FrameType | None) -> None:
    del frame
    _heard.append(number)
    raise KeyboardInterrupt


def heard() -> bool:
    """Whether a signal came since `listen`, also where a library swallowed the exception."""
    return bool(_heard)


def deaf() -> None:
    """From now on the signals do nothing: the process ends anyway."""
    for number in SIGNALS:
        signal.signal(number, signal.SIG_IGN)


@contextmanager
def alone() -> Iterator[None]:
    """Processes that are started inside the block hear no Ctrl-C: it is for the one that started them to end them."""
    if not hasattr(signal, "pthread_sigmask"):
        yield
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


@contextmanager
def shielded() -> Iterator[Callable[[], None]]:
    """Inside the block signals wait; calling what it gives lets those through that came.

    What has to happen together is not cut in two, however often somebody presses Ctrl-C. Outside the main thread,
    where Python lets no signal through, it does nothing.
    """
    if threading.current_thread() is not threading.main_thread():
        yield lambda: None
        return
    came: list[int] = []
    before: dict[int, Any] = {}

    def note(number: int, frame: FrameType | None) -> None:
        del frame
        came.append(number)

    def ask() -> None:
        while came:
            handler = before[came[0]]
            if not callable(handler):
                raise KeyboardInterrupt  # the process dies of the signal once everything is cleaned up
            handler(came.pop(0), None)

    try:
        for number in SIGNALS:
            handler = signal.getsignal(number)
            if callable(handler) or handler is signal.SIG_DFL:
                before[number] = handler
                signal.signal(number, note)
        yield ask
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
        for number in came:
            signal.raise_signal(number)
