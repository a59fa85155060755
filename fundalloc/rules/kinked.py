"""Measures of inequality with kinks, where levels meet, and the order of levels.

Where amounts come to rest under them is known exactly, so they can be held while the optimum is looked for.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass

import numpy as np

from fundalloc import inequality
from fundalloc.language import say
from fundalloc.pooling import NoOrder, Pooled, pooled
from fundalloc.problem import FloatArray, IntArray
from fundalloc.rules.spread import Drawn, Rested, Spread, root


class Gini(Spread):
    """P = sum over pairs of q_i q_j |h_i - h_j| / sum q  -  g * sum x."""

    def value(self, x: FloatArray, q: FloatArray) -> float:
        """The Gini coefficient."""
        return inequality.gini(x, q)

    def slopes(self, x: FloatArray, q: FloatArray, bound: float) -> FloatArray:
        """How many stand below a unit less how many stand above it; equal ones share their places."""
        levels, group = np.unique(x / q, return_inverse=True)
        weight = np.bincount(group, q, len(levels))
        below = np.cumsum(weight) - weight
        return np.asarray(((2 * below + weight) / q.sum() - 1)[group] - bound)

    def beyond(self, slopes: FloatArray, q: FloatArray, bound: float) -> float:
        """For every set of units: what it pulls with is at most its weight times the weight of the others."""
        total = q.sum()
        pull = -float(slopes @ q) / (bound * total)
        if not pull > 0:
            return np.inf
        order = np.argsort(-slopes, kind="stable")
        above = np.cumsum(q[order])
        forces = np.cumsum((slopes[order] / pull + bound) * q[order])
        return float((forces - above * (total - above) / total).max() / total)

    exact = True

    def rest(self, task: Drawn) -> Rested:
        """By pooling."""
        if task.pull <= 0:
            x = np.clip(task.z, task.low, task.high)
            slopes = self.slopes(x, task.q, task.bound)
            return apart(task, x, slopes, float(slopes @ x))
        z = task.z + task.softness * task.pull * task.bound
        found = pooled(z, task.softness, task.q, task.low, task.high, task.pull)
        return _together(task, found, found.forces / task.pull - task.bound)

    def drawn(self, task: Drawn) -> FloatArray:
        """By pooling."""
        return self.rest(task).slopes


def _together(task: Drawn, found: Pooled, slopes: FloatArray) -> Rested:
    """Amounts whose levels are pooled."""
    x = np.clip(task.q * found.levels, task.low, task.high)
    steep = np.bincount(found.first, task.q * task.q / task.softness, len(x))
    return Rested(x, slopes, float(slopes @ x), found.first, found.loose, 1.0 / steep[found.first])


def apart(task: Drawn, x: FloatArray, slopes: FloatArray, value: float) -> Rested:
    """Amounts that move each for itself."""
    loose = (x > task.low) & (x < task.high)
    return Rested(x, slopes, value, np.arange(len(x)), loose, task.softness / task.q**2)


@dataclass(frozen=True)
class Hoover(Spread):
    """P = sum |x - q * mean| / 2  -  g * sum x.

    total: what all units have together, where that is fixed; then every unit rests for itself.
    """

    total: float | None = None

    @property
    def exact(self) -> bool:  # type: ignore[override]
        """Whether the total is known."""
        return self.total is not None

    def fixed(self, total: float) -> Hoover:
        """The measure where the total is fixed."""
        return Hoover(total)

    def value(self, x: FloatArray, q: FloatArray) -> float:
        """The Hoover index."""
        return inequality.hoover(x, q)

    def slopes(self, x: FloatArray, q: FloatArray, bound: float) -> FloatArray:
        """Half a unit more above the mean, half a unit less below it, less what that moves the mean."""
        return self.valid(np.sign(x - q * (x.sum() / q.sum())) / 2, q, bound)

    def valid(self, slopes: FloatArray, q: FloatArray, bound: float) -> FloatArray:
        """The slopes at a fixed total as those of P."""
        return np.asarray(slopes - (slopes * q).sum() / q.sum() - bound)

    def beyond(self, slopes: FloatArray, q: FloatArray, bound: float) -> float:
        """No two units differ by more than one unit of pull."""
        pull = -float(slopes @ q) / (bound * q.sum())
        return float((slopes.max() - slopes.min()) / pull - 1) if pull > 0 else np.inf

    def rest(self, task: Drawn) -> Rested:
        """Amounts that would cross the mean stay on it. The slopes are those at a fixed total."""
        if self.total is None:
            raise NotImplementedError
        halves = self._halves(task, self.total, 0.0) if task.pull > 0 else np.sign(task.now - self._even(task)) / 2
        x = np.clip(task.z - task.softness * task.pull * halves, task.low, task.high)
        value = float(np.abs(x - self._even(task)).sum()) / 2 - task.bound * self.total
        loose = (x > task.low) & (x < task.high) & (np.abs(halves) == 0.5)
        return Rested(x, halves, value, np.arange(len(x)), loose, task.softness / task.q**2)

    def _even(self, task: Drawn, total: float | None = None) -> FloatArray:
        return np.asarray(task.q * ((self.total if total is None else total) or 0.0) / task.q.sum())

    def _halves(self, task: Drawn, total: float, tilt: float) -> FloatArray:
        """Half the sign of what each amount is above the mean, anything between for those that stay on it."""
        even, half = self._even(task, total), task.softness * task.pull / 2
        wish = task.z + half * tilt
        rich, poor = np.clip(wish - half, task.low, task.high), np.clip(wish + half, task.low, task.high)
        middle = np.clip((wish - even) / half, -1.0, 1.0)
        return np.asarray(np.where(rich > even, 1.0, np.where(poor < even, -1.0, middle)) / 2)

    def drawn(self, task: Drawn) -> FloatArray:
        """As `rest`, for the mean of now."""
        total, share = float(task.now.sum()), task.q / task.q.sum()

        def off(tilt: float) -> float:
            return 2 * float((self._halves(task, total, 2 * task.bound + tilt) * share).sum()) - tilt

        return self.valid(self._halves(task, total, 2 * task.bound + root(off, -1.0, 1.0)), task.q, task.bound)


@dataclass(frozen=True, eq=False)
class Order(Spread):
    """Lower ranks have at least the level of higher ones. P = the greatest pull of forces that hold the order."""

    ranks: IntArray
    exact = True
    ordered = True

    def same(self, other: Spread) -> bool:
        """Whether the order is the same."""
        return isinstance(other, Order) and np.array_equal(other.ranks, self.ranks)

    def allowance(self, x: FloatArray, q: FloatArray, bound: float, lot: FloatArray) -> float:
        """A lot more for one, a lot less for another."""
        return float(2 * (lot / q).max()) / max(float((x / q).max()), 1e-300)

    def miss(self, value: float, bound: float) -> str:
        """Words for an order that is not kept."""
        return say("somebody gets {value:.6g} more per unit than somebody who comes first.", value=value)

    def per_bound(self, x: FloatArray, q: FloatArray) -> float:
        """An order has no number."""
        return 1.0

    def value(self, x: FloatArray, q: FloatArray) -> float:
        """By how much a unit of a higher rank stands above one of a lower rank, at most."""
        return max(self._gap(x / q), 0.0)

    def _gap(self, levels: FloatArray) -> float:
        count = int(self.ranks.max()) + 1
        least, most = np.full(count, np.inf), np.full(count, -np.inf)
        np.minimum.at(least, self.ranks, levels)
        np.maximum.at(most, self.ranks, levels)
        if count == 1:
            return 0.0
        return float((most[1:] - np.minimum.accumulate(least)[:-1]).max())

    def excess(self, x: FloatArray, q: FloatArray, bound: float) -> float:
        """The greatest gap, in greatest levels."""
        levels = x / q
        return self._gap(levels) / max(float(np.abs(levels).max()), 1e-300)

    def slopes(self, x: FloatArray, q: FloatArray, bound: float) -> FloatArray:
        """The forces from here to the nearest levels in order."""
        infinite = np.full(len(x), np.inf)
        return _unit(pooled(x, q, q, -infinite, infinite, ranks=self.ranks).forces)

    def beyond(self, slopes: FloatArray, q: FloatArray, bound: float) -> float:
        """Whoever is among the first: together they are not pulled up."""
        pull = slopes * q
        count = int(self.ranks.max()) + 1
        whole = np.bincount(self.ranks, pull, count)
        up = np.bincount(self.ranks, np.maximum(pull, 0.0), count)
        return float((np.cumsum(whole) - whole + up).max() / max(float(np.abs(pull).max()), 1e-300))

    def rest(self, task: Drawn) -> Rested:
        """By pooling. Raises NoOrder where bounds and order clash."""
        found = pooled(task.z, task.softness, task.q, task.low, task.high, ranks=self.ranks)
        return _together(task, found, found.forces)

    def drawn(self, task: Drawn) -> FloatArray:
        """By pooling; where bounds and order clash, the two units that show it."""
        try:
            return _unit(self.rest(task).slopes)
        except NoOrder:
            return _unit(self._clash(task))

    def _clash(self, task: Drawn) -> FloatArray:
        """A pull on the lowest cap of a lower rank and the highest floor of a higher one that lies above it."""
        low, high = task.low / task.q, task.high / task.q
        by = np.lexsort((high, self.ranks))
        ranks = self.ranks[by]
        first = by[np.flatnonzero(np.diff(ranks, prepend=-1))]  # the lowest cap of each rank
        best = np.minimum.accumulate(high[first])
        holder = first[np.maximum.accumulate(np.where(high[first] == best, np.arange(len(first)), 0))]
        over = np.where(self.ranks > 0, low - best[self.ranks - 1], -np.inf)
        above = int(np.argmax(over))
        below = int(holder[self.ranks[above] - 1])
        force = np.zeros(len(low))
        force[below], force[above] = -1.0 / task.q[below], 1.0 / task.q[above]
        return force

    def pairs(self) -> IntArray:
        """Units and those of the next higher rank, one row for each pair: all that the order says."""
        found = [np.zeros((0, 2), dtype=np.int64)]
        ranked = [np.flatnonzero(self.ranks == r) for r in range(int(self.ranks.max()) + 1)]
        for less, more in itertools.pairwise(ranked):
            found.append(np.stack([np.repeat(less, len(more)), np.tile(more, len(less))], axis=1))
        return np.concatenate(found)

    def only(self, keep: IntArray) -> Order:
        """The order among some of the units."""
        return Order(np.unique(self.ranks[keep], return_inverse=True)[1].astype(np.int64))


def _unit(forces: FloatArray) -> FloatArray:
    """Forces of size one."""
    return np.asarray(forces / max(float(np.abs(forces).max(initial=0.0)), 1e-300))
