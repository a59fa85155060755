"""Sides: policies, rounds or figures side by side as a page: tables with a picture in each row, and what they say."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from markupsafe import Markup

from fundalloc.report.page.figures import NONE, per_cent, place
from fundalloc.report.page.rendering import environment, finished, style

#: more rows than these are cut: so many of each end are shown
ROWS, ENDS = 300, 50
#: bars of a histogram
BINS = 21

Row = Mapping[str, str]


@dataclass(frozen=True)
class Bar:
    """A bar in a picture that is 100 wide: its class, where it begins, how long it is; mark: where a line stands."""

    kind: str
    x: str
    width: str
    mark: str = ""


@dataclass(frozen=True)
class Grid:
    """A table. head: the names of its columns, and whether figures stand there. rows: cells; a bar is drawn."""

    caption: str
    head: Sequence[tuple[str, bool]]
    rows: Sequence[Sequence[Any]]
    left_out: int = 0


@dataclass(frozen=True)
class Chapter:
    """One part of the page."""

    title: str
    sentences: Sequence[str]
    grids: Sequence[Grid]
    bars: Sequence[tuple[str, str, int]] = field(default=())


@dataclass(frozen=True)
class Sides:
    """The whole page. sources: file and SHA-256 of what was read, by what it is."""

    kicker: str
    title: str
    sentences: Sequence[str]
    chapters: Sequence[Chapter]
    sources: Sequence[tuple[str, str, str]]
    versions: Mapping[str, str]


def sides_page(sides: Sides) -> bytes:
    """The page: HTML with its style inside, no script, nothing to be loaded."""
    found = environment()
    found.tests["bar"] = lambda value: isinstance(value, Bar)
    made = ", ".join(f"{name} {number}" for name, number in sides.versions.items())
    page = found.get_template("sides.html.j2").render(sides=sides, style=Markup(style()), made=made)
    return finished(page)


def diverging(values: Sequence[float | None]) -> list[Bar | str]:
    """A bar for each value, to the left where it is below 0; the largest fills its half."""
    most = max((abs(v) for v in values if v is not None), default=0.0) or 1.0
    found: list[Bar | str] = []
    for value in values:
        if value is None:
            found.append("")
            continue
        long = 50 * abs(value) / most
        found.append(Bar("give" if value < 0 else "get", place(50 - long if value < 0 else 50), place(long), "50"))
    return found


def ranges(rows: Sequence[tuple[float, float, float] | None]) -> list[Bar | str]:
    """A bar from the low to the high end of each range, as parts of what is stated; the widest fills the picture."""
    parts = [None if r is None or not r[1] else (r[0] / r[1] - 1, r[2] / r[1] - 1) for r in rows]
    most = max((abs(v) for p in parts if p is not None for v in p), default=0.0) or 1.0
    return [
        "" if p is None else Bar("key", place(50 + 50 * p[0] / most), place(max(50 * (p[1] - p[0]) / most, 0.4)), "50")
        for p in parts
    ]


def histogram(values: Sequence[float]) -> list[tuple[str, str, int]]:
    """How many values lie in each of equal bins: the height in per cent, the bin in words, the count."""
    if len(values) < 2 or not max(values) > min(values):
        return []
    low, high = min(values), max(values)
    counts = [0] * BINS
    for value in values:
        counts[min(int((value - low) / (high - low) * BINS), BINS - 1)] += 1
    step, most = (high - low) / BINS, max(counts)
    return [
        (place(100 * n / most), f"{low + k * step:+.2f} … {low + (k + 1) * step:+.2f} %", n)
        for k, n in enumerate(counts)
    ]


def cut(rows: Sequence[Any]) -> tuple[list[Any], int]:
    """Rows that fit on a page, and how many are left out in their middle."""
    if len(rows) <= ROWS:
        return list(rows), 0
    return [*rows[:ENDS], *rows[-ENDS:]], len(rows) - 2 * ENDS


def signed_percent(text: str) -> str:
    """A figure in per cent with its sign."""
    return NONE if not text else f"{'+' if float(text) > 0 else ''}{per_cent(float(text) / 100)}"
