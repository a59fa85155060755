"""Conflicts: a smallest set of rules that no allocation can keep together, and what would help."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from fundalloc.errors import ConflictError, SolverError
from fundalloc.problem import FloatArray, Problem
from fundalloc.reasons import reason
from fundalloc.rules import Rows
from fundalloc.solve import linear, nearest, run
from fundalloc.system import System, assemble

#: digits of the number that an advice gives
DIGITS = 6


def possible(system: System) -> bool:
    """Whether any allocation keeps a system; a clash of a cent in billions counts.

    A linear program sees the coarse clashes, the polish those that are below its tolerance.
    """
    return _about_possible(system) and nearest(system).proven


def _about_possible(system: System) -> bool:
    """Whether any allocation keeps a system within the tolerance of a linear program."""
    if (system.low > system.high).any() or (system.row_low > system.row_high).any():
        return False
    status, _ = run(linear(system)[0], solver="simplex")
    if status not in ("Optimal", "Infeasible"):
        raise SolverError(f"The solver could not tell whether the rules can be kept together ({status}).")
    return status == "Optimal"


def smallest(problem: Problem, rows: tuple[Rows, ...]) -> tuple[str, ...]:
    """Rules that clash, none of which can be left out of the clash: a deletion filter over rules."""
    kept = list(dict.fromkeys(r.rule for r in rows))
    for rule in list(kept):
        without = [k for k in kept if k != rule]
        if not possible(assemble(problem, _of(rows, without), whole=False)):
            kept = without
    return tuple(kept)


def _of(rows: tuple[Rows, ...], rules: list[str] | tuple[str, ...]) -> tuple[Rows, ...]:
    return tuple(r for r in rows if r.rule in rules)


def conflict(problem: Problem, rows: tuple[Rows, ...]) -> ConflictError:
    """The error that names the clashing rules, shows the arithmetic and the least relaxations.

    Raises SolverError where no sum proves the clash.
    """
    rules = smallest(problem, rows)
    clashing = _of(rows, rules)
    names = " and ".join(f'"{r}"' for r in rules)
    head = (
        f"No allocation keeps the rule {names}."
        if len(rules) == 1
        else f"No allocation keeps the rules {names} together; without any one of them there is one."
    )
    why = reason(assemble(problem, clashing, whole=False))
    if why is None:
        raise SolverError("The optimum could not be proven, nor that there is none; nothing was written.")
    ways = [way for rule in rules for way in relaxations(problem, rows, rule)]
    if not ways:
        ways = [f"{way} Other rules clash besides." for rule in rules for way in relaxations(problem, clashing, rule)]
    preferred = [
        f'"{rule}" is only preferred, but in this version preferred rules do not yield: leave it out.'
        for rule in dict.fromkeys(r.rule for r in clashing if r.mode == "prefer")
    ]
    return ConflictError(rules, f"{head}\n{why}", [*ways, *preferred])


def relaxations(problem: Problem, rows: tuple[Rows, ...], rule: str) -> list[str]:
    """The least changes of one rule that would do, the others unchanged: of its floor, of its cap, or of both."""
    ways = [way for way in (_change(problem, rows, rule, sides) for sides in ((1, 0), (0, 1))) if way]
    both = None if ways else _change(problem, rows, rule, (1, 1))
    return ways or ([both] if both else [])


def _change(problem: Problem, rows: tuple[Rows, ...], rule: str, sides: tuple[int, int]) -> str:
    """The least change of the sides of a rule in words, rounded so that it is enough; empty where none is.

    A bisection: as a linear program the question takes half a minute where every region has a floor and a cap.
    """
    mine = [r for r in rows if r.rule == rule]
    stated = np.array([_number(mine[0], mine[0].low), _number(mine[0], mine[0].high)])
    way = np.array([-1.0, 1.0]) * sides
    reach = max(_reach(r) for r in mine) or 1.0

    def changed(change: FloatArray) -> System:
        return assemble(problem, tuple(_moved(r, *change) if r.rule == rule else r for r in rows), whole=False)

    def grid(change: FloatArray) -> FloatArray:
        size = np.maximum(np.abs(np.nan_to_num(stated) + change), reach / 1000)
        return np.asarray(10.0 ** (np.floor(np.log10(size)) - DIGITS + 1))

    def least(change: FloatArray, way: FloatArray) -> FloatArray:
        """The change with as little of the way as is enough."""
        needed, there = 0.0, float(np.abs(change[way != 0]).min())
        kept = change - way * there
        while there - needed > grid(kept + way * there)[way != 0].min() / 4:
            middle = (needed + there) / 2
            needed, there = (needed, middle) if _about_possible(changed(kept + way * middle)) else (middle, there)
        return np.asarray(kept + way * there)

    if not _about_possible(changed(np.where(way != 0, np.copysign(np.inf, way), 0.0))):
        return ""
    change = way * reach
    while not _about_possible(changed(change)):
        change *= 2
    change = least(change, way)
    if all(sides):
        for side in np.diag(way):
            change = least(change, side)
    start = np.nan_to_num(stated) + change
    step = grid(change)
    for further in range(5):
        to = step * (np.where(way < 0, np.floor(start / step), np.ceil(start / step)) + further * way)
        moved = np.where(way != 0, to - np.nan_to_num(stated), 0.0)
        if possible(changed(moved)):
            return _in_words(rule, stated, moved)
    return ""


def _moved(rows: Rows, floor: float, cap: float) -> Rows:
    """The rows of a rule with other numbers."""
    counts = rows.basis > 0
    low, high = rows.low.copy(), rows.high.copy()
    low[counts] += floor * rows.basis[counts]
    high[counts] += cap * rows.basis[counts]
    return replace(rows, low=low, high=high)


def _reach(rows: Rows) -> float:
    """The greatest number of a rule, in the unit of its numbers."""
    bounds = np.stack([rows.low, rows.high])[:, rows.basis > 0] / rows.basis[rows.basis > 0]
    return float(np.max(np.abs(bounds), where=np.isfinite(bounds), initial=0.0))


def _number(rows: Rows, bound: FloatArray) -> float:
    """The number of the policy that the bounds are multiples by, NaN where past rounds are in them."""
    counts = (rows.basis > 0) & np.isfinite(bound)
    ratio = bound[counts] / rows.basis[counts]
    return float(ratio[0]) if len(ratio) and np.ptp(ratio) <= 1e-9 * abs(ratio[0]) else np.nan


def _in_words(rule: str, stated: FloatArray, moved: FloatArray) -> str:
    texts = []
    for verb, side, number, change in zip(("lower", "raise"), ("floor", "cap"), stated, moved, strict=True):
        if change and np.isnan(number):
            texts.append(f'{verb} the {side} of "{rule}" by {abs(change):.6g}')
        elif change:
            texts.append(f'{verb} the {side} of "{rule}" from {number:g} to {max(number + change, 0.0):.6g}')
    text = " and ".join(texts)
    return f"{text[:1].upper()}{text[1:]}, the others unchanged." if text else ""
