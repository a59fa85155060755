"""Lots: the optimum of a system in whole lots, inside the bounds of its regions and nested groups."""

from __future__ import annotations

from fractions import Fraction

import numpy as np

from fundalloc.exact import Exact
from fundalloc.optimum import Optimum
from fundalloc.problem import FloatArray, IntArray
from fundalloc.rounding import Nest, Real, whole_lots
from fundalloc.system import System, inward

NO_CAP = np.iinfo(np.int64).max // 4


def lots_of(system: System, optimum: Optimum, exact: Exact | None) -> IntArray:
    """The lots of every cell, from the exact optimum where there is one. Raises NoWholeLots."""
    return np.concatenate([_lots(system, optimum, exact, r) for r in range(len(system.problem.resources))])


def _lots(system: System, optimum: Optimum, exact: Exact | None, r: int) -> IntArray:
    problem = system.problem
    resource, block = problem.resources[r], problem.block(r)
    lot = float(resource.lot)
    whole = system.whole[r]
    low, high = _bounds(system.low[block], system.high[block], lot, whole=whole)
    nests = []
    for k in np.flatnonzero(system.nested):
        cells = system.matrix.indices[system.matrix.indptr[k] : system.matrix.indptr[k + 1]]
        if block.start <= cells[0] < block.stop:
            least, most = _bounds(system.row_low[[k]], system.row_high[[k]], lot, whole=whole)
            nests.append(Nest(np.sort(cells) - block.start, int(least[0]), int(most[0])))
    parts = None if exact is None else exact.lots(block, Fraction(resource.lot))
    real = Real.of(optimum.amounts[block] / lot) if parts is None else Real(*parts)
    return whole_lots(real, resource.lots, low, high, nests, resource.entitlement, resource.rounding)


def _bounds(low: FloatArray, high: FloatArray, lot: float, *, whole: bool) -> tuple[IntArray, IntArray]:
    """Bounds in lots: inwards; outwards where no lot lies between, or the rules leave no whole lots."""
    floors, caps = inward(low, high, np.full(len(low), lot))
    outward = (floors > caps) | (not whole)
    floors = np.where(outward, np.floor(low / lot + 1e-9), floors)
    caps = np.where(outward, np.ceil(high / lot - 1e-9), caps)
    return (
        np.clip(floors, 0, NO_CAP).astype(np.int64),
        np.where(np.isfinite(caps), np.clip(caps, 0, NO_CAP), NO_CAP).astype(np.int64),
    )
