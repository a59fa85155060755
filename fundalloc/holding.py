"""Holding: forces on regions at one level, of which bounds carry a part that has to be shared out.

A region between its bounds needs the force `wish`. At its lower bound any force from there on will do
(least = wish, most = infinite), at its upper bound any force up to there.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]


def evened(least: FloatArray, most: FloatArray, q: FloatArray, total: float) -> FloatArray:
    """The most even forces between least and most whose sum q * force is `total`."""
    marks = np.unique(np.concatenate([least[np.isfinite(least)], most[np.isfinite(most)]]))
    if not len(marks):
        return np.full(len(q), total / q.sum())
    below, above = _ends(marks, least, most, q, total)
    sums = [float((q * np.clip(m, least, most)).sum()) for m in (below, above)]
    if not sums[1] > sums[0]:
        return np.asarray(np.clip(below, least, most))
    part = min(max((total - sums[0]) / (sums[1] - sums[0]), 0.0), 1.0)
    return np.asarray(np.clip(below + part * (above - below), least, most))


def _ends(marks: FloatArray, least: FloatArray, most: FloatArray, q: FloatArray, total: float) -> tuple[float, float]:
    """Two levels between which the sum is linear and meets the total."""

    def added(level: float) -> float:
        return float((q * np.clip(level, least, most)).sum())

    first, last = 0, len(marks) - 1
    if added(marks[first]) >= total:
        free = q[np.isneginf(least)].sum()
        return marks[0] - max(added(marks[0]) - total, 0.0) / free if free > 0 else marks[0], marks[0]
    if added(marks[last]) <= total:
        free = q[np.isposinf(most)].sum()
        return marks[last], marks[last] + (total - added(marks[last])) / free if free > 0 else marks[last]
    while last - first > 1:
        middle = (first + last) // 2
        first, last = (middle, last) if added(marks[middle]) <= total else (first, middle)
    return marks[first], marks[last]


def in_order(least: FloatArray, most: FloatArray, wish: FloatArray, q: FloatArray, ranks: IntArray) -> FloatArray:
    """Forces that an order can exert: what is taken from lower ranks is given by those above them.

    Between two neighbouring ranks a flow runs, 0 before the first and after the last. A rank can
    give up to the flow that reaches it, and passes on the flow less what it gives. Forward the flows that
    are possible, backward the flow that is chosen.
    """
    groups = [np.flatnonzero(ranks == r) for r in np.unique(ranks)]
    facts = [_Rank(least[g], most[g], q[g] * wish[g]) for g in groups]
    reach = [(0.0, 0.0)]
    for one in facts:
        low, high = reach[-1]
        reach.append((one.passed_least(max(low, one.must)), one.passed_most(high)))
    force = wish.copy()
    out = 0.0
    for one, members, (low, _) in zip(reversed(facts), reversed(groups), reversed(reach[:-1]), strict=True):
        come = max(low, one.must, 0.0 if one.any_high else out + one.must - one.taken - one.loose)
        force[members] = one.forces(come - out) / q[members]
        out = come
    return force


class _Rank:
    """The members of one rank in a group at one level; forces times q."""

    def __init__(self, least: FloatArray, most: FloatArray, wish: FloatArray) -> None:
        self.low, self.high = np.isposinf(most), np.isneginf(least)
        self.wish = np.where(self.low & self.high, 0.0, wish)  # both bounds are one: it takes what comes
        give, take = np.maximum(self.wish, 0.0), np.maximum(-self.wish, 0.0)
        self.must, self.may = float(give[~self.high].sum()), float(give[self.high].sum())
        self.taken, self.loose = float(take[~self.low].sum()), float(take[self.low].sum())
        self.any_low, self.any_high = bool(self.low.any()), bool(self.high.any())

    def passed_least(self, come: float) -> float:
        """The least flow that can leave when `come` reaches this rank."""
        return self.taken + (0.0 if self.any_low else max(0.0, come - self.must - self.may))

    def passed_most(self, come: float) -> float:
        """The greatest flow that can leave."""
        return np.inf if self.any_high else come - self.must + self.taken + self.loose

    def forces(self, total: float) -> FloatArray:
        """Forces times q that add up to a total."""
        force = np.where(self.high, np.minimum(self.wish, 0.0), self.wish)
        rest = total - float(force.sum())
        if rest < 0 and self.any_high:
            force[self.high] += rest / self.high.sum()
            return force
        for part, room in (
            (self.low, np.maximum(-self.wish, 0.0)),
            (self.high, np.maximum(self.wish, 0.0)),
        ):
            space = float(room[part].sum())
            if rest > 0 and space > 0:
                given = min(rest, space)
                force[part] += room[part] * (given / space)
                rest -= given
        if rest > 0 and self.any_low:
            force[self.low] += rest / self.low.sum()
        return force
