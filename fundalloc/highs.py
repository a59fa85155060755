"""HiGHS: the one place that speaks to the solver; a program as arrays goes in, its own numbers come out.

Rows are of size one, never money. Nothing here is a proof: what comes out is checked by those who asked.
"""

from __future__ import annotations

import logging

import highspy
import numpy as np

from fundalloc.arrays import Arrays, check_finite
from fundalloc.errors import SolverError
from fundalloc.language import say
from fundalloc.problem import FloatArray
from fundalloc.reported import reported
from fundalloc.sparse import csr_array, eye_array, hstack, vstack

log = logging.getLogger("fundalloc")
TIME_LIMIT = 600.0
#: more iterations of the interior point method than any program that it solves has taken
ITERATIONS = 1_000


def run(arrays: Arrays, *, solver: str = "hipo", tolerance: float = 1e-12) -> tuple[str, FloatArray]:
    """Status and point that HiGHS gives for a program; a linear program where there is no curvature."""
    return _said(_solved(arrays, solver, tolerance))[:2]


def row_prices(arrays: Arrays, *, solver: str = "simplex", tolerance: float = 1e-12) -> tuple[str, FloatArray]:
    """Status and what one more unit of each row's bound is worth at the optimum of a program."""
    status, _, prices = _said(_solved(arrays, solver, tolerance))
    return status, prices


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
            raise SolverError(say("A bound of the program is not a number; nothing was solved."))
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
                say(
                    'HiGHS does not know the option {code_option} = "{code_value}". Reinstall the pair of '
                    'solver packages: pip install "highspy[extras]==1.15.1"',
                    code_option=option,
                    code_value=value,
                )
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
        raise SolverError(
            say(
                "The solver ended in an error of its own ({code_error}); nothing was written.",
                code_error=reported(error),
            )
        ) from error


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
