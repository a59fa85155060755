"""The command that watches a fund over its rounds: monitor."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from fundalloc.cli.options import LEDGER, AsJson, Encoding, History, Lang, PastLedger, Quiet, Regions, Settings, Strict
from fundalloc.cli.putting import plain, put_json
from fundalloc.cli.screen import SHOWN, clock, note, wide
from fundalloc.language import called, phrase, say

if TYPE_CHECKING:
    from rich.table import Table

    from fundalloc.flags import Flag
    from fundalloc.monitoring import Monitored
    from fundalloc.monitors.watched import Cell


def monitor(
    policy: Annotated[
        Path | None,
        typer.Argument(metavar="[POLICY]", help="Left out: each round of the ledger has its own policy and data."),
    ] = None,
    out: Annotated[
        Path | None, typer.Option("-o", "--out", metavar="OUT", help="Write measures, series and flags as CSV here.")
    ] = None,
    regions: Regions = None,
    history: History = None,
    ledger: PastLedger = None,
    settings: Settings = None,
    encoding: Encoding = "utf-8",
    as_json: AsJson = False,
    quiet: Quiet = False,
    strict: Strict = False,
    lang: Lang = None,
) -> None:
    """Watch fairness over the recorded rounds: who is behind for long, who drifts, what would restore balance."""
    from fundalloc.ledger import Ledger
    from fundalloc.loading import load
    from fundalloc.monitoring import monitor as watch_fund
    from fundalloc.monitoring import monitor_ledger
    from fundalloc.report.folder import check_writable

    with clock(say("watching the rounds")):
        if out is not None:
            check_writable(out)
        if policy is None:
            found = monitor_ledger(Ledger(ledger or LEDGER))
        else:
            fund = load(
                policy,
                regions=regions,
                history=history,
                ledger=ledger,
                settings=settings or (),
                encoding=encoding,
                whole=True,
            )
            found = watch_fund(fund)
        if out is not None:
            found.write(out)
    if as_json:
        content = {**found.summary, "flags": [asdict(f) for f in found.flags]}
        put_json(content)
    elif not quiet:
        _show(found)
    if out is not None and not quiet:
        note(say("Written to {code}: measures.csv, series.csv, splits.csv, flags.csv.", code=str(out)))
    if strict and any(f.severity != "info" for f in found.flags):
        raise typer.Exit(10)


def _show(found: Monitored) -> None:
    """A table of who is flagged, then all that is said of one subject together, the worst first."""
    from rich.padding import Padding

    console = wide()
    rounds = say("no rounds")
    if found.rounds:
        first, last = found.rounds[0], found.rounds[-1]
        rounds = say("{count} rounds, {first} to {last}", count=len(found.rounds), first=first, last=last)
    console.print(plain(say("{title}: {rounds}", title=found.title or say("Untitled fund"), rounds=rounds)))
    measures = {
        (str(r["resource"]), str(r["subject"])): r for one in found.watched.values() for r in one.measures.records()
    }
    left = list(found.flags)
    blocks = []
    for severity, title in (
        ("alarm", say("Alarms: imbalance that will not go away by itself")),
        ("warning", say("Warnings")),
        ("info", say("Worth knowing")),
    ):
        subjects = list(dict.fromkeys((f.resource, f.subject) for f in left if f.severity == severity))
        mine = {subject: [f for f in left if (f.resource, f.subject) == subject] for subject in subjects}
        left = [f for f in left if (f.resource, f.subject) not in mine]
        if mine:
            blocks.append((severity, title, mine))
    serious = [subject for severity, _, mine in blocks if severity != "info" for subject in mine if subject in measures]
    if serious:
        console.print(_table([measures[subject] for subject in serious[:SHOWN]]))
    for severity, title, mine in blocks:
        console.print()
        console.print(plain(f"{title} ({len(mine)})", style="bold"))
        for (resource, subject), flags in mine.items():
            name = str(measures[resource, subject]["name"]) if (resource, subject) in measures else subject
            said = _sentences(flags)
            if severity == "info":
                for flag in flags:
                    console.print(Padding(plain(f"- {_sentences([flag])[0]}"), (0, 0, 0, 2)))
                continue
            console.print(
                plain(
                    f"{' '.join(map(called, filter(None, (name, resource))))}: "
                    + ", ".join(dict.fromkeys(called(f.code) for f in flags))
                )
            )
            for sentence in said:
                console.print(Padding(plain(f"- {sentence}"), (0, 0, 0, 2)))
    if not found.flags:
        console.print(say("No flags: nobody is behind for long, no account is far from balance, nothing drifts."))


def _table(rows: Sequence[Mapping[str, Cell]]) -> Table:
    """Who has an alarm or a warning: coverage, for how long behind, and what is owed."""
    from rich.table import Table

    table = Table(box=None, pad_edge=False, header_style="bold")
    words = phrase("who"), phrase("resource")
    numbers = phrase("coverage"), phrase("rounds behind"), phrase("owed (- ahead)"), phrase("of its entitlement")
    for title in (*words, *numbers):
        table.add_column(say(title), justify="left" if title in words else "right")
    for row in rows:
        coverage, owed, share = (row[name] for name in ("coverage", "balance", "balance_share"))
        cells = (
            called(str(row["name"])),
            called(str(row["resource"])),
            f"{100 * coverage:.1f} %" if isinstance(coverage, float) else "-",
            str(row["rounds_behind"] or 0),
            f"{owed:,.0f} {called(str(row['unit']))}" if isinstance(owed, float) else "-",
            f"{100 * share:.1f} %" if isinstance(share, float) else "-",
        )
        table.add_row(*(plain(cell) for cell in cells))
    return table


def _sentences(flags: Sequence[Flag]) -> list[str]:
    """What flags say, no sentence twice: first what is the matter, then what would help."""
    split = [re.split(r"(?<=[.)]) (?=[A-Z])|(?<=。)(?=.)", flag.message) for flag in flags]
    return list(dict.fromkeys([one[0] for one in split] + [rest for one in split for rest in one[1:]]))
