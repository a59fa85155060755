"""The polish: the exact optimum of `nearest` from its dual, whatever the solver's accuracy.

In shares y = amount / size of the resource, `nearest` is

    minimise  sum (y - e)^2 / (2 d)    subject to  low <= y <= high,  row_low <= A y <= row_high

and y(m) = clip(e + d * A'm, low, high) solves it for the right multipliers m of the rows. They are
found by projected Newton ascent on the dual, which is concave: every step ascends, so the method
cannot cycle, and redundant or parallel rows do no harm.
Source: Bertsekas (1982), Projected Newton methods, SIAM J. Control and Optimization 20(2).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.sparse import csr_array, diags_array, vstack

from fundalloc.problem import BoolArray, FloatArray
from fundalloc.system import System

CURVATURE_FLOOR = 1e-8
GOAL = 1e-14
ACCEPTED = 1e-11
STEPS = 2000
HALVINGS = 60


@dataclass(frozen=True, eq=False)
class Start:
    """Multipliers: rows, one per coupling row; supplies, one per fixed total; all for rows in amounts.

    A multiplier is above 0 where the lower bound binds, below 0 at the upper one.
    """

    rows: FloatArray
    supplies: FloatArray


@dataclass(frozen=True, eq=False)
class Optimum(Start):
    """The optimum of a system, with the multipliers that prove it: x = clip(e + d * X * A'm, low, high).

    amounts: one per cell. residual: how far the rows are missed, relative to their size.
    """

    amounts: FloatArray
    steps: int
    residual: float

    @property
    def proven(self) -> bool:
        """Whether the optimality conditions hold to within float arithmetic."""
        return self.residual <= ACCEPTED


def supply_rows(system: System) -> tuple[csr_array, FloatArray]:
    """The totals that are fixed, as rows over shares."""
    problem = system.problem
    n, count = problem.n, len(system.supplies)
    columns = np.concatenate([np.arange(n) + r * n for r in system.supplies] or [np.zeros(0, dtype=int)])
    rows = np.repeat(np.arange(count), n)
    totals = [problem.resources[r].shared_out / problem.resources[r].size for r in system.supplies]
    return csr_array((np.ones(n * count), (rows, columns)), shape=(count, problem.cells)), np.array(totals)


def polish(system: System, start: Start | None = None) -> Optimum:
    """The optimum of `nearest` under a system that some allocation keeps.

    start: multipliers to begin with; left out: none. They decide how many steps it takes, not where it ends.
    """
    problem, size = system.problem, system.problem.size
    supply, totals = supply_rows(system)
    coupling = csr_array(system.matrix @ diags_array(size))
    matrix = csr_array(vstack([supply, coupling], format="csr"))
    dual = _Dual(
        problem.target / size,
        problem.softness / size,
        matrix,
        np.concatenate([totals, system.row_low]),
        np.concatenate([totals, system.row_high]),
        system.low / size,
        system.high / size,
    )
    count = len(totals)
    sizes = np.array([problem.resources[r].size for r in system.supplies])
    begin = np.zeros(matrix.shape[0]) if start is None else np.concatenate([start.supplies * sizes, start.rows])
    shares, multipliers, steps, residual = dual.ascend(begin)
    return Optimum(multipliers[count:], multipliers[:count] / sizes, shares * size, steps, residual)


class _Dual:
    """The dual of `nearest` in the multipliers of the rows, which are scaled so that a'Da = 1."""

    def __init__(
        self,
        e: FloatArray,
        d: FloatArray,
        matrix: csr_array,
        row_low: FloatArray,
        row_high: FloatArray,
        low: FloatArray,
        high: FloatArray,
    ) -> None:
        norms = np.sqrt(np.asarray((matrix * matrix) @ d))
        self.scale = 1.0 / np.where(norms > 0, norms, 1.0)
        self.e, self.d, self.low, self.high = e, d, low, high
        self.a = csr_array(diags_array(self.scale) @ matrix)
        self.at = csr_array(self.a.T)
        self.row_low, self.row_high = row_low * self.scale, row_high * self.scale
        self.equal = self.row_low == self.row_high
        bounds = np.where(np.isfinite(row_low), np.abs(row_low), 0.0) + np.where(
            np.isfinite(row_high), np.abs(row_high), 0.0
        )
        self.size = np.asarray(abs(self.a) @ np.abs(e)) + bounds * self.scale + 1e-300

    def shares(self, m: FloatArray) -> FloatArray:
        """The best shares at given multipliers."""
        return np.clip(self.e + self.d * (self.at @ m), self.low, self.high)

    def value(self, m: FloatArray, y: FloatArray) -> float:
        """The dual function: a lower bound of the optimum."""
        bound = np.where(m > 0, self.row_low, np.where(m < 0, self.row_high, 0.0))
        gap = y - self.e
        return float((gap * gap / (2 * self.d)).sum() - m @ (self.a @ y) + (m * bound).sum())

    def ascent(self, m: FloatArray, y: FloatArray) -> tuple[FloatArray, FloatArray]:
        """The gradient of the dual, and what of it the signs of the multipliers allow."""
        values = self.a @ y
        short, over = self.row_low - values, self.row_high - values
        idle = np.where(short > 0, short, np.where(over < 0, over, 0.0))
        gradient = np.where(self.equal | (m > 0), short, np.where(m < 0, over, idle))
        sign = self.signs(m, gradient)
        blocked = ~self.equal & (m != 0) & (np.sign(m + gradient) != sign)
        return gradient, np.where(blocked, np.where(np.abs(m) < np.abs(gradient), -m, gradient), gradient)

    @staticmethod
    def signs(m: FloatArray, gradient: FloatArray) -> FloatArray:
        """The orthant of the next step."""
        return np.where(m != 0, np.sign(m), np.sign(gradient))

    def project(self, m: FloatArray, sign: FloatArray) -> FloatArray:
        """Multipliers that left their orthant are put on its edge."""
        return np.where(~self.equal & (m * sign < 0), 0.0, m)

    def step(self, m: FloatArray, y: FloatArray, gradient: FloatArray, allowed: FloatArray) -> FloatArray:
        """Newton's step on the multipliers that are in play; the others go to 0."""
        sign = self.signs(m, gradient)
        edge = min(1e-3 * max(1e-12, float(np.abs(m).max())), float(np.abs(allowed).max()))
        leaving: BoolArray = ~self.equal & (m != 0) & (np.abs(m) <= edge) & (gradient * sign < 0)
        play = np.flatnonzero(((m != 0) | (gradient != 0)) & ~leaving)
        free = (y > self.low) & (y < self.high)
        rows = self.a[play]
        curvature = (rows @ diags_array(self.d * free) @ rows.T).toarray()
        values, vectors = np.linalg.eigh(curvature)
        step = np.zeros_like(m)
        step[play] = vectors @ ((vectors.T @ gradient[play]) / np.maximum(values, CURVATURE_FLOOR))
        step[leaving] = -m[leaving]
        return step

    def ascend(self, start: FloatArray) -> tuple[FloatArray, FloatArray, int, float]:
        """Shares, multipliers of the rows as given, steps taken and the last residual."""
        m = start / self.scale
        y = self.shares(m)
        if not len(m):
            return y, m, 0, 0.0
        best, value = np.inf, self.value(m, y)
        steps = 0
        kept = y, m
        while steps < STEPS:
            gradient, allowed = self.ascent(m, y)
            residual = float(np.abs(allowed / self.size).max())
            if residual < best:
                best, kept = residual, (y, m)
            if best <= GOAL:
                break
            sign, step = self.signs(m, gradient), self.step(m, y, gradient, allowed)
            found = self.search(m, y, step, sign, gradient, value, residual)
            if found is None:
                break
            m, y, value = found
            steps += 1
        return kept[0], kept[1] * self.scale, steps, best

    def search(
        self,
        m: FloatArray,
        y: FloatArray,
        step: FloatArray,
        sign: FloatArray,
        gradient: FloatArray,
        value: float,
        residual: float,
    ) -> tuple[FloatArray, FloatArray, float] | None:
        """The longest of the halved steps that ascends; None where none does.

        A step also ends where the first multiplier reaches 0: halving alone would only ever come nearer.
        """
        with np.errstate(divide="ignore", invalid="ignore"):
            reach = np.where(~self.equal & (m * step < 0), -m / step, np.inf)
        first = float(reach.min(initial=np.inf))
        length = 1.0
        for _ in range(HALVINGS):
            m2 = self.project(np.where(reach <= length, 0.0, m + length * step), sign)
            if np.array_equal(m2, m):
                return None
            y2 = self.shares(m2)
            value2 = self.value(m2, y2)
            if value2 >= value + 1e-4 * float(gradient @ (m2 - m)) and value2 > value:
                return m2, y2, value2
            if abs(value2 - value) <= 1e-13 * (1 + abs(value)):  # flat to rounding: the residual decides
                allowed = self.ascent(m2, y2)[1]
                if float(np.abs(allowed / self.size).max()) < 0.9 * residual:
                    return m2, y2, value2
            length = first if length / 2 < first < length else length / 2
        return None
