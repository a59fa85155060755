"""Utility: what a level of coverage is worth under alpha-fairness, and how it bends."""

from __future__ import annotations

import numpy as np

from fundalloc.problem import FloatArray

#: where the second derivative of a utility would be so many times that at the target, it grows no more
STEEPEST = 1e12


class Utility:
    """u with u' = level^-alpha; below `least` u' goes on as a straight line, so that nothing is infinite."""

    def __init__(self, alpha: float) -> None:
        self.alpha = alpha
        self.least = STEEPEST ** (-1 / (alpha + 1))

    def value(self, level: FloatArray) -> FloatArray:
        """u, but for a constant."""
        above, below = np.maximum(level, self.least), np.minimum(level - self.least, 0.0)
        power = 1 - self.alpha
        u = np.log(above) if self.alpha == 1 else (above**power - 1) / power
        return np.asarray(u + below * (self.slope(above) - 0.5 * below * self.bend(above)))

    def slope(self, level: FloatArray) -> FloatArray:
        """U'."""
        above, below = np.maximum(level, self.least), np.minimum(level - self.least, 0.0)
        return np.asarray(above**-self.alpha - below * self.bend(above))

    def bend(self, level: FloatArray) -> FloatArray:
        """-u''."""
        return np.asarray(self.alpha * np.maximum(level, self.least) ** (-self.alpha - 1))

    def chord(self, level: FloatArray) -> FloatArray:
        """(1 - level) / (u' - 1): by how much a level gives way to a force, from 1 to where it is."""
        off = level - 1.0
        near = np.abs(off) < 1e-9
        safe = np.where(near, 1.0, off)
        direct = np.maximum(level, self.least)
        rise = np.where(level > self.least, np.expm1(-self.alpha * np.log(direct)), self.slope(level) - 1.0)
        return np.where(near, 1.0 / self.alpha, -safe / np.where(near, 1.0, rise))
