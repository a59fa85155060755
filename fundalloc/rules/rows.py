"""Rows: what a rule says of amounts, as  low <= matrix @ amounts <= high."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from fundalloc.problem import BoolArray, FloatArray, IntArray
from fundalloc.sparse import csr_array, diags_array

#: float arithmetic leaves this part of what is shared out where there should be nothing
DUST = 1e-15


@dataclass(frozen=True, eq=False)
class Rows:
    """The rows of one rule on one resource, one for each place.

    matrix: places x cells, in amounts; low, high: one bound per place, infinite where there is none.
    basis: what the bounds are multiples of, one per place: low = floor * basis - what past rounds paid.
    stated: the floor and the cap of the policy, NaN where there is none. slope: how the matrix changes with
    these numbers, where it does. curve: the curve that a row is a tangent of.
    """

    rule: str
    kind: str
    mode: str
    resource: str
    each: str
    places: tuple[str, ...]
    matrix: csr_array
    low: FloatArray
    high: FloatArray
    basis: FloatArray
    stated: tuple[float, float] = (np.nan, np.nan)
    slope: csr_array | None = None
    or_nothing: bool = False
    curve: object = None

    def __len__(self) -> int:
        return len(self.places)

    def values(self, amounts: FloatArray) -> FloatArray:
        """What the rows speak of, at given amounts (one per cell)."""
        return np.asarray(self.matrix @ amounts, dtype=float)

    @cached_property
    def counts(self) -> IntArray:
        """The number of cells of each row."""
        return np.diff(self.matrix.indptr).astype(np.int64)

    @cached_property
    def plain(self) -> BoolArray:
        """Whether a row is a plain sum of amounts (all its coefficients are 1)."""
        odd = np.zeros(len(self), dtype=np.int64)
        where = np.repeat(np.arange(len(self)), self.counts)
        np.add.at(odd, where[self.matrix.data != 1.0], 1)
        return np.asarray((odd == 0) & (self.counts > 0))

    @cached_property
    def single(self) -> BoolArray:
        """Whether a row is the amount of one cell."""
        return np.asarray(self.plain & (self.counts == 1))

    def moved(self, floor: float, cap: float) -> Rows:
        """The rows with other numbers: floor and cap are what is added to those that are stated."""
        low, high = self.low.copy(), self.high.copy()
        counts = self.basis > 0
        low[counts] += floor * self.basis[counts]
        high[counts] += cap * self.basis[counts]
        if self.slope is None:
            return replace(self, low=low, high=high)
        change = np.where(np.isfinite(self.low), floor, cap)
        if np.isinf(change).any():
            change, low, high = (
                np.zeros(len(self)),
                np.where(np.isneginf(change), -np.inf, low),
                np.where(np.isposinf(change), np.inf, high),
            )
        return replace(self, matrix=csr_array(self.matrix + diags_array(change) @ self.slope), low=low, high=high)

    def without(self, cells: BoolArray) -> Rows:
        """The rows as they are where some cells are not part of them; rows of these cells alone are gone."""
        matrix = csr_array(self.matrix @ diags_array((~cells).astype(float)))
        matrix.eliminate_zeros()
        matrix.sort_indices()
        keep = np.flatnonzero((np.diff(matrix.indptr) > 0) | (self.counts == 0))
        return replace(
            self,
            places=tuple(self.places[k] for k in keep),
            matrix=matrix[keep],
            low=self.low[keep],
            high=self.high[keep],
            basis=self.basis[keep],
            slope=None if self.slope is None else self.slope[keep],
        )


def tolerance(rows: Rows, amounts: FloatArray) -> FloatArray:
    """How far float arithmetic may miss a bound: 1e-9 of the amounts and bounds concerned."""
    size = np.asarray(abs(rows.matrix) @ np.abs(amounts), dtype=float)
    bound = np.maximum(
        np.where(np.isfinite(rows.low), np.abs(rows.low), 0.0),
        np.where(np.isfinite(rows.high), np.abs(rows.high), 0.0),
    )
    return np.asarray(1e-9 * np.maximum(size, bound))


def are_kept(rows: Rows, amounts: FloatArray, size: FloatArray) -> bool:
    """Whether amounts keep rows but for float arithmetic, which also leaves DUST of what is shared out (size)."""
    values = rows.values(amounts)
    slack = tolerance(rows, amounts) + DUST * (abs(rows.matrix) @ size)
    return bool((np.maximum(rows.low - values, values - rows.high) <= slack).all())
