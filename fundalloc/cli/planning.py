"""Rounds to come: what a policy leads to."""

from __future__ import annotations

import time
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from fundalloc.cli.options import (
    AsJson,
    Encoding,
    History,
    Lang,
    PastLedger,
    PolicyFile,
    Quiet,
    Regions,
    Round,
    Settings,
    Strict,
)
from fundalloc.cli.putting import put, put_json
from fundalloc.cli.screen import clock, note, note_written, warn_of_the_past
from fundalloc.language import called, say

if TYPE_CHECKING:
    from fundalloc.planned import Plan


def plan(
    policy: PolicyFile,
    rounds: Annotated[int, typer.Option("--rounds", metavar="N", help="How many rounds to project.")],
    out: Annotated[
        Path | None, typer.Option("-o", "--out", metavar="OUT", help="The folder to write to; left out: none.")
    ] = None,
    growth: Annotated[
        list[str] | None,
        typer.Option("--growth", metavar="COLUMN=RATE", help="Growth a year, 0.05 for 5 %; repeatable."),
    ] = None,
    supply: Annotated[
        list[str] | None,
        typer.Option("--supply", metavar="RESOURCE=RATE", help="Growth a year of a supply; repeatable."),
    ] = None,
    indicators: Annotated[
        Path | None, typer.Option("--indicators", help="A file like the regions file, with rounds to come.")
    ] = None,
    labels: Annotated[
        str, typer.Option("--labels", metavar="A,B,...", help="The projected rounds, where they are no whole numbers.")
    ] = "",
    regions: Regions = None,
    history: History = None,
    ledger: PastLedger = None,
    round_: Round = "",
    settings: Settings = None,
    encoding: Encoding = "utf-8",
    as_json: AsJson = False,
    quiet: Quiet = False,
    strict: Strict = False,
    lang: Lang = None,
) -> None:
    """Project rounds ahead: who would get how much, and when goals are reached."""
    start = time.perf_counter()
    with clock(say("projecting")):
        from fundalloc.errors import Faults
        from fundalloc.files import read_table
        from fundalloc.growth import pairs
        from fundalloc.loading import load
        from fundalloc.projection import Projection
        from fundalloc.report.folder import check_writable

        if out is not None:
            check_writable(out)
        faults = Faults()
        fund = load(
            policy,
            regions=regions,
            history=history,
            ledger=ledger,
            round=round_,
            settings=settings or (),
            encoding=encoding,
            whole=True,
        )
        rates = pairs(growth or (), "--growth", faults), pairs(supply or (), "--supply", faults)
        table = None
        if indicators is not None:
            with faults.collect():
                table = read_table(indicators, encoding=encoding)
        names = tuple(name.strip() for name in labels.split(",")) if labels else ()
        with faults.collect():
            asked = Projection(fund, rounds, growth=rates[0], supply=rates[1], indicators=table, labels=names)
        faults.check()
        found = asked.run()
        if out is not None:
            found.write(out)
    if as_json:
        timing = {"seconds": {"total": round(time.perf_counter() - start, 4)}}
        put_json({**found.summary, **timing})
    elif not quiet:
        title = found.policy.fund.title or say("Untitled fund")
        put(f"{say('{title}: {rounds}', title=title, rounds=_span(found))}\n\n{found}")
    if not quiet:
        warn_of_the_past(fund.forgotten)
        _show_flags(found)
        note_written(out, time.perf_counter() - start)
    if strict and any(flag.severity != "info" for _, flag in found.flagged):
        raise typer.Exit(10)


def _span(found: Plan) -> str:
    """Which rounds are projected."""
    asked = found.asked
    if len(asked) == 1:
        return say("1 round projected, {round}", round=asked[0])
    return say("{count} rounds projected, {first} to {last}", count=len(asked), first=asked[0], last=asked[-1])


def _show_flags(found: Plan) -> None:
    """Alarms, and how many flags of each kind there are."""
    for _, flag in found.flagged:
        if flag.severity == "alarm":
            note(f"{called('alarm')}{say(': ')}{flag.message}")
    kinds = Counter(flag.code for _, flag in found.flagged if flag.severity == "warning")
    if kinds:
        counts = say(", ").join(f"{count} {called(kind)}" for kind, count in sorted(kinds.items()))
        note(say("warnings: {counts}; see flags.csv", counts=counts))
