"""The document: a round as report.md, to read, to print, to put on a page."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from decimal import Decimal
from typing import Any

from fundalloc.report.legible import marked
from fundalloc.report.outcome import Outcome
from fundalloc.report.words import ACCOUNTING, MODES, change_in_percent, heads, money, per_heads, percent, signed

REGIONS = ("region", "id", "entitlement", "amount", "a head", "of its entitlement", "since last round", "held by")
RESOURCES = (
    "resource",
    "shared out",
    "amounts",
    "regions",
    "moved by rules",
    "Gini by the key",
    "Gini after the rules",
)


def document(outcome: Outcome) -> bytes:
    """report.md: headline figures, flags, a table of regions for each resource, rules in words, and SHA-256 sums."""
    return ("\n".join(_lines(outcome)) + "\n").encode()


def _lines(outcome: Outcome) -> Iterator[str]:
    summary = outcome.summary
    yield f"# {marked(summary['title'] or 'Untitled fund')}, round {marked(summary['round'])}"
    if summary["reference"]:
        yield f"\nReference: {marked(summary['reference'])}"
    yield "\n## What is shared out\n"
    yield from _table(RESOURCES, "lrrrrrr", map(_headline, summary["resources"].items()))
    yield from _flags(outcome)
    for name, one in summary["resources"].items():
        unit = f" ({marked(one['unit'])})" if one["unit"] else ""
        yield f"\n## {marked(name)}{unit}\n"
        yield from _regions(outcome, name)
    if summary["rules"]:
        yield "\n## Rules\n"
        yield from (line for rule in summary["rules"] for line in _rule(rule, summary["resources"]))
        if summary["accounting"] in ACCOUNTING:
            yield f"\n{ACCOUNTING[summary['accounting']]}"
    yield from _foot(summary)


def _table(head: Sequence[str], sides: str, rows: Iterable[Sequence[str]]) -> Iterator[str]:
    """A table; sides: l for a column of words, r for one of numbers."""
    yield f"| {' | '.join(head)} |"
    yield f"|{'|'.join('---' if side == 'l' else '---:' for side in sides)}|"
    for row in rows:
        yield f"| {' | '.join(row)} |"


def _headline(entry: tuple[str, Mapping[str, Any]]) -> tuple[str, ...]:
    name, one = entry
    unit = marked(one["unit"])
    gini = [one["inequality"][when]["gini"] for when in ("before", "after")]
    return (
        marked(name),
        money(one["shared_out"], unit),
        money(one["amounts"], unit),
        f"{one['take_part']:,} of {one['regions']:,}",
        money(one["moved_by_rules"], unit),
        *(f"{float(g):.4f}" if g else "-" for g in gini),
    )


def _regions(outcome: Outcome, name: str) -> Iterator[str]:
    sheet = outcome.sheets["allocation.csv"]
    rows = [dict(zip(sheet.columns, row, strict=True)) for row in sheet.rows()]
    mine = [row for row in rows if row["resource"] == name]
    count = heads(row["per_head"] for row in mine)
    head = tuple(per_heads(count) if title == "a head" else title for title in REGIONS)
    yield from _table(head, "llrrrrrl", (_region(row, count) for row in mine))


def _region(row: Mapping[str, str], count: int) -> tuple[str, ...]:
    ratio = change_in_percent(row)
    change = f"{signed(row['change'])}{f' ({ratio})' if ratio else ''}" if row["previous"] else "-"
    return (
        marked(row["region_name"]),
        marked(row["region_id"]),
        money(row["entitlement"]),
        money(row["amount"]),
        f"{float(row['per_head']) * count:,.2f}" if row["per_head"] else "-",
        percent(row["coverage"]),
        change,
        marked(row["held_by"]),
    )


def _flags(outcome: Outcome) -> Iterator[str]:
    c = outcome.sheets["flags.csv"].columns
    yield "\n## Flags\n"
    if not c["message"]:
        yield "None."
    for severity, message in zip(c["severity"], c["message"], strict=True):
        yield f"- {severity}: {marked(message)}"


def _rule(rule: Mapping[str, Any], resources: Mapping[str, Any]) -> Iterator[str]:
    state = f"binds at {rule['binding']:,} of {rule['places']:,} places"
    if rule["mode"] == "watch":
        state = f"at {rule['places']:,} places"
    moved = "".join(
        f", moves {money(v, marked(resources[r]['unit']))} of {marked(r)}"
        for r, v in rule["moved"].items()
        if Decimal(v)
    )
    state = f"{state}{moved}" if rule["in_force"] else "not in force"
    yield f"- **{marked(rule['name'])}** ({MODES[rule['mode']]}; {state}): {marked(rule['sentence'])}."
    for text in (rule["why"], rule["reference"], *(price["words"] for price in rule["price"])):
        if text:
            yield f"  {marked(text)}"


def _foot(summary: Mapping[str, Any]) -> Iterator[str]:
    yield "\n## How to check\n"
    yield (
        f"Decided with fundalloc {summary['fundalloc']['version']}. `fundalloc verify` computes everything again from "
        "the folder of the round, without the solver.\n"
    )
    inputs = ((marked(one["file"]), f"`{one['sha256']}`") for one in summary["inputs"].values())
    files = ((marked(name), f"`{code}`") for name, code in summary["files"].items())
    yield from _table(("file", "SHA-256"), "ll", (*inputs, *files))
