"""Unfolding: the rules of a system and its curves as the face of all that they allow.

Measures with kinks are linear once it is known who stands above whom: Gini is a sum of absolute values over pairs,
Hoover one over units; the ratio compares all with a level of its own and a multiple of it, an order each rank with a
level between it and the next.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from fundalloc.faces import Face
from fundalloc.pieces import Bend, Lines, Reach, Sum
from fundalloc.problem import FloatArray, IntArray
from fundalloc.rules import Curve
from fundalloc.rules.kinked import Gini, Hoover, Order
from fundalloc.rules.ratio import Ratio
from fundalloc.rules.smooth import Smooth
from fundalloc.sparse import csr_array
from fundalloc.system import System, supply_rows

#: more amounts, or pairs of units that are compared, would take minutes and gigabytes
MOST, PAIRS = 1_500, 100_000


def too_large(base: System, curves: Sequence[Curve]) -> bool:
    """Whether there is too much to unfold."""
    pairs = sum(len(c.basis) * (len(c.basis) - 1) // 2 for c in curves if isinstance(c.spread, Gini))
    return base.problem.cells > MOST or pairs > PAIRS


class Unfolded:
    """Rows, sums and bends of a system and of curves, over its amounts and what curves are compared with."""

    def __init__(self, base: System, curves: Sequence[Curve]) -> None:
        problem = base.problem
        self.base, self.cells = base, problem.cells
        self.high = np.minimum(base.high, problem.size)
        mean = np.repeat([r.size / problem.n for r in problem.resources], problem.n)
        self.scale = np.where(problem.target > 0, np.maximum(np.maximum(problem.target, base.low), 1e-3 * mean), mean)
        self.far = 2 * problem.size / self.scale
        self.more = sum(map(_levels, curves))
        self.extra: list[float] = []
        self.reach: list[float] = []
        self.v = np.clip(problem.target, base.low, np.maximum(self.high, base.low)) / self.scale
        self.equal: list[tuple[FloatArray, FloatArray]] = []
        self.lines: list[tuple[FloatArray, FloatArray]] = []
        self.drawn: list[tuple[FloatArray, FloatArray]] = []
        self.sums: list[Sum] = []
        self.bends: list[Bend] = []
        self.levelled: list[tuple[Curve, int]] = []
        self._rows()
        for curve in curves:
            self._curve(curve)

    def _add(self, to: list[tuple[FloatArray, FloatArray]], rows: FloatArray, bound: FloatArray) -> None:
        size = np.linalg.norm(rows, axis=1)
        some = size > 0
        rows = np.hstack([rows, np.zeros((len(rows), self.cells + self.more - rows.shape[1]))])
        to.append((rows[some] / size[some, None], np.asarray(bound)[some] / size[some]))

    def _rows(self) -> None:
        base, problem = self.base, self.base.problem
        supply, totals = supply_rows(base)
        totals = totals * np.array([problem.resources[r].size for r in base.supplies])
        self._add(self.equal, supply.toarray() * self.scale, totals)
        rows = base.matrix.toarray() * self.scale
        same = base.row_low == base.row_high
        self._add(self.equal, rows[same], base.row_low[same])
        low, high = np.isfinite(base.row_low) & ~same, np.isfinite(base.row_high) & ~same
        self._add(self.lines, rows[low], base.row_low[low])
        self._add(self.lines, -rows[high], -base.row_high[high])
        own, fixed = np.eye(self.cells), self.high <= base.low
        self._add(self.equal, own[fixed], base.low[fixed] / self.scale[fixed])
        self._add(self.lines, own[~fixed], (base.low / self.scale)[~fixed])
        self._add(self.lines, -own[~fixed], -(self.high / self.scale)[~fixed])

    def _curve(self, curve: Curve) -> None:
        size = float(self.base.problem.size[curve.matrix.indices].max(initial=0.0)) or 1.0
        units, start = curve.matrix.toarray() * self.scale / size, curve.paid / size
        weight, count = curve.basis / curve.basis.sum(), len(curve.basis)
        spread = curve.spread
        if count < 2:
            return
        wide = np.hstack([units, np.zeros((count, self.more))])
        if isinstance(spread, Smooth):
            self.bends.append(Bend(curve, spread, curve.at_most, wide, start, weight, np.zeros(wide.shape[1])))
        elif isinstance(spread, (Gini, Hoover)):
            pairs = np.column_stack(np.triu_indices(count, 1)) if isinstance(spread, Gini) else None
            compare = (np.eye(count) - weight[:, None]) / 2 if pairs is None else _compared(weight, pairs)
            parts, middle = compare @ wide, compare @ start
            norm = np.linalg.norm(parts, axis=1)
            norm = np.where(norm > 0, norm, 1.0)
            slope, most = curve.at_most * wide.sum(axis=0), curve.at_most * float(start.sum())
            self.sums.append(Sum(curve, csr_array(parts / norm[:, None]), middle / norm, norm, slope, most, pairs))
        else:
            self._levels(curve, units / weight[:, None], start / weight)

    def _levels(self, curve: Curve, units: FloatArray, start: FloatArray) -> None:
        """Rows that compare units with levels of the curve's own."""
        spread, first = curve.spread, self.cells + len(self.extra)
        levels = units @ self.v + start
        unit, mean = np.eye(self.cells + self.more), float(levels.mean()) or 1.0
        rows = []

        def row(k: int, sign: float, level: int, size: float = 1.0) -> None:
            one = -sign * size * mean * unit[first + level]
            one[: self.cells] += sign * units[k]
            rows.append((one, -sign * start[k]))

        if isinstance(spread, Order):
            count = int(spread.ranks.max())
            for k, rank in enumerate(spread.ranks.tolist()):
                if rank < count:
                    row(k, 1.0, rank)
                if rank > 0:
                    row(k, -1.0, rank - 1)
            self.extra += [1.0] * count
        else:
            for k in range(len(start)):
                row(k, 1.0, 0)
                row(k, -1.0, 0, curve.at_most)
            self.extra.append(float(levels.min()) / mean)
            self.levelled.append((curve, first))
        far = float((np.abs(units) @ np.abs(self.v + self.far) + start).max()) / mean
        self.reach += [far] * (len(self.extra) - first + self.cells)
        self._add(self.drawn, np.array([r for r, _ in rows]), np.array([b for _, b in rows]))

    def face(self) -> Face | None:
        """All that the rules allow, with a point inside; None where nothing keeps them."""
        v = np.concatenate([self.v, self.extra])
        rows, bound = (np.concatenate([part[k] for part in self.equal]) for k in (0, 1))
        stated, least = (np.concatenate([part[k] for part in self.lines]) for k in (0, 1))
        lines = Lines(stated, least, np.zeros(len(least), dtype=bool))
        for more in self.drawn:
            lines = lines.and_more(*more)
        problem = self.base.problem
        pool = np.concatenate([np.repeat(np.arange(len(problem.resources)), problem.n), np.full(self.more, -1)])
        reach = Reach(np.concatenate([self.far, self.reach]), pool)
        whole = Face(
            v,
            reach,
            self.scale,
            np.eye(len(v)),
            lines,
            tuple(self.sums),
            tuple(self.bends),
            tuple(self.levelled),
        )
        start = whole.met(rows, bound)
        return None if start is None else start.inside()


def _levels(curve: Curve) -> int:
    """So many levels of its own a curve compares amounts with."""
    if isinstance(curve.spread, Order):
        return int(curve.spread.ranks.max())
    return int(isinstance(curve.spread, Ratio) and len(curve.basis) > 1)


def _compared(weight: FloatArray, pairs: IntArray) -> FloatArray:
    """Rows that compare each two units: the weight of one times what the other has, and the other way round."""
    first, second = pairs.T
    found = np.zeros((len(first), len(weight)))
    place = np.arange(len(first))
    found[place, first], found[place, second] = weight[second], -weight[first]
    return found
