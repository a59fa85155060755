"""Programs as arrays, in scaled amounts, with finite numbers only."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from fundalloc.errors import SolverError
from fundalloc.language import phrase, say
from fundalloc.problem import FloatArray, Problem
from fundalloc.sparse import csr_array, diags_array

#: what is wrong with a program that must not reach the solver
OBJECTIVE = phrase("The objective of the program holds a number that is not finite; nothing was solved.")
COST = phrase("The cost of the program holds a number that is not finite; nothing was solved.")
MATRIX = phrase("The matrix of the program holds a number that is not finite; nothing was solved.")
AMOUNTS = phrase("A bound on the amounts of the program is not a number; nothing was solved.")
ROWS = phrase("A bound on the rows of the program is not a number; nothing was solved.")


@dataclass(frozen=True, eq=False)
class Arrays:
    """A program as arrays: minimise sum of (curvature / 2 * x^2 + cost * x) under bounds and rows."""

    curvature: FloatArray
    cost: FloatArray
    low: FloatArray
    high: FloatArray
    matrix: csr_array
    row_low: FloatArray
    row_high: FloatArray


def scaled(
    problem: Problem,
    low: FloatArray,
    high: FloatArray,
    matrix: csr_array,
    row_low: FloatArray,
    row_high: FloatArray,
) -> tuple[Arrays, FloatArray, FloatArray]:
    """`nearest` under bounds and rows in amounts, as arrays in scaled amounts; the scales of amounts and rows."""
    means = np.repeat([r.size / problem.n for r in problem.resources], problem.n)
    scale = np.maximum(np.maximum(problem.target, low), 1e-3 * means)
    matrix, norms = of_size_one(matrix, scale)
    weight = problem.n / (problem.softness * problem.size)  # n brings the numbers to about one
    arrays = Arrays(
        curvature=weight * scale * scale,
        cost=-weight * problem.centre * scale,
        low=low / scale,
        high=high / scale,
        matrix=matrix,
        row_low=row_low / norms,
        row_high=row_high / norms,
    )
    return arrays, scale, norms


def of_size_one(matrix: csr_array, scale: FloatArray) -> tuple[csr_array, FloatArray]:
    """Rows over amounts as rows of size one over scaled amounts, and what each was divided by."""
    scaled = csr_array(matrix @ diags_array(scale))
    norms = np.sqrt(np.asarray((scaled * scaled).sum(axis=1)).ravel())
    norms = np.where(norms > 0, norms, 1.0)
    return csr_array(diags_array(1.0 / norms) @ scaled), norms


def check_finite(arrays: Arrays) -> None:
    """HiGHS answers 'optimal' when a number is NaN or infinite; so none may reach it."""
    for sentence, numbers in (
        (OBJECTIVE, arrays.curvature),
        (COST, arrays.cost),
        (MATRIX, arrays.matrix.data),
    ):
        if not np.isfinite(numbers).all():
            raise SolverError(say(sentence))
    for sentence, low, high in ((AMOUNTS, arrays.low, arrays.high), (ROWS, arrays.row_low, arrays.row_high)):
        if np.isnan(low).any() or np.isnan(high).any() or (low == np.inf).any() or (high == -np.inf).any():
            raise SolverError(say(sentence))
