"""The dossier: everything that a written round says, by region."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from fundalloc.policy import Policy
from fundalloc.report.words import Row

#: the place of a rule that adds up all regions
ALL = "all"


@dataclass(frozen=True)
class Rank:
    """Where an amount stands among others: the place from above, of how many; equals share the better place."""

    place: int
    of: int
    among: str = ""


@dataclass(frozen=True, eq=False)
class Dossier:
    """A round by region.

    amounts: the rows of allocation.csv by region. steps, bounds: those of steps.csv by region and resource, of
    rules.csv by place and resource. flags: by subject. ranks: by region and resource. figures: what the measures of
    the policy use of each region. certificate: its SHA-256.
    """

    policy: Policy
    summary: Mapping[str, Any]
    certificate: str
    amounts: Mapping[str, Sequence[Row]]
    steps: Mapping[tuple[str, str], Sequence[Row]]
    bounds: Mapping[tuple[str, str], Sequence[Row]]
    flags: Mapping[str, Sequence[Row]]
    ranks: Mapping[tuple[str, str], Sequence[Rank]]
    figures: Mapping[str, Mapping[str, str]]

    @property
    def rules(self) -> dict[str, Mapping[str, Any]]:
        """What the summary says of each rule, by its name."""
        return {rule["name"]: rule for rule in self.summary["rules"]}


def dossier(
    policy: Policy,
    summary: Mapping[str, Any],
    certificate: str,
    tables: Mapping[str, Sequence[Row]],
    figures: Mapping[str, Mapping[str, str]],
) -> Dossier:
    """The dossier of the tables of a round, by the name of their file."""
    amounts = tables["allocation.csv"]
    return Dossier(
        policy,
        summary,
        certificate,
        _by(amounts, ("region_id",)),
        _by(tables["steps.csv"], ("region_id", "resource")),
        _by(tables["rules.csv"], ("place", "resource")),
        _by(tables["flags.csv"], ("subject",)),
        _ranks(amounts, policy.regions.groups),
        figures,
    )


def _by(rows: Iterable[Row], keys: Sequence[str]) -> dict[Any, list[Row]]:
    """Rows by one column, or by several as a tuple."""
    found: dict[Any, list[Row]] = {}
    for row in rows:
        found.setdefault(row[keys[0]] if len(keys) == 1 else tuple(row[k] for k in keys), []).append(row)
    return found


def measured(row: Row) -> str:
    """What regions are ranked by: the amount a head, or the amount where nobody counts heads."""
    return row["per_head"] or row["amount"]


def takes_part(row: Row) -> bool:
    """Whether a region takes part in sharing a resource, or gets something of it."""
    return float(row["entitlement"]) != 0 or float(row["amount"]) != 0


def _ranks(rows: Iterable[Row], groups: Sequence[str]) -> dict[tuple[str, str], list[Rank]]:
    """The rank of each region among all and in its first group, by resource."""
    found: dict[tuple[str, str], list[Rank]] = {}
    there = [row for row in rows if takes_part(row)]
    for keys in (("resource",), *((("resource", groups[0]),) if groups else ())):
        for same in _by(there, keys).values():
            values = sorted(float(measured(row)) for row in same)
            for row in same:
                above = len(values) - bisect_right(values, float(measured(row)))
                among = row[keys[1]] if len(keys) > 1 else ""
                found.setdefault((row["region_id"], row["resource"]), []).append(Rank(above + 1, len(values), among))
    return found
