"""Solve: the Pyomo model translated to the arrays of HiGHS, scaled, and given to HiPO.

Amounts are passed as x / max(target, floor, 1e-3 of the mean), rows scaled to size one: never money.
An answer is only a proposal here; the polish proves it and the audit checks it.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import highspy
import numpy as np
from scipy.sparse import csr_array, eye_array, hstack, vstack

from fundalloc.arrays import Arrays, check_finite, scaled
from fundalloc.errors import SolverError
from fundalloc.exact import sharpened
from fundalloc.polish import Optimum, Start, polish, supply_rows
from fundalloc.problem import FloatArray
from fundalloc.program import bounds, built, constraints
from fundalloc.system import System

log = logging.getLogger("fundalloc")
TIME_LIMIT = 600.0
#: more iterations of the interior point method than any program that it solves has taken
ITERATIONS = 1_000
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
        prices = _said(_solved(arrays, solver, tolerance))[2] / norms / system.problem.n
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
        raise SolverError(f"The solver could not tell whether the rules can be kept together ({status}).")
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


def run(arrays: Arrays, *, solver: str = "hipo", tolerance: float = 1e-12) -> tuple[str, FloatArray]:
    """Status and point that HiGHS gives for a program; a linear program where there is no curvature."""
    return _said(_solved(arrays, solver, tolerance))[:2]


def row_prices(arrays: Arrays) -> tuple[str, FloatArray]:
    """Status and what one more unit of each row's bound is worth at the optimum of a linear program."""
    status, _, prices = _said(_solved(arrays, "simplex", 1e-12))
    return status, prices


def dearest(system: System, value: FloatArray) -> tuple[FloatArray, FloatArray] | None:
    """The multipliers of totals and of rows in the program of the greatest value * amounts; None: unknown."""
    arrays, scale, norms = _of_system(system)
    most = max(float((value * scale).max(initial=0.0)), 1e-300)
    high = np.minimum(arrays.high, system.problem.size / scale)
    status, found = row_prices(replace(arrays, curvature=0 * scale, cost=-value * scale / most, high=high))
    if status != "Optimal" or not np.isfinite(found).all():
        return None
    supplies, rows = np.split(found * most / norms, [len(system.supplies)])
    return supplies, rows


class Misses:
    """By how much the rows of a linear program must be missed, asked again and again with other bounds.

    minimise  sum of what the rows `soft` are missed by   subject to  low <= x <= high,  hard @ x >= need

    soft rows: of size one. Simplex, which begins where the last question ended.
    """

    def __init__(self, soft: csr_array, row_low: FloatArray, row_high: FloatArray, hard: csr_array) -> None:
        count, self.cells = soft.shape
        self.rows = count
        self.highs = _highs("simplex", 1e-10)
        for side in ("primal", "dual"):
            self.highs.setOptionValue(f"{side}_feasibility_tolerance", 1e-10)
        self.highs.setOptionValue("small_matrix_value", 1e-12)
        none = csr_array((hard.shape[0], 2 * count))
        matrix = vstack(
            [hstack([soft, eye_array(count), -eye_array(count)], format="csr"), hstack([hard, none], format="csr")],
            format="csr",
        )
        zeros, ones = np.zeros(self.cells), np.ones(2 * count)
        arrays = Arrays(
            curvature=np.zeros(self.cells + 2 * count),
            cost=np.concatenate([zeros, ones]),
            low=np.concatenate([zeros, 0 * ones]),
            high=np.concatenate([zeros, np.inf * ones]),
            matrix=csr_array(matrix),
            row_low=np.concatenate([row_low, np.full(hard.shape[0], -np.inf)]),
            row_high=np.concatenate([row_high, np.full(hard.shape[0], np.inf)]),
        )
        check_finite(arrays)
        self.highs.passModel(_model(arrays))

    def tighten(self, row_low: FloatArray, row_high: FloatArray) -> None:
        """Gives the soft rows other bounds."""
        self.highs.changeRowsBounds(self.rows, np.arange(self.rows, dtype=np.int32), row_low, row_high)

    def solve(
        self, low: FloatArray, high: FloatArray, need: FloatArray
    ) -> tuple[float, FloatArray, FloatArray, FloatArray] | None:
        """The least sum of misses, where, and the prices of the soft and of the hard rows; None without an answer."""
        if not (np.isfinite(low).all() and np.isfinite(high).all() and np.isfinite(need).all()):
            raise SolverError("A bound of the program is not a number; nothing was solved.")
        h, count = self.highs, len(need)
        h.changeColsBounds(self.cells, np.arange(self.cells, dtype=np.int32), low, high)
        if count:
            hard = np.arange(self.rows, self.rows + count, dtype=np.int32)
            h.changeRowsBounds(count, hard, need, np.full(count, np.inf))
        _run(h)
        status, x, prices = _said(h)
        least = h.getInfo().objective_function_value
        if status != "Optimal" or not np.isfinite([least, *x, *prices]).all():
            return None
        return least, x[: self.cells], prices[: self.rows], prices[self.rows :]


def _highs(solver: str, tolerance: float) -> highspy.Highs:
    highs = highspy.Highs()
    for option, value in {
        "output_flag": False,
        "threads": 1,
        "time_limit": TIME_LIMIT,
        "ipm_iteration_limit": ITERATIONS,
        "qp_iteration_limit": ITERATIONS * 100,
        "solver": solver,
        "run_crossover": "off",
        "ipm_optimality_tolerance": tolerance,
        "dual_feasibility_tolerance": 1e-10 if solver == "simplex" else 1e-7,
    }.items():
        if highs.setOptionValue(option, value) != highspy.HighsStatus.kOk:
            raise SolverError(
                f'HiGHS does not know the option {option} = "{value}". Reinstall the pair of solver packages: '
                'pip install "highspy[extras]==1.15.1"'
            )
    return highs


def _solved(arrays: Arrays, solver: str, tolerance: float) -> highspy.Highs:
    check_finite(arrays)
    highs = _highs(solver, tolerance)
    highs.passModel(_model(arrays))
    _run(highs)
    log.debug("HiGHS %s (%s): %s", highs.version(), solver, highs.modelStatusToString(highs.getModelStatus()))
    return highs


def _run(highs: highspy.Highs) -> None:
    try:
        highs.run()
    except Exception as error:
        raise SolverError(f"The solver ended in an error of its own ({error}); nothing was written.") from error


def _said(highs: highspy.Highs) -> tuple[str, FloatArray, FloatArray]:
    """Status, point and prices of the rows; NaN where there are not as many numbers as there should be."""
    found = highs.getSolution()
    numbers = [
        np.array(values, dtype=float) if len(values) == count else np.full(count, np.nan)
        for values, count in ((found.col_value, highs.getNumCol()), (found.row_dual, highs.getNumRow()))
    ]
    return highs.modelStatusToString(highs.getModelStatus()), numbers[0], numbers[1]


def _model(arrays: Arrays) -> highspy.HighsModel:
    lp = highspy.HighsLp()
    lp.num_col_, lp.num_row_ = len(arrays.cost), len(arrays.row_low)
    lp.col_cost_, lp.col_lower_, lp.col_upper_ = arrays.cost, arrays.low, arrays.high
    lp.row_lower_, lp.row_upper_ = arrays.row_low, arrays.row_high
    lp.a_matrix_.format_ = highspy.MatrixFormat.kRowwise
    lp.a_matrix_.start_ = arrays.matrix.indptr
    lp.a_matrix_.index_ = arrays.matrix.indices
    lp.a_matrix_.value_ = arrays.matrix.data
    model = highspy.HighsModel()
    model.lp_ = lp
    if arrays.curvature.any():
        n = len(arrays.curvature)
        hessian = highspy.HighsHessian()
        hessian.dim_ = n
        hessian.start_, hessian.index_ = np.arange(n + 1), np.arange(n)
        hessian.value_ = arrays.curvature
        model.hessian_ = hessian
    return model
