"""Prices: what one more step of a rule's number would move, and from how many regions to how many.

A price is a slope at the decided numbers: the round is decided again with the number a ten-thousandth stricter
(looser where stricter is impossible), and the difference is scaled to the step. Whole lots are left aside.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from fundalloc.choice import chosen
from fundalloc.decided import Decision
from fundalloc.policy import Policy
from fundalloc.problem import BoolArray, FloatArray, Problem
from fundalloc.rules import Statement
from fundalloc.tangents import convex

#: the change of a number by which its slope is taken, relative to it
SMALL = 1e-4
#: amounts that move by less than this part of the mean amount do not count
STILL = 1e-9


@dataclass(frozen=True)
class Price:
    """What a step of one rule's number moves of one resource.

    side: floor or cap. step: the change of the number, stricter. moved: the amount; givers, takers: how many
    regions it comes from and goes to.
    """

    rule: str
    resource: str
    side: str
    step: float
    moved: float
    givers: int
    takers: int


def prices(
    problem: Problem,
    statements: Sequence[Statement],
    binding: Sequence[tuple[str, str]],
    steps: dict[str, float],
    out: BoolArray,
) -> Iterator[Price]:
    """The prices of rules. binding: rule and side (floor, cap) of what binds. steps: the step of each rule's number."""
    if not binding or (problem.objective == "leximin" and convex(statements)):  # seconds for each number
        return
    closed = True
    start = chosen(problem, statements, whole=False, closed=closed, out=out)
    if not start.proven:
        closed = False
        start = chosen(problem, statements, whole=False, closed=closed, out=out)
    if not start.proven:
        return
    for rule, side in binding:
        slope = _slope(problem, statements, (rule, side), out, closed, start.optimum.amounts)
        if slope is not None:
            yield from _by_resource(problem, rule, side, steps[rule], slope * steps[rule])


def _slope(
    problem: Problem,
    statements: Sequence[Statement],
    which: tuple[str, str],
    out: BoolArray,
    closed: bool,
    amounts: FloatArray,
) -> FloatArray | None:
    """By how much each amount moves per unit by which a number gets stricter; None where that cannot be told."""
    rule, side = which
    stated = next(s.stated for s in statements if s.rule == rule)[0 if side == "floor" else 1]
    if not stated > 0:
        return None
    change = SMALL * stated
    for sign in (1.0, -1.0):
        floor, cap = (sign * change, 0.0) if side == "floor" else (0.0, -sign * change)
        moved = [s.moved(floor, cap) if s.rule == rule else s for s in statements]
        found = chosen(problem, moved, whole=False, closed=closed, out=out)
        if found.proven:
            return np.asarray(sign * (found.optimum.amounts - amounts) / change)
    return None


def _by_resource(problem: Problem, rule: str, side: str, step: float, moves: FloatArray) -> Iterator[Price]:
    for r, one in enumerate(problem.resources):
        mine = moves[problem.block(r)]
        still = STILL * one.size / problem.n
        takers, givers = int((mine > still).sum()), int((mine < -still).sum())
        if takers or givers:
            moved = float(np.maximum(mine, 0.0).sum())
            yield Price(rule, one.name, side, step, max(moved, float(np.maximum(-mine, 0.0).sum())), givers, takers)


def binding_prices(policy: Policy, decision: Decision) -> dict[str, list[Price]]:
    """The prices of the binding rules that have a number, by rule."""
    steps = {rule.name: rule.step("")[0] for rule in policy.rules}
    binding: list[tuple[str, str]] = []
    for one in decision.bindings:
        for side in ("floor", "cap"):
            which = (one.rows.rule, side)
            if one.presses(side) and steps.get(one.rows.rule) and which not in binding:
                binding.append(which)
    found: dict[str, list[Price]] = {}
    for price in prices(decision.problem, decision.kept, binding, steps, decision.out):
        found.setdefault(price.rule, []).append(price)
    return found
