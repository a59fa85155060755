"""The decision of a round: solved, polished, compared, explained by multipliers, in whole lots, audited."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from fundalloc.conflicts import conflict, possible
from fundalloc.errors import SolverError
from fundalloc.findings import Finding, audit
from fundalloc.flags import Flag
from fundalloc.multipliers import multipliers
from fundalloc.polish import Optimum
from fundalloc.problem import FloatArray, IntArray, Problem
from fundalloc.program import added, build
from fundalloc.rounding import Nest, NoWholeLots, whole_lots
from fundalloc.rules import Rows, tolerance
from fundalloc.shifts import Binding, Shift, bindings, shifts
from fundalloc.solve import Answer, nearest, solve
from fundalloc.system import System, assemble, inward

log = logging.getLogger("fundalloc")
AGREE = 1e-3
NO_CAP = np.iinfo(np.int64).max // 4


@dataclass(frozen=True, eq=False)
class Decision:
    """What was decided: lots per cell, and what explains them.

    optimum: the amounts before rounding. bindings and shifts: of the required rules. findings: what
    watched rules miss, and what only whole lots stand in the way of. seconds: time by step.
    """

    problem: Problem
    rows: tuple[Rows, ...]
    optimum: Optimum
    lots: IntArray
    bindings: tuple[Binding, ...]
    shifts: tuple[Shift, ...]
    findings: tuple[Finding, ...]
    flags: tuple[Flag, ...]
    seconds: dict[str, float] = field(default_factory=dict)

    @property
    def amounts(self) -> FloatArray:
        """The decided amounts, one per cell."""
        return self.lots * self.problem.lot


def decide(problem: Problem, rows: tuple[Rows, ...], model: Any = None) -> Decision:
    """Decides a round under the rows of all its rules.

    model: the Pyomo model of `fund.model()`, with what a user added to it; left out: built here.
    """
    clock: dict[str, float] = {}
    required = tuple(r for r in rows if r.mode != "watch")
    if model is not None:
        extra = added(model, problem)
        required, rows = required + extra, rows + extra
    with _timed(clock, "assemble"):
        system = assemble(problem, required)
    if model is None:
        with _timed(clock, "build"):
            model = build(system)
    found = _decided(system, model, clock)
    if found is None:
        system = _as_stated(problem, required)
        found = _decided(system, build(system), clock)
    if found is None:
        raise SolverError("The optimum could not be proven although there is one; nothing was written.")
    optimum, lots = found
    with _timed(clock, "explain"):
        prices = multipliers(system, optimum)
        bound = bindings(system, prices)
        moved = shifts(system, optimum, prices, bound)
    with _timed(clock, "audit"):
        findings = tuple(audit(problem, rows, lots * problem.lot))
    broken = [f for f in findings if f.mode != "watch" and f.severity == "breach"]
    if broken:
        raise SolverError(f"The decided amounts fail our own audit; nothing was written. {broken[0]}")
    log.debug("polish: %d steps, residual %.1e", optimum.steps, optimum.residual)
    return Decision(problem, rows, optimum, lots, bound, moved, findings, tuple(_flags(findings)), clock)


@contextmanager
def _timed(clock: dict[str, float], name: str) -> Iterator[None]:
    start = time.perf_counter()
    yield
    clock[name] = clock.get(name, 0.0) + time.perf_counter() - start


def _each_timed(clock: dict[str, float], name: str, answers: Iterator[Answer]) -> Iterator[Answer]:
    while True:
        with _timed(clock, name):
            answer = next(answers, None)
        if answer is None:
            return
        yield answer


def _as_stated(problem: Problem, required: tuple[Rows, ...]) -> System:
    """The system with its bounds as stated, where they cannot be kept in whole lots."""
    system = assemble(problem, required, whole=False)
    if not possible(system):
        raise conflict(problem, required)
    return system


def _decided(system: System, model: Any, clock: dict[str, float]) -> tuple[Optimum, IntArray] | None:
    """The optimum of a system and its whole lots; None where none can be proven, or whole lots miss its bounds."""
    optimum = _agreed(system, solve(model), clock)
    if optimum is None:
        return None
    with _timed(clock, "round"):
        try:
            return optimum, np.concatenate([_lots(system, optimum, r) for r in range(len(system.problem.resources))])
        except NoWholeLots:
            return None


def _agreed(system: System, answers: Iterator[Answer], clock: dict[str, float]) -> Optimum | None:
    """The proven optimum, once an answer of the solver agrees with it; None where none can be proven.

    Two computations and one audit must agree before anything is paid. No status is trusted.
    """
    optimum = None
    for answer in _each_timed(clock, "solve", answers):
        if "nfeasible" in answer.status:
            return None
        with _timed(clock, "polish"):
            optimum = optimum or nearest(system)
        if not optimum.proven:
            return None
        apart = _apart(system.problem, answer.amounts, optimum.amounts)
        log.debug("%s; %.1e of the mean from the optimum", answer.status, apart)
        if apart <= AGREE:
            _check_rows(system, optimum)
            return optimum
    raise SolverError(
        f"The solver's answer and the proven one differ by more than {AGREE:g} of the mean amount; nothing was written."
    )


def _apart(problem: Problem, one: FloatArray, other: FloatArray) -> float:
    """The largest distance of two allocations, in mean amounts."""
    mean = np.repeat([r.size / problem.n for r in problem.resources], problem.n)
    distance = np.abs(one - other) / mean
    return float(distance.max(initial=0.0)) if np.isfinite(distance).all() else np.inf


def _check_rows(system: System, optimum: Optimum) -> None:
    for rows in system.rows:
        values = rows.values(optimum.amounts)
        slack = tolerance(rows, optimum.amounts)
        if not (np.maximum(rows.low - values, values - rows.high) <= slack).all():
            raise SolverError(f'The answer misses the rule "{rows.rule}"; nothing was written.')


def _lots(system: System, optimum: Optimum, r: int) -> IntArray:
    """Whole lots of one resource, inside the bounds of its regions and nested groups."""
    problem = system.problem
    resource, block = problem.resources[r], problem.block(r)
    lot = float(resource.lot)
    low, high = _bounds(system, system.low[block], system.high[block], lot)
    nests = []
    for k in np.flatnonzero(system.nested):
        cells = system.matrix.indices[system.matrix.indptr[k] : system.matrix.indptr[k + 1]]
        if block.start <= cells[0] < block.stop:
            least, most = _bounds(system, system.row_low[[k]], system.row_high[[k]], lot)
            nests.append(Nest(np.sort(cells) - block.start, int(least[0]), int(most[0])))
    real = optimum.amounts[block] / lot
    return whole_lots(real, resource.lots, low, high, nests, resource.entitlement, resource.rounding)


def _bounds(system: System, low: FloatArray, high: FloatArray, lot: float) -> tuple[IntArray, IntArray]:
    """Bounds in lots: inwards; outwards where no lot lies between, or the rules leave no whole lots."""
    floors, caps = inward(low, high, np.full(len(low), lot))
    outward = (floors > caps) | (not system.whole)
    floors = np.where(outward, np.floor(low / lot + 1e-9), floors)
    caps = np.where(outward, np.ceil(high / lot - 1e-9), caps)
    return (
        np.clip(floors, 0, NO_CAP).astype(np.int64),
        np.where(np.isfinite(caps), np.clip(caps, 0, NO_CAP), NO_CAP).astype(np.int64),
    )


def _flags(findings: tuple[Finding, ...]) -> Iterator[Flag]:
    for f in findings:
        bound = f.low if f.value < f.low else f.high
        if f.mode == "watch":
            yield Flag("warning", "watched_rule", f.place, f.message, f.resource, f.value, bound)
        elif f.severity == "lot":
            yield Flag(
                "warning",
                "lot",
                f.place,
                f"{f.message} Only whole lots stand in the way.",
                f.resource,
                f.value,
                bound,
            )
