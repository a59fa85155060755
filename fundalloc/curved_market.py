"""Alpha-fairness of regions that value resources differently, beside curves.

The interior method finds the levels, which are the same in every optimum; `nearest` divides what they leave open.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from fundalloc.attempts import Attempt
from fundalloc.ends import nearest_on
from fundalloc.gains import Gains
from fundalloc.objectives import UTILITY
from fundalloc.pieces import Unfair
from fundalloc.problem import FloatArray
from fundalloc.rules import Curve
from fundalloc.system import System
from fundalloc.unfolding import Unfolded, too_large
from fundalloc.utility import Utility
from fundalloc.worths import beside

#: levels that differ by less than this part of what is due do not differ
SAME = 1e-6


def fair_beside(base: System, curves: Sequence[Curve], gains: Gains, weight: FloatArray) -> Attempt | None:
    """The greatest sum of weight * u(level), the rest by `nearest`; None without a proof. weight: of each level."""
    face = None if too_large(base, curves) else Unfolded(base, curves).face()
    if face is None:
        return None
    rows = np.zeros((len(gains.due), len(face.v)))
    rows[:, : face.cells] = (gains.matrix.toarray() * face.scale) / gains.due[:, None]
    cost = Unfair(rows, weight, Utility(base.problem.alpha))
    best = face.best(cost)
    held = face.restricted(best, rows)
    held = None if held is None else held.clear()
    if held is None or not best.gap <= UTILITY * weight.sum():
        return None
    last = nearest_on(base, curves, held)
    if last is None or (np.abs(gains.matrix @ last.optimum.amounts / gains.due - rows @ best.v) > SAME).any():
        return None
    value = -cost.slopes(best.v)[: face.cells] / face.scale
    prices = beside(base, face, best, value, last)
    return None if prices is None else replace(last, chosen=prices)
