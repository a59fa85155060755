"""Benefit: the greatest total value of all allocations that keep the rules, among equals the one by `nearest`.

A linear program gives the greatest total and its multipliers. Whatever has a price stays at its bound in every
allocation of the greatest total, and in no other: among these `nearest` decides.

Beside curves: minimise  nearest(amounts) - force * sum value * amount  with a force that grows tenfold. From some force
on it is the allocation nearest to the targets among those of the greatest total value. Amounts may rest between two
forces before they move on, so they are there where weak duality says so, or where they rest over a hundredfold.
Source: Mangasarian (1984), Normal solutions of linear programs, Mathematical Programming Study 22.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from fundalloc.attempts import Attempt, Chosen
from fundalloc.ends import nearest_on
from fundalloc.objectives import BENEFIT
from fundalloc.pieces import Linear
from fundalloc.problem import FloatArray
from fundalloc.rules import DUST, Curve, Rows
from fundalloc.solve import dearest, nearest
from fundalloc.system import System, supply_rows
from fundalloc.tangents import met
from fundalloc.unfolding import Unfolded, too_large
from fundalloc.value_proofs import ceiling, left_over
from fundalloc.worths import beside

#: the forces that are tried: the greatest worth of a whole resource counts as one
FORCES = 10.0 ** np.arange(0, 8)
#: amounts that differ by less than this part of the mean amount do not differ
SAME = 1e-9
#: a gain in total value from ten times the force that is nothing, and one that is enough where no more can be proven
NOTHING, ENOUGH = 1e-10, BENEFIT
#: prices below these parts of what they are made of are noise; the first that leaves a proof
NOISE = (1e-9, 1e-7)
#: amounts that rest over so many tenfold forces, beside curves, rest for good
RESTS = 2
#: the total on a face may miss the greatest one by this part of itself
REACHED = 1e-9
#: weight of who has no target but a value, as a part of its equal share
WEIGHT = 0.1


def greatest(base: System, curves: Sequence[Curve], value: FloatArray, cuts: Sequence[Rows] = ()) -> Attempt:
    """The allocation of the greatest total value under a system and curves. value: of one unit, one per cell."""
    if not (value * base.problem.size > 0).any():
        return met(base, curves, cuts)
    if not curves:
        return _on_face(base, value)
    if too_large(base, curves):
        return _forced(base, curves, value, cuts)
    return _beside(base, curves, value) or _unproven(met(base, curves, cuts))


def _beside(base: System, curves: Sequence[Curve], value: FloatArray) -> Attempt | None:
    """Beside curves: `nearest` on the face of all allocations of the greatest total; None where that is not proven."""
    face = Unfolded(base, curves).face()
    if face is None:
        return None
    worth = np.zeros(len(face.v))
    worth[: face.cells] = value * face.scale
    unit = float(worth.max())
    worth /= unit
    best = face.best(Linear(-worth))
    if not best.gap <= ENOUGH * float(worth @ best.v):
        return None
    for level in (None, worth[np.newaxis]):  # what is worth far less than the rest has prices too small to tell
        held = face.restricted(best, level)
        held = None if held is None else held.clear()
        last = None if held is None else nearest_on(base, curves, held)
        if last is not None and value @ last.optimum.amounts >= (1 - REACHED) * float(worth @ best.v) * unit:
            prices = beside(base, face, best, value, last)
            if prices is not None:
                return replace(last, chosen=prices)
    return None


def _on_face(base: System, value: FloatArray) -> Attempt:
    """Under rows alone: `nearest` where all that has a price stays at its bound."""
    prices = dearest(base, value)
    if prices is None:
        return _unproven(met(base, ()))
    supplies, rows = prices
    cells = left_over(base, value, supplies, rows)
    size = base.problem.size
    terms = value + abs(supply_rows(base)[0]).T @ np.abs(supplies) + abs(base.matrix).T @ np.abs(rows)
    reach = np.abs(rows) * np.asarray(abs(base.matrix) @ size)
    top = np.minimum(base.high, size)
    for noise in NOISE:
        firm = (np.abs(cells) > noise * terms) & (np.abs(cells) * size > noise * float((value * size).max()))
        side = np.where(reach > noise * float((value * size).max()), np.sign(rows), 0.0)
        face = replace(
            base,
            low=np.where(firm & (cells < 0), top, base.low),
            high=np.where(firm & (cells > 0), base.low, top),
            row_low=np.where(side < 0, base.row_high, base.row_low),
            row_high=np.where(side > 0, base.row_low, base.row_high),
        )
        optimum = nearest(face)
        dust = np.abs(optimum.amounts - face.low) <= DUST * size
        tried = Attempt(face, replace(optimum, amounts=np.where(dust, face.low, optimum.amounts)), ())
        if tried.proven and _short(base, tried, value) <= ENOUGH:
            return replace(tried, chosen=Chosen(face, rows, cells, -supplies))
    return _unproven(tried)


def _short(system: System, tried: Attempt, value: FloatArray) -> float:
    """How far a total may be from the greatest one, relative to it."""
    prices = dearest(system, value)
    if prices is None:
        return np.inf
    most, _ = ceiling(system, value, prices)
    return (most - float(value @ tried.optimum.amounts)) / max(abs(most), 1e-300)


def _unproven(tried: Attempt) -> Attempt:
    return replace(tried, optimum=replace(tried.optimum, residual=np.inf), possible=tried.proven)


def _forced(base: System, curves: Sequence[Curve], value: FloatArray, cuts: Sequence[Rows]) -> Attempt:
    """Beside curves: `nearest` with a growing force."""
    problem = base.problem
    mean = np.repeat([r.size / problem.n for r in problem.resources], problem.n)
    equal = problem.blocks([np.where(r.equal_share > 0, r.equal_share, 1 / problem.n) for r in problem.resources])
    keen = base.shares & (problem.target <= 0) & (value > 0)
    soft = np.where(keen, np.maximum(problem.softness, WEIGHT * problem.size * equal), problem.softness)
    largest = max(float((value * problem.size).max(initial=0.0)), 1e-300)
    last, force, times = met(base, curves, cuts), 0.0, 0
    for more in FORCES:
        if not last.proven:
            return last
        leaning = problem.leaning(soft, problem.target + soft * problem.size * (more * value / largest))
        tried = met(replace(base, problem=leaning), curves, last.cuts)
        if not tried.proven:
            break
        moved = tried.optimum.amounts - last.optimum.amounts
        still = bool((np.abs(moved) <= SAME * mean).all()) or value @ moved <= NOTHING * (value @ tried.optimum.amounts)
        worth = _worth(base, last, tried, value, (more - force) / largest)
        times = times + 1 if still and force else 0
        if times and (times == RESTS or _short(last.system, last, value) <= ENOUGH):
            return replace(last, chosen=replace(worth, system=last.system))
        last, force = replace(tried, chosen=worth), more
    return last if _short(last.system, last, value) <= ENOUGH else _unproven(last)


def _worth(base: System, one: Attempt, other: Attempt, value: FloatArray, force: float) -> Chosen:
    """What one more unit of each bound is worth: by how much its multiplier grows with the force."""
    count = len(base.row_low)
    rows = (other.optimum.rows[:count] - one.optimum.rows[:count]) / force
    supplies = (other.optimum.supplies - one.optimum.supplies) / force
    return Chosen(other.system, rows, left_over(base, value, supplies, rows), -supplies)
