"""Limits: what holds an amount, between which bounds it may move, and what more would take."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal
from typing import Any

from fundalloc.report.letters.dossier import ALL, Dossier
from fundalloc.report.words import Row, money


def limits(row: Row, steps: Sequence[Row], dossier: Dossier) -> Iterator[str]:
    """What rules say of this amount: those that hold it, then the room that is left, then what more would take."""
    held = [name for name in row["held_by"].split("; ") if name]
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
    who, is_, gets = {
        "region": ("you", "are", "get"),
        "all": ("all regions that it counts together", "are", "get"),
    }.get(each, (f"{place} as a whole", "is", "gets"))
    verb = "holds your amount up" if moved > 0 else "holds your amount down" if moved < 0 else "holds your amount"
    bounds = [b for b in dossier.bounds.get((place, row["resource"]), ()) if b["rule"] == name]
    said = f"The rule “{name}” {verb}"
    if not bounds or bounds[0]["kind"] not in ("limit", "inequality"):
        return f"{said}."
    bound, unit = bounds[0], row["unit"]
    if bound["kind"] == "inequality":
        return f"{said}: it may be at most {float(bound['high']):.4g}, and is {float(bound['value']):.4g}."
    sides = [("at least", bound["low"]), ("at most", bound["high"])]
    if len([b for _, b in sides if b]) == 2:
        value = float(bound["value"])
        sides = [min(sides, key=lambda side: abs(float(side[1]) - value))]
    allowed = " and ".join(f"{word} {_rounded(text, unit)}" for word, text in sides if text)
    return f"{said}: {who} {is_} to get {allowed}, and {gets} {_rounded(bound['value'], unit)}."


def _rounded(text: str, unit: str) -> str:
    """A bound to two decimals, exactly where it has no more."""
    value = Decimal(text)
    places = -int(value.as_tuple().exponent)
    return money(value if places <= 2 else round(value, 2), unit)


def _room(row: Row, floor: Row | None, cap: Row | None) -> str:
    """The least and the most that the rules on single regions leave."""
    least = f"at least {_rounded(floor['low'], row['unit'])} (rule “{floor['rule']}”)" if floor else ""
    most = f"at most {_rounded(cap['high'], row['unit'])} (rule “{cap['rule']}”)" if cap else ""
    return (
        f"The rules on single regions guarantee you {' and allow you '.join(filter(None, (least, most)))}."
        if least
        else (f"The rules on single regions allow you {most}.")
    )


def _more(row: Row, held: Sequence[str], moved: Mapping[str, Decimal]) -> str:
    """What it would take to receive more."""
    down = [name for name in held if moved.get(name, Decimal(0)) < 0]
    if down:
        names = " and ".join(f"“{name}”" for name in down)
        return f"For more, {names} would have to allow more, or more would have to be shared out."
    if held:
        return "For more, the rules that hold your amount up would have to ask for more, or your entitlement to rise."
    return (
        "No rule holds your amount: it follows your target. For more, your entitlement would have to rise (other "
        "figures, other criteria), or more would have to be shared out."
    )
