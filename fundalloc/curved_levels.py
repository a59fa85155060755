"""Levels beside curves: the lowest raised as far as rules and curves allow, then the next lowest, face by face.

On the face of all allocations at which every open level is at least t, the greatest possible, those levels are settled
that a multiplier holds there; what holds with equality everywhere on it becomes an equality of the next step, so that
every step has an inside. At the end `nearest` divides what no level settles.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from fundalloc.attempts import Attempt, Chosen
from fundalloc.ends import nearest_on
from fundalloc.gains import Gains
from fundalloc.objectives import LEVELS
from fundalloc.rules import Curve, Rows
from fundalloc.system import System
from fundalloc.unfolding import Unfolded, too_large

#: lower levels are proven as exactly as this one
LITTLE = 1e-3


def raised_beside(base: System, curves: Sequence[Curve], gains: Gains) -> Attempt | None:
    """What `nearest` leaves of all levels, raised as far as rules and curves allow; None without a proof."""
    if too_large(base, curves):
        return None
    built = Unfolded(base, curves)
    face = built.face()
    if face is None:
        return None
    rows = np.zeros((len(gains.due), len(face.v)))
    rows[:, : face.cells] = (gains.matrix.toarray() * built.scale) / gains.due[:, None]
    level = np.full(len(rows), np.nan)
    touching: tuple[Rows, ...] = ()
    while True:
        stay = np.isnan(level) & ~face.moves(rows / np.linalg.norm(rows, axis=1)[:, None])
        level[stay] = (rows @ face.v)[stay]
        mine = np.flatnonzero(np.isnan(level))
        if not len(mine):
            break
        low = float((rows[mine] @ face.v).min())
        wide = face.lifted(low - 0.05, rows[mine], np.zeros(len(mine)), (0.0, 0.0, 0.0))
        best = wide.highest()
        settled = best.lines[-len(mine) :]
        needed = np.append(
            np.ones(len(best.lines) - len(mine), dtype=bool), settled
        )  # the next step asks for the others
        held = replace(wide, lines=wide.lines.where(needed)).restricted(replace(best, lines=best.lines[needed]))
        if held is None or not settled.any() or not best.gap <= LEVELS * max(float(best.v[-1]), LITTLE):
            return None
        level[mine[settled]] = float(held.v[-1])
        touching = touching if wide.curved else wide.touching(best)
        face = held.dropped().clear()
        if face is None:
            return None
    found = nearest_on(base, curves, face)
    if found is None:
        return None
    reached = gains.matrix @ found.optimum.amounts / gains.due
    if (np.abs(reached - level) > LEVELS * np.maximum(level, LITTLE)).any():
        return None
    return replace(found, chosen=Chosen.unpriced(found.system, base, touching))
