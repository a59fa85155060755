"""The past: what the rounds of a ledger gave to whom, as the history file of a policy."""

from __future__ import annotations

import csv
import io

from fundalloc.ledger.entries import Entry
from fundalloc.ledger.store import Ledger
from fundalloc.rounds import in_order
from fundalloc.sources import Source
from fundalloc.tables import unguard

#: the file of an entry in which the amounts stand
ALLOCATION, HISTORY = "allocation.csv", "history.csv"
COLUMNS = ("region_id", "resource", "entitlement", "amount", "adjustment")


def past(ledger: Ledger, before: str = "") -> Source:
    """The amounts that hold, one row per round, resource and region, named after the hash of the last entry.

    before: only the rounds before this one; left out: all.
    """
    standing = ledger.standings()
    order = in_order([*standing, before]) if before else tuple(standing)
    rounds = order[: order.index(before)] if before else order
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(("round", *COLUMNS))
    for label in rounds:
        for row in amounts(ledger, standing[label].entry):
            writer.writerow((label, *row))
    return Source(f"ledger-{ledger.head}.csv", out.getvalue().encode())


def amounts(ledger: Ledger, entry: Entry) -> list[tuple[str, ...]]:
    """What an entry gives to whom: region_id, resource, entitlement, amount, adjustment."""
    name = ALLOCATION if ALLOCATION in entry.files else HISTORY
    reader = csv.reader(io.StringIO(ledger.file(entry, name).decode("utf-8-sig"), newline=""))
    head = next(reader)
    place = [head.index(column) if column in head else None for column in COLUMNS]
    return [tuple("" if k is None else row[k] for k in place) for row in map(unguard, reader)]
