"""Yielding: preferred rules that cannot be kept give way, in the order of the file, as little as can be."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from fundalloc.concessions import LEAST, sizes
from fundalloc.conflicts import can_be_kept, conflict, possible
from fundalloc.dual import Dual
from fundalloc.errors import SolverError
from fundalloc.language import say
from fundalloc.lowest import lowest
from fundalloc.problem import BoolArray, FloatArray, Problem
from fundalloc.rules import Curve, Rows, Statement
from fundalloc.sparse import csr_array, diags_array, eye_array, hstack, vstack
from fundalloc.system import System, assemble, supply_rows
from fundalloc.tangents import attempt, convex

#: a bound that has yielded is loosened by this part of what is shared out, at first
LOOSE = 1e-9
#: a convex rule yields to its least possible value and the first of these parts beyond which a proof is found
BEYOND = (1e-5, 3e-5, 1e-4, 3e-4, 1e-3)
#: that much less would be impossible is proven before a convex rule yields
SURE = 1e-3
#: tangents of each convex rule that are tried while a limit yields beside it
TANGENTS = 100
#: how much the amounts weigh beside the shortfalls, and how often they are drawn nearer
BESIDE, DRAWS = 1e-6, 40


@dataclass(frozen=True, eq=False)
class Yielded:
    """What all rules ask for in the end, and by how much preferred ones had to yield.

    concessions: by rule and resource one number per place, in the unit of the rule's bound.
    """

    statements: tuple[Statement, ...]
    concessions: Mapping[tuple[str, str], FloatArray]


def yielded(problem: Problem, statements: Sequence[Statement], out: BoolArray) -> Yielded:
    """The required rules, and each preferred one as far as those and the preferred ones before it allow.

    Raises ConflictError where the required rules alone cannot be kept.
    """
    if all(s.mode != "prefer" for s in statements) or can_be_kept(problem, statements, out):
        return Yielded(tuple(statements), {})
    kept: list[Statement] = [s for s in statements if s.mode != "prefer"]
    if not can_be_kept(problem, kept, out):
        raise conflict(problem, kept, out)
    concessions: dict[tuple[str, str], FloatArray] = {}
    preferred = [s for s in statements if s.mode == "prefer"]
    for one in preferred:
        if len(preferred) > 1 and can_be_kept(problem, [*kept, one], out):
            kept.append(one)
            continue
        given, loosened = _curve(problem, kept, one, out) if isinstance(one, Curve) else _rows(problem, kept, one, out)
        concessions[one.rule, one.resource] = given
        if loosened is not None:
            kept.append(loosened)
    return Yielded(tuple(kept), concessions)


def _curve(
    problem: Problem, kept: Sequence[Statement], curve: Curve, out: BoolArray
) -> tuple[FloatArray, Curve | None]:
    """The least bound of a convex rule that the others allow; an order, which has no bound, yields as a whole."""
    amounts = attempt(problem, kept, whole=False, out=out).optimum.amounts
    there = float(curve.values(amounts)[0])
    if curve.spread.ordered:
        return np.array([there]), None
    base = assemble(problem, tuple(s for s in kept if isinstance(s, Rows)), whole=False, out=out)
    found = lowest(base, curve, convex(kept), amounts)
    for needed in (found.low, curve.at_most):
        there = _nearer(problem, kept, curve, out, needed, found.high)
        less = replace(curve, at_most=there - SURE)
        sure = less.at_most <= curve.at_most or found.impossible(less.at_most)
        sure = sure or possible(problem, [*kept, less], out) is False
        if sure:
            break
    for more in BEYOND if sure else ():
        yields = replace(curve, at_most=there + more)
        if possible(problem, [*kept, yields], out):
            return np.array([yields.at_most - curve.at_most]), yields
    raise SolverError(
        say('It could not be proven how far the preferred rule "{code_rule}" has to yield.', code_rule=curve.rule)
    )


def _nearer(
    problem: Problem, kept: Sequence[Statement], curve: Curve, out: BoolArray, needed: float, there: float
) -> float:
    """The least bound that is possible, by bisection between one that is not and one that is."""
    while there - needed > BEYOND[0] / 10:
        middle = (needed + there) / 2
        if possible(problem, [*kept, replace(curve, at_most=middle)], out):
            there = middle
        else:
            needed = middle
    return there


def _rows(problem: Problem, kept: Sequence[Statement], rows: Rows, out: BoolArray) -> tuple[FloatArray, Rows]:
    """The rows with bounds that give way pro rata: the least sum of shortfall^2 / bound."""
    tried = attempt(problem, kept, whole=False, out=out)
    system, amounts = tried.system, tried.optimum.amounts
    for _ in range(TANGENTS):
        short, over, amounts = _shortfalls(system, rows, amounts)
        missed = [s for s in kept if isinstance(s, Curve) and s.excess(amounts) > LOOSE]
        if not missed:
            break
        system = system.joined(tuple(c.tangent(amounts) for c in missed))
    size = sizes(problem, rows)
    given = np.maximum(short, over)
    for more in (LOOSE, 1e-8, 1e-7, 1e-6):
        slack = more * size
        loosened = replace(
            rows,
            low=np.where(short > slack / 10, rows.low - short - slack, rows.low),
            high=np.where(over > slack / 10, rows.high + over + slack, rows.high),
        )
        if possible(problem, [*kept, loosened], out):
            return np.where(given > slack / 10, given, 0.0), loosened
    raise SolverError(
        say('It could not be proven how far the preferred rule "{code_rule}" has to yield.', code_rule=rows.rule)
    )


def _shortfalls(system: System, rows: Rows, amounts: FloatArray) -> tuple[FloatArray, FloatArray, FloatArray]:
    """By how much each row has to fall short of its lower bound, and exceed its upper one; and amounts that do.

    Two more cells for each row take up what is missing and what is too much; the amounts are drawn towards where
    they were, ever anew, with next to no weight.
    """
    problem, size = system.problem, system.problem.size
    supply, totals = supply_rows(system)
    unit = sizes(problem, rows)
    count, cells = len(rows), problem.cells
    nothing = csr_array((supply.shape[0] + system.matrix.shape[0], 2 * count))
    scaled = csr_array(vstack([supply, system.matrix @ diags_array(size)], format="csr"))
    own = csr_array(diags_array(1.0 / unit) @ rows.matrix @ diags_array(size))
    matrix = csr_array(
        vstack(
            [
                hstack([scaled, nothing], format="csr"),
                hstack([own, eye_array(count), -eye_array(count)], format="csr"),
            ],
            format="csr",
        )
    )
    low, high = rows.low / unit, rows.high / unit
    bound = np.concatenate([np.where(np.isfinite(b), np.maximum(np.abs(b), LEAST), LEAST) for b in (low, high)])
    free = np.zeros(2 * count)
    now, last = amounts / size, np.full(2 * count, np.inf)
    multipliers = np.zeros(matrix.shape[0])
    for _ in range(DRAWS):
        dual = Dual(
            np.concatenate([now, free]),
            np.concatenate([np.maximum(problem.softness / size, 1.0 / problem.n) / BESIDE, bound / bound.max()]),
            matrix,
            np.concatenate([totals, system.row_low, low]),
            np.concatenate([totals, system.row_high, high]),
            np.concatenate([system.low / size, free]),
            np.concatenate([system.high / size, np.full(2 * count, np.inf)]),
        )
        found = dual.ascend(multipliers, 200)
        multipliers = found.multipliers
        now, moved = found.state.y[:cells], found.state.y[cells:]
        if np.abs(moved - last).max() <= 1e-13 * max(float(np.abs(moved).max()), 1e-300):
            break
        last = moved
    return moved[:count] * unit, moved[count:] * unit, now * size
