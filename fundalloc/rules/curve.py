"""Curve: a convex rule on the amounts of one resource, such as a cap on their inequality.

A curve has no finite set of rows. It gives tangents: rows that every allocation keeping the rule keeps
too. One of them alone, the right one, has the same optimum as the whole curve.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from fundalloc.problem import BoolArray, FloatArray
from fundalloc.rules.kinked import Order
from fundalloc.rules.rows import Rows
from fundalloc.rules.smooth import Smooth
from fundalloc.rules.spread import Drawn, Spread
from fundalloc.sparse import csr_array, diags_array

#: so many pairs per unit are written as rows
PAIRS = 20


@dataclass(frozen=True, eq=False)
class Around:
    """What draws at amounts beside a curve, one number per cell.

    amounts: where they are. z: where they would be without the curve. softness: by how much one gives way to a force.
    """

    amounts: FloatArray
    z: FloatArray
    softness: FloatArray
    low: FloatArray
    high: FloatArray


@dataclass(frozen=True, eq=False)
class Curve:
    """spread(amounts added up over units, per basis) <= at_most.

    matrix: units x cells: the regions or groups that are compared, all of them with a basis above 0. paid:
    what past rounds paid to each unit. total: what all units have together, where that is known. stated: NaN
    and the number of the policy.
    """

    rule: str
    kind: str
    mode: str
    resource: str
    each: str
    spread: Spread
    matrix: csr_array
    basis: FloatArray
    paid: FloatArray
    at_most: float
    stated: tuple[float, float]
    or_nothing: bool = False
    total: float | None = None

    places: tuple[str, ...] = ("all",)

    def __len__(self) -> int:
        return 1

    @property
    def low(self) -> FloatArray:
        """No lower bound."""
        return np.full(1, -np.inf)

    @property
    def high(self) -> FloatArray:
        """The bound on the value."""
        return np.array([self.at_most])

    @property
    def exact(self) -> bool:
        """Whether the curve can be held while the optimum is looked for."""
        return self.single and self.measured(1.0).exact

    def measured(self, unit: float) -> Spread:
        """Its measure, for amounts in a unit, with what is known of their total."""
        return self.spread if self.total is None else self.spread.fixed(self.total / unit)

    @cached_property
    def single(self) -> bool:
        """Whether every unit is one cell."""
        return bool((np.diff(self.matrix.indptr) == 1).all())

    def levels(self, amounts: FloatArray) -> FloatArray:
        """What each unit has, past rounds included."""
        return np.asarray(self.matrix @ amounts + self.paid)

    def values(self, amounts: FloatArray) -> FloatArray:
        """The value of the rule at given amounts (one per cell)."""
        return np.array([self.spread.value(np.maximum(self.levels(amounts), 0.0), self.basis)])

    def allowance(self, amounts: FloatArray, lot: FloatArray) -> float:
        """By how much rounding each amount by less than a lot (one per cell) may raise the excess."""
        levels = np.maximum(self.levels(amounts), 0.0)
        return self.spread.allowance(levels, self.basis, self.at_most, np.asarray(self.matrix @ lot))

    def per_bound(self, amounts: FloatArray) -> float:
        """What one more unit of the bound adds to the bound of a tangent, in amounts."""
        return self.spread.per_bound(self.levels(amounts), self.basis)

    def excess(self, amounts: FloatArray) -> float:
        """How far the rule is missed, relative to its size; at most 0 where it is kept."""
        return self.spread.excess(self.levels(amounts), self.basis, self.at_most)

    def tangent(self, amounts: FloatArray) -> Rows:
        """The row that touches the curve at given amounts."""
        return self.row(self.spread.slopes(np.maximum(self.levels(amounts), 0.0), self.basis, self.at_most))

    def drawn(self, around: Around, pull: float) -> Rows:
        """The row that touches the curve where amounts come to rest when the rule pulls at them.

        pull: the multiplier of the rule.
        """
        return self.row(self.spread.drawn(self._task(around, pull)))

    def bent(self, around: Around, pull: float) -> Bent:
        """The curve in second order where amounts come to rest; of smooth curves over single cells only."""
        assert isinstance(self.spread, Smooth)
        near, slopes, steep = self.spread.bent(self._task(around, pull))
        return Bent(self, self.row(slopes), near - self.paid, pull * steep)

    def _task(self, around: Around, pull: float) -> Drawn:
        cells = self.matrix.indices
        return Drawn(
            self.levels(around.amounts),
            around.z[cells] + self.paid,
            around.softness[cells],
            self.basis,
            around.low[cells] + self.paid,
            around.high[cells] + self.paid,
            pull,
            self.at_most,
        )

    def chain(self) -> Rows | None:
        """All that an order says, as rows; None for a measure, and where that would take too many."""
        if not isinstance(self.spread, Order):
            return None
        sizes = np.bincount(self.spread.ranks)
        if (sizes[1:] * sizes[:-1]).sum() > PAIRS * len(self.basis):
            return None
        pairs = self.spread.pairs()
        count, units = len(pairs), len(self.basis)
        where = np.repeat(np.arange(count), 2)
        sides = np.tile([-1.0, 1.0], count) / self.basis[pairs.ravel()]
        compare = csr_array((sides, (where, pairs.ravel())), shape=(count, units))
        size = np.sqrt(self.basis[pairs[:, 0]] * self.basis[pairs[:, 1]])
        compare = csr_array(diags_array(size) @ compare)
        places = tuple(f"pair {k}" for k in range(1, count + 1))
        return replace(
            self.touching(csr_array(compare @ self.matrix), 0.0),
            places=places,
            low=np.full(count, -np.inf),
            high=-np.asarray(compare @ self.paid),
            basis=np.zeros(count),
        )

    def row(self, slopes: FloatArray) -> Rows:
        """Slopes * (what the units have) <= 0, as a row over the cells."""
        return self.touching(csr_array(csr_array(slopes[np.newaxis, :]) @ self.matrix), -float(slopes @ self.paid))

    def touching(self, matrix: csr_array, bound: float) -> Rows:
        """A row that every allocation keeping the curve keeps: matrix * amounts <= bound."""
        return Rows(
            self.rule,
            self.kind,
            self.mode,
            self.resource,
            self.each,
            self.places,
            matrix,
            np.full(1, -np.inf),
            np.array([bound]),
            np.zeros(1),
            curve=self,
        )

    def tangents(self, row: Rows, amounts: FloatArray) -> float:
        """So many tangents a row that touches the curve at given amounts amounts to, as `per_bound` counts them.

        All of them change alike where every unit gets as much more as its basis. 1 for an order, which has no number.
        """
        if self.spread.ordered:
            return 1.0
        heads = self.matrix.indices[self.matrix.indptr[:-1]]
        own = self.spread.slopes(np.maximum(self.levels(amounts), 0.0), self.basis, self.at_most)
        return float(row.matrix.toarray().ravel()[heads] @ self.basis) / float(own @ self.basis)

    def beyond(self, row: FloatArray, high: float, totals: FloatArray) -> float:
        """By how much row * amounts <= high asks for more than the curve does where totals are fixed.

        row: one factor per cell; totals: of the resource of each cell. NaN where that cannot be told.
        """
        cells = self.matrix.indices
        total = np.unique(totals[cells])
        if len(total) != 1 or not np.isfinite(total[0]):
            return float("nan")
        heads = cells[self.matrix.indptr[:-1]]
        mixed = -(high + row[heads] @ self.paid) / (total[0] + self.paid.sum())
        slopes = row[heads] + mixed
        outside = totals == total[0]
        outside[cells] = False
        alike = np.abs(np.asarray(self.matrix.T @ slopes)[cells] - mixed - row[cells]).max(initial=0.0)
        size = float(np.abs(slopes).max(initial=1e-300))
        rest = max(float((row[outside] + mixed).max(initial=0.0)), float(alike))
        return max(self.spread.beyond(slopes, self.basis, self.at_most), rest / size)

    def moved(self, floor: float, cap: float) -> Curve:
        """The curve with another bound; `cap` is what is added."""
        return replace(self, at_most=self.at_most + cap)

    def without(self, cells: BoolArray) -> Curve:
        """The curve as it is where some cells are not part of it; units of these cells alone are gone."""
        matrix = csr_array(self.matrix @ diags_array((~cells).astype(float)))
        matrix.eliminate_zeros()
        matrix.sort_indices()
        keep = np.flatnonzero(np.diff(matrix.indptr) > 0)
        return replace(
            self, matrix=matrix[keep], basis=self.basis[keep], paid=self.paid[keep], spread=self.spread.only(keep)
        )


@dataclass(frozen=True, eq=False)
class Bent:
    """A curve in second order: row: its tangent; near: the amounts there, one per unit; steep: by how much its pull
    rises with an amount.
    """

    curve: Curve
    row: Rows
    near: FloatArray
    steep: FloatArray

    def off(self, amounts: FloatArray, softness: FloatArray) -> FloatArray:
        """By how much amounts would move if the curve were its tangent alone; one per unit."""
        cells = self.curve.matrix.indices
        return np.asarray(self.steep * np.abs(amounts[cells] - self.near) * softness[cells])
