"""The dual of `nearest`: Newton ascent in the multipliers of the rows.

    minimise  sum (y - e)^2 / (2 d) + (convex curves)   subject to  low <= y <= high,  row_low <= A y <= row_high

At given multipliers m of the rows the best shares y(m) are known exactly: clip(e + d * A'm, low, high), and
by pooling where a curve holds them. The dual is concave: every step ascends, so the method cannot cycle,
and redundant or parallel rows do no harm.
Source: Bertsekas (1982), Projected Newton methods, SIAM J. Control and Optimization 20(2).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.sparse.linalg import splu

from fundalloc.objectives import OPTIMAL
from fundalloc.problem import BoolArray, FloatArray, IntArray
from fundalloc.rules.spread import Drawn, Spread
from fundalloc.sparse import csc_array, csr_array, diags_array, eye_array, vstack

CURVATURE_FLOOR = 1e-12
GOAL = 1e-14
#: steps beyond the accepted accuracy, each of which may reach the goal
FURTHER = 6
HALVINGS = 60
#: more rows than this in play make a sparse step
DENSE = 300
#: rows that ask for more than is allowed by this part of what is added up clash; less is float noise
CLASH = 1e-12


@dataclass(frozen=True, eq=False)
class Hold:
    """A curve over some cells, each a unit of its own; its row stands at `row` of the dual, None for an order.

    paid: what past rounds paid, in shares.
    """

    spread: Spread
    cells: IntArray
    q: FloatArray
    paid: FloatArray
    bound: float
    row: int | None


@dataclass(frozen=True, eq=False)
class State:
    """The best shares at given multipliers.

    rows: the rows, those of curves by their slopes here. values: rows * shares. moves: cells x blocks, how the
    cells of a block move together, None where each moves for itself; give: how much a block gives way to a force.
    """

    y: FloatArray
    rows: csr_array
    values: FloatArray
    moves: csr_array | None
    give: FloatArray
    slopes: tuple[FloatArray, ...]


@dataclass(frozen=True, eq=False)
class Ascent:
    """How far the dual was climbed: the best state, the multipliers of the rows as given, steps, the last residual.

    clash: whether the multipliers prove that no shares keep the rows.
    """

    state: State
    multipliers: FloatArray
    steps: int
    residual: float
    clash: bool


class Dual:
    """The dual in the multipliers of the rows, which are scaled so that a'Da = 1.

    about: shares by which the size of a row is told; left out: the centre e.
    """

    def __init__(
        self,
        e: FloatArray,
        d: FloatArray,
        matrix: csr_array,
        row_low: FloatArray,
        row_high: FloatArray,
        low: FloatArray,
        high: FloatArray,
        holds: Sequence[Hold] = (),
        about: FloatArray | None = None,
    ) -> None:
        self.e, self.d, self.low, self.high, self.holds = e, d, low, high, holds
        self.lines = matrix
        full = self._with_slopes([h.spread.slopes(self._units(h, e), h.q, h.bound) for h in holds])
        norms = np.sqrt(np.asarray((full * full) @ d))
        self.scale = 1.0 / np.where(norms > 0, norms, 1.0)
        self.row_low, self.row_high = row_low * self.scale, row_high * self.scale
        self.equal = self.row_low == self.row_high
        bounds = np.where(np.isfinite(row_low), np.abs(row_low), 0.0) + np.where(
            np.isfinite(row_high), np.abs(row_high), 0.0
        )
        self.size = self.scale * (np.asarray(abs(full) @ np.abs(e if about is None else about)) + bounds) + 1e-300
        self.scaled = csr_array(diags_array(self.scale) @ full)
        self.at = csr_array(self.lines.T)
        self.most = np.minimum(high, self._reach())

    def _reach(self) -> FloatArray:
        """The most that a share can be by the totals alone: the least total that it is part of."""
        most = np.full(len(self.e), np.inf)
        if (self.low < 0).any():
            return most
        cells = np.diff(self.lines.indptr)
        heads = np.flatnonzero(cells)
        least = np.full(len(cells), -np.inf)
        least[heads] = np.minimum.reduceat(self.lines.data, self.lines.indptr[heads]) if len(heads) else least[heads]
        for row in np.flatnonzero(self.equal[: len(cells)] & (least > 0)):
            mine = slice(self.lines.indptr[row], self.lines.indptr[row + 1])
            total = self.row_high[row] / self.scale[row]
            np.minimum.at(most, self.lines.indices[mine], total / self.lines.data[mine])
        return most

    @staticmethod
    def _units(hold: Hold, y: FloatArray) -> FloatArray:
        return np.maximum(y[hold.cells] + hold.paid, 0.0)

    def _with_slopes(self, slopes: Sequence[FloatArray]) -> csr_array:
        """The rows with those of the curves at given slopes."""
        rows = [
            csr_array((s, (np.zeros(len(s), dtype=np.int64), h.cells)), shape=(1, len(self.e)))
            for h, s in zip(self.holds, slopes, strict=True)
            if h.row is not None
        ]
        return csr_array(vstack([self.lines, *rows], format="csr")) if rows else self.lines

    def state(self, m: FloatArray) -> State:
        """The best shares at given multipliers."""
        count = self.lines.shape[0]
        price = m * self.scale
        z = self.e + self.d * (self.at @ price[:count])
        y = np.clip(z, self.low, self.high)
        if not self.holds:
            give = np.where((y > self.low) & (y < self.high), self.d, 0.0)
            return State(y, self.scaled, self.scaled @ y, None, give, ())
        block, weight, give = (
            np.arange(len(y)),
            np.ones(len(y)),
            np.where((y > self.low) & (y < self.high), self.d, 0.0),
        )
        slopes, extra = [], []
        for hold in self.holds:
            cells, paid = hold.cells, hold.paid
            pull = 0.0 if hold.row is None else -min(float(price[hold.row]), 0.0)
            task = Drawn(
                y[cells] + paid,
                z[cells] + paid,
                self.d[cells],
                hold.q,
                self.low[cells] + paid,
                self.high[cells] + paid,
                pull,
                hold.bound,
            )
            rest = hold.spread.rest(task)
            y[cells] = np.clip(rest.amounts - paid, self.low[cells], self.high[cells])
            block[cells], weight[cells] = cells[rest.first], hold.q
            give[cells] = np.where(rest.loose, rest.give, 0.0)
            slopes.append(rest.slopes)
            if hold.row is not None:
                extra.append(rest.value)
        rows = csr_array(diags_array(self.scale) @ self._with_slopes(slopes))
        values = np.concatenate([self.scaled[:count] @ y, np.array(extra) * self.scale[count:]])
        loose = np.flatnonzero(give > 0)
        heads, column = np.unique(block[loose], return_inverse=True)
        moves = csr_array((weight[loose], (loose, column)), shape=(len(y), len(heads)))
        return State(y, rows, values, moves, give[heads], tuple(slopes))

    def value(self, m: FloatArray, state: State) -> float:
        """The dual function: a lower bound of the optimum."""
        bound = np.where(m > 0, self.row_low, np.where(m < 0, self.row_high, 0.0))
        gap = state.y - self.e
        return float((gap * gap / (2 * self.d)).sum() - m @ state.values + (m * bound).sum())

    def ascent(self, m: FloatArray, state: State) -> tuple[FloatArray, FloatArray]:
        """The gradient of the dual, and what of it the signs of the multipliers allow."""
        short, over = self.row_low - state.values, self.row_high - state.values
        idle = np.where(short > 0, short, np.where(over < 0, over, 0.0))
        gradient = np.where(self.equal | (m > 0), short, np.where(m < 0, over, idle))
        sign = self.signs(m, gradient)
        blocked = ~self.equal & (m != 0) & (np.sign(m + gradient) != sign)
        return gradient, np.where(blocked, np.where(np.abs(m) < np.abs(gradient), -m, gradient), gradient)

    def _residual(self, allowed: FloatArray) -> float:
        """How far the rows are missed, relative to their size."""
        return float(np.abs(allowed / self.size).max())

    @staticmethod
    def signs(m: FloatArray, gradient: FloatArray) -> FloatArray:
        """The orthant of the next step."""
        return np.where(m != 0, np.sign(m), np.sign(gradient))

    def project(self, m: FloatArray, sign: FloatArray) -> FloatArray:
        """Multipliers that left their orthant are put on its edge."""
        return np.where(~self.equal & (m * sign < 0), 0.0, m)

    def step(self, m: FloatArray, state: State, gradient: FloatArray, allowed: FloatArray) -> FloatArray:
        """Newton's step on the multipliers that are in play; the others go to 0."""
        sign = self.signs(m, gradient)
        edge = min(1e-3 * max(1e-12, float(np.abs(m).max())), float(np.abs(allowed).max()))
        leaving: BoolArray = ~self.equal & (m != 0) & (np.abs(m) <= edge) & (gradient * sign < 0)
        play = np.flatnonzero(((m != 0) | (gradient != 0)) & ~leaving)
        rows = state.rows if len(play) == len(m) else state.rows[play]
        rows = rows if state.moves is None else csr_array(rows @ state.moves)
        step = np.zeros_like(m)
        step[play] = _newton(csr_array(rows @ diags_array(state.give) @ rows.T), gradient[play])
        step[leaving] = -m[leaving]
        return step

    def clashes(self, m: FloatArray, state: State) -> bool:
        """Whether the rows, weighted by multipliers and added up, ask for more than the bounds of the shares allow.

        No shares keep them then. Curves count as their tangents at the state.
        """
        forces = state.rows.T @ m
        asked = np.where(m > 0, self.row_low, np.where(m < 0, self.row_high, 0.0))
        need = m * (asked - (state.values - state.rows @ state.y))
        for hold, slopes in zip(self.holds, state.slopes[: len(self.holds)], strict=True):
            if hold.row is None:
                forces[hold.cells] -= slopes
                need = np.append(need, slopes * hold.paid)
        best = np.where(forces > 0, forces * self.most, np.where(forces < 0, forces * self.low, 0.0))
        return bool(need.sum() - best.sum() > CLASH * (np.abs(need).sum() + np.abs(best).sum()))

    @np.errstate(divide="ignore", invalid="ignore", over="ignore")
    def ascend(self, start: FloatArray, most: int) -> Ascent:
        """The dual climbed, in so many steps at the most; no further where its multipliers prove a clash."""
        m = start / self.scale
        state = self.state(m)
        if not len(m):
            return Ascent(state, m, 0, 0.0, False)
        best, value = np.inf, self.value(m, state)
        steps, good, clash = 0, 0, False
        kept = state, m
        while steps < most and good < FURTHER:
            gradient, allowed = self.ascent(m, state)
            residual = self._residual(allowed)
            if not all(np.isfinite(part).all() for part in (m, gradient, state.rows.data)):
                break
            if residual < best:
                best, kept = residual, (state, m)
            if best <= GOAL:
                break
            good += best <= OPTIMAL
            clash = not good and self.clashes(m, state)
            if clash:
                kept = state, m
                break
            sign, step = self.signs(m, gradient), self.step(m, state, gradient, allowed)
            found = self.search(m, step, sign, gradient, value, residual)
            if found is None:
                break
            m, state, value = found
            steps += 1
        return Ascent(kept[0], kept[1] * self.scale, steps, best, clash)

    def search(
        self,
        m: FloatArray,
        step: FloatArray,
        sign: FloatArray,
        gradient: FloatArray,
        value: float,
        residual: float,
    ) -> tuple[FloatArray, State, float] | None:
        """The longest of the halved steps that ascends; None where none does.

        A step also ends where the first multiplier reaches 0: halving alone would only ever come nearer.
        """
        reach = np.where(~self.equal & (m * step < 0), -m / step, np.inf)
        first = float(reach.min(initial=np.inf))
        length = 1.0
        for _ in range(HALVINGS):
            m2 = self.project(np.where(reach <= length, 0.0, m + length * step), sign)
            if np.array_equal(m2, m):
                return None
            state = self.state(m2)
            value2 = self.value(m2, state)
            if value2 >= value + 1e-4 * float(gradient @ (m2 - m)) and value2 > value:
                return m2, state, value2
            if abs(value2 - value) <= 1e-13 * (1 + abs(value)):  # flat to rounding: the residual decides
                allowed = self.ascent(m2, state)[1]
                if self._residual(allowed) < 0.9 * residual:
                    return m2, state, value2
            length = first if length / 2 < first < length else length / 2
        return None


def _newton(curvature: csr_array, gradient: FloatArray) -> FloatArray:
    """The step to where the gradient is 0, a long one where there is hardly any curvature."""
    if len(gradient) > DENSE:
        firm = csc_array(curvature + CURVATURE_FLOOR * eye_array(len(gradient)))
        return np.asarray(splu(firm).solve(gradient))
    values, vectors = np.linalg.eigh(curvature.toarray())
    return np.asarray(vectors @ ((vectors.T @ gradient) / np.maximum(values, CURVATURE_FLOOR)))
