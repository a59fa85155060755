"""The document: a round as report.md, to read, to print, to put on a page."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from decimal import Decimal
from typing import Any

from fundalloc.language import called, phrase, say, typeset
from fundalloc.report.legible import marked
from fundalloc.report.outcome import Outcome
from fundalloc.report.words import (
    ACCOUNTING,
    MODES,
    all_called,
    change_in_percent,
    heads,
    money,
    per_heads,
    percent,
    signed,
)

REGIONS = (
    phrase("region"),
    phrase("id"),
    phrase("entitlement"),
    phrase("amount"),
    phrase("a head"),
    phrase("of its entitlement"),
    phrase("since last round"),
    phrase("held by"),
)
RESOURCES = (
    phrase("resource"),
    phrase("shared out"),
    phrase("amounts"),
    phrase("regions"),
    phrase("moved by rules"),
    phrase("Gini by the key"),
    phrase("Gini after the rules"),
)


def document(outcome: Outcome) -> bytes:
    """report.md: headline figures, flags, a table of regions for each resource, rules in words, and SHA-256 sums."""
    return typeset("\n".join(_lines(outcome)) + "\n").encode()


def _lines(outcome: Outcome) -> Iterator[str]:
    summary = outcome.summary
    title = say(
        "{title}, round {round}",
        title=marked(called(summary["title"]) or say("Untitled fund")),
        round=marked(summary["round"]),
    )
    yield f"# {title}"
    if summary["reference"]:
        yield "\n" + say("Reference: {reference}", reference=marked(called(summary["reference"])))
    yield f"\n## {say('What is shared out')}\n"
    yield from _table(tuple(map(say, RESOURCES)), "lrrrrrr", map(_headline, summary["resources"].items()))
    yield from _flags(outcome)
    for name, one in summary["resources"].items():
        unit = f" ({marked(called(one['unit']))})" if one["unit"] else ""
        yield f"\n## {marked(called(name))}{unit}\n"
        yield from _regions(outcome, name)
    if summary["rules"]:
        yield f"\n## {say('Rules')}\n"
        yield from (line for rule in summary["rules"] for line in _rule(rule, summary["resources"]))
        if summary["accounting"] in ACCOUNTING:
            yield f"\n{say(ACCOUNTING[summary['accounting']])}"
    yield from _foot(summary)


def _table(head: Sequence[str], sides: str, rows: Iterable[Sequence[str]]) -> Iterator[str]:
    """A table; sides: l for a column of words, r for one of numbers."""
    yield f"| {' | '.join(head)} |"
    yield f"|{'|'.join('---' if side == 'l' else '---:' for side in sides)}|"
    for row in rows:
        yield f"| {' | '.join(row)} |"


def _headline(entry: tuple[str, Mapping[str, Any]]) -> tuple[str, ...]:
    name, one = entry
    unit = marked(called(one["unit"]))
    gini = [one["inequality"][when]["gini"] for when in ("before", "after")]
    return (
        marked(called(name)),
        money(one["shared_out"], unit),
        money(one["amounts"], unit),
        say("{part:,} of {all:,}", part=one["take_part"], all=one["regions"]),
        money(one["moved_by_rules"], unit),
        *(f"{float(g):.4f}" if g else "-" for g in gini),
    )


def _regions(outcome: Outcome, name: str) -> Iterator[str]:
    sheet = outcome.sheets["allocation.csv"]
    rows = [dict(zip(sheet.columns, row, strict=True)) for row in sheet.rows()]
    mine = [row for row in rows if row["resource"] == name]
    count = heads(row["per_head"] for row in mine)
    head = tuple(per_heads(count) if title == "a head" else say(title) for title in REGIONS)
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
        marked(all_called(row["held_by"])),
    )


def _flags(outcome: Outcome) -> Iterator[str]:
    c = outcome.sheets["flags.csv"].columns
    yield f"\n## {say('Flags')}\n"
    if not c["message"]:
        yield say("None.")
    for severity, message in zip(c["severity"], c["message"], strict=True):
        yield f"- {called(severity)}{say(': ')}{marked(message)}"


def _rule(rule: Mapping[str, Any], resources: Mapping[str, Any]) -> Iterator[str]:
    state = say("binds at {count:,} of {places:,} places", count=rule["binding"], places=rule["places"])
    if rule["mode"] == "watch":
        state = say("at {places:,} places", places=rule["places"])
    for r, v in rule["moved"].items():
        if Decimal(v):
            amount = money(v, marked(called(resources[r]["unit"])))
            state += say(", moves {amount} of {resource}", amount=amount, resource=marked(called(r)))
    yield say(
        "- **{rule}** ({mode}; {state}): {sentence}.",
        rule=marked(called(rule["name"])),
        mode=say(MODES[rule["mode"]]),
        state=state if rule["in_force"] else say("not in force"),
        sentence=marked(rule["sentence"]),
    )
    for text in (called(rule["why"]), called(rule["reference"]), *(price["words"] for price in rule["price"])):
        if text:
            yield f"  {marked(text)}"


def _foot(summary: Mapping[str, Any]) -> Iterator[str]:
    yield f"\n## {say('How to check')}\n"
    told = say(
        "Decided with fundalloc {code}. `fundalloc verify` computes everything again from the folder of the round, "
        "without the solver.",
        code=summary["fundalloc"]["version"],
    )
    yield f"{told}\n"
    inputs = ((marked(one["file"]), f"`{one['sha256']}`") for one in summary["inputs"].values())
    files = ((marked(name), f"`{code}`") for name, code in summary["files"].items())
    yield from _table((say("file"), "SHA-256"), "ll", (*inputs, *files))
