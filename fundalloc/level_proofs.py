"""Proofs of levels: that no level of leximin can be raised without lowering one that is no higher; no solver is used.

Each step gives prices y of the rows and g of what is raised, and a level t. Every allocation that keeps the rules, with
all settled levels as they are and all open ones at t or at their own tops, keeps

    sum over cells of max(c low, c high)  >=  c x  >=  y b + g need        with  c = A'y + G'g

Where both ends meet nothing in it can move: who is priced cannot be above t, amounts and rows that are priced stay
where they are. That is all that the next step builds on, so that at the end every level is as high as it can be after
those below it.
Source: Ogryczak, Pioro and Tomaszewski (2005), Telecommunications network design and max-min optimization problem.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from fundalloc.attempts import LevelProof, Levels
from fundalloc.gains import Gains
from fundalloc.language import Later, later
from fundalloc.problem import FloatArray
from fundalloc.sparse import csr_array, vstack
from fundalloc.system import System, supply_rows

#: both ends of an inequality meet to this part of what it adds up
MEET = 1e-9
#: a sum is right to this part of its terms
EXACT = 1e-13
#: a price below this part of what it is added up from is noise
NOISE = 1e-9
#: what does not move is where it is published to this part of its size
THERE = 1e-6


def proven_levels(system: System, gains: Gains, amounts: FloatArray, said: Levels) -> Later | None:
    """What is wrong with a proof that so many levels of some amounts are those of leximin; None where it holds."""
    taken = _Steps(system, gains, amounts)
    for k, proof in enumerate(said.steps, 1):
        fault = taken.take(proof)
        if fault:
            return later("Step {k} of the proof of the levels: {fault}", k=k, fault=fault)
    count = int(taken.settled.sum())
    if count == said.settled:
        return None
    return later("The proof settles {count} of the levels, not {code_said!r}.", count=count, code_said=said.settled)


def first_steps(system: System, gains: Gains, amounts: FloatArray, steps: Iterable[LevelProof]) -> Levels | None:
    """The steps that hold up to the first that does not, as a proof of some levels; None where they settle none."""
    taken, held = _Steps(system, gains, amounts), list[LevelProof]()
    for proof in steps:
        if taken.take(proof):
            break
        held.append(proof)
    count = int(taken.settled.sum())
    return Levels(tuple(held), count) if count else None


class _Steps:
    """What is settled of the amounts, rows and levels after some steps."""

    def __init__(self, system: System, gains: Gains, amounts: FloatArray) -> None:
        problem = system.problem
        self.gains, self.amounts = gains, amounts
        self.low, self.high = system.low.copy(), np.minimum(system.high, problem.size)
        supply, totals = supply_rows(system)
        totals = totals * np.array([problem.resources[r].size for r in system.supplies])
        self.rows = csr_array(vstack([supply, system.matrix], format="csr"))
        self.row_low = np.concatenate([totals, system.row_low])
        self.row_high = np.concatenate([totals, system.row_high])
        self.scale = np.maximum(np.maximum(problem.target, self.low), 1e-3 * problem.size / problem.n)
        self.levels = gains.matrix @ amounts / gains.due
        self.settled = np.zeros(len(gains.due), dtype=bool)
        self.last = 0.0

    @property
    def top(self) -> FloatArray:
        """How high each level could be if nothing but its own caps held it."""
        return np.asarray(self.gains.matrix @ self.high) / self.gains.due

    def take(self, proof: LevelProof) -> Later | None:
        """One step; what is wrong with it, None where it holds."""
        t, y, g = proof.level, proof.rows, proof.gains
        if len(y) != len(self.row_low) or len(g) != len(self.settled):
            return later("it has prices of other rows.")
        if (g < 0).any() or not t >= self.last:
            return later("its prices or its level are none.")
        self.last = t
        single = np.diff(self.gains.matrix.indptr) == 1
        opened, top = ~self.settled, self.top
        need = np.where(opened, np.minimum(t, top), self.levels) * self.gains.due
        low = self.low.copy()
        alone = np.flatnonzero(single)
        cells, worth = self.gains.matrix[alone].indices, self.gains.matrix[alone].data
        low[cells] = np.maximum(low[cells], np.minimum(need[alone] / worth, self.high[cells]))
        c = np.asarray(self.rows.T @ y + self.gains.matrix.T @ g)
        terms = np.asarray(abs(self.rows).T @ np.abs(y) + self.gains.matrix.T @ g)
        c = np.where(np.abs(c) > NOISE * terms, c, 0.0)
        parts = np.where(c > 0, c * self.high, c * low)
        bound = np.where(y > 0, self.row_low, np.where(y < 0, self.row_high, 0.0))
        asked = g * need
        size = float(np.abs(parts).sum() + np.abs(asked).sum() + np.abs(y * bound).sum())
        spare = float(parts.sum()) - float(y @ bound) - float(asked.sum())
        if not abs(spare) <= MEET * size:
            return later("the two ends of its inequality do not meet ({part:.1e} of them is left).", part=spare / size)
        least = np.minimum(t, top)
        short = np.flatnonzero(opened & (self.levels < least * (1 - THERE)))
        if len(short):
            k = int(short[0])
            return later(
                "the level of {code} is {level:.9g}, below {least:.9g}.",
                code=self.gains.names[k],
                level=self.levels[k],
                least=least[k],
            )
        return self._settled(t, c, low, y, g, abs(spare) + EXACT * size)

    def _settled(
        self, t: float, c: FloatArray, low: FloatArray, y: FloatArray, g: FloatArray, room: float
    ) -> Later | None:
        """Notes what cannot move: what a price makes dearer than `room`, all that may be left over.

        What is wrong with a level that cannot move, if it is not where it has to be.
        """
        top, least = self.top, np.minimum(t, self.top)
        near = THERE * self.scale
        firm = np.abs(c) * near > room
        up = firm & (c > 0) & (self.amounts >= self.high - near)
        down = firm & (c < 0) & (self.amounts <= low + near)
        self.low, self.high = np.where(up, self.high, low), np.where(down, low, self.high)
        values = np.asarray(self.rows @ self.amounts)
        reach = THERE * np.asarray(abs(self.rows) @ self.scale)
        held = np.abs(y) * reach > room
        lower = held & (y > 0) & (values <= self.row_low + reach)
        upper = held & (y < 0) & (values >= self.row_high - reach)
        ends = self.row_low, self.row_high
        self.row_low, self.row_high = np.where(upper, ends[1], ends[0]), np.where(lower, ends[0], ends[1])
        size_of = THERE * np.maximum(least, THERE)
        low_level, high_level = (np.asarray(self.gains.matrix @ x) / self.gains.due for x in (self.low, self.high))
        fixed = ~self.settled & (high_level - low_level <= size_of)
        priced = ~self.settled & (g * self.gains.due * size_of > room)
        done = ~self.settled & (top <= t)
        for which, level in ((fixed, low_level), (priced, least), (done, top)):
            off = np.flatnonzero(which & ~(np.abs(self.levels - level) <= size_of))
            if len(off):
                k = int(off[0])
                return later(
                    "the level of {code} is {level:.9g}, it has to be {right:.9g}.",
                    code=self.gains.names[k],
                    level=self.levels[k],
                    right=level[k],
                )
        self.settled |= fixed | priced | done
        return None
