"""The parts of a page: one for each resource, with its headline, table, pictures and transfers."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from itertools import groupby
from typing import Any

from fundalloc.language import called, say
from fundalloc.report.page.brief import brief
from fundalloc.report.page.changed import changed
from fundalloc.report.page.charts import lorenz
from fundalloc.report.page.entries import Entry, Ladder, entries, used
from fundalloc.report.page.figures import NONE, per_cent, short, since
from fundalloc.report.page.maps import BUBBLES, areas, bubbles
from fundalloc.report.page.material import Material, Row
from fundalloc.report.page.rounds import rounds
from fundalloc.report.page.transfers import LONG, by_group, transfers
from fundalloc.report.words import heads, per_heads

#: two charts a part, and not more than eight on a page
CHARTED = 4
#: more tiles than these are no picture
TILES = 600
#: the scale of the pictures of coverage: at least so far from 1
LEAST_SCALE = 0.02
#: coverages that lie closer together differ by rounding alone
ALIKE = 0.0005


def parts(material: Material) -> Iterator[dict[str, Any]]:
    """What the template needs of each resource."""
    problem = material.decision.problem
    groups = problem.regions.groups
    first = next(iter(groups), None)
    labels = {} if first is None else dict(zip(problem.regions.ids, groups[first].tolist(), strict=True))
    steps: dict[str, list[Row]] = {}
    since_last = changed(material)
    for row in material.rows("steps.csv"):
        steps.setdefault(row["resource"], []).append(row)
    for r, one in enumerate(problem.resources):
        rows, facts = material.amounts[one.name], material.summary["resources"][one.name]
        all_ = entries(rows, material.steps, material.anchors)
        mine = steps.get(one.name, [])
        moves = transfers(mine, material.names, material.anchors, material.summary["rules"])
        shown = [e for e in all_ if e.anchor or not material.many]
        stages = used(all_)
        count = heads(row["per_head"] for row in rows)
        charted, over = r < CHARTED, rounds(material, one.name)
        yield {
            "anchor": f"part{r + 1}",
            "name": one.name,
            "facts": facts,
            "tiles": list(_tiles(one.name, facts, all_, count, bool(material.summary["rules"]))),
            "moving": sorted({material.numbers[r] for e in all_ for r in e.rules if r in material.numbers}),
            "changed": since_last.get(one.name),
            "rounds": over,
            "brief": brief(material, one.name, moves, over),
            "furthest": max(max((abs(e.away) for e in all_), default=0.0), LEAST_SCALE),
            "groups": _groups(rows, first) if first else [],
            "blocks": _blocks(all_, first, material.many),
            "group": first,
            "shown": shown,
            "left_out": len(all_) - len(shown),
            "stages": stages,
            "ladder": Ladder(shown, stages),
            "columns": {**_columns(rows), "rules": any(e.rules for e in all_)},
            "heads": count,
            "per": per_heads(count),
            "totals": _totals(rows),
            "transfers": moves,
            "by_group": by_group(mine, labels, [t.rule for t in moves]),
            "map": _map(material, all_, one.name) if charted else None,
            "lorenz": lorenz(one, rows, facts) if charted and one.takes_part.sum() > 1 else None,
        }


def _map(material: Material, all_: Sequence[Entry], name: str) -> dict[str, Any] | None:
    """Shapes where they are given, else bubbles where places are known, else tiles; None where it would say nothing."""
    if material.shapes is not None:
        without = sum(e.row["region_id"] not in material.shapes.rings for e in all_)
        return {"kind": "areas", "picture": areas(material.shapes, all_, name), "left_out": without}
    drawn = bubbles(material.decision.problem.regions, all_, name)
    if drawn is not None:
        return {"kind": "bubbles", "picture": drawn, "left_out": max(0, len(all_) - BUBBLES)}
    if len(all_) > TILES:
        return None
    first = next(iter(material.decision.problem.regions.groups), None)
    order = sorted((e for e in all_ if e.takes_part), key=lambda e: e.row["region_name"])
    labels = sorted({e.row[first] for e in order}) if first else [""]
    tiles = [(label, [e for e in order if not first or e.row[first] == label]) for label in labels]
    return {"kind": "tiles", "tiles": tiles, "left_out": 0}


def _columns(rows: Sequence[Row]) -> dict[str, bool]:
    """Which columns say anything."""
    wanted = ("per_head", "previous", "contribution", "decided")
    found = {name: any(row.get(name) for row in rows) for name in wanted}
    return {**found, "target": any(row["target"] != row["entitlement"] for row in rows)}


def _totals(rows: Sequence[Row]) -> dict[str, Decimal]:
    """The sums of the columns of amounts."""
    names = [n for n in ("entitlement", "target", "amount", "contribution", "net", "decided") if n in rows[0]]
    return {n: sum((Decimal(row[n]) for row in rows if row[n]), Decimal(0)) for n in names}


def _groups(rows: Sequence[Row], group: str) -> list[dict[str, Any]]:
    """The sums of each group; none where there are too many to be read, or one region in each."""
    labels = sorted({row[group] for row in rows})
    if not 1 < len(labels) <= LONG or len(labels) == len(rows):
        return []
    found = []
    for label in labels:
        mine = [row for row in rows if row[group] == label]
        sums = {k: sum((Decimal(row[k]) for row in mine), Decimal(0)) for k in ("entitlement", "amount")}
        before = [Decimal(row["previous"]) for row in mine if row["previous"]]
        last = sum(before, Decimal(0)) if len(before) == len(mine) else Decimal(0)
        found.append(
            {
                "label": label,
                "count": len(mine),
                **sums,
                "coverage": float(sums["amount"] / sums["entitlement"]) if sums["entitlement"] else "",
                "since": since({"amount": sums["amount"], "previous": last}) or NONE,
            }
        )
    return found


def _blocks(all_: Sequence[Entry], group: str | None, many: bool) -> list[tuple[str, list[Entry]]]:
    """The entries in one block, or with many regions by their first group, in the order of its labels."""
    if not many or group is None:
        return [("", list(all_))]
    order = sorted(all_, key=lambda e: e.row[group])
    return [(label, list(block)) for label, block in groupby(order, key=lambda e: e.row[group])]


@dataclass(frozen=True)
class Tile:
    """One headline figure: what it is called, the figure with its unit, and what is said beside it."""

    name: str
    figure: str
    beside: str
    unit: str = ""


def _tiles(name: str, facts: Mapping[str, Any], all_: Sequence[Entry], count: int, ruled: bool) -> Iterator[Tile]:
    unit, out, moved = called(facts["unit"]), Decimal(facts["shared_out"]), Decimal(facts["moved_by_rules"])
    lots = say(
        "{amount}, in whole lots of {lot:,f}",
        amount=f"{Decimal(facts['amounts']):,f} {unit}",
        lot=Decimal(facts["lot"]),
    )
    if float(facts["reserve"]):
        share = f"{100 * float(facts['reserve']):g}\N{NO-BREAK SPACE}%"
        lots += say("; {share} of the supply held back", share=share)
    yield Tile(say("{resource} shared out", resource=name), short(facts["amounts"]), lots, unit)
    all_of_them = facts["take_part"] == facts["regions"]
    taking = say("all take part") if all_of_them else say("of {count:,} take part", count=facts["regions"])
    yield Tile(say("regions"), f"{facts['take_part']:,}", taking)
    if ruled:
        part = per_cent(float(moved / out) if out else 0.0, 1)
        net = sum((max(sum(e.rules.values(), Decimal(0)), Decimal(0)) for e in all_), Decimal(0))
        words = say("{amount}, rule by rule; {share} of what is shared out", amount=f"{moved:,f} {unit}", share=part)
        if short(net) != short(moved):
            words += say("; {amount} net, what one rule undoes of another left out", amount=short(net))
        yield Tile(say("moved by rules"), short(moved), words, unit)
    even = facts["inequality"]
    before, after = (float(even[when]["gini"]) for when in ("before", "after"))
    words = say("by the key alone → decided; 0: all alike")
    gini = say("Gini per head") if even["per"] == "head" else say("Gini per region")
    yield Tile(gini, f"{before:.3f} → {after:.3f}", words)
    covered = sorted((e for e in all_ if e.coverage is not None), key=lambda e: (e.coverage, e.row["region_id"]))
    if covered:
        last, best = covered[0].row, covered[-1].row
        words = say(
            "{lowest}; the highest is {share}, {highest}",
            lowest=last["region_name"],
            share=per_cent(best["coverage"], 1),
            highest=best["region_name"],
        )
        if float(best["coverage"]) - float(last["coverage"]) < ALIKE:
            words = say("all regions get the same part of their entitlement")
        yield Tile(say("lowest coverage"), per_cent(last["coverage"], 1), words)
    headed = sorted(
        (e for e in all_ if e.row["per_head"] and e.takes_part),
        key=lambda e: (float(e.row["per_head"]), e.row["region_id"]),
    )
    if headed:
        low, high = headed[0].row, headed[-1].row
        least, most = (float(row["per_head"]) * count for row in (low, high))
        words = say("{first} to {last}", first=low["region_name"], last=high["region_name"])
        title = say("{unit} {heads}", unit=unit, heads=per_heads(count)).strip()
        yield Tile(title, say("{first} to {last}", first=f"{least:,.2f}", last=f"{most:,.2f}"), words)
