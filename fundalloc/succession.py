"""Succession: regions that were merged, split or closed between the rounds, and who continues their past."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from fractions import Fraction

import numpy as np

from fundalloc.errors import Faults, did_you_mean
from fundalloc.history import History, Record
from fundalloc.language import say
from fundalloc.rounds import in_order
from fundalloc.tables import Table

COLUMNS = ("round", "region_id", "becomes")
#: what stands behind the id of a region whose past, or a part of it, nobody continues
CLOSED = " (closed)"
#: shares of one region add up to 1 to this
ROUGHLY = Fraction(1, 10**9)


@dataclass(frozen=True, eq=False)
class Succession:
    """From which round on which regions are continued by which others, and with what share of their past.

    steps: by round, for each region its successors with their shares; nobody is the empty text.
    """

    steps: Mapping[str, Mapping[str, Mapping[str, float]]]


def read_succession(table: Table) -> Succession:
    """The mapping of a file with the columns round, region_id, becomes and, if wanted, share.

    A row says: from this round on, that share (left out: 1) of what region_id was due and got before counts for
    `becomes`. An empty `becomes` ends it. Every fault of the file at once; the shares of a region add up to 1.
    """
    faults = Faults(table.file)
    for name in COLUMNS:
        if name not in table.header:
            faults.add(
                say("the column is missing. {code_hint}", code_hint=did_you_mean(name, table.header)),
                say("A mapping has the columns round, region_id, becomes and, where a region is split, share."),
                column=name,
            )
    faults.check()
    shares = np.ones(len(table.lines))
    if "share" in table.header:
        given = table.numbers("share", faults=faults)
        shares = np.where(np.isnan(given), 1.0, given)
    steps: dict[str, dict[str, dict[str, float]]] = {}
    rows = zip(*(table.text(c).tolist() for c in COLUMNS), shares.tolist(), table.lines.tolist(), strict=True)
    for label, region, becomes, share, line in rows:
        if not (label and region):
            faults.add(say("round and region_id cannot be empty."), say("Fill the cells."), line=line)
            continue
        there = steps.setdefault(label, {}).setdefault(region, {})
        if becomes in there:
            faults.add(say("stands twice with the same successor."), say("Leave one row out."), line=line, value=region)
        if not 0 < share <= 1:
            faults.add(
                say("is no share."),
                say("Write a number above 0, at most 1."),
                line=line,
                column="share",
                value=f"{share:g}",
            )
        there[becomes] = share
    for label, regions in steps.items():
        for region, parts in regions.items():
            total = sum(map(Fraction, parts.values()), Fraction(0))
            if abs(total - 1) > ROUGHLY and not faults.found:
                faults.add(
                    say(
                        "the shares of its past from round {code_label} on add up to {total:g}, not to 1.",
                        code_label=label,
                        total=float(total),
                    ),
                    say("Write every successor; an empty `becomes` for what nobody continues."),
                    value=region,
                )
    faults.check()
    return Succession(steps)


def continued(history: History, succession: Succession, round_: str) -> History:
    """The past as if the regions of a round had always been there.

    What several regions were due and got is added up; what nobody continues stands under an id of its own. Rows of the
    mapping for later rounds do not count yet.
    """
    labels = in_order([*history.rounds, *succession.steps, round_])
    place = {label: k for k, label in enumerate(labels)}
    records = {
        resource: {label: dict(there) for label, there in rounds.items()}
        for resource, rounds in history.records.items()
    }
    for label in labels[: place[round_] + 1]:
        step = succession.steps.get(label, {})
        for rounds in records.values() if step else ():
            for past in [p for p in rounds if place[p] < place[label]]:
                rounds[past] = _moved(rounds[past], step)
    return replace(history, records=records)


def _moved(there: Mapping[str, Record], step: Mapping[str, Mapping[str, float]]) -> dict[str, Record]:
    """The records of one round after one step of the mapping."""
    parts: dict[str, list[Record]] = {}
    for region, record in there.items():
        for heir, share in step.get(region, {region: 1.0}).items():
            parts.setdefault(heir or region + CLOSED, []).append(Record(*(share * value for value in record)))
    return {heir: Record(*map(math.fsum, zip(*found, strict=True))) for heir, found in parts.items()}
