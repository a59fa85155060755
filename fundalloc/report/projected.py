"""Projected rounds as tables: amounts, goals and flags of all of them, and what a summary says of each."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from fundalloc.explain import printed_unit
from fundalloc.findings import to_lots
from fundalloc.flags import Flag
from fundalloc.goals import ENTITLED, Course, unpaid_after
from fundalloc.inequality import gini
from fundalloc.language import phrase, say
from fundalloc.policy import Policy
from fundalloc.problem import FloatArray, Problem, Resource
from fundalloc.report.sheets import TEXT, Sheet, flags_sheet
from fundalloc.report.table import aligned, with_unit
from fundalloc.report.texts import decimal, number
from fundalloc.report.words import money, percent

PLAN_COLUMNS = (
    "resource",
    "unit",
    "entitlement",
    "target",
    "amount",
    "coverage",
    "change",
    "arrears",
)
HEAD = (
    phrase("round"),
    phrase("amounts"),
    phrase("lowest coverage"),
    phrase("region"),
    phrase("below entitlement"),
    phrase("unpaid so far"),
    phrase("Gini"),
    phrase("flags"),
)
#: the columns of words
LEFT = (0, 3)
#: measures that arrears work on
DUE = ("coverage", "arrears")
#: words in goals.csv
GOAL_WORDS = ("goal", "subject", "name", "resource", "measure", "reached_in", "by", "met", "through", "held_by")


@dataclass(frozen=True, eq=False)
class Projected:
    """One projected round: its problem, the amounts by cell, allocation.csv as a sheet, and its flags."""

    problem: Problem
    amounts: FloatArray
    sheet: Sheet
    flags: tuple[Flag, ...]

    @property
    def round(self) -> str:
        """The label of the round."""
        return self.problem.round


def plan_sheet(rounds: Sequence[Projected], groups: Sequence[str]) -> Sheet:
    """plan.csv: one row per round, resource and region."""
    columns: dict[str, list[str]] = {name: [] for name in ("round", "region_id", "region_name", *groups, *PLAN_COLUMNS)}
    for one in rounds:
        columns["round"] += [one.round] * len(one.sheet)
        for name, texts in columns.items():
            if name != "round":
                texts += one.sheet.columns[name]
    return Sheet(columns, frozenset({*TEXT, *groups}))


def goals_sheet(courses: Sequence[Course], policy: Policy, rounds: Sequence[Projected]) -> Sheet:
    """goals.csv: one row per goal and subject: where it stands now and in the end, and when it is reached."""
    labels = [one.round for one in rounds]
    held = _held(rounds[-1]) if rounds else {}
    columns: dict[str, list[str]] = {
        "goal": [c.goal for c in courses],
        "subject": [c.subject for c in courses],
        "name": [c.name for c in courses],
        "resource": [c.resource for c in courses],
        "measure": [c.measure for c in courses],
        "now": [number(next(iter(c.values.values()))) for c in courses],
        "end": [number(list(c.values.values())[-1]) for c in courses],
        "at_least": ["" if c.at_least is None else number(c.at_least) for c in courses],
        "at_most": ["" if c.at_most is None else number(c.at_most) for c in courses],
        "reached_in": [c.reached_in for c in courses],
        "rounds": [str(labels.index(c.reached_in) + 1) if c.reached_in else "" for c in courses],
        "by": [c.by for c in courses],
        "met": [c.met(labels) for c in courses],
        "through": [through(c, policy, labels[-1]) for c in courses],
        "held_by": [held.get((c.resource, c.subject), "") if c.goal == ENTITLED else "" for c in courses],
    }
    return Sheet(columns, frozenset({*TEXT, *GOAL_WORDS}))


def _held(one: Projected) -> dict[tuple[str, str], str]:
    """The binding rules by resource and region."""
    c = one.sheet.columns
    return {(r, i): text for r, i, text in zip(c["resource"], c["region_id"], c["held_by"], strict=True)}


def through(course: Course, policy: Policy, end: str) -> str:
    """What works towards a goal: the rules it names, and whether they are in force; else arrears."""
    rules = {rule.name: rule for rule in policy.rules}
    if course.through:
        named = [(name, rules[name].holds(end)) for name in course.through]
        return "; ".join(name if holds else f"{name} (not in force in {end})" for name, holds in named)
    section = policy.resources.get(course.resource)
    return f"arrears {100 * section.arrears:g} %" if section and section.arrears and course.measure in DUE else ""


def all_flags(flags: Sequence[tuple[str, Flag]]) -> Sheet:
    """flags.csv: the flags of all rounds."""
    parts = [flags_sheet(label, [flag]) for label, flag in flags] or [flags_sheet("", [])]
    return Sheet({name: [t for p in parts for t in p.columns[name]] for name in parts[0].columns}, parts[0].words)


def facts(one: Projected) -> Iterator[dict[str, Any]]:
    """What a summary says of a round, resource by resource."""
    for r, resource in enumerate(one.problem.resources):
        block = one.problem.block(r)
        amounts = one.amounts[block]
        heads = one.problem.regions.population
        basis = np.where(resource.takes_part, 1.0 if heads is None else heads, 0.0)
        yield {
            "round": one.round,
            "resource": resource.name,
            "unit": resource.unit,
            "supply": "open" if resource.supply is None else format(resource.supply, "f"),
            "amounts": decimal(sum(to_lots(amounts, float(resource.lot)).tolist()), resource.lot),
            "regions": one.problem.n,
            "take_part": int(resource.takes_part.sum()),
            "below_entitlement": int((resource.entitlement - amounts >= float(resource.lot)).sum()),
            "lowest": lowest(one.problem, resource, amounts),
            "gini": {"before": number(gini(resource.entitlement, basis), 8), "after": number(gini(amounts, basis), 8)},
            "unpaid": decimal(_unpaid(resource, amounts), printed_unit(resource.lot)),
            "flags": sum(f.severity != "info" and f.resource in ("", resource.name) for f in one.flags),
        }


def _unpaid(resource: Resource, amounts: FloatArray) -> int:
    """What all regions with something unpaid are owed after the round, in printed units."""
    return round(float(np.maximum(unpaid_after(resource, amounts), 0.0).sum()) / float(printed_unit(resource.lot)))


def lowest(problem: Problem, resource: Resource, amounts: FloatArray) -> dict[str, str] | None:
    """Who has the least part of its entitlement; ties: the first id."""
    due = np.flatnonzero(resource.entitlement > 0)
    if not len(due):
        return None
    coverage = np.round(amounts[due] / resource.entitlement[due], 12)
    worst = int(due[np.argmin(coverage)])
    regions = problem.regions
    return {
        "region_id": regions.ids[worst],
        "region_name": regions.names[worst],
        "coverage": number(float(coverage.min())),
    }


def text_table(found: Sequence[dict[str, Any]]) -> str:
    """The rounds as text, a block for each resource."""
    blocks: dict[str, list[tuple[str, ...]]] = {}
    for one in found:
        title = with_unit(one["resource"], one["unit"])
        lowest = one["lowest"] or {"coverage": "", "region_name": ""}
        line = (
            one["round"],
            money(one["amounts"]),
            percent(lowest["coverage"]),
            lowest["region_name"],
            say("{part:,} of {all:,}", part=one["below_entitlement"], all=one["take_part"]),
            f"{float(one['unpaid']):,.0f}",
            f"{float(one['gini']['after']):.4f}",
            str(one["flags"]),
        )
        blocks.setdefault(title, [tuple(map(say, HEAD))]).append(line)
    return "\n\n".join(f"{title}\n{aligned(lines, LEFT)}" for title, lines in blocks.items())
