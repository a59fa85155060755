"""Convergence: whether less developed regions catch up."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from fundalloc.problem import BoolArray, FloatArray

#: a dispersion needs as many regions; a t-value is then left one degree of freedom
FEWEST = 3


@dataclass(frozen=True, slots=True)
class Catching:
    """Beta convergence: growth from the first round to the last, regressed on the level at the start.

    slope: change of growth a round with the logarithm of the level; t: its t-value (None where the fit is perfect).
    speed: part of the gap that closes a round; half_life: rounds until half of it has (None unless it closes).
    """

    slope: float
    t: float | None
    speed: float | None
    half_life: float | None


def dispersions(development: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Sigma convergence: coefficient of variation, and standard deviation of the logarithms, of each round.

    development: T x n, NaN where it is not known. Only regions that are known in every round of which anything is
    known are compared, each alike (no weights; n in the divisor); NaN with fewer than three, and for logarithms
    where a level is not above 0. Source: Barro and Sala-i-Martin (1992).
    """
    used, rows = _panel(development)
    variation, spread = np.full(len(development), np.nan), np.full(len(development), np.nan)
    if used.sum() < FEWEST:
        return variation, spread
    levels = development[np.ix_(rows, used)]
    mean = levels.mean(axis=1)
    with np.errstate(divide="ignore", invalid="ignore"):
        variation[rows] = np.where(mean > 0, levels.std(axis=1) / mean, np.nan)
    positive = (levels > 0).all(axis=1)
    spread[np.flatnonzero(rows)[positive]] = np.log(levels[positive]).std(axis=1)
    return variation, spread


def catching_up(development: FloatArray) -> Catching | None:
    """Beta convergence of T x n levels: ln(y_T / y_0) / T = a + b ln y_0 by least squares, no weights.

    speed = -ln(1 + b T) / T, half-life = ln 2 / speed. None with fewer than two rounds or three regions above 0, or
    where all begin alike. Source: Barro and Sala-i-Martin (1992).
    """
    used, rows = _panel(development)
    known = np.flatnonzero(rows)
    if len(known) < 2:
        return None
    first, last = development[known[0], used], development[known[-1], used]
    above = (first > 0) & (last > 0)
    start, gap = np.log(first[above]), int(known[-1] - known[0])
    if len(start) < FEWEST or np.ptp(start) <= 1e-12 * max(1.0, float(np.abs(start).max())):
        return None
    growth = (np.log(last[above]) - start) / gap
    away = start - start.mean()
    square = float(away @ away)
    slope = float(away @ growth) / square
    rest = growth - growth.mean() - slope * away
    error = math.sqrt(float(rest @ rest) / (len(start) - 2) / square)
    speed = -math.log(1 + slope * gap) / gap if slope * gap > -1 else None
    return Catching(
        slope,
        slope / error if error > 1e-12 * max(abs(slope), 1.0) else None,
        speed,
        math.log(2) / speed if speed is not None and speed > 0 else None,
    )


def _panel(development: FloatArray) -> tuple[BoolArray, BoolArray]:
    """The regions that are known in every round of which anything is known, and those rounds."""
    known = ~np.isnan(development)
    rows = known.any(axis=1)
    return np.asarray(known[rows].all(axis=0) & rows.any()), np.asarray(rows)
