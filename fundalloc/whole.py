"""A system in whole numbers, and how near to its optimum amounts are by weak duality, without any rounding."""

from __future__ import annotations

import math
from collections.abc import Sequence
from fractions import Fraction
from functools import cached_property

import numpy as np

from fundalloc.equations import in_whole_numbers
from fundalloc.optimum import Optimum
from fundalloc.problem import BoolArray, FloatArray
from fundalloc.system import SNAP, System

#: where no exact optimum is found, amounts may be this part of the distance from the optimum
NEAR = 1e-9
SNAPPED = Fraction(SNAP)


def snapped(bound: float, lot: Fraction) -> Fraction:
    """A bound; what is a whole number of lots but for float noise is whole."""
    top, bottom = bound.as_integer_ratio()
    over, under = top * lot.denominator, bottom * lot.numerator
    whole = (2 * over + under) // (2 * under)
    near = abs(over - whole * under) * SNAPPED.denominator <= SNAPPED.numerator * under
    return Fraction(whole * lot.numerator, lot.denominator) if near else Fraction(top, bottom)


def _bound(bound: float, lot: Fraction | None) -> Fraction | None:
    """A bound, None where there is none; lot: of amounts that are added up."""
    if not math.isfinite(bound):
        return None
    return Fraction(bound) if lot is None else snapped(bound, lot)


class WholeNumbers:
    """A system in whole numbers.

    centre, pull: over one denominator `over`; the amounts of free cells are centre + pull * (forces). rows: the fixed
    totals, then the coupling rows, each as pairs of cell and factor, all times its `scale`. sizes: what is shared out.
    """

    def __init__(self, system: System) -> None:
        problem = self.problem = system.problem
        self.system = system
        lots = [Fraction(one.lot) for one in problem.resources]
        totals = [
            one.lots * lot if one.lots is not None else Fraction(one.size)
            for one, lot in zip(problem.resources, lots, strict=True)
        ]
        sizes = [t if t > 0 else lot for t, lot in zip(totals, lots, strict=True)]
        centre, one = in_whole_numbers(problem.centre)
        soft, two = in_whole_numbers(problem.softness)
        self.sizes = sizes
        below = math.lcm(*(s.denominator for s in sizes))
        self.over = math.lcm(one, two * below)
        factors = [int(s * below) * (self.over // (two * below)) for s in sizes]
        n = problem.n
        self.centre = [c * (self.over // one) for c in centre]
        self.pull = [d * factors[c // n] for c, d in enumerate(soft)]
        self.low = self._bounds(system.low, lots)
        self.high = self._bounds(system.high, lots)
        matrix = system.matrix
        self.rows: list[list[tuple[int, int]]] = []
        self.scale: list[int] = []
        self.bounds: list[tuple[Fraction | None, Fraction | None]] = []
        for r in system.supplies:
            self.rows.append([(c, 1) for c in range(r * n, (r + 1) * n)])
            self.scale.append(1)
            self.bounds.append((totals[r], totals[r]))
        for k in range(matrix.shape[0]):
            span = slice(matrix.indptr[k], matrix.indptr[k + 1])
            numbers, scale = in_whole_numbers(matrix.data[span])
            self.rows.append(list(zip(matrix.indices[span].tolist(), numbers, strict=True)))
            self.scale.append(scale)
            about = {c // n for c in matrix.indices[span].tolist()}
            lot = lots[about.pop()] if len(about) == 1 and (matrix.data[span] == 1).all() else None
            self.bounds.append((_bound(system.row_low[k], lot), _bound(system.row_high[k], lot)))

    def _bounds(self, bounds: FloatArray, lots: Sequence[Fraction]) -> list[Fraction | None]:
        n = self.problem.n
        keys = [(bound, c // n) for c, bound in enumerate(bounds.tolist())]
        known = {key: _bound(key[0], lots[key[1]]) for key in set(keys)}
        return [known[key] for key in keys]

    @cached_property
    def equal(self) -> BoolArray:
        """Rows with one bound on both sides."""
        return np.array([low == high for low, high in self.bounds], dtype=bool)


def gap(system: System, optimum: Optimum) -> Fraction:
    """How far amounts may be from the optimum by weak duality, relative to the distance that it minimises.

    The multipliers give a lower bound of the distance, whatever they are; rows that are missed count on top.
    """
    program = WholeNumbers(system)
    x = [Fraction(v) for v in optimum.amounts.tolist()]
    prices = [Fraction(p) / s for p, s in zip([*optimum.supplies, *optimum.rows], program.scale, strict=True)]
    force = [Fraction(0)] * len(x)
    slack, distance = Fraction(0), Fraction(0)
    for k, p in enumerate(prices):
        low, high = program.bounds[k]
        value = sum((a * x[c] for c, a in program.rows[k]), Fraction(0))
        bound = low if p > 0 else high
        if p:
            if bound is None:
                return Fraction(10**9)
            slack += abs(p * (value - bound * program.scale[k]))
            for c, a in program.rows[k]:
                force[c] += p * a
    for c, amount in enumerate(x):
        pull = Fraction(program.pull[c], program.over)
        best = Fraction(program.centre[c], program.over) + pull * force[c]
        low, high = program.low[c], program.high[c]
        best = best if low is None else max(best, low)
        best = best if high is None else min(best, high)
        off = amount - best
        slack += abs(off * off / (2 * pull)) + abs(off * (best - Fraction(program.centre[c], program.over)) / pull)
        distance += (amount - Fraction(program.centre[c], program.over)) ** 2 / (2 * pull)
    least = sum((Fraction(s) / 10**12 for s in program.sizes), Fraction(0))
    return slack / max(distance, least)
