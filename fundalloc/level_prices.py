"""An inequality that proves how high levels can be: the prices of a linear program, added up by our own arithmetic."""

from __future__ import annotations

from typing import Protocol

import numpy as np

from fundalloc.gains import Gains
from fundalloc.problem import BoolArray, FloatArray, IntArray
from fundalloc.soft import SoftRows


class Climbing(Protocol):
    """The state of a climb: what is settled of amounts, rows and levels.

    single: levels of one amount each, that of `cell`, which is `due` at level 1. reached: the last level.
    """

    gains: Gains
    rows: SoftRows
    single: BoolArray
    cell: IntArray
    due: FloatArray
    low: FloatArray
    high: FloatArray
    reached: float

    @property
    def open(self) -> BoolArray:
        """The levels that are not settled."""

    @property
    def top(self) -> FloatArray:
        """How high each level could be if nothing but its own caps held it."""

    def at(self, t: float) -> tuple[FloatArray, FloatArray]:
        """The lower bounds of the amounts, and of the gains, with every open level at t or at its top."""


#: a price of a row below this part of the largest one is noise; a sum of prices below this part of its terms
FAINT, NOISE = 1e-10, 1e-9
#: a sum is right to this part of its terms; a price then proves that no level is higher by more than that part
EXACT, HIGHER = 1e-13, 1e-6


class Prices:
    """An inequality that every allocation keeping the rules keeps: prices of rows and of gains, added up."""

    def __init__(self, climb: Climbing, rows: FloatArray, gains: FloatArray) -> None:
        self.climb = climb
        rows = np.where(np.abs(rows) > FAINT * np.abs(rows).max(initial=0.0), rows, 0.0)
        rows = np.where((rows > 0) & np.isfinite(climb.rows.low), rows, np.minimum(rows, 0.0))
        self.rows = np.where((rows < 0) & ~np.isfinite(climb.rows.high), 0.0, rows)
        size = gains * climb.gains.due
        self.gains = np.where(size > FAINT * size.max(initial=0.0), gains, 0.0)
        self.cells = np.asarray(climb.rows.matrix.T @ self.rows + climb.gains.matrix.T @ self.gains)
        terms = np.asarray(abs(climb.rows.matrix).T @ np.abs(self.rows) + climb.gains.matrix.T @ self.gains)
        self.firm = np.abs(self.cells) > NOISE * terms
        bound = np.where(self.rows > 0, climb.rows.low, np.where(self.rows < 0, climb.rows.high, 0.0))
        self.bound = float(self.rows @ bound)

    def spare(self, t: float, exact: float = EXACT) -> float:
        """By how much the inequality is kept at best with open levels at t, but for noise; falls with t."""
        kept, size = self._sum(t)
        return 0.0 if abs(kept) <= exact * size else kept

    def noise(self, t: float) -> float:
        """What the inequality may miss by at t for noise alone."""
        return EXACT * self._sum(t)[1]

    def _sum(self, t: float) -> tuple[float, float]:
        low, need = self.climb.at(t)
        parts = np.where(self.cells > 0, self.cells * self.climb.high, self.cells * low)
        asked = self.gains * need
        size = float(np.abs(parts).sum() + np.abs(asked).sum()) + abs(self.bound)
        return float(parts.sum()) - self.bound - float(asked.sum()), size

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
