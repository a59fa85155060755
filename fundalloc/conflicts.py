"""Conflicts: a smallest set of rules that no allocation can keep together, and what would help."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
from scipy.sparse import csr_array, diags_array, hstack, vstack

from fundalloc.errors import ConflictError, SolverError
from fundalloc.polish import polish
from fundalloc.problem import FloatArray, Problem
from fundalloc.reasons import reason
from fundalloc.rules import Rows
from fundalloc.solve import linear, run
from fundalloc.system import System, assemble


def possible(system: System) -> bool:
    """Whether any allocation keeps a system; a clash of a cent in billions counts.

    A linear program sees the coarse clashes, the polish those that are below its tolerance.
    """
    if (system.low > system.high).any() or (system.row_low > system.row_high).any():
        return False
    status, _ = run(linear(system)[0], solver="simplex")
    if status not in ("Optimal", "Infeasible"):
        raise SolverError(f"The solver could not tell whether the rules can be kept together ({status}).")
    return status == "Optimal" and polish(system).proven


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
    """The least change of the sides of a rule in words, rounded so that it is enough; empty where none is."""
    change = _elastic(problem, rows, rule, sides)
    if change is None:
        return ""
    mine = next(r for r in rows if r.rule == rule)
    stated = np.array([_number(mine, mine.low), _number(mine, mine.high)])
    way = np.sign(change) if change.any() else np.array([-1.0, 1.0]) * sides  # too little for the program to see
    start = np.nan_to_num(stated) + change
    step = 10.0 ** (np.floor(np.log10(np.maximum(np.abs(start) * (1 + 1e-9 * way), 1e-9))) - 5)
    for further in range(5):
        to = step * (np.where(way < 0, np.floor(start / step), np.ceil(start / step)) + further * way)
        moved = np.where(way != 0, to - np.nan_to_num(stated), 0.0)
        changed = tuple(_moved(r, *moved) if r.rule == rule else r for r in rows)
        if possible(assemble(problem, changed, whole=False)):
            return _in_words(rule, stated, moved)
    return ""


def _elastic(problem: Problem, rows: tuple[Rows, ...], rule: str, sides: tuple[int, int]) -> FloatArray | None:
    """The least change of floor (below 0) and cap (above 0) of a rule, in the unit of its numbers; one program."""
    arrays, scale = linear(assemble(problem, tuple(r for r in rows if r.rule != rule), whole=False))
    mine = [side for one in rows if one.rule == rule for side in _sides(one, scale)]
    give = csr_array(np.concatenate([np.zeros((arrays.matrix.shape[0], 2)), *(s.give for s in mine)]))
    status, found = run(
        replace(
            arrays,
            curvature=np.zeros(len(scale) + 2),
            cost=np.concatenate([np.zeros(len(scale)), [1.0, 1.0]]),
            low=np.concatenate([arrays.low, [0.0, 0.0]]),
            high=np.concatenate([arrays.high, np.where(sides, np.inf, 0.0)]),
            matrix=csr_array(hstack([vstack([arrays.matrix, *(s.matrix for s in mine)]), give], format="csr")),
            row_low=np.concatenate([arrays.row_low, *(s.low for s in mine)]),
            row_high=np.concatenate([arrays.row_high, *(s.high for s in mine)]),
        ),
        solver="simplex",
    )
    return found[-2:] * [-1.0, 1.0] if status == "Optimal" else None


def _moved(rows: Rows, floor: float, cap: float) -> Rows:
    """The rows of a rule with other numbers."""
    return replace(rows, low=rows.low + floor * rows.basis, high=rows.high + cap * rows.basis)


@dataclass(frozen=True, eq=False)
class _Side:
    """The floors or the caps of a rule as rows of size one, and what a unit less of floor or more of cap gives."""

    matrix: csr_array
    low: FloatArray
    high: FloatArray
    give: FloatArray


def _sides(rows: Rows, scale: FloatArray) -> Iterator[_Side]:
    matrix = csr_array(rows.matrix @ diags_array(scale))
    size = np.maximum(np.asarray(abs(matrix).sum(axis=1)).ravel(), 1e-300)
    for bound, lower in ((rows.low, True), (rows.high, False)):
        has = np.flatnonzero(np.isfinite(bound))
        limit, step = bound[has] / size[has], rows.basis[has] / size[has]
        nothing, anything = np.zeros(len(has)), np.full(len(has), np.inf)
        yield _Side(
            csr_array(diags_array(1 / size[has]) @ matrix[has]),
            limit if lower else -anything,
            anything if lower else limit,
            np.stack([step, nothing] if lower else [nothing, -step], axis=1),
        )


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
