"""A comparison as text: who gains and who loses, by group and by region, inequality, lowest coverage, rules."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from fundalloc.contrasts import Contrast, percent
from fundalloc.language import called, phrase, say
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
        before, after = (
            say(
                "{code} ({title}, round {round})",
                code=e["label"],
                title=e["title"] or say("untitled"),
                round=e["round"],
            )
            for e in ends
        )
        head = say("{after} against {before}", after=after, before=before)
        parts.append("\n".join([head, *_joining(facts)]))
        for one, mine in zip(pair.contrasts, facts["resources"], strict=True):
            parts.append("\n".join(_resource(frame, pair, one, mine, ends)))
    return "\n\n".join(parts)


def listed(names: Sequence[str]) -> str:
    """Names in a sentence: the first ten, and how many more."""
    more = say(" and {count:,} more", count=len(names) - NAMED) if len(names) > NAMED else ""
    return say(", ").join(map(called, names[:NAMED])) + more


def _joining(facts: Facts) -> Iterator[str]:
    joined, left = facts["joins"], facts["leaves"]
    for one, many, names in (
        (phrase("{count} region joins: {names}"), phrase("{count} regions join: {names}"), joined["regions"]),
        (
            phrase("{count} region leaves: {names}"),
            phrase("{count} regions leave: {names}"),
            left["regions"],
        ),
        (
            phrase("{count} resource joins: {names}"),
            phrase("{count} resources join: {names}"),
            joined["resources"],
        ),
        (
            phrase("{count} resource leaves: {names}"),
            phrase("{count} resources leave: {names}"),
            left["resources"],
        ),
    ):
        if names:
            yield say(many if len(names) > 1 else one, count=len(names), names=listed(names))


def _resource(frame: Frame, pair: Pair, one: Contrast, facts: Facts, ends: Sequence[Facts]) -> Iterator[str]:
    yield say(", ").join(map(called, filter(None, (one.resource, one.unit_name))))
    yield say(
        "in all {before} before, {after} after ({change}); {winners} gain {gain}, {losers} lose {loss}, {unchanged} as "
        "before",
        before=money(facts["base"]),
        after=money(facts["amounts"]),
        change=signed(facts["change"]),
        winners=facts["winners"]["count"],
        gain=money(facts["winners"]["sum"]),
        losers=facts["losers"]["count"],
        loss=money(facts["losers"]["sum"].removeprefix("-")),
        unchanged=facts["unchanged"],
    )
    yield from _ends(facts)
    if one.change.any() or not one.both[one.listed].all():
        yield f"\n{_regions(frame, pair, one)}\n\n{_groups(frame, pair, one)}"
    yield ""
    yield aligned(list(_measures(one.resource, ends)), LEFT)
    yield from _rules(frame, facts["rules"])


def _ends(facts: Facts) -> Iterator[str]:
    for side, all_, most in (
        ("winners", phrase("  gain: {regions}"), phrase("  gain most: {regions}")),
        ("losers", phrase("  lose: {regions}"), phrase("  lose most: {regions}")),
    ):
        largest, count = facts[side]["largest"], facts[side]["count"]
        if largest:
            parts = [
                f"{r['region_name']} {signed(r['change'])}"
                + (f" ({float(r['change_percent']):+.2f} %)" if r["change_percent"] else "")
                for r in largest
            ]
            yield say(most if count > len(largest) else all_, regions=say(", ").join(parts))


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
    head = (
        say("region"),
        pair.base,
        pair.label,
        say("change"),
        say("per cent"),
        words,
        say("change {words}", words=words),
        say("rank"),
        say("before"),
    )
    lines = [head]
    for k in shown:
        lines.append(
            (
                frame.names[k],
                money(decimal(int(one.base.units[k]), one.unit)) if one.base.there[k] else say("not there"),
                money(decimal(int(one.other.units[k]), one.unit)) if one.other.there[k] else say("not there"),
                signed(decimal(int(one.change[k]), one.unit)),
                _signed(one.percent[k], "+.2f"),
                _signed(one.other.per_head[k] * count, ",.2f"),
                _signed(one.per_head[k] * count, "+,.2f"),
                str(one.other.ranks[k] or "-"),
                str(one.base.ranks[k] or "-"),
            )
        )
    text = aligned(lines, LEFT)
    if not left:
        return text
    return f"{text}\n{say('... and {count:,} more between them in comparison.csv (with -o)', count=left)}"


def _signed(value: float, form: str) -> str:
    return format(value, form) if np.isfinite(value) else "-"


def _groups(frame: Frame, pair: Pair, one: Contrast) -> str:
    count, words = _people(one)
    head = (say("by group"), pair.base, pair.label, say("change"), say("per cent"), words)
    lines = [(*head, say("change {words}", words=words), say("gain"), say("lose"))]
    for by, tally in grouped(frame, one):
        before, after = heads(one, tally) * count
        changed = percent(_units(tally.change), _units(tally.base))[0]
        lines.append(
            (
                say("all regions") if by == "all" else f"{called(by)} {called(tally.label) or say('(none)')}",
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
        return say("{count:,} groups in groups.csv (with -o)", count=len(lines) - 1)
    return aligned(lines, LEFT)


def _units(value: int) -> IntArray:
    return np.array([value], dtype=np.int64)


def _measures(resource: str, ends: Sequence[Facts]) -> Iterator[tuple[str, ...]]:
    """Inequality and lowest coverage of both."""
    yield ("", *(one["label"] for one in ends))
    own = [one["resources"].get(resource) for one in ends]
    per = next(o["inequality"]["per"] for o in own if o)
    for name in ("gini", "theil", "hoover"):
        index = called(name.capitalize())
        words = say("{index} per head", index=index) if per == "head" else say("{index} per region", index=index)
        yield (words, *("-" if o is None else f"{float(o['inequality'][name]):.4f}" for o in own))
    worst = [None if o is None else o["lowest"] for o in own]
    texts = ("-" if w is None else f"{share(w['coverage'])} {w['region_name']}" for w in worst)
    yield (say("lowest coverage"), *texts)


def _rules(frame: Frame, rules: Sequence[Facts]) -> Iterator[str]:
    """At how many places rules bind, and where they begin or cease to."""
    names = dict(zip(frame.ids, frame.names, strict=True))
    for one in rules:
        text = say(
            "rule {rule}: binds at {count} place, before at {before}"
            if one["candidate"] == 1
            else "rule {rule}: binds at {count} places, before at {before}",
            rule=one["rule"],
            count=one["candidate"],
            before=one["base"],
        )
        for words, places in (
            (phrase("; anew at {places}"), one["anew"]),
            (phrase("; no more at {places}"), one["no_more"]),
        ):
            if places:
                text += say(words, places=listed([names.get(place, place) for place in places]))
        yield text
