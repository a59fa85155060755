"""Intake: the bytes of a file, and what JSON text holds, never more than the ceilings allow."""

from __future__ import annotations

import errno
import json
import os
import stat
from collections.abc import Callable
from pathlib import Path
from typing import Any

from fundalloc.ceilings import PARTS, ROUND, size
from fundalloc.errors import Fault
from fundalloc.language import Later, later, say
from fundalloc.reported import reported

#: what begins or separates the parts of JSON text
MARKS = (b"[", b"{", b",", b":")


class UnreadableError(OSError):
    """A file that is not read; `strerror` says why, `remedy` what to do."""

    def __init__(self, number: int, reason: str | Later, remedy: str) -> None:
        super().__init__(number, reason)
        self.remedy = remedy


def contents(path: Path, most: int = ROUND, remedy: str = "") -> bytes:
    """The bytes of a file. most: how many at most. remedy: what to do where there are more.

    Raises OSError where it cannot be read, also where it is no plain file: a device or a pipe may never end.
    """
    try:
        handle = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0))
    except ValueError as error:  # a NUL character in the name
        raise UnreadableError(errno.EINVAL, reported(error), say("Check the name.")) from None
    with os.fdopen(handle, "rb") as file:
        told = os.fstat(handle)
        if stat.S_ISDIR(told.st_mode):
            raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), str(path))
        if not stat.S_ISREG(told.st_mode):
            raise UnreadableError(
                errno.EINVAL, later("a device or a pipe, no plain file"), say("Write it to a file first.")
            )
        if told.st_size > most:
            reason = later("{size}; at most {most} are read", size=size(told.st_size), most=size(most))
            raise UnreadableError(errno.EFBIG, reason, remedy or say("Make it smaller."))
        content = file.read(most + 1)
    if len(content) > most:
        raise UnreadableError(
            errno.EFBIG,
            later("more than {code_size}; no more is read", code_size=size(most)),
            remedy or say("Make it smaller."),
        )
    return content


def unreadable(error: OSError, file: str, remedy: str = "") -> Fault:
    """The fault of a file or folder that cannot be read. remedy: what to do where the error itself does not say."""
    remedy = error.remedy if isinstance(error, UnreadableError) else remedy
    return Fault(say("cannot be read ({code_strerror}).", code_strerror=error.strerror), remedy, file=file)


def json_of(content: bytes, parse_float: Callable[[str], Any] | None = None) -> Any:
    """What JSON text in UTF-8 says. Raises ValueError where it is none, or nested too deeply, or has too many parts."""
    if sum(content.count(mark) for mark in MARKS) > PARTS:
        raise ValueError(later("has more than {code_parts:,} parts", code_parts=PARTS))
    try:
        found = json.loads(content.decode("utf-8-sig"), parse_float=parse_float)
        if b"\\u" in content:
            _check_text(found)
    except RecursionError:
        raise ValueError(later("is nested too deeply")) from None
    except (json.JSONDecodeError, UnicodeError) as error:
        raise ValueError(reported(error)) from None
    return found


def _check_text(found: Any) -> None:
    """Raises ValueError for half a character: it cannot be written anywhere."""
    open_ = [found]
    while open_:
        one = open_.pop()
        if isinstance(one, str):
            one.encode()
        elif isinstance(one, list):
            open_ += one
        elif isinstance(one, dict):
            open_ += [*one, *one.values()]
