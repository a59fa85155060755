"""Choice: the allocation that the objective of a problem chooses among those that keep the rules.

`nearest` is solved as it stands. The others end in `nearest` as well: where they leave a choice it decides, so the
same program, polish, rounding and audit serve them all.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import product

import numpy as np

from fundalloc.alpha_fair import fair
from fundalloc.attempts import Attempt, Chosen
from fundalloc.benefit import greatest
from fundalloc.curved_levels import raised_beside
from fundalloc.curved_market import fair_beside
from fundalloc.gains import raising
from fundalloc.level_proofs import proven_levels
from fundalloc.levels import raised
from fundalloc.market import equilibrium, face
from fundalloc.objectives import OPTIMAL, weights
from fundalloc.problem import BoolArray, FloatArray, Problem
from fundalloc.rules import Curve, Rows, Statement, tolerance
from fundalloc.sparse import csr_array
from fundalloc.system import System, assemble
from fundalloc.tangents import KEPT, convex, met
from fundalloc.unfolding import too_large

#: what misses its bound by less than this part of its size is at it
NEARLY = 1e-6
#: prices below these parts of what they are made of are noise; the first under which the levels stay
FIRMLY = (1e-7, 1e-6, 1e-5, 1e-4)
#: levels that differ by less than this part of what is due do not differ
SAME = 1e-6
#: rounds of tangents beside a market
TANGENTS = 100


def chosen(
    problem: Problem,
    statements: Sequence[Statement],
    *,
    whole: bool = True,
    closed: bool = False,
    out: BoolArray | None = None,
    cuts: Sequence[Rows] = (),
) -> Attempt:
    """The optimum of the problem's objective under rules, curves among them.

    whole, closed, out: as in `assemble`. cuts: tangents of these curves that are known already.
    """
    lines = tuple(s for s in statements if isinstance(s, Rows))
    base = assemble(problem, lines, whole=whole, closed=closed, out=out)
    curves = convex(statements)
    if problem.objective == "nearest" or (problem.objective == "leximin" and base.leximin_is_nearest and not curves):
        return met(base, curves, cuts)
    if problem.objective == "benefit" and problem.value is not None:
        last = greatest(*_in_rows(base, curves), problem.value, cuts)
        return last if last.chosen is None or not last.proven else _settled(base, curves, last, last.chosen)
    if problem.objective == "leximin":
        return _by_levels(base, curves, cuts)
    return fair(base, curves, cuts) if problem.value is None else _by_market(base, curves, cuts)


def _in_rows(base: System, curves: Sequence[Curve]) -> tuple[System, list[Curve]]:
    """A system with the orders among curves as rows, and the curves that are left."""
    chains = [(c, c.chain()) for c in curves]
    return base.joined(tuple(r for _, r in chains if r is not None)), [c for c, r in chains if r is None]


def _by_levels(base: System, curves: Sequence[Curve], cuts: Sequence[Rows]) -> Attempt:
    """Levels raised as far as can be, the rest by `nearest`."""
    gains = raising(base)
    lined, rest = _in_rows(base, curves)
    last = raised_beside(lined, rest, gains) if rest else raised(lined, gains)
    if last is None or not last.proven:
        return _without_proof(base, curves, cuts)
    if curves or (last.levels and proven_levels(base, gains, last.optimum.amounts, last.levels)):
        last = replace(last, levels=None)  # orders are further rows, which nobody else knows
    counts = len(base.row_low), base.problem.cells, len(base.problem.resources)
    rows, cells, supplies = (np.full(count, np.nan) for count in counts)
    return _settled(base, curves, last, Chosen(last.system, rows, cells, supplies, last.levels))


def _by_market(base: System, curves: Sequence[Curve], cuts: Sequence[Rows]) -> Attempt:
    """alpha_fair where regions value resources differently; the rest by `nearest`."""
    problem, gains, known = base.problem, raising(base), list(cuts)
    if not gains.names:
        return met(base, curves, cuts)
    place = {region: i for i, region in enumerate(problem.regions.ids)}
    weight = weights(problem).reshape(-1, problem.n).sum(axis=0)[[place[name] for name in gains.names]]
    lined, rest = _in_rows(base, curves)
    if rest and not too_large(lined, rest):
        beside = fair_beside(lined, rest, gains, weight)
        if beside is not None and beside.chosen is not None:
            return _settled(base, curves, beside, beside.chosen)
    for _ in range(TANGENTS):
        found = equilibrium(lined, gains, weight, known)
        if not found.residual <= OPTIMAL:
            break
        missed = [c for c in rest if c.excess(found.amounts) > KEPT]
        if not missed:
            levels = np.asarray(gains.matrix @ found.amounts)
            for noise, exact in product(FIRMLY, (False, True)):
                last = met(face(lined, gains, found, noise, exact=exact), rest, known)
                same = (np.abs(gains.matrix @ last.optimum.amounts - levels) <= SAME * gains.due).all()
                if last.proven and same:
                    rows = found.rows[: len(base.row_low)]
                    prices = Chosen(last.system, rows, found.firm(noise), -found.supplies)
                    return _settled(base, curves, last, prices)
            break
        known += [c.tangent(found.amounts) for c in missed]
    return _without_proof(base, curves, known)


def _without_proof(base: System, curves: Sequence[Curve], cuts: Sequence[Rows]) -> Attempt:
    tried = met(base, curves, cuts)
    return replace(tried, optimum=replace(tried.optimum, residual=np.inf), possible=tried.proven)


def _settled(base: System, curves: Sequence[Curve], last: Attempt, found: Chosen) -> Attempt:
    """An optimum with the rules as they are stated, and a tangent for each curve that holds it."""
    amounts = last.optimum.amounts
    rows = [_touching(c, amounts) for c in curves if c.excess(amounts) > -NEARLY]
    rows = [row for row in rows if row.matrix.nnz]
    known = found.rows[: len(base.row_low)]  # without those that stand for orders
    found = replace(found, rows=np.concatenate([known, np.full(len(rows), np.nan)]))
    return replace(last, system=base.joined(tuple(rows)), chosen=found)


def _touching(curve: Curve, amounts: FloatArray) -> Rows:
    """A row that touches a curve where the amounts are; for an order all units that are level, added up."""
    chain = curve.chain()
    if chain is None:
        row = curve.tangent(amounts)
    else:
        level = (chain.high - chain.values(amounts) <= tolerance(chain, amounts)).astype(float)
        matrix = csr_array(csr_array(level[np.newaxis, :]) @ chain.matrix)
        row = curve.touching(matrix, 0.0)
    return replace(row, high=row.values(amounts))
