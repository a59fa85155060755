"""Coverage: which part of its entitlement each subject received, and for how long too little."""

from __future__ import annotations

import numpy as np

from fundalloc.monitors.course import Course
from fundalloc.problem import FloatArray, IntArray


def coverages(course: Course) -> FloatArray:
    """T x subjects: what was paid on the key by what was due; NaN where nothing was due or on record."""
    due, paid = course.totals(course.due), course.totals(course.paid)
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(due > 0, paid / due, np.nan)


def in_a_row(low: FloatArray) -> tuple[IntArray, IntArray]:
    """How many of the last rounds in a row are marked, and the row of the first of them (-1 without).

    low: T x S, 1 where a round is marked, 0 where not, NaN without a record: such a round neither counts nor ends
    the row. A subject without a record in the last round has none.
    """
    rounds, count = low.shape
    length, since = np.zeros(count, dtype=np.int64), np.full(count, -1)
    going = ~np.isnan(low[-1]) if rounds else np.zeros(count, dtype=bool)
    for t in range(rounds - 1, -1, -1):
        going &= low[t] != 0
        marked = going & (low[t] == 1)
        length += marked
        since[marked] = t
    return length, since


def below(coverage: FloatArray, threshold: FloatArray | float) -> FloatArray:
    """T x S marks: 1 where a coverage is below the threshold, 0 where not, NaN where it is not known."""
    return np.where(np.isnan(coverage), np.nan, (coverage < threshold).astype(float))
