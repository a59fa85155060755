"""Courses: the rounds of a fund as the monitor looks at them, each with what its data say; and what held them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from fundalloc.decided import Decision
from fundalloc.errors import InputError
from fundalloc.expressions import Expression
from fundalloc.flags import Flag
from fundalloc.history import History
from fundalloc.language import called, say
from fundalloc.monitors.course import Course
from fundalloc.posed import Posed
from fundalloc.problem import FloatArray

#: the group of regions that have left
GONE = "(left)"
#: flags behind which a rule may stand
HELD = ("behind", "falling", "drift", "account", "limit")
#: so many rules are named
NAMED = 3


@dataclass(frozen=True, eq=False)
class Facts:
    """What one round says of its regions: by resource what each pays in; and their heads and development."""

    ids: tuple[str, ...]
    population: FloatArray | None
    development: FloatArray | None
    contribution: Mapping[str, FloatArray | None]


def facts(fund: Posed) -> Facts | None:
    """The facts of a round; None where the regions file does not have it."""
    try:
        problem = fund.problem
    except InputError:
        return None
    name = fund.policy.monitor.development
    if name is None and "development" in fund.policy.indices:
        name = "development"
    scope = problem.resources[0].scope
    everyone = scope.full or scope
    return Facts(
        problem.regions.ids,
        problem.regions.population,
        None if name is None else Expression(name, "monitor.development").evaluate(everyone),
        {one.name: one.contribution for one in problem.resources},
    )


def course(latest: Posed, name: str, history: History, found: Mapping[str, Facts | None]) -> Course:
    """The course of one resource."""
    ids = history.ids(name)
    regions = latest.regions
    place = {region: i for i, region in enumerate(regions.ids)}
    section = latest.policy.resources[name]

    def labels(values: Any) -> tuple[str, ...]:
        return tuple(str(values[place[i]]) if i in place else GONE for i in ids)

    def known(which: str) -> FloatArray | None:
        rows = [_row(found.get(label), which, name, ids) for label in history.rounds]
        return np.array(rows) if rows and not np.isnan(rows).all() else None

    entitlement, amount, adjustment = history.of(name, ids)
    return Course(
        rounds=history.rounds,
        ids=ids,
        names=tuple(regions.names[place[i]] if i in place else i for i in ids),
        groups={column: labels(values) for column, values in regions.groups.items()},
        resource=name,
        unit=section.unit,
        entitlement=entitlement,
        amount=amount,
        adjustment=adjustment,
        arrears=section.arrears,
        population=known("population"),
        contribution=known("contribution"),
        development=known("development"),
        lot=float(section.lot),
    )


def _row(one: Facts | None, which: str, resource: str, ids: tuple[str, ...]) -> FloatArray:
    """One fact of one round for given regions; NaN where it is not known."""
    if one is None:
        return np.full(len(ids), np.nan)
    values = one.contribution.get(resource) if which == "contribution" else getattr(one, which)
    if values is None:
        return np.full(len(ids), np.nan)
    known = dict(zip(one.ids, values.tolist(), strict=True))
    return np.array([known.get(i, np.nan) for i in ids])


def with_rules(flag: Flag, decision: Decision) -> Flag:
    """A flag that names the rules which moved its region most in the last round, away from its target."""
    problem = decision.problem
    place = {region: i for i, region in enumerate(problem.regions.ids)}
    number = {one.name: r for r, one in enumerate(problem.resources)}
    if flag.code not in HELD or flag.subject not in place or flag.resource not in number:
        return flag
    i, r = place[flag.subject], number[flag.resource]
    one, cell = problem.resources[r], r * problem.n + i
    less = decision.amounts[cell] < one.target[i]
    moved = [(s.rule, float(s.amounts[cell])) for s in decision.shifts if s.kind == "rule"]
    mine = sorted(
        (m for m in moved if (m[1] < 0) == less and abs(m[1]) >= float(one.lot)), key=lambda m: (-abs(m[1]), m[0])
    )
    if not mine:
        return flag
    rules = say("; ").join(f"{called(name)} {amount:+,.0f}" for name, amount in mine[:NAMED])
    text = say(
        "{message} In {round} these rules took most from it ({unit}): {rules}."
        if less
        else "{message} In {round} these rules gave it most ({unit}): {rules}.",
        message=flag.message,
        round=problem.round,
        unit=one.unit,
        rules=rules,
    )
    return replace(flag, message=text)
