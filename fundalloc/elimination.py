"""Elimination: whom or_nothing leaves out, one place after the other, computed again exactly; no solver is used.

As statutes have it: decide without the floor; while a place is below it, the one furthest below gets nothing, and the
rest is decided again. The multipliers of each of these decisions lead to its optimum in fractions, and that to the
next place.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from fundalloc.exact import exact
from fundalloc.language import Later, later
from fundalloc.optimum import Optimum
from fundalloc.problem import BoolArray, FloatArray, IntArray, Problem
from fundalloc.rules import Curve, Rows, Statement
from fundalloc.system import System, assemble

#: a place is below its floor if it misses it by more than this part of it
BELOW = 1e-9
#: parts of a floor are compared to so many digits
DIGITS = 12
#: where more than so many amounts would have to be computed exactly on the way, nothing is proven
MOST = 2_000_000


@dataclass(frozen=True, eq=False)
class Step:
    """The multipliers of one decision on the way, as pairs of number and multiplier: of coupling rows and of totals."""

    rows: tuple[tuple[int, float], ...]
    supplies: tuple[tuple[int, float], ...]

    @classmethod
    def of(cls, optimum: Optimum) -> Step:
        """The multipliers of an optimum that are not 0."""
        return cls(_used(optimum.rows), _used(optimum.supplies))

    def optimum(self, rows: int, supplies: int) -> Optimum:
        """The multipliers as those of an optimum; rows, supplies: how many there are."""
        return Optimum(_full(self.rows, rows), _full(self.supplies, supplies), np.zeros(0), np.zeros(0), (), 0, 0.0)


@dataclass(frozen=True, eq=False)
class Loop:
    """The loop of the statute for what rules say: floors that a place keeps or gets nothing, and all others."""

    problem: Problem
    floors: tuple[Statement, ...]
    others: tuple[Statement, ...]

    @classmethod
    def of(cls, problem: Problem, statements: Sequence[Statement]) -> Loop:
        """The loop for what rules in force say."""
        floors = tuple(s for s in statements if s.or_nothing and isinstance(s, Rows))
        return cls(problem, floors, tuple(s for s in statements if not s.or_nothing))

    def furthest_below(self, out: BoolArray, amounts: FloatArray) -> IntArray | None:
        """The cells of the place that is furthest below its floor; ties: the smaller entitlement, then the id.

        out: the cells that get nothing already.
        """
        key = self.problem.blocks([r.entitlement for r in self.problem.resources])
        worst: tuple[float, float, str] | None = None
        cells = None
        for one in left(self.floors, out):
            values = one.values(amounts)
            for place in np.flatnonzero((one.low > 0) & (values < one.low * (1 - BELOW))):
                mine = one.matrix.indices[one.matrix.indptr[place] : one.matrix.indptr[place + 1]]
                part = round(float(values[place] / one.low[place]), DIGITS)
                rank = (part, float(key[mine].sum()), one.places[place])
                if worst is None or rank < worst:
                    worst, cells = rank, mine.astype(np.int64)
        return cells

    def system(self, out: BoolArray) -> System:
        """What the rest is decided by: all other rules, in whole lots, nothing for who has no target."""
        problem = self.problem
        lines = tuple(s for s in left(self.others, out) if isinstance(s, Rows))
        closed = bool((problem.takes_part & ~out & ~problem.wants).any())
        return assemble(problem, lines, whole=True, closed=closed, out=out)

    def after(self, out: BoolArray, step: Step) -> tuple[bool, IntArray | None]:
        """Whether a step proves what is decided where some cells get nothing, and who goes next (None: nobody)."""
        nothing = False, None
        if any(isinstance(s, Curve) for s in self.others) or out.sum() * self.problem.cells > MOST:
            return nothing
        system, objective = self.system(out), self.problem.objective
        near = objective == "nearest" or (objective == "leximin" and system.leximin_is_nearest)
        found = exact(system, step.optimum(len(system.row_low), len(system.supplies))) if near else None
        return nothing if found is None else (True, self.furthest_below(out, found.amounts()))

    def fault(self, out: BoolArray, steps: Sequence[Step]) -> Later | None:
        """What is wrong with the proof that just these cells get nothing; None where it holds.

        steps: one for each place that is left out, in order, and one for the rest, of which nobody is below a floor.
        """
        now = np.zeros(self.problem.cells, dtype=bool)
        for k, step in enumerate(steps, 1):
            proven, cells = self.after(now, step)
            if not proven:
                return later("step {code_k} of or_nothing: the multipliers do not lead to an optimum.", code_k=k)
            if cells is None:
                same = k == len(steps) and np.array_equal(now, out)
                return None if same else later("or_nothing leaves out others than those who stay below their floors.")
            now[cells] = True
        return later("the steps of or_nothing do not lead to its end.")


def left(statements: Sequence[Statement], out: BoolArray) -> list[Statement]:
    """What rules say where the places that get nothing have left them."""
    if not out.any():
        return list(statements)
    return [s for s in (s.without(out) for s in statements) if len(s.matrix.indptr) > 1]


def _used(multipliers: FloatArray) -> tuple[tuple[int, float], ...]:
    return tuple((k, multipliers[k].item()) for k in np.flatnonzero(multipliers).tolist())


def _full(pairs: Sequence[tuple[int, float]], count: int) -> FloatArray:
    found = np.zeros(count)
    for k, multiplier in pairs:
        found[k] = multiplier
    return found
