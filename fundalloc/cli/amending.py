"""The command for emergencies: amend."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from fundalloc.cli.options import AsJson, Encoding, Formats, Geo, Lang, OutFolder, Quiet, Strict, drawn
from fundalloc.cli.putting import plain, put_json
from fundalloc.cli.screen import SHOWN, clock, note, wide
from fundalloc.errors import Fault, InputError
from fundalloc.language import called, phrase, say
from fundalloc.taken import EVENT

if TYPE_CHECKING:
    from fundalloc.allocation import Allocation

#: flags that say where the money comes from
MONEY = ("reserve", "paid_unknown")


def amend(
    out: OutFolder,
    events: Annotated[
        Path,
        typer.Option(
            "--events", metavar="FILE", help="CSV: region_id, resource, need, returned, paid, supply, reason."
        ),
    ],
    new: Annotated[Path, typer.Option("-o", "--out", metavar="NEW", help="The folder to write to.")],
    encoding: Encoding = "utf-8",
    formats: Formats = [],  # noqa: B006 -- typer copies it
    geo: Geo = None,
    as_json: AsJson = False,
    quiet: Quiet = False,
    strict: Strict = False,
    lang: Lang = None,
) -> None:
    """Change a decided round as little as events ask for: extra need, money returned, supply lost."""
    from fundalloc.report.folder import read_summary, told_as

    if new.resolve() == out.resolve():
        raise InputError(
            [Fault(say("is the decided round, which stays as it is."), say("Name another folder."), file=str(new))]
        )
    with told_as(read_summary(out)):
        allocation = _amended(out, events, new, encoding, formats, geo)
        if as_json:
            put_json(allocation.summary)
        elif not quiet:
            _show(allocation)
        if not quiet:
            _new_flags(out, allocation)
            note(say("Written to {code}. Why a region is touched: fundalloc explain {code} REGION", code=str(new)))
            note(say('Record it: fundalloc record {code} --reason "..."', code=str(new)))
    if strict and any(f.severity != "info" for f in allocation.flags):
        raise typer.Exit(10)


def _amended(out: Path, events: Path, new: Path, encoding: str, formats: list[str], geo: Path | None) -> Allocation:
    """The amended round, written."""
    from fundalloc.amending import amend as amend_folder
    from fundalloc.blame import as_decided
    from fundalloc.report.folder import check_writable

    with clock(say("amending the round")):
        check_writable(new)
        with as_decided(out):
            allocation = amend_folder(out, events, encoding=encoding)
        allocation.write(new, drawn(formats, geo), geo)
    return allocation


def _new_flags(out: Path, allocation: Allocation) -> None:
    """Where the money comes from, and the warnings that the decided round did not have."""
    from fundalloc.report.folder import read_rows

    known = {(row["code"], row["subject"], row["resource"]) for row in read_rows(out, "flags.csv")}
    new = [f for f in allocation.flags if (f.code, f.subject, f.resource) not in known]
    for flag in new:
        if flag.code in MONEY:
            note(flag.message)
    others = [f for f in new if f.code not in MONEY and f.severity != "info"]
    for flag in others[:SHOWN]:
        note(f"{called(flag.severity)}{say(': ')}{flag.message}")
    if len(others) > SHOWN:
        note(say("... and {count} more in flags.csv", count=len(others) - SHOWN))


def _show(allocation: Allocation) -> None:
    """Who is touched: the amount before and after, and why."""
    from decimal import Decimal

    from rich.table import Table

    from fundalloc.report.words import all_called, money, signed

    sheet = allocation.sheets["allocation.csv"]
    reasons: dict[tuple[str, str], list[str]] = {}
    steps = allocation.sheets["steps.csv"]
    for step in (dict(zip(steps.columns, row, strict=True)) for row in steps.rows()):
        if step["step"].startswith(EVENT):
            reasons.setdefault((step["region_id"], step["resource"]), []).append(step["step"].removeprefix(EVENT))
    table = Table(box=None, pad_edge=False, header_style="bold")
    words, numbers = (phrase("region"), phrase("resource")), (phrase("before"), phrase("after"), phrase("change"))
    for title in (*words, *numbers, phrase("why")):
        table.add_column(say(title), justify="right" if title in numbers else "left")
    touched = count = 0
    for row in (dict(zip(sheet.columns, values, strict=True)) for values in sheet.rows()):
        count += 1
        change = Decimal(row["amount"]) - Decimal(row["decided"])
        if not change:
            continue
        touched += 1
        mine = reasons.get((row["region_id"], row["resource"]), [])
        why = say("; ").join(map(called, mine)) or say("its part of what is missing")
        if row["held_by"] and not mine:
            why += say(" (held by: {rules})", rules=all_called(row["held_by"]))
        if touched <= SHOWN:
            cells = (row["region_name"], called(row["resource"]), money(row["decided"]), money(row["amount"]))
            table.add_row(*(plain(cell) for cell in (*cells, signed(change), why)))
    console = wide()
    changed = say(
        "{touched} of {count} amounts change; all others stay as they were decided.", touched=touched, count=count
    )
    console.print(plain(changed))
    if touched:
        console.print(table)
    if touched > SHOWN:
        console.print(plain(say("... and {count:,} more in allocation.csv", count=touched - SHOWN)))
    console.print()
