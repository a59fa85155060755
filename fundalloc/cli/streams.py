"""Standard output and error: what they do not take stops no command, and is told at its end."""

from __future__ import annotations

import errno
import io
import os
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, TextIO

from fundalloc.cli.asking import asked
from fundalloc.language import say, speaking

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer

#: exit code where standard output did not take everything
LOST = 3


class _Careful(io.FileIO):
    """A file that keeps its first failure to itself, and takes everything from then on."""

    failure: OSError | None = None

    def write(self, data: ReadableBuffer, /) -> int:
        if self.failure is None:
            try:
                return super().write(data)
            except OSError as error:
                self.failure = error
        return memoryview(data).nbytes


def careful() -> None:
    """Makes both streams careful, also where they are closed; a letter that they do not have is written as a number."""
    for number, flags in enumerate((os.O_RDONLY, os.O_RDONLY, os.O_WRONLY)):
        try:
            os.fstat(number)
        except OSError:  # closed: else the next file that is opened would be taken for it
            os.open(os.devnull, flags)
    sys.stdout = _careful(sys.stdout, 1)
    sys.stderr = _careful(sys.stderr, 2)


def _careful(stream: TextIO | None, number: int) -> TextIO:
    if isinstance(stream, io.TextIOWrapper) and stream.isatty():
        stream.reconfigure(errors="backslashreplace")
        return stream
    raw = io.BufferedWriter(_Careful(number, "w", closefd=False))
    encoding = "utf-8" if stream is None else stream.encoding
    return io.TextIOWrapper(raw, encoding, "backslashreplace", line_buffering=number == 2)


def ended(code: int, arguments: Sequence[str]) -> int:
    """The exit code of a command, after a word on what standard output did not take; a closed pipe is no fault."""
    sys.stdout.flush()
    raw = getattr(getattr(sys.stdout, "buffer", None), "raw", None)
    failure = raw.failure if isinstance(raw, _Careful) else None
    if failure is None or failure.errno == errno.EPIPE:
        return code
    with speaking(asked(arguments)):
        text = say("not all could be written to standard output ({code_strerror})", code_strerror=failure.strerror)
    print(f"fundalloc: {text}", file=sys.stderr)
    return code or LOST
