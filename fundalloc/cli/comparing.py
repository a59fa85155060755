"""The command that compares: policies, decided rounds, other weights, official figures."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from fundalloc.cli.options import AsJson, Encoding, History, Lang, PastLedger, Quiet, Regions, Round, Settings
from fundalloc.cli.putting import put, put_json
from fundalloc.cli.screen import clock, note_written
from fundalloc.errors import Fault, Faults, InputError
from fundalloc.language import say

if TYPE_CHECKING:
    from fundalloc.comparison import Comparison
    from fundalloc.deviations import Deviations
    from fundalloc.sensitivity import Sensitivity


def compare(
    candidates: Annotated[
        list[str],
        typer.Argument(
            metavar="A [B ...]",
            help="Policies, folders that allocate wrote, or labels of a ledger; the first is the base.",
        ),
    ],
    out: Annotated[
        Path | None, typer.Option("-o", "--out", metavar="OUT", help="The folder to write to; left out: none.")
    ] = None,
    against: Annotated[
        Path | None,
        typer.Option("--against", metavar="FILE", help="Official figures: region_id, amount, resource if several."),
    ] = None,
    resource: Annotated[str, typer.Option("--resource", help="The resource of the official figures.")] = "",
    by: Annotated[
        float | None, typer.Option("--shake", help="Sensitivity: by which part weights are shaken; left out: 0.25.")
    ] = None,
    draws: Annotated[
        int | None,
        typer.Option("--draws", help="Sensitivity: how many draws; left out: 200, fewer above 300 regions."),
    ] = None,
    jobs: Annotated[int, typer.Option("--jobs", metavar="N", help="Sensitivity: how many processes.")] = 1,
    formats: Annotated[
        list[str] | None,
        typer.Option("--format", metavar="html", help="With -o: also write a page, comparison.html or the like."),
    ] = None,
    regions: Regions = None,
    history: History = None,
    ledger: PastLedger = None,
    round_: Round = "",
    settings: Settings = None,
    encoding: Encoding = "utf-8",
    as_json: AsJson = False,
    quiet: Quiet = False,
    lang: Lang = None,
) -> None:
    """Compare policies or rounds: who gains, who loses; one alone with other weights, or with official figures."""
    start = time.perf_counter()
    options = {
        "regions": regions,
        "history": history,
        "round": round_,
        "settings": tuple(settings or ()),
        "encoding": encoding,
    }
    _check(candidates, against, resource, {"--shake": by, "--draws": draws})
    if formats and out is None:
        raise InputError(
            [Fault(say("is for files, and none are written."), say("Name a folder with -o."), key="--format")]
        )
    with clock(say("comparing")):
        from fundalloc.blame import as_decided
        from fundalloc.report.folder import check_writable

        if out is not None:
            check_writable(out)
        with as_decided(*map(Path, candidates)):
            found = _found(candidates, against, resource, (by, draws, jobs), ledger, options)
            told, summary = str(found), found.summary
            if out is not None:
                found.write(out, formats or ())
    if as_json:
        timing = {"seconds": {"total": round(time.perf_counter() - start, 4)}}
        put_json({**summary, **timing})
    elif not quiet:
        put(told)
    if not quiet:
        note_written(out, time.perf_counter() - start, [*found.sheets, "summary.json"])


def _check(candidates: Sequence[str], against: Path | None, resource: str, shaking: Mapping[str, object]) -> None:
    """Options that belong to another use of the command are faults."""
    faults = Faults()
    for option in (name for name, value in shaking.items() if value is not None):
        if len(candidates) > 1 or against is not None:
            faults.add(
                say("belongs to the sensitivity of one policy."), say("Name one policy, without --against."), key=option
            )
    if against is not None and len(candidates) > 1:
        faults.add(say("compares one policy or round with official figures."), say("Name one."), key="--against")
    if resource and against is None:
        faults.add(say("belongs to --against."), say("Leave it out."), key="--resource")
    faults.check()


def _found(
    candidates: Sequence[str],
    against: Path | None,
    resource: str,
    shaking: tuple[float | None, int | None, int],
    ledger: str | None,
    options: dict[str, Any],
) -> Comparison | Deviations | Sensitivity:
    if against is not None:
        from fundalloc.deviations import deviate

        return deviate(candidates[0], against, resource, ledger=ledger, **options)
    if len(candidates) == 1:
        from fundalloc.sensitivity import SHAKE, shake

        by, draws, jobs = shaking
        return shake(candidates[0], SHAKE if by is None else by, draws, jobs=jobs, ledger=ledger, **options)
    from fundalloc.comparison import compare as side_by_side

    return side_by_side(*candidates, ledger=ledger, **options)
