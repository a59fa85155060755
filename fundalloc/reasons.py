"""Reasons: the sum that shows why rules cannot be kept together.

By Farkas' lemma there are multipliers of the bounds under which all amounts cancel and the least that
is asked for is more than the most that is allowed. With limits on regions and groups they are 0 or 1,
so the proof is a plain addition.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.sparse import csr_array, eye_array, hstack, vstack

from fundalloc.polish import supply_rows
from fundalloc.problem import FloatArray, IntArray, Problem
from fundalloc.solve import Arrays, run
from fundalloc.system import System

#: multipliers this near to a whole number are it
USED = 1e-6
#: a clash below this part of what is added up is float noise
NOISE = 1e-14
#: the solver looks for clashes of 1e-7 of the largest resource, then for finer ones
FINER = (1.0, 1e6)


@dataclass(frozen=True)
class _Side:
    """What one rule contributes to a side of the sum."""

    name: str
    places: tuple[str, ...]
    amount: float


def reason(system: System) -> str | None:
    """Why a system cannot be kept, in words and numbers; None where no sum proves it."""
    crossed = system.low > system.high
    return _crossing(system, crossed) if crossed.any() else _addition(system)


def _crossing(system: System, crossed: np.ndarray) -> str:
    """The region whose floor lies furthest above its cap."""
    problem = system.problem
    cell = int(np.argmax(np.where(crossed, (system.low - system.high) / problem.size, -np.inf)))
    r, i = divmod(cell, problem.n)
    others = int(crossed.sum()) - 1
    return (
        f"{problem.regions.names[i]} ({problem.regions.ids[i]}): {_holder(system, True, cell)} asks for at least "
        f"{money(problem, r, system.low[cell])}, but {_holder(system, False, cell)} allows at most "
        f"{money(problem, r, system.high[cell])}." + (f" So it is for {others} more." if others else "")
    )


def _addition(system: System) -> str | None:
    """The sum of what is asked for beside the sum of what is allowed."""
    problem, count = system.problem, len(system.supplies)
    supply, totals = supply_rows(system)
    sizes = np.array([problem.resources[r].size for r in system.supplies])
    low = np.concatenate([totals * sizes, system.row_low, system.low])
    high = np.concatenate([totals * sizes, system.row_high, system.high])
    matrix = csr_array(vstack([supply, system.matrix, eye_array(problem.cells)], format="csr"))
    least, most = _cancelling(matrix, low, high, float(problem.size.max()))
    if not least.any() or not most.any():
        return None
    r = _alone(problem, matrix, least * np.nan_to_num(low, neginf=0.0) - most * np.nan_to_num(high, posinf=0.0))
    if r is not None:
        elsewhere = _resources(problem, matrix) != r
        least, most = np.where(elsewhere, 0.0, least), np.where(elsewhere, 0.0, most)
    asked = _sides(system, low, least, count, lower=True)
    allowed = _sides(system, high, most, count, lower=False)
    text = f"{_said(problem, r, asked, 'asks for', 'least')}, but {_said(problem, r, allowed, 'allows', 'most')}."
    return text[0].upper() + text[1:]


def _resources(problem: Problem, matrix: csr_array) -> IntArray:
    """The resource that each row speaks of, -1 where it is several."""
    first, last = (np.full(matrix.shape[0], v) for v in (len(problem.resources), -1))
    rows = np.repeat(np.arange(matrix.shape[0]), np.diff(matrix.indptr))
    np.minimum.at(first, rows, matrix.indices // problem.n)
    np.maximum.at(last, rows, matrix.indices // problem.n)
    return np.where(first == last, first, -1)


def _alone(problem: Problem, matrix: csr_array, clash: FloatArray) -> int | None:
    """The resource on which the rules clash most, None where the clash lies across resources."""
    about = _resources(problem, matrix)
    if clash[about < 0].any():
        return None
    sizes = np.array([r.size for r in problem.resources])
    return int(np.argmax(np.bincount(about, clash, len(sizes)) / sizes))


def _cancelling(matrix: csr_array, low: FloatArray, high: FloatArray, size: float) -> tuple[FloatArray, FloatArray]:
    """Multipliers of the lower and upper bounds under which the amounts cancel and the bounds clash most.

    All of them 0 where no proof was found.
    """
    rows, cells = matrix.shape
    usable = np.concatenate([np.isfinite(low), np.isfinite(high)])
    gain = np.where(usable, np.concatenate([low, -high]), 0.0) / size
    for fine in FINER:
        status, found = run(
            Arrays(
                curvature=np.zeros(2 * rows),
                cost=-gain * fine,
                low=np.zeros(2 * rows),
                high=usable.astype(float),
                matrix=csr_array(hstack([matrix.T, -matrix.T], format="csr")),
                row_low=np.zeros(cells),
                row_high=np.zeros(cells),
            ),
            solver="simplex",
        )
        found = np.where(np.abs(found - np.rint(found)) <= USED, np.rint(found), found)
        if status == "Optimal" and gain @ found > NOISE * float(np.abs(gain) @ found):
            return found[:rows], found[rows:]
    return np.zeros(rows), np.zeros(rows)


def _sides(system: System, bounds: FloatArray, weights: FloatArray, supplies: int, *, lower: bool) -> list[_Side]:
    """What every rule contributes, in the order of the policy; what is shared out last."""
    problem, count = system.problem, supplies + len(system.origin)
    names: dict[str, list[str]] = {}
    amounts: dict[str, float] = {}

    def add(name: str, place: str, amount: float) -> None:
        names.setdefault(name, []).append(place)
        amounts[name] = amounts.get(name, 0.0) + amount

    used = np.flatnonzero(weights)
    cells = used[used >= count] - count
    holders = _holders(system, cells, lower=lower)
    for cell, holder in zip(cells.tolist(), holders, strict=True):
        if bounds[count + cell]:
            add(holder, problem.regions.names[cell % problem.n], weights[count + cell] * bounds[count + cell])
    for k in used[(used >= supplies) & (used < count)].tolist():
        owner, place = system.origin[k - supplies]
        rows = system.rows[owner]
        where = "all regions together" if rows.places[place] == "all" else rows.places[place]
        add(f'"{rows.rule}"', where, weights[k] * bounds[k])
    for k in used[used < supplies].tolist():
        name = problem.resources[system.supplies[k]].name
        add(f"sharing out all of {name}" if lower else f"the supply of {name}", "", weights[k] * bounds[k])
    return [_Side(name, tuple(p for p in places if p), amounts[name]) for name, places in names.items()]


def _said(problem: Problem, r: int | None, sides: list[_Side], verb: str, most: str) -> str:
    """One side of the sum in words."""
    total = money(problem, r, sum(s.amount for s in sides))
    if len(sides) == 1:
        return f"{sides[0].name} {verb} at {most} {total}{_for(sides[0])}"
    return (
        f"together at {most} {total} ({', '.join(f'{s.name} {money(problem, r, s.amount)}{_for(s)}' for s in sides)})"
    )


def _for(side: _Side) -> str:
    count = len(side.places)
    return "" if not count else f" for {side.places[0]}" if count == 1 else f" for {count} places"


def _holder(system: System, lower: bool, cell: int) -> str:
    return _holders(system, np.array([cell]), lower=lower)[0]


def _holders(system: System, cells: IntArray, *, lower: bool) -> list[str]:
    """The rule that sets a bound of each of some cells."""
    bounds = system.low if lower else system.high
    owner = np.full(system.problem.cells, -1)
    for k, rows in enumerate(system.rows):
        places = np.flatnonzero(rows.single)
        mine = rows.matrix.indices[rows.matrix.indptr[:-1][places]]
        holds = (rows.low if lower else rows.high)[places] == bounds[mine]
        first = mine[holds & (owner[mine] < 0)]
        owner[first] = k
    nobody = "that no amount is below 0" if lower else "that it takes no part"
    return [f'"{system.rows[k].rule}"' if k >= 0 else nobody for k in owner[cells].tolist()]


def money(problem: Problem, r: int | None, amount: float) -> str:
    """An amount of a resource with its unit; of several resources as a bare number."""
    if r is None:
        return f"{amount:,.10g}"
    one = problem.resources[r]
    places = max(0, -int(one.lot.as_tuple().exponent))
    return f"{amount:,.{places}f} {one.unit}".rstrip()
