"""Inequality of amounts between people: every measure counts a region as often as its basis.

All functions take `amounts` (one per region, none below 0) and `basis` (people, usually; same length)
and compare the amounts per unit of the basis. Regions whose basis is 0 are left out; where nothing is
paid there is no inequality: 0.0. Multiplying all amounts, or all of the basis, changes nothing, and
neither does splitting a region into parts of equal amounts per head.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import ArrayLike, NDArray

FloatArray = NDArray[np.float64]


def gini(amounts: ArrayLike, basis: ArrayLike) -> float:
    """How far apart two people drawn by lot are on average: 0 = all alike, towards 1 = one has all.

    Σ_i Σ_j q_i q_j |h_i - h_j| / (2 Q Σ x) with h = x / q (Gini 1912), added up over the sorted gaps
    of h, so that equal ones add nothing.
    """
    s, p = _shares(amounts, basis)
    if not len(s):
        return 0.0
    order = np.argsort(s / p, kind="stable")
    people, level = p[order], (s / p)[order]
    below = np.cumsum(people)[:-1]
    above = np.cumsum(people[::-1])[-2::-1]
    return float((below * above * np.diff(level)).sum())


def theil(amounts: ArrayLike, basis: ArrayLike) -> float:
    """How unexpected the shares of the money are, given the shares of the people: 0 = all alike.

    Σ s ln(s / p) with s = x / Σ x and p = q / Σ q (Theil 1967, the index T); at most ln(1 / min p).
    """
    return _divergence(*_shares(amounts, basis))


def theil_between_within(amounts: ArrayLike, basis: ArrayLike, groups: ArrayLike) -> tuple[float, float]:
    """The part of `theil` between the groups and the part within them; both add up to it.

    groups: the label of each region's group. between = Σ_g S_g ln(S_g / P_g), within = Σ_g S_g theil(g)
    (Bourguignon 1979).
    """
    s, p = _shares(amounts, basis)
    if not len(s):
        return 0.0, 0.0
    _, group = np.unique(np.asarray(groups)[_counted(basis)], return_inverse=True)
    money, people = (np.bincount(group, weights=w).astype(float) for w in (s, p))
    return _divergence(money, people), _divergence(s, money[group] * (p / people[group]))


def atkinson(amounts: ArrayLike, basis: ArrayLike, aversion: float = 0.5) -> float:
    """The share of the money that could be saved if all had alike and were as well off: 0 to 1.

    1 - (Σ p r^(1-ε))^(1/(1-ε)) with r = h / mean, ε = aversion > 0; 1 - exp(Σ p ln r) at ε = 1
    (Atkinson 1970). From ε = 1 on, anyone with nothing makes it 1.
    """
    s, p = _shares(amounts, basis)
    if not len(s):
        return 0.0
    if aversion >= 1 and not s.all():
        return 1.0
    with np.errstate(divide="ignore"):
        utility = np.log(s / p)
    if aversion == 1:
        equivalent = float((p * utility).sum())
    else:
        power = (1 - aversion) * utility
        most = power.max()  # exp never overflows, and near ε = 1 no digits are lost
        equivalent = float(most + np.log1p((p * np.expm1(power - most)).sum())) / (1 - aversion)
    return min(max(-math.expm1(equivalent), 0.0), 1.0)


def hoover(amounts: ArrayLike, basis: ArrayLike) -> float:
    """The share of the money that would have to change hands for all to have alike: 0 to 1.

    ½ Σ |s - p| (Hoover 1936).
    """
    s, p = _shares(amounts, basis)
    return float(np.abs(s - p).sum() / 2)


def ratio(amounts: ArrayLike, basis: ArrayLike) -> float:
    """How many times as much per head the best-off region has as the worst-off; inf if that has 0."""
    s, p = _shares(amounts, basis)
    if not len(s):
        return 0.0
    head = s / p
    worst = float(head.min())
    return float(head.max()) / worst if worst > 0 else math.inf


def _counted(basis: ArrayLike) -> NDArray[np.bool_]:
    return np.asarray(basis, dtype=float) > 0


def _shares(amounts: ArrayLike, basis: ArrayLike) -> tuple[FloatArray, FloatArray]:
    """Shares of the money and of the people, of the regions that count; empty where nothing is paid."""
    counted = _counted(basis)
    x, q = np.asarray(amounts, dtype=float)[counted], np.asarray(basis, dtype=float)[counted]
    paid = x.sum()
    if paid <= 0:
        return np.empty(0), np.empty(0)
    return x / paid, q / q.sum()


def _divergence(s: FloatArray, p: FloatArray) -> float:
    """Σ s ln(s / p), for s and p with the same sum; never below 0."""
    held = s > 0
    return max(float((s[held] * np.log(s[held] / p[held])).sum()), 0.0)
