"""Conflicts: a smallest set of rules that no allocation can keep together, and what would help."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
from scipy.sparse import csr_array, diags_array, hstack, vstack

from fundalloc.errors import ConflictError, SolverError
from fundalloc.problem import FloatArray, Problem
from fundalloc.reasons import reason
from fundalloc.rules import Rows
from fundalloc.solve import linear, run
from fundalloc.system import System, assemble


def possible(system: System) -> bool:
    """Whether any allocation keeps a system."""
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
    """The error that names the clashing rules, shows the arithmetic and the least relaxations."""
    rules = smallest(problem, rows)
    clashing = _of(rows, rules)
    names = " and ".join(f'"{r}"' for r in rules)
    head = (
        f"No allocation keeps the rule {names}."
        if len(rules) == 1
        else f"No allocation keeps the rules {names} together; without any one of them there is one."
    )
    why = reason(assemble(problem, clashing, whole=False))
    ways = [way for rule in rules for way in relaxations(problem, rows, rule)]
    if not ways:
        ways = [f"{way} Other rules clash besides." for rule in rules for way in relaxations(problem, clashing, rule)]
    preferred = [
        f'"{rule}" is only preferred, but in this version preferred rules do not yield: leave it out.'
        for rule in dict.fromkeys(r.rule for r in clashing if r.mode == "prefer")
    ]
    return ConflictError(rules, f"{head}\n{why}", [*ways, *preferred])


def relaxations(problem: Problem, rows: tuple[Rows, ...], rule: str) -> list[str]:
    """How far one rule would have to give way so that all can be kept, the others unchanged.

    One linear program: the floor is lowered and the cap raised by as little as will do.
    """
    mine = [r for r in rows if r.rule == rule]
    arrays, scale = linear(assemble(problem, tuple(r for r in rows if r.rule != rule), whole=False))
    sides = [side for one in mine for side in _sides(one, scale)]
    nothing = np.zeros((arrays.matrix.shape[0], 2))
    give = csr_array(np.concatenate([nothing, *(s.give for s in sides)]))
    status, found = run(
        replace(
            arrays,
            curvature=np.zeros(len(scale) + 2),
            cost=np.concatenate([np.zeros(len(scale)), [1.0, 1.0]]),
            low=np.concatenate([arrays.low, [0.0, 0.0]]),
            high=np.concatenate([arrays.high, [np.inf, np.inf]]),
            matrix=csr_array(hstack([vstack([arrays.matrix, *(s.matrix for s in sides)]), give], format="csr")),
            row_low=np.concatenate([arrays.row_low, *(s.low for s in sides)]),
            row_high=np.concatenate([arrays.row_high, *(s.high for s in sides)]),
        ),
        solver="simplex",
    )
    if status != "Optimal":
        return []
    floor, cap = found[-2:]
    ways = [
        _advice(rule, "floor", "Lower", _number(mine[0], mine[0].low), -floor),
        _advice(rule, "cap", "Raise", _number(mine[0], mine[0].high), cap),
    ]
    return [way for way in ways if way]


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


def _advice(rule: str, side: str, verb: str, stated: float, change: float) -> str:
    """The change of a number in words, to six digits, rounded so that it is enough."""
    if abs(change) <= 1e-12:
        return ""
    if np.isnan(stated):
        return f'{verb} the {side} of "{rule}" by {abs(change):.6g}, the others unchanged.'
    step = 10.0 ** (np.floor(np.log10(max(abs(stated + change), 1e-9))) - 5)
    to = step * (np.floor if change < 0 else np.ceil)((stated + change) / step)
    return f'{verb} the {side} of "{rule}" from {stated:g} to {max(to, 0.0):.6g}, the others unchanged.'
