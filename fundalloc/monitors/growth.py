"""Growth of inequality and of the gaps in development, over the whole course."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from fundalloc.flags import Flag
from fundalloc.language import say
from fundalloc.monitors.figures import Figures
from fundalloc.monitors.phrases import percent
from fundalloc.monitors.trend import chance_of_fall, slopes
from fundalloc.problem import FloatArray


def growth(figures: Figures) -> Iterator[Flag]:
    """The flags about the fund as a whole after the last of two rounds or more.

    Only a rise is flagged: a key by need gives unequal amounts per head on purpose.
    """
    course, section = figures.course, figures.section
    gini = figures.disparity[0][:, -1]
    rise, first, last = _rise(gini)
    if rise >= section.inequality and _steady(gini, section.chance):
        most = gini[first] + section.inequality
        text = say(
            "The Gini coefficient of {resource} per head has risen by {rise:.3f} since {since}, from {first:.3f} to "
            '{last:.3f} in {round} (flagged from {threshold:g} on). A rule of the kind "inequality" with '
            'measure = "gini", of = "head" and at_most = {most:.3f} keeps it low.',
            resource=course.resource,
            rise=rise,
            since=course.rounds[first],
            first=gini[first],
            last=gini[last],
            round=course.rounds[last],
            threshold=section.inequality,
            most=most,
        )
        yield Flag("warning", "inequality", "all", text, course.resource, rise, section.inequality)
    gaps = figures.dispersion[0][:, -1]
    rise, first, last = _rise(gaps)
    part = rise / float(gaps[first]) if gaps[first] > 0 else 0.0
    if part >= section.divergence and _steady(gaps, section.chance):
        text = say(
            "The regions grow apart: the coefficient of variation of their development has risen by {share} since "
            "{since}, from {first:.3f} to {last:.3f} in {round} (flagged from {threshold} on). A larger weight of "
            "need in the key of {resource} works against it.",
            share=percent(part),
            since=course.rounds[first],
            first=gaps[first],
            last=gaps[last],
            round=course.rounds[last],
            threshold=percent(section.divergence),
            resource=course.resource,
        )
        yield Flag("warning", "divergence", "all", text, course.resource, part, section.divergence)


def _rise(series: FloatArray) -> tuple[float, int, int]:
    """The rise over a course by its median slope (NaN without two known rounds), its first and its last round."""
    known = np.flatnonzero(~np.isnan(series))
    if len(known) < 2:
        return np.nan, 0, 0
    first, last = int(known[0]), int(known[-1])
    return float(slopes(series[:, None])[0]) * (last - first), first, last


def _steady(series: FloatArray, chance: float) -> bool:
    return bool(chance_of_fall(-series[:, None])[0] <= chance)
