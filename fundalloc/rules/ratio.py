"""The ratio of the best-off to the worst-off, as a convex function with its tangents."""

from __future__ import annotations

import numpy as np

from fundalloc import inequality
from fundalloc.problem import BoolArray, FloatArray
from fundalloc.rules.kinked import apart
from fundalloc.rules.spread import Drawn, Rested, Spread, root


class Ratio(Spread):
    """P = (greatest level - r * least level) * sum q."""

    def value(self, x: FloatArray, q: FloatArray) -> float:
        """The level of the best-off as a multiple of that of the worst-off."""
        return inequality.ratio(x, q)

    def excess(self, x: FloatArray, q: FloatArray, bound: float) -> float:
        """What the greatest level is above r times the least one, in greatest levels."""
        levels = x / q
        top = float(levels.max())
        return (top - bound * float(levels.min())) / top if top > 0 else 0.0

    def allowance(self, x: FloatArray, q: FloatArray, bound: float, lot: FloatArray) -> float:
        """A lot more for the best-off, a lot less for the worst-off."""
        top = float((x / q).max())
        return float((1 + bound) * (lot / q).max()) / top if top > 0 else 0.0

    def per_bound(self, x: FloatArray, q: FloatArray) -> float:
        """The least level, times all of the basis."""
        return float((x / q).min() * q.sum())

    def slopes(self, x: FloatArray, q: FloatArray, bound: float) -> FloatArray:
        """The best-off share one unit, the worst-off r of them."""
        levels = x / q
        best, worst = (levels == levels.max()).astype(float), (levels == levels.min()).astype(float)
        return np.asarray((best / best.sum() - bound * worst / worst.sum()) / q * q.sum())

    exact = True

    def drawn(self, task: Drawn) -> FloatArray:
        """Those above one level are drawn down to it, those below another one up to it."""
        return self.rest(task).slopes

    def beyond(self, slopes: FloatArray, q: FloatArray, bound: float) -> float:
        """Even if all that are pulled down stand as high above the others as is allowed."""
        pull = slopes * q
        up, down = float(pull[pull > 0].sum()), -float(pull[pull < 0].sum())
        return (bound * up - down) / max(up + down, 1e-300)

    def rest(self, task: Drawn) -> Rested:
        """Those above one level are drawn down to it, those below another one up to it."""
        q, s = task.q, task.softness
        x = np.clip(task.z, task.low, task.high)
        if task.pull <= 0:
            slopes = self.slopes(x, q, task.bound)
            return apart(task, x, slopes, float(slopes @ x))
        force, people = task.pull * float(q.sum()), float(q.sum())
        top = _held(task.z, s, q, task.low, task.high, force)
        worst = -_held(-task.z, s, q, -task.high, -task.low, force * task.bound)
        if top < worst:
            top = worst = self._level(task, force * (1 - task.bound))
        levels = np.clip(np.clip(x / q, worst, top), task.low / q, task.high / q)
        down, up = levels >= top, levels <= worst
        floors, caps = (np.isclose(levels, ends / q, 1e-13, 0) for ends in (task.low, task.high))
        above, below = (floors | caps, floors | caps) if top == worst else (floors, caps)
        best = _parts(q * (task.z - q * levels) / s, down, above, caps, force)
        least = _parts(q * (q * levels - task.z) / s, up, below, floors, force * task.bound)
        slopes = np.asarray((best - task.bound * least) / q * people)
        first = np.arange(len(x))
        first[down], first[up] = int(np.argmax(down)), int(np.argmax(up))
        steep = np.bincount(first, q * q / s, len(x))
        edge = (levels <= task.low / q) | (levels >= task.high / q)
        held = np.bincount(first, edge, len(x))
        return Rested(
            np.clip(q * levels, task.low, task.high),
            slopes,
            float((levels.max() - task.bound * levels.min()) * people),
            first,
            held[first] == 0,
            1.0 / steep[first],
        )

    @staticmethod
    def _level(task: Drawn, force: float) -> float:
        """The one level at which all rest."""
        q, s = task.q, task.softness
        level = (float((q * task.z / s).sum()) - force) / float((q * q / s).sum())
        return min(max(level, float((task.low / q).max())), float((task.high / q).min()))


def _held(z: FloatArray, s: FloatArray, q: FloatArray, low: FloatArray, high: FloatArray, force: float) -> float:
    """The level down to which a force holds the best-off, not below the highest floor."""
    stands = np.minimum(z, high) / q

    def short(level: float) -> float:
        return force - float((np.where(stands > level, q * (z - q * level) / s, 0.0)).sum())

    floor = float((low / q).max())
    if np.isfinite(floor) and short(floor) >= 0:
        return floor
    best = int(np.argmax(stands))  # on its own it takes the whole force at this level
    alone = float((z[best] - force * s[best] / q[best]) / q[best])
    return root(short, max(floor, min(alone, float(stands[best]))), float(stands[best]))


def _parts(wish: FloatArray, held: BoolArray, more: BoolArray, less: BoolArray, force: float) -> FloatArray:
    """The parts of a force that hold units at their level, adding up to 1.

    more, less: units at an edge, which may take more of it, or less, than would hold them.
    """
    parts = np.where(held, np.maximum(wish, 0.0), 0.0)
    missing = force - float(parts.sum())
    if missing > 0:
        takers = held & more if (held & more).any() else held
        parts = parts + np.where(takers, missing / takers.sum(), 0.0)
    else:
        spare = float(parts[less].sum())
        parts = np.where(less, parts * max(1 + missing / max(spare, 1e-300), 0.0), parts)
    return np.asarray(parts / parts.sum())
