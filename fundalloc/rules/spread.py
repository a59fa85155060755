"""Spread: measures of inequality as convex functions, with their tangents.

For amounts x of units with bases q and levels h = x / q, a rule `value <= g` is written as P(x) <= 0 with P
convex and homogeneous, so that whatever is spent it says the same. Then slopes * x <= 0 at any point is
kept by every x that keeps the rule: slopes is a subgradient of P.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from fundalloc import inequality
from fundalloc.problem import BoolArray, FloatArray, IntArray

#: steps in which a level is bisected
HALVINGS = 80


@dataclass(frozen=True, eq=False)
class Drawn:
    """Amounts that are drawn: minimise sum of (x - z)^2 / (2 softness) + pull * P(x) over low <= x <= high.

    now: amounts near by, whose totals may be taken for those of the result.
    """

    now: FloatArray
    z: FloatArray
    softness: FloatArray
    q: FloatArray
    low: FloatArray
    high: FloatArray
    pull: float
    bound: float


@dataclass(frozen=True, eq=False)
class Rested:
    """Where drawn amounts come to rest: exactly.

    slopes: the subgradient of P that holds them there. value: P. first: for each unit the first unit of its
    block, with which it moves at one level. loose: whether the block gives way. give: by how much level per force.
    """

    amounts: FloatArray
    slopes: FloatArray
    value: float
    first: IntArray
    loose: BoolArray
    give: FloatArray


class Spread(ABC):
    """A measure of inequality between units."""

    #: whether `rest` is exact, so that the curve can be held while the optimum is looked for
    exact = False

    def rest(self, task: Drawn) -> Rested:
        """Where drawn amounts come to rest; of exact measures only."""
        raise NotImplementedError

    def fixed(self, total: float) -> Spread:
        """The measure where what all units have together is fixed."""
        return self

    def valid(self, slopes: FloatArray, q: FloatArray, bound: float) -> FloatArray:
        """The slopes of `rest` as a subgradient of P."""
        return slopes

    @abstractmethod
    def value(self, x: FloatArray, q: FloatArray) -> float:
        """The measure itself."""

    def excess(self, x: FloatArray, q: FloatArray, bound: float) -> float:
        """How far value <= bound is missed, relative to its size."""
        return self.value(x, q) - bound

    def miss(self, value: float, bound: float) -> str:
        """Words for a value above the bound."""
        return f"the value is {value:.6g}, more than the {bound:g} that it allows."

    #: whether it is an order, whose tangents are the same whatever pulls
    ordered = False

    def allowance(self, x: FloatArray, q: FloatArray, bound: float, lot: FloatArray) -> float:
        """By how much changes of less than a lot may raise the excess."""
        paid = float(x.sum())
        return float(np.abs(self.slopes(x, q, bound)) @ lot) / paid if paid > 0 else 0.0

    def per_bound(self, x: FloatArray, q: FloatArray) -> float:
        """By how much P falls per unit of the bound."""
        return float(x.sum())

    @abstractmethod
    def slopes(self, x: FloatArray, q: FloatArray, bound: float) -> FloatArray:
        """A subgradient of P at x."""

    @abstractmethod
    def drawn(self, task: Drawn) -> FloatArray:
        """A subgradient of P where drawn amounts come to rest."""

    def only(self, keep: IntArray) -> Spread:
        """The measure among some of the units."""
        return self


class Smooth(Spread):
    """A measure whose slope at a unit depends on its own level and the totals alone."""

    @abstractmethod
    def total(self, x: FloatArray, q: FloatArray) -> float:
        """The level that the others are compared with."""

    @abstractmethod
    def slope(self, x: FloatArray, q: FloatArray, total: float, bound: float) -> FloatArray:
        """The slope of each unit at a given total; it rises with x."""

    #: levels below this part of the mean count as this part, because slopes at 0 may be infinite
    least = 1e-12

    def slopes(self, x: FloatArray, q: FloatArray, bound: float) -> FloatArray:
        """The gradient."""
        near = np.maximum(x, self.least * q * max(float(x.sum() / q.sum()), 1e-300))
        return self.slope(near, q, self.total(near, q), bound)

    def drawn(self, task: Drawn) -> FloatArray:
        """Each unit for itself, by bisection in the logarithm of its level, at the total of now."""
        mean = max(float(task.now.sum() / task.q.sum()), 1e-300)
        floor = self.least * mean
        total = self.total(np.maximum(task.now, floor * task.q), task.q)
        least = np.log(np.maximum(task.low / task.q, floor))
        most = np.log(np.maximum(np.minimum(task.high / task.q, mean / self.least), floor))
        for _ in range(HALVINGS):
            middle = (least + most) / 2
            x = task.q * np.exp(middle)
            rises = (task.z - x) / task.softness > task.pull * self.slope(x, task.q, total, task.bound)
            least, most = np.where(rises, middle, least), np.where(rises, most, middle)
        return self.slopes(task.q * np.exp((least + most) / 2), task.q, task.bound)


class Theil(Smooth):
    """P = sum x ln(h / mean)  -  t * sum x."""

    def value(self, x: FloatArray, q: FloatArray) -> float:
        """The Theil index T."""
        return inequality.theil(x, q)

    def total(self, x: FloatArray, q: FloatArray) -> float:
        """The mean level."""
        return float(x.sum() / q.sum())

    def slope(self, x: FloatArray, q: FloatArray, total: float, bound: float) -> FloatArray:
        """ln(h / mean) - t."""
        return np.asarray(np.log(x / q / total) - bound)


@dataclass(frozen=True)
class Atkinson(Smooth):
    """P = (1 - t) * sum x  -  sum q * (the level that would be as good if all had it)."""

    aversion: float

    @property
    def least(self) -> float:  # type: ignore[override]
        """The slope at this part of the mean is some 1e12."""
        return float(10.0 ** (-12 / max(self.aversion, 1.0)))

    def value(self, x: FloatArray, q: FloatArray) -> float:
        """The Atkinson index."""
        return inequality.atkinson(x, q, self.aversion)

    def total(self, x: FloatArray, q: FloatArray) -> float:
        """The level that would be as good if all had it."""
        return (1 - inequality.atkinson(x, q, self.aversion)) * float(x.sum() / q.sum())

    def slope(self, x: FloatArray, q: FloatArray, total: float, bound: float) -> FloatArray:
        """1 - t - (h / equivalent)^-aversion."""
        return np.asarray(1 - bound - np.exp(-self.aversion * np.log(x / q / total)))


def root(rising: Callable[[float], float], low: float, high: float) -> float:
    """Where a function that crosses 0 once does so, by bisection; `rising` may also fall."""
    up = rising(low) < 0
    for _ in range(HALVINGS):
        middle = (low + high) / 2
        if (rising(middle) < 0) == up:
            low = middle
        else:
            high = middle
    return (low + high) / 2
