"""The main job: decide a round and write it."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Annotated

import typer

from fundalloc.cli.options import (
    AsJson,
    Encoding,
    Formats,
    History,
    PastLedger,
    PolicyFile,
    Quiet,
    Regions,
    Round,
    Settings,
    Strict,
)
from fundalloc.cli.screen import clock, note, show_allocation, show_flags, warn_of_the_past


def allocate(
    policy: PolicyFile,
    out: Annotated[Path, typer.Option("-o", "--out", metavar="OUT", help="The folder to write to.")],
    regions: Regions = None,
    history: History = None,
    ledger: PastLedger = None,
    round_: Round = "",
    settings: Settings = None,
    encoding: Encoding = "utf-8",
    formats: Formats = [],  # noqa: B006 -- typer copies it
    as_json: AsJson = False,
    quiet: Quiet = False,
    strict: Strict = False,
) -> None:
    """Decide a round: who gets how much, explained and checked."""
    start = time.perf_counter()
    with clock("deciding the round"):
        from fundalloc.fund import load
        from fundalloc.report.folder import check_writable

        check_writable(out)
        fund = load(
            policy,
            regions=regions,
            history=history,
            ledger=ledger,
            round=round_,
            settings=settings or (),
            encoding=encoding,
        )
        allocation = fund.allocate()
        allocation.write(out, formats)
    seconds = time.perf_counter() - start
    if as_json:
        steps = {name: round(s, 4) for name, s in allocation.decision.seconds.items()}
        timing = {"seconds": {**steps, "total": round(seconds, 4)}}
        typer.echo(json.dumps({**allocation.summary, **timing}, ensure_ascii=False, indent=2))
    elif not quiet:
        show_allocation(allocation)
    serious = 0
    if not quiet:
        warn_of_the_past(fund.forgotten)
        if ledger is not None:
            _say_recorded(ledger, fund.round)
        serious = show_flags(allocation)
        note(f"Written to {out} in {seconds:.2f} s. Why a region gets what it gets: fundalloc explain {out} REGION")
    else:
        serious = sum(f.severity != "info" for f in allocation.flags)
    if strict and serious:
        raise typer.Exit(10)


def _say_recorded(ledger: str, round_: str) -> None:
    """Says so where the round that was decided is recorded already."""
    from fundalloc.ledger import Ledger

    standing = Ledger(ledger).standings().get(round_)
    if standing is not None:
        said = f"{standing.state}, {standing.entry.said()}"
        note(f"Round {round_} is recorded already ({said}); this is another decision.")
