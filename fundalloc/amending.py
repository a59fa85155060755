"""Amending: a written round and a file of events to the round as it is after them."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fundalloc.allocation import Allocation
from fundalloc.amendment import COLUMNS, decided_rows
from fundalloc.certificate import CERTIFICATE, parsed
from fundalloc.errors import Fault, InputError
from fundalloc.files import read_table
from fundalloc.fund import as_table
from fundalloc.language import say
from fundalloc.loading import reopened
from fundalloc.replacing import reading
from fundalloc.report.folder import decided_files, read_summary, rows_of
from fundalloc.sources import Source

if TYPE_CHECKING:
    import pandas as pd

ALLOCATION, RULES = "allocation.csv", "rules.csv"


def amend(folder: str | Path, events: str | Path | pd.DataFrame, *, encoding: str = "utf-8") -> Allocation:
    """The least change to a decided round that events ask for.

    folder: what `allocate` or `amend` wrote. events: region_id, resource, need, returned, paid, supply, reason. The
    reserve is used first, and nobody goes below what has been paid. Raises InputError with every fault of the events,
    ConflictError where even that cannot be kept.
    """
    folder = Path(folder)
    with reading(folder):
        summary = read_summary(folder)
        files = decided_files(folder, summary, (ALLOCATION, RULES, CERTIFICATE))
    certificate, before = parsed(files[CERTIFICATE], str(folder / CERTIFICATE))
    given = (
        read_table(Path(events), encoding=encoding) if isinstance(events, str | Path) else as_table(events, "events")
    )
    if "events" in before and before["events"].content == given.source.content:
        raise InputError(
            [
                Fault(
                    say("holds the events by which this round was amended already."),
                    say("Name new ones."),
                    file=given.file,
                )
            ]
        )
    inputs = {**before, "decided": decided(files, summary), "events": given.source}
    settings = [str(s) for s in certificate["settings"]]
    return reopened(inputs, str(certificate["round"]), settings).allocate()


def decided(files: Mapping[str, bytes], summary: Mapping[str, Any]) -> Source:
    """What a round decided, as the file that its amendment starts from. files: its tables by name."""
    rows, rules = (rows_of(files[name].decode()) for name in (ALLOCATION, RULES))
    supplies = {name: str(one["supply"]) for name, one in summary["resources"].items()}
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerows([COLUMNS, *decided_rows(rows, rules, supplies)])
    return Source("decided.csv", out.getvalue().encode())
