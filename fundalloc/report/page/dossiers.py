"""The dossiers: a section for each region, from the equal share to its amounts, with ranks and flags."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal
from typing import Any

from fundalloc.language import called, listed, phrase, say
from fundalloc.report.page.changed import changed
from fundalloc.report.page.figures import cents, change, exact, place, since
from fundalloc.report.page.material import Material, Row
from fundalloc.report.words import ACCOUNTING, Line, fact_sentence, heads, step_lines

#: the class of the bars of each kind of step
KINDS = {
    "equal": "even",
    "criterion": "key",
    "claim": "key",
    "arrears": "due",
    "adjustment": "due",
    "decided": "due",
    "supply": "due",
    "objective": "rule",
    "rule": "rule",
    "rounding": "even",
    "sum": "sum",
}
#: values that lie closer together, relative to the largest, are not ranked
ALIKE = 0.001
#: the columns in which regions are ranked: what is said of the place among all, and also in the group
RANKED = {
    "per_head": (
        phrase("amount a head: place {place:,} of {of:,} from the top"),
        phrase("amount a head: place {place:,} of {of:,} from the top, {near:,} of {among:,} in {group}"),
    ),
    "coverage": (
        phrase("coverage: place {place:,} of {of:,} from the top"),
        phrase("coverage: place {place:,} of {of:,} from the top, {near:,} of {among:,} in {group}"),
    ),
}


def dossiers(material: Material) -> Iterator[dict[str, Any]]:
    """What the template needs of each region that has a section."""
    rows = {name: {row["region_id"]: row for row in mine} for name, mine in material.amounts.items()}
    ranks = {name: _ranks(list(mine.values()), list(_groups(material))) for name, mine in rows.items()}
    counts = {name: heads(row["per_head"] for row in mine) for name, mine in material.amounts.items()}
    since_last = changed(material)
    regions = material.decision.problem.regions
    others = dict(zip(regions.ids, regions.other_names, strict=True))
    flagged: dict[str, list[Any]] = {}
    for flag in (*material.flags, *material.standing):
        flagged.setdefault(flag.subject, []).append(flag)
    for one, anchor in material.anchors.items():
        yield {
            "id": one,
            "anchor": anchor,
            "name": material.names[one],
            "other_name": others[one],
            "groups": [(group, next(iter(rows.values()))[one][group]) for group in _groups(material)],
            "flags": flagged.get(one, []),
            "parts": [
                {
                    **_part(material, mine[one], ranks[name].get(one, []), counts[name]),
                    "changed": since_last[name].rows.get(one) if name in since_last else None,
                    "causes": since_last[name].causes if name in since_last else (),
                }
                for name, mine in rows.items()
            ],
        }


def _groups(material: Material) -> Sequence[str]:
    return list(material.decision.problem.regions.groups)


def _part(material: Material, row: Row, ranks: Sequence[str], count: int) -> dict[str, Any]:
    steps = material.steps.get((row["resource"], row["region_id"]), [])
    lines = step_lines(row, steps, material.summary)
    moves = [(Decimal(s["amount"]), s["step"]) for s in steps if s["kind"] == "rule"]
    most, least = max(moves, default=None), min(moves, default=None)
    return {
        "row": row,
        "idle": not any(Decimal(s["amount"]) for s in steps),
        "lines": [(line, line.name.removeprefix("= "), bar) for line, bar in zip(lines, _bars(lines), strict=True)],
        "facts": fact_sentence(row, count),
        "since": since(row),
        "ranks": ranks,
        "gives_most": most if most and most[0] > 0 else None,
        "costs_most": least if least and least[0] < 0 else None,
        "accounting": say(ACCOUNTING.get(material.summary["accounting"], "")) if moves else "",
    }


def _bars(lines: Sequence[Line]) -> list[tuple[str, str, str]]:
    """Class, place and length of the bar of each line: steps hang where the one before has ended."""
    ends: list[tuple[float, float]] = []
    now = 0.0
    for line in lines:
        value = float(line.figure.replace(",", ""))
        before, now = (0.0, value) if line.kind == "sum" else (now, now + value)
        ends.append((min(before, now), max(before, now)))
    low, high = min(0.0, *(a for a, _ in ends)), max(b for _, b in ends)
    scale = 100 / ((high - low) or 1.0)
    found = []
    for line, (a, b) in zip(lines, ends, strict=True):
        width = max((b - a) * scale, 0.5) if b > a else 0.0
        found.append((KINDS[line.kind], place(min((a - low) * scale, 100 - width)), place(width)))
    return found


def _ranks(rows: Sequence[Row], groups: Sequence[str]) -> dict[str, list[str]]:
    """The places of every region among all and within its first group, in words, by its id."""
    found: dict[str, list[str]] = {}
    for column, (alone, grouped) in RANKED.items():
        among = _places(rows, column)
        mine: dict[str, list[Row]] = {}
        for row in rows if groups else ():
            mine.setdefault(row[groups[0]], []).append(row)
        inside = {label: _places(own, column) for label, own in mine.items() if len(own) > 1}
        for row in rows:
            one = row["region_id"]
            if one in among:
                rank, of = among[one]
                text = say(alone, place=rank, of=of)
                near = inside.get(row[groups[0]], {}).get(one) if groups else None
                if near:
                    text = say(grouped, place=rank, of=of, near=near[0], among=near[1], group=row[groups[0]])
                found.setdefault(one, []).append(text)
    return found


def _places(rows: Sequence[Row], column: str) -> Mapping[str, tuple[int, int]]:
    """Rank, 1 = highest, and how many are ranked, by id; equals share the better place; who is due nothing has none."""
    values = {row["region_id"]: float(row[column]) for row in rows if row[column] and row["coverage"]}
    order = sorted(values.values(), reverse=True)
    if not order or order[0] - order[-1] <= ALIKE * order[0]:
        return {}
    first: dict[float, int] = {}
    for k, value in enumerate(order, 1):
        first.setdefault(value, k)
    return {one: (first[value], len(order)) for one, value in values.items()}


def account_sentence(row: Row) -> str:
    """What a region pays in, and what all rounds together leave unpaid to it."""
    unit, said = called(row["unit"]), []
    if row.get("contribution"):
        paid, net = (cents(row[key]).striptags() for key in ("contribution", "net"))
        said.append(say("It pays in {paid}; net that is {net}.", paid=f"{paid} {unit}", net=f"{net} {unit}"))
    unpaid = Decimal(row["arrears"] or 0)
    if row["previous"] and unpaid:
        said.append(
            say(
                "This and earlier rounds leave unpaid, of its entitlement: {amount}."
                if unpaid > 0
                else "This and earlier rounds have paid it ahead, of its entitlement: {amount}.",
                amount=f"{exact(abs(unpaid)).striptags()} {unit}",
            )
        )
    return " ".join(said)


def moves_sentence(part: Mapping[str, Any]) -> str:
    """Which rule gives a region most and which costs it most."""
    said = []
    for key, words in (
        ("gives_most", phrase("gains most from “{rule}” ({amount})")),
        ("costs_most", phrase("pays most for “{rule}” ({amount})")),
    ):
        if part[key]:
            amount, rule = part[key]
            moved = f"{change(amount).striptags()} {called(part['row']['unit'])}"
            said.append(say(words, rule=rule, amount=moved))
    return say("It {moves}.", moves=listed(said)) if said else ""
