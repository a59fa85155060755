"""The rulings: every rule in words, whether it binds and where, what it moves and what it costs."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from typing import Any

from fundalloc.language import called, phrase, say
from fundalloc.report.page.material import Material, Row
from fundalloc.report.words import MODES

#: so many places of a rule are named
NAMED = 12
BINDS, MISSED, YIELDS = phrase("Where it binds"), phrase("Where it is missed"), phrase("Where it has to yield")


def rulings(material: Material) -> Iterator[dict[str, Any]]:
    """What the template needs of each rule, in the order of the policy."""
    units = {name: facts["unit"] for name, facts in material.summary["resources"].items()}
    for k, rule in enumerate(material.summary["rules"], 1):
        rows = material.places.get(rule["name"], [])
        binding = [row for row in rows if row["binding"] == "yes"]
        missed = [row for row in rows if _missed(row)] if rule["mode"] == "watch" else []
        yielding = [row for row in rows if row["concession"] and float(row["concession"]) > 0]
        named = missed or yielding or binding
        money = all(material.decision.rules[j].kind == "limit" for j in _own(material, rule["name"]))
        yield {
            **rule,
            "over": material.policy.rules[k - 1].over,
            "concerns": _concerns(material, material.policy.rules[k - 1].where),
            "money": money,
            "number": k,
            "verb": say(MODES[rule["mode"]]),
            "state": _state(rule, len(missed)),
            "bites": bool(named),
            "places_are": say(MISSED if missed else YIELDS if yielding else BINDS),
            "yielding": bool(yielding),
            "moved": [(name, text, units[name]) for name, text in rule["moved"].items() if float(text)],
            "named": [_place(material, row, units, money) for row in named[:NAMED]],
            "more": max(0, len(named) - NAMED),
            "stories": [price["words"] for price in rule["price"]],
            "required": material.retrospect.looked.required.get(rule["name"], ""),
        }


def costs(material: Material) -> list[dict[str, Any]]:
    """What each rule moves of each resource, and which part of what is shared out that is; the largest part first."""
    found = []
    for rule in material.summary["rules"]:
        for name, text in rule["moved"].items():
            facts = material.summary["resources"][name]
            out = Decimal(facts["shared_out"])
            if Decimal(text) and out:
                steps = [Decimal(s["amount"]) for s in material.rows("steps.csv") if _is_of(s, rule["name"], name)]
                found.append(
                    {
                        "rule": rule["name"],
                        "number": material.numbers[rule["name"]],
                        "resource": name,
                        "unit": facts["unit"],
                        "moved": text,
                        "part": float(Decimal(text) / out),
                        "receive": sum(a > 0 for a in steps),
                        "pay": sum(a < 0 for a in steps),
                    }
                )
    return sorted(found, key=lambda one: (-one["part"], one["number"], one["resource"]))


def _is_of(step: Row, rule: str, resource: str) -> bool:
    return step["kind"] == "rule" and step["step"] == rule and step["resource"] == resource


def _concerns(material: Material, where: str | float | None) -> str:
    """What the condition of a rule means, where it is the name of a measure."""
    text = material.policy.measures.get(str(where))
    return "" if text is None else say("{where} means {code}", where=str(where), code=str(text))


def _own(material: Material, name: str) -> list[int]:
    return [k for k, one in enumerate(material.decision.rules) if one.rule == name]


def _missed(row: Row) -> bool:
    value = float(row["value"]) if row["value"] else 0.0
    return bool((row["low"] and value < float(row["low"])) or (row["high"] and value > float(row["high"])))


def _state(rule: Any, missed: int) -> str:
    """Whether a rule binds, in words."""
    places = say("1 place") if rule["places"] == 1 else say("{count:,} places", count=rule["places"])
    if not rule["in_force"]:
        return say("not in force")
    if rule["mode"] == "watch":
        missing = phrase("missed at {count:,} of {places}")
        return say(missing, count=missed, places=places) if missed else say("kept at {places}", places=places)
    if rule["conceded"]:
        return say("had to yield at {count:,} of {places}", count=rule["conceded"], places=places)
    if rule["binding"]:
        return say("binds at {count:,} of {places}", count=rule["binding"], places=places)
    return say("does not bind ({places})", places=places)


def _place(material: Material, row: Row, units: dict[str, str], money: bool) -> dict[str, Any]:
    one = row["place"]
    return {
        "name": material.names.get(one, say("all regions together") if one == "all" else called(one)),
        "anchor": material.anchors.get(one, ""),
        "resource": row["resource"],
        "unit": units.get(row["resource"], "") if money else "",
        **{key: row[key] for key in ("low", "value", "high", "concession")},
    }
