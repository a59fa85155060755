"""The charts: drawn by Altair, rendered to SVG without script; positions never depend on the fonts of a machine."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from math import cos, radians, sqrt
from typing import Any
from xml.etree import ElementTree

import altair as alt
import numpy as np
import vl_convert
from markupsafe import Markup

from fundalloc.errors import InputError
from fundalloc.problem import FloatArray, Resource
from fundalloc.regions import Regions
from fundalloc.report.page.entries import Entry
from fundalloc.report.page.figures import clipped, visible
from fundalloc.report.page.material import Row

SVG = "http://www.w3.org/2000/svg"
#: what a static picture has no use for
IDLE = ("class", "pointer-events", "stroke-miterlimit", "role", "aria-roledescription", "aria-label", "aria-hidden")
#: from which coverage on a bubble has which colour
SHADES = ((0.9, "much-below"), (0.98, "below"), (1.02, "level"), (1.1, "above"), (np.inf, "much-above"))
#: sizes in points: the charts, the largest bubble, what is left free around it, the height of a line of a label
WIDTH, LEAST, MOST, BUBBLE, EDGE, LINE = 620, 300, 640, 27.0, 34, 15
LABELS = 20
#: of more regions than these only the largest amounts are drawn
BUBBLES = 1500
#: more points than these say nothing more
POINTS = 400


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
            spots.append({"x": _r(x[k]), "y": _r(y[k]), "r": radius, "size": _r((2 * radius) ** 2), "fill": _shade(e)})
            spots[-1] |= {"name": clipped(visible(e.row["region_name"]), 24), "away": _away(e)}
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
    label = f"Map: one bubble for each region, as large as its amount of {name}; the colour says its coverage."
    return _svg(alt.layer(drawn, words), WIDTH, height, label, "map")


def _away(entry: Entry) -> bool:
    """Whether a coverage is among the lowest or highest shades."""
    return entry.coverage is not None and not SHADES[0][0] <= entry.coverage < SHADES[-2][0]


def _r(value: float) -> float:
    """Rounded, so that the last bits of a platform are not drawn."""
    return round(float(value), 2)


def _shade(entry: Entry) -> str:
    if entry.coverage is None:
        return "var(--none)"
    return f"var(--{next(shade for bound, shade in SHADES if entry.coverage < bound)})"


def _places(regions: Regions) -> tuple[FloatArray, FloatArray, int] | None:
    """Points of a map whose scale is the same in both directions in its middle, and its height."""
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
    x = east * cos(radians(float(np.nanmean(north))))
    wide, tall = float(np.nanmax(x) - np.nanmin(x)), float(np.nanmax(north) - np.nanmin(north))
    if not wide + tall > 0:
        return None
    scale = min((WIDTH - 2 * EDGE - 40) / max(wide, 1e-9), (MOST - 2 * EDGE) / max(tall, 1e-9))
    height = int(max(LEAST, tall * scale + 2 * EDGE))
    middle = (float(np.nanmax(north)) + float(np.nanmin(north))) / 2
    left = (WIDTH - 40 - wide * scale) / 2
    return left + (x - np.nanmin(x)) * scale, height / 2 + (north - middle) * scale, height


def _labels(spots: Sequence[Mapping[str, Any]], height: int) -> list[dict[str, Any]]:
    """Names beside the bubbles whose coverage is far from 1, then the largest, as many as do not cross each other."""
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


def lorenz(resource: Resource, rows: Sequence[Row], facts: Mapping[str, Any]) -> Markup:
    """Lorenz curves of what the key alone gives and of the decided amounts, from the least a head to the most."""
    people = resource.scope.regions.population
    basis = np.where(resource.takes_part, 1.0 if people is None else people, 0.0)
    amounts = np.array([float(row["amount"]) for row in rows])
    lines = {"even": ([0.0, 1.0], [0.0, 1.0])}
    lines |= {"before": _curve(resource.entitlement, basis), "after": _curve(amounts, basis)}
    looks = {
        "even": ("var(--line)", [1, 0], 1.2),
        "before": ("var(--muted)", [5, 4], 2),
        "after": ("var(--accent)", [1, 0], 2.4),
    }
    who = "regions" if people is None else "people"
    layers = []
    for name, (across, up) in lines.items():
        colour, dash, width = looks[name]
        points = [{"x": round(a, 5), "y": round(b, 5)} for a, b in zip(across, up, strict=True)]
        drawn = alt.Chart(alt.InlineData(values=points)).mark_line(
            color=colour, strokeDash=dash, strokeWidth=width, interpolate="linear", aria=False
        )
        layers.append(
            drawn.encode(
                x=alt.X("x:Q", axis=_axis(f"share of the {who}, those with the least first", 180, 44)),
                y=alt.Y("y:Q", axis=_axis("their share of the amounts", -46, 180)),
            )
        )
    even = facts["inequality"]
    label = (
        f"Lorenz curves of {resource.name}. Gini by the key alone {float(even['before']['gini']):.4f}, "
        f"of the decided amounts {float(even['after']['gini']):.4f}."
    )
    return _svg(alt.layer(*layers), 360, 360, label, "lorenz", {"left": 62, "top": 10, "right": 26, "bottom": 62})


def _axis(title: str, x: int, y: int) -> alt.Axis:
    """An axis from 0 to 100 %; its title has a fixed place, since the width of texts depends on fonts."""
    return alt.Axis(
        title=title,
        titleX=x,
        titleY=y,
        titleAnchor="middle",
        titleFontWeight="normal",
        titleFontSize=12,
        titleColor="var(--muted)",
        labelColor="var(--muted)",
        labelFontSize=12,
        labelOverlap=False,
        labelFlush=False,
        labelExpr="format(datum.value * 100, '.0f') + ' %'",
        values=[0, 0.25, 0.5, 0.75, 1],
        gridColor="var(--hair)",
        domainColor="var(--line)",
        tickColor="var(--line)",
        aria=False,
    )


def _curve(amounts: FloatArray, basis: FloatArray) -> tuple[list[float], list[float]]:
    """The points of a Lorenz curve."""
    counted = basis > 0
    x, q = np.asarray(amounts, dtype=float)[counted], basis[counted]
    if not x.sum() > 0:
        return [0.0, 1.0], [0.0, 1.0]
    order = np.argsort(x / q, kind="stable")
    across, up = (np.concatenate([[0.0], np.cumsum(v[order]) / v.sum()]) for v in (q, x))
    keep = np.unique(np.linspace(0, len(across) - 1, min(len(across), POINTS)).round().astype(int))
    return across[keep].tolist(), up[keep].tolist()


def _svg(
    chart: alt.LayerChart | alt.FacetChart,
    width: int,
    height: int,
    label: str,
    kind: str,
    padding: Mapping[str, int] | int = 0,
) -> Markup:
    """A chart as SVG text that takes its colours from the page."""
    sized = chart.properties(
        width=width, height=height, padding=padding, autosize=alt.AutoSizeParams(type="none"), background="transparent"
    ).configure(font="system-ui, sans-serif", view=alt.ViewConfig(stroke=None))
    text = vl_convert.vegalite_to_svg(sized.to_dict(validate=False))
    ElementTree.register_namespace("", SVG)
    root = ElementTree.fromstring(text)
    _tidy(root, kind)
    for name in ("width", "height"):
        root.attrib.pop(name, None)
    root.attrib |= {"role": "img", "aria-label": str(visible(label)), "class": f"chart {kind}"}
    return Markup(ElementTree.tostring(root, encoding="unicode"))


def _tidy(element: ElementTree.Element, kind: str) -> None:
    """Takes away what only a live chart needs; ids, which are counters, begin anew with the kind of the chart."""
    for child in list(element):
        if child.attrib.get("class") in ("background", "foreground") or "transparent" in child.attrib.values():
            element.remove(child)
            continue
        _tidy(child, kind)
        if child.tag.endswith("}g") and not len(child):
            element.remove(child)
    for name in IDLE:
        element.attrib.pop(name, None)
    for name, value in element.attrib.items():
        element.attrib[name] = re.sub(r"(url\(#)\w*?(\d+)", rf"\g<1>{kind}\2", value)
