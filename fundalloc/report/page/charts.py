"""The charts: drawn by Altair, rendered to SVG without script; positions never depend on the fonts of a machine."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any
from xml.etree import ElementTree

import altair as alt
import numpy as np
import vl_convert
from markupsafe import Markup

from fundalloc.language import say
from fundalloc.problem import FloatArray, Resource
from fundalloc.report.page.figures import visible
from fundalloc.report.page.material import Row

SVG = "http://www.w3.org/2000/svg"
#: what a static picture has no use for
IDLE = ("class", "pointer-events", "stroke-miterlimit", "role", "aria-roledescription", "aria-label", "aria-hidden")
#: more points than these say nothing more
POINTS = 400


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
    across_ = say("share of the people, those with the least first")
    if people is None:
        across_ = say("share of the regions, those with the least first")
    layers = []
    for name, (across, up) in lines.items():
        colour, dash, width = looks[name]
        points = [{"x": round(a, 5), "y": round(b, 5)} for a, b in zip(across, up, strict=True)]
        drawn = alt.Chart(alt.InlineData(values=points)).mark_line(
            color=colour, strokeDash=dash, strokeWidth=width, interpolate="linear", aria=False
        )
        layers.append(
            drawn.encode(
                x=alt.X("x:Q", axis=_axis(across_, 180, 44)),
                y=alt.Y("y:Q", axis=_axis(say("their share of the amounts"), -46, 180)),
            )
        )
    even = facts["inequality"]
    label = say(
        "Lorenz curves of {resource}. Gini by the key alone {before:.4f}, of the decided amounts {after:.4f}.",
        resource=resource.name,
        before=float(even["before"]["gini"]),
        after=float(even["after"]["gini"]),
    )
    return svg(alt.layer(*layers), 360, 360, label, "lorenz", {"left": 62, "top": 10, "right": 26, "bottom": 62})


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


def svg(
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
