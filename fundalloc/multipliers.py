"""Multipliers: how strongly each bound and each coupling row pulls at the optimum.

In every cell  x - e = d * X * (supply + A'm + u): X the amount shared out, m the multipliers of the coupling rows,
u those of the bounds on single cells.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from fundalloc.problem import BoolArray, FloatArray
from fundalloc.sparse import csr_array, vstack
from fundalloc.system import System, supply_rows

#: amounts within this part of a bound are at the bound
AT_BOUND = 1e-9
#: multipliers explain amounts to this part of the mean amount and of the forces that they stand for
EXPLAINS = 1e-9


@dataclass(frozen=True, eq=False)
class Multipliers:
    """One number per coupling row and per cell; above 0 at a lower bound, below 0 at an upper one.

    supplies: those of the fixed totals, 0 where an objective prices them by itself. row_low, row_high, low, high: which
    bounds the amounts are at.
    """

    rows: FloatArray
    cells: FloatArray
    row_low: BoolArray
    row_high: BoolArray
    low: BoolArray
    high: BoolArray
    supplies: FloatArray


def explaining(system: System, amounts: FloatArray, rows: FloatArray, supplies: FloatArray) -> Multipliers:
    """The multipliers of the bounds on cells that explain amounts, given those of the rows and of the totals."""
    problem = system.problem
    row_low, row_high, low, high = touched(system, amounts)
    force = (amounts - problem.centre) / (problem.softness * problem.size)
    a = csr_array(vstack([supply_rows(system)[0], system.matrix], format="csr"))
    cells = np.where(low | high, force - np.asarray(a.T @ np.concatenate([supplies, rows])), 0.0)
    return Multipliers(rows, cells, row_low, row_high, low, high, supplies)


def explains(system: System, amounts: FloatArray, prices: Multipliers) -> bool:
    """Whether multipliers have the right signs, and explain the amounts that no bound of their own holds."""
    problem = system.problem
    wrong = ((prices.rows > 0) & ~prices.row_low) | ((prices.rows < 0) & ~prices.row_high)
    force, most = system.matrix.T @ prices.rows, abs(system.matrix).T @ np.abs(prices.rows)
    for r, price in zip(system.supplies, prices.supplies.tolist(), strict=True):
        force[problem.block(r)] += price
        most[problem.block(r)] += abs(price)
    pull = problem.softness * problem.size
    free = ~(prices.low | prices.high) & ~system.opened(amounts)
    near = np.abs(problem.centre + pull * force - amounts) <= EXPLAINS * (problem.size / problem.n + pull * most)
    return bool(not wrong.any() and near[free].all())


def priced(system: System, amounts: FloatArray, rows: FloatArray, cells: FloatArray) -> Multipliers:
    """Multipliers that an objective gives, NaN where it gives none, at the bounds that amounts are at."""
    row_low, row_high, low, high = touched(system, amounts)
    return Multipliers(
        np.where(row_low | row_high, rows, 0.0),
        np.where(low | high, cells, 0.0),
        row_low,
        row_high,
        low,
        high,
        np.zeros(len(system.supplies)),
    )


def touched(system: System, x: FloatArray) -> tuple[BoolArray, BoolArray, BoolArray, BoolArray]:
    """Which lower and upper bounds of rows and of amounts the amounts are at."""
    problem = system.problem
    slack = AT_BOUND * np.maximum(x, np.repeat([r.size / problem.n for r in problem.resources], problem.n))
    values = np.asarray(system.matrix @ x)
    row_slack = AT_BOUND * np.asarray(abs(system.matrix) @ np.abs(x))
    return (
        values <= system.row_low + row_slack,
        values >= system.row_high - row_slack,
        x <= system.low + slack,
        x >= system.high - slack,
    )
