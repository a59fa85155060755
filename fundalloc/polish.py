"""The polish: the exact optimum of `nearest` from its dual, whatever the solver's accuracy."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.sparse import csr_array, diags_array, vstack

from fundalloc.dual import ACCEPTED, Dual, Hold
from fundalloc.problem import FloatArray
from fundalloc.rules import Curve
from fundalloc.system import System

#: steps of an ascent; a few dozen are enough unless there is no optimum, or a start that is far off
STEPS = 100


@dataclass(frozen=True, eq=False)
class Start:
    """Multipliers: rows, one per coupling row; supplies, one per fixed total; all for rows in amounts.

    pulls: one per curve that is held exactly, none below 0. A multiplier of a row is above 0 where the lower
    bound binds, below 0 at the upper one.
    """

    rows: FloatArray
    supplies: FloatArray
    pulls: FloatArray


@dataclass(frozen=True, eq=False)
class Optimum(Start):
    """The optimum of a system, with the multipliers that prove it: x = clip(e + d * X * A'm, low, high).

    amounts: one per cell. residual: how far the rows are missed, relative to their size. slopes: those of each
    curve that is held exactly. clash: whether it is proven that no amounts keep the system.
    """

    amounts: FloatArray
    slopes: tuple[FloatArray, ...]
    steps: int
    residual: float
    clash: bool = False

    @property
    def proven(self) -> bool:
        """Whether the optimality conditions hold to within float arithmetic."""
        return self.residual <= ACCEPTED


def supply_rows(system: System) -> tuple[csr_array, FloatArray]:
    """The totals that are fixed, as rows over shares."""
    problem = system.problem
    n, count = problem.n, len(system.supplies)
    columns = np.concatenate([np.arange(n) + r * n for r in system.supplies] or [np.zeros(0, dtype=int)])
    rows = np.repeat(np.arange(count), n)
    totals = [problem.resources[r].shared_out / problem.resources[r].size for r in system.supplies]
    return csr_array((np.ones(n * count), (rows, columns)), shape=(count, problem.cells)), np.array(totals)


def polish(system: System, start: Start | None = None, curves: Sequence[Curve] = (), *, steps: int = STEPS) -> Optimum:
    """The optimum of `nearest` under a system that some allocation keeps.

    start: multipliers to begin with; left out: none. They decide how many steps it takes, not where it ends.
    curves: convex rules over cells of one resource each, no cell in two of them, which are held exactly.
    steps: so many at the most.
    """
    problem, size = system.problem, system.problem.size
    supply, totals = supply_rows(system)
    coupling = csr_array(system.matrix @ diags_array(size))
    matrix = csr_array(vstack([supply, coupling], format="csr"))
    count, lines = len(totals), matrix.shape[0]
    holds: list[Hold] = []
    for curve in curves:
        cells = curve.matrix.indices.astype(np.int64)
        row = None if curve.spread.ordered else lines + sum(h.row is not None for h in holds)
        paid = curve.paid / size[cells]
        holds.append(Hold(curve.measured(float(size[cells[0]])), cells, curve.basis, paid, curve.at_most, row))
    pulled = [k for k, h in enumerate(holds) if h.row is not None]
    dual = Dual(
        problem.centre / size,
        problem.softness / size,
        matrix,
        np.concatenate([totals, system.row_low, np.full(len(pulled), -np.inf)]),
        np.concatenate([totals, system.row_high, np.zeros(len(pulled))]),
        system.low / size,
        system.high / size,
        holds,
        problem.target / size,
    )
    sizes = np.array([problem.resources[r].size for r in system.supplies])
    heads = np.array([size[h.cells[0]] for h in holds])
    begin = np.zeros(lines + len(pulled))
    if start is not None:
        pulls = start.pulls[pulled] if len(start.pulls) else np.zeros(len(pulled))
        begin = np.concatenate([start.supplies * sizes, start.rows, -pulls * heads[pulled]])
    found = dual.ascend(begin, steps)
    multipliers = found.multipliers
    crossed = bool((system.low > system.high).any() or (system.row_low > system.row_high).any())
    pulls = np.ones(len(holds))
    pulls[pulled] = -multipliers[lines:]
    return Optimum(
        rows=multipliers[count:lines],
        supplies=multipliers[:count] / sizes,
        pulls=pulls / heads,
        amounts=found.state.y * size,
        slopes=found.state.slopes,
        steps=found.steps,
        residual=np.inf if crossed else found.residual,
        clash=crossed or found.clash,
    )
