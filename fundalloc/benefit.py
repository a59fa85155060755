"""Benefit: the greatest total value of all allocations that keep the rules, among equals the one by `nearest`.

A linear program gives the greatest total and its multipliers. Whatever has a price stays at its bound in every
allocation of the greatest total, and in no other: among these `nearest` decides. Curves take part by tangents where
the amounts of the program miss them, until they do not (Kelley's method).

Where a smooth curve has a price there is no such bound, but an end that only a growing force along the values
approaches: minimise  nearest(amounts) - force * sum value * amount.  There weak duality tells how near it is.
Sources: Kelley (1960), The cutting-plane method for solving convex programs, SIAM Journal 8; Mangasarian (1984),
Normal solutions of linear programs, Mathematical Programming Study 22.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from fundalloc.attempts import Attempt, Chosen
from fundalloc.objectives import BENEFIT
from fundalloc.problem import FloatArray
from fundalloc.rules import DUST, Curve, Rows
from fundalloc.rules.smooth import Smooth
from fundalloc.solve import Dearest, dearest
from fundalloc.system import System, supply_rows
from fundalloc.taken import OBJECTIVE
from fundalloc.tangents import met

#: the forces that are tried: the greatest worth of a whole resource counts as one
FORCES = 10.0 ** np.array([1, 3, 5, 6, 7])
#: amounts that differ by less than this part of the mean amount do not differ
SAME = 1e-9
#: a gain in total value from a greater force that is nothing, and how far a proven total may be from the greatest
NOTHING, ENOUGH = 1e-10, BENEFIT
#: prices below these parts of what they are made of are noise; the first that leaves a proof
NOISE = (1e-9, 1e-7)
#: so many tangents of a curve with kinks, and of a smooth one, are tried, and by what a curve may then be missed
TANGENTS, SMOOTH, TOUCHED = 400, 30, 1e-9
#: weight of who has no target but a value, as a part of its equal share
WEIGHT = 0.1


@dataclass(frozen=True, eq=False)
class _Top:
    """The greatest total: the system with the tangents that were needed, behind its own rows, and its program."""

    system: System
    cuts: tuple[Rows, ...]
    found: Dearest
    most: float


def greatest(base: System, curves: Sequence[Curve], value: FloatArray, cuts: Sequence[Rows] = ()) -> Attempt:
    """The allocation of the greatest total value under a system and curves. value: of one unit, one per cell."""
    if not (value * base.problem.size > 0).any():
        return met(base, curves, cuts)
    top = _top(base, curves, value)
    if top is None:
        return _unproven(met(base, curves, cuts))
    tried = _on_face(base, curves, value, top)
    if tried is None and curves:
        return _forced(base, curves, value, top)
    return tried or _unproven(met(base, curves, cuts))


def _top(base: System, curves: Sequence[Curve], value: FloatArray) -> _Top | None:
    """The greatest total that rows and tangents of curves allow; None where the program has no answer."""
    known: tuple[Rows, ...] = ()
    system, found = base, dearest(base, value)
    for k in range(TANGENTS):
        if found is None:
            return None
        asked = [c for c in curves if k < SMOOTH or not isinstance(c.spread, Smooth)]
        missed = [c for c in asked if c.excess(found.amounts) > TOUCHED]
        more = tuple(base.apart(c.tangent(found.amounts))[0] for c in missed)
        more = tuple(r for r in more if np.isfinite(r.matrix.data).all() and r.matrix.data.any())
        if not more:
            break
        known += more
        system = base.joined(known)
        found = dearest(system, value)
    return None if found is None else _Top(system, known, found, ceiling(system, value, found))


def _on_face(base: System, curves: Sequence[Curve], value: FloatArray, top: _Top) -> Attempt | None:
    """`nearest` where all that has a price stays at its bound; None where that leaves no proof."""
    system, supplies, rows = top.system, top.found.supplies, top.found.rows
    cells = _left_over(system, value, supplies, rows)
    size = base.problem.size
    terms = value + abs(supply_rows(base)[0]).T @ np.abs(supplies) + abs(system.matrix).T @ np.abs(rows)
    reach = np.abs(rows) * np.asarray(abs(system.matrix) @ size)
    most = np.minimum(base.high, size)
    count = len(base.row_low)
    for noise in NOISE:
        firm = (np.abs(cells) > noise * terms) & (np.abs(cells) * size > noise * float((value * size).max()))
        side = np.where(reach > noise * float((value * size).max()), np.sign(rows), 0.0)
        held = [r for r, at in zip(top.cuts, side[count:], strict=True) if at < 0]
        if any(isinstance(r.curve, Curve) and isinstance(r.curve.spread, Smooth) for r in held):
            break
        others = [r for r, at in zip(top.cuts, side[count:], strict=True) if not at < 0]
        face = replace(
            base,
            low=np.where(firm & (cells < 0), most, base.low),
            high=np.where(firm & (cells > 0), base.low, most),
            row_low=np.where(side[:count] < 0, base.row_high, base.row_low),
            row_high=np.where(side[:count] > 0, base.row_low, base.row_high),
        )
        tried = met(face.joined(_equal(held)), curves, others, touched=bool(held))
        amounts = tried.optimum.amounts
        dust = np.abs(amounts - face.low) <= DUST * size
        tried = replace(tried, optimum=replace(tried.optimum, amounts=np.where(dust, face.low, amounts)))
        if tried.proven and top.most - float(value @ tried.optimum.amounts) <= ENOUGH * abs(top.most):
            return replace(tried, chosen=Chosen(tried.system, rows[:count], cells, -supplies))
    return None


def _equal(cuts: Sequence[Rows]) -> tuple[Rows, ...]:
    """Tangents with a price, as rows that hold at their bounds."""
    return tuple(
        replace(r, rule=OBJECTIVE, kind="objective", places=(f"{r.rule} {k}",), low=r.high, curve=None)
        for k, r in enumerate(cuts, 1)
    )


def _left_over(base: System, value: FloatArray, supplies: FloatArray, rows: FloatArray) -> FloatArray:
    """What the bounds of the amounts themselves are worth, given the worth of totals and rows."""
    return np.asarray(-(value + supply_rows(base)[0].T @ supplies + base.matrix.T @ rows))


def ceiling(system: System, value: FloatArray, found: Dearest) -> float:
    """What no total of value * amounts under a system is above: weak duality, by our own sum."""
    supplies, rows = found.supplies, found.rows
    cells = _left_over(system, value, supplies, rows)
    totals = np.array([system.problem.resources[r].shared_out for r in system.supplies])
    low, high = system.low, np.minimum(system.high, system.problem.size)
    bounds = np.where(rows > 0, system.row_low, np.where(rows < 0, system.row_high, 0.0))
    return -float(totals @ supplies + (rows * bounds).sum() + np.where(cells > 0, cells * low, cells * high).sum())


def _unproven(tried: Attempt) -> Attempt:
    return replace(tried, optimum=replace(tried.optimum, residual=np.inf), possible=tried.proven)


def _forced(base: System, curves: Sequence[Curve], value: FloatArray, top: _Top) -> Attempt:
    """Beside smooth curves: `nearest` with a growing force, until the total is proven and nothing moves any more."""
    problem = base.problem
    mean = np.repeat([r.size / problem.n for r in problem.resources], problem.n)
    equal = problem.blocks([np.where(r.equal_share > 0, r.equal_share, 1 / problem.n) for r in problem.resources])
    keen = base.shares & (problem.target <= 0) & (value > 0)
    soft = np.where(keen, np.maximum(problem.softness, WEIGHT * problem.size * equal), problem.softness)
    largest = max(float((value * problem.size).max(initial=0.0)), 1e-300)
    last, force = met(base, curves), 0.0
    if not last.proven:
        return last
    for more in FORCES:
        leaning = problem.leaning(soft, problem.target + soft * problem.size * (more * value / largest))
        tried = met(replace(base, problem=leaning), curves, last.cuts)
        if not tried.proven:
            break
        moved = tried.optimum.amounts - last.optimum.amounts
        still = bool((np.abs(moved) <= SAME * mean).all()) or value @ moved <= NOTHING * (value @ tried.optimum.amounts)
        worth = _worth(base, last, tried, value, (more - force) / largest)
        if force and still and _short(last, value, top) <= ENOUGH:
            return replace(last, chosen=replace(worth, system=last.system))
        last, force = replace(tried, chosen=worth), more
    return last if force and _short(last, value, top) <= ENOUGH else _unproven(last)


def _short(tried: Attempt, value: FloatArray, top: _Top) -> float:
    """How far a total may be from the greatest one, relative to it, by the tangents of both."""
    system = tried.system.joined(top.cuts)
    found = dearest(system, value)
    most = top.most if found is None else min(top.most, ceiling(system, value, found))
    return (most - float(value @ tried.optimum.amounts)) / max(abs(most), 1e-300)


def _worth(base: System, one: Attempt, other: Attempt, value: FloatArray, force: float) -> Chosen:
    """What one more unit of each bound is worth: by how much its multiplier grows with the force."""
    count = len(base.row_low)
    rows = (other.optimum.rows[:count] - one.optimum.rows[:count]) / force
    supplies = (other.optimum.supplies - one.optimum.supplies) / force
    return Chosen(other.system, rows, _left_over(base, value, supplies, rows), -supplies)
