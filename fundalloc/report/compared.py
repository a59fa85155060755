"""Candidates side by side as tables, and what a summary says of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from fundalloc.contrasts import JOINS, LEAVES, Bound, Contrast, Tally, percent
from fundalloc.problem import FloatArray, IntArray
from fundalloc.report.sheets import TEXT, Sheet
from fundalloc.report.texts import decimal, decimals, number, numbers

#: so many winners and losers are named
LARGEST = 5
#: words in the tables of a comparison
WORDS = ("candidate", "status", "base_held_by", "by", "group", "before", "after", "difference")


@dataclass(frozen=True, eq=False)
class Frame:
    """All regions of a comparison, sorted by id, and their groups: as the first candidate that has them says."""

    ids: tuple[str, ...]
    names: tuple[str, ...]
    groups: Mapping[str, tuple[str, ...]]


@dataclass(frozen=True, eq=False)
class Pair:
    """A candidate beside the base: a contrast for each resource of either, and the places at which rules bind."""

    base: str
    label: str
    contrasts: tuple[Contrast, ...]
    bounds: tuple[Bound, ...]


def comparison_sheet(frame: Frame, pairs: Sequence[Pair]) -> Sheet:
    """comparison.csv: one row per candidate but the base, resource and region."""
    columns: dict[str, list[str]] = {}
    for pair in pairs:
        for one in pair.contrasts:
            mine = one.listed
            base, other = one.base, one.other
            table = {
                "region_id": [frame.ids[k] for k in mine.tolist()],
                "region_name": [frame.names[k] for k in mine.tolist()],
                **{group: [labels[k] for k in mine.tolist()] for group, labels in frame.groups.items()},
                "resource": [one.resource] * len(mine),
                "unit": [one.unit_name] * len(mine),
                "candidate": [pair.label] * len(mine),
                "status": [one.status(k) for k in mine.tolist()],
                "base": _where(decimals(base.units, one.unit), base.there, mine),
                "amount": _where(decimals(other.units, one.unit), other.there, mine),
                "change": decimals(one.change[mine], one.unit),
                "change_percent": numbers(one.percent[mine]),
                "base_per_head": numbers(base.per_head[mine]),
                "per_head": numbers(other.per_head[mine]),
                "per_head_change": numbers(one.per_head[mine]),
                "base_rank": _places(base.ranks[mine]),
                "rank": _places(other.ranks[mine]),
                "base_head_rank": _places(base.head_ranks[mine]),
                "head_rank": _places(other.head_ranks[mine]),
                "base_coverage": numbers(base.coverage[mine]),
                "coverage": numbers(other.coverage[mine]),
                "base_held_by": [base.held_by[k] for k in mine.tolist()],
                "held_by": [other.held_by[k] for k in mine.tolist()],
            }
            for name, cells in table.items():
                columns.setdefault(name, []).extend(cells)
    return Sheet(columns, frozenset({*TEXT, *WORDS, *frame.groups}))


def _where(texts: Sequence[str], there: Any, mine: IntArray) -> list[str]:
    return [texts[k] if there[k] else "" for k in mine.tolist()]


def _places(ranks: IntArray) -> list[str]:
    return [str(k) if k else "" for k in ranks.tolist()]


def groups_sheet(frame: Frame, pairs: Sequence[Pair]) -> Sheet:
    """groups.csv: one row per candidate but the base, resource and group of each group column, and one for all."""
    columns: dict[str, list[str]] = {}
    for pair in pairs:
        for one in pair.contrasts:
            for by, tally in grouped(frame, one):
                for name, cell in _tallied(pair.label, one, by, tally).items():
                    columns.setdefault(name, []).append(cell)
    return Sheet(columns, frozenset({*TEXT, *WORDS}))


def grouped(frame: Frame, one: Contrast) -> list[tuple[str, Tally]]:
    """The tallies of all regions, then of the groups of each group column."""
    return [("all", one.whole), *((by, t) for by, labels in frame.groups.items() for t in one.tallies(labels))]


def heads(one: Contrast, tally: Tally) -> FloatArray:
    """What several regions get a head in the base and in the other candidate; NaN where there are no people."""
    people = np.array([tally.base_heads, tally.heads])
    with np.errstate(divide="ignore", invalid="ignore"):
        found = np.array([tally.base, tally.other]) * float(one.unit) / people
    return np.where(people > 0, found, np.nan)


def _tallied(label: str, one: Contrast, by: str, tally: Tally) -> dict[str, str]:
    before, after = heads(one, tally)
    changed = percent(np.array([tally.change]), np.array([tally.base]))[0]
    return {
        "by": by,
        "group": tally.label,
        "resource": one.resource,
        "unit": one.unit_name,
        "candidate": label,
        "regions": str(tally.regions),
        "base": decimal(tally.base, one.unit),
        "amount": decimal(tally.other, one.unit),
        "change": decimal(tally.change, one.unit),
        "change_percent": number(changed),
        "base_per_head": number(before),
        "per_head": number(after),
        "per_head_change": number(after - before),
        "winners": str(tally.winners),
        "losers": str(tally.losers),
    }


def bounds_sheet(pairs: Sequence[Pair]) -> Sheet:
    """rules.csv: one row per candidate but the base and place at which a rule binds in either."""
    rows = [(pair.label, bound) for pair in pairs for bound in pair.bounds]
    return Sheet(
        {
            "rule": [b.rule for _, b in rows],
            "resource": [b.resource for _, b in rows],
            "place": [b.place for _, b in rows],
            "candidate": [label for label, _ in rows],
            "before": [b.before for _, b in rows],
            "after": [b.after for _, b in rows],
            "difference": [b.difference for _, b in rows],
        },
        frozenset({*TEXT, *WORDS}),
    )


def facts(frame: Frame, pair: Pair, one: Contrast) -> dict[str, Any]:
    """What a summary says of one resource of a candidate beside the base."""
    whole = one.whole
    return {
        "resource": one.resource,
        "unit": one.unit_name,
        "base": decimal(whole.base, one.unit),
        "amounts": decimal(whole.other, one.unit),
        "change": decimal(whole.change, one.unit),
        "winners": _moved(frame, one, one.winners),
        "losers": _moved(frame, one, one.losers),
        "unchanged": int((one.both & (one.change == 0)).sum()),
        "joins": _alone(frame, one, JOINS),
        "leaves": _alone(frame, one, LEAVES),
        "rules": _bound(pair, one.resource),
    }


def _moved(frame: Frame, one: Contrast, regions: IntArray) -> dict[str, Any]:
    return {
        "count": len(regions),
        "sum": decimal(int(one.change[regions].sum()), one.unit),
        "largest": [
            {
                "region_id": frame.ids[k],
                "region_name": frame.names[k],
                "change": decimal(int(one.change[k]), one.unit),
                "change_percent": number(float(one.percent[k]), 6),
                "per_head_change": number(float(one.per_head[k]), 6),
            }
            for k in regions[:LARGEST].tolist()
        ],
    }


def _alone(frame: Frame, one: Contrast, status: str) -> dict[str, Any]:
    mine = [k for k in one.listed.tolist() if not one.both[k] and one.status(k) == status]
    total = decimal(int(one.change[mine].sum()), one.unit)
    return {"count": len(mine), "sum": total, "regions": [frame.ids[k] for k in mine]}


def _bound(pair: Pair, resource: str) -> list[dict[str, Any]]:
    """At how many places each rule binds in the base and in the other, and how many are not the same."""
    mine = [b for b in pair.bounds if b.resource == resource]
    return [
        {
            "rule": rule,
            "base": sum(b.before == "yes" for b in here),
            "candidate": sum(b.after == "yes" for b in here),
            "anew": [b.place for b in here if b.difference == "binds anew"],
            "no_more": [b.place for b in here if b.difference == "binds no more"],
        }
        for rule in dict.fromkeys(b.rule for b in mine)
        for here in [[b for b in mine if b.rule == rule]]
    ]
