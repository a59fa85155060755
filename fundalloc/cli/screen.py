"""What commands print: tables for people, notes on standard error, a clock where it takes long."""

from __future__ import annotations

import sys
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from fundalloc.cli.putting import plain, put
from fundalloc.language import called, phrase, say

if TYPE_CHECKING:
    from pathlib import Path

    from rich.console import Console

    from fundalloc.allocation import Allocation

SHOWN = 60
PATIENCE = 1.0


@contextmanager
def clock(text: str) -> Iterator[None]:
    """A running clock on standard error, from the first second on, where somebody looks."""
    if not sys.stderr.isatty():
        yield
        return
    from rich.console import Console
    from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

    progress = Progress(
        SpinnerColumn(),
        TextColumn("{task.description}"),
        TimeElapsedColumn(),
        console=Console(stderr=True),
        transient=True,
    )
    progress.add_task(text, total=None)
    timer = threading.Timer(PATIENCE, progress.start)
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()
        timer.join()
        progress.stop()


def wide() -> Console:
    """Standard output for tables, wide enough where nobody looks."""
    from rich.console import Console

    return Console(width=None if sys.stdout.isatty() else 140, highlight=False)


def note(text: str) -> None:
    """One line on standard error."""
    put(text, err=True)


def note_written(out: Path | None, seconds: float, files: Sequence[str] = ()) -> None:
    """Where a report was written, and how long it took."""
    if out is None:
        note(say("Nothing was written (-o OUT does); {seconds:.2f} s.", seconds=seconds))
    elif files:
        listed = ", ".join(files)
        note(
            say(
                "Written to {code} in {seconds:.2f} s: {code_files}.", code=str(out), seconds=seconds, code_files=listed
            )
        )
    else:
        note(say("Written to {code} in {seconds:.2f} s.", code=str(out), seconds=seconds))


def warn_of_the_past(forgotten: Sequence[str]) -> None:
    """Says which rounds of the policy's history a ledger does not hold."""
    if forgotten:
        note(
            say(
                "warning: the policy's history has {rounds}, which the ledger does not hold: they do not count here. "
                "Put them in first: fundalloc rounds --import HISTORY.csv",
                rounds=", ".join(forgotten),
            )
        )


def show_allocation(allocation: Allocation) -> None:
    """The result as tables: one per resource, then the rules, then the flags."""
    from rich.table import Table

    from fundalloc.report.words import heads, per_heads

    console = wide()
    summary = allocation.summary
    rows = _by_resource(allocation)
    for name, facts in summary["resources"].items():
        console.print(plain(_headline(name, facts)))
        mine = rows[name]
        count = heads(row["per_head"] for row in mine)
        table = Table(box=None, pad_edge=False, header_style="bold")
        for title, justify in (
            (phrase("region"), "left"),
            (phrase("entitlement"), "right"),
            (phrase("amount"), "right"),
            ("", "right"),
            (phrase("coverage"), "right"),
            (phrase("since last round"), "right"),
            (phrase("held by"), "left"),
        ):
            shown = say(title) if title else per_heads(count)
            table.add_column(shown, justify=justify, no_wrap=title not in ("held by", "region"))  # type: ignore[arg-type]
        for row in mine[:SHOWN]:
            table.add_row(*(plain(t) for t in _cells(row, count)))
        console.print(table)
        if len(mine) > SHOWN:
            console.print(plain(say("... and {count:,} more in allocation.csv", count=len(mine) - SHOWN)))
        console.print()
    show_rules(console, summary)


def _by_resource(allocation: Allocation) -> Mapping[str, list[dict[str, str]]]:
    sheet = allocation.sheets["allocation.csv"]
    found: dict[str, list[dict[str, str]]] = {}
    for row in sheet.rows():
        record = dict(zip(sheet.columns, row, strict=True))
        found.setdefault(record["resource"], []).append(record)
    return found


def _headline(name: str, facts: Mapping[str, Any]) -> str:
    from fundalloc.report.words import money

    before, after = facts["inequality"]["before"]["gini"], facts["inequality"]["after"]["gini"]
    return say(
        "{resource}: {amount} for {count} regions; rules move {moved}; Gini per head {before:.4f} by the key, "
        "{after:.4f} after the rules"
        if facts["inequality"]["per"] == "head"
        else "{resource}: {amount} for {count} regions; rules move {moved}; Gini per region {before:.4f} by the key, "
        "{after:.4f} after the rules",
        resource=name,
        amount=money(facts["amounts"], facts["unit"]),
        count=facts["take_part"],
        moved=money(facts["moved_by_rules"]),
        before=float(before),
        after=float(after),
    )


def _cells(row: Mapping[str, str], count: int) -> Sequence[str]:
    from decimal import Decimal

    from fundalloc.report.words import all_called, money, percent

    change = "-"
    if row["previous"] and Decimal(row["previous"]):
        change = f"{100 * (Decimal(row['amount']) / Decimal(row['previous']) - 1):+.1f} %"
    shown = f"{float(row['per_head']) * count:,.2f}" if row["per_head"] else "-"
    due = Decimal(row["entitlement"])
    due = due.quantize(Decimal(1)) if len(row["entitlement"]) > 9 else due
    return (
        row["region_name"],
        money(due),
        money(row["amount"]),
        shown,
        percent(row["coverage"]),
        change,
        all_called(row["held_by"]),
    )


def show_rules(console: Any, summary: Mapping[str, Any]) -> None:
    """Each rule with the places where it binds and what it moves."""
    from fundalloc.report.words import money

    verbs = {"require": phrase("required"), "prefer": phrase("preferred"), "watch": phrase("watched")}
    for rule in summary["rules"]:
        amounts = [(k, money(v)) for k, v in rule["moved"].items() if float(v)]
        moved = say(", ").join(say("{amount} of {resource}", amount=v, resource=k) for k, v in amounts)
        state = (
            say("binds at {count} of {places} places", count=rule["binding"], places=rule["places"])
            if rule["mode"] != "watch"
            else say("watched at {places} places", places=rule["places"])
        )
        if not rule["in_force"]:
            state = say("not in force")
        if moved:
            state = say("{state}, moves {amounts}", state=state, amounts=moved)
        verb = say(verbs[rule["mode"]])
        console.print(plain(say("rule {rule} ({mode}): {state}", rule=rule["name"], mode=verb, state=state)))
        for price in rule["price"]:
            console.print(plain(f"  {price['words']}"))


def show_flags(allocation: Allocation) -> int:
    """The flags on standard error; how many are more than information."""
    serious = [f for f in allocation.flags if f.severity != "info"]
    for flag in serious[:20]:
        note(f"{called(flag.severity)}{say(': ')}{flag.message}")
    if len(serious) > 20:
        note(say("... and {count} more in flags.csv", count=len(serious) - 20))
    return len(serious)
