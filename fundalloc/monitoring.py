"""Monitoring: the rounds of a ledger or a history, watched as one course for each resource."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from importlib.metadata import version
from pathlib import Path
from typing import Any

from fundalloc.allocation import Allocation
from fundalloc.cliffs import cliffs, edges, words
from fundalloc.courses import Facts, course, facts, with_rules
from fundalloc.errors import Fault, FundallocError, InputError
from fundalloc.files import parse_table
from fundalloc.flags import Flag
from fundalloc.fund import Fund
from fundalloc.history import History, read_history
from fundalloc.language import say
from fundalloc.ledger import Ledger, Standing
from fundalloc.ledger.past import past
from fundalloc.monitors.watched import Listing, Watched, watch
from fundalloc.recording import recorded_fund
from fundalloc.report.folder import write_folder
from fundalloc.report.sheets import Sheet, flags_sheet
from fundalloc.report.summary import FORMAT
from fundalloc.report.texts import number
from fundalloc.succession import continued, read_succession

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
            [Fault(say("there is no history to watch."), say("Use --ledger, --history, or [history] in the policy."))]
        )
    history = read_history(fund.past, None)
    labels = history.rounds
    latest = fund.at(labels[-1]) if labels else fund
    found = {label: facts(fund.at(label)) for label in labels}
    return _monitored(latest, _mapped(history, latest), found)


def monitor_ledger(ledger: Ledger) -> Monitored:
    """Watches the rounds of a ledger, each with the policy and data that it was decided on."""
    standings = ledger.standings()
    found: dict[str, Facts | None] = {}
    latest = None
    for label, one in standings.items():
        fund = recorded_fund(ledger, one.entry)
        if fund is not None:
            latest, found[label] = fund, facts(fund)
    if latest is None:
        raise InputError(
            [
                Fault(
                    say("holds no decided round, only amounts."),
                    say("Name the policy too: fundalloc monitor POLICY --ledger ..."),
                    file=ledger.where,
                )
            ]
        )
    found = {label: found[label] if label in found else facts(latest.at(label)) for label in standings}
    source = past(ledger)
    history = read_history(parse_table(source, source.file), None)
    seen = _monitored(latest, _mapped(history, latest), found, ledger.head)
    return replace(seen, flags=(*_stale(standings.values()), *seen.flags))


def _stale(standings: Iterable[Standing]) -> Iterator[Flag]:
    """Rounds that were decided before an earlier round was changed."""
    newest = 0
    for one in standings:
        if newest > one.entry.number and one.entry.kind != "history":
            text = say(
                "Round {round} was decided before entry {entry} changed a round before it. Decide it again with "
                "--ledger and record it with --correct.",
                round=one.round,
                entry=newest,
            )
            yield Flag("warning", "stale_round", one.round, text)
        newest = max(newest, one.entry.number)


def _mapped(history: History, latest: Fund) -> History:
    if latest.mapping is None or not history.rounds:
        return history
    return continued(history, read_succession(latest.mapping), history.rounds[-1])


def _monitored(latest: Fund, history: History, found: Mapping[str, Facts | None], head: str = "") -> Monitored:
    policy = latest.policy
    watched = {}
    flags: list[Flag] = []
    for name in sorted(policy.resources):
        its = course(latest, name, history, found)
        if its.ids:
            watched[name] = one = watch(its, policy.monitor)
            flags += one.flags
    decided = _decided(latest) if history.rounds else None
    if decided is not None:
        flags = [with_rules(flag, decided.decision) for flag in flags] + _cliffs(latest, decided)
    return Monitored(policy.fund.title, history.rounds, watched, tuple(flags), head)


def _decided(latest: Fund) -> Allocation | None:
    """The last round, decided again; None where its data are not known or it cannot be."""
    try:
        return latest.allocate()
    except FundallocError:
        return None


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
