"""Spreads: over how wide a range amounts and ranks move in many draws, and which input moves each most."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from functools import cached_property

import numpy as np

from fundalloc.contrasts import ranks
from fundalloc.influence import coefficients, needed
from fundalloc.problem import FloatArray, IntArray, Resource

#: the quantiles that are reported
QUANTILES = (0.05, 0.5, 0.95)
#: places of one region: stated, best, median, worst
Places = tuple[IntArray, FloatArray, FloatArray, FloatArray]


@dataclass(frozen=True)
class Weight:
    """One weight: the key where it stands in the policy, what it belongs to, and its part of all there, in [0, 1]."""

    key: str
    name: str
    share: float


@dataclass(frozen=True, eq=False)
class Spread:
    """The amounts of one resource in many draws.

    lots: decided, one per region. drawn: one row per draw. heads: people, None where they are not known. factors: of
    each weight, one row per draw; noise: of each column what the figure of each region was multiplied by.
    """

    resource: Resource
    lots: IntArray
    drawn: IntArray
    heads: FloatArray | None
    factors: FloatArray
    noise: Mapping[str, FloatArray]

    @property
    def lot(self) -> Decimal:
        """The lot of the resource."""
        return self.resource.lot

    @cached_property
    def quantiles(self) -> FloatArray:
        """The 5 %, 50 % and 95 % quantile of each amount in lots, interpolated linearly; NaN without draws."""
        if not len(self.drawn):
            return np.full((len(QUANTILES), len(self.lots)), np.nan)
        return np.asarray(np.quantile(self.drawn, QUANTILES, axis=0))

    @cached_property
    def width(self) -> FloatArray:
        """From the 5 % to the 95 % quantile, as a part of the decided amount; NaN where that is 0."""
        some = self.lots > 0
        return np.where(some, (self.quantiles[2] - self.quantiles[0]) / np.where(some, self.lots, 1), np.nan)

    @cached_property
    def places(self) -> Places:
        """The rank of each region by its amount: as decided, then best, median and worst of all draws."""
        return self._places(np.ones(len(self.lots)))

    @cached_property
    def head_places(self) -> Places:
        """The same by the amount a head of the people stated; 0 and NaN where there are none."""
        return self._places(np.full(len(self.lots), np.nan) if self.heads is None else self.heads)

    def _places(self, per: FloatArray) -> Places:
        counted = per > 0
        basis = np.where(counted, per, 1.0)
        stated = ranks(self.lots / basis, counted)
        if not len(self.drawn) or not counted.any():
            none = np.full(len(self.lots), np.nan)
            return stated, none, none, none
        found = np.array([ranks(row / basis, counted) for row in self.drawn], dtype=float)
        found[:, ~counted] = np.nan
        return stated, found.min(axis=0), np.median(found, axis=0), found.max(axis=0)

    @cached_property
    def _regressed(self) -> tuple[FloatArray, FloatArray]:
        """The coefficient of each input (weights first, then columns) for each region, and R² of each."""
        draws, weights = self.factors.shape
        inputs = weights + len(self.noise)
        if not inputs or draws < needed(inputs):
            return np.full((inputs, len(self.lots)), np.nan), np.full(len(self.lots), np.nan)
        results = self.drawn.astype(float)
        if not self.noise:
            return coefficients(self.factors, results)
        found = [
            coefficients(np.column_stack([self.factors, *(n[:, i] for n in self.noise.values())]), results[:, [i]])
            for i in range(len(self.lots))
        ]
        return np.hstack([c for c, _ in found]), np.concatenate([r for _, r in found])

    @property
    def coefficients(self) -> FloatArray:
        """The standardised regression coefficient of each input for each region; NaN where nothing varies."""
        return self._regressed[0]

    @property
    def explained(self) -> FloatArray:
        """R²: which part of the variance of each amount a sum of the inputs explains."""
        return self._regressed[1]

    @cached_property
    def drivers(self) -> IntArray:
        """The input that explains most of the variance of each amount, the first of equals; -1 for none."""
        strength = np.round(np.abs(self.coefficients), 9)
        if not len(strength):
            return np.full(len(self.lots), -1, dtype=np.int64)
        known = np.isfinite(strength).all(axis=0)
        return np.where(known, np.argmax(np.where(known, strength, 0.0), axis=0), -1)

    @cached_property
    def parts(self) -> FloatArray:
        """Which part of the variance of all amounts together each input explains; NaN where nothing varies."""
        if not len(self.drawn):
            return np.full(len(self.coefficients), np.nan)
        variance = self.drawn.var(axis=0)
        squares = np.nan_to_num(self.coefficients**2)
        told = np.where(np.isfinite(self.explained), variance, 0.0)
        return squares @ told / told.sum() if told.sum() > 0 else np.full(len(squares), np.nan)
