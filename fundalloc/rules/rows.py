"""Rows: what a rule says of amounts, as  low <= matrix @ amounts <= high."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from scipy.sparse import csr_array

from fundalloc.problem import BoolArray, FloatArray, IntArray


@dataclass(frozen=True, eq=False)
class Rows:
    """The rows of one rule on one resource, one for each place.

    matrix: places x cells, in amounts; low, high: one bound per place, infinite where there is none.
    basis: what the bounds are multiples of, one per place: low = floor * basis - what past rounds paid.
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

    def only(self, keep: BoolArray) -> Rows:
        """The rows that are kept."""
        return Rows(
            self.rule,
            self.kind,
            self.mode,
            self.resource,
            self.each,
            tuple(p for p, k in zip(self.places, keep, strict=True) if k),
            csr_array(self.matrix[np.flatnonzero(keep)]),
            self.low[keep],
            self.high[keep],
            self.basis[keep],
        )


def tolerance(rows: Rows, amounts: FloatArray) -> FloatArray:
    """How far float arithmetic may miss a bound: 1e-9 of the amounts and bounds concerned."""
    size = np.asarray(abs(rows.matrix) @ np.abs(amounts), dtype=float)
    bound = np.maximum(
        np.where(np.isfinite(rows.low), np.abs(rows.low), 0.0),
        np.where(np.isfinite(rows.high), np.abs(rows.high), 0.0),
    )
    return np.asarray(1e-9 * np.maximum(size, bound))
