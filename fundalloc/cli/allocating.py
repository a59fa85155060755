"""The main job: decide a round and write it."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from fundalloc.cli.options import (
    AsJson,
    Encoding,
    Formats,
    Geo,
    History,
    Lang,
    PastLedger,
    PolicyFile,
    Quiet,
    Regions,
    Round,
    Settings,
    Strict,
    drawn,
)
from fundalloc.cli.putting import put_json
from fundalloc.cli.screen import clock, note, show_allocation, show_flags, warn_of_the_past
from fundalloc.language import called, say

if TYPE_CHECKING:
    from fundalloc.change import Round as DecidedRound
    from fundalloc.fund import Fund


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
    geo: Geo = None,
    since: Annotated[
        str,
        typer.Option(
            metavar="ROUND",
            help="The earlier round with which report.html compares amounts: a folder that allocate wrote, or a label; "
            "left out: the last one, if this policy decided it.",
        ),
    ] = "",
    as_json: AsJson = False,
    quiet: Quiet = False,
    strict: Strict = False,
    lang: Lang = None,
) -> None:
    """Decide a round: who gets how much, explained and checked."""
    start = time.perf_counter()
    with clock(say("deciding the round")):
        from fundalloc.loading import load
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
        earlier = _earlier(since, fund, ledger) if since else None
        allocation.write(out, drawn(formats, geo or since), geo, earlier)
    seconds = time.perf_counter() - start
    if as_json:
        steps = {name: round(s, 4) for name, s in allocation.decision.seconds.items()}
        timing = {"seconds": {**steps, "total": round(seconds, 4)}}
        put_json({**allocation.summary, **timing})
    elif not quiet:
        show_allocation(allocation)
    serious = 0
    if not quiet:
        warn_of_the_past(fund.forgotten)
        if ledger is not None:
            _say_recorded(ledger, fund.round)
        serious = show_flags(allocation)
        note(
            say(
                "Written to {code} in {seconds:.2f} s. Why a region gets what it gets: fundalloc explain {code} REGION",
                code=str(out),
                seconds=seconds,
            )
        )
    else:
        serious = sum(f.severity != "info" for f in allocation.flags)
    if strict and serious:
        raise typer.Exit(10)


def _earlier(since: str, fund: Fund, ledger: str | None) -> DecidedRound:
    from fundalloc.ledger import Ledger
    from fundalloc.precedent import precedent

    return precedent(since, lambda: fund, None if ledger is None else Ledger(ledger))


def _say_recorded(ledger: str, round_: str) -> None:
    """Says so where the round that was decided is recorded already."""
    from fundalloc.ledger import Ledger

    standing = Ledger(ledger).standings().get(round_)
    if standing is not None:
        note(
            say(
                "Round {round} is recorded already ({code}); this is another decision.",
                round=round_,
                code=f"{called(standing.state)}{say(', ')}{standing.entry.said()}",
            )
        )
