"""Lowest: the least bound of a convex rule beside others, between what some allocation has and what tangents allow.

Source: Kelley (1960), The cutting-plane method for solving convex programs, SIAM Journal 8.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from fundalloc.arrays import Arrays, of_size_one
from fundalloc.highs import run
from fundalloc.problem import FloatArray
from fundalloc.reasons import reason
from fundalloc.rules import Curve, Rows
from fundalloc.solve import linear
from fundalloc.sparse import csr_array, hstack, vstack
from fundalloc.system import System

#: so many tangents are tried, and the gap at which nothing more is looked for
ROUNDS, CLOSE = 300, 1e-7


@dataclass(frozen=True, eq=False)
class Lowest:
    """Between which bounds the least one lies. seen: the amounts at which tangents were taken."""

    low: float
    high: float
    base: System
    curve: Curve
    others: Sequence[Curve]
    seen: Sequence[FloatArray]

    def impossible(self, at_most: float) -> bool:
        """Whether a sum of the rules and of the tangents that were seen shows that a bound cannot be kept."""
        curves = [replace(self.curve, at_most=at_most), *self.others]
        return reason(self.base.joined(tuple(c.tangent(x) for c in curves for x in self.seen))) is not None


def lowest(base: System, curve: Curve, others: Sequence[Curve], amounts: FloatArray) -> Lowest:
    """The least bound of a curve that rows and other curves allow. amounts: any that keep those.

    Where a linear program ends without an answer the bounds are as near as they were before. What a bound is worth in
    amounts is taken from where tangents are taken; where it is not the same everywhere, as it is for a fixed total, the
    lower bound may be too high.
    """
    arrays, scale = linear(base)
    low, high = curve.at_most, float(curve.values(amounts)[0])
    seen: list[FloatArray] = []
    rows: list[tuple[Rows, float]] = []
    x = amounts
    for _ in range(ROUNDS):
        if all(c.excess(x) <= CLOSE for c in others):
            high = min(high, float(curve.values(x)[0]))
        if high - low <= CLOSE:
            break
        seen.append(x)
        rows.append((curve.tangent(x), curve.per_bound(x)))
        rows += [(c.tangent(x), 0.0) for c in others]
        status, found = run(_program(arrays, scale, rows), solver="simplex", tolerance=1e-9)
        if status != "Optimal":
            break
        x = found[:-1] * scale
        low = max(low, curve.at_most + float(found[-1]))
    return Lowest(low, high, base, curve, others, seen)


def _program(arrays: Arrays, scale: FloatArray, rows: Sequence[tuple[Rows, float]]) -> Arrays:
    """The least addition to the bound, as the last variable, under the rows of a system and tangents.

    rows: each with what one more unit of the bound adds to it.
    """
    matrix, norms = of_size_one(csr_array(vstack([r.matrix for r, _ in rows])), scale)
    wider = csr_array(np.array([-per for _, per in rows])[:, np.newaxis] / norms[:, np.newaxis])
    nothing = csr_array((arrays.matrix.shape[0], 1))
    return Arrays(
        curvature=np.zeros(len(scale) + 1),
        cost=np.append(np.zeros(len(scale)), 1.0),
        low=np.append(arrays.low, 0.0),
        high=np.append(arrays.high, np.inf),
        matrix=csr_array(
            vstack([hstack([arrays.matrix, nothing]), hstack([matrix, wider])], format="csr"),
        ),
        row_low=np.append(arrays.row_low, np.full(len(rows), -np.inf)),
        row_high=np.append(arrays.row_high, np.array([float(r.high[0]) for r, _ in rows]) / norms),
    )
