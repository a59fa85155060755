"""Amending: a written round and a file of events to the round as it is after them."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from fundalloc.allocation import Allocation
from fundalloc.amendment import COLUMNS, decided_rows
from fundalloc.certificate import CERTIFICATE
from fundalloc.files import read_table
from fundalloc.findings import Finding, audit
from fundalloc.fund import as_table, reopened
from fundalloc.problem import FloatArray
from fundalloc.report.folder import decided_files, read_rows, read_summary, rows_of
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
    files = decided_files(folder, summary, (ALLOCATION, CERTIFICATE))
    certificate = json.loads(files[CERTIFICATE])
    given = (
        read_table(Path(events), encoding=encoding) if isinstance(events, str | Path) else as_table(events, "events")
    )
    before = {name: Source.of(one) for name, one in certificate["inputs"].items()}
    inputs = {**before, "decided": decided(rows_of(files[ALLOCATION].decode()), summary), "events": given.source}
    settings = [str(s) for s in certificate["settings"]]
    return reopened(inputs, str(certificate["round"]), settings).allocate()


def unkept(folder: str | Path, allocation: Allocation) -> list[Finding]:
    """The required rules of the policy that amended amounts do not keep although the decided ones do.

    folder: what was amended. The totals are not among them: supply and reserve have changed on purpose.
    """
    certificate = json.loads((Path(folder) / CERTIFICATE).read_bytes())
    inputs = {name: Source.of(one) for name, one in certificate["inputs"].items()}
    settings = [str(s) for s in certificate["settings"]]
    base = reopened(inputs, str(certificate["round"]), settings, amended=False)
    stated = {rule.name for rule in base.policy.rules}
    before = np.array([row["amount"] for row in read_rows(Path(folder), ALLOCATION)], dtype=float)

    def broken(amounts: FloatArray) -> list[Finding]:
        found = audit(base.problem, base.rows, amounts)
        return [f for f in found if f.severity == "breach" and f.mode == "require" and f.rule in stated]

    old = {(f.rule, f.place, f.resource) for f in broken(before)}
    return [f for f in broken(allocation.decision.amounts) if (f.rule, f.place, f.resource) not in old]


def decided(rows: list[dict[str, str]], summary: Mapping[str, Any]) -> Source:
    """What a round decided, as the file that its amendment starts from."""
    supplies = {name: str(one["supply"]) for name, one in summary["resources"].items()}
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerows([COLUMNS, *decided_rows(rows, supplies)])
    return Source("decided.csv", out.getvalue().encode())
