"""Conflicts: a smallest set of rules that no allocation can keep together, and what would help."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
from scipy.sparse import csr_array, diags_array, hstack, vstack

from fundalloc.errors import ConflictError, SolverError
from fundalloc.problem import FloatArray, Problem
from fundalloc.rules import Rows
from fundalloc.solve import linear, run
from fundalloc.system import System, assemble


def possible(system: System) -> bool:
    """Whether any allocation keeps a system."""
    if (system.low > system.high * (1 + 1e-12)).any() or (system.row_low > system.row_high).any():
        return False
    return _feasible(system)


def _feasible(system: System) -> bool:
    arrays, _ = linear(system)
    slack = 1e-12 * np.abs(np.where(np.isfinite(arrays.high), arrays.high, 0.0))
    arrays = replace(arrays, high=np.maximum(arrays.high, arrays.low - slack))
    status, _ = run(arrays, solver="simplex")
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
    why = arithmetic(assemble(problem, clashing, whole=False))
    ways = [way for rule in rules for way in relaxations(problem, clashing, rule)]
    return ConflictError(rules, f"{head}\n{why}", ways)


def arithmetic(system: System) -> str:
    """Why a system cannot be kept, in words and numbers, by the simplest sum that shows it."""
    problem = system.problem
    crossed = system.low > system.high
    if crossed.any():
        gap = np.where(crossed, (system.low - system.high) / problem.size, -np.inf)
        cell = int(np.argmax(gap))
        r, i = divmod(cell, problem.n)
        more = int(crossed.sum()) - 1
        return (
            f"{problem.regions.names[i]} ({problem.regions.ids[i]}): {_holder(system, cell, True)} asks for at least "
            f"{_money(problem, r, system.low[cell])}, but {_holder(system, cell, False)} allows at most "
            f"{_money(problem, r, system.high[cell])}." + (f" So it is for {more} more." if more else "")
        )
    for r in system.supplies:
        block, total = problem.block(r), problem.resources[r].shared_out
        names = _rules_on(system, r)
        for bound, sense in ((system.low, 1), (system.high, -1)):
            amount = float(bound[block].sum())
            if sense * (amount - total) > 0 and np.isfinite(amount):
                word, verdict = ("floors", "more") if sense > 0 else ("caps", "less")
                return (
                    f"The {word} of {names} add up to {_money(problem, r, amount)}, {verdict} than the "
                    f"{_money(problem, r, total)} that are shared out of {problem.resources[r].name}."
                )
    return _group_arithmetic(system)


def _group_arithmetic(system: System) -> str:
    problem, matrix = system.problem, system.matrix
    for k, (owner, place) in enumerate(system.origin):
        rows = system.rows[owner]
        cells = matrix.indices[matrix.indptr[k] : matrix.indptr[k + 1]]
        r = int(cells[0]) // problem.n
        least, most = float(system.low[cells].sum()), float(system.high[cells].sum())
        who = "all regions together" if rows.places[place] == "all" else rows.places[place]
        if rows.plain[place] and least > system.row_high[k]:
            return (
                f"The floors of the regions of {who} add up to {_money(problem, r, least)}, more than the "
                f'{_money(problem, r, system.row_high[k])} that "{rows.rule}" allows.'
            )
        if rows.plain[place] and most < system.row_low[k]:
            return (
                f"The caps of the regions of {who} add up to {_money(problem, r, most)}, less than the "
                f'{_money(problem, r, system.row_low[k])} that "{rows.rule}" asks for.'
            )
    for r in system.supplies:
        total = problem.resources[r].shared_out
        for owner, rows in enumerate(system.rows):
            mine = [
                k for k, (o, _) in enumerate(system.origin) if o == owner and rows.resource == problem.resources[r].name
            ]
            for bound, sense, word, verdict in (
                (system.row_low, 1, "floors", "more"),
                (system.row_high, -1, "caps", "less"),
            ):
                amount = float(bound[mine].sum()) if mine else np.nan
                whole = matrix[mine].sum() == problem.n if mine else False
                if np.isfinite(amount) and sense * (amount - total) > 0 and (sense > 0 or whole):
                    return (
                        f'The {word} of "{rows.rule}" add up to {_money(problem, r, amount)}, {verdict} than the '
                        f"{_money(problem, r, total)} that are shared out of {problem.resources[r].name}."
                    )
    return "What the one gives, another takes away: their bounds leave no common ground for the amounts."


def _rules_on(system: System, r: int) -> str:
    name = system.problem.resources[r].name
    return " and ".join(dict.fromkeys(f'"{o.rule}"' for o in system.rows if o.resource in (name, "")))


def _holder(system: System, cell: int, lower: bool) -> str:
    """The rule that sets a bound of a cell."""
    for rows in system.rows:
        column = csr_array(rows.matrix[:, [cell]])
        for place in np.flatnonzero(rows.single & (np.diff(column.indptr) > 0)):
            bound = rows.low[place] if lower else rows.high[place]
            if bound == (system.low if lower else system.high)[cell]:
                return f'"{rows.rule}"'
    return "the rule that no amount is below 0" if lower else "what its taking no part"


def _money(problem: Problem, r: int, amount: float) -> str:
    one = problem.resources[r]
    places = max(0, -int(one.lot.as_tuple().exponent))
    return f"{amount:,.{places}f} {one.unit}".rstrip()


def relaxations(problem: Problem, rows: tuple[Rows, ...], rule: str) -> list[str]:
    """How far one rule would have to give way so that all can be kept, the others unchanged.

    One linear program: the floor is lowered and the cap raised by as little as will do.
    """
    mine = [r for r in rows if r.rule == rule]
    others = assemble(problem, tuple(r for r in rows if r.rule != rule), whole=False)
    arrays, scale = linear(others)
    blocks, low, high = [arrays.matrix], [arrays.row_low], [arrays.row_high]
    slack_floor: list[FloatArray] = [np.zeros(arrays.matrix.shape[0])]
    slack_cap: list[FloatArray] = [np.zeros(arrays.matrix.shape[0])]
    for one in mine:
        here = csr_array(one.matrix @ diags_array(scale))
        size = np.maximum(np.asarray(abs(here).sum(axis=1)).ravel(), 1e-300)
        for bound, sign in ((one.low, 1.0), (one.high, -1.0)):
            has = np.flatnonzero(np.isfinite(bound))
            blocks.append(csr_array(diags_array(1 / size[has]) @ here[has]))
            step = one.basis[has] / size[has]
            slack_floor.append(step if sign > 0 else np.zeros(len(has)))
            slack_cap.append(-step if sign < 0 else np.zeros(len(has)))
            low.append(bound[has] / size[has] if sign > 0 else np.full(len(has), -np.inf))
            high.append(bound[has] / size[has] if sign < 0 else np.full(len(has), np.inf))
    give = csr_array(np.stack([np.concatenate(slack_floor), np.concatenate(slack_cap)], axis=1))
    status, found = run(
        replace(
            arrays,
            curvature=np.zeros(len(scale) + 2),
            cost=np.concatenate([np.zeros(len(scale)), [1.0, 1.0]]),
            low=np.concatenate([arrays.low, [0.0, 0.0]]),
            high=np.concatenate([arrays.high, [np.inf, np.inf]]),
            matrix=csr_array(hstack([vstack(blocks), give], format="csr")),
            row_low=np.concatenate(low),
            row_high=np.concatenate(high),
        ),
        solver="simplex",
    )
    if status != "Optimal":
        return []
    floor, cap = found[-2:]
    stated = mine[0]
    return [
        text
        for text in (
            _advice(rule, "floor", "Lower", _number(stated, stated.low), -floor),
            _advice(rule, "cap", "Raise", _number(stated, stated.high), cap),
        )
        if text
    ]


def _number(rows: Rows, bound: FloatArray) -> float:
    """The number of the policy that a bound is a multiple by, NaN where past rounds are in it."""
    with np.errstate(divide="ignore", invalid="ignore"):
        ratio = bound[rows.basis > 0] / rows.basis[rows.basis > 0]
    return (
        float(ratio[0]) if len(ratio) and np.isfinite(ratio).all() and np.ptp(ratio) <= 1e-9 * abs(ratio[0]) else np.nan
    )


def _advice(rule: str, side: str, verb: str, stated: float, change: float) -> str:
    if abs(change) <= 1e-12:
        return ""
    rounded: Callable[[float], float] = lambda v: float(f"{v:.6g}")  # noqa: E731
    if np.isnan(stated):
        return f'{verb} the {side} of "{rule}" by {abs(rounded(change)):g}, the others unchanged.'
    to = stated + change
    step = 10.0 ** (np.floor(np.log10(max(abs(to), 1e-9))) - 5)
    to = float(np.floor(to / step) * step if change < 0 else np.ceil(to / step) * step)
    return f'{verb} the {side} of "{rule}" from {stated:g} to {max(to, 0.0):.6g}, the others unchanged.'
