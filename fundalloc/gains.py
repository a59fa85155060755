"""Gains: what leximin and alpha_fair raise, and the rules where some of it is settled."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from fundalloc.objectives import weights, worth
from fundalloc.problem import FloatArray, Problem
from fundalloc.rules import Rows
from fundalloc.sparse import csr_array
from fundalloc.system import System
from fundalloc.taken import OBJECTIVE


@dataclass(frozen=True, eq=False)
class Gains:
    """What is to be raised: level = matrix @ amounts / due, one for each name."""

    matrix: csr_array
    due: FloatArray
    names: tuple[str, ...]


def raising(base: System) -> Gains:
    """What an objective raises: the coverage of amounts, or of regions where values are stated."""
    problem = base.problem
    if problem.value is None:
        cells = np.flatnonzero(base.shares & (problem.target > 0))
        names = tuple(problem.regions.ids[c % problem.n] for c in cells)
        matrix = csr_array((np.ones(len(cells)), (np.arange(len(cells)), cells)), shape=(len(cells), problem.cells))
        return Gains(matrix, problem.target[cells], names)
    due = worth(problem, problem.target)
    value = np.where(base.shares & (problem.value > 0), problem.value, 0.0)
    cells = np.flatnonzero(value > 0)
    matrix = csr_array((value[cells], (cells % problem.n, cells)), shape=(problem.n, problem.cells))
    some = np.flatnonzero((due > 0) & (np.diff(matrix.indptr) > 0))
    return Gains(matrix[some], due[some], tuple(problem.regions.ids[i] for i in some))


def weighed(problem: Problem, gains: Gains) -> FloatArray:
    """The weight of each region whose worth is raised: its share of all that is shared out."""
    place = {region: i for i, region in enumerate(problem.regions.ids)}
    return np.asarray(weights(problem).reshape(-1, problem.n).sum(axis=0)[[place[name] for name in gains.names]])


def holding(
    base: System,
    gains: Gains,
    need: FloatArray,
    most: FloatArray,
    low: FloatArray,
    high: FloatArray,
    side: FloatArray,
) -> System:
    """A system with amounts between other bounds, rows held at one side (1: lower, -1: upper), and gains of `need`.

    most: what gains are not above, where they are needed (inf: no bound).
    """
    low, high = np.minimum(low, high), high.copy()
    kept: list[int] = []
    for k in np.flatnonzero(np.isfinite(need)):
        span = slice(gains.matrix.indptr[k], gains.matrix.indptr[k + 1])
        cells, worth = gains.matrix.indices[span], gains.matrix.data[span]
        loose = high[cells] > low[cells]
        if loose.sum() == 1:
            cell = cells[loose][0]
            exact = (need[k] - float(worth[~loose] @ low[cells][~loose])) / float(worth[loose][0])
            low[cell] = high[cell] = min(max(exact, low[cell]), high[cell])
        elif loose.any():
            kept.append(int(k))
    row_low = np.where(side < 0, base.row_high, base.row_low)
    row_high = np.where(side > 0, base.row_low, base.row_high)
    system = replace(base, low=low, high=high, row_low=row_low, row_high=row_high)
    places = tuple(gains.names[k] for k in kept)
    held = Rows(
        OBJECTIVE,
        "objective",
        "require",
        "",
        "region",
        places,
        gains.matrix[kept],
        need[kept],
        most[kept],
        0 * need[kept],
    )
    return system.joined((held,)) if kept else system
