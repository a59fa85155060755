"""In brief: what a minister asks first, a sentence each, for one resource."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal
from typing import Any

from fundalloc.language import called, say
from fundalloc.report.page.figures import change, per_cent, short_of, since
from fundalloc.report.page.material import Material, Row
from fundalloc.report.page.transfers import Transfer

#: so many regions are named; a smaller change of a Gini coefficient is none
NAMED, ALIKE = 6, 0.0005


def brief(material: Material, name: str, moves: Sequence[Transfer], over: Mapping[str, Any] | None) -> list[str]:
    """Who gains and loses most, which rule moves most and who pays for it, how even it is, who is left behind."""
    rows, facts = material.amounts[name], material.summary["resources"][name]
    return [*_changes(rows, facts["unit"]), *_dearest(moves, facts), *_even(facts["inequality"]), *_behind(over)]


def _changes(rows: Sequence[Row], unit: str) -> Iterator[str]:
    """Who gains most since the last round, and who loses most."""
    order = sorted((r for r in rows if r["change"]), key=lambda r: (Decimal(r["change"]), r["region_id"]))
    if not order:
        return
    most, least = order[-1], order[0]
    if Decimal(most["change"]) > 0:
        yield say("{region} gains most since last round: {change}.", region=most["region_name"], change=_by(most, unit))
    if Decimal(least["change"]) < 0:
        yield say("{region} loses most: {change}.", region=least["region_name"], change=_by(least, unit))
    elif Decimal(most["change"]) > 0:
        yield say("Nobody gets less than in the last round.")


def _by(row: Row, unit: str) -> str:
    ratio = since(row)
    text = f"{change(row['change']).striptags()} {called(unit)}".rstrip()
    return say("{amount} ({ratio})", amount=text, ratio=ratio) if ratio else text


def _dearest(moves: Sequence[Transfer], facts: Mapping[str, Any]) -> Iterator[str]:
    """The rule that moves most, and the one that the fewest receive from."""
    told = sorted((t for t in moves if t.receive.total), key=lambda t: (-t.receive.total, t.rule))
    if not told:
        return
    first, out = told[0], Decimal(facts["shared_out"])
    yield say(
        "“{rule}” moves most: {amount}, {part} of what is shared out; receive: {receive}, pay: {pay}.",
        rule=first.rule,
        amount=short_of(first.receive.total, facts["unit"]),
        part=per_cent(float(first.receive.total / out) if out else 0.0, 1),
        receive=first.receive.count,
        pay=first.pay.count,
    )
    alone = min(told, key=lambda t: (t.receive.count, -t.receive.total))
    if alone is not first and alone.receive.count <= NAMED:
        yield say(
            "“{rule}” helps {regions} alone, by {amount}; pay: {pay}.",
            rule=alone.rule,
            regions=say(", ").join(one.name for one in alone.receive.first),
            amount=short_of(alone.receive.total, facts["unit"]),
            pay=alone.pay.count,
        )


def _even(inequality: Mapping[str, Any]) -> Iterator[str]:
    """Whether the rules have made it more or less unequal."""
    before, after = (float(inequality[when]["gini"]) for when in ("before", "after"))
    figures = f"{before:.3f} → {after:.3f}"
    if abs(after - before) < ALIKE:
        yield say("It is as unequal as by the key alone (Gini {figures}).", figures=figures)
    elif after > before:
        yield say("It is more unequal than by the key alone (Gini {figures}).", figures=figures)
    else:
        yield say("It is less unequal than by the key alone (Gini {figures}).", figures=figures)


def _behind(over: Mapping[str, Any] | None) -> Iterator[str]:
    """Who has been behind for several rounds."""
    if over is None:
        return
    mine = [one for one in over["stands"] if one.behind >= over["rounds"]]
    least = per_cent(over["least"], 0)
    if not mine:
        yield say(
            "Nobody has been below {least} of its entitlement for {rounds} rounds or more.",
            least=least,
            rounds=over["rounds"],
        )
        return
    names = [say("{region} (since {round})", region=one.name, round=one.since) for one in mine[:NAMED]]
    more = [say("{count} more", count=len(mine) - NAMED)] if len(mine) > NAMED else []
    yield say(
        "Left behind, below {least} of the entitlement for {rounds} rounds or more: {regions}.",
        least=least,
        rounds=over["rounds"],
        regions=say(", ").join([*names, *more]),
    )
