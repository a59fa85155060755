"""Programs as arrays, in scaled amounts, with finite numbers only."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from fundalloc.errors import SolverError
from fundalloc.language import say
from fundalloc.problem import FloatArray, Problem
from fundalloc.sparse import csr_array, diags_array


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
    always = {"objective": arrays.curvature, "cost": arrays.cost, "matrix": arrays.matrix.data}
    for name, numbers in always.items():
        if not np.isfinite(numbers).all():
            raise SolverError(
                say(
                    "The {code_name} of the program holds a number that is not finite; nothing was solved.",
                    code_name=name,
                )
            )
    bound = {"amounts": (arrays.low, arrays.high), "rows": (arrays.row_low, arrays.row_high)}
    for name, (low, high) in bound.items():
        if np.isnan(low).any() or np.isnan(high).any() or (low == np.inf).any() or (high == -np.inf).any():
            raise SolverError(
                say("A bound on the {code_name} of the program is not a number; nothing was solved.", code_name=name)
            )
