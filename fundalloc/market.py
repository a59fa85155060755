"""Alpha-fairness of regions that value resources differently; for alpha = 1 the equilibrium of a Fisher market.

    maximise  sum weight * u(level),   level = (values @ amounts) / (values @ targets),   u' = level^-alpha

The proximal point method: amounts are drawn to where they were, less each time, so that every question has one
answer. At given prices of the rules a region's best amounts follow from one number, what one more unit of its level
is worth to it; the prices are found by Newton's method in the dual, as in `nearest`.
Source: Eisenberg and Gale (1959); Rockafellar (1976), Monotone operators and the proximal point algorithm.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from fundalloc.dual import Dual, State
from fundalloc.gains import Gains, holding
from fundalloc.problem import BoolArray, FloatArray
from fundalloc.rules import Rows
from fundalloc.sparse import csr_array, diags_array, eye_array, vstack
from fundalloc.system import System, supply_rows
from fundalloc.utility import Utility

#: rounds of the proximal point method; how much less amounts are drawn each time, and at least
ROUNDS, LESS, LEAST = 60, 0.05, 1e-6
#: amounts that move by no more than this part of the mean share have come to rest; some more rounds, in which they
#: are drawn firmly, take the noise away
STILL, CLOSING, FIRM = 1e-6, 2, 1e-2
#: the weight of who has next to no target, as a part of its equal share
LEAST_DRAWN = 0.01
#: what has a price is at its bound to this part of what is shared out
NEAR = 1e-8
#: that worth is found to this part of itself
EXACT = 1e-15
#: halvings of the interval in which a region's worth of one more is looked for
HALVINGS = 200


@dataclass(frozen=True, eq=False)
class Market:
    """The equilibrium: amounts, and what one more unit of each row's, total's and amount's bound is worth.

    made: the sizes of the terms whose sum `cells` is. worth: what one more unit of each gain is worth.
    """

    amounts: FloatArray
    rows: FloatArray
    supplies: FloatArray
    cells: FloatArray
    made: FloatArray
    worth: FloatArray
    residual: float

    def firm(self, noise: float) -> FloatArray:
        """The worth of the amounts' bounds, 0 where it is less than this part of what it is made of."""
        return np.where(np.abs(self.cells) > noise * self.made, self.cells, 0.0)


class _Drawn(Dual):
    """The dual where amounts (as shares) are drawn to e, and regions weigh their levels."""

    def regions(self, gains: csr_array, weight: FloatArray, utility: Utility) -> None:
        """gains: levels x cells, for shares; weight: of each level."""
        self.weight, self.utility = weight, utility
        counts = np.diff(gains.indptr)
        place = np.arange(counts.max())[np.newaxis, :]
        self.there = place < counts[:, np.newaxis]
        index = np.where(self.there, gains.indptr[:-1, np.newaxis] + place, 0)
        self.cells = gains.indices.astype(np.int64)[index]
        self.worth = np.where(self.there, gains.data[index], 0.0)
        self.give = self.d[self.cells] * self.worth
        self.floor, self.cap = self.low[self.cells], self.high[self.cells]

    def _best(self, z: FloatArray) -> tuple[FloatArray, FloatArray, BoolArray]:
        """The best shares of each region, its level, and which shares are free, at forces in z.

        A share grows with beta, what one more unit of the level is worth: from its floor at one beta to its cap at
        another. Between two of these points the level is a straight line, so beta is found on one of them.
        """
        at = z[self.cells]
        with np.errstate(divide="ignore", invalid="ignore"):
            begin = np.where(self.there, (self.floor - at) / self.give, np.inf)
            end = np.where(self.there, (self.cap - at) / self.give, np.inf)
        points = np.sort(np.maximum(np.concatenate([begin, end], axis=1), 0.0), axis=1)
        first = np.zeros(len(at))
        for k in range(points.shape[1]):
            beta = points[:, k]
            with np.errstate(invalid="ignore"):
                level = self._level(np.where(np.isfinite(beta), beta, 0.0), at)
            below = np.isfinite(beta) & (beta <= self.weight * self.utility.slope(level))
            first = np.where(below, beta, first)
        shares = self._shares(first, at)
        start = (shares * self.worth).sum(axis=1)
        free = self.there & (begin <= first[:, np.newaxis]) & (end > first[:, np.newaxis]) & (self.cap > self.floor)
        steep = np.where(free, self.give * self.worth, 0.0).sum(axis=1)
        rise = self._rise(first, start, steep)
        shares = np.where(free, np.clip(shares + self.give * rise[:, np.newaxis], self.floor, self.cap), shares)
        return shares, start + steep * rise, free

    def _shares(self, beta: FloatArray, at: FloatArray) -> FloatArray:
        return np.asarray(np.clip(at + self.give * beta[:, np.newaxis], self.floor, self.cap))

    def _level(self, beta: FloatArray, at: FloatArray) -> FloatArray:
        return np.asarray((self._shares(beta, at) * self.worth).sum(axis=1))

    def _rise(self, first: FloatArray, start: FloatArray, steep: FloatArray) -> FloatArray:
        """By how much beta is above `first`, where the level is start + steep * rise: Newton in logarithms."""
        rise = np.zeros(len(first))
        for _ in range(HALVINGS):
            level, beta = start + steep * rise, first + rise
            slope = self.weight * self.utility.slope(level)
            with np.errstate(divide="ignore"):
                miss = np.where(beta > 0, np.log(slope / np.where(beta > 0, beta, 1.0)), np.inf)
            turn = self.weight * self.utility.bend(level) * steep / slope
            step = np.where(np.isfinite(miss), miss / (1 / np.where(beta > 0, beta, 1.0) + turn), 0.0)
            step = np.where(beta > 0, np.maximum(step, -rise / 2), np.minimum(slope, 1 / np.maximum(turn, 1e-300)) / 2)
            more = rise + np.where(steep > 0, step, 0.0)
            if not (np.abs(more - rise) > EXACT * (first + more)).any():
                break
            rise = more
        return rise

    def state(self, m: FloatArray) -> State:
        """The best shares at given multipliers."""
        z = self.e + self.d * (self.at @ (m * self.scale))
        y = np.clip(z, self.low, self.high)
        give = np.where((y > self.low) & (y < self.high), self.d, 0.0)
        mine, level, free = self._best(z)
        y[self.cells[self.there]] = mine[self.there]
        give[self.cells[self.there]] = np.where(free, self.d[self.cells], 0.0)[self.there]
        return State(y, self.scaled, self.scaled @ y, None, give, (level,))

    def step(self, m: FloatArray, state: State, gradient: FloatArray, allowed: FloatArray) -> FloatArray:
        """Newton's step; the free shares of a region give way together, since its level holds them."""
        own = np.sqrt(state.give)
        pull = own[self.cells] * self.worth
        total = (pull * pull).sum(axis=1)
        firm = self.weight * self.utility.bend(state.slopes[0])
        with np.errstate(divide="ignore", invalid="ignore"):
            part = np.where(total > 0, (1 - 1 / np.sqrt(1 + firm * total)) / total, 0.0)
        ends = np.concatenate([[0], np.cumsum(self.there.sum(axis=1))])
        gain = csr_array((pull[self.there], self.cells[self.there], ends), shape=(len(total), len(own)))
        moves = diags_array(own) @ (eye_array(len(own)) - gain.T @ diags_array(part) @ gain)
        return super().step(m, replace(state, moves=csr_array(moves), give=np.ones(len(own))), gradient, allowed)

    def value(self, m: FloatArray, state: State) -> float:
        """The dual function."""
        return super().value(m, state) - float((self.weight * self.utility.value(state.slopes[0])).sum())


def equilibrium(base: System, gains: Gains, weight: FloatArray, tangents: Sequence[Rows] = ()) -> Market:
    """The amounts with the greatest sum of weight * u(level) under a system. weight: one for each level."""
    system = base.joined(tuple(tangents))
    problem, size = system.problem, system.problem.size
    supply, totals = supply_rows(system)
    matrix = csr_array(vstack([supply, system.matrix @ diags_array(size)], format="csr"))
    shares = csr_array(diags_array(1.0 / gains.due) @ gains.matrix @ diags_array(size))
    utility = Utility(problem.alpha)
    now = np.clip(problem.target / size, system.low / size, system.high / size)
    price, drawn = np.zeros(matrix.shape[0]), 0.1
    mean, residual, closing = 1.0 / problem.n, np.inf, 0
    equal = problem.blocks([r.equal_share for r in problem.resources])
    soft = np.maximum(problem.softness / size, LEAST_DRAWN * np.where(equal > 0, equal, mean))
    for _ in range(ROUNDS):
        dual = _Drawn(
            now,
            soft / drawn,
            matrix,
            np.concatenate([totals, system.row_low]),
            np.concatenate([totals, system.row_high]),
            system.low / size,
            system.high / size,
            (),
            problem.target / size,
        )
        dual.regions(shares, weight, utility)
        found = dual.ascend(price, 200)
        price, residual = found.multipliers, found.residual
        if found.clash:
            break
        moved = float(np.abs(found.state.y - now).max())
        now = found.state.y
        closing += closing > 0 or (drawn <= LEAST and moved <= STILL * mean)
        if closing > CLOSING:
            break
        drawn = FIRM if closing else max(drawn * LESS, LEAST)
    count = len(totals)
    sizes = np.array([problem.resources[r].size for r in system.supplies])
    worth = weight * utility.slope(np.asarray(shares @ now))
    terms = [matrix.T @ price, shares.T @ worth]
    made = abs(matrix.T) @ np.abs(price) + terms[1]
    cells, worths = -sum(terms) / size, worth / gains.due
    return Market(now * size, price[count:], price[:count] / sizes, cells, made / size, worths, residual)


def face(base: System, gains: Gains, market: Market, noise: float, *, exact: bool = False) -> System:
    """The rules where the equilibrium stays one: what has a price stays at its bound, all levels where they are.

    noise: prices below this part of what they are made of are none. exact: levels are no higher either, and the
    dearest, which then follows from the others, is not asked for.
    """
    most = np.minimum(base.high, base.problem.size)
    cells, near = market.firm(noise), NEAR * base.problem.size
    low = np.where((cells < 0) & (market.amounts >= most - near), most, base.low)
    high = np.where((cells > 0) & (market.amounts <= base.low + near), base.low, most)
    rows = market.rows[: len(base.row_low)]
    firm = np.abs(rows) > noise * np.abs(market.rows).max(initial=0.0)
    side = np.where(firm, np.sign(rows), 0.0)
    levels = np.asarray(gains.matrix @ market.amounts)
    need, top = levels.copy(), levels if exact else np.full(len(levels), np.inf)
    if exact:
        need[int(np.argmax(market.worth * levels))] = -np.inf
    return holding(base, gains, need, top, low, high, side)
