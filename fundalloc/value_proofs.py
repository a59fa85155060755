"""Proofs of values: that no allocation has a greater total value, or sum of utilities, to some part; without a solver.

With prices of the totals and of the rows, and g, what one more unit of each amount is worth, every allocation x that
keeps the rules has

    g x  <=  -(prices * bounds) - sum over cells of min(c low, c high)   with  c = -(g + A' prices)

For `benefit` g are the values. Utilities are concave: with g their slopes at the published amounts x*, no sum of
utilities exceeds that of x* by more than g x exceeds g x*.
Source: Boyd and Vandenberghe (2004), Convex optimization, 5.2 and 3.1.3.
"""

from __future__ import annotations

import numpy as np

from fundalloc.gains import raising, weighed
from fundalloc.objectives import BENEFIT, UTILITY
from fundalloc.problem import FloatArray
from fundalloc.system import System, sound, supply_rows
from fundalloc.utility import Utility

#: a sum is right to this part of its terms
EXACT = 1e-13
#: to what part objectives with values are proven: of the total value, of all weights
ENOUGH = {"benefit": BENEFIT, "alpha_fair": 10 * UTILITY}


def left_over(system: System, value: FloatArray, supplies: FloatArray, rows: FloatArray) -> FloatArray:
    """What the bounds of the amounts themselves are worth, given the worth of totals and rows."""
    return np.asarray(-(value + supply_rows(system)[0].T @ supplies + system.matrix.T @ rows))


def ceiling(system: System, value: FloatArray, prices: tuple[FloatArray, FloatArray]) -> tuple[float, float]:
    """What no total of value * amounts under a system is above, by our own sum, and the size of its terms."""
    supplies, rows = prices
    cells = left_over(system, value, supplies, rows)
    totals = np.array([system.problem.resources[r].shared_out for r in system.supplies])
    low, high = system.low, np.minimum(system.high, system.problem.size)
    bounds = np.where(rows > 0, system.row_low, np.where(rows < 0, system.row_high, 0.0))
    terms = totals * supplies, rows * bounds, np.where(cells > 0, cells * low, cells * high)
    return -float(sum(t.sum() for t in terms)), float(sum(np.abs(t).sum() for t in terms))


def proven(system: System, amounts: FloatArray, prices: tuple[FloatArray, FloatArray]) -> bool:
    """Whether prices prove an objective with values, and rows that touch curves ask for no more than these."""
    kind = system.problem.objective
    if kind not in ENOUGH or system.problem.value is None:
        return False
    return lacks(system, amounts, prices) <= ENOUGH[kind] and sound(system)


def lacks(system: System, amounts: FloatArray, prices: tuple[FloatArray, FloatArray]) -> float:
    """How far the objective may be from the best one at most: a part of the total value, or of all weights.

    prices: of the totals and of the rows, NaN or 0 where there is none. Infinite where they show nothing.
    """
    supplies, rows = (np.nan_to_num(p) for p in prices)
    value, whole = slopes(system, amounts)
    if not whole > 0 or len(supplies) != len(system.supplies) or len(rows) != len(system.row_low):
        return np.inf
    most, terms = ceiling(system, value, (supplies, rows))
    return max(most - float(value @ amounts), 0.0) / whole + EXACT * terms / whole


def slopes(system: System, amounts: FloatArray) -> tuple[FloatArray, float]:
    """What one more unit of each amount is worth, and the total value or all weights; 0 where nothing can be shown."""
    problem = system.problem
    if problem.value is None:
        raise ValueError("no values are stated")
    if problem.objective == "benefit":
        return problem.value, float(problem.value @ amounts)
    gains, utility = raising(system), Utility(problem.alpha)
    weight, level = weighed(problem, gains), np.asarray(gains.matrix @ amounts) / gains.due
    known = bool((level >= utility.least).all())
    each = weight * utility.slope(level) / gains.due
    return np.asarray(gains.matrix.T @ each), float(weight.sum()) if known else 0.0
