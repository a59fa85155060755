"""Words: an amount as a person would explain it, step by step."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from decimal import Decimal
from typing import Any, NamedTuple

from fundalloc.errors import Fault, InputError, did_you_mean
from fundalloc.explain import BESIDE_THE_KEY
from fundalloc.language import called, listed, padded, phrase, say, width
from fundalloc.taken import BETWEEN, EVENT

Row = Mapping[str, str]
#: what the steps of rules are where they are not read from multipliers
ACCOUNTING = {
    "shapley": phrase(
        "What a rule gives or takes is what it changes, averaged over all orders in which the binding rules can be "
        "added (Shapley value)."
    ),
    "order": phrase(
        "What a rule gives or takes is what it changes when the binding rules are added in the order of the policy."
    ),
}

#: how strictly a rule holds
MODES = {"require": phrase("required"), "prefer": phrase("preferred"), "watch": phrase("only watched")}


def money(text: str | Decimal, unit: str = "") -> str:
    """An amount with separators for thousands and its unit."""
    if text == "":
        return "-"
    return f"{Decimal(text):,f} {called(unit)}".rstrip()


def signed(text: str | Decimal) -> str:
    """An amount with its sign."""
    return f"{Decimal(text):+,f}"


def percent(text: str) -> str:
    """A share as per cent."""
    return f"{100 * float(text):.2f} %" if text else "-"


def change_in_percent(row: Row) -> str:
    """By how many per cent an amount differs from that of the last round; empty where that was 0 or is not known."""
    before = Decimal(row["previous"] or 0)
    return f"{100 * (Decimal(row['amount']) / before - 1):+.2f} %" if before else ""


def all_called(names: str) -> str:
    """The names of rules in a cell, as people call them."""
    return say("; ").join(map(called, names.split(BETWEEN))) if names else ""


def heads(values: Iterable[str]) -> int:
    """For how many heads amounts a head are printed: 1, or the power of ten that makes them readable."""
    largest = max((float(v) for v in values if v), default=1.0)
    count = 1
    while 0 < largest * count < 1 and count < 10**9:
        count *= 10
    return count


def per_heads(count: int) -> str:
    """The words for that number of heads."""
    return say("a head") if count == 1 else say("per {count:,} heads", count=count)


def find_region(rows: Sequence[Row], wanted: str) -> str:
    """The id of a region by its id or its name; a fault with the nearest known ones."""
    ids = {r["region_id"] for r in rows}
    if wanted in ids:
        return wanted
    named = {r["region_name"].casefold(): r["region_id"] for r in rows}
    if wanted.casefold() in named:
        return named[wanted.casefold()]
    known = ids | {r["region_name"] for r in rows}
    raise InputError(
        [Fault(say("is no region of this round. {code_hint}", code_hint=did_you_mean(wanted, known)), value=wanted)]
    )


def explanation(allocation: Sequence[Row], steps: Sequence[Row], summary: Mapping[str, Any], region: str) -> str:
    """One region's amounts, step by step: from the equal share to the last lot."""
    blocks = []
    for row in allocation:
        if row["region_id"] == region:
            mine = [s for s in steps if s["region_id"] == region and s["resource"] == row["resource"]]
            blocks.append("\n".join(_block(row, mine, summary)))
    return "\n\n".join(blocks)


class Line(NamedTuple):
    """One line of an explanation: a step with its sign, or what the steps so far add up to (kind "sum")."""

    name: str
    figure: str
    why: str
    kind: str


def step_lines(row: Row, steps: Sequence[Row], summary: Mapping[str, Any]) -> list[Line]:
    """The way from the equal share to an amount, line by line. row: of allocation.csv; steps: its rows of steps.csv."""
    rules = {r["name"]: r for r in summary["rules"]}
    whys = summary["why"].get(row["resource"], {})
    lines: list[Line] = []
    for one in stages(row, steps):
        if isinstance(one, tuple):
            lines.append(Line(called(one[0]), money(one[1]), one[2], "sum"))
            continue
        name, kind = one["step"], one["kind"]
        why = called(whys.get(name, ""))
        if kind == "rule":
            rule = rules.get(name)
            binds = name in row["held_by"].split(BETWEEN)
            why = say("holds this amount") if binds else say("its part of what others receive or give up")
            if rule and binds:
                why = say("holds this amount: {sentence}", sentence=rule["sentence"])
            name = say("rule: {name}", name=name)
        if kind == "objective":
            name = say("objective: {name}", name=summary["objective"]["kind"])
        lines.append(Line(called(name), signed(one["amount"]), why, kind))
    lines.append(Line(called("= amount"), money(row["amount"]), "", "sum"))
    return lines


def _block(row: Row, steps: Sequence[Row], summary: Mapping[str, Any]) -> Iterator[str]:
    yield say(
        "{region} ({code}) gets {amount} of {resource} in {round}.",
        region=row["region_name"],
        code=row["region_id"],
        amount=money(row["amount"], row["unit"]),
        resource=row["resource"],
        round=summary["round"],
    )
    yield from aligned([(one.name, one.figure, one.why) for one in step_lines(row, steps, summary)])
    yield f"  {fact_sentence(row)}"
    if ACCOUNTING.get(summary["accounting"]) and any(s["kind"] == "rule" for s in steps):
        yield f"  {say(ACCOUNTING[summary['accounting']])}"


def fact_sentence(row: Row, count: int | None = None) -> str:
    """What an amount is a head, of the entitlement, of what is shared out and beside the last round.

    count: for how many heads; left out: for as many as make it readable.
    """
    facts = []
    if row["per_head"]:
        count = count or heads([row["per_head"]])
        facts.append(amount_per_heads(row, count))
    if row["coverage"]:
        facts.append(say("{share} of its entitlement", share=percent(row["coverage"])))
    facts.append(say("{share} of what is shared out", share=percent(row["share"])))
    if row["previous"]:
        ratio = change_in_percent(row)
        before = say("last round {amount}", amount=money(row["previous"]))
        facts.append(say("{words} ({more})", words=before, more=ratio) if ratio else before)
    return say("That is {facts}.", facts=say("; ").join(facts))


def amount_per_heads(row: Row, count: int) -> str:
    """An amount for so many heads, with its unit."""
    heads_ = per_heads(count)
    return say("{amount} {heads}", amount=f"{float(row['per_head']) * count:,.2f} {called(row['unit'])}", heads=heads_)


def stages(row: Row, steps: Sequence[Row]) -> Iterator[Row | tuple[str, str, str]]:
    """The steps of an amount, and between them the sums on the way: name, amount, what it is."""
    kinds = {s["kind"] for s in steps}
    after = ("supply", "objective", "rule", "rounding")
    told: set[str] = set()
    for k, step in enumerate(steps):
        name, kind = step["step"], step["kind"]
        for sum_, due, amount, what in (
            (
                "= entitlement",
                k > 0 and kind in (*BESIDE_THE_KEY, *after),
                row["entitlement"],
                say("what the key alone gives"),
            ),
            (
                "= decided before",
                bool(row.get("decided")) and (name.startswith(EVENT) or kind in after),
                row.get("decided", ""),
                say("the amount before the events"),
            ),
            ("= target", kind in after and bool(kinds & {*BESIDE_THE_KEY}), row["target"], _aims(row, kinds)),
        ):
            if due and sum_ not in told:
                told.add(sum_)
                yield sum_, amount, what
        yield step


def _aims(row: Row, kinds: set[str]) -> str:
    """What a target is made of."""
    if row.get("decided"):
        return say("decided before, and what the events ask for")
    names = {"arrears": say("arrears"), "adjustment": say("adjustments")}
    return listed([say("entitlement"), *(name for kind, name in names.items() if kind in kinds)])


def aligned(lines: Sequence[tuple[str, str, str]]) -> Iterator[str]:
    """Steps of a sum, each with its name, its amount and what it is, in columns."""
    left = max(width(a) for a, _, _ in lines)
    right = max(len(b) for _, b, _ in lines)
    for name, amount, why in lines:
        yield f"  {padded(name, left)}  {amount:>{right}}  {why}".rstrip()


def whys(steps: Iterable[Any]) -> dict[str, dict[str, str]]:
    """The reasons of the steps, by resource and step."""
    found: dict[str, dict[str, str]] = {}
    for step in steps:
        if step.why:
            found.setdefault(step.resource, {})[step.name] = step.why
    return found
