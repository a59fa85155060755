"""A system in whole numbers, and how near to its optimum amounts are by weak duality, without any rounding."""

from __future__ import annotations

import math
from collections.abc import Sequence
from fractions import Fraction
from functools import cached_property

import numpy as np

from fundalloc.equations import in_whole_numbers
from fundalloc.optimum import Optimum
from fundalloc.problem import BoolArray, FloatArray, IntArray
from fundalloc.system import SNAP, System

SNAPPED = Fraction(SNAP)
#: where no exact optimum is found, amounts may be this part of the distance from the optimum
NEAR = 1e-9
#: the error of a double is this part of it; up to a quarter of a lot it is noise too
DOUBLE = 2.0**51
#: whole numbers below this are floats; what splits a float into halves; nearer to `SNAP` than this part is not sure
EXACT, SPLIT, SURE = 2.0**53, 2.0**27 + 1, 1e-6


def snapped(bound: float, lot: Fraction) -> Fraction:
    """A bound; what is a whole number of lots but for float noise is whole."""
    top, bottom = bound.as_integer_ratio()
    over, under = top * lot.denominator, bottom * lot.numerator
    whole = (2 * over + under) // (2 * under)
    off = abs(over - whole * under)
    noise = off * SNAPPED.denominator <= SNAPPED.numerator * under
    near = noise or (off * int(DOUBLE) <= abs(over) and 4 * off <= under)
    return Fraction(whole * lot.numerator, lot.denominator) if near else Fraction(top, bottom)


def in_lots(bounds: FloatArray, lot: Fraction) -> tuple[IntArray, BoolArray, BoolArray]:
    """The whole numbers of lots nearest to bounds, and which bounds floats tell surely to be `snapped` to them, or not.

    The product with the denominator of the lot is taken with its rounding error, so what is left of a lot is known.
    """
    above, below = float(lot.numerator), float(lot.denominator)
    with np.errstate(invalid="ignore", over="ignore"):
        product = bounds * below
        lots = np.rint(product / above)
        (a, b), (c, d) = _halves(bounds), _halves(np.array(below))
        error = ((a * c - product) + a * d + b * c) + b * d
        off = np.abs((product - lots * above) + error) / above
        known = np.maximum(np.abs(product), np.abs(lots * above)) < (EXACT if max(above, below) < EXACT else 0.0)
        noise = np.maximum(SNAP, np.minimum(np.abs(product / above) / DOUBLE, 0.25))
        near, far = known & (off <= noise * (1 - SURE)), known & (off >= noise * (1 + SURE))
    return np.where(near, lots, 0.0).astype(np.int64), near, far


def _halves(values: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Two parts of numbers, each of half as many digits, so that products of parts are exact (Dekker 1971)."""
    high = SPLIT * values
    high = high - (high - values)
    return high, values - high


def _bound(bound: float, lot: Fraction | None) -> Fraction | None:
    """A bound, None where there is none; lot: of amounts that are added up."""
    if not math.isfinite(bound):
        return None
    return Fraction(bound) if lot is None else snapped(bound, lot)


class WholeNumbers:
    """A system in whole numbers.

    centre, pull: over one denominator `over`; the amounts of free cells are centre + pull * (forces). rows: the fixed
    totals, then the coupling rows, each as pairs of cell and factor, all times its `scale`. sizes: what is shared out.
    low, high: bounds of cells over one denominator `ends`, None where there is none.
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
        self.low, self.high, self.ends = self._bounds(system, lots)
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

    def _bounds(self, system: System, lots: Sequence[Fraction]) -> tuple[list[int | None], list[int | None], int]:
        n, below = self.problem.n, math.lcm(*(lot.denominator for lot in lots))
        sides: list[list[int | None]] = []
        others: list[tuple[int, int, int, int]] = []
        for side, bounds in enumerate((system.low, system.high)):
            numbers: list[int | None] = []
            for r, lot in enumerate(lots):
                mine = bounds[self.problem.block(r)]
                count, near, far = in_lots(mine, lot)
                factor = lot.numerator * (below // lot.denominator)
                numbers += [k * factor for k in count.tolist()]
                apart, over = in_whole_numbers(mine[far])
                others += [(side, r * n + c, b, over) for c, b in zip(np.flatnonzero(far).tolist(), apart, strict=True)]
                for c in np.flatnonzero(~(near | far)).tolist():
                    found = _bound(mine[c].item(), lot)
                    numbers[r * n + c] = None
                    others += [] if found is None else [(side, r * n + c, found.numerator, found.denominator)]
            sides.append(numbers)
        ends = math.lcm(below, *{under for *_, under in others})
        if ends != below:
            sides = [[k if k is None else k * (ends // below) for k in numbers] for numbers in sides]
        for side, c, bound, under in others:
            sides[side][c] = bound * (ends // under)
        return sides[0], sides[1], ends

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
        least, most = program.low[c], program.high[c]
        best = best if least is None else max(best, Fraction(least, program.ends))
        best = best if most is None else min(best, Fraction(most, program.ends))
        off = amount - best
        slack += abs(off * off / (2 * pull)) + abs(off * (best - Fraction(program.centre[c], program.over)) / pull)
        distance += (amount - Fraction(program.centre[c], program.over)) ** 2 / (2 * pull)
    smallest = sum((Fraction(s) / 10**12 for s in program.sizes), Fraction(0))
    return slack / max(distance, smallest)
