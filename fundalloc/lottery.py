"""Lotteries: weights and figures drawn by lot, and each draw decided like any other round."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from fundalloc.conflicts import possible
from fundalloc.decided import Decision
from fundalloc.decision import decide
from fundalloc.draws import stratified
from fundalloc.errors import ConflictError, FundallocError, InputError, SolverError
from fundalloc.expressions import RESERVED
from fundalloc.interrupts import alone
from fundalloc.language import Language, say, speak, spoken
from fundalloc.loading import reopened
from fundalloc.policy import pose
from fundalloc.posed import Posed
from fundalloc.problem import FloatArray, IntArray, Problem
from fundalloc.regions import Regions, read_regions
from fundalloc.roster import Roster
from fundalloc.rules import Statement
from fundalloc.sources import Source
from fundalloc.spreads import Weight
from fundalloc.uncertainty import Disturbance
from fundalloc.weights import shaken

#: what can stand in the way of a draw
KINDS = ("conflict", "unproven", "faulty")


@dataclass(frozen=True, eq=False)
class Draws:
    """What was drawn and decided.

    lots: one row per draw that could be decided, one column per cell. factors: of each weight, in the same rows. noise:
    what the figure of each region was multiplied by, in the same rows, by column. failed: how many draws could not be
    decided, by what stood in the way. reasons: the first reason of each.
    """

    asked: int
    lots: IntArray
    factors: FloatArray
    noise: Mapping[str, FloatArray]
    failed: Mapping[str, int]
    reasons: Mapping[str, str]


@dataclass(frozen=True, eq=False)
class Result:
    """One draw: its lots, or what stood in the way and the first line of why."""

    draw: int
    lots: IntArray | None
    noise: Mapping[str, FloatArray]
    kind: str = ""
    reason: str = ""


class Lottery:
    """What is drawn of a fund: weights within a part of themselves, figures within their standard errors."""

    def __init__(
        self, fund: Posed, by: float, known: Sequence[Weight], errors: Mapping[str, float], count: int
    ) -> None:
        self._fund, self._errors, self._keys = fund, errors, [w.key for w in known]
        columns = [1.0 - by + 2.0 * by * stratified(key, count) for key in self._keys]
        self.factors: FloatArray = np.array(columns, dtype=float).reshape(len(columns), count).T
        if errors:
            roster = Roster(fund.tables["regions"], fund.policy.regions, RESERVED)
            self._disturbance = Disturbance(roster, errors)
            rows = roster.rows("" if roster.labels is None else fund.round)
            self._rows = np.array([rows[i] for i in fund.regions.ids], dtype=np.int64)

    def result(self, draw: int, told: bool = True) -> Result:
        """One draw, decided. told: a conflict need not be explained."""
        factors = dict(zip(self._keys, self.factors[draw].tolist(), strict=True))
        try:
            regions, noise = self._regions(draw)
            own = shaken(self._fund.policy, self._fund.round, factors)
            found = _decided(*pose(own, regions, self._fund.history), told)
        except (ConflictError, InputError, SolverError) as error:
            return Result(draw, None, {}, _kind(error), (str(error).splitlines() or [""])[0])
        return Result(draw, found.lots, noise)

    def _regions(self, draw: int) -> tuple[Regions, dict[str, FloatArray]]:
        """The regions, and what the figure of each was multiplied by, by column."""
        if not self._errors:
            return self._fund.regions, {}
        factors = self._disturbance.factors(draw)
        table = self._disturbance.table(factors)
        regions = read_regions(table, self._fund.policy.regions, self._fund.round, RESERVED)
        return regions, {name: values[self._rows] for name, values in factors.items()}


def drawn(
    fund: Posed, by: float, known: Sequence[Weight], errors: Mapping[str, float], count: int, jobs: int = 1
) -> Draws:
    """Draws everything, and decides each draw by the whole engine; jobs: by so many processes, with the same result."""
    lottery = Lottery(fund, by, known, errors, count)
    results = list(_parallel(fund, by, known, errors, count, jobs) if jobs > 1 else map(lottery.result, range(count)))
    decided = [one for one in results if one.lots is not None]
    reasons: dict[str, str] = {}
    for one in results:
        if one.kind and one.kind not in reasons:
            reason = one.reason or lottery.result(one.draw, told=False).reason
            reasons[one.kind] = say("draw {number}: {reason}", number=one.draw + 1, reason=reason)
    shape = (len(decided), fund.problem.n)
    return Draws(
        count,
        np.array([one.lots for one in decided], dtype=np.int64).reshape(len(decided), fund.problem.cells),
        lottery.factors[[one.draw for one in decided]],
        {name: np.array([one.noise[name] for one in decided], dtype=float).reshape(shape) for name in errors},
        {kind: sum(one.kind == kind for one in results) for kind in KINDS},
        reasons,
    )


def _decided(problem: Problem, statements: Sequence[Statement], told: bool) -> Decision:
    """The decision of a draw; a conflict that need not be explained is found without the search for its reasons."""
    required = [s for s in statements if s.mode == "require" and not s.or_nothing]
    if told and required and possible(problem, required, None) is False:
        raise ConflictError((), "")
    return decide(problem, statements)


def _kind(error: FundallocError) -> str:
    return {ConflictError: "conflict", SolverError: "unproven"}.get(type(error), "faulty")


#: the lottery of a process that takes part
_OWN: list[Lottery] = []


def _parallel(
    fund: Posed, by: float, known: Sequence[Weight], errors: Mapping[str, float], count: int, jobs: int
) -> Iterator[Result]:
    """The results of all draws, in order, by several processes."""
    from concurrent.futures import ProcessPoolExecutor
    from multiprocessing import get_context

    given = (fund.inputs, fund.round, fund.settings, by, tuple(known), dict(errors), count, spoken())
    with ProcessPoolExecutor(min(jobs, count), get_context("spawn"), _begin, given) as pool:
        with alone():
            results = pool.map(_result, range(count))
        yield from results


def _begin(
    inputs: Mapping[str, Source],
    round_: str,
    settings: Sequence[str],
    by: float,
    known: Sequence[Weight],
    errors: Mapping[str, float],
    count: int,
    language: Language | None,
) -> None:
    """Opens the fund in a process of its own, which says what it says in the language that is spoken here."""
    if language is not None:
        speak(language)
    _OWN.append(Lottery(reopened(inputs, round_, settings), by, known, errors, count))


def _result(draw: int) -> Result:
    return _OWN[0].result(draw)
