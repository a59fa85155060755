"""Limits: what holds an amount, between which bounds it may move, and what more would take."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal
from typing import Any

from fundalloc.language import called, listed, phrase, say
from fundalloc.report.letters.dossier import ALL, Dossier
from fundalloc.report.words import Row, money
from fundalloc.taken import BETWEEN


def limits(row: Row, steps: Sequence[Row], dossier: Dossier) -> Iterator[str]:
    """What rules say of this amount: those that hold it, then the room that is left, then what more would take."""
    held = [name for name in row["held_by"].split(BETWEEN) if name]
    moved = {s["step"]: Decimal(s["amount"]) for s in steps if s["kind"] == "rule"}
    for name in held:
        yield _held(name, row, moved.get(name, Decimal(0)), dossier)
    own = [b for b in dossier.bounds.get((row["region_id"], row["resource"]), ()) if _is_own(b, dossier)]
    floor = max((b for b in own if b["low"]), key=lambda b: float(b["low"]), default=None)
    cap = min((b for b in own if b["high"]), key=lambda b: float(b["high"]), default=None)
    if floor or cap:
        yield _room(row, floor, cap)
    yield _more(row, held, moved)


def _is_own(bound: Row, dossier: Dossier) -> bool:
    """Whether a row of rules.csv is about this amount alone, and enforced."""
    rule = _rule(bound["rule"], dossier)
    return bound["kind"] == "limit" and bound["mode"] != "watch" and _each(rule) == "region"


def _rule(name: str, dossier: Dossier) -> Any:
    return next((rule for rule in dossier.policy.rules if rule.name == name), None)


def _each(rule: Any) -> str:
    return str(getattr(rule, "each", "region"))


def _held(name: str, row: Row, moved: Decimal, dossier: Dossier) -> str:
    """One rule that holds the amount, with its bound where it is."""
    rule = _rule(name, dossier)
    each = _each(rule)
    place = {"region": row["region_id"], "all": ALL}.get(each, row.get(each, ""))
    if rule is not None and rule.kind == "inequality":
        place = ALL
    told = {
        "region": phrase("{said}: you are to get {allowed}, and get {value}."),
        "all": phrase("{said}: all regions that it counts together are to get {allowed}, and get {value}."),
    }.get(each, phrase("{said}: {place} as a whole is to get {allowed}, and gets {value}."))
    said = say(
        "The rule “{rule}” holds your amount up"
        if moved > 0
        else "The rule “{rule}” holds your amount down"
        if moved < 0
        else "The rule “{rule}” holds your amount",
        rule=name,
    )
    bounds = [b for b in dossier.bounds.get((place, row["resource"]), ()) if b["rule"] == name]
    if not bounds or bounds[0]["kind"] not in ("limit", "inequality"):
        return say("{sentence}.", sentence=said)
    bound, unit = bounds[0], row["unit"]
    if bound["kind"] == "inequality":
        return say(
            "{said}: it may be at most {most:.4g}, and is {value:.4g}.",
            said=said,
            most=float(bound["high"]),
            value=float(bound["value"]),
        )
    sides = [(phrase("at least {amount}"), bound["low"]), (phrase("at most {amount}"), bound["high"])]
    if len([b for _, b in sides if b]) == 2:
        value = float(bound["value"])
        sides = [min(sides, key=lambda side: abs(float(side[1]) - value))]
    allowed = listed(say(words, amount=_rounded(text, unit)) for words, text in sides if text)
    return say(told, said=said, place=place, allowed=allowed, value=_rounded(bound["value"], unit))


def _rounded(text: str, unit: str) -> str:
    """A bound to two decimals, exactly where it has no more."""
    value = Decimal(text)
    places = -int(value.as_tuple().exponent)
    return money(value if places <= 2 else round(value, 2), unit)


def _room(row: Row, floor: Row | None, cap: Row | None) -> str:
    """The least and the most that the rules on single regions leave."""
    unit = row["unit"]
    least = _side(phrase("at least {amount} (rule “{rule}”)"), floor["low"], unit, floor["rule"]) if floor else ""
    most = _side(phrase("at most {amount} (rule “{rule}”)"), cap["high"], unit, cap["rule"]) if cap else ""
    if least and most:
        return say("The rules on single regions guarantee you {least} and allow you {most}.", least=least, most=most)
    if least:
        return say("The rules on single regions guarantee you {least}.", least=least)
    return say("The rules on single regions allow you {most}.", most=most)


def _side(words: str, amount: str, unit: str, rule: str) -> str:
    return say(words, amount=_rounded(amount, unit), rule=rule)


def _more(row: Row, held: Sequence[str], moved: Mapping[str, Decimal]) -> str:
    """What it would take to receive more."""
    down = [name for name in held if moved.get(name, Decimal(0)) < 0]
    if down:
        names = listed(f"“{called(name)}”" for name in down)
        return say("For more, {rules} would have to allow more, or more would have to be shared out.", rules=names)
    if held:
        return say(
            "For more, the rules that hold your amount up would have to ask for more, or your entitlement to rise."
        )
    return say(
        "No rule holds your amount: it follows your target. For more, your entitlement would have to rise (other "
        "figures, other criteria), or more would have to be shared out."
    )
