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

from fundalloc.language import say
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

    #: whether it has no kinks
    smooth = False

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
        return say("the value is {value:.6g}, more than the {bound:g} that it allows.", value=value, bound=bound)

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

    @abstractmethod
    def beyond(self, slopes: FloatArray, q: FloatArray, bound: float) -> float:
        """By how much slopes * x <= 0 asks for more than value <= bound does; at most 0 where it never does."""

    def same(self, other: Spread) -> bool:
        """Whether another measure of this kind measures the same."""
        return True

    def only(self, keep: IntArray) -> Spread:
        """The measure among some of the units."""
        return self


def root(rising: Callable[[float], float], low: float, high: float) -> float:
    """Where a function that crosses 0 once, perhaps at an end, does so, by bisection; `rising` may also fall."""
    up = rising(low) < rising(high)
    for _ in range(HALVINGS):
        middle = (low + high) / 2
        if (rising(middle) < 0) == up:
            low = middle
        else:
            high = middle
    return (low + high) / 2
