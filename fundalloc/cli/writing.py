"""The command that writes letters: notices."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Annotated

import typer

from fundalloc.cli.options import Lang, OutFolder, Quiet
from fundalloc.cli.screen import clock, note
from fundalloc.language import say


def notices(
    out: OutFolder,
    to: Annotated[
        Path | None,
        typer.Option("-o", "--out", metavar="DIR", help="The folder to write to; left out: OUT-notices beside OUT."),
    ] = None,
    regions: Annotated[
        list[str] | None,
        typer.Option("--region", metavar="ID", help="Only this region, by id or name; repeatable."),
    ] = None,
    formats: Annotated[
        list[str] | None,
        typer.Option("--format", metavar="html,md,pdf", help="What letters are written as; left out: html."),
    ] = None,
    quiet: Quiet = False,
    lang: Lang = None,
) -> None:
    """Write one letter for each region of a decided round: what it receives, why, and how to object."""
    start = time.perf_counter()
    with clock(say("writing letters")):
        from fundalloc.blame import as_decided
        from fundalloc.notices import notices as write_notices

        place = to if to is not None else out.resolve().with_name(f"{out.resolve().name}-notices")
        with as_decided(out):
            written = write_notices(out, place, regions=regions or (), formats=formats or ("html",))
    if not quiet:
        note(
            say(
                "{count:,} letter written to {code} in {seconds:.2f} s; index.csv says which is whose."
                if len(written) == 1
                else "{count:,} letters written to {code} in {seconds:.2f} s; index.csv says which is whose.",
                count=len(written),
                code=str(place),
                seconds=time.perf_counter() - start,
            )
        )
