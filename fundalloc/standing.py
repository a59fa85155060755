"""Which of several convex rules say more than others, and which can be held exactly."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from fundalloc.rules import Curve
from fundalloc.system import System


def repeats(one: Curve, other: Curve, second: bool) -> bool:
    """Whether a curve says no more than another one does; second: also where both say the same."""
    same = (
        type(one.spread) is type(other.spread)
        and one.spread.same(other.spread)
        and one.matrix.shape == other.matrix.shape
        and (abs(one.matrix - other.matrix)).nnz == 0
        and np.array_equal(one.basis, other.basis)
        and np.array_equal(one.paid, other.paid)
    )
    return same and (one.at_most > other.at_most or (second and one.at_most == other.at_most))


def holdable(base: System, curves: Sequence[Curve]) -> list[tuple[Curve, Curve]]:
    """Curves that can be held exactly, none over a cell of another one; as stated, and with a fixed total.

    Tangents serve smooth curves best and orders worst, so orders come first.
    """
    found: list[tuple[Curve, Curve]] = []
    taken: set[int] = set()
    for curve in sorted(curves, key=lambda c: (not c.spread.ordered, c.spread.smooth)):
        cells = curve.matrix.indices
        if not curve.single or not taken.isdisjoint(cells.tolist()):
            continue
        total = _total(base, curve)
        held = replace(curve, total=total)
        if held.exact:
            found.append((curve, held))
            taken |= set(cells.tolist())
    return found


def _total(base: System, curve: Curve) -> float | None:
    """What the units of a curve have together, past rounds included, if that is fixed."""
    cells = curve.matrix.indices
    about = np.unique(cells // base.problem.n)
    if len(about) > 1 or about[0] not in base.supplies:
        return None
    block = base.problem.block(int(about[0]))
    outside = np.ones(base.problem.cells, dtype=bool)
    outside[cells] = False
    rest = np.arange(block.start, block.stop)[outside[block]]
    if (base.low[rest] != base.high[rest]).any():
        return None
    shared_out = base.problem.resources[int(about[0])].shared_out
    return shared_out - float(base.low[rest].sum()) + float(curve.paid.sum())
