"""Shaken: how far amounts and ranks depend on weights and figures, as a page."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from fundalloc.language import called, say
from fundalloc.report.page.figures import NONE, exact, per_cent, place
from fundalloc.report.page.sides import Bar, Chapter, Grid, Row, Sides, cut, ranges, signed_percent
from fundalloc.report.shaken import driver


def shaken(summary: Mapping[str, Any], sentences: Sequence[str], rows: Sequence[Row], weights: Sequence[Row]) -> Sides:
    """The page of a sensitivity; rows, weights: the rows of its tables."""
    chapters = []
    for facts in summary["resources"]:
        name = facts["resource"]
        mine = [r for r in rows if r["resource"] == name]
        mine.sort(key=lambda r: (-float(r["width_percent"] or -1), r["region_id"]))
        shown, left = cut(mine)
        bars = ranges([_range(r) for r in shown])
        table = [
            [
                r["region_name"],
                exact(r["amount"]),
                exact(r["p5"]),
                exact(r["p95"]),
                bar,
                signed_percent(r["width_percent"]).removeprefix("+"),
                _spread(r["rank"], r["rank_best"], r["rank_worst"]),
                driver(r["driver"]) or NONE,
                per_cent(r["explains"], 0),
            ]
            for r, bar in zip(shown, bars, strict=True)
        ]
        head = [
            (say("Region"), False),
            (say("Amount"), True),
            (say("From (5 %)"), True),
            (say("To (95 %)"), True),
            (say("Picture"), False),
            (say("Width"), True),
            (say("Rank"), True),
            (say("Moved most by"), False),
            (say("Of its variance"), True),
        ]
        inputs = [w for w in weights if w["resource"] == name]
        inputs.sort(key=lambda w: -float(w["explains"] or 0))
        grids = [
            Grid(
                say("What moves {resource}: the part of the variance of all amounts", resource=name),
                [
                    (say("Weight or figure"), False),
                    (say("Explains"), True),
                    (say("Picture"), False),
                    (say("Regions moved most"), True),
                ],
                [
                    [
                        driver(w["input"]),
                        per_cent(w["explains"], 1),
                        Bar("key", "0", place(100 * float(w["explains"] or 0))),
                        w["regions"],
                    ]
                    for w in inputs
                ],
            ),
            Grid(
                say("{resource}: the range of each amount; the widest stands first", resource=name), head, table, left
            ),
        ]
        chapters.append(Chapter(called(name), [], grids))
    return Sides(
        say("Sensitivity"),
        say(
            "{title}, round {round}: if weights and figures were others",
            title=summary["title"] or say("untitled"),
            round=summary["round"],
        ),
        sentences,
        chapters,
        [(what, s["file"], s["sha256"]) for what, s in summary["inputs"].items()],
        summary["versions"],
    )


def _range(row: Row) -> tuple[float, float, float] | None:
    return (float(row["p5"]), float(row["amount"]), float(row["p95"])) if row["p5"] and row["p95"] else None


def _spread(rank: str, best: str, worst: str) -> str:
    if not rank:
        return NONE
    return rank if best == worst else f"{rank} ({float(best):g}–{float(worst):g})"
