"""The decision of a round: solved, polished, compared, explained by multipliers, in whole lots, audited."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from fundalloc.accounting import accounted
from fundalloc.assured import check_gap, check_rows, check_steps
from fundalloc.attempts import Attempt
from fundalloc.choice import chosen
from fundalloc.concession_prices import priced
from fundalloc.conflicts import can_be_kept, conflict
from fundalloc.decided import Decision, Grounds, concluded, gone
from fundalloc.elimination import Loop, Step, left
from fundalloc.errors import SolverError
from fundalloc.language import say
from fundalloc.lots import lots_of
from fundalloc.problem import BoolArray, FloatArray, IntArray, Problem
from fundalloc.program import added, build
from fundalloc.rounding import NoWholeLots
from fundalloc.rules import Curve, Rows, Statement
from fundalloc.solve import Answer, about_possible, solve
from fundalloc.yielding import yielded

log = logging.getLogger("fundalloc")
#: the solver and the proof agree to this part of the mean amount, or of the value of an exact optimum
AGREE, WORTH = 1e-3, 1e-6


def decide(problem: Problem, statements: Sequence[Statement], model: Any = None) -> Decision:
    """Decides a round under what all its rules say.

    model: the Pyomo model of `fund.model()`, with what a user added to it; left out: built here.
    """
    clock: dict[str, float] = {}
    required = [s for s in statements if s.mode != "watch"]
    if model is not None:
        extra = added(model, problem)
        required, statements = [*required, *extra], [*statements, *extra]
    settled = _settled(problem, required, model, clock)
    out, attempted, kept, concessions = settled.out, settled.attempt, settled.kept, settled.concessions
    system, optimum = attempted.system, attempted.optimum
    with _timed(clock, "prove"):
        grounds = Grounds(settled.steps, priced(problem, left(required, out), kept, concessions, out))
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
            lots=settled.lots,
            accounting=accounting,
            moved=moved,
            worth=None if attempted.chosen is None else attempted.chosen.supplies,
            concessions=concessions,
            kept=kept,
            out=out,
            levels=None if attempted.chosen is None else attempted.chosen.levels,
            grounds=grounds,
        )
    broken = [f for f in found.findings if f.severity == "breach" and f.mode == "require"]
    if broken:
        raise SolverError(
            say("The decided amounts fail our own audit; nothing was written. {code_broken}", code_broken=broken[0])
        )
    check_steps(found)
    log.debug("polish: %d steps, residual %.1e", optimum.steps, optimum.residual)
    return replace(found, seconds=clock)


def unrounded(problem: Problem, statements: Sequence[Statement]) -> FloatArray:
    """The amounts of a round before they are rounded to whole lots, as `decide` finds them; nothing is explained."""
    required = [s for s in statements if s.mode != "watch"]
    return _settled(problem, required, None, {}).attempt.optimum.amounts


def propose(problem: Problem, statements: Sequence[Statement]) -> Any:
    """The Pyomo model of a round, with a tangent for each convex rule that matters."""
    required = [s for s in statements if s.mode != "watch" and not s.or_nothing]
    return build(next(_attempts(problem, required, np.zeros(problem.cells, dtype=bool), {})).solved)


@dataclass(frozen=True, eq=False)
class _Settled:
    """The optimum in whole lots, what the rules ask for in the end, and what preferred ones concede.

    out: the cells that get nothing because they stay below an or_nothing floor; steps: what proves that they do.
    """

    out: BoolArray
    steps: tuple[Step, ...] | None
    attempt: Attempt
    lots: IntArray
    kept: tuple[Statement, ...]
    concessions: Mapping[tuple[str, str], FloatArray]


def _eliminated(
    problem: Problem, required: Sequence[Statement], clock: dict[str, float]
) -> tuple[BoolArray, tuple[Step, ...] | None]:
    """The cells that get nothing: of all places that stay below an or_nothing floor, one after the other.

    What proves each of these decisions; None where one of them has no proof of its own.
    """
    out, loop = np.zeros(problem.cells, dtype=bool), Loop.of(problem, required)
    steps: list[Step] | None = []
    while loop.floors:
        found = yielded(problem, left(loop.others, out), out)
        attempts = enumerate(_attempts(problem, found.statements, out, clock))
        k, tried = next(((k, a) for k, a in attempts if a.proven), (0, None))
        if tried is None:
            raise conflict(problem, found.statements, out)
        step = Step.of(tried.optimum)
        alone = steps is not None and k == 0 and tried.chosen is None and not found.concessions
        with _timed(clock, "exact"):
            proven, worst = loop.after(out, step) if alone else (False, None)
        steps = [*steps, step] if proven and steps is not None else None
        worst = worst if proven else loop.furthest_below(out, tried.optimum.amounts)
        if worst is None:
            break
        out[worst] = True
    return out, None if steps is None else tuple(steps)


def _settled(problem: Problem, required: Sequence[Statement], model: Any, clock: dict[str, float]) -> _Settled:
    """What is decided under rules that are required or preferred."""
    out, steps = _eliminated(problem, required, clock)
    found = yielded(problem, left(required, out), out)
    kept = found.statements
    for k, tried in enumerate(_attempts(problem, kept, out, clock)):
        if tried.proven:
            with _timed(clock, "exact"):
                tried = tried.sharp() if tried.chosen is None else tried
            alone = tried.chosen is None and problem.objective == "nearest"
            own = model if k == 0 and alone and not tried.cuts and not out.any() else None
            lots = _decided(tried, own, clock)
            if lots is not None:
                check_gap(tried)
                return _Settled(out, steps, tried, lots, kept, found.concessions)
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
    alike = problem.objective == "alpha_fair" and problem.value is None
    if problem.objective in ("nearest", "benefit") or alike or not any(isinstance(s, Curve) for s in statements):
        return ""
    if problem.objective == "leximin":
        text = say('leximin is hard beside rules on inequality; "alpha_fair" with alpha = 4 comes close to it.')
    else:
        text = say("alpha_fair is hard beside rules on inequality where values are stated; try without value.")
    return f" {text}"


def _attempts(
    problem: Problem, statements: Sequence[Statement], out: BoolArray, clock: dict[str, float]
) -> Iterator[Attempt]:
    """The optimum in whole-lot bounds, else in those that are stated, first of resources that may have no whole lots.

    Who has no target gets nothing beyond floors, unless the rules cannot be kept without; beside curves, unless no
    proof was found without.
    """
    without = bool((problem.takes_part & ~out & ~problem.wants).any())
    cuts: tuple[Rows, ...] = ()
    count = len(problem.resources)
    ways = [(True,) * count, (False,) * count]
    while ways:
        whole = ways.pop(0)
        for closed in (True, False) if without else (False,):
            with _timed(clock, "polish"):
                tried = chosen(problem, statements, whole=whole, closed=closed, out=out, cuts=cuts)
            cuts = tried.cuts
            yield tried
            sure = tried.proven or tried.optimum.clash or any(isinstance(s, Curve) for s in statements)
            if closed and not sure and about_possible(tried.system):
                break
        if all(whole):
            some = tuple(tried.system.leaves_whole_lots(r) for r in range(count))
            ways = [some, *ways] if any(some) and not all(some) else ways


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
            check_rows(system, optimum)
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
