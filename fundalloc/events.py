"""Events: what happened after a round was decided: extra need, money returned, supply lost, what is paid."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from fundalloc.errors import Faults, did_you_mean
from fundalloc.language import say
from fundalloc.tables import Table

NUMBERS = ("need", "returned", "paid", "supply")
COLUMNS = ("region_id", "resource", *NUMBERS, "reason")


@dataclass(frozen=True)
class Event:
    """One row: of a region, or of the fund where `region` is empty.

    need: what the region needs more. returned: what it gives back of its amount. paid: what it has got already. supply:
    by how much the supply changes (below 0: lost); only in a row of the fund. paid is None where nothing is said.
    """

    region: str
    resource: str
    need: float
    returned: float
    paid: float | None
    supply: float
    reason: str
    line: int


@dataclass(frozen=True, eq=False)
class Events:
    """All rows of a file of events."""

    rows: tuple[Event, ...]
    file: str


def read_events(table: Table, resources: Mapping[str, tuple[str, ...]]) -> Events:
    """The events of a file; every fault of it at once.

    resources: the ids of the regions by the name of the resource. The columns are region_id, resource (may be left out
    where there is only one), need, returned, paid, supply (each may be left out or empty), reason.
    """
    faults = Faults(table.file)
    for name in ("region_id", "reason", *(["resource"] if len(resources) > 1 else [])):
        if name not in table.header:
            faults.add(
                say("the column is missing. {code_hint}", code_hint=did_you_mean(name, table.header)),
                say("Events have the columns {code_list}.", code_list=", ".join(COLUMNS)),
                column=name,
            )
    for name in table.header:
        if name not in COLUMNS:
            faults.add(say("is no column of events. {code_hint}", code_hint=did_you_mean(name, COLUMNS)), column=name)
    faults.check()
    count = len(table.lines)
    numbers = {n: table.numbers(n, faults=faults) if n in table.header else np.full(count, np.nan) for n in NUMBERS}
    only = next(iter(resources))
    names = table.text("resource").tolist() if "resource" in table.header else [only] * count
    rows = []
    seen: set[tuple[str, str]] = set()
    texts = zip(table.text("region_id").tolist(), names, table.text("reason").tolist(), strict=True)
    for k, (region, resource, reason) in enumerate(texts):
        one = {name: float(values[k]) for name, values in numbers.items()}
        paid = None if np.isnan(one["paid"]) else one["paid"]
        stated = {name: 0.0 if np.isnan(value) else value for name, value in one.items()}
        row = Event(
            region, resource, stated["need"], stated["returned"], paid, stated["supply"], reason, int(table.lines[k])
        )
        _check(row, resources, seen, faults)
        rows.append(row)
    if not rows:
        faults.add(
            say("holds no event."), say("Write one row for each region, or for the fund with an empty region_id.")
        )
    faults.check()
    return Events(tuple(rows), table.file)


def _check(row: Event, resources: Mapping[str, tuple[str, ...]], seen: set[tuple[str, str]], faults: Faults) -> None:
    where: dict[str, Any] = {"line": row.line}
    if row.resource not in resources:
        faults.add(
            say("is no resource. {code_hint}", code_hint=did_you_mean(row.resource, resources)),
            column="resource",
            value=row.resource,
            **where,
        )
    elif row.region and row.region not in resources[row.resource]:
        known = resources[row.resource]
        faults.add(
            say("is no region of this round. {code_hint}", code_hint=did_you_mean(row.region, known)),
            column="region_id",
            value=row.region,
            **where,
        )
    for name in ("need", "returned", "paid"):
        value = getattr(row, name)
        if value is not None and value < 0:
            faults.add(say("is below 0."), say("Write 0 or more."), column=name, value=f"{value:g}", **where)
        if value and not row.region:
            faults.add(
                say("is of no region."), say("Name the region; the fund itself has a supply."), column=name, **where
            )
    if row.supply and row.region:
        faults.add(say("belongs to the fund."), say("Leave region_id empty in this row."), column="supply", **where)
    if (row.need or row.returned or row.supply) and not row.reason:
        faults.add(say("is empty."), say("Say why: it stands in the explanation."), column="reason", **where)
    if row.paid is not None:
        if (row.region, row.resource) in seen:
            faults.add(
                say("is stated twice for {code_resource}.", code_resource=row.resource),
                say("State it once."),
                column="paid",
                value=row.region,
                **where,
            )
        seen.add((row.region, row.resource))
