"""A comparison as text: who gains and who loses, by group and by region, inequality, lowest coverage, rules."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from fundalloc.contrasts import Contrast, percent
from fundalloc.problem import IntArray
from fundalloc.report.compared import Frame, Pair, grouped, heads
from fundalloc.report.table import aligned
from fundalloc.report.texts import decimal
from fundalloc.report.words import money, per_heads, signed
from fundalloc.report.words import percent as share

#: so many regions are printed, else this many of each end
SHOWN, ENDS = 60, 10
#: the columns of words
LEFT = (0,)
#: so many names stand in a sentence
NAMED = 10
Facts = Mapping[str, Any]


def text_of(frame: Frame, pairs: Sequence[Pair], summary: Facts) -> str:
    """The whole comparison as text, a part for each candidate and resource."""
    said = {one["label"]: one for one in summary["candidates"]}
    parts = []
    for pair, facts in zip(pairs, summary["comparisons"], strict=True):
        ends = [said[pair.base], said[pair.label]]
        titles = [f"{one['label']} ({one['title'] or 'untitled'}, round {one['round']})" for one in ends]
        parts.append("\n".join([f"{titles[1]} against {titles[0]}", *_joining(facts)]))
        for one, mine in zip(pair.contrasts, facts["resources"], strict=True):
            parts.append("\n".join(_resource(frame, pair, one, mine, ends)))
    return "\n\n".join(parts)


def listed(names: Sequence[str]) -> str:
    """Names in a sentence: the first ten, and how many more."""
    more = f" and {len(names) - NAMED:,} more" if len(names) > NAMED else ""
    return ", ".join(names[:NAMED]) + more


def _joining(facts: Facts) -> Iterator[str]:
    for what, key in (("region", "regions"), ("resource", "resources")):
        for verb, names in (("joins", facts["joins"][key]), ("leaves", facts["leaves"][key])):
            if names:
                many = len(names) > 1
                verb = verb.removesuffix("s") if many else verb
                yield f"{len(names)} {what}{'s' if many else ''} {verb}: {listed(names)}"


def _resource(frame: Frame, pair: Pair, one: Contrast, facts: Facts, ends: Sequence[Facts]) -> Iterator[str]:
    yield f"{one.resource}, {one.unit_name}" if one.unit_name else one.resource
    yield (
        f"in all {money(facts['base'])} before, {money(facts['amounts'])} after ({signed(facts['change'])}); "
        f"{facts['winners']['count']} gain {money(facts['winners']['sum'])}, "
        f"{facts['losers']['count']} lose {money(facts['losers']['sum'].removeprefix('-'))}, "
        f"{facts['unchanged']} as before"
    )
    yield from _ends(facts)
    if one.change.any() or not one.both[one.listed].all():
        yield f"\n{_regions(frame, pair, one)}\n\n{_groups(frame, pair, one)}"
    yield ""
    yield aligned(list(_measures(one.resource, ends)), LEFT)
    yield from _rules(frame, facts["rules"])


def _ends(facts: Facts) -> Iterator[str]:
    for side, verb in (("winners", "gain"), ("losers", "lose")):
        largest, count = facts[side]["largest"], facts[side]["count"]
        if largest:
            parts = [
                f"{r['region_name']} {signed(r['change'])}"
                + (f" ({float(r['change_percent']):+.2f} %)" if r["change_percent"] else "")
                for r in largest
            ]
            yield f"  {verb}{' most' if count > len(largest) else ''}: {', '.join(parts)}"


def _people(one: Contrast) -> tuple[int, str]:
    """For how many heads amounts a head are printed, and the words for that number."""
    most = np.nanmax(np.concatenate([one.base.per_head, one.other.per_head, [0.0]]))
    count = 1
    while 0 < most * count < 1 and count < 10**9:
        count *= 10
    return count, per_heads(count)


def _regions(frame: Frame, pair: Pair, one: Contrast) -> str:
    """The regions, the largest gain first."""
    count, words = _people(one)
    order = one.listed[np.argsort(-one.change[one.listed], kind="stable")].tolist()
    left = len(order) - 2 * ENDS if len(order) > SHOWN else 0
    shown = [*order[:ENDS], *order[-ENDS:]] if left else order
    head = ("region", pair.base, pair.label, "change", "per cent", words, f"change {words}", "rank", "before")
    lines = [head]
    for k in shown:
        lines.append(
            (
                frame.names[k],
                money(decimal(int(one.base.units[k]), one.unit)) if one.base.there[k] else "not there",
                money(decimal(int(one.other.units[k]), one.unit)) if one.other.there[k] else "not there",
                signed(decimal(int(one.change[k]), one.unit)),
                _signed(one.percent[k], "+.2f"),
                _signed(one.other.per_head[k] * count, ",.2f"),
                _signed(one.per_head[k] * count, "+,.2f"),
                str(one.other.ranks[k] or "-"),
                str(one.base.ranks[k] or "-"),
            )
        )
    text = aligned(lines, LEFT)
    return f"{text}\n... and {left:,} more between them in comparison.csv (with -o)" if left else text


def _signed(value: float, form: str) -> str:
    return format(value, form) if np.isfinite(value) else "-"


def _groups(frame: Frame, pair: Pair, one: Contrast) -> str:
    count, words = _people(one)
    lines = [("by group", pair.base, pair.label, "change", "per cent", words, f"change {words}", "gain", "lose")]
    for by, tally in grouped(frame, one):
        before, after = heads(one, tally) * count
        changed = percent(_units(tally.change), _units(tally.base))[0]
        lines.append(
            (
                "all regions" if by == "all" else f"{by} {tally.label or '(none)'}",
                money(decimal(tally.base, one.unit)),
                money(decimal(tally.other, one.unit)),
                signed(decimal(tally.change, one.unit)),
                _signed(changed, "+.2f"),
                _signed(after, ",.2f"),
                _signed(after - before, "+,.2f"),
                str(tally.winners),
                str(tally.losers),
            )
        )
    if len(lines) > SHOWN:
        return f"{len(lines) - 1:,} groups in groups.csv (with -o)"
    return aligned(lines, LEFT)


def _units(value: int) -> IntArray:
    return np.array([value], dtype=np.int64)


def _measures(resource: str, ends: Sequence[Facts]) -> Iterator[tuple[str, ...]]:
    """Inequality and lowest coverage of both."""
    yield ("", *(one["label"] for one in ends))
    own = [one["resources"].get(resource) for one in ends]
    per = next(o["inequality"]["per"] for o in own if o)
    for name in ("gini", "theil", "hoover"):
        words = f"{name.capitalize()} per {per}"
        yield (words, *("-" if o is None else f"{float(o['inequality'][name]):.4f}" for o in own))
    worst = [None if o is None else o["lowest"] for o in own]
    texts = ("-" if w is None else f"{share(w['coverage'])} {w['region_name']}" for w in worst)
    yield ("lowest coverage", *texts)


def _rules(frame: Frame, rules: Sequence[Facts]) -> Iterator[str]:
    """At how many places rules bind, and where they begin or cease to."""
    names = dict(zip(frame.ids, frame.names, strict=True))
    for one in rules:
        many = "" if one["candidate"] == 1 else "s"
        text = f"rule {one['rule']}: binds at {one['candidate']} place{many}, before at {one['base']}"
        for words, places in (("anew", one["anew"]), ("no more", one["no_more"])):
            if places:
                text += f"; {words} at {listed([names.get(place, place) for place in places])}"
        yield text
