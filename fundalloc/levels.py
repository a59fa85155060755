"""Levels: the lowest one raised as far as the rules allow, then the next lowest, until none can be raised.

    level = gains @ amounts / due

The greatest t with every level that is still open at t, or at its own top, is found from above. A linear program
tells by how much the rules must be missed at t; its prices add up to one inequality that every allocation keeps,
so t cannot be above the point where that inequality fails, and there the question is asked again. When nothing
is missed any more t is the greatest, and the last inequality proves it. It also tells which amounts and rows cannot
move without some level falling below t: they stay as they are while the other levels are raised further.
Source: Ogryczak, Pioro and Tomaszewski (2005), Telecommunications network design and max-min optimization problem.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from fundalloc.attempts import Attempt, Chosen, LevelProof, Levels
from fundalloc.gains import Gains, holding
from fundalloc.level_prices import HIGHER, Prices
from fundalloc.problem import BoolArray, FloatArray
from fundalloc.soft import SoftRows
from fundalloc.solve import nearest
from fundalloc.sparse import csr_array, diags_array
from fundalloc.system import System, supply_rows

#: rows of size one that are missed by less in all are kept
KEPT = 1e-12
#: levels are asked for less this part of them; the second where the first leaves no proof
LESS = (1e-12, 1e-10)
#: what is priced is at its bound to this part of its size
STAYS = 1e-8
#: an inequality that differs from those before by less than this part of itself says nothing new
FOLLOWS = 1e-6
QUESTIONS = 200


class Climb:
    """The state of the climb: what is settled of the amounts, rows and levels."""

    def __init__(self, base: System, gains: Gains, less: float) -> None:
        problem = base.problem
        self.base, self.gains, self.less = base, gains, less
        self.low, self.high = base.low.copy(), np.minimum(base.high, problem.size)
        mean = np.repeat([r.size / problem.n for r in problem.resources], problem.n)
        self.scale = np.maximum(np.maximum(problem.target, self.low), 1e-3 * mean)
        counts = np.diff(gains.matrix.indptr)
        self.single = counts == 1
        self.cell, self.due = np.zeros(len(counts), dtype=np.int64), np.zeros(len(counts))
        alone = gains.matrix[self.single]
        self.cell[self.single] = alone.indices
        self.due[self.single] = gains.due[self.single] / alone.data
        self.level = np.full(len(counts), np.nan)
        self.follows: dict[int, FloatArray] = {}
        supply, totals = supply_rows(base)
        totals = totals * np.array([problem.resources[r].size for r in base.supplies])
        self.found, self.reached = self.low, 0.0
        several = ~self.single
        self.rows = SoftRows(self.scale, csr_array(diags_array(1.0 / gains.due[several]) @ gains.matrix[several]))
        self.rows.add(supply, totals, totals)
        self.rows.add(base.matrix, base.row_low, base.row_high)
        self.proofs: list[LevelProof] = []

    @property
    def open(self) -> BoolArray:
        """The levels that are not settled."""
        return np.asarray(np.isnan(self.level))

    @property
    def top(self) -> FloatArray:
        """How high each level could be if nothing but its own caps held it."""
        return np.asarray(self.gains.matrix @ self.high) / self.gains.due

    def at(self, t: float) -> tuple[FloatArray, FloatArray]:
        """The lower bounds of the amounts, and of the gains, with every open level at t or at its top."""
        low, opened, top = self.low.copy(), self.open, self.top
        mine = np.flatnonzero(opened & self.single)
        cells = self.cell[mine]
        low[cells] = np.where(t >= top[mine], self.high[cells], np.maximum(low[cells], t * self.due[mine]))
        need = np.where(opened, np.minimum(t, top), self.level) * self.gains.due
        return low, np.where(self.single, 0.0, need)

    def highest(self) -> tuple[float, Prices | None] | None:
        """The highest t for all open levels, with the inequality that proves it; None where rules cannot be kept."""
        t, proof = float(self.top[self.open].max()), None
        several = ~self.single
        for r in range(len(self.base.supplies)) if not several.any() else ():
            whole = Prices(self, -np.eye(1, len(self.rows.low), r)[0], np.zeros(len(self.level)))
            lower = whole.root(t)
            if lower is not None and lower < t:
                t, proof = lower, whole
        for _ in range(QUESTIONS):
            low, need = self.at(t)
            answer = self.rows.missed(low, self.high, need[several] / self.gains.due[several] * (1 - self.less))
            if answer is None:
                return None
            missed, self.found, rows, gains = answer
            if missed <= KEPT:
                return t, proof
            full = np.zeros(len(self.level))
            full[several] = gains / self.gains.due[several]
            priced = Prices(self, rows, full)
            lower = priced.root(t)
            if lower is None:
                return None
            if not lower < t * (1 - 1e-15):
                return t, proof or priced
            t, proof = lower, priced
        return None

    def last(self) -> Attempt:
        """What `nearest` makes of what is left."""
        for exact in (True, False):
            system = self.system(exact=exact)
            optimum = nearest(system)
            reached = self.gains.matrix @ optimum.amounts / self.gains.due
            if optimum.proven and (np.abs(reached - self.level) <= HIGHER * np.maximum(self.level, HIGHER)).all():
                proof = Levels(tuple(self.proofs), len(self.level))
                return Attempt(system, optimum, (), Chosen.unpriced(system, self.base, levels=proof))
        return Attempt(system, replace(optimum, residual=np.inf), ())

    def _follow(self, forces: FloatArray) -> None:
        """Notes which level follows from the others by a settled inequality, if it says more than those before."""
        left, size = forces.copy(), forces.max(initial=0.0)
        for k, other in self.follows.items():
            if left[k]:
                left -= left[k] / other[k] * other
                left[k] = 0.0
        first = int(np.argmax(np.abs(left)))
        if abs(left[first]) > FOLLOWS * size and not self.open[first]:
            self.follows[first] = left

    def settle(self, t: float, proof: Prices | None) -> None:
        """Notes what cannot move any more once every open level is at t or at its top."""
        opened, top = self.open, self.top
        self.reached = t
        prices = np.zeros(len(self.rows.low)) if proof is None else proof.rows / self.rows.norms
        self.proofs.append(LevelProof(t, prices, np.zeros(len(self.level)) if proof is None else proof.gains))
        low, _ = self.at(t)
        if proof is not None:
            forces = np.where(self.single, np.maximum(-proof.cells[self.cell], 0.0) * self.due, proof.gains)
            forces = np.where(self.single, forces, forces * self.gains.due) * (opened & (top > t))
            least = proof.noise(t) / (HIGHER * max(t, HIGHER))
            held = forces > min(least, 0.5 * forces.max(initial=0.0))
            up, down = proof.firm & (proof.cells > 0), proof.firm & (proof.cells < 0)
            near = STAYS * self.scale
            up, down = up & (self.found >= self.high - near), down & (self.found <= low + near)
            low, self.high = np.where(up, self.high, low), np.where(down, low, self.high)
            rows = self.rows
            bound = np.where(proof.rows > 0, rows.low, np.where(proof.rows < 0, rows.high, np.inf))
            there = np.abs(rows.matrix @ self.found - bound) <= STAYS
            rows.hold(np.where(there & (rows.side == 0), np.sign(proof.rows), rows.side))
            floors = np.where(self.single, low[self.cell] / np.where(self.single, self.due, 1.0), t)
            self.level[held] = np.maximum(t, floors)[held]
            self._follow(np.where(self.single, 0.0, proof.gains * self.gains.due))
        self.low = np.minimum(low, self.high)
        done = opened & (top <= t)
        self.level[done] = top[done]
        full = np.asarray(self.gains.matrix.T @ done.astype(float)) > 0
        self.low = np.where(full, self.high, self.low)
        still = np.asarray(self.gains.matrix @ (self.high - self.low)) <= 0
        rest = self.open & still
        self.level[rest] = self.top[rest]

    def system(self, t: float = -np.inf, *, exact: bool = False) -> System:
        """The rules with what is settled, and every open level at least at t.

        exact: settled levels are just what they are. Of the levels that one inequality settles the dearest then
        follows from the others, and is not asked for.
        """
        low, need = self.at(t)
        count, coupling = len(self.base.supplies), len(self.base.row_low)
        need = np.where(self.single | (self.open & (t == -np.inf)), -np.inf, need)
        if exact:
            need[list(self.follows)] = -np.inf
        most = need if exact else np.full(len(need), np.inf)
        return holding(self.base, self.gains, need, most, low, self.high, self.rows.side[count : count + coupling])


def raised(base: System, gains: Gains) -> Attempt | None:
    """What `nearest` leaves of all levels, raised as far as the rules allow, the lowest first; None without a proof."""
    last = None
    for less in LESS if gains.matrix.nnz > len(gains.due) else LESS[:1]:
        last = _climbed(Climb(base, gains, less))
        if last is not None and last.proven:
            break
    return last


def _climbed(climb: Climb) -> Attempt | None:
    while climb.open.any():
        found, before = climb.highest(), climb.open.sum()
        if found is None:
            return None
        climb.settle(*found)
        if climb.open.sum() == before:
            return None
    return climb.last()
