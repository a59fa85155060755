"""Yielding: preferred rules that cannot be kept give way, in the order of the file, as little as can be."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from fundalloc.arrays import Arrays, of_size_one
from fundalloc.concession_prices import best
from fundalloc.concessions import LEAST, Yield, sizes
from fundalloc.conflicts import can_be_kept, conflict, possible
from fundalloc.dual import Dual
from fundalloc.errors import SolverError
from fundalloc.highs import run
from fundalloc.language import say
from fundalloc.lowest import lowest
from fundalloc.problem import BoolArray, FloatArray, Problem
from fundalloc.rules import Curve, Rows, Statement
from fundalloc.solve import ACTIVE_SET
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
#: what is left of the conditions of an optimum where that is one
SETTLED = 1e-6
#: what the solver finds must be the least to this part of what is shared out
TRUSTED = 1e-5


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
    raise _unproven(curve)


def _unproven(one: Statement) -> SolverError:
    return SolverError(
        say(
            'It could not be proven how far the preferred rule "{code_rule}" has to yield; nothing was written. Let it '
            "ask for less, or only watch it: {code_mode}.",
            code_rule=one.rule,
            code_mode='mode = "watch"',
        )
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
        short, over, amounts, drawn = _least(system, rows, amounts)
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
            given = np.where(given > slack / 10, given, 0.0)
            proof = None if drawn else best(Yield(system, rows, loosened, given))
            if drawn or (proof is not None and proof[1] <= TRUSTED):
                return given, loosened
            break
    raise _unproven(rows)


def _least(system: System, rows: Rows, amounts: FloatArray) -> tuple[FloatArray, FloatArray, FloatArray, bool]:
    """By how much each row has to fall short of its lower bound, and exceed its upper one; and amounts that do.

    amounts: from where they are drawn. Where hardly any room is left that comes to nothing, and the solver tells: the
    last is then false.
    """
    program, size = _program(system, rows), system.problem.size
    found = drawn = _drawn(program, system.problem, amounts / size)
    if found is None:
        cells = system.problem.cells
        status, found = run(program, solver="qpasm" if cells <= ACTIVE_SET else "hipo", tolerance=1e-10)
        if status != "Optimal":
            raise _unproven(rows)
    now, moved = np.split(found, [len(amounts)])
    short, over = np.split(moved, 2)
    unit = sizes(system.problem, rows)
    return short * unit, over * unit, now * size, drawn is not None


def _program(system: System, rows: Rows) -> Arrays:
    """The program of the least sum of shortfall^2 / bound, in parts of what is shared out.

    Two more cells for each row take up what is missing and what is too much.
    """
    problem, size = system.problem, system.problem.size
    supply, totals = supply_rows(system)
    unit, count = sizes(problem, rows), len(rows)
    nothing = csr_array((supply.shape[0] + system.matrix.shape[0], 2 * count))
    hard = csr_array(vstack([supply @ diags_array(1 / size), system.matrix], format="csr"))
    scaled, norms = of_size_one(hard, size)
    own = csr_array(diags_array(1.0 / unit) @ rows.matrix @ diags_array(size))
    low, high = rows.low / unit, rows.high / unit
    bound = np.concatenate([np.where(np.isfinite(b), np.maximum(np.abs(b), LEAST), LEAST) for b in (low, high)])
    free = np.zeros(2 * count)
    return Arrays(
        curvature=np.concatenate([np.zeros(problem.cells), bound.max() / bound]),
        cost=np.zeros(problem.cells + 2 * count),
        low=np.concatenate([system.low / size, free]),
        high=np.concatenate([system.high / size, free + np.inf]),
        matrix=csr_array(
            vstack(
                [
                    hstack([scaled, nothing], format="csr"),
                    hstack([own, eye_array(count), -eye_array(count)], format="csr"),
                ],
                format="csr",
            )
        ),
        row_low=np.concatenate([np.concatenate([totals, system.row_low]) / norms, low]),
        row_high=np.concatenate([np.concatenate([totals, system.row_high]) / norms, high]),
    )


def _drawn(program: Arrays, problem: Problem, now: FloatArray) -> FloatArray | None:
    """Its least point: shares drawn towards where they were, ever anew, with next to no weight; None: not found."""
    cells, count = problem.cells, len(program.cost) - problem.cells
    pliant = np.concatenate(
        [np.maximum(problem.softness / problem.size, 1.0 / problem.n) / BESIDE, 1.0 / program.curvature[cells:]]
    )
    last = np.full(count, np.inf)
    multipliers = np.zeros(len(program.row_low))
    for _ in range(DRAWS):
        found = Dual(
            np.concatenate([now, np.zeros(count)]),
            pliant,
            program.matrix,
            program.row_low,
            program.row_high,
            program.low,
            program.high,
        ).ascend(multipliers, 200)
        if found.residual > SETTLED:
            return None
        multipliers = found.multipliers
        now, moved = np.split(found.state.y, [cells])
        if np.abs(moved - last).max() <= 1e-13 * max(float(np.abs(moved).max()), 1e-300):
            break
        last = moved
    return found.state.y
