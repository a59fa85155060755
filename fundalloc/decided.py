"""What was decided in a round, as arrays: who gets how many lots, and what explains it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from fundalloc.findings import Finding
from fundalloc.flags import Flag
from fundalloc.polish import Optimum
from fundalloc.problem import BoolArray, FloatArray, IntArray, Problem
from fundalloc.rules import Statement
from fundalloc.shifts import Binding, Shift


@dataclass(frozen=True, eq=False)
class Decision:
    """What was decided: lots per cell, and what explains them.

    rules: what all rules say. optimum: the amounts before rounding. bindings and shifts: of the rules that
    were kept. shares: the cells that share; the others have what a floor of their own gives them, else nothing.
    concessions: by rule and resource how far each place of a preferred rule had to yield, in the unit of its bound.
    kept: what the rules ask for in the end, those that had to yield loosened; out: cells that get nothing.
    findings: what watched rules miss, and what only whole lots stand in the way of. seconds: time by step.
    supplied: the part of each cell in what is shared out beyond the targets. accounting: how shifts were found, by
    multipliers, shapley or order. worth: what one more unit of each resource would be worth to the objective, NaN
    where that has no meaning.
    """

    problem: Problem
    rules: tuple[Statement, ...]
    optimum: Optimum
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
    seconds: dict[str, float] = field(default_factory=dict)

    @property
    def amounts(self) -> FloatArray:
        """The decided amounts, one per cell."""
        return self.lots * self.problem.lot
