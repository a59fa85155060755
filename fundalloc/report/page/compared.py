"""Compared: policies or decided rounds side by side, as a page."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

from fundalloc.language import called, say
from fundalloc.report.page.figures import NONE, change, exact, per_cent
from fundalloc.report.page.sides import Chapter, Grid, Row, Sides, cut, diverging, signed_percent


def compared(summary: Mapping[str, Any], regions: Sequence[Row], groups: Sequence[Row], rules: Sequence[Row]) -> Sides:
    """The page of a comparison; regions, groups, rules: the rows of its tables."""
    chapters = []
    said = {one["label"]: one for one in summary["candidates"]}
    for one in summary["comparisons"]:
        for facts in one["resources"]:
            chapters.append(_against(one, facts, said, regions, groups, rules))
    base, *others = summary["candidates"]
    return Sides(
        say("Comparison"),
        say("{others} against {base}", others=", ".join(o["label"] for o in others), base=base["label"]),
        [
            say(
                "{label}: {title}, round {round}",
                label=o["label"],
                title=o["title"] or say("untitled"),
                round=o["round"],
            )
            for o in summary["candidates"]
        ],
        chapters,
        [(o["label"], s["file"], s["sha256"]) for o in summary["candidates"] for s in o["inputs"].values()],
        summary["versions"],
    )


def _against(
    one: Mapping[str, Any],
    facts: Mapping[str, Any],
    said: Mapping[str, Any],
    regions: Sequence[Row],
    groups: Sequence[Row],
    rules: Sequence[Row],
) -> Chapter:
    """One candidate beside the base, for one resource."""
    name, label, base = facts["resource"], one["candidate"], one["base"]
    mine = [r for r in regions if r["candidate"] == label and r["resource"] == name]
    mine.sort(key=lambda r: (-Decimal(r["change"]), r["region_id"]))
    shown, left = cut(mine)
    bars = diverging([float(r["change"]) for r in shown])
    words = {"resource": name, "unit": facts["unit"] or "units"}
    table = [
        [
            r["region_name"],
            exact(r["base"]) if r["base"] else say("not there"),
            exact(r["amount"]) if r["amount"] else say("not there"),
            change(r["change"]),
            bar,
            signed_percent(r["change_percent"]),
            _signed(r["per_head_change"]),
            _moved(r["base_rank"], r["rank"]),
        ]
        for r, bar in zip(shown, bars, strict=True)
    ]
    head = [
        (say("Region"), False),
        (base, True),
        (label, True),
        (say("Change"), True),
        (say("Picture"), False),
        (say("Per cent"), True),
        (say("Change a head"), True),
        (say("Rank"), True),
    ]
    grids = [
        Grid(
            say("{resource}: every region, in {unit}; who gains most stands first", **words),
            head,
            table,
            left,
        )
    ]
    tallied = [g for g in groups if g["candidate"] == label and g["resource"] == name]
    bars = diverging([float(g["change_percent"] or 0) for g in tallied])
    grids.insert(
        0,
        Grid(
            say("{resource} by group, in {unit}", **words),
            [
                (say("Group"), False),
                (base, True),
                (label, True),
                (say("Change"), True),
                (say("Picture"), False),
                (say("Per cent"), True),
                (say("Gain"), True),
                (say("Lose"), True),
            ],
            [
                [
                    say("all regions") if g["by"] == "all" else called(g["group"]) or say("(none)"),
                    exact(g["base"]),
                    exact(g["amount"]),
                    change(g["change"]),
                    bar,
                    signed_percent(g["change_percent"]),
                    g["winners"],
                    g["losers"],
                ]
                for g, bar in zip(tallied, bars, strict=True)
            ],
        ),
    )
    grids.append(_measures(name, base, label, said))
    if facts["rules"]:
        grids.append(_binding(name, facts["rules"], base, label, {r["region_id"]: r["region_name"] for r in mine}))
    winners, losers = facts["winners"], facts["losers"]
    sentences = [
        say(
            "In all {before} {unit} before, {after} after. Gain: {gain} (together {gained}); lose: {lose} (together "
            "{lost}); as before: {same}.",
            before=exact(facts["base"]),
            after=exact(facts["amounts"]),
            unit=facts["unit"],
            gain=winners["count"],
            gained=exact(winners["sum"]),
            lose=losers["count"],
            lost=exact(losers["sum"].removeprefix("-")),
            same=facts["unchanged"],
        )
    ]
    return Chapter(say("{resource}: {label} against {base}", resource=name, label=label, base=base), sentences, grids)


def _signed(text: str) -> str:
    if not text:
        return NONE
    value = float(text)
    return f"{value:+,.2f}".replace("-", "\N{MINUS SIGN}") if abs(value) >= 0.005 or not value else f"{value:+.2g}"


def _moved(before: str, now: str) -> str:
    """A rank, and the one before where it is another."""
    if not now or not before or now == before:
        return now or NONE
    return say("{rank} (before {before})", rank=now, before=before)


def _measures(name: str, base: str, label: str, said: Mapping[str, Any]) -> Grid:
    """Inequality and the lowest coverage of both."""
    ends = [said[one]["resources"].get(name) for one in (base, label)]
    rows: list[list[Any]] = []
    for measure in ("gini", "theil", "hoover"):
        figures = [NONE if e is None else f"{float(e['inequality'][measure]):.4f}" for e in ends]
        rows.append([measure.capitalize(), *figures])
    lowest = [None if e is None else e["lowest"] for e in ends]
    texts = [NONE if w is None else f"{per_cent(w['coverage'], 1)} {w['region_name']}" for w in lowest]
    rows.append([say("Lowest coverage"), *texts])
    return Grid(
        say("Inequality of {resource}", resource=name), [(say("Measure"), False), (base, True), (label, True)], rows
    )


def _binding(name: str, rules: Sequence[Mapping[str, Any]], base: str, label: str, names: Mapping[str, str]) -> Grid:
    """At how many places rules bind in both."""

    def listed(places: Sequence[str]) -> str:
        return ", ".join(names.get(p, p) for p in places[:20]) + (" …" if len(places) > 20 else "")

    return Grid(
        say("{resource}: which rules bind, and at how many places", resource=name),
        [
            (say("Rule"), False),
            (base, True),
            (label, True),
            (say("Binds anew at"), False),
            (say("Binds no more at"), False),
        ],
        [
            [called(r["rule"]), str(r["base"]), str(r["candidate"]), listed(r["anew"]), listed(r["no_more"])]
            for r in rules
        ],
    )
