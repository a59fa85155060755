"""Growth of inequality and of the gaps in development, over the whole course."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from fundalloc.flags import Flag
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
        text = (
            f"The Gini coefficient of {course.resource} per head has risen by {rise:.3f} since {course.rounds[first]}, "
            f"from {gini[first]:.3f} to {gini[last]:.3f} in {course.rounds[last]} (flagged from {section.inequality:g} "
            f'on). A rule of the kind "inequality" with measure = "gini", of = "head" and at_most = {most:.3f} keeps '
            "it low."
        )
        yield Flag("warning", "inequality", "all", text, course.resource, rise, section.inequality)
    gaps = figures.dispersion[0][:, -1]
    rise, first, last = _rise(gaps)
    part = rise / float(gaps[first]) if gaps[first] > 0 else 0.0
    if part >= section.divergence and _steady(gaps, section.chance):
        text = (
            f"The regions grow apart: the coefficient of variation of their development has risen by {percent(part)} "
            f"since {course.rounds[first]}, from {gaps[first]:.3f} to {gaps[last]:.3f} in {course.rounds[last]} "
            f"(flagged from {percent(section.divergence)} on). A larger weight of need in the key of {course.resource} "
            "works against it."
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
