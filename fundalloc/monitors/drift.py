"""Drift: small deviations to one side that add up, found by cumulative sums (CUSUM)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from fundalloc.monitors.section import MonitorSection
from fundalloc.problem import FloatArray, IntArray

#: the third quartile of |z| of a normal z
QUARTILE = 1.1503493803760079
#: how much one round may count at most, so that one odd round is no drift
MOST = 3.0
#: how many changes the scatter of all subjects counts as beside that of one of them
OTHERS = 3


@dataclass(frozen=True, eq=False)
class Drift:
    """Two cumulative sums for each subject, T x S, and the row where each last began (S, -1 where it is 0)."""

    low: FloatArray
    high: FloatArray
    low_since: IntArray
    high_since: IntArray
    scatter: FloatArray


def drifts(deviation: FloatArray, lot: FloatArray, section: MonitorSection) -> Drift:
    """Cumulative sums of deviations (T x S, NaN without a record) from 0, where a fair fund is.

    lot: one lot in the same unit, T x S. With z = deviation / max(scatter, lot), held to [-3, 3]:
    high = max(0, high + z - allowance), low = max(0, low - z - allowance). A drift is known once a sum reaches
    `decision`; it began where the sum last left 0. Source: Page (1954); held z: Hawkins (1993).
    """
    scale = scatters(deviation, section.scatter)
    z = np.clip(deviation / np.maximum(scale, lot), -MOST, MOST)
    low, low_since = _sums(-z, section.allowance)
    high, high_since = _sums(z, section.allowance)
    return Drift(low, high, low_since, high_since, scale)


def _sums(z: FloatArray, allowance: float) -> tuple[FloatArray, IntArray]:
    sums = np.zeros(z.shape)
    total, since = np.zeros(z.shape[1]), np.full(z.shape[1], -1)
    for t, step in enumerate(z):
        known = ~np.isnan(step)
        grown = np.where(known, np.maximum(total + np.where(known, step, 0.0) - allowance, 0.0), total)
        since = np.where(grown > 0, np.where(total > 0, since, t), -1)
        total = grown
        sums[t] = total
    return sums, since


def scatters(deviation: FloatArray, least: float) -> FloatArray:
    """How much the deviation of each subject scatters from round to round by itself (S values).

    From the changes between neighbouring rounds, which a lasting drift leaves alone. A scatter taken too small raises
    false alarms, so both parts are taken at their upper ends: of all subjects together, s = third quartile of
    |change| / (1.1503 sqrt 2) (1 + 1.5 / sqrt f), f = changes (S - 1) / S since the deviations are tied to their mean;
    of the subject, the mean |change|, 1.13 times the scatter of normal deviations. The larger of s and their root mean
    square, where s counts as three changes; never below `least`.
    """
    changes = np.abs(np.diff(deviation, axis=0))
    known = ~np.isnan(changes)
    if not known.any():
        return np.full(deviation.shape[1], least)
    count = known.sum(axis=0)
    free = max(known.sum() * (1 - 1 / deviation.shape[1]), 1.0)
    every = float(np.quantile(changes[known], 0.75)) / (QUARTILE * np.sqrt(2.0)) * (1 + 1.5 / np.sqrt(free))
    own = np.where(known, changes, 0.0).sum(axis=0) / np.maximum(count, 1)
    mixed = np.sqrt((OTHERS * every**2 + count * own**2) / (OTHERS + count))
    return np.asarray(np.maximum(np.maximum(mixed, every), least))
