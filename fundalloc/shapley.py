"""Shapley: what each binding rule gives and takes where no multipliers explain the amounts.

The round is decided again without rules, and what a rule changes is averaged over all orders in which the binding
rules can be added. Each rule's column adds up to 0, and all of them to the way from the targets to the amounts. Above
six binding rules the order of the file is the only one looked at. What the objective moves without any rule is a
step of its own.
Source: Shapley (1953), A value for n-person games; Shorrocks (2013), Decomposition procedures for distributional
analysis, Journal of Economic Inequality 11.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from itertools import combinations
from math import comb

import numpy as np

from fundalloc.choice import chosen
from fundalloc.problem import BoolArray, FloatArray, Problem
from fundalloc.rules import Curve, Statement
from fundalloc.shifts import Shift, supplied
from fundalloc.taken import OBJECTIVE

#: up to so many rules all orders count; where a convex rule is among them, which takes long
MOST, MOST_CURVED = 6, 3
#: a move of the objective alone below this part of the mean amount is float noise
NOISE = 1e-9


class _Unproven(Exception):  # noqa: N818
    """Under some of the rules alone no optimum is proven."""


Deciding = Callable[[frozenset[str]], FloatArray]


def contributions(
    problem: Problem,
    statements: Sequence[Statement],
    rules: Sequence[str],
    amounts: FloatArray,
    shares: BoolArray,
    gone: Mapping[str, BoolArray],
    closed: bool,
) -> tuple[str, tuple[Shift, ...]]:
    """How the rules were accounted for (shapley or order), and their shifts in the order of the policy.

    statements: what all rules ask for in the end. rules: those that bind. amounts: what they lead to together.
    gone: by rule the cells that get nothing because of it.
    """
    start = problem.target + supplied(problem, shares)
    known: dict[frozenset[str], FloatArray | None] = {frozenset(rules): amounts}

    def decided(kept: frozenset[str]) -> FloatArray:
        if kept not in known:
            known[kept] = _without_others(problem, statements, kept, gone, closed)
        found = known[kept]
        if found is None:
            raise _Unproven
        return found

    alone = start
    with suppress(_Unproven):
        alone = decided(frozenset())
    known[frozenset()] = alone
    means = np.repeat([r.size / problem.n for r in problem.resources], problem.n)
    moved = np.where(np.abs(alone - start) <= NOISE * means, 0.0, alone - start)
    first = (Shift(OBJECTIVE, moved, "objective"),) if moved.any() else ()
    curved = any(isinstance(s, Curve) and s.rule in rules for s in statements)
    all_orders = len(rules) <= (MOST_CURVED if curved else MOST)
    how, found = "shapley", dict[str, FloatArray]()
    with suppress(_Unproven):
        found = _average(rules, decided) if all_orders else found
    if rules and not found:
        how, found = "order", _in_order(rules, decided)
    return how, (*first, *(Shift(r, found[r]) for r in rules))


def _average(rules: Sequence[str], decided: Deciding) -> dict[str, FloatArray]:
    """What each rule changes, on average over all orders."""
    count = len(rules)
    found = {}
    for rule in rules:
        others = [r for r in rules if r != rule]
        total = np.zeros_like(decided(frozenset()))
        for size in range(count):
            for group in combinations(others, size):
                before = frozenset(group)
                total += (decided(before | {rule}) - decided(before)) / (count * comb(count - 1, size))
        found[rule] = total
    return found


def _in_order(rules: Sequence[str], decided: Deciding) -> dict[str, FloatArray]:
    """What each rule changes when the rules are added in the order of the policy.

    Where no proof is found without the later ones, a rule changes nothing, and the next one what both do.
    """
    now, found = decided(frozenset()), {}
    for k, rule in enumerate(rules, 1):
        then = now
        with suppress(_Unproven):
            then = decided(frozenset(rules[:k]))
        found[rule], now = then - now, then
    return found


def _without_others(
    problem: Problem,
    statements: Sequence[Statement],
    kept: frozenset[str],
    gone: Mapping[str, BoolArray],
    closed: bool,
) -> FloatArray | None:
    """The amounts under some of the rules, None without a proof; fewer rules can be kept wherever all of them can."""
    out = np.zeros(problem.cells, dtype=bool)
    for rule, cells in gone.items():
        out |= cells & (rule in kept)
    mine = [s.without(out) for s in statements if s.rule in kept]
    found = chosen(problem, [s for s in mine if len(s.matrix.indptr) > 1], whole=False, closed=closed, out=out)
    return found.optimum.amounts if found.proven else None
