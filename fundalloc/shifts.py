"""Shifts: what each rule gives and takes, so that target and amount are explained exactly.

    shift_kc = f_kc - d_c * F_kr / D_r      with  f_kc = X_r d_c m_k a_kc,  F = sum of f,  D = sum of d

What a rule gives and what everybody pays for it in proportion is one column that adds up to 0. With
an open supply the fund itself pays: shift = f. It is an accounting of the distance, not what
removing the rule would change.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np

from fundalloc.multipliers import Multipliers
from fundalloc.optimum import Optimum
from fundalloc.problem import BoolArray, FloatArray, Problem
from fundalloc.rules import Rows
from fundalloc.system import System, inward
from fundalloc.taken import NOBODY_ELSE, NOT_BELOW_ZERO

#: targets that add up to what is shared out but for this part of it do so
ROUGHLY = 1e-9


@dataclass(frozen=True, eq=False)
class Binding:
    """For each place of one `Rows`: whether it binds, and its multiplier (the shadow price), NaN where it has none.

    floors: whether the amounts are at its lower bound.
    """

    rows: Rows
    binds: BoolArray
    prices: FloatArray
    floors: BoolArray

    def presses(self, side: str) -> bool:
        """Whether some place presses on the amounts with its floor, or with its cap."""
        mine = self.binds & (self.floors if side == "floor" else ~self.floors) & (self.prices != 0)
        return bool(mine.any())


@dataclass(frozen=True, eq=False)
class Shift:
    """What one rule gives (+) and takes (-), one number per cell. kind: rule, or objective."""

    rule: str
    amounts: FloatArray
    kind: str = "rule"


def bindings(system: System, found: Multipliers) -> tuple[Binding, ...]:
    """The multipliers handed out to the places of the rules; equal bounds on a cell share equally."""
    binds = [np.zeros(len(r), dtype=bool) for r in system.rows]
    floors = [np.zeros(len(r), dtype=bool) for r in system.rows]
    prices = [np.zeros(len(r)) for r in system.rows]
    for index, (k, place) in enumerate(system.origin):
        binds[k][place] = found.row_low[index] or found.row_high[index]
        prices[k][place] = found.rows[index]
        floors[k][place] = found.row_low[index] and not found.rows[index] < 0
    sharing = _sharing(system, found)
    holders = np.zeros(system.problem.cells)
    for _, cells, holds in sharing:
        np.add.at(holders, cells, holds)
    for k, (places, cells, holds) in enumerate(sharing):
        binds[k][places] = holds
        prices[k][places] = np.where(holds, found.cells[cells] / np.maximum(holders[cells], 1.0), 0.0)
        floors[k][places] = found.low[cells] & ~(found.cells[cells] < 0)
    return _one_a_curve(Binding(r, b, p, f) for r, b, p, f in zip(system.rows, binds, prices, floors, strict=True))


def _one_a_curve(found: Iterable[Binding]) -> tuple[Binding, ...]:
    """Of several rows that touch one curve the first that binds, else the first, stands for it."""
    kept: list[Binding] = []
    place: dict[tuple[str, str], int] = {}
    for one in found:
        k = len(kept) if one.rows.curve is None else place.setdefault((one.rows.rule, one.rows.resource), len(kept))
        if k == len(kept):
            kept.append(one)
        elif one.binds.any() and not kept[k].binds.any():
            kept[k] = one
    return tuple(kept)


def _sharing(system: System, found: Multipliers) -> list[tuple[np.ndarray, np.ndarray, BoolArray]]:
    """For each `Rows` the places on single cells, their cells, and which of them hold the amount."""
    result = []
    for rows in system.rows:
        places = np.flatnonzero(rows.single)
        cells = rows.matrix.indices[rows.matrix.indptr[:-1][places]]
        low, high = rows.low[places], rows.high[places]
        lot = system.problem.lot[cells]
        floors, caps = inward(low, high, lot)
        inside = np.repeat(system.whole, system.problem.n)[cells] & (floors <= caps)
        low, high = np.where(inside, floors * lot, low), np.where(inside, caps * lot, high)
        near = 1e-12 * np.maximum(system.problem.size[cells] / system.problem.n, 1.0)
        holds = (found.low[cells] & (low >= system.low[cells] - near) & (low > 0)) | (
            found.high[cells] & (high <= system.high[cells] + near)
        )
        nothing = ~system.shares[cells] & (system.high[cells] <= 0)
        result.append((places, cells, holds & ~nothing))
    return result


def shifts(
    system: System,
    optimum: Optimum,
    found: Multipliers,
    bound: tuple[Binding, ...],
    gone: Mapping[str, BoolArray],
) -> tuple[Shift, ...]:
    """One shift per rule that moves anything, in the order of the policy.

    A region that does not share pays for nobody: what its own floor gives it is the shift of that rule, what is left
    to a region without a target one of its own, and the others pay for it. gone: by rule the cells that get nothing
    because of it; their targets go to the others.
    """
    problem = system.problem
    pull = problem.softness * problem.size
    opened = system.opened(optimum.amounts)
    absent = ~system.shares | opened
    forces: dict[str, FloatArray] = {}
    on_cells = np.zeros(problem.cells)
    holders = np.zeros(problem.cells)
    for one in bound:
        on_cells += one.rows.matrix.T @ np.where(one.rows.single, one.prices, 0.0)
        holders += one.rows.matrix.T @ (one.rows.single & one.binds).astype(float)
    for one in bound:
        holds = one.rows.matrix.T @ (one.rows.single & one.binds).astype(float)
        given = np.where(opened, 0.0, holds * optimum.amounts / np.maximum(holders, 1.0))
        force = np.where(absent, given, (one.rows.matrix.T @ one.prices) * pull)
        forces[one.rows.rule] = forces.get(one.rows.rule, 0.0) + force
    rest = np.where(absent, 0.0, (found.cells - on_cells) * pull)
    if rest.any():
        forces[NOT_BELOW_ZERO] = rest
    for rule, cells in gone.items():
        forces[rule] = forces.get(rule, 0.0) - np.where(cells, problem.target, 0.0)
    if opened.any():
        forces[NOBODY_ELSE] = np.where(opened, optimum.amounts, 0.0)
    softness = np.where(absent, 0.0, problem.softness)
    return tuple(Shift(rule, _balanced(problem, force, softness)) for rule, force in forces.items())


def supplied(problem: Problem, shares: BoolArray) -> FloatArray:
    """What is shared out less the sum of the targets, in proportion to the weights of those who share."""
    result = np.zeros(problem.cells)
    soft = np.where(shares, problem.softness, 0.0)
    for r, one in enumerate(problem.resources):
        block = problem.block(r)
        missing = one.shared_out - float(one.target.sum())
        if one.lots is not None and abs(missing) > ROUGHLY * one.size:
            result[block] = missing * soft[block] / soft[block].sum()
    return result


def _balanced(problem: Problem, force: FloatArray, softness: FloatArray) -> FloatArray:
    """A force less everybody's proportional part of it, for each resource whose total is fixed."""
    result = force.copy()
    for r, resource in enumerate(problem.resources):
        if resource.lots is not None:
            block = problem.block(r)
            d = softness[block]
            result[block] -= d * (force[block].sum() / max(float(d.sum()), 1e-300))
    return result
