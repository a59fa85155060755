"""Worths: what one more unit of a total, of a row or of the bound of an amount is worth to a value of amounts.

The prices of a linear program, which by weak duality prove a greatest total by our own sum.
"""

from __future__ import annotations

import numpy as np

from fundalloc.attempts import Attempt, Chosen
from fundalloc.faces import Face
from fundalloc.interior import Best
from fundalloc.objectives import BENEFIT
from fundalloc.problem import FloatArray
from fundalloc.solve import dearest
from fundalloc.system import System, supply_rows


def left_over(base: System, value: FloatArray, supplies: FloatArray, rows: FloatArray) -> FloatArray:
    """What the bounds of the amounts themselves are worth, given the worth of totals and rows."""
    return np.asarray(-(value + supply_rows(base)[0].T @ supplies + base.matrix.T @ rows))


def ceiling(system: System, value: FloatArray, prices: tuple[FloatArray, FloatArray]) -> float:
    """What no total of value * amounts under a system is above: weak duality, by our own sum."""
    supplies, rows = prices
    cells = left_over(system, value, supplies, rows)
    totals = np.array([system.problem.resources[r].shared_out for r in system.supplies])
    low, high = system.low, np.minimum(system.high, system.problem.size)
    bounds = np.where(rows > 0, system.row_low, np.where(rows < 0, system.row_high, 0.0))
    return -float(totals @ supplies + (rows * bounds).sum() + np.where(cells > 0, cells * low, cells * high).sum())


def beside(base: System, face: Face, best: Best, value: FloatArray, last: Attempt) -> Chosen | None:
    """The worths at an optimum beside curves; None where they do not prove its total the greatest.

    Each curve that binds stands there as one row. Of what a curve leaves nowhere open nothing is known: all are NaN.
    """
    count = len(base.row_low)
    if face.curved:
        rows, cells, supplies = (np.full(k, np.nan) for k in (count, base.problem.cells, len(base.supplies)))
        return Chosen(last.system, rows, cells, supplies)
    system = base.joined(face.touching(best))
    prices = dearest(system, value)
    most = float(value @ last.optimum.amounts) * (1 + BENEFIT)
    if prices is None or ceiling(system, value, prices) > most:
        return None
    supplies, rows = prices
    return Chosen(last.system, rows[:count], left_over(system, value, supplies, rows), -supplies)
