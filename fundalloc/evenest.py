"""Evenest: the multipliers that are published, where several explain the same amounts.

Where rules repeat or imply each other, those with the least sum of m_k^2 * sum_c d_c a_kc^2 are published; rows with
the same cells and bound share equally.
"""

from __future__ import annotations

import itertools
from collections import defaultdict

import numpy as np
from scipy.sparse.csgraph import connected_components

from fundalloc.arrays import Arrays
from fundalloc.errors import SolverError
from fundalloc.highs import run
from fundalloc.language import say
from fundalloc.multipliers import Multipliers, explaining, explains, touched
from fundalloc.optimum import Optimum
from fundalloc.problem import BoolArray, FloatArray, IntArray
from fundalloc.sparse import csr_array, diags_array, hstack, vstack
from fundalloc.system import System, supply_rows

DEPENDENT = 1e-9
#: up to so many rows are looked at as one
DENSE = 300


def evenest(system: System, optimum: Optimum) -> Multipliers:
    """The published multipliers of an optimum: the evenest ones, or its own where those do not explain it.

    Raises SolverError where neither do.
    """
    problem, x = system.problem, optimum.amounts
    row_low, row_high, low, high = touched(system, x)
    pull = problem.softness * problem.size
    force = (x - problem.centre) / pull
    groups = _repeated(system, row_low, row_high)
    first = np.array([g[0] for g in groups], dtype=np.int64)
    merged = np.array([optimum.rows[g].sum() for g in groups])
    side = row_low.astype(float) - row_high
    a = csr_array(vstack([supply_rows(system)[0], system.matrix[first]], format="csr"))
    signs = np.concatenate([np.zeros(len(optimum.supplies)), side[first]])
    penalised = np.arange(a.shape[0]) >= len(optimum.supplies)
    now = np.concatenate([optimum.supplies, merged])
    opened = system.opened(x)  # they take what nobody else may: their force says nothing of the others
    weight = np.where(opened, 0.0, pull)
    best = _least(a, now, signs, penalised, force, weight, low | opened, high | opened)
    count = len(optimum.supplies)
    for values in (best, now):
        rows = np.zeros(len(optimum.rows))
        for group, total in zip(groups, values[count:], strict=True):
            rows[group] = total / len(group)
        prices = explaining(system, x, rows, values[:count])
        if explains(system, x, prices):
            return prices
    raise SolverError(say("What each rule accounts for could not be told apart; nothing was written."))


def _repeated(system: System, low: BoolArray, high: BoolArray) -> list[IntArray]:
    """The binding coupling rows, those with the same cells and the same bound together."""
    matrix = system.matrix
    same: dict[tuple[object, ...], list[int]] = defaultdict(list)
    for k in np.flatnonzero(low | high):
        span = slice(matrix.indptr[k], matrix.indptr[k + 1])
        cells = matrix.indices[span].tobytes(), matrix.data[span].tobytes()
        same[*cells, bool(low[k]), bool(high[k])].append(int(k))
    return [np.array(group, dtype=np.int64) for group in same.values()]


def _open(rows: csr_array, totals: int) -> FloatArray:
    """Combinations of rows that are nothing, one for each column. rows: of size one at most, the totals first.

    Many rows are taken apart into those that share cells but for the totals; each part is looked at by itself, and
    then what is left of the totals.
    """
    if rows.shape[0] <= DENSE:
        return _nothing((rows @ rows.T).toarray())
    others = csr_array(rows[totals:])
    gram = csr_array(others @ others.T)
    count, part = connected_components(gram, directed=False)
    order = np.argsort(part, kind="stable")
    ends = np.searchsorted(part[order], np.arange(count + 1))
    crossed = (others @ rows[:totals].T).toarray()
    inverse, alone = np.zeros_like(crossed), gram.diagonal()
    found = []
    for first, last in itertools.pairwise(ends.tolist()):
        mine = order[first:last]
        block = gram[mine][:, mine].toarray() if len(mine) > 1 else alone[mine].reshape(1, 1)
        values, vectors = np.linalg.eigh(block)
        firm = values > DEPENDENT
        inverse[mine] = vectors[:, firm] @ ((vectors[:, firm].T @ crossed[mine]) / values[firm, np.newaxis])
        for column in vectors[:, ~firm].T:
            move = np.zeros(rows.shape[0])
            move[totals + mine] = column
            found.append(move)
    rest = (rows[:totals] @ rows[:totals].T).toarray() - crossed.T @ inverse
    for column in _nothing(rest).T:
        found.append(np.concatenate([column, -inverse @ column]))
    return np.array(found).reshape(len(found), rows.shape[0]).T


def _nothing(gram: FloatArray) -> FloatArray:
    """The directions in which a matrix of products is 0."""
    values, vectors = np.linalg.eigh(gram)
    return np.asarray(vectors[:, values <= DEPENDENT])


def _least(
    a: csr_array,
    now: FloatArray,
    signs: FloatArray,
    penalised: BoolArray,
    force: FloatArray,
    pull: FloatArray,
    low: BoolArray,
    high: BoolArray,
) -> FloatArray:
    """The multipliers of the rows `a` with the least norm, cells at their bounds included.

    Only moves that the free cells leave open are looked at; there are none where the binding rows
    are independent on the free cells, as they mostly are.
    """
    norms = np.sqrt(np.asarray((a * a) @ pull))
    norms = np.where(norms > 0, norms, 1.0)
    held = np.flatnonzero(low | high)
    unit = csr_array(diags_array(1.0 / norms) @ a @ diags_array(np.sqrt(pull)))
    free = csr_array(unit @ diags_array((~(low | high)).astype(float)))
    moves = _open(free, int((~penalised).sum()))
    if not moves.shape[1]:
        return now
    start, root = now * norms, np.sqrt(pull[held])
    on_held = csr_array(unit.T)[held]
    cells = root * force[held] - on_held @ start
    scale = max(float(np.abs(start).max()), float(np.abs(cells).max(initial=0.0)), 1e-300)
    count, rows = moves.shape[1], len(start)
    sides = np.concatenate([signs, low[held].astype(float) - high[held]])
    anything = np.full(count, np.inf)
    goal = np.concatenate([-start, cells]) / scale
    status, found = run(
        Arrays(
            curvature=np.concatenate([np.zeros(count), penalised, np.ones(len(held))]),
            cost=np.zeros(count + rows + len(held)),
            low=np.concatenate([-anything, np.where(sides > 0, 0.0, -np.inf)]),
            high=np.concatenate([anything, np.where(sides < 0, 0.0, np.inf)]),
            matrix=csr_array(
                hstack(
                    [
                        csr_array(vstack([csr_array(moves), csr_array(on_held @ moves)])),
                        diags_array(np.concatenate([-np.ones(rows), np.ones(len(held))])),
                    ],
                    format="csr",
                )
            ),
            row_low=goal,
            row_high=goal,
        )
    )
    if status != "Optimal":
        return now
    best = start + scale * (moves @ found[:count])
    return np.where(signs * best < 0, 0.0, best) / norms
