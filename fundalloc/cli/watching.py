"""The command that watches a fund over its rounds: monitor."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from fundalloc.cli.options import LEDGER, AsJson, Encoding, History, PastLedger, Quiet, Regions, Settings, Strict
from fundalloc.cli.screen import clock, note, wide

if TYPE_CHECKING:
    from fundalloc.flags import Flag
    from fundalloc.monitoring import Monitored


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
) -> None:
    """Watch fairness over the recorded rounds: who is behind for long, who drifts, what would restore balance."""
    from fundalloc.fund import load
    from fundalloc.ledger import Ledger
    from fundalloc.monitoring import monitor as watch_fund
    from fundalloc.monitoring import monitor_ledger
    from fundalloc.report.folder import check_writable

    with clock("watching the rounds"):
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
        typer.echo(json.dumps(content, ensure_ascii=False, indent=2))
    elif not quiet:
        _show(found)
    if out is not None and not quiet:
        note(f"Written to {out}: measures.csv, series.csv, splits.csv, flags.csv.")
    if strict and any(f.severity != "info" for f in found.flags):
        raise typer.Exit(10)


def _show(found: Monitored) -> None:
    """The worst first; all that is said of one subject together, no sentence of it twice."""
    from rich.padding import Padding
    from rich.text import Text

    console = wide()
    rounds = f"{len(found.rounds)} rounds, {found.rounds[0]} to {found.rounds[-1]}" if found.rounds else "no rounds"
    console.print(Text(f"{found.title or 'Untitled fund'}: {rounds}"))
    left = list(found.flags)
    for severity, title in (
        ("alarm", "Alarms: imbalance that will not go away by itself"),
        ("warning", "Warnings"),
        ("info", "Worth knowing"),
    ):
        subjects = list(dict.fromkeys((f.resource, f.subject) for f in left if f.severity == severity))
        if subjects:
            console.print()
            console.print(Text(f"{title} ({len(subjects)})", style="bold"))
        for subject in subjects:
            mine = [f for f in left if (f.resource, f.subject) == subject]
            left = [f for f in left if (f.resource, f.subject) != subject]
            codes = ", ".join(dict.fromkeys(f.code for f in mine))
            console.print(Text(f"{' '.join(filter(None, subject[::-1]))}: {codes}"))
            for sentence in _sentences(mine):
                console.print(Padding(Text(f"- {sentence}"), (0, 0, 0, 2)))
    if not found.flags:
        console.print("No flags: nobody is behind for long, no account is far from balance, nothing drifts.")


def _sentences(flags: Sequence[Flag]) -> list[str]:
    """What flags say, no sentence twice: first what is the matter, then what would help."""
    split = [re.split(r"(?<=[.)]) (?=[A-Z])", flag.message) for flag in flags]
    return list(dict.fromkeys([one[0] for one in split] + [rest for one in split for rest in one[1:]]))
