"""Blame: where a decided round cannot be worked with, whether its folder was changed or the fault is ours."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from fundalloc.errors import DifferenceError, Fault, FundallocError, InputError
from fundalloc.language import say


@contextmanager
def as_decided(*folders: Path) -> Iterator[None]:
    """What breaks inside the block is a fault of the first folder that does not verify; else it goes up as a bug."""
    try:
        yield
    except FundallocError:
        raise
    except Exception as error:
        from fundalloc.report.folder import told_in
        from fundalloc.verification import verify

        for folder in (one for one in folders if (one / "certificate.json").exists()):
            with told_in(folder):
                try:
                    verify(folder)
                except DifferenceError as difference:
                    said = say("was changed since it was decided: {code_difference}", code_difference=difference)
                    raise InputError([Fault(said, say("Decide the round again."))]) from error
        raise
