"""The maps: shapes where they are given, else a bubble at longitude and latitude; both coloured by coverage."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from math import cos, radians, sqrt
from typing import Any

import altair as alt
import numpy as np
from markupsafe import Markup, escape

from fundalloc.errors import InputError
from fundalloc.language import say
from fundalloc.problem import FloatArray
from fundalloc.regions import Regions
from fundalloc.report.page.charts import svg
from fundalloc.report.page.entries import SHADES, Entry
from fundalloc.report.page.figures import clipped, place, visible
from fundalloc.shapes import Shapes

#: sizes in points: the charts, the largest bubble, what is left free around it, the height of a line of a label
WIDTH, LEAST, MOST, BUBBLE, EDGE, LINE = 620, 300, 640, 27.0, 34, 15
LABELS = 20
#: of more regions than these only the largest amounts are drawn as bubbles
BUBBLES = 1500


@dataclass(frozen=True)
class Frame:
    """Where a longitude and a latitude lie in a picture, whose scale is the same in both directions in its middle."""

    height: int
    at: Callable[[FloatArray, FloatArray], tuple[FloatArray, FloatArray]]

    @classmethod
    def of(cls, east: FloatArray, north: FloatArray, right: float = 40) -> Frame | None:
        """A frame around points; None where they are one. right: what is left free for labels."""
        across = cos(radians(float(np.nanmean(north))))
        x = east * across
        least, lowest, highest = float(np.nanmin(x)), float(np.nanmin(north)), float(np.nanmax(north))
        wide, tall = float(np.nanmax(x)) - least, highest - lowest
        if not wide + tall > 0:
            return None
        scale = min((WIDTH - 2 * EDGE - right) / max(wide, 1e-9), (MOST - 2 * EDGE) / max(tall, 1e-9))
        height = int(max(LEAST, tall * scale + 2 * EDGE))
        left, middle = (WIDTH - right - wide * scale) / 2, (highest + lowest) / 2

        def at(lon: FloatArray, lat: FloatArray) -> tuple[FloatArray, FloatArray]:
            return left + (lon * across - least) * scale, height / 2 + (lat - middle) * scale

        return cls(height, at)


def bubbles(regions: Regions, all_: Sequence[Entry], name: str) -> Markup | None:
    """A bubble for each region at its longitude and latitude, as large as its amount; None where they are unknown."""
    found = _places(regions)
    most = max((float(e.row["amount"]) for e in all_), default=0.0)
    if found is None or not most > 0:
        return None
    x, y, height = found
    at = {i: k for k, i in enumerate(regions.ids)}
    spots = []
    for e in all_[:BUBBLES]:
        k = at[e.row["region_id"]]
        if np.isfinite(x[k]) and e.takes_part:
            radius = max(BUBBLE * sqrt(float(e.row["amount"]) / most), 1.5)
            spots.append({"x": _r(x[k]), "y": _r(y[k]), "r": radius, "size": _r((2 * radius) ** 2), "fill": _fill(e)})
            spots[-1] |= _named(e)
    base = alt.Chart(alt.InlineData(values=spots)).encode(
        x=alt.X("x:Q", scale=alt.Scale(domain=[0, WIDTH], nice=False), axis=None),
        y=alt.Y("y:Q", scale=alt.Scale(domain=[0, height], nice=False), axis=None),
    )
    drawn = base.mark_circle(opacity=0.86, stroke="var(--paper)", strokeWidth=1, aria=False).encode(
        size=alt.Size("size:Q", scale=None), color=alt.Color("fill:N", scale=None)
    )
    chosen = alt.Chart(alt.InlineData(values=_labels(spots, height))).encode(x=base.encoding.x, y=base.encoding.y)
    words = chosen.mark_text(align="left", baseline="middle", fontSize=12, color="var(--ink)", aria=False).encode(
        text="name:N"
    )
    label = say(
        "Map: one bubble for each region, as large as its amount of {resource}; the colour says its coverage.",
        resource=name,
    )
    return svg(alt.layer(drawn, words), WIDTH, height, label, "map")


def areas(shapes: Shapes, all_: Sequence[Entry], name: str) -> Markup | None:
    """The shape of each region; None where they are one point."""
    rings = {e.row["region_id"]: shapes.rings.get(e.row["region_id"], ()) for e in all_}
    points = np.concatenate([ring for one in rings.values() for ring in one])
    frame = Frame.of(points[:, 0], points[:, 1], 0)
    if frame is None:
        return None
    paths, spots = [], []
    for e in all_:
        mine = [np.stack(frame.at(ring[:, 0], ring[:, 1]), axis=1) for ring in rings[e.row["region_id"]]]
        if not mine:
            continue
        paths.append(f'<path fill="{_fill(e)}" d="{"".join(_path(ring, frame.height) for ring in mine)}"/>')
        x, y = (max(mine, key=_extent).min(axis=0) + max(mine, key=_extent).max(axis=0)) / 2
        spots.append({"x": _r(x), "y": _r(y), "r": -3.0 - 3.2 * len(_named(e)["name"]), **_named(e)})
    words = [
        f'<text x="{place(one["x"])}" y="{place(frame.height - one["y"])}">{escape(one["name"])}</text>'
        for one in _labels(spots, frame.height)
    ]
    said = say("Map: the shape of each region; the colour says its coverage of {resource}.", resource=name)
    label = escape(visible(said))
    return Markup(
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {frame.height}" role="img" aria-label="{label}" '
        f'class="chart map areas"><g fill-rule="evenodd" stroke="var(--paper)" stroke-width="0.8">{"".join(paths)}</g>'
        f'<g font-size="11">{"".join(words)}</g></svg>'
    )


def _path(ring: FloatArray, height: int) -> str:
    """A ring as the path of a picture."""
    points = " ".join(f"{place(round(x, 1))},{place(round(height - y, 1))}" for x, y in ring.tolist())
    return f"M{points}Z"


def _extent(ring: FloatArray) -> float:
    """How large the box around a ring is."""
    return float(np.prod(ring.max(axis=0) - ring.min(axis=0)))


def _named(entry: Entry) -> dict[str, Any]:
    """The label of a region, and whether its coverage is far from 1."""
    away = entry.coverage is not None and not SHADES[0][0] <= entry.coverage < SHADES[-2][0]
    return {"name": clipped(visible(entry.row["region_name"]), 24), "away": away}


def _r(value: float) -> float:
    """Rounded, so that the last bits of a platform are not drawn."""
    return round(float(value), 2)


def _fill(entry: Entry) -> str:
    return f"var(--{entry.shade or 'none'})"


def _places(regions: Regions) -> tuple[FloatArray, FloatArray, int] | None:
    """Points of a map, and its height."""
    if not {"longitude", "latitude"} <= set(regions.columns):
        return None
    try:
        east, north = (np.asarray(regions.column(c), dtype=float) for c in ("longitude", "latitude"))
    except InputError:
        return None
    known = np.isfinite(east) & np.isfinite(north) & (np.abs(north) <= 90)
    if known.sum() < 2:
        return None
    east, north = np.where(known, east, np.nan), np.where(known, north, np.nan)
    if np.nanmax(east) - np.nanmin(east) > 180:  # they lie on both sides of the date line
        east = np.where(east < 0, east + 360, east)
    frame = Frame.of(east, north)
    return None if frame is None else (*frame.at(east, north), frame.height)


def _labels(spots: Sequence[Mapping[str, Any]], height: int) -> list[dict[str, Any]]:
    """Names beside the places whose coverage is far from 1, then the largest, as many as do not cross each other."""
    taken: list[tuple[float, float, float, float]] = []
    found: list[dict[str, Any]] = []
    for spot in sorted(spots[:200], key=lambda s: not s["away"]):
        wide = sum(12 if ord(c) > 0x2E7F else 7 for c in spot["name"])
        x, y = spot["x"] + spot["r"] + 3, spot["y"]
        box = (x, y - LINE / 2, x + wide, y + LINE / 2)
        crossed = any(box[0] < b[2] and b[0] < box[2] and box[1] < b[3] and b[1] < box[3] for b in taken)
        if len(found) < LABELS and not crossed and box[2] < WIDTH and box[1] > 0 and box[3] < height:
            taken.append(box)
            found.append({"x": _r(x), "y": y, "name": spot["name"]})
    return found
