"""Measures of inequality without kinks: each amount comes to rest for itself at a given middle of all."""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass, replace

import numpy as np

from fundalloc import inequality
from fundalloc.problem import FloatArray
from fundalloc.rules.spread import HALVINGS, Drawn, Rested, Spread

#: levels below this part of the mean are next to nothing: slopes change fast there
LITTLE = 1e-3
#: amounts within this part of a bound of their own are held by it: bisection ends beside it
EDGE = 1e-12


@dataclass(frozen=True)
class Smooth(Spread):
    """A measure whose slope at a unit depends on its own level and one level of all.

    total: what all units have together, where that is fixed; then every unit rests for itself.
    """

    total: float | None = None

    smooth = True

    #: levels below this part of the mean count as this part, because slopes at 0 may be infinite
    least = 1e-12

    @property
    def exact(self) -> bool:  # type: ignore[override]
        """Whether the total is known."""
        return self.total is not None and self.total > 0

    def fixed(self, total: float) -> Smooth:
        """The measure where the total is fixed."""
        return replace(self, total=total)

    @abstractmethod
    def middle(self, x: FloatArray, q: FloatArray) -> float:
        """The level that the others are compared with."""

    @abstractmethod
    def edge(self, mean: float, bound: float) -> float:
        """The middle of amounts that are just as unequal as is allowed."""

    @abstractmethod
    def slope(self, ratio: FloatArray, bound: float) -> FloatArray:
        """The slope of P at units whose levels are given in middles; it rises with them."""

    @abstractmethod
    def bend(self, ratio: FloatArray) -> FloatArray:
        """By how much the slope rises with that ratio."""

    @abstractmethod
    def ratio_at(self, slopes: FloatArray, bound: float) -> FloatArray:
        """The ratio at which `slope` is as given."""

    @abstractmethod
    def conjugate(self, slopes: FloatArray, weight: FloatArray, bound: float) -> float:
        """At most 0 where slopes * x <= P(x) for all amounts x."""

    def beyond(self, slopes: FloatArray, q: FloatArray, bound: float) -> float:
        """`conjugate` at the best size of the slopes, by golden section: it is convex in the size."""
        weight, unit = q / q.sum(), max(float(np.abs(slopes).max()), 1e-300)
        low, high = -30.0, 30.0
        cut = (5**0.5 - 1) / 2

        def at(logarithm: float) -> float:
            found = self.conjugate(slopes / unit * np.exp(logarithm), weight, bound)
            return found if np.isfinite(found) else np.inf

        while high - low > 1e-9:
            one, two = high - cut * (high - low), low + cut * (high - low)
            low, high = (low, two) if at(one) <= at(two) else (one, high)
        return at((low + high) / 2)

    @abstractmethod
    def missed(self, ratio: FloatArray, weight: FloatArray, bound: float) -> float:
        """By how much units with given ratios and weights (parts of the basis) miss the bound, in middles.

        Its slope is `slope`; it is 0 at amounts with the fixed total that are just as unequal as is allowed.
        """

    def slopes(self, x: FloatArray, q: FloatArray, bound: float) -> FloatArray:
        """The gradient."""
        some = self._some(x, q)
        return self.slope(some / q / self.middle(some, q), bound)

    def valid(self, slopes: FloatArray, q: FloatArray, bound: float) -> FloatArray:
        """The slopes at the middle that the levels behind them really have."""
        ratio = np.maximum(self.ratio_at(slopes, bound), self.least)
        return self.slope(ratio / self.middle(ratio * q, q), bound)

    def rest(self, task: Drawn) -> Rested:
        """Each unit for itself, by bisection in the logarithm of its level; at a fixed total."""
        if self.total is None:
            raise NotImplementedError
        people = float(task.q.sum())
        middle = self.edge(self.total / people, task.bound)
        x = np.clip(task.z, task.low, task.high) if task.pull <= 0 else self._still(task, middle)
        ratio = np.maximum(x / task.q / middle, self.least)
        steep = 1.0 / task.softness + task.pull * self.bend(ratio) / (task.q * middle)
        return Rested(
            x,
            self.slope(ratio, task.bound),
            middle * people * self.missed(x / task.q / middle, task.q / people, task.bound),
            np.arange(len(x)),
            (x > task.low * (1 + EDGE)) & (x < task.high * (1 - EDGE)),
            1.0 / (steep * task.q**2),
        )

    def drawn(self, task: Drawn) -> FloatArray:
        """Each unit for itself, at the middle of now."""
        return self.slopes(self._near(task), task.q, task.bound)

    def bent(self, task: Drawn) -> tuple[FloatArray, FloatArray, FloatArray]:
        """Where amounts are (those that are next to nothing: where they come to rest), the gradient there, its rise."""
        little = task.now < LITTLE * task.q * task.now.sum() / task.q.sum()
        x = np.where(little, self._near(task), task.now) if task.pull > 0 else task.now
        middle = self.middle(self._some(x, task.q), task.q)
        ratio = self._some(x, task.q) / task.q / middle
        return x, self.slope(ratio, task.bound), self.bend(ratio) / (task.q * middle)

    def _some(self, x: FloatArray, q: FloatArray) -> FloatArray:
        """Amounts of which none is nothing."""
        return np.maximum(x, self.least * q * max(float(x.sum() / q.sum()), 1e-300))

    def _near(self, task: Drawn) -> FloatArray:
        return self._still(task, self.middle(self._some(task.now, task.q), task.q))

    def _still(self, task: Drawn, middle: float) -> FloatArray:
        """Where each unit comes to rest, by bisection in the logarithm of its level."""
        least = np.log(np.maximum(task.low / task.q / middle, self.least))
        most = np.log(np.maximum(np.minimum(task.high / task.q / middle, 1 / self.least), self.least))
        for _ in range(HALVINGS):
            mid = (least + most) / 2
            ratio = np.exp(mid)
            force = (task.z - task.q * middle * ratio) / task.softness
            rises = force > task.pull * self.slope(ratio, task.bound)
            least, most = np.where(rises, mid, least), np.where(rises, most, mid)
        return np.asarray(np.clip(task.q * middle * np.exp((least + most) / 2), task.low, task.high))


class Theil(Smooth):
    """P = sum x ln(h / mean)  -  t * sum x."""

    def value(self, x: FloatArray, q: FloatArray) -> float:
        """The Theil index T."""
        return inequality.theil(x, q)

    def middle(self, x: FloatArray, q: FloatArray) -> float:
        """The mean level."""
        return float(x.sum() / q.sum())

    def edge(self, mean: float, bound: float) -> float:
        """The mean level."""
        return mean

    def slope(self, ratio: FloatArray, bound: float) -> FloatArray:
        """ln(h / mean) - t."""
        return np.asarray(np.log(ratio) - bound)

    def bend(self, ratio: FloatArray) -> FloatArray:
        """Mean / h."""
        return np.asarray(1.0 / ratio)

    def ratio_at(self, slopes: FloatArray, bound: float) -> FloatArray:
        """The ratio behind a slope."""
        return np.asarray(np.exp(slopes + bound))

    def conjugate(self, slopes: FloatArray, weight: FloatArray, bound: float) -> float:
        """The mean of e^(slope + t), less 1."""
        with np.errstate(over="ignore"):
            return float(weight @ np.exp(slopes + bound)) - 1

    def missed(self, ratio: FloatArray, weight: FloatArray, bound: float) -> float:
        """1 + sum of r ln r - r - t r."""
        logs = np.log(np.maximum(ratio, 1e-300))
        return 1 + float((weight * ratio * (logs - 1 - bound)).sum())


@dataclass(frozen=True)
class Atkinson(Smooth):
    """P = (1 - t) * sum x  -  sum q * (the level that would be as good if all had it)."""

    aversion: float = 0.5

    def same(self, other: Spread) -> bool:
        """Whether the aversion is the same."""
        return isinstance(other, Atkinson) and other.aversion == self.aversion

    @property
    def least(self) -> float:  # type: ignore[override]
        """The slope at this part of the mean is some 1e12."""
        return float(10.0 ** (-12 / max(self.aversion, 1.0)))

    def value(self, x: FloatArray, q: FloatArray) -> float:
        """The Atkinson index."""
        return inequality.atkinson(x, q, self.aversion)

    def middle(self, x: FloatArray, q: FloatArray) -> float:
        """The level that would be as good if all had it."""
        return (1 - inequality.atkinson(x, q, self.aversion)) * float(x.sum() / q.sum())

    def edge(self, mean: float, bound: float) -> float:
        """What the mean is worth at least."""
        return (1 - bound) * mean

    def slope(self, ratio: FloatArray, bound: float) -> FloatArray:
        """1 - t - (h / middle)^-aversion."""
        return np.asarray(1 - bound - np.exp(-self.aversion * np.log(ratio)))

    def bend(self, ratio: FloatArray) -> FloatArray:
        """How fast that rises."""
        return np.asarray(self.aversion * np.exp(-(self.aversion + 1) * np.log(ratio)))

    def ratio_at(self, slopes: FloatArray, bound: float) -> FloatArray:
        """The ratio behind a slope."""
        return np.asarray(np.exp(-np.log(1 - bound - slopes) / self.aversion))

    def conjugate(self, slopes: FloatArray, weight: FloatArray, bound: float) -> float:
        """1 less a mean of what is missing from 1 - t, the mean whose conjugate the index is."""
        missing = 1 - bound - slopes
        if not (missing > 0).all():
            return np.inf
        logs = np.log(missing)
        power = (self.aversion - 1) / self.aversion
        mean = weight @ logs if power == 0 else np.log(weight @ np.exp(power * logs)) / power
        return float(-np.expm1(mean))

    def missed(self, ratio: FloatArray, weight: FloatArray, bound: float) -> float:
        """(1 - t) sum of r, less 1, and the sum of (1 - r^(1 - aversion)) / (1 - aversion)."""
        logs = np.log(np.maximum(ratio, self.least))
        power = 1 - self.aversion
        worth = -logs if power == 0 else -np.expm1(power * logs) / power
        return (1 - bound) * float((weight * ratio).sum()) - 1 + float((weight * worth).sum())
