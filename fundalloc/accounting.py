"""Accounting: which rules bind in a round, and what each of them moves, whatever the objective."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from fundalloc.attempts import Attempt
from fundalloc.evenest import evenest
from fundalloc.multipliers import Multipliers, priced
from fundalloc.problem import BoolArray
from fundalloc.rules import Statement
from fundalloc.shapley import contributions
from fundalloc.shifts import Shift, bindings


def accounted(
    tried: Attempt, kept: Sequence[Statement], gone: Mapping[str, BoolArray]
) -> tuple[Multipliers, str, tuple[Shift, ...]]:
    """The multipliers, how what the rules move is accounted for, and what each moves where multipliers do not tell."""
    system, optimum = tried.system, tried.optimum
    if tried.chosen is None:
        return evenest(system, optimum), "multipliers", ()
    prices = priced(system, optimum.amounts, tried.chosen.rows, tried.chosen.cells)
    bound = bindings(system, prices)
    binding = {b.rows.rule for b in bound if (b.binds & (b.prices != 0)).any()} | set(gone)
    rules = [r for r in dict.fromkeys(s.rule for s in kept) if r in binding]
    rules += [r for r in gone if r not in rules]
    closed = not (system.shares & ~system.problem.wants).any()
    how, moved = contributions(system.problem, kept, rules, optimum.amounts, system.shares, gone, closed)
    return prices, how, moved
