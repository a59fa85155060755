"""Requiring: what would be if a watched rule that is missed were required beside the rules that are."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import pairwise

from fundalloc.conflicts import conflict, possible, relaxations
from fundalloc.decided import Decision
from fundalloc.errors import SolverError
from fundalloc.language import say
from fundalloc.rules import Rows, Statement

#: so many places are named; what is allowed may be below what is asked for by this part of it
NAMED, NEAR = 8, 1e-9


def required(decision: Decision) -> Iterator[tuple[str, str]]:
    """Each watched rule that is missed, and resource by resource what would be if it were required, in words."""
    hold = [s for s in decision.rules if s.mode == "require" and not s.or_nothing]
    missed = {(f.rule, f.resource) for f in decision.findings if f.mode == "watch"}
    for rule in dict.fromkeys(r for r, _ in sorted(missed)):
        mine = [s for s in decision.rules if s.rule == rule and (rule, s.resource) in missed]
        yield rule, " ".join(_told(decision, hold, replace(one, mode="require")) for one in mine)


def _told(decision: Decision, hold: Sequence[Statement], one: Statement) -> str:
    """One resource: whether it can be kept, which rules stand in the way, and the least change that would do."""
    problem, all_ = decision.problem, [*hold, one]
    found = possible(problem, all_, decision.out)
    name = one.resource
    if found is None:
        return say("{resource}: whether it can be kept beside the required rules could not be proven.", resource=name)
    if found:
        return say("{resource}: it can be kept beside all required rules.", resource=name)
    ways = relaxations(problem, all_, one.rule, decision.out)
    stops = list(_stops(decision, hold, one))
    if not stops:
        try:
            stops = [conflict(problem, all_, decision.out).reason.replace("\n", " ")]
        except SolverError:
            stops = []
    head = say("{resource}: it cannot be kept beside the required rules.", resource=name)
    return " ".join([head, *stops, *ways])


def _stops(decision: Decision, hold: Sequence[Statement], one: Statement) -> Iterator[str]:
    """The rules that by themselves allow single places less, or ask for more of them, than a rule would."""
    if not isinstance(one, Rows):
        return
    mine = _alone(one)
    for other in hold:
        theirs = _alone(other) if isinstance(other, Rows) else {}
        found = [text for cell in mine if cell in theirs for text in _stop(decision, cell, mine[cell], theirs[cell])]
        if found:
            shown = found[:NAMED]
            if len(found) > NAMED:
                shown.append(say("{count} more", count=len(found) - NAMED))
            places = say("; ").join(shown)
            yield say('"{rule}" stands in the way of {places}.', rule=other.rule, places=places)


def _alone(rows: Rows) -> dict[int, tuple[float, float]]:
    """The bounds of the amounts that rows are about alone, by cell."""
    found = {}
    for k, (first, last) in enumerate(pairwise(rows.matrix.indptr.tolist())):
        if last - first == 1 and (factor := float(rows.matrix.data[first])) > 0:
            found[int(rows.matrix.indices[first])] = float(rows.low[k]) / factor, float(rows.high[k]) / factor
    return found


def _stop(decision: Decision, cell: int, asked: tuple[float, float], allowed: tuple[float, float]) -> Iterator[str]:
    """A place at which another rule stands in the way, with both bounds."""
    region = decision.problem.regions.names[cell % decision.problem.n]
    (low, high), (least, most) = asked, allowed
    if most < low * (1 - NEAR):
        yield say("{region} ({low} asked for, {most} allowed)", region=region, low=_figure(low), most=_figure(most))
    elif least > high * (1 + NEAR):
        yield say(
            "{region} ({high} allowed, {least} asked for)", region=region, high=_figure(high), least=_figure(least)
        )


def _figure(value: float) -> str:
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:,.2f}"
