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

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from scipy.sparse import csr_array, diags_array, vstack

from fundalloc.gains import Gains, holding
from fundalloc.objectives import LEVELS
from fundalloc.polish import polish, supply_rows
from fundalloc.problem import BoolArray, FloatArray
from fundalloc.rules import Curve, Rows
from fundalloc.solve import Misses, nearest
from fundalloc.system import System
from fundalloc.tangents import Attempt, met

#: rows of size one that are missed by less in all are kept
KEPT = 1e-12
#: a price of a row below this part of the largest one is noise; a sum of prices below this part of its terms
FAINT, NOISE = 1e-10, 1e-9
#: the same beside curves, whose rows only come near the right ones
STRONG = 1e-6
#: a sum is right to this part of its terms
EXACT = 1e-13
#: so many supporting rows of curves are looked for
TRIES = 600
#: amounts may miss a curve by this part of its size; those inside keep this part of its bound to spare
OVER, SPARE, HALVINGS = 8e-10, 0.02, 50
#: further rows that are looked for where all levels are settled
FURTHER, NEAR = 100, 1e-6
#: beside curves levels are held at this part less than they reach, so that there is something left to prove
SLACK = LEVELS
QUESTIONS = 200


class _Prices:
    """An inequality that every allocation keeping the rules keeps: prices of rows and of gains, added up."""

    def __init__(self, climb: _Climb, rows: FloatArray, gains: FloatArray) -> None:
        self.climb = climb
        rows = np.where(np.abs(rows) > FAINT * np.abs(rows).max(initial=0.0), rows, 0.0)
        rows = np.where((rows > 0) & np.isfinite(climb.row_low), rows, np.minimum(rows, 0.0))
        self.rows = np.where((rows < 0) & ~np.isfinite(climb.row_high), 0.0, rows)
        size = gains * climb.gains.due
        self.gains = np.where(size > FAINT * size.max(initial=0.0), gains, 0.0)
        self.cells = np.asarray(climb.matrix.T @ self.rows + climb.gains.matrix.T @ self.gains)
        terms = np.asarray(abs(climb.matrix).T @ np.abs(self.rows) + climb.gains.matrix.T @ self.gains)
        self.firm = np.abs(self.cells) > (STRONG if climb.curves else NOISE) * terms
        bound = np.where(self.rows > 0, climb.row_low, np.where(self.rows < 0, climb.row_high, 0.0))
        self.bound = float(self.rows @ bound)

    def spare(self, t: float, exact: float = EXACT) -> float:
        """By how much the inequality is kept at best with open levels at t, but for noise; falls with t."""
        low, need = self.climb.at(t)
        parts = np.where(self.cells > 0, self.cells * self.climb.high, self.cells * low)
        asked = self.gains * need
        size = float(np.abs(parts).sum() + np.abs(asked).sum()) + abs(self.bound)
        kept = float(parts.sum()) - self.bound - float(asked.sum())
        return 0.0 if abs(kept) <= exact * size else kept

    def root(self, t: float) -> float | None:
        """The greatest level up to t at which the inequality can be kept; None where there is none."""
        if self.spare(t) >= 0:
            return t
        climb = self.climb
        mine = np.flatnonzero(climb.open)
        alone = mine[climb.single[mine]]
        bends = np.concatenate([climb.top[mine], climb.low[climb.cell[alone]] / climb.due[alone]])
        least = climb.reached
        bends = np.unique(np.concatenate([[least], bends[(bends > least) & (bends < t)], [t]]))
        first, last = 0, len(bends) - 1
        if self.spare(least) < 0:
            return None if self.spare(least, NOISE) < 0 else least
        while last - first > 1:
            middle = (first + last) // 2
            first, last = (middle, last) if self.spare(bends[middle]) >= 0 else (first, middle)
        above, below = self.spare(bends[first]), self.spare(bends[last])
        return float(bends[first] + (bends[last] - bends[first]) * (above / (above - below)))


class _Climb:
    """The state of the climb: what is settled of the amounts, rows and levels."""

    def __init__(self, base: System, curves: Sequence[Curve], cuts: Sequence[Rows], gains: Gains) -> None:
        problem = base.problem
        self.base, self.curves, self.gains = base, curves, gains
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
        supply, totals = supply_rows(base)
        totals = totals * np.array([problem.resources[r].size for r in base.supplies])
        self.matrix, self.norms = csr_array((0, problem.cells)), np.zeros(0)
        self.row_low, self.row_high = np.zeros(0), np.zeros(0)
        self.side = np.zeros(0)
        self.cuts: list[Rows] = []
        self.found, self.reached = self.low, 0.0
        self.inside = self._inside()
        self._add(supply, totals, totals)
        self._add(base.matrix, base.row_low, base.row_high)
        self.learn(cuts)

    def _inside(self) -> FloatArray:
        """Amounts that keep all curves, with something to spare where that can be."""
        tighter = [c if c.spread.ordered else replace(c, at_most=c.at_most * (1 - SPARE)) for c in self.curves]
        tried = met(self.base, tighter) if self.curves else None
        return self.low if tried is None else (tried if tried.proven else met(self.base, self.curves)).optimum.amounts

    def _add(self, matrix: csr_array, low: FloatArray, high: FloatArray) -> None:
        scaled = csr_array(matrix @ diags_array(self.scale))
        norms = np.sqrt(np.asarray((scaled * scaled).sum(axis=1)).ravel())
        norms = np.where(norms > 0, norms, 1.0)
        self.norms = np.concatenate([self.norms, norms])
        self.side = np.concatenate([self.side, np.zeros(len(norms))])
        self.matrix = csr_array(vstack([self.matrix, diags_array(1.0 / norms) @ matrix], format="csr"))
        self.row_low = np.concatenate([self.row_low, low / norms])
        self.row_high = np.concatenate([self.row_high, high / norms])

    def learn(self, cuts: Sequence[Rows]) -> None:
        """Takes in tangents of curves, and asks anew."""
        for cut in cuts:
            self.cuts.append(cut)
            self._add(cut.matrix, cut.low, cut.high)
        hard = self.gains.matrix[~self.single]
        self.misses = Misses(
            csr_array(self.matrix @ diags_array(self.scale)),
            self.row_low,
            self.row_high,
            csr_array(diags_array(1.0 / self.gains.due[~self.single]) @ hard @ diags_array(self.scale)),
        )

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

    def highest(self) -> tuple[float, _Prices | None] | None:
        """The highest t for all open levels, with the inequality that proves it; None where rules cannot be kept."""
        t, proof = float(self.top[self.open].max()), None
        several = ~self.single
        for r in range(len(self.base.supplies)) if not several.any() else ():
            whole = _Prices(self, -np.eye(1, len(self.norms), r)[0], np.zeros(len(self.level)))
            lower = whole.root(t)
            if lower is not None and lower < t:
                t, proof = lower, whole
        for _ in range(QUESTIONS):
            low, need = self.at(t)
            answer = self.misses.solve(
                low / self.scale, self.high / self.scale, need[several] / self.gains.due[several] * (1 - KEPT)
            )
            if answer is None:
                return None
            missed, found, rows, gains = answer
            self.found = found * self.scale
            if missed <= KEPT:
                return t, proof
            full = np.zeros(len(self.level))
            full[several] = gains / self.gains.due[several]
            priced = _Prices(self, rows, full)
            lower = priced.root(t)
            if lower is None:
                return None
            if not lower < t * (1 - 1e-15):
                return t, proof or priced
            t, proof = lower, priced
        return None

    def kept(self, t: float) -> bool:
        """Whether the curves can be kept with every open level nearly at t; learns supporting rows where not.

        Two allocations that keep the rows known so far are looked at: the one nearest to amounts inside the curves,
        and where the program ended.
        """
        problem = self.base.problem
        system = self.system(t * (1 - SLACK)).joined(tuple(self.cuts))
        near = polish(replace(system, problem=problem.leaning(problem.softness, self.inside)))
        for amounts in (near.amounts, self.found):
            if amounts is self.found or near.proven:
                missed = [c for c in self.curves if c.excess(amounts) > OVER]
                if not missed:
                    self.found = amounts
                    return True
                self.learn([self._support(c, amounts) for c in missed])
        return False

    def _support(self, curve: Curve, outside: FloatArray) -> Rows:
        """A row that supports a curve where the way from amounts inside to some outside leaves it."""
        inside = self.inside
        for _ in range(HALVINGS):
            middle = (inside + outside) / 2
            inside, outside = (middle, outside) if curve.excess(middle) <= 0 else (inside, middle)
        return curve.tangent(outside)

    def last(self) -> Attempt:
        """What `nearest` makes of what is left, with rows that support the curves there."""
        system = self.system()
        cuts = [c for c in self.cuts if c.high - c.values(self.found) <= NEAR * (abs(c.matrix) @ self.found)]
        problem = self.base.problem
        if self.curves:
            centre = problem.target.copy()
            centre[self.cell[self.single]] = (self.level * self.due)[self.single]
            system = replace(system, problem=problem.leaning(problem.softness, centre))
        for _ in range(FURTHER):
            rows = tuple(replace(self.base.apart(c)[0], places=(f"tangent {k}",)) for k, c in enumerate(cuts, 1))
            optimum = nearest(system.joined(rows))
            missed = [c for c in self.curves if c.excess(optimum.amounts) > OVER]
            if not optimum.proven or not missed:
                break
            cuts += [c.tangent(optimum.amounts) for c in missed]
        return Attempt(system.joined(rows), optimum, rows)

    def _hold(self, side: FloatArray) -> None:
        """Holds rows at one of their bounds (1: lower, -1: upper)."""
        self.side = side
        self.row_low = np.where(side < 0, self.row_high, self.row_low)
        self.row_high = np.where(side > 0, self.row_low, self.row_high)
        self.misses.tighten(self.row_low, self.row_high)

    def settle(self, t: float, proof: _Prices | None) -> None:
        """Notes what cannot move any more once every open level is at t or at its top."""
        opened, top = self.open, self.top
        self.reached = t
        low, _ = self.at(t)
        if proof is not None:
            forces = np.where(self.single, np.maximum(-proof.cells[self.cell], 0.0) * self.due, proof.gains)
            forces = np.where(self.single, forces, forces * self.gains.due) * (opened & (top > t))
            held = forces > (STRONG if self.curves else FAINT) * forces.max(initial=0.0)
            up, down = proof.firm & (proof.cells > 0), proof.firm & (proof.cells < 0)
            if self.curves:
                near = 10 * SLACK * self.scale
                low, _ = self.at(t * (1 - SLACK))
                stuck = (up & (self.found >= self.high - near)) | (down & (self.found <= low + near))
                held |= opened & self.single & stuck[self.cell]
                self.level[held] = (self.gains.matrix @ self.found / self.gains.due)[held]
            else:
                low, self.high = np.where(up, self.high, low), np.where(down, low, self.high)
                self._hold(np.where((proof.rows != 0) & (self.side == 0), np.sign(proof.rows), self.side))
                self.level[held] = t
        self.low = np.minimum(low, self.high)
        done = opened & (top <= t)
        self.level[done] = top[done]
        full = np.asarray(self.gains.matrix.T @ done.astype(float)) > 0
        self.low = np.where(full, self.high, self.low)
        still = np.asarray(self.gains.matrix @ (self.high - self.low)) <= 0
        rest = self.open & still
        self.level[rest] = self.top[rest]

    def system(self, t: float = -np.inf) -> System:
        """The rules with what is settled, and every open level at least at t."""
        low, need = self.at(t)
        count, coupling = len(self.base.supplies), len(self.base.row_low)
        need = np.where(self.single | (self.open & (t == -np.inf)), -np.inf, need)
        return holding(self.base, self.gains, need, low, self.high, self.side[count : count + coupling])


def raised(base: System, curves: Sequence[Curve], gains: Gains, cuts: Sequence[Rows] = ()) -> Attempt | None:
    """What `nearest` leaves of all levels, raised as far as the rules allow, the lowest first; None without a proof.

    cuts: tangents of the curves that are known already.
    """
    climb = _Climb(base, curves, cuts, gains)
    tries = 0
    while climb.open.any():
        found = climb.highest()
        if found is None:
            return None
        t, proof = found
        if curves and not climb.kept(t):
            tries += 1
            if tries > TRIES:
                return None
            continue
        climb.settle(t, proof)
    return climb.last()
