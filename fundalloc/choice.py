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
from fundalloc.curved_levels import climbed_beside, raised_beside
from fundalloc.curved_market import fair_beside
from fundalloc.gains import raising, weighed
from fundalloc.level_proofs import first_steps
from fundalloc.levels import raised
from fundalloc.market import equilibrium, face
from fundalloc.objectives import OPTIMAL
from fundalloc.problem import BoolArray, FloatArray, Problem
from fundalloc.rules import Curve, Rows, Statement, tolerance
from fundalloc.sparse import csr_array, vstack
from fundalloc.system import System, assemble, sound
from fundalloc.tangents import KEPT, convex, met

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
    whole: bool | Sequence[bool] = True,
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
    last = None if rest else raised(lined, gains)
    if curves and (last is None or not last.proven):
        last = raised_beside(lined, rest, gains)
    if last is None or not last.proven or last.chosen is None:
        return _without_proof(base, curves, cuts)
    system, found = _touched(base, curves, last.optimum.amounts, last.chosen)
    steps = () if last.chosen.levels is None else last.chosen.levels.steps
    if curves:  # the steps are of rows that nobody else knows
        system, steps = climbed_beside(system, curves, gains, last.optimum.amounts)
    levels = first_steps(system, gains, last.optimum.amounts, steps) if sound(system) else None
    rows = np.full(len(system.row_low), np.nan)  # a step has prices, all of them together have none
    return replace(last, system=system, chosen=replace(found, rows=rows, levels=levels))


def _by_market(base: System, curves: Sequence[Curve], cuts: Sequence[Rows]) -> Attempt:
    """alpha_fair where regions value resources differently; the rest by `nearest`."""
    problem, gains, known = base.problem, raising(base), list(cuts)
    if not gains.names:
        return met(base, curves, cuts)
    weight = weighed(problem, gains)
    lined, rest = _in_rows(base, curves)
    beside = fair_beside(lined, rest, gains, weight) if curves else None
    if beside is not None and beside.chosen is not None:
        return _settled(base, curves, beside, beside.chosen)
    kept = _without_proof(base, curves, known) if rest else None
    if kept is not None and not kept.possible:  # tangents would crawl to where nothing keeps them
        return kept
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
                    prices = Chosen(last.system, found.rows, found.firm(noise), -found.supplies, tuple(known))
                    return _settled(base, curves, last, prices)
            break
        known += [c.tangent(found.amounts) for c in missed]
    return _without_proof(base, curves, known)


def _without_proof(base: System, curves: Sequence[Curve], cuts: Sequence[Rows]) -> Attempt:
    tried = met(base, curves, cuts)
    return replace(tried, optimum=replace(tried.optimum, residual=np.inf), possible=tried.proven)


def _settled(base: System, curves: Sequence[Curve], last: Attempt, found: Chosen) -> Attempt:
    """An optimum with the rules as they are stated, and what an objective found before."""
    system, priced = _touched(base, curves, last.optimum.amounts, found)
    return replace(last, system=system, chosen=priced)


def _touched(base: System, curves: Sequence[Curve], amounts: FloatArray, found: Chosen) -> tuple[System, Chosen]:
    """The rules as they are stated with a row for each curve that holds amounts, and the prices of all.

    found: prices of the rows of these rules, of the orders among the curves as rows, and of rows that touch curves.
    """
    count = len(base.row_low)
    drawn = [*(r for r in (c.chain() for c in curves) if r is not None), *found.touching]
    ends = np.cumsum([count, *map(len, drawn)]).tolist()
    known = [(row, found.rows[a:b]) for row, a, b in zip(drawn, ends, ends[1:], strict=False)]
    rows, prices = [], [found.rows[:count]]
    for curve in curves:
        if curve.excess(amounts) > -NEARLY:
            row, price = _holding(curve, [(r, p) for r, p in known if r.curve is curve], amounts)
            value = row.values(amounts)
            if row.matrix.nnz and (value >= row.high - tolerance(row, amounts)).all():
                rows.append(replace(row, high=np.maximum(row.high, value)))
                prices.append(np.array([price]))
    return base.joined(tuple(rows)), replace(found, rows=np.concatenate(prices), touching=())


def _holding(curve: Curve, known: Sequence[tuple[Rows, FloatArray]], amounts: FloatArray) -> tuple[Rows, float]:
    """The row that touches a curve where it holds amounts, and its price, NaN where it has none.

    known: rows that the curve implies, and their prices; by these they add up to one.
    """
    weight = np.concatenate([np.zeros(0), *(np.maximum(-prices, 0.0) for _, prices in known)])
    most = float(np.nan_to_num(weight).max(initial=0.0))
    if most > 0:
        part = csr_array(np.nan_to_num(weight)[np.newaxis, :] / most)
        matrix, high = vstack([r.matrix for r, _ in known]), np.concatenate([r.high for r, _ in known])
        row = curve.touching(csr_array(part @ matrix), float((part @ high)[0]))
        count = curve.tangents(row, amounts)
        return replace(row, matrix=csr_array(row.matrix / count), high=row.high / count), -most * count
    chain = curve.chain()
    if chain is None:
        return known[0][0] if known else curve.tangent(amounts), np.nan
    level = (chain.high - chain.values(amounts) <= tolerance(chain, amounts)).astype(float)
    matrix = csr_array(csr_array(level[np.newaxis, :]) @ chain.matrix)
    return curve.touching(matrix, float(level @ chain.high)), np.nan
