"""The entries of a part: every region's amount of one resource, and the way to it from an equal share."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from functools import cached_property
from math import inf
from typing import Any

from fundalloc.language import called, listed
from fundalloc.report.page.figures import place
from fundalloc.report.page.material import Row

#: what steps are put together to, by their kind: the order of the columns
STAGES = {
    "equal": "equal share",
    "criterion": "criteria",
    "claim": "criteria",
    "arrears": "arrears and adjustments",
    "adjustment": "arrears and adjustments",
    "decided": "decided before",
    "supply": "supply",
    "objective": "objective",
    "rule": "rules",
    "rounding": "rounding",
}
#: the class of the picture of each stage
LANES = {
    "criteria": "key",
    "arrears and adjustments": "due",
    "decided before": "due",
    "supply": "due",
    "objective": "rule",
    "rules": "rule",
}

#: from which coverage on a region has which colour
SHADES = ((0.9, "much-below"), (0.98, "below"), (1.02, "level"), (1.1, "above"), (inf, "much-above"))


def shade(coverage: float | None) -> str:
    """The colour of a coverage, empty where there is none."""
    return "" if coverage is None else next(name for bound, name in SHADES if coverage < bound)


@dataclass(frozen=True)
class Bar:
    """One bar of a picture that is 100 wide."""

    kind: str
    x: str
    y: str
    width: str


@dataclass(frozen=True, eq=False)
class Entry:
    """One region and resource: its row of allocation.csv, and what each stage adds to its amount.

    anchor: where its section stands on the page, empty where it has none. rules: what each rule gives or takes.
    """

    row: Row
    anchor: str
    stages: Mapping[str, Decimal]
    rules: Mapping[str, Decimal]

    @cached_property
    def coverage(self) -> float | None:
        """The amount as a part of the entitlement, None where nothing is due."""
        return float(self.row["coverage"]) if self.row["coverage"] else None

    @property
    def takes_part(self) -> bool:
        """Whether anything is due or given."""
        return any(self.stages.values())

    @property
    def shade(self) -> str:
        """The colour of the coverage."""
        return shade(self.coverage)

    @property
    def away(self) -> float:
        """How far the coverage is from 1."""
        return 0.0 if self.coverage is None else self.coverage - 1

    @cached_property
    def helps_most(self) -> tuple[Decimal, str] | None:
        """The rule that gives most, and how much; None where none gives anything."""
        amount, rule = max(((a, r) for r, a in self.rules.items()), default=(Decimal(0), ""))
        return (amount, rule) if amount > 0 else None

    @cached_property
    def costs_most(self) -> tuple[Decimal, str] | None:
        """The rule that takes most, and how much; None where none takes anything."""
        amount, rule = min(((a, r) for r, a in self.rules.items()), default=(Decimal(0), ""))
        return (amount, rule) if amount < 0 else None

    def basis(self) -> float:
        """What a picture is drawn for: one head, or the whole region."""
        amount, head = float(self.row["amount"]), self.row["per_head"]
        return amount / float(head) if head and float(head) else 1.0


def entries(rows: Sequence[Row], steps: Mapping[tuple[str, str], list[Row]], anchors: Mapping[str, str]) -> list[Entry]:
    """The entries of one resource, the largest amount first."""
    found = []
    for row in rows:
        stages: dict[str, Decimal] = {}
        rules: dict[str, Decimal] = {}
        for step in steps.get((row["resource"], row["region_id"]), ()):
            stage, amount = STAGES[step["kind"]], Decimal(step["amount"])
            stages[stage] = stages.get(stage, Decimal(0)) + amount
            if step["kind"] == "rule":
                rules[step["step"]] = amount
        found.append(Entry(row, anchors.get(row["region_id"], ""), stages, rules))
    return sorted(found, key=lambda e: (-Decimal(e.row["amount"]), e.row["region_id"]))


def used(all_: Sequence[Entry]) -> list[str]:
    """The stages that move anything, in their order."""
    order = list(dict.fromkeys(STAGES.values()))
    return [s for s in order if s == "equal share" or any(e.stages.get(s) for e in all_)]


class Ladder:
    """The pictures of all regions on one scale: from the equal share a head, stage by stage, to the amount a head."""

    def __init__(self, all_: Sequence[Entry], stages: Sequence[str]) -> None:
        self._lanes = list(dict.fromkeys(LANES[s] for s in stages if s in LANES))
        self._stages = [s for s in stages if s in LANES]
        self._ways = {e.row["region_id"]: self._way(e) for e in all_ if e.takes_part}
        points = [p for way in self._ways.values() for p in way]
        self._low, self._high = (min(points), max(points)) if points else (0.0, 1.0)

    def _way(self, entry: Entry) -> list[float]:
        basis = entry.basis()
        way = [float(entry.stages.get("equal share", Decimal(0)))]
        for stage in self._stages:
            way.append(way[-1] + float(entry.stages.get(stage, Decimal(0))))
        return [w / basis for w in way]

    def _at(self, value: float) -> float:
        return 2 + 96 * (value - self._low) / ((self._high - self._low) or 1.0)

    @property
    def ends(self) -> tuple[float, float, float]:
        """The least of the scale, where all start, and the most."""
        starts = [way[0] for way in self._ways.values()]
        return self._low, starts[0] if starts else 0.0, self._high

    @property
    def lanes(self) -> list[tuple[str, str]]:
        """The classes of the lanes, from above, and the stages that they show."""
        return [(lane, listed(called(s) for s in self._stages if LANES[s] == lane)) for lane in self._lanes]

    def picture(self, entry: Entry) -> Mapping[str, Any] | None:
        """Where a region's bars begin and end; None for a region without any."""
        way = self._ways.get(entry.row["region_id"])
        if way is None:
            return None
        bars = []
        height = 18 / max(1, len(self._lanes))
        for k, stage in enumerate(self._stages):
            a, b = sorted((self._at(way[k]), self._at(way[k + 1])))
            lane = self._lanes.index(LANES[stage])
            if b - a > 0:
                bars.append(Bar(LANES[stage], place(a), place(1 + lane * height), place(max(b - a, 0.4))))
        ends = {"start": place(self._at(way[0])), "end": place(self._at(way[-1]))}
        return {"bars": bars, "height": place(height - 1), **ends}
