"""The past: what the rounds of a ledger gave to whom, as the history file of a policy."""

from __future__ import annotations

import csv
import io

from fundalloc.errors import LedgerError
from fundalloc.language import say
from fundalloc.ledger.entries import START, Entry, standings
from fundalloc.ledger.store import Ledger
from fundalloc.reported import reported
from fundalloc.rounds import in_order
from fundalloc.sources import Source
from fundalloc.tables import guarded

#: the file of an entry in which the amounts stand
ALLOCATION, HISTORY = "allocation.csv", "history.csv"
COLUMNS = ("region_id", "resource", "entitlement", "amount", "adjustment")
OPTIONAL = ("adjustment",)


def past(ledger: Ledger, before: str = "") -> Source:
    """The amounts that hold, one row per round, resource and region, named after the hash of the last entry.

    before: only the rounds before this one; left out: all.
    """
    entries = ledger.entries()
    standing = standings(entries)
    order = in_order([*standing, before]) if before else tuple(standing)
    rounds = order[: order.index(before)] if before else order
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(("round", *COLUMNS))
    shown = guarded(rounds)
    for label in rounds:
        for row in amounts(ledger, standing[label].entry):
            writer.writerow((shown[label], *row))
    head = entries[-1].hash if entries else START
    return Source(f"ledger-{head}.csv", out.getvalue().encode())


def amounts(ledger: Ledger, entry: Entry) -> list[tuple[str, ...]]:
    """What an entry gives to whom: region_id, resource, entitlement, amount, adjustment, as cells of a CSV file.

    Raises LedgerError where its table is none.
    """
    name = ALLOCATION if ALLOCATION in entry.files else HISTORY
    try:
        head, *rows = csv.reader(io.StringIO(ledger.file(entry, name).decode("utf-8-sig"), newline=""), strict=True)
        place = [None if column in OPTIONAL and column not in head else head.index(column) for column in COLUMNS]
        return [tuple("" if k is None else row[k] for k in place) for row in rows]
    except (ValueError, IndexError, csv.Error) as error:
        raise LedgerError(
            say(
                "{code_where}: {code_name} of {code_said} is no table of amounts ({code_error}).",
                code_where=ledger.where,
                code_name=name,
                code_said=entry.said(),
                code_error=reported(error),
            )
        ) from None
