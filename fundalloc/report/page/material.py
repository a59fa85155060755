"""The material of a page: a decided round as it is written to the other files, and how much of it fits on a page."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

from fundalloc.decided import Decision
from fundalloc.flags import Flag
from fundalloc.policy import Policy
from fundalloc.report.outcome import Retrospect
from fundalloc.report.sheets import Sheet
from fundalloc.shapes import Shapes

#: so many regions have a section each; with more only those that are flagged or move most
MANY = 300
#: of more regions so many of those that gain most, so many of those that lose most, and so many flagged ones
MOST, FLAGGED = 10, 100

#: flags of the monitor about one region, the gravest first; only the first of a region and resource is shown
GRAVEST = ("limit", "behind", "falling", "drift", "account")
SEVERITIES = ("alarm", "warning", "info")

Row = Mapping[str, str]


@dataclass(frozen=True, eq=False)
class Material:
    """What a page is made of. sheets, summary: as they are written. hashes: the SHA-256 of the other files."""

    policy: Policy
    decision: Decision
    sheets: Mapping[str, Sheet]
    summary: Mapping[str, Any]
    flags: Sequence[Flag]
    retrospect: Retrospect
    shapes: Shapes | None
    hashes: Mapping[str, str]

    @cached_property
    def amounts(self) -> dict[str, list[Row]]:
        """The rows of allocation.csv by resource, in the order of the ids."""
        return self._grouped("allocation.csv", "resource")

    @cached_property
    def steps(self) -> dict[tuple[str, str], list[Row]]:
        """The rows of steps.csv by resource and region."""
        found: dict[tuple[str, str], list[Row]] = {}
        for row in self.rows("steps.csv"):
            found.setdefault((row["resource"], row["region_id"]), []).append(row)
        return found

    @cached_property
    def places(self) -> dict[str, list[Row]]:
        """The rows of rules.csv by rule."""
        return self._grouped("rules.csv", "rule")

    @cached_property
    def numbers(self) -> dict[str, int]:
        """The numbers of the rules of the policy, by name."""
        return {rule["name"]: k for k, rule in enumerate(self.summary["rules"], 1)}

    def rows(self, name: str) -> list[Row]:
        """The rows of a file."""
        return list(self.sheets[name].records())

    def _grouped(self, name: str, column: str) -> dict[str, list[Row]]:
        found: dict[str, list[Row]] = {}
        for row in self.rows(name):
            found.setdefault(row[column], []).append(row)
        return found

    @cached_property
    def standing(self) -> list[Flag]:
        """What the monitor flags of regions after this round: the gravest of each region and resource."""
        return [flag for one in self.retrospect.watched.values() for flag in grave(one.flags)]

    @property
    def ledger(self) -> str:
        """The hash of the last entry of the ledger from which the rounds before come; empty without one."""
        found = re.fullmatch(r"ledger-([0-9a-f]{64})\.csv", self.summary["inputs"].get("history", {}).get("file", ""))
        return found[1] if found else ""

    @property
    def count(self) -> int:
        """How many regions there are."""
        return self.decision.problem.n

    @property
    def many(self) -> bool:
        """Whether there are too many for a section each."""
        return self.count > MANY

    @cached_property
    def names(self) -> dict[str, str]:
        """The names of the regions by id."""
        regions = self.decision.problem.regions
        return dict(zip(regions.ids, regions.names, strict=True))

    @cached_property
    def anchors(self) -> dict[str, str]:
        """The anchors of the regions that have a section, by id, in the order of the names."""
        ids = sorted(self.names) if not self.many else sorted(self._outstanding())
        order = sorted(ids, key=lambda i: (self.names[i].casefold(), i))
        return {one: f"r{k}" for k, one in enumerate(order, 1)}

    def _outstanding(self) -> set[str]:
        """The regions that are flagged, and those that gain or lose most."""
        flagged = [f.subject for f in (*self.flags, *self.standing) if f.subject in self.names]
        found = set(list(dict.fromkeys(flagged))[:FLAGGED])
        for rows in self.amounts.values():
            order = sorted(rows, key=lambda row: (moved(row), row["region_id"]))
            found |= {row["region_id"] for row in [*order[:MOST], *order[-MOST:]] if moved(row)}
        return found


def moved(row: Row) -> float:
    """By how much an amount differs from that of the last round; without a record, from the entitlement."""
    return float(row["change"]) if row["change"] else float(row["amount"]) - float(row["entitlement"])


def grave(flags: Sequence[Flag]) -> list[Flag]:
    """The flags about regions that should be looked at, one of each region and resource, as severe as the worst."""
    found: dict[tuple[str, str], Flag] = {}
    for flag in sorted(flags, key=lambda f: (GRAVEST.index(f.code) if f.code in GRAVEST else len(GRAVEST), f.subject)):
        if flag.code in GRAVEST and flag.severity != "info":
            first = found.setdefault((flag.subject, flag.resource), flag)
            if SEVERITIES.index(flag.severity) < SEVERITIES.index(first.severity):
                found[flag.subject, flag.resource] = replace(first, severity=flag.severity)
    return list(found.values())
