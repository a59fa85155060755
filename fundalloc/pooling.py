"""Pooling: amounts nearest to given ones when levels are drawn together or must stand in an order.

    minimise  sum (x - z)^2 / (2 softness) + pull * sum over pairs of q_i q_j |h_i - h_j| / sum q
    subject to  low <= x <= high  and  h_i >= h_j where rank_i < rank_j,      h = x / q

For every level t, the regions above it are the best set at t, and the best set is a first part of the
regions in the order of their wish for more. So a group that would stand at one level is either left
there or split by its best set, until no group splits: exact, and fast because all groups of a pass are
split at once. Source: the decomposition algorithm of Fujishige (1980), with sums over levels as in
Hochbaum (2001).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from fundalloc.holding import evened, in_order

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]
BoolArray = NDArray[np.bool_]

#: gains below this part of the forces on a group are float noise
NOISE = 1e-13
#: levels this near to each other, relative to their size, are one level
NEAR = 1e-13
#: groups of more regions than these are split in the middle, if they can be
LARGE = 50


@dataclass(frozen=True, eq=False)
class Pooled:
    """Levels h of all regions, and the force v on each amount with which the pull or the order holds it.

    x = clip(z - softness * v, low, high). `v` is a subgradient of the pull (order: an element of the polar
    cone), so v * amounts added up is at most the pull of any amounts, and equal to it at these. first: for each
    region the first one of its group at one level. loose: whether no bound holds the group there.
    """

    levels: FloatArray
    forces: FloatArray
    first: IntArray
    loose: BoolArray


class NoOrder(ValueError):  # noqa: N818
    """The bounds allow no amounts in the order that is asked for."""


def pooled(
    z: FloatArray,
    softness: FloatArray,
    q: FloatArray,
    low: FloatArray,
    high: FloatArray,
    pull: float = 0.0,
    ranks: IntArray | None = None,
) -> Pooled:
    """The best levels; q above 0, low <= high. Raises NoOrder where no levels keep the order."""
    task = _Task(z, softness, q, low, high, pull, np.zeros(len(z), dtype=np.int64) if ranks is None else ranks)
    return task.solve()


class _Task:
    def __init__(
        self,
        z: FloatArray,
        softness: FloatArray,
        q: FloatArray,
        low: FloatArray,
        high: FloatArray,
        pull: float,
        ranks: IntArray,
    ) -> None:
        self.z, self.s, self.q, self.pull, self.ranks = z, softness, q, pull, ranks
        self.low, self.high = np.split(_merged(np.concatenate([low / q, high / q])), 2)
        self.total = float(q.sum())

    def solve(self) -> Pooled:
        """Splits groups until none splits; groups stand from the highest level to the lowest."""
        n = len(self.z)
        order = np.argsort(self.ranks, kind="stable")
        starts = np.zeros(1, dtype=np.int64)
        open_ = np.ones(1, dtype=bool)
        levels = np.zeros(n)
        while open_.any():
            group = np.repeat(np.arange(len(starts)), np.diff(np.append(starts, n)))
            mine = np.flatnonzero(open_[group])
            above = np.cumsum(self.q[order]) - self.q[order]
            base = above[starts]
            _, which = np.unique(group[mine], return_inverse=True)
            items, cuts = self._split(order[mine], which, base[open_])
            order[mine] = items.order
            levels[items.order] = items.levels[which]
            first = starts[open_]
            open_[open_] = cuts > 0
            inside = cuts > 0
            starts = np.concatenate([starts, first[inside] + cuts[inside]])
            open_ = np.concatenate([open_, np.ones(int(inside.sum()), dtype=bool)])
            by = np.argsort(starts, kind="stable")
            starts, open_ = starts[by], open_[by]
        return self._pooled(levels, order, starts)

    def _pooled(self, levels: FloatArray, order: IntArray, starts: IntArray) -> Pooled:
        first = np.empty(len(order), dtype=np.int64)
        group = np.repeat(np.arange(len(starts)), np.diff(np.append(starts, len(order))))
        first[order] = order[starts][group]
        least, most = np.full(len(order), -np.inf), np.full(len(order), np.inf)
        np.maximum.at(least, first, self.low)
        np.minimum.at(most, first, self.high)
        loose = (least[first] < levels) & (levels < most[first])
        return Pooled(levels, self._forces(levels, order, starts), first, loose)

    def _tied(self, items: IntArray, which: IntArray, base: FloatArray) -> tuple[FloatArray, FloatArray, FloatArray]:
        """The best common level of each group without its bounds, the same inside them, and its weight."""
        count = len(base)
        q, s = self.q[items], self.s[items]
        weight = np.bincount(which, q, count).astype(float)
        steep = np.bincount(which, q * q / s, count)
        wish = np.bincount(which, q * self.z[items] / s, count)
        level = (wish - self._pulled(base, weight)) / steep
        least, most = np.full(count, -np.inf), np.full(count, np.inf)
        np.maximum.at(least, which, self.low[items])
        np.minimum.at(most, which, self.high[items])
        clash = least > most
        with np.errstate(invalid="ignore"):
            between = np.where(clash, (least + most) / 2, 0.0)
        return level, np.where(clash, between, np.clip(level, least, np.maximum(least, most))), weight

    def _pulled(self, base: FloatArray, weight: FloatArray) -> FloatArray:
        """What the pull costs per unit of level for groups of a weight, with `base` above them."""
        return np.asarray(self.pull * weight * (self.total - 2 * base - weight) / self.total)

    def _split(self, items: IntArray, which: IntArray, base: FloatArray) -> tuple[_Sorted, IntArray]:
        """Groups in the order of their wish for more, and how many of each go up; 0 where none splits.

        Any level at which a part goes up and the rest does not splits a group. A large one is first asked at a level
        that half of it would be above: the best common level may leave one region after the other behind.
        """
        free, level, weight = self._tied(items, which, base)
        cuts = np.zeros(len(base), dtype=np.int64)
        order = items.copy()
        large, every = np.bincount(which, minlength=len(base)) > LARGE, np.ones(len(base), dtype=bool)
        asks = [(free, True, every), (level, True, free != level), (level, False, every)]
        if large.any():
            even = self._even(items, which, level, base)
            asks = [(even, True, large), (even, False, large), *asks]
        for at, up, whom in asks:
            asked = whom & (cuts == 0)
            mine = np.flatnonzero(asked[which])
            if not len(mine):
                continue
            new = np.cumsum(asked) - 1
            found, by = self._test(order[mine], new[which[mine]], at[asked], base[asked], weight[asked], up=up)
            order[mine] = by
            cuts[asked] = found
        return _Sorted(order, level), cuts

    def _even(self, items: IntArray, which: IntArray, level: FloatArray, base: FloatArray) -> FloatArray:
        """The level of the middle region of each large group, as it would be if no wish overtook another's.

        In the order of their wishes at one level the best levels are those of an isotonic regression.
        """
        from scipy.optimize import isotonic_regression

        slope = (self.q[items] * level[which] - self.z[items]) / self.s[items]
        by = np.lexsort((slope, self.ranks[items], which))
        mine, groups = items[by], which[by]
        ends = np.searchsorted(groups, np.arange(len(base) + 1))
        q, steep = self.q[mine], self.q[mine] ** 2 / self.s[mine]
        before = np.cumsum(q) - q
        pulled = self._pulled(base[groups] + before - before[ends[:-1]][groups], q)
        own = np.clip((q * self.z[mine] / self.s[mine] - pulled) / steep, self.low[mine], self.high[mine])
        even = level.copy()
        for k in np.flatnonzero(np.diff(ends) > LARGE):
            span = slice(ends[k], ends[k + 1])
            found = isotonic_regression(own[span], weights=steep[span], increasing=False)
            even[k] = found.x[(ends[k + 1] - ends[k]) // 2]
        return even

    def _test(
        self, items: IntArray, which: IntArray, level: FloatArray, base: FloatArray, weight: FloatArray, *, up: bool
    ) -> tuple[IntArray, IntArray]:
        """How many of each group belong above a level (up: more than at it), and the groups in that order."""
        t = level[which]
        slope = (self.q[items] * t - self.z[items]) / self.s[items]
        rises = self.low[items] > t if up else self.low[items] >= t
        stays = self.high[items] <= t if up else self.high[items] < t
        side = np.where(rises & ~stays, -1, np.where(stays & ~rises, 1, 0))
        by = np.lexsort((slope, side, self.ranks[items], which))
        found, crossed = self._best(items[by], which, side[by], slope[by], base, weight)
        if crossed.any():
            raise NoOrder("bounds and order clash")
        return found, items[by]

    def _best(
        self,
        items: IntArray,
        which: IntArray,
        side: IntArray,
        slope: FloatArray,
        base: FloatArray,
        weight: FloatArray,
    ) -> tuple[IntArray, BoolArray]:
        """The size of the best first part of each group, 0 where none or all of it are as good."""
        count, n = len(base), len(items)
        starts = np.searchsorted(which, np.arange(count))
        ends = np.append(starts[1:], n)
        position = np.arange(n) - starts[which]
        force = self.q[items] * slope
        passed = np.cumsum(force)
        passed = passed - (passed[starts] - force[starts])[which]
        held = np.cumsum(self.q[items])
        held = held - (held[starts] - self.q[items][starts])[which]
        cost = passed + self._pulled(base[which], held)
        last_in = np.zeros(count, dtype=np.int64)
        np.maximum.at(last_in, which, np.where(side < 0, position + 1, 0))
        first_out = ends - starts
        np.minimum.at(first_out, which, np.where(side > 0, position, n))
        size = position + 1
        allowed = (size >= last_in[which]) & (size <= first_out[which]) & (size < (ends - starts)[which])
        value = np.where(allowed, cost, np.inf)
        lowest = np.minimum.reduceat(value, starts)
        hit = np.where(value <= lowest[which], size, n + 1)
        at = np.minimum.reduceat(hit, starts)
        scale = np.bincount(which, np.abs(force), count) + self.pull * weight
        rival = np.where(last_in == 0, 0.0, np.inf)
        everything = np.where(first_out == ends - starts, cost[ends - 1], np.inf)
        rival = np.minimum(rival, everything)
        better = lowest < np.where(np.isfinite(rival), rival - NOISE * scale, np.inf)
        return np.where(np.isfinite(lowest) & better, at, 0), last_in > first_out

    def _forces(self, levels: FloatArray, order: IntArray, starts: IntArray) -> FloatArray:
        """The force on each amount: what the levels need, shared out where bounds hold part of a group."""
        wish = (self.z - self.q * levels) / self.s
        at_low, at_high = self.low >= levels, self.high <= levels
        least = np.where(at_high, -np.inf, wish)
        most = np.where(at_low, np.inf, wish)
        bounds = np.append(starts, len(levels))
        q = self.q[order]
        due = self._pulled((np.cumsum(q) - q)[starts], np.add.reduceat(q, starts))
        force = wish.copy()
        alone = np.diff(bounds) == 1
        force[order[starts[alone]]] = (due / q[starts])[alone]
        held = np.add.reduceat((at_low | at_high)[order].astype(np.int64), starts) > 0
        for k in np.flatnonzero(~alone & held):
            members = order[bounds[k] : bounds[k + 1]]
            bound, weight = (least[members], most[members]), self.q[members]
            if self.pull:
                force[members] = evened(*bound, weight, float(due[k]))
            else:
                force[members] = in_order(*bound, wish[members], weight, self.ranks[members])
        return force


def _merged(levels: FloatArray) -> FloatArray:
    """Levels of which those are made equal that only float noise keeps apart."""
    by = np.argsort(levels, kind="stable")
    ordered = levels[by]
    before, after = ordered[:-1], ordered[1:]
    with np.errstate(invalid="ignore"):
        apart = np.where(np.isfinite(before + after), after - before > NEAR * np.abs(after), before != after)
    first = np.concatenate([[True], apart])[: len(levels)]
    result = np.empty_like(levels)
    result[by] = ordered[first][np.cumsum(first) - 1]
    return result


@dataclass(frozen=True, eq=False)
class _Sorted:
    order: IntArray
    levels: FloatArray
