"""Pieces: what bounds a face (lines, sums of absolute values, smooth curves), its reach, what is sought on it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from fundalloc.problem import BoolArray, FloatArray, IntArray
from fundalloc.rules import Curve
from fundalloc.rules.smooth import Smooth
from fundalloc.sparse import csr_array
from fundalloc.utility import Utility


@dataclass(frozen=True, eq=False)
class Linear:
    """A cost of so much for each variable."""

    each: FloatArray

    def value(self, v: FloatArray) -> float:
        """The cost."""
        return float(self.each @ v)

    def slopes(self, v: FloatArray) -> FloatArray:
        """What a little more of each variable costs."""
        return self.each

    def curvature(self, v: FloatArray) -> FloatArray:
        """Rows whose squares are the curvature: none."""
        return np.zeros((0, len(v)))


@dataclass(frozen=True, eq=False)
class Unfair:
    """-sum weight * u(rows @ v): what alpha-fairness costs."""

    rows: FloatArray
    weight: FloatArray
    utility: Utility

    def value(self, v: FloatArray) -> float:
        """The cost."""
        return -float(self.weight @ self.utility.value(self.rows @ v))

    def slopes(self, v: FloatArray) -> FloatArray:
        """What a little more of each variable costs."""
        return np.asarray(-self.rows.T @ (self.weight * self.utility.slope(self.rows @ v)))

    def curvature(self, v: FloatArray) -> FloatArray:
        """Rows whose squares are the curvature."""
        return np.asarray(np.sqrt(self.weight * self.utility.bend(self.rows @ v))[:, None] * self.rows)


Cost = Linear | Unfair


@dataclass(frozen=True, eq=False)
class Lines:
    """rows @ v >= bound, rows of size one; drawn: whether a row was drawn from a curve."""

    rows: FloatArray
    bound: FloatArray
    drawn: BoolArray

    def where(self, keep: BoolArray) -> Lines:
        """Some of the rows."""
        return Lines(self.rows[keep], self.bound[keep], self.drawn[keep])

    def and_more(self, rows: FloatArray, bound: FloatArray, *, drawn: bool = True) -> Lines:
        """With further rows. drawn: whether from a curve."""
        which = np.concatenate([self.drawn, np.full(len(bound), drawn)])
        return Lines(np.vstack([self.rows, rows]), np.concatenate([self.bound, bound]), which)


@dataclass(frozen=True, eq=False)
class Reach:
    """How far v that keep everything can lie apart: each variable by `far`, those of one pool by one of them in all.

    pool: numbers of pools; -1 for a variable of its own.
    """

    far: FloatArray
    pool: IntArray

    def most(self, pull: FloatArray) -> float:
        """The most that pull @ v can differ by."""
        each = np.abs(pull) * self.far
        pooled = np.zeros(int(self.pool.max(initial=-1)) + 1)
        np.maximum.at(pooled, self.pool[self.pool >= 0], each[self.pool >= 0])
        return float(each[self.pool < 0].sum() + pooled.sum())

    def and_one(self, far: float) -> Reach:
        """With one more variable."""
        return Reach(np.append(self.far, far), np.append(self.pool, -1))

    def less_one(self) -> Reach:
        """Without the last variable."""
        return Reach(self.far[:-1], self.pool[:-1])


@dataclass(frozen=True, eq=False)
class Sum:
    """sum of weight * |parts @ v + start| <= slope @ v + most.

    curve: what says so. pairs: the two units that each part compares, where it does.
    """

    curve: Curve
    parts: csr_array
    start: FloatArray
    weight: FloatArray
    slope: FloatArray
    most: float
    pairs: IntArray | None

    def spare(self, v: FloatArray) -> float:
        """By how much the sum itself is kept."""
        return float(self.slope @ v) + self.most - float(self.weight @ np.abs(self.parts @ v + self.start))


@dataclass(frozen=True, eq=False)
class Bend:
    """P(units @ v + start) + slope @ v <= 0, P that of a smooth measure of units with a basis; curve: what says so."""

    curve: Curve
    spread: Smooth
    bound: float
    units: FloatArray
    start: FloatArray
    basis: FloatArray
    slope: FloatArray

    def at(self, v: FloatArray) -> tuple[float, FloatArray]:
        """What is to spare, and its gradient."""
        y = np.maximum(self.units @ v + self.start, 0.0)
        slopes = self.spread.slopes(y, self.basis, self.bound)
        return -float(slopes @ y) - float(self.slope @ v), -(self.units.T @ slopes) - self.slope

    def curvature(self, v: FloatArray) -> FloatArray:
        """Rows whose squares are that of P, which is homogeneous: nothing along the amounts themselves."""
        y = np.maximum(self.units @ v + self.start, 0.0)
        middle = self.spread.middle(np.maximum(y, self.spread.least * self.basis * y.sum()), self.basis)
        ratio = np.maximum(y / self.basis / middle, self.spread.least)
        steep = self.spread.bend(ratio) / (self.basis * middle)
        root = np.sqrt(steep)
        own = root * y / np.sqrt(float(steep @ (y * y)))
        apart = np.eye(len(y)) - np.outer(own, own)
        return np.asarray((apart * root) @ self.units)
