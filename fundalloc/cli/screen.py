"""What commands print: tables for people, notes on standard error, a clock where it takes long."""

from __future__ import annotations

import sys
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import typer

if TYPE_CHECKING:
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
    typer.echo(text, err=True)


def warn_of_the_past(forgotten: Sequence[str]) -> None:
    """Says which rounds of the policy's history a ledger does not hold."""
    if forgotten:
        note(
            f"warning: the policy's history has {', '.join(forgotten)}, which the ledger does not hold: they do not "
            "count here. Put them in first: fundalloc rounds --import HISTORY.csv"
        )


def show_allocation(allocation: Allocation) -> None:
    """The result as tables: one per resource, then the rules, then the flags."""
    from rich.table import Table

    from fundalloc.report.words import heads, per_heads

    console = wide()
    summary = allocation.summary
    rows = _by_resource(allocation)
    for name, facts in summary["resources"].items():
        console.print(_headline(name, facts), markup=False)
        mine = rows[name]
        count = heads(row["per_head"] for row in mine)
        table = Table(box=None, pad_edge=False, header_style="bold")
        for title, justify in (
            ("region", "left"),
            ("entitlement", "right"),
            ("amount", "right"),
            (per_heads(count), "right"),
            ("coverage", "right"),
            ("since last round", "right"),
            ("held by", "left"),
        ):
            table.add_column(title, justify=justify, no_wrap=title not in ("held by", "region"))  # type: ignore[arg-type]
        for row in mine[:SHOWN]:
            table.add_row(*(_plain(t) for t in _cells(row, count)))
        console.print(table)
        if len(mine) > SHOWN:
            console.print(f"... and {len(mine) - SHOWN:,} more in allocation.csv", markup=False)
        console.print()
    show_rules(console, summary)


def _plain(text: str) -> Any:
    from rich.text import Text

    return Text(text)


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
    return (
        f"{name}: {money(facts['amounts'], facts['unit'])} for {facts['take_part']} regions; rules move "
        f"{money(facts['moved_by_rules'])}; Gini per {facts['inequality']['per']} {float(before):.4f} by the key, "
        f"{float(after):.4f} after the rules"
    )


def _cells(row: Mapping[str, str], count: int) -> Sequence[str]:
    from decimal import Decimal

    from fundalloc.report.words import money, percent

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
        row["held_by"],
    )


def show_rules(console: Any, summary: Mapping[str, Any]) -> None:
    """Each rule with the places where it binds and what it moves."""
    from fundalloc.report.words import money

    for rule in summary["rules"]:
        verb = {"require": "required", "prefer": "preferred", "watch": "watched"}[rule["mode"]]
        moved = ", ".join(f"{money(v)} of {k}" for k, v in rule["moved"].items() if float(v))
        state = (
            f"binds at {rule['binding']} of {rule['places']} places"
            if rule["mode"] != "watch"
            else f"watched at {rule['places']} places"
        )
        if not rule["in_force"]:
            state = "not in force"
        console.print(f"rule {rule['name']} ({verb}): {state}{', moves ' + moved if moved else ''}", markup=False)
        for price in rule["price"]:
            console.print(f"  {price['words']}", markup=False)


def show_flags(allocation: Allocation) -> int:
    """The flags on standard error; how many are more than information."""
    serious = [f for f in allocation.flags if f.severity != "info"]
    for flag in serious[:20]:
        note(f"{flag.severity}: {flag.message}")
    if len(serious) > 20:
        note(f"... and {len(serious) - 20} more in flags.csv")
    return len(serious)
