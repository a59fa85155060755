"""Monitoring: the rounds of a ledger or a history, watched as one course for each resource."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np

from fundalloc.allocation import Allocation
from fundalloc.cliffs import cliffs, edges, words
from fundalloc.errors import Fault, FundallocError, InputError
from fundalloc.expressions import Expression
from fundalloc.files import parse_table
from fundalloc.flags import Flag
from fundalloc.fund import Fund
from fundalloc.history import History, read_history
from fundalloc.ledger import Ledger, Standing
from fundalloc.ledger.past import past
from fundalloc.monitors import Course, Listing, Watched, watch
from fundalloc.problem import FloatArray
from fundalloc.recording import recorded_fund
from fundalloc.report.folder import write_folder
from fundalloc.report.sheets import Sheet, flags_sheet
from fundalloc.report.summary import FORMAT
from fundalloc.report.texts import number
from fundalloc.succession import continued, read_succession

GONE = "(left)"
#: flags behind which a rule may stand
HELD = ("behind", "falling", "drift", "account", "limit")
#: so many rules are named
NAMED = 3
WORDS = frozenset(["kind", "group_column", "subject", "name", "resource", "unit", "round", "first", "last"])


@dataclass(frozen=True, eq=False)
class Monitored:
    """What the monitor sees of all resources of a fund. head: of the ledger that was read, empty without one."""

    title: str
    rounds: tuple[str, ...]
    watched: Mapping[str, Watched]
    flags: tuple[Flag, ...]
    head: str = ""

    @property
    def sheets(self) -> dict[str, Sheet]:
        """The tables by the name of their file."""
        found = {}
        for name in ("measures", "series", "splits"):
            found[f"{name}.csv"] = _sheet([getattr(one, name) for one in self.watched.values()])
        return {**found, "flags.csv": flags_sheet(self.rounds[-1] if self.rounds else "", self.flags)}

    @property
    def summary(self) -> dict[str, Any]:
        """What was watched, and how many flags of which severity there are."""
        severities = ("alarm", "warning", "info")
        return {
            "fundalloc": {"format": FORMAT, "version": version("fundalloc")},
            "title": self.title,
            "what": "monitor",
            "rounds": list(self.rounds),
            "resources": list(self.watched),
            "flags": {s: n for s in severities if (n := sum(f.severity == s for f in self.flags))},
            "ledger": self.head or None,
        }

    def write(self, folder: str | Path) -> None:
        """Writes measures.csv, series.csv, splits.csv, flags.csv and summary.json, whole or not at all."""
        write_folder(Path(folder), {name: sheet.csv() for name, sheet in self.sheets.items()}, self.summary)


def monitor(fund: Fund) -> Monitored:
    """Watches the rounds of a fund's history, of which its regions file has the indicators."""
    if fund.past is None:
        raise InputError(
            [Fault("there is no history to watch.", "Use --ledger, --history, or [history] in the policy.")]
        )
    history = read_history(fund.past, None)
    labels = history.rounds
    latest = fund.at(labels[-1]) if labels else fund
    found = {label: _facts(fund.at(label)) for label in labels}
    return _monitored(latest, _mapped(history, latest), found)


def monitor_ledger(ledger: Ledger) -> Monitored:
    """Watches the rounds of a ledger, each with the policy and data that it was decided on."""
    standings = ledger.standings()
    found: dict[str, _Facts | None] = {}
    latest = None
    for label, one in standings.items():
        fund = recorded_fund(ledger, one.entry)
        if fund is not None:
            latest, found[label] = fund, _facts(fund)
    if latest is None:
        raise InputError(
            [
                Fault(
                    "holds no decided round, only amounts.",
                    "Name the policy too: fundalloc monitor POLICY --ledger ...",
                    file=ledger.where,
                )
            ]
        )
    found = {label: found[label] if label in found else _facts(latest.at(label)) for label in standings}
    source = past(ledger)
    history = read_history(parse_table(source, source.file), None)
    seen = _monitored(latest, _mapped(history, latest), found, ledger.head)
    return replace(seen, flags=(*_stale(standings.values()), *seen.flags))


def _stale(standings: Iterable[Standing]) -> Iterator[Flag]:
    """Rounds that were decided before an earlier round was changed."""
    newest = 0
    for one in standings:
        if newest > one.entry.number and one.entry.kind != "history":
            text = (
                f"Round {one.round} was decided before entry {newest} changed a round before it. Decide it again with "
                "--ledger and record it with --correct."
            )
            yield Flag("warning", "stale_round", one.round, text)
        newest = max(newest, one.entry.number)


@dataclass(frozen=True, eq=False)
class _Facts:
    """What one round says of its regions: by resource what each pays in; and their heads and development."""

    ids: tuple[str, ...]
    population: FloatArray | None
    development: FloatArray | None
    contribution: Mapping[str, FloatArray | None]


def _facts(fund: Fund) -> _Facts | None:
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
    return _Facts(
        problem.regions.ids,
        problem.regions.population,
        None if name is None else Expression(name, "monitor.development").evaluate(everyone),
        {one.name: one.contribution for one in problem.resources},
    )


def _mapped(history: History, latest: Fund) -> History:
    if latest.mapping is None or not history.rounds:
        return history
    return continued(history, read_succession(latest.mapping), history.rounds[-1])


def _monitored(latest: Fund, history: History, found: Mapping[str, _Facts | None], head: str = "") -> Monitored:
    policy = latest.policy
    watched = {}
    flags: list[Flag] = []
    for name in sorted(policy.resources):
        course = _course(latest, name, history, found)
        if course.ids:
            watched[name] = one = watch(course, policy.monitor)
            flags += one.flags
    decided = _decided(latest) if history.rounds else None
    if decided is not None:
        flags = [_held(flag, decided) for flag in flags] + _cliffs(latest, decided)
    return Monitored(policy.fund.title, history.rounds, watched, tuple(flags), head)


def _decided(latest: Fund) -> Allocation | None:
    """The last round, decided again; None where its data are not known or it cannot be."""
    try:
        return latest.allocate()
    except FundallocError:
        return None


def _held(flag: Flag, decided: Allocation) -> Flag:
    """A flag that names the rules which moved its region most in the last round, away from its target."""
    problem = decided.decision.problem
    place = {region: i for i, region in enumerate(problem.regions.ids)}
    number = {one.name: r for r, one in enumerate(problem.resources)}
    if flag.code not in HELD or flag.subject not in place or flag.resource not in number:
        return flag
    i, r = place[flag.subject], number[flag.resource]
    one, cell = problem.resources[r], r * problem.n + i
    less = decided.decision.amounts[cell] < one.target[i]
    moved = [(s.rule, float(s.amounts[cell])) for s in decided.decision.shifts if s.kind == "rule"]
    mine = sorted(
        (m for m in moved if (m[1] < 0) == less and abs(m[1]) >= float(one.lot)), key=lambda m: (-abs(m[1]), m[0])
    )
    if not mine:
        return flag
    listed = "; ".join(f"{name} {amount:+,.0f}" for name, amount in mine[:NAMED])
    what = "took most from it" if less else "gave it most"
    return replace(flag, message=f"{flag.message} In {problem.round} these rules {what} ({one.unit}): {listed}.")


def _course(latest: Fund, name: str, history: History, found: Mapping[str, _Facts | None]) -> Course:
    """The course of one resource."""
    ids = history.ids(name)
    regions = latest.regions
    place = {region: i for i, region in enumerate(regions.ids)}
    section = latest.policy.resources[name]

    def labels(values: Any) -> tuple[str, ...]:
        return tuple(str(values[place[i]]) if i in place else GONE for i in ids)

    def facts(which: str) -> FloatArray | None:
        rows = [_row(found.get(label), which, name, ids) for label in history.rounds]
        return np.array(rows) if rows and not np.isnan(rows).all() else None

    return Course(
        rounds=history.rounds,
        ids=ids,
        names=tuple(regions.names[place[i]] if i in place else i for i in ids),
        groups={column: labels(values) for column, values in regions.groups.items()},
        resource=name,
        unit=section.unit,
        entitlement=history.entitlements(name, ids),
        amount=history.amounts(name, ids),
        adjustment=history.adjustments(name, ids),
        arrears=section.arrears,
        population=facts("population"),
        contribution=facts("contribution"),
        development=facts("development"),
        lot=float(section.lot),
    )


def _row(one: _Facts | None, which: str, resource: str, ids: tuple[str, ...]) -> FloatArray:
    """One fact of one round for given regions; NaN where it is not known."""
    if one is None:
        return np.full(len(ids), np.nan)
    values = one.contribution.get(resource) if which == "contribution" else getattr(one, which)
    if values is None:
        return np.full(len(ids), np.nan)
    known = dict(zip(one.ids, values.tolist(), strict=True))
    return np.array([known.get(i, np.nan) for i in ids])


def _cliffs(latest: Fund, decided: Allocation) -> list[Flag]:
    """Who stood near a threshold in the last round."""
    section = latest.policy.monitor
    found = cliffs(
        latest.policy,
        latest.regions,
        latest.history,
        latest.problem,
        decided.decision.amounts,
        near=section.near_cliff,
        moves=section.cliff,
        most=section.cliffs,
    )
    flags = [
        Flag("info", "cliff", one.region, text, one.resource, one.distance, section.near_cliff)
        for one, text in words(found)
    ]
    near = edges(latest.rows, latest.problem, decided.decision.amounts, section.cliff)
    return [*flags, *(Flag("info", "cliff", at, text, name, above, section.cliff) for name, at, text, above in near)]


def _sheet(listings: list[Listing]) -> Sheet:
    """Listings of several resources, one below the other."""
    full = [one for one in listings if one.rows]
    names = full[0].columns if full else ()
    columns: dict[str, list[str]] = {name: [] for name in names}
    for one in full:
        for row in one.rows:
            for name, cell in zip(names, row, strict=True):
                columns[name].append("" if cell is None else number(cell, 12) if isinstance(cell, float) else str(cell))
    return Sheet(columns or {"kind": []}, WORDS | {n for n in names if n.endswith("_since")})
