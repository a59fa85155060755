"""Accounting: which rules bind in a round, and what each of them moves, whatever the objective."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from fundalloc.evenest import evenest
from fundalloc.multipliers import priced
from fundalloc.problem import BoolArray
from fundalloc.rules import Statement
from fundalloc.shapley import contributions
from fundalloc.shifts import Binding, Shift, bindings, shifts
from fundalloc.tangents import Attempt


def accounted(
    tried: Attempt, kept: Sequence[Statement], gone: Mapping[str, BoolArray]
) -> tuple[tuple[Binding, ...], str, tuple[Shift, ...]]:
    """Which rules bind, how that was accounted for, and what each of them moves."""
    system, optimum = tried.system, tried.optimum
    if tried.chosen is None:
        prices = evenest(system, optimum)
        bound = bindings(system, prices)
        return bound, "multipliers", shifts(system, optimum, prices, bound, gone)
    bound = bindings(system, priced(system, optimum.amounts, tried.chosen.rows, tried.chosen.cells))
    binding = {b.rows.rule for b in bound if (b.binds & (b.prices != 0)).any()} | set(gone)
    rules = [r for r in dict.fromkeys(s.rule for s in kept) if r in binding]
    rules += [r for r in gone if r not in rules]
    closed = not (system.shares & ~system.problem.wants).any()
    how, moved = contributions(system.problem, kept, rules, optimum.amounts, system.shares, gone, closed)
    return bound, how, moved
