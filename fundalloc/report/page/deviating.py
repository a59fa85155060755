"""Deviating: decided figures beside official ones, as a page."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

from fundalloc.language import say
from fundalloc.report.page.figures import NONE, change, exact
from fundalloc.report.page.sides import Chapter, Grid, Row, Sides, cut, diverging, histogram, signed_percent


def deviating(summary: Mapping[str, Any], sentences: Sequence[str], rows: Sequence[Row]) -> Sides:
    """The page of deviations from official figures; rows: those of its table."""
    chapters = []
    both = [r for r in rows if r["where"] == "both"]
    for name, figure in dict.fromkeys((r["resource"], r["figure"]) for r in both):
        mine = [r for r in both if (r["resource"], r["figure"]) == (name, figure)]
        mine.sort(key=lambda r: (-Decimal(r["difference"]), r["region_id"]))
        shown, left = cut(mine)
        bars = diverging([float(r["percent"]) if r["percent"] else None for r in shown])
        table = [
            [
                r["region_name"],
                exact(r["ours"]),
                exact(r["official"]),
                change(r["difference"]),
                bar,
                signed_percent(r["percent"]),
                say(r["within"]) if r["within"] else NONE,
            ]
            for r, bar in zip(shown, bars, strict=True)
        ]
        head = [
            (say("Region"), False),
            (say("Ours"), True),
            (say("Official"), True),
            (say("Difference"), True),
            (say("Picture"), False),
            (say("Per cent"), True),
            (say("Within tolerance"), True),
        ]
        grid = Grid(
            say("{figure} of {resource}: ours beside the official ones", figure=figure, resource=name),
            head,
            table,
            left,
        )
        spread = histogram([float(r["percent"]) for r in mine if r["percent"]])
        chapters.append(Chapter(say("{resource}, {figure}", resource=name, figure=figure), [], [grid], spread))
    return Sides(
        say("Deviations from official figures"),
        say(
            "{title}, round {round}, beside {code_file}",
            title=summary["title"] or say("untitled"),
            round=summary["round"],
            code_file=summary["inputs"]["official"]["file"],
        ),
        sentences,
        chapters,
        [(what, s["file"], s["sha256"]) for what, s in summary["inputs"].items()],
        summary["versions"],
    )
