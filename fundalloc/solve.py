"""Solve: the Pyomo model translated to the arrays of HiGHS, scaled, and given to HiPO.

Amounts are passed as x / max(target, floor, 1e-3 of the mean), rows scaled to size one: never money.
An answer is only a proposal here; the polish proves it and the audit checks it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from fundalloc.arrays import Arrays, scaled
from fundalloc.errors import SolverError
from fundalloc.exact import sharpened
from fundalloc.highs import row_prices, run
from fundalloc.language import say
from fundalloc.optimum import Optimum, Start
from fundalloc.polish import polish
from fundalloc.problem import FloatArray
from fundalloc.program import bounds, built, constraints
from fundalloc.reported import reported
from fundalloc.sparse import csr_array, vstack
from fundalloc.system import System, supply_rows

#: what misses rows by no more than this is looked for in fractions; up to so many cells the active-set method is fast
NEAR, ACTIVE_SET = 1e-9, 2_000


@dataclass(frozen=True, eq=False)
class Answer:
    """What the solver said: amounts per cell, and its status in its own words."""

    amounts: FloatArray
    status: str


def translate(model: Any) -> tuple[Arrays, FloatArray]:
    """The arrays of a Pyomo model made by `build`, in scaled amounts, and the scale of each amount."""
    low, high = bounds(model)
    matrix, row_low, row_high = constraints(model)
    return scaled(built(model).system.problem, low, high, matrix, row_low, row_high)[:2]


def linear(system: System) -> tuple[Arrays, FloatArray]:
    """The rules and totals of a system without an objective: whether any allocation keeps them."""
    arrays, scale, _ = _of_system(system)
    nothing = np.zeros(len(scale))
    return replace(arrays, curvature=nothing, cost=nothing), scale


def _of_system(system: System) -> tuple[Arrays, FloatArray, FloatArray]:
    """`nearest` under a system, its totals first, as arrays in scaled amounts; the scales of amounts and rows."""
    supply, totals = supply_rows(system)
    amounts = totals * np.array([system.problem.resources[r].size for r in system.supplies])
    return scaled(
        system.problem,
        system.low,
        system.high,
        csr_array(vstack([supply, system.matrix], format="csr")),
        np.concatenate([amounts, system.row_low]),
        np.concatenate([amounts, system.row_high]),
    )


def nearest(system: System, start: Start | None = None) -> Optimum:
    """The optimum of `nearest` under a system, as well as it can be proven.

    The polish begins with the multipliers of `start`, or none; where that does not end in a proof, though
    the rules can be kept, with those of the solver.
    """
    best = polish(system, start)
    if best.proven or best.clash or not about_possible(system):
        return best
    for solver, tolerance in _tries(system.problem.cells):
        arrays, _, norms = _of_system(system)
        prices = row_prices(arrays, solver=solver, tolerance=tolerance)[1] / norms / system.problem.n
        if not len(prices) or not np.isfinite(prices).all():
            continue
        count = len(system.supplies)
        found = polish(system, Start(rows=prices[count:], supplies=prices[:count], pulls=np.zeros(0)), steps=400)
        best = found if found.residual < best.residual else best
        if best.proven:
            break
    return best if best.proven or not best.residual <= NEAR else sharpened(system, best)[0]


def about_possible(system: System) -> bool:
    """Whether any allocation keeps a system within the tolerance of a linear program."""
    if (system.low > system.high).any() or (system.row_low > system.row_high).any():
        return False
    arrays = linear(system)[0]
    for solver in ("simplex", "hipo"):
        status, _ = run(arrays, solver=solver, tolerance=1e-10)
        if status in ("Optimal", "Infeasible"):
            break
    if status not in ("Optimal", "Infeasible"):
        raise SolverError(
            say("The solver could not tell whether the rules can be kept together ({status}).", status=reported(status))
        )
    return status == "Optimal"


def _tries(cells: int) -> list[tuple[str, float]]:
    """Solvers and accuracies in the order in which they are tried.

    Some programs with weights a million apart stop HiPO short at one accuracy and not at another; small
    ones are then left to the active-set method.
    """
    tries = [("hipo", 1e-12), ("hipo", 1e-10)]
    return [*tries, ("qpasm", 1e-10)] if cells <= ACTIVE_SET else tries


def solve(model: Any) -> Iterator[Answer]:
    """Answers to a model, in amounts: HiPO's, and others for a caller who cannot use the first."""
    arrays, scale = translate(model)
    if (arrays.low > arrays.high).any() or (arrays.row_low > arrays.row_high).any():
        yield Answer(np.zeros(len(scale)), "Infeasible")
        return
    for solver, tolerance in _tries(len(scale)):
        status, x = run(arrays, solver=solver, tolerance=tolerance)
        yield Answer(x * scale, status)


def dearest(system: System, value: FloatArray) -> tuple[FloatArray, FloatArray] | None:
    """The multipliers of totals and of rows in the program of the greatest value * amounts; None: unknown."""
    arrays, scale, norms = _of_system(system)
    most = max(float(np.abs(value * scale).max(initial=0.0)), 1e-300)
    high = np.minimum(arrays.high, system.problem.size / scale)
    status, found = row_prices(replace(arrays, curvature=0 * scale, cost=-value * scale / most, high=high))
    if status != "Optimal" or not np.isfinite(found).all():
        return None
    supplies, rows = np.split(found * most / norms, [len(system.supplies)])
    bound = np.where(rows > 0, system.row_low, system.row_high)
    return supplies, np.where(np.isfinite(bound), rows, 0.0)
