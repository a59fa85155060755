"""Amending: a written round and a file of events to the round as it is after them."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fundalloc.allocation import Allocation
from fundalloc.amendment import COLUMNS, decided_rows
from fundalloc.certificate import CERTIFICATE
from fundalloc.errors import Fault, InputError
from fundalloc.files import read_table
from fundalloc.fund import as_table, reopened
from fundalloc.report.folder import read_rows, read_summary
from fundalloc.report.summary import sha256
from fundalloc.sources import Source

if TYPE_CHECKING:
    import pandas as pd

ALLOCATION = "allocation.csv"


def amend(folder: str | Path, events: str | Path | pd.DataFrame, *, encoding: str = "utf-8") -> Allocation:
    """The least change to a decided round that events ask for.

    folder: what `allocate` or `amend` wrote. events: region_id, resource, need, returned, paid, supply, reason. The
    reserve is used first, and nobody goes below what has been paid. Raises InputError with every fault of the events,
    ConflictError where even that cannot be kept.
    """
    folder = Path(folder)
    summary = read_summary(folder)
    for name in (ALLOCATION, CERTIFICATE):
        if sha256((folder / name).read_bytes()) != summary["files"].get(name):
            raise InputError(
                [Fault("is not the file that was decided: its SHA-256 is another.", file=str(folder / name))]
            )
    certificate = json.loads((folder / CERTIFICATE).read_bytes())
    given = (
        read_table(Path(events), encoding=encoding) if isinstance(events, str | Path) else as_table(events, "events")
    )
    before = {name: Source.of(one) for name, one in certificate["inputs"].items()}
    inputs = {**before, "decided": decided(read_rows(folder, ALLOCATION), summary), "events": given.source}
    settings = [str(s) for s in certificate["settings"]]
    return reopened(inputs, str(certificate["round"]), settings).allocate()


def decided(rows: list[dict[str, str]], summary: Mapping[str, Any]) -> Source:
    """What a round decided, as the file that its amendment starts from."""
    supplies = {name: str(one["supply"]) for name, one in summary["resources"].items()}
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerows([COLUMNS, *decided_rows(rows, supplies)])
    return Source("decided.csv", out.getvalue().encode())
