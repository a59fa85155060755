"""The polish: the exact optimum of `nearest` from its dual, whatever the solver's accuracy."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from fundalloc.dual import Dual, Hold
from fundalloc.optimum import Optimum, Start
from fundalloc.rules import Curve
from fundalloc.sparse import csr_array, diags_array, vstack
from fundalloc.system import System, supply_rows

#: steps of an ascent; a few dozen are enough unless there is no optimum, or a start that is far off
STEPS = 100


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
