"""Net position: what each subject has received beyond what it paid in, over all rounds."""

from __future__ import annotations

import numpy as np

from fundalloc.monitors.course import Course
from fundalloc.problem import FloatArray


def net_positions(course: Course) -> FloatArray | None:
    """T x subjects: received less contributed, all money, added up to each round; None without contributions.

    Rounds of a region count where both are known; NaN before the first of them.
    """
    if course.contribution is None:
        return None
    gained = course.amount - course.contribution
    known = ~np.isnan(gained)
    added = np.cumsum(np.where(known, gained, 0.0), axis=0)
    return course.totals(np.where(np.cumsum(known, axis=0) > 0, added, np.nan))


def heads(course: Course) -> FloatArray | None:
    """T x subjects: the population of those on record; None where it is not known."""
    if course.population is None:
        return None
    return course.totals(np.where(course.present, course.population, np.nan))
