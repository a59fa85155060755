"""History: what earlier rounds decided."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field

from fundalloc.errors import Faults, did_you_mean
from fundalloc.language import say
from fundalloc.rounds import in_order
from fundalloc.tables import Table

FloatArray = NDArray[np.float64]
COLUMNS = ("round", "region_id", "resource", "entitlement", "amount")
SHOWN = 10


class HistorySection(BaseModel):
    """Where the decided rounds are."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    file: str | None = Field(
        None, description="CSV with round, region_id, resource, entitlement, amount; left out: --ledger has them."
    )
    mapping: str | None = Field(
        None, description="CSV with round, region_id, becomes, share: regions that merged, were split or left."
    )


class Record(NamedTuple):
    """What one round gave to one region of one resource; adjustment: the part of the amount outside the key."""

    entitlement: float
    amount: float
    adjustment: float = 0.0


NOTHING = Record(np.nan, np.nan, np.nan)


@dataclass(frozen=True, eq=False)
class History:
    """The rounds before the one that is decided, in order; `records` by resource, round and region."""

    rounds: tuple[str, ...]
    records: Mapping[str, Mapping[str, Mapping[str, Record]]]
    sha256: str = ""

    @classmethod
    def empty(cls) -> History:
        """No round before."""
        return cls((), {})

    def of(self, resource: str, ids: tuple[str, ...]) -> tuple[FloatArray, FloatArray, FloatArray]:
        """Entitlements, amounts and adjustments of a resource, each rounds x regions; NaN without a record."""
        by_round = self.records.get(resource, {})
        there = [by_round.get(r, {}) for r in self.rounds]
        records = [[recorded.get(i, NOTHING) for i in ids] for recorded in there]
        entitlements, amounts, adjustments = np.moveaxis(
            np.array(records, dtype=float).reshape(len(self.rounds), len(ids), len(NOTHING)), 2, 0
        )
        return entitlements, amounts, adjustments

    def ids(self, resource: str) -> tuple[str, ...]:
        """Every region of which there is a record."""
        return tuple(sorted({i for there in self.records.get(resource, {}).values() for i in there}))


def read_history(table: Table, before: str | None) -> History:
    """The recorded rounds strictly before a round, None: all; every fault of the file at once."""
    faults = Faults(table.file)
    for name in COLUMNS:
        if name not in table.header:
            faults.add(
                say("the column is missing. {code_hint}", code_hint=did_you_mean(name, table.header)),
                say("A history has the columns {code_list}.", code_list=", ".join(COLUMNS)),
                column=name,
            )
    faults.check()
    numbers = {}
    for name in ("entitlement", "amount"):
        numbers[name] = values = table.numbers(name, faults=faults)
        empty = np.array([not text for text in table.text(name)], dtype=bool)
        for complaint, bad in ((say("is empty."), empty), (say("is below 0."), values < 0)):
            for row in np.flatnonzero(bad)[:SHOWN]:
                faults.add(
                    complaint,
                    say("Write a number, 0 or more."),
                    line=int(table.lines[row]),
                    column=name,
                    value=str(table.text(name)[row]),
                )
    adjusted = np.zeros(len(table.lines))
    if "adjustment" in table.header:
        adjusted = np.nan_to_num(table.numbers("adjustment", faults=faults), nan=0.0)
    labels = table.text("round").tolist()
    rounds = in_order(label for label in labels if label)
    if before is not None:
        known = in_order([*labels, before])
        rounds = known[: known.index(before)]
    kept = set(rounds)
    records: dict[str, dict[str, dict[str, Record]]] = {}
    columns = (
        labels,
        table.text("region_id").tolist(),
        table.text("resource").tolist(),
        numbers["entitlement"].tolist(),
        numbers["amount"].tolist(),
        adjusted.tolist(),
        table.lines.tolist(),
    )
    there: dict[str, Record] = {}
    last = ("", "")
    for label, region, resource, entitlement, amount, adjustment, line in zip(*columns, strict=True):
        if not (label and region and resource):
            faults.add(say("round, region_id and resource cannot be empty."), say("Fill the cells."), line=line)
        elif label in kept:
            if (label, resource) != last:
                there, last = records.setdefault(resource, {}).setdefault(label, {}), (label, resource)
            if region in there:
                faults.add(
                    say(
                        "stands twice for round {code_label} and resource {code_resource}.",
                        code_label=label,
                        code_resource=resource,
                    ),
                    say("Leave one of the rows out."),
                    line=line,
                    column="region_id",
                    value=region,
                )
            there[region] = Record(entitlement, amount, adjustment)
    faults.check()
    return History(rounds, records, table.source.sha256)
