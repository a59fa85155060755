"""Reasons: the sum that shows why rules cannot be kept together.

By Farkas' lemma there are multipliers of the bounds under which all amounts cancel and the least that
is asked for is more than the most that is allowed. With limits on regions and groups they are 0 or 1,
so the proof is a plain addition.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from fundalloc.arrays import Arrays
from fundalloc.highs import row_prices
from fundalloc.language import called, listed, phrase, say
from fundalloc.problem import BoolArray, FloatArray, IntArray, Problem
from fundalloc.sparse import csr_array, eye_array, hstack, vstack
from fundalloc.system import System, supply_rows

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
    text = say(
        "{region} ({code}): {floor} asks for at least {least}, but {cap} allows at most {most}.",
        region=problem.regions.names[i],
        code=problem.regions.ids[i],
        floor=_shown(_holder(system, True, cell)),
        least=money(problem, r, system.low[cell]),
        cap=_shown(_holder(system, False, cell)),
        most=money(problem, r, system.high[cell]),
    )
    return text + (say(" So it is for {count} more.", count=others) if others else "")


def _addition(system: System) -> str | None:
    """The sum of what is asked for beside the sum of what is allowed."""
    problem, count = system.problem, len(system.supplies)
    supply, totals = supply_rows(system)
    amounts = totals * np.array([problem.resources[r].size for r in system.supplies])
    rows = csr_array(vstack([supply, system.matrix], format="csr"))
    low, high = (np.concatenate([amounts, bound]) for bound in (system.row_low, system.row_high))
    weights = _cancelling(rows, low, high, system.low, system.high, float(problem.size.max()))
    matrix = csr_array(vstack([rows, eye_array(problem.cells)], format="csr"))
    low, high = np.concatenate([low, system.low]), np.concatenate([high, system.high])
    least, most = np.maximum(weights, 0.0), np.maximum(-weights, 0.0)
    if not least.any() or not most.any():
        return None
    clash = least * np.nan_to_num(low, neginf=0.0) - most * np.nan_to_num(high, posinf=0.0)
    r = _alone(problem, matrix, clash, (least > 0) | (most > 0))
    if r is not None:
        elsewhere = _resources(problem, matrix) != r
        least, most = np.where(elsewhere, 0.0, least), np.where(elsewhere, 0.0, most)
    asked = _sides(system, low, least, count, lower=True)
    allowed = _sides(system, high, most, count, lower=False)
    text = say("{asked}, but {allowed}", asked=_said(problem, r, asked, 0), allowed=_said(problem, r, allowed, 1))
    owners = {
        system.rows[system.origin[k][0]].rule for k in np.flatnonzero(weights[count : count + len(system.origin)])
    }
    ties = sorted(owners - {s.name.strip('"') for s in (*asked, *allowed)})
    start = f"{text[0].upper()}{text[1:]}"
    if not ties:
        return say("{sentence}.", sentence=start)
    rules = listed(_shown(f'"{t}"') for t in ties)
    return say("{sentence}, because {rules} ties the amounts to each other.", sentence=start, rules=rules)


def _resources(problem: Problem, matrix: csr_array) -> IntArray:
    """The resource that each row speaks of, -1 where it is several."""
    first, last = (np.full(matrix.shape[0], v) for v in (len(problem.resources), -1))
    rows = np.repeat(np.arange(matrix.shape[0]), np.diff(matrix.indptr))
    np.minimum.at(first, rows, matrix.indices // problem.n)
    np.maximum.at(last, rows, matrix.indices // problem.n)
    return np.where(first == last, first, -1)


def _alone(problem: Problem, matrix: csr_array, clash: FloatArray, used: BoolArray) -> int | None:
    """The resource on which the rules clash most, None where the clash lies across resources."""
    about = _resources(problem, matrix)
    if used[about < 0].any():
        return None
    sizes = np.array([r.size for r in problem.resources])
    one = about >= 0
    return int(np.argmax(np.bincount(about[one], clash[one], len(sizes)) / sizes))


def _cancelling(
    rows: csr_array, row_low: FloatArray, row_high: FloatArray, low: FloatArray, high: FloatArray, size: float
) -> FloatArray:
    """Multipliers of the rows, then of the cells, under which the amounts cancel and the bounds clash most.

    Above 0 they belong to lower bounds, below 0 to upper ones. They are the prices of the linear program that
    misses all bounds by as little as can be in total. All of them are 0 where no proof was found.
    """
    count, cells = rows.shape
    missed = np.full(2 * (cells + count), np.inf)
    for fine in FINER:
        unit = size / fine
        status, prices = row_prices(
            Arrays(
                curvature=np.zeros(cells + len(missed)),
                cost=np.concatenate([np.zeros(cells), np.ones(len(missed))]),
                low=np.concatenate([low / unit, np.zeros(len(missed))]),
                high=np.concatenate([high / unit, missed]),
                matrix=csr_array(hstack([rows, rows, -rows, eye_array(count), -eye_array(count)], format="csr")),
                row_low=row_low / unit,
                row_high=row_high / unit,
            )
        )
        weights = np.concatenate([prices, -(rows.T @ prices)])
        weights = np.where(np.abs(weights - np.rint(weights)) <= USED, np.rint(weights), weights)
        bounds = np.where(weights > 0, np.concatenate([row_low, low]), np.concatenate([row_high, high]))
        clash = weights * np.where(weights != 0, bounds, 0.0)
        if status == "Optimal" and np.isfinite(clash).all() and clash.sum() > NOISE * np.abs(clash).sum():
            return weights
    return np.zeros(count + cells)


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
        if not bounds[k]:
            continue
        where = say("all regions together") if rows.places[place] == "all" else called(rows.places[place])
        add(f'"{rows.rule}"', where, weights[k] * bounds[k])
    for k in used[used < supplies].tolist():
        name = problem.resources[system.supplies[k]].name
        shown = say("sharing out all of {resource}" if lower else "the supply of {resource}", resource=name)
        add(shown, "", weights[k] * bounds[k])
    return [_Side(name, tuple(p for p in places if p), amounts[name]) for name, places in names.items()]


#: what one side of the sum says without any rule, by one rule, and by several: of what is asked for, and allowed
SAID = (
    (
        phrase("the others ask at least {total}"),
        phrase("{name} asks for at least {total}{places}"),
        phrase("together at least {total} ({parts})"),
    ),
    (
        phrase("the others allow at most {total}"),
        phrase("{name} allows at most {total}{places}"),
        phrase("together at most {total} ({parts})"),
    ),
)


def _said(problem: Problem, r: int | None, sides: list[_Side], side: int) -> str:
    """One side of the sum in words; side: 0 of what is asked for, 1 of what is allowed."""
    total = money(problem, r, sum(s.amount for s in sides))
    nobody, one, several = SAID[side]
    if not sides:
        return say(nobody, total=total)
    if len(sides) == 1:
        return say(one, name=_shown(sides[0].name), total=total, places=_for(sides[0]))
    parts = say(", ").join(f"{_shown(s.name)} {money(problem, r, s.amount)}{_for(s)}" for s in sides)
    return say(several, total=total, parts=parts)


def _shown(name: str) -> str:
    """A rule in quotes as people call it; anything else as it is said."""
    return f'"{called(name[1:-1])}"' if name.startswith('"') else name


def _for(side: _Side) -> str:
    count = len(side.places)
    if not count:
        return ""
    return say(" for {place}", place=side.places[0]) if count == 1 else say(" for {count} places", count=count)


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
    nobody = say("that no amount is below 0" if lower else "that it takes no part")
    return [f'"{system.rows[k].rule}"' if k >= 0 else nobody for k in owner[cells].tolist()]


def money(problem: Problem, r: int | None, amount: float) -> str:
    """An amount of a resource with its unit; of several resources as a bare number."""
    if r is None:
        return f"{amount:,.10g}"
    one = problem.resources[r]
    places = max(0, -int(one.lot.as_tuple().exponent))
    return f"{amount:,.{places}f} {called(one.unit)}".rstrip()
