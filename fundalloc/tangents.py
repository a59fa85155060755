"""Tangents: convex rules made linear where it matters.

The optimum under some tangents of every curve is looked for; where it misses a curve, a tangent that it
breaks is added. Tangents are taken where amounts come to rest under the pulls that were found last, so
few are needed. At the end the tangents of a curve are put together, weighted by their multipliers, to one
row that has the same optimum.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from fundalloc.attempts import Attempt
from fundalloc.bending import leaning, moves
from fundalloc.optimum import Optimum, Start
from fundalloc.polish import STEPS, polish
from fundalloc.pooling import NoOrder
from fundalloc.problem import BoolArray, FloatArray, Problem
from fundalloc.rules import Around, Bent, Curve, Rows, Statement
from fundalloc.solve import about_possible, nearest
from fundalloc.sparse import csr_array, vstack
from fundalloc.standing import holdable, repeats
from fundalloc.system import System, assemble

#: a curve is kept to this part of its size, and to that where floats come no nearer
KEPT, STILL_KEPT = 1e-10, 1e-9
ROUNDS = 150
#: so often smooth curves are put in second order, which ends after a dozen times or not at all
SECOND = 40
#: steps of the polish where curves with kinks are met by tangents beside one that is held; more would crawl
FEW = 40
#: an order that moves amounts by less than this part of the largest one moves nothing
NOISE = 1e-12
#: tangents that have been idle for so many rounds are dropped
IDLE = 6


@dataclass(eq=False)
class _Cut:
    rows: Rows
    curve: Curve
    price: float = 0.0
    idle: int = 0


class _Search:
    """The search for the tangents of the curves of one system.

    held: curves that the polish holds exactly; at most one for each cell. The others are touched.
    """

    def __init__(self, base: System, curves: Sequence[Curve], cuts: Sequence[Rows], *, exact: bool, steps: int) -> None:
        self.base = base
        self.held = holdable(base, curves) if exact else []
        held = {id(own) for own, _ in self.held}
        self.others = [c for c in curves if id(c) not in held]
        self.steps = (
            min(steps, FEW) if self.held and not all(c.single and c.spread.smooth for c in self.others) else steps
        )
        self.cuts = [_Cut(r, c) for r in cuts for c in self.others if r.curve is c]
        self.coupling = len(base.row_low)
        self.bent: list[Bent] = []

    def solve(self, last: Optimum | None) -> Optimum:
        """The optimum under the tangents that are known."""
        system = self.base.joined(tuple(c.rows for c in self.cuts))
        if self.bent:
            system = replace(system, problem=leaning(self.base.problem, self.bent))
        start = None
        if last is not None:
            rows = np.concatenate([last.rows[: self.coupling], [c.price for c in self.cuts]])
            start = Start(rows=rows, supplies=last.supplies, pulls=last.pulls)
        if self.held:
            return polish(system, start, [c for _, c in self.held], steps=self.steps)
        return nearest(system, start)

    def run(self) -> Optimum:
        """The optimum that keeps all curves; not proven where none was found."""
        optimum = self.solve(None)
        for k in range(ROUNDS):
            if not optimum.proven:
                return optimum
            self._settle(optimum)
            missed = [c for c in self.others if c.excess(optimum.amounts) > KEPT]
            if not missed and not moves(self.base.problem, self.bent, optimum.amounts):
                return optimum
            self.bent = []
            for curve in self.others:
                if k < SECOND and curve.single and curve.spread.smooth:
                    self._bend(optimum, curve)
                elif any(curve is c for c in missed):
                    self._touch(optimum, curve)
            last, optimum = optimum, self.solve(optimum)
            if np.array_equal(last.amounts, optimum.amounts):  # floats see no difference any more
                break
        near = all(c.excess(optimum.amounts) <= STILL_KEPT for c in self.others)
        return (
            optimum
            if near and not moves(self.base.problem, self.bent, optimum.amounts)
            else replace(optimum, residual=np.inf)
        )

    def _settle(self, optimum: Optimum) -> None:
        """Notes the multipliers and drops tangents that have long been idle."""
        for cut, price in zip(self.cuts, optimum.rows[self.coupling :].tolist(), strict=True):
            cut.price = price
            cut.idle = 0 if price < 0 else cut.idle + 1
        self.cuts = [c for c in self.cuts if c.idle <= IDLE]

    def _touch(self, optimum: Optimum, curve: Curve) -> None:
        """Adds tangents of a curve that the optimum misses."""
        pull = self._pull(curve)
        drawn = curve.single and (pull > 0 or curve.spread.ordered)
        if drawn:
            self._add(curve, curve.drawn(self._around(optimum, curve), pull))
        if not drawn or not curve.spread.ordered:
            self._add(curve, curve.tangent(optimum.amounts))

    def _bend(self, optimum: Optimum, curve: Curve) -> None:
        """Puts a curve that pulls or is missed in second order where the amounts are; its tangent there, no other."""
        pull = self._pull(curve)
        if pull <= 0 and curve.excess(optimum.amounts) <= KEPT:
            return
        bent = curve.bent(self._around(optimum, curve), pull)
        self.cuts = [c for c in self.cuts if c.curve is not curve]
        self._add(curve, bent.row, -pull)
        self.bent.append(bent)

    def _pull(self, curve: Curve) -> float:
        return -sum(c.price for c in self.cuts if c.curve is curve)

    def _around(self, optimum: Optimum, curve: Curve) -> Around:
        """What draws at the amounts beside a curve."""
        problem = self.base.problem
        softness = problem.softness * problem.size
        z = problem.centre + softness * self._forces(optimum, curve)
        return Around(optimum.amounts, z, softness, self.base.low, self.base.high)

    def _add(self, curve: Curve, rows: Rows, price: float = 0.0) -> None:
        if np.isfinite(rows.matrix.data).all() and rows.matrix.data.any():
            self.cuts.append(_Cut(self.base.apart(rows)[0], curve, price))

    def _forces(self, optimum: Optimum, curve: Curve) -> FloatArray:
        """What pulls at each cell but the curve itself, per amount."""
        total = np.zeros(self.base.problem.cells)
        for r, price in zip(self.base.supplies, optimum.supplies.tolist(), strict=True):
            total[self.base.problem.block(r)] = price
        total += self.base.matrix.T @ optimum.rows[: self.coupling]
        for cut in self.cuts:
            if cut.curve is not curve:
                total += cut.price * (cut.rows.matrix.T @ np.ones(1))
        for (_, held), pull, slopes in zip(self.held, optimum.pulls.tolist(), optimum.slopes, strict=True):
            total[held.matrix.indices] -= pull * slopes
        return total

    def held_rows(self, optimum: Optimum) -> list[tuple[Rows, float]]:
        """The tangents of the curves that are held, with their multipliers."""
        problem = self.base.problem
        found: list[tuple[Rows, float]] = []
        for (own, held), pull, slopes in zip(self.held, optimum.pulls.tolist(), optimum.slopes, strict=True):
            cells = held.matrix.indices
            moved = np.abs(slopes) * problem.softness[cells]
            if own.spread.ordered and moved.max() <= NOISE * np.abs(optimum.amounts[cells]).max():
                continue
            if pull > 0 and slopes.any() and np.isfinite(slopes).all():
                size = float(np.abs(slopes).max()) if own.spread.ordered else 1.0
                found.append((own.row(held.spread.valid(slopes, held.basis, held.at_most) / size), -pull * size))
        return found

    def put_together(self, optimum: Optimum, twins: Sequence[Curve]) -> Attempt:
        """One row for each curve that matters, and the optimum with its multiplier.

        twins: curves that say the same as another one, or less.
        """
        rows: list[Rows] = []
        prices: list[float] = []
        supplies = optimum.supplies.copy()
        for held, price in self.held_rows(optimum):
            row, totals = self.base.apart(held)
            rows.append(row)
            prices.append(price)
            supplies += price * totals
        for curve in self.others:
            mine = [c for c in self.cuts if c.curve is curve and c.price < 0]
            if mine:
                total = sum(c.price for c in mine)
                parts = np.array([c.price / total for c in mine])
                stack = vstack([c.rows.matrix for c in mine], format="csr")
                bound = float(parts @ np.array([c.rows.high[0] for c in mine]))
                rows.append(curve.touching(csr_array(csr_array(parts[np.newaxis, :]) @ stack), bound))
                prices.append(total)
        for twin in twins:
            for row in [r for r in rows if isinstance(r.curve, Curve) and repeats(r.curve, twin, True)]:
                rows.append(twin.touching(row.matrix, float(row.high[0])))
                prices.append(0.0)
        system = self.base.joined(tuple(rows))
        start = Start(
            rows=np.concatenate([optimum.rows[: self.coupling], prices]), supplies=supplies, pulls=np.zeros(0)
        )
        return Attempt(system, nearest(system, start), (*(c.rows for c in self.cuts), *rows[: len(self.held)]))


def attempt(
    problem: Problem,
    statements: Sequence[Statement],
    *,
    whole: bool | Sequence[bool] = True,
    closed: bool = False,
    out: BoolArray | None = None,
    cuts: Sequence[Rows] = (),
) -> Attempt:
    """The optimum of `nearest` under rules, curves among them.

    whole, closed, out: as in `assemble`. cuts: tangents of these curves that are known already.
    """
    lines = tuple(s for s in statements if isinstance(s, Rows))
    return met(assemble(problem, lines, whole=whole, closed=closed, out=out), convex(statements), cuts)


def convex(statements: Sequence[Statement]) -> list[Curve]:
    """The convex rules among statements that say anything."""
    return [s for s in statements if isinstance(s, Curve) and np.isfinite(s.at_most)]


def met(base: System, curves: Sequence[Curve], cuts: Sequence[Rows] = (), steps: int | None = None) -> Attempt:
    """The optimum of `nearest` under a system and curves.

    cuts: tangents of these curves that are known already. steps: so many of the polish where a curve is held
    exactly, and no second try; for tangents where the rules are likely to be impossible.
    """
    if not curves:
        return Attempt(base, nearest(base), ())
    pairs = [(j, d) for j, d in enumerate(curves)]
    tightest = [c for k, c in enumerate(curves) if not any(repeats(c, d, k > j) for j, d in pairs if j != k)]
    known = tuple(cuts)
    for exact in (True, False):
        search = _Search(base, tightest, known, exact=exact, steps=steps or STEPS)
        try:
            optimum = search.run()
        except NoOrder:
            continue
        if optimum.proven:
            found = search.put_together(optimum, [c for c in curves if not any(c is t for t in tightest)])
            if found.proven and all(c.excess(found.optimum.amounts) <= STILL_KEPT for c in curves):
                return found
        pulled = [row for row, _ in search.held_rows(optimum) if optimum.clash or row.kind == "inequality"]
        known = (*(c.rows for c in search.cuts), *pulled)
        if optimum.proven:
            optimum = replace(optimum, residual=np.inf)
        if optimum.clash:
            break
        if pulled and (steps or not about_possible(base.joined(known))):
            break
    return Attempt(base.joined(known), optimum, known)
