"""Concessions: that preferred rules yield no further than they must, by weak duality in fractions; no solver is used.

A rule concedes s at its places, each beside a bound b that counts as |b|, at least LEAST of what is shared out. With
y = s / |b| for a floor and -s / |b| for a cap, and any prices z of the rows that the rule yields to, the shortfalls s'
of every allocation that keeps those are bound by

    sum |y| s'  >=  y b + z m - sum over cells of max(c low, c high)      with  c = A'y + M'z

A: the rows of the rule; M, m: the rows that it yields to, of z > 0 the lower bounds, else the upper ones; low, high:
the bounds of the amounts. Where the right side reaches sum |y| s, which is sum s^2 / |b|, no other sum of s'^2 / |b| is
less (Cauchy and Schwarz); that so much is enough the decided amounts show.
Source: Boyd and Vandenberghe (2004), Convex Optimization, section 5.2.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise, takewhile

import numpy as np

from fundalloc.language import Later, later
from fundalloc.problem import BoolArray, FloatArray, Problem
from fundalloc.rules import Rows, Statement
from fundalloc.sparse import csr_array, vstack
from fundalloc.system import System, assemble, supply_rows

#: a bound counts as at least this part of what is shared out where shortfalls are weighed
LEAST = 1e-9
#: what a proof may leave open, and what a bound may be loosened beyond its concession, in parts of what is shared out
OPEN, ROOM = 1e-7, 1e-6
#: bounds agree with those that the inputs give to this part of themselves
AGREE = 1e-12


@dataclass(frozen=True, eq=False)
class Yield:
    """A preferred rule that yields: what it yields to, its rows, and what is left of them.

    statements: what all rules say, in the order of the file; kept: what is left of all of them. given: the concessions,
    one per place.
    """

    base: System
    stated: Rows
    left: Rows
    given: FloatArray

    @property
    def size(self) -> FloatArray:
        """What is shared out of the resource of each row."""
        return sizes(self.base.problem, self.stated)

    @property
    def lower(self) -> BoolArray:
        """Whether it is the lower bound of a row that yields."""
        return np.asarray(self.left.low < self.stated.low)

    @property
    def pulls(self) -> FloatArray:
        """y, one per row: by how much the least sum rises with the bound of a row."""
        bound = np.where(self.lower, self.stated.low, self.stated.high)
        weight = np.maximum(np.where(np.isfinite(bound), np.abs(bound), 0.0), LEAST * self.size)
        return np.asarray(np.where(self.lower, self.given, -self.given) / weight)

    @property
    def loosened(self) -> FloatArray:
        """By how much each bound is loosened."""
        with np.errstate(invalid="ignore"):
            less, more = self.stated.low - self.left.low, self.left.high - self.stated.high
        return np.asarray(np.maximum(np.nan_to_num(less, nan=0.0), np.nan_to_num(more, nan=0.0)))

    @property
    def room(self) -> float:
        """How far bounds are loosened beyond the concessions, in parts of what is shared out."""
        return float(((self.loosened - self.given) / self.size).max(initial=0.0))

    def fault(self) -> Later | None:
        """Where concessions and bounds contradict each other; None where they fit."""
        bound = np.where(self.lower, self.stated.low, self.stated.high)
        noise = AGREE * np.where(np.isfinite(bound), np.abs(bound), 0.0)
        room = self.loosened - self.given
        both = self.lower & (self.left.high > self.stated.high)
        wrong = both | ~(self.given >= 0) | ((self.given > 0) != (self.loosened > 0))
        wrong |= ~((room >= -noise) & (room <= (1 + LEAST) * ROOM * self.size + noise))
        if not wrong.any():
            return None
        k = int(np.argmax(wrong))
        return later(
            'the preferred rule "{code_rule}" concedes {code_given:.9g} at {code_place}, but its bound is loosened by '
            "{code_loosened:.9g}.",
            code_rule=self.stated.rule,
            code_given=self.given[k],
            code_place=self.stated.places[k],
            code_loosened=self.loosened[k],
        )

    def lacks(self, prices: FloatArray) -> Fraction | None:
        """By how much less than is stated could do as far as prices tell, in parts of what is shared out.

        prices: of the fixed totals, then of the coupling rows that the rule yields to. A mean over the places, weighted
        by their pulls; None where the prices prove nothing.
        """
        problem, base, stated = self.base.problem, self.base, self.stated
        supply, count = supply_rows(base)[0], len(base.supplies)
        others = csr_array(vstack([supply, base.matrix], format="csr"))
        totals = [Fraction(problem.resources[r].lots or 0) * Fraction(problem.resources[r].lot) for r in base.supplies]
        ends = [np.concatenate([np.zeros(count), b]) for b in (base.row_low, base.row_high)]
        force = [Fraction(0)] * problem.cells
        need = Fraction(0)
        for matrix, price, low, high in (
            (stated.matrix, self.pulls, stated.low, stated.high),
            (others, prices, ends[0], ends[1]),
        ):
            for k in np.flatnonzero(price).tolist():
                p = Fraction(price[k])
                bound = low[k] if p > 0 else high[k]
                if not np.isfinite(bound):
                    return None
                need += p * (totals[k] if matrix is others and k < count else Fraction(bound))
                span = slice(matrix.indptr[k], matrix.indptr[k + 1])
                for c, a in zip(matrix.indices[span].tolist(), matrix.data[span].tolist(), strict=True):
                    force[c] += p * Fraction(a)
        highest = _Highest(base, others, totals)
        for c, f in enumerate(force):
            end = Fraction(base.low[c]) if f <= 0 else highest.of(c)
            if end is None:
                return None
            need -= f * end
        given, pulls = self.given.tolist(), np.abs(self.pulls).tolist()
        claimed = sum((Fraction(y) * Fraction(s) for y, s in zip(pulls, given, strict=True)), Fraction(0))
        whole = sum((Fraction(y) * Fraction(x) for y, x in zip(pulls, self.size.tolist(), strict=True)), Fraction(0))
        return (claimed - need) / whole if whole else Fraction(0)


class _Highest:
    """The most that an amount can be by its own bound and by each row alone that holds it with others not below 0."""

    def __init__(self, base: System, rows: csr_array, totals: Sequence[Fraction]) -> None:
        self.base, self.columns = base, rows.tocsc()
        self.sums = [bool((rows.data[a:b] >= 0).all()) for a, b in pairwise(rows.indptr)]
        high = [None if not np.isfinite(b) else Fraction(b) for b in base.row_high.tolist()]
        self.bounds: list[Fraction | None] = [*totals, *high]

    def of(self, cell: int) -> Fraction | None:
        """The most of a cell; None where nothing holds it."""
        own = self.base.high[cell]
        found = [Fraction(own)] if np.isfinite(own) else []
        span = slice(self.columns.indptr[cell], self.columns.indptr[cell + 1])
        for k, a in zip(self.columns.indices[span].tolist(), self.columns.data[span].tolist(), strict=True):
            bound = self.bounds[k]
            if bound is not None and a > 0 and self.sums[k]:
                found.append(bound / Fraction(a))
        return min(found, default=None)


def sizes(problem: Problem, rows: Rows) -> FloatArray:
    """What is shared out of the resource that each row is about, of several resources of the first one."""
    own = [r.size for r in problem.resources if r.name == rows.resource]
    return np.full(len(rows), own[0]) if own else problem.size[rows.matrix.indices[rows.matrix.indptr[:-1]]]


def harder(statements: Sequence[Statement], kept: Sequence[Statement], one: Statement) -> list[Statement]:
    """What a preferred rule yields to: required rules, and the preferred ones before it as far as they are kept.

    statements: what all rules say, in the order of the file; kept: what is left of them.
    """
    earlier = {(s.rule, s.resource) for s in takewhile(lambda s: s is not one, statements)}
    return [s for s in kept if s.mode != "prefer" or (s.rule, s.resource) in earlier]


def yields(
    problem: Problem,
    statements: Sequence[Statement],
    kept: Sequence[Statement],
    one: Rows,
    given: FloatArray,
    out: BoolArray,
) -> Yield:
    """A preferred rule that yields, beside the bounds and rows that it yields to; curves among them are left out."""
    left = next(s for s in kept if (s.rule, s.resource) == (one.rule, one.resource))
    lines = tuple(s for s in harder(statements, kept, one) if isinstance(s, Rows))
    assert isinstance(left, Rows)
    return Yield(assemble(problem, lines, whole=False, out=out), one, left, given)
