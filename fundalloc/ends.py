"""Ends: what `nearest` makes of a face, the set of all allocations that are best by an objective beside curves."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from fundalloc.attempts import Attempt
from fundalloc.faces import Face
from fundalloc.objectives import LEVELS
from fundalloc.problem import BoolArray, FloatArray
from fundalloc.rules import Curve, Rows
from fundalloc.rules.kinked import Order
from fundalloc.rules.ratio import Ratio
from fundalloc.sparse import csr_array
from fundalloc.system import System
from fundalloc.tangents import met

#: amounts may miss a row or a curve by this part of its size
OVER = 8e-10
#: settled amounts may move by this part of themselves, where floats have them miss a row
WIDE = 0.9 * LEVELS
#: directions shorter than this are none
FOLLOWS = 1e-9


def nearest_on(base: System, curves: Sequence[Curve], face: Face) -> Attempt | None:
    """The allocation of a face by `nearest`; None where it is not proven or misses a curve."""
    amounts = np.clip(face.amounts, base.low, np.minimum(base.high, base.problem.size))
    moves = face.moves(np.eye(len(face.v))[: face.cells])
    slack = OVER / 2 * (abs(base.matrix) @ np.abs(amounts))
    system = replace(
        base,
        problem=base.problem.leaning(base.problem.softness, np.where(moves, base.problem.target, amounts)),
        low=np.maximum(base.low, np.where(moves, 0.0, amounts * (1 - WIDE))),
        high=np.minimum(base.high, np.where(moves, np.inf, amounts * (1 + WIDE))),
        row_low=base.row_low - slack,
        row_high=base.row_high + slack,
    )
    rest: list[Curve] = []
    if moves.any():
        system = system.joined(tuple(r for r in _rows(face, moves) if len(r)))
        bound = [s.curve for s in face.sums] + [b.curve for b in face.bends]
        rest = [c for c in curves if isinstance(c.spread, (Ratio, Order)) or any(c is b for b in bound)]
    found = met(system, rest)
    kept = all(c.excess(found.optimum.amounts) <= OVER for c in curves)
    return replace(found, cuts=()) if found.proven and kept else None


def _rows(face: Face, moves: BoolArray) -> tuple[Rows, Rows]:
    """What holds on a face beside the rules, as rows over the amounts that move: equalities, and what curves say."""
    along, free = face.along[: face.cells], np.flatnonzero(moves)
    values, vectors = np.linalg.eigh(along[free] @ along[free].T)
    rows = np.zeros((int((values <= FOLLOWS).sum()), face.cells))
    rows[:, free] = vectors[:, values <= FOLLOWS].T
    bound = rows @ face.v[: face.cells]
    drawn = face.lines.rows[face.lines.drawn]
    other = face.along[face.cells :]
    follow = other @ np.linalg.pinv(along)  # levels of curves, where they follow from the amounts
    off = drawn[:, face.cells :] @ (other - follow @ along)
    here = np.linalg.norm(off, axis=1) <= FOLLOWS
    order = drawn[here, : face.cells] + drawn[here, face.cells :] @ follow
    spare = (drawn[here] @ face.v) - face.lines.bound[face.lines.drawn][here]
    low = order @ face.v[: face.cells] - spare
    return (
        _objective(rows, bound, bound, face.scale, "level"),
        _objective(order, low, np.full(len(low), np.inf), face.scale, "order"),
    )


def _objective(rows: FloatArray, low: FloatArray, high: FloatArray, scale: FloatArray, name: str) -> Rows:
    places = tuple(f"{name} {k}" for k in range(1, len(rows) + 1))
    matrix = csr_array(rows / scale)
    return Rows("objective", "objective", "require", "", "region", places, matrix, low, high, np.zeros(len(rows)))
