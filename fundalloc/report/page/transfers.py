"""Transfers: what each rule moves from whom to whom; the two sides of a rule add up to the same."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from fundalloc.language import phrase, say
from fundalloc.report.page.figures import place
from fundalloc.report.page.material import Row
from fundalloc.taken import NOBODY_ELSE, NOT_BELOW_ZERO

#: so many of a side are shown at once, and so many in all
FIRST, ALL = 6, 80
#: more groups or rules than these are no table for a page
WIDE, LONG = 12, 80
#: the fund itself, where its supply is open
FUND = phrase("the fund itself")
OWN = {
    NOT_BELOW_ZERO: phrase("No rule of the policy: an amount cannot be below 0."),
    NOBODY_ELSE: phrase("No rule of the policy: the rules leave it to regions without a target."),
}


@dataclass(frozen=True)
class Moved:
    """One side of one transfer: who, how much, and how long its bar is in per cent."""

    name: str
    anchor: str
    amount: Decimal
    width: str


@dataclass(frozen=True)
class Side:
    """All who receive from a rule, or all who pay for it; rest: those that are too many to be named."""

    moved: Sequence[Moved]
    total: Decimal
    count: int
    rest: Decimal

    @property
    def first(self) -> Sequence[Moved]:
        """Those who are shown at once."""
        return self.moved[:FIRST]

    @property
    def others(self) -> Sequence[Moved]:
        """Those who are shown on demand."""
        return self.moved[FIRST:]


@dataclass(frozen=True)
class Transfer:
    """What one rule moves of one resource."""

    rule: str
    about: str
    receive: Side
    pay: Side


def transfers(
    steps: Sequence[Row], names: Mapping[str, str], anchors: Mapping[str, str], rules: Sequence[Mapping[str, Any]]
) -> list[Transfer]:
    """The transfers of one resource, in the order of the policy. steps: its rows of steps.csv."""
    by_rule: dict[str, list[Row]] = {}
    for step in steps:
        if step["kind"] == "rule":
            by_rule.setdefault(step["step"], []).append(step)
    sentences = {rule["name"]: rule["sentence"] for rule in rules}
    order = [*(n for n in sentences if n in by_rule), *(n for n in by_rule if n not in sentences)]
    found = []
    for name in order:
        mine = [(Decimal(s["amount"]), s["region_id"]) for s in by_rule[name]]
        most = max((abs(a) for a, _ in mine), default=Decimal(1)) or Decimal(1)
        sides = []
        for sign in (1, -1):
            here = sorted(((a, i) for a, i in mine if a * sign > 0), key=lambda x: (-abs(x[0]), x[1]))
            shown = here if len(here) <= ALL else here[:10]
            bars = [
                Moved(names.get(i) or say(FUND), anchors.get(i, ""), a, place(float(100 * abs(a) / most)))
                for a, i in shown
            ]
            rest = sum((a for a, _ in here[len(shown) :]), Decimal(0))
            sides.append(Side(bars, sum((a for a, _ in here), Decimal(0)), len(here), rest))
        found.append(Transfer(name, sentences.get(name) or say(OWN.get(name, "")), *sides))
    return found


def by_group(
    steps: Sequence[Row], groups: Mapping[str, str], rules: Sequence[str]
) -> list[tuple[str, list[Decimal], Decimal]] | None:
    """What each group receives from each rule and pays for it, and its sum. groups: by region; None: no table."""
    labels = sorted(set(groups.values()))
    if not 1 < len(labels) <= LONG or not 0 < len(rules) <= WIDE or len(labels) == len(groups):
        return None
    cells = {(g, r): Decimal(0) for g in labels for r in rules}
    for step in steps:
        if step["kind"] == "rule" and step["region_id"]:
            cells[groups[step["region_id"]], step["step"]] += Decimal(step["amount"])
    return [(g, [cells[g, r] for r in rules], sum((cells[g, r] for r in rules), Decimal(0))) for g in labels]
