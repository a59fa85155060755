"""The decision of a round: solved, polished, compared, explained by multipliers, in whole lots, audited."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import numpy as np

from fundalloc.accounting import accounted
from fundalloc.attempts import Attempt
from fundalloc.choice import chosen
from fundalloc.conflicts import can_be_kept, conflict
from fundalloc.decided import Decision, concluded, gone
from fundalloc.errors import SolverError
from fundalloc.explain import printed_unit
from fundalloc.language import say
from fundalloc.lots import lots_of
from fundalloc.optimum import Optimum
from fundalloc.problem import BoolArray, FloatArray, IntArray, Problem
from fundalloc.program import added, build
from fundalloc.rounding import NoWholeLots
from fundalloc.rules import Curve, Rows, Statement, are_kept
from fundalloc.solve import Answer, about_possible, solve
from fundalloc.system import System
from fundalloc.whole import NEAR, gap
from fundalloc.yielding import yielded

log = logging.getLogger("fundalloc")
#: the solver and the proof agree to this part of the mean amount, or of the value of an exact optimum
AGREE, WORTH = 1e-3, 1e-6
#: more printed units than these are not counted
MOST = 2.0**61
#: a place is below its floor if it misses it by more than this part of it
BELOW = 1e-9


def decide(problem: Problem, statements: Sequence[Statement], model: Any = None) -> Decision:
    """Decides a round under what all its rules say.

    model: the Pyomo model of `fund.model()`, with what a user added to it; left out: built here.
    """
    clock: dict[str, float] = {}
    required = [s for s in statements if s.mode != "watch"]
    if model is not None:
        extra = added(model, problem)
        required, statements = [*required, *extra], [*statements, *extra]
    out, attempted, lots, kept, concessions = _settled(problem, required, model, clock)
    system, optimum = attempted.system, attempted.optimum
    with _timed(clock, "explain"):
        prices, accounting, moved = accounted(attempted, kept, gone(required, out))
    with _timed(clock, "audit"):
        found = concluded(
            problem,
            statements,
            system=system,
            optimum=optimum,
            exact=attempted.exact,
            prices=prices,
            lots=lots,
            accounting=accounting,
            moved=moved,
            worth=None if attempted.chosen is None else attempted.chosen.supplies,
            concessions=concessions,
            kept=kept,
            out=out,
            levels=None if attempted.chosen is None else attempted.chosen.levels,
        )
    broken = [f for f in found.findings if f.severity == "breach" and f.mode == "require"]
    if broken:
        raise SolverError(
            say("The decided amounts fail our own audit; nothing was written. {code_broken}", code_broken=broken[0])
        )
    _check_shifts(found)
    log.debug("polish: %d steps, residual %.1e", optimum.steps, optimum.residual)
    return replace(found, seconds=clock)


def unrounded(problem: Problem, statements: Sequence[Statement]) -> FloatArray:
    """The amounts of a round before they are rounded to whole lots, as `decide` finds them; nothing is explained."""
    required = [s for s in statements if s.mode != "watch"]
    return _settled(problem, required, None, {})[1].optimum.amounts


def propose(problem: Problem, statements: Sequence[Statement]) -> Any:
    """The Pyomo model of a round, with a tangent for each convex rule that matters."""
    required = [s for s in statements if s.mode != "watch" and not s.or_nothing]
    return build(next(_attempts(problem, required, np.zeros(problem.cells, dtype=bool), {})).solved)


def _settled(
    problem: Problem, required: Sequence[Statement], model: Any, clock: dict[str, float]
) -> tuple[BoolArray, Attempt, IntArray, tuple[Statement, ...], Mapping[tuple[str, str], FloatArray]]:
    """The optimum in whole lots, what the rules ask for in the end, and what preferred ones concede.

    First all places that stay below an or_nothing floor get nothing, one after the other.
    """
    out = np.zeros(problem.cells, dtype=bool)
    floors = [s for s in required if s.or_nothing and isinstance(s, Rows)]
    others = [s for s in required if not s.or_nothing]
    while floors:
        left = yielded(problem, _left(others, out), out).statements
        tried = next((a for a in _attempts(problem, left, out, clock) if a.proven), None)
        if tried is None:
            raise conflict(problem, left, out)
        worst = _furthest_below(problem, _left(floors, out), tried.optimum.amounts)
        if worst is None:
            break
        out[worst] = True
    found = yielded(problem, _left(required, out), out)
    kept = found.statements
    for k, tried in enumerate(_attempts(problem, kept, out, clock)):
        if tried.proven:
            with _timed(clock, "exact"):
                tried = tried.sharp() if tried.chosen is None else tried
            alone = tried.chosen is None and problem.objective == "nearest"
            own = model if k == 0 and alone and not tried.cuts and not out.any() else None
            lots = _decided(tried, own, clock)
            if lots is not None:
                _check_gap(tried)
                return out, tried, lots, kept, found.concessions
        if tried.possible:
            break
    if not can_be_kept(problem, kept, out):
        raise conflict(problem, kept, out)
    raise SolverError(
        say(
            "The best allocation could not be proven, although the rules can be kept, or all but "
            "kept; nothing was written.{code_hint}",
            code_hint=_hint(problem, kept),
        )
    )


def _hint(problem: Problem, statements: Sequence[Statement]) -> str:
    """What else could be asked for, where an objective is hard to prove beside convex rules."""
    if problem.objective in ("nearest", "benefit") or not any(isinstance(s, Curve) for s in statements):
        return ""
    if problem.objective == "leximin":
        text = say('leximin is hard beside rules on inequality; "alpha_fair" with alpha = 4 comes close to it.')
    else:
        text = say("alpha_fair is hard beside rules on inequality where values are stated; try without value.")
    return f" {text}"


def _left(statements: Sequence[Statement], out: BoolArray) -> list[Statement]:
    """What rules say where the places that get nothing have left them."""
    if not out.any():
        return list(statements)
    return [s for s in (s.without(out) for s in statements) if len(s.matrix.indptr) > 1]


def _attempts(
    problem: Problem, statements: Sequence[Statement], out: BoolArray, clock: dict[str, float]
) -> Iterator[Attempt]:
    """The optimum in whole-lot bounds, else in those that are stated.

    Who has no target gets nothing beyond floors, unless the rules cannot be kept without; beside curves, unless no
    proof was found without.
    """
    without = bool((problem.takes_part & ~out & ~problem.wants).any())
    cuts: tuple[Rows, ...] = ()
    for whole in (True, False):
        for closed in (True, False) if without else (False,):
            with _timed(clock, "polish"):
                tried = chosen(problem, statements, whole=whole, closed=closed, out=out, cuts=cuts)
            cuts = tried.cuts
            yield tried
            sure = tried.proven or tried.optimum.clash or any(isinstance(s, Curve) for s in statements)
            if closed and not sure and about_possible(tried.system):
                break


def _furthest_below(problem: Problem, floors: Sequence[Statement], amounts: FloatArray) -> IntArray | None:
    """The cells of the place that is furthest below its floor; ties: the smaller entitlement, then the id."""
    key = problem.blocks([r.entitlement for r in problem.resources])
    worst: tuple[float, float, str] | None = None
    cells = None
    for one in floors:
        values = one.values(amounts)
        for place in np.flatnonzero((one.low > 0) & (values < one.low * (1 - BELOW))):
            mine = one.matrix.indices[one.matrix.indptr[place] : one.matrix.indptr[place + 1]]
            rank = (round(float(values[place] / one.low[place]), 12), float(key[mine].sum()), one.places[place])
            if worst is None or rank < worst:
                worst, cells = rank, mine.astype(np.int64)
    return cells


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


def _decided(tried: Attempt, model: Any, clock: dict[str, float]) -> IntArray | None:
    """The whole lots of a proven optimum that the solver agrees with; None where they miss its bounds."""
    system, optimum = tried.system, tried.optimum
    if model is None:
        with _timed(clock, "build"):
            model = build(tried.solved)
    _agree(tried, solve(model), clock)
    with _timed(clock, "round"):
        try:
            return lots_of(system, optimum, tried.exact)
        except NoWholeLots:
            return None


def _agree(tried: Attempt, answers: Iterator[Answer], clock: dict[str, float]) -> None:
    """Two computations and one audit must agree before anything is paid. No status is trusted.

    What is proven exactly needs to be met in its value only: with needs a million apart the solver comes no nearer.
    """
    system, optimum = tried.system, tried.optimum
    best = _distance(tried.solved.problem, optimum.amounts)
    for answer in _each_timed(clock, "solve", answers):
        apart = _apart(system.problem, answer.amounts, optimum.amounts)
        off = abs(_distance(tried.solved.problem, answer.amounts) - best)
        log.debug("%s; %.1e of the mean from the optimum, %.1e of its value", answer.status, apart, off / (best or 1.0))
        met = apart <= AGREE or (tried.exact is not None and off <= WORTH * best)
        if met and "nfeasible" not in answer.status:
            _check_rows(system, optimum)
            return
    raise SolverError(
        say(
            "The solver's answer and the proven one differ by more than {code_agree:g} of the mean "
            "amount; nothing was written.",
            code_agree=AGREE,
        )
    )


def _distance(problem: Problem, amounts: FloatArray) -> float:
    """What `nearest` minimises."""
    gap = amounts - problem.centre
    return float((gap * gap / (2.0 * problem.softness * problem.size)).sum())


def _apart(problem: Problem, one: FloatArray, other: FloatArray) -> float:
    """The largest distance of two allocations, in mean amounts."""
    mean = np.repeat([r.size / problem.n for r in problem.resources], problem.n)
    distance = np.abs(one - other) / mean
    return float(distance.max(initial=0.0)) if np.isfinite(distance).all() else np.inf


def _check_shifts(found: Decision) -> None:
    """What rules move can be counted in printed units, though it may be many times the fund and cancel."""
    for r, one in enumerate(found.problem.resources):
        moved = sum((np.abs(s.amounts[found.problem.block(r)]) for s in found.shifts), np.zeros(found.problem.n))
        if not (moved / float(printed_unit(one.lot)) < MOST).all():
            raise SolverError(
                say(
                    "Rules push {code_name} to and fro by many times the fund, so that their steps cannot be "
                    "counted; nothing was written.",
                    code_name=one.name,
                )
            )


def _check_gap(tried: Attempt) -> None:
    """What `verify` asks of an optimum that is not exact."""
    if tried.chosen is None and tried.exact is None and not gap(tried.system, tried.optimum) <= NEAR:
        raise SolverError(
            say(
                "An allocation was found, but not the proof that none is nearer to the targets by "
                "{code_near:g} of the distance; nothing was written.",
                code_near=NEAR,
            )
        )


def _check_rows(system: System, optimum: Optimum) -> None:
    for rows in system.rows:
        if not are_kept(rows, optimum.amounts, system.problem.size):
            raise SolverError(
                say('The answer misses the rule "{code_rule}"; nothing was written.', code_rule=rows.rule)
            )
