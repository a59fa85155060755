"""Soft rows: the rules as rows of size one that may be missed, asked for the least sum of misses again and again."""

from __future__ import annotations

import numpy as np

from fundalloc.arrays import of_size_one
from fundalloc.highs import Misses
from fundalloc.problem import FloatArray
from fundalloc.sparse import csr_array, diags_array, vstack


class SoftRows:
    """Rows over amounts, scaled to size one, and hard rows at least as great as is asked.

    scale: what amounts are counted in. norms: what rows over amounts are divided by. hard: rows over amounts. side:
    which bound a row is held at (1: lower, -1: upper, 0: it is not).
    """

    def __init__(self, scale: FloatArray, hard: csr_array) -> None:
        self.scale, self.hard = scale, csr_array(hard @ diags_array(scale))
        self.matrix = self.scaled = csr_array((0, len(scale)))
        self.low, self.high, self.side, self.norms = np.zeros(0), np.zeros(0), np.zeros(0), np.zeros(0)
        self.misses: Misses | None = None

    def add(self, matrix: csr_array, low: FloatArray, high: FloatArray) -> None:
        """More rows, in amounts."""
        scaled, norms = of_size_one(matrix, self.scale)
        self.scaled = csr_array(vstack([self.scaled, scaled], format="csr"))
        self.matrix = csr_array(vstack([self.matrix, diags_array(1.0 / norms) @ matrix], format="csr"))
        self.low, self.high = np.concatenate([self.low, low / norms]), np.concatenate([self.high, high / norms])
        self.side = np.concatenate([self.side, np.zeros(len(norms))])
        self.norms = np.concatenate([self.norms, norms])
        self.misses = None

    def hold(self, side: FloatArray) -> None:
        """Holds rows at one of their bounds (1: lower, -1: upper)."""
        self.side = side
        self.low, self.high = np.where(side < 0, self.high, self.low), np.where(side > 0, self.low, self.high)
        if self.misses is not None:
            self.misses.tighten(self.low, self.high)

    def missed(
        self, low: FloatArray, high: FloatArray, need: FloatArray
    ) -> tuple[float, FloatArray, FloatArray, FloatArray] | None:
        """The least sum of misses, the amounts, and the prices of the soft and the hard rows; None: no answer.

        low, high: bounds of the amounts. need: what the hard rows are not below.
        """
        if self.misses is None:
            self.misses = Misses(self.scaled, self.low, self.high, self.hard)
        answer = self.misses.solve(low / self.scale, high / self.scale, need)
        return None if answer is None else (answer[0], answer[1] * self.scale, *answer[2:])
