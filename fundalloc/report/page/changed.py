"""Changed: why amounts are not those of the last round, cause by cause, for a table and for each region."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from fundalloc.language import listed, phrase, say
from fundalloc.report.page.material import Material

#: what the causes are called on the page
CAUSES = {
    "pool": phrase("the supply"),
    "data": phrase("the figures of the regions"),
    "policy": phrase("the key"),
    "rules": phrase("the rules"),
    "arrears": phrase("arrears and amounts of the last round"),
    "amendment": phrase("amendment"),
    "rounding": phrase("rounding"),
}


@dataclass(frozen=True)
class Cause:
    """One cause: what it is called, and what it is."""

    name: str
    words: str


@dataclass(frozen=True)
class Changed:
    """What changed for one region: its amounts in both rounds, and a part of the difference for each cause."""

    id: str
    name: str
    before: Decimal
    after: Decimal
    parts: Sequence[Decimal]

    @property
    def change(self) -> Decimal:
        """The difference."""
        return self.after - self.before


@dataclass(frozen=True)
class Changes:
    """What changed of one resource. causes: those that changed anything; same: what the others are, in words."""

    since: str
    causes: Sequence[Cause]
    same: Sequence[str]
    rows: Mapping[str, Changed]

    @property
    def order(self) -> list[Changed]:
        """The rows, the greatest gain first."""
        return sorted(self.rows.values(), key=lambda row: (-row.change, row.id))

    @property
    def totals(self) -> list[Decimal]:
        """What each cause changed over all regions."""
        return [sum((row.parts[k] for row in self.rows.values()), Decimal(0)) for k in range(len(self.causes))]


def changed(material: Material) -> dict[str, Changes]:
    """What changed, by resource; empty where that is not known."""
    looked = material.retrospect.looked
    if looked.changes is None:
        return {}
    rows: dict[str, list[Mapping[str, str]]] = {}
    for row in looked.changes.records():
        rows.setdefault(row["resource"], []).append(row)
    return {name: _changes(looked.since, mine, looked.causes[name]) for name, mine in rows.items()}


def _changes(since: str, rows: Sequence[Mapping[str, str]], words: Mapping[str, Any]) -> Changes:
    moving = [cause for cause in words if any(Decimal(row[cause] or 0) for row in rows)]
    found = {
        row["region_id"]: Changed(
            row["region_id"],
            row["region_name"],
            Decimal(row["before"]),
            Decimal(row["after"]),
            [Decimal(row[cause]) for cause in moving],
        )
        for row in rows
    }
    causes = [Cause(listed(say(CAUSES[one]) for one in cause.split(" and ")), words[cause]) for cause in moving]
    return Changes(
        since, causes, [words[cause] for cause in words if cause not in moving and cause != "rounding"], found
    )
