"""Levels beside curves: the lowest raised as far as rules and curves allow, then the next lowest, face by face.

On the face of all allocations at which every open level is at least t, the greatest possible, those levels are settled
that a multiplier holds there; what holds with equality everywhere on it becomes an equality of the next step, so that
every step has an inside. At the end `nearest` divides what no level settles.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from fundalloc.attempts import Attempt, Chosen, LevelProof
from fundalloc.ends import nearest_on
from fundalloc.gains import Gains
from fundalloc.levels import LESS, Climb
from fundalloc.objectives import LEVELS
from fundalloc.problem import FloatArray
from fundalloc.rules import Curve, Rows
from fundalloc.rules.smooth import Smooth
from fundalloc.system import System
from fundalloc.unfolding import Unfolded, too_large

#: lower levels are proven as exactly as this one
LITTLE = 1e-3
#: a level that is above another by less than this part is not; a curve that is missed by less is not
ABOVE, MISSED = 1e-9, 1e-10
#: so many rows that touch curves are tried
CUTS = 200


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


def climbed_beside(
    system: System, curves: Sequence[Curve], gains: Gains, amounts: FloatArray
) -> tuple[System, tuple[LevelProof, ...]]:
    """A climb of linear programs to the levels of amounts, as far as it comes, under rows that curves with kinks imply.

    Where a step rises above the levels its amounts miss a curve, so the row that touches the curve there is one more.
    Beside smooth curves that would never end. The system is returned with the rows that a step needs.
    """
    levels = np.asarray(gains.matrix @ amounts) / gains.due
    kinked = [c for c in curves if not isinstance(c.spread, Smooth)]
    climb, cuts = Climb(system, gains, LESS[0]), list[Rows]()
    while climb.open.any() and (found := climb.highest()) is not None:
        least = levels[climb.open & (levels < climb.top * (1 - ABOVE))].min(initial=np.inf)
        if found[0] > least * (1 + ABOVE):
            new = [c.tangent(climb.found) for c in kinked if c.excess(climb.found) > MISSED]
            if not new or len(cuts) + len(new) > CUTS:
                break
            for row in new:
                climb.rows.add(row.matrix, row.low, row.high)
            cuts += new
            continue
        before = climb.open.sum()
        climb.settle(*found)
        if climb.open.sum() == before:
            break
    count = len(system.supplies) + len(system.row_low)
    prices = np.zeros((len(climb.proofs), count + len(cuts)))
    for line, step in zip(prices, climb.proofs, strict=True):
        line[: len(step.rows)] = step.rows
    used = np.asarray(prices[:, count:].any(axis=0))
    prices = np.hstack([prices[:, :count], prices[:, count:][:, used]])
    steps = tuple(replace(step, rows=rows) for step, rows in zip(climb.proofs, prices, strict=True))
    return system.joined(tuple(row for row, needed in zip(cuts, used.tolist(), strict=True) if needed)), steps
