"""What was decided in a round, as arrays: who gets how many lots, and what explains it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from fundalloc.attempts import Levels
from fundalloc.elimination import Step
from fundalloc.exact import Exact
from fundalloc.findings import Finding, audit
from fundalloc.flags import Flag
from fundalloc.multipliers import Multipliers
from fundalloc.optimum import Optimum
from fundalloc.problem import BoolArray, FloatArray, IntArray, Problem
from fundalloc.remarks import remarks
from fundalloc.rules import Statement
from fundalloc.shifts import Binding, Shift, bindings, shifts, supplied
from fundalloc.system import System


@dataclass(frozen=True, eq=False)
class Grounds:
    """What proves the choices that go before an optimum.

    steps: whom or_nothing leaves out, None where that is not proven. prices: by preferred rule and resource that what
    it concedes is the least, None where that is not proven.
    """

    steps: tuple[Step, ...] | None = None
    prices: Mapping[tuple[str, str], FloatArray | None] = field(default_factory=dict)


@dataclass(frozen=True, eq=False)
class Decision:
    """What was decided: lots per cell, and what explains them.

    rules: what all rules say. optimum: the amounts before rounding. bindings and shifts: of the rules that
    were kept. shares: the cells that share; the others have what a floor of their own gives them, else nothing.
    concessions: by rule and resource how far each place of a preferred rule had to yield, in the unit of its bound.
    kept: what the rules ask for in the end, those that had to yield loosened; out: cells that get nothing.
    findings: what watched rules miss, and what only whole lots stand in the way of.
    supplied: the part of each cell in what is shared out beyond the targets. accounting: how shifts were found, by
    multipliers, shapley or order. worth: what one more unit of each resource would be worth to the objective, NaN
    where that has no meaning. system: the rules as bounds and rows; prices: their multipliers; exact: the optimum in
    fractions, None where there is none. levels: what proves leximin, level by level; grounds: what proves
    the choices before. seconds: time by step.
    """

    problem: Problem
    rules: tuple[Statement, ...]
    system: System
    optimum: Optimum
    exact: Exact | None
    prices: Multipliers
    lots: IntArray
    bindings: tuple[Binding, ...]
    shifts: tuple[Shift, ...]
    shares: BoolArray
    supplied: FloatArray
    accounting: str
    worth: FloatArray
    concessions: Mapping[tuple[str, str], FloatArray]
    kept: tuple[Statement, ...]
    out: BoolArray
    findings: tuple[Finding, ...]
    flags: tuple[Flag, ...]
    levels: Levels | None = None
    grounds: Grounds = field(default_factory=Grounds)
    seconds: dict[str, float] = field(default_factory=dict)

    @property
    def amounts(self) -> FloatArray:
        """The decided amounts, one per cell."""
        return self.lots * self.problem.lot


def concluded(
    problem: Problem,
    statements: Sequence[Statement],
    *,
    system: System,
    optimum: Optimum,
    exact: Exact | None,
    prices: Multipliers,
    lots: IntArray,
    accounting: str,
    moved: Sequence[Shift],
    worth: FloatArray | None,
    concessions: Mapping[tuple[str, str], FloatArray],
    kept: Sequence[Statement],
    out: BoolArray,
    levels: Levels | None = None,
    grounds: Grounds | None = None,
) -> Decision:
    """The decision that follows from an optimum in whole lots and its multipliers; no solver is used.

    statements: what all rules say. moved: the shifts, where no multipliers give them.
    """
    bound = bindings(system, prices)
    if accounting == "multipliers":
        moved = shifts(system, optimum, prices, bound, gone(statements, out))
    findings = tuple(audit(problem, statements, lots * problem.lot))
    return Decision(
        problem=problem,
        rules=tuple(statements),
        system=system,
        optimum=optimum,
        exact=exact,
        prices=prices,
        lots=lots,
        bindings=bound,
        shifts=tuple(moved),
        shares=system.shares,
        supplied=supplied(system.problem, system.shares),
        accounting=accounting,
        worth=np.full(len(problem.resources), np.nan) if worth is None else worth,
        concessions=concessions,
        kept=tuple(kept),
        out=out,
        findings=findings,
        levels=levels,
        grounds=grounds or Grounds(),
        flags=remarks(problem, statements, findings, concessions, lots - optimum.amounts / problem.lot),
    )


def gone(statements: Sequence[Statement], out: BoolArray) -> dict[str, BoolArray]:
    """By or_nothing rule the cells that get nothing because of it."""
    found: dict[str, BoolArray] = {}
    left = out.copy()
    for one in statements:
        if one.or_nothing and one.mode != "watch" and left.any():
            mine = np.asarray(one.matrix.T @ np.ones(len(one))) > 0
            found[one.rule] = found.get(one.rule, np.zeros(len(out), dtype=bool)) | (mine & left)
            left &= ~mine
    return found
