"""Trends that a few odd rounds do not bend: the Theil-Sen slope and the test of Mann and Kendall."""

from __future__ import annotations

from functools import cache

import numpy as np

from fundalloc.problem import FloatArray

#: how many slopes are held at once
AT_ONCE = 4_000_000


def slopes(values: FloatArray) -> FloatArray:
    """How much each column of T x S values rises from round to round: the median of the slopes of all pairs.

    NaN where fewer than two rounds are known. Source: Theil (1950), Sen (1968).
    """
    rounds, count = values.shape
    later, earlier = np.tril_indices(rounds, -1)
    found = np.full(count, np.nan)
    if not len(later):
        return found
    width = max(1, AT_ONCE // len(later))
    for start in range(0, count, width):
        part = values[:, start : start + width]
        found[start : start + width] = medians((part[later] - part[earlier]) / (later - earlier)[:, None])
    return found


def medians(values: FloatArray) -> FloatArray:
    """The median of what is known in each column; NaN where nothing is."""
    ranked = np.sort(values, axis=0)  # NaN comes last
    known = (~np.isnan(values)).sum(axis=0)
    columns = np.arange(values.shape[1])
    middle = [ranked[np.maximum((known - 1 + k) // 2, 0), columns] for k in (0, 1)]
    return np.where(known > 0, (middle[0] + middle[1]) / 2, np.nan)


def chance_of_fall(values: FloatArray) -> FloatArray:
    """How often chance alone would let a column of T x S values fall as steadily, were its order random.

    The exact one-sided test on the signs of all pairs; 1 where fewer than two rounds are known. The chance of a rise
    is that of the values with the other sign. Source: Mann (1945), Kendall (1938).
    """
    rounds, count = values.shape
    balance = np.zeros(count)  # pairs that rise less pairs that fall
    for late in range(1, rounds):
        steps = np.sign(values[late] - values[:late])
        balance += np.where(np.isnan(steps), 0.0, steps).sum(axis=0)
    known = (~np.isnan(values)).sum(axis=0)
    falls = np.ceil((known * (known - 1) / 2 - balance) / 2).astype(np.int64)
    return np.array([_at_least(int(m))[f] if m > 1 else 1.0 for m, f in zip(known, falls, strict=True)])


@cache
def _at_least(count: int) -> FloatArray:
    """The chance that a random order of so many values has at least 0, 1, 2, ... pairs that fall."""
    chances = np.ones(1)
    for size in range(2, count + 1):
        chances = np.convolve(chances, np.full(size, 1.0 / size))
    return np.asarray(np.cumsum(chances[::-1])[::-1])
