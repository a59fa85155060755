"""Benefit: the greatest total value of all allocations that keep the rules, among equals the one by `nearest`.

    minimise  nearest(amounts) - force * sum value * amount

From some force on the answer no longer changes: it is the allocation nearest to the targets among those of the
greatest total value. The force grows tenfold until that is so; by how much multipliers grow with it is what bounds are
worth.
Source: Mangasarian (1984), Normal solutions of linear programs, Mathematical Programming Study 22.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from fundalloc.objectives import BENEFIT
from fundalloc.polish import supply_rows
from fundalloc.problem import FloatArray
from fundalloc.rules import Curve, Rows
from fundalloc.system import System
from fundalloc.tangents import Attempt, Chosen, met

#: the forces that are tried: the greatest worth of a whole resource counts as one
FORCES = 10.0 ** np.arange(0, 8)
#: amounts that differ by less than this part of the mean amount do not differ
SAME = 1e-9
#: a gain in total value from ten times the force that is nothing, and one that is enough where no more can be proven
NOTHING, ENOUGH = 1e-10, BENEFIT
#: weight of who has no target but a value, as a part of its equal share
WEIGHT = 0.1


def greatest(base: System, curves: Sequence[Curve], value: FloatArray, cuts: Sequence[Rows] = ()) -> Attempt:
    """The allocation of the greatest total value under a system and curves. value: of one unit, one per cell."""
    problem = base.problem
    equal = problem.blocks([r.equal_share for r in problem.resources])
    keen = base.shares & (problem.target <= 0) & (value > 0)
    soft = np.where(keen, np.maximum(problem.softness, WEIGHT * problem.size * equal), problem.softness)
    largest = max(float((value * problem.size).max(initial=0.0)), 1e-300)
    mean = np.repeat([r.size / problem.n for r in problem.resources], problem.n)
    if not (value * problem.size > 0).any():
        return met(base, curves, cuts)
    last, gain, force = met(base, curves, cuts), np.inf, 0.0
    for more in FORCES:
        if not last.proven:
            break
        leaning = problem.leaning(soft, problem.target + soft * problem.size * (more * value / largest))
        tried = met(replace(base, problem=leaning), curves, last.cuts)
        if not tried.proven and gain <= ENOUGH:
            return last
        apart = np.abs(tried.optimum.amounts - last.optimum.amounts)
        total, before = (float(value @ one.optimum.amounts) for one in (tried, last))
        gain = (total - before) / max(total, 1e-300)
        worth = _worth(base, last, tried, value, (more - force) / largest)
        tried = replace(tried, chosen=worth)
        if tried.proven and force and ((apart <= SAME * mean).all() or gain <= NOTHING):
            return replace(last, chosen=replace(worth, system=last.system))
        last, force = tried, more
    return last


def _worth(base: System, one: Attempt, other: Attempt, value: FloatArray, force: float) -> Chosen:
    """What one more unit of each bound is worth: by how much its multiplier grows with the force."""
    count = len(base.row_low)
    rows = (other.optimum.rows[:count] - one.optimum.rows[:count]) / force
    supplies = (other.optimum.supplies - one.optimum.supplies) / force
    cells = -(value + supply_rows(base)[0].T @ supplies + base.matrix.T @ rows)
    return Chosen(other.system, rows, cells, -supplies)
