"""Proving: what a certificate shows of the amounts before rounding; no solver is used."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from fundalloc import certificate as written
from fundalloc.attempts import Levels
from fundalloc.differences import Differs
from fundalloc.exact import Exact, exact
from fundalloc.gains import raising
from fundalloc.language import later, phrase
from fundalloc.level_proofs import proven_levels
from fundalloc.objectives import worth
from fundalloc.optimum import Optimum
from fundalloc.problem import FloatArray, Problem
from fundalloc.rules import Curve, Statement, are_kept
from fundalloc.system import TOUCHES, System, overreach
from fundalloc.utility import Utility
from fundalloc.value_proofs import ENOUGH, lacks
from fundalloc.whole import NEAR, gap

#: weights that an objective gives agree with its utility to this part of themselves
FITS = 1e-6
#: what differs of the exact optimum
AMOUNTS = phrase("the amounts of the exact optimum differ: {said!r} is published, {own!r} is right.")
ROWS = phrase("the multipliers of the rows of the exact optimum differ: {said!r} is published, {own!r} is right.")
SUPPLIES = phrase("the multipliers of the totals of the exact optimum differ: {said!r} is published, {own!r} is right.")


@dataclass(frozen=True)
class Proven:
    """What is proven of the amounts before rounding; None: nothing of that kind.

    gap: that they are the optimum, to this part of the distance. settled: so many of all `levels` of leximin. value:
    that the total value (benefit) or the sum of utilities (alpha_fair) is the greatest, to this part.
    """

    gap: float | None = None
    settled: int | None = None
    levels: int = 0
    value: float | None = None

    @property
    def anything(self) -> bool:
        """Whether anything is proven."""
        return self != Proven()


@dataclass(frozen=True, eq=False)
class Shown:
    """The amounts before rounding, in fractions where there are any, and what is proven of them.

    untold: rules whose rows in the program cannot be compared with them.
    """

    optimum: Optimum
    exact: Exact | None
    proven: Proven
    untold: tuple[str, ...]


def shown(system: System, kept: Sequence[Statement], certificate: Mapping[str, Any]) -> Shown:
    """What a certificate shows. Raises Differs where something in it does not hold."""
    said, provable = certificate["optimum"], _provable(system, kept)
    if not isinstance(said["exact"], bool):
        raise Differs(later("whether the optimum is exact is not said ({code_said!r}).", code_said=said["exact"]))
    if provable != (said["multipliers"] is not None):
        missing = phrase("the multipliers of {code} are missing.")
        useless = phrase("the multipliers of {code} prove nothing there.")
        raise Differs(later(missing if provable else useless, code=system.problem.objective))
    optimum, found = stated(system, certificate), None
    if provable:
        found, proven = _by_multipliers(system, optimum, exactly=said["exact"])
        _are_kept(system, optimum.amounts)
    else:
        _are_kept(system, optimum.amounts)
        by = _by_levels if system.problem.objective == "leximin" else _by_prices
        proven = by(system, optimum.amounts, certificate)
    untold = _as_strict(system) if proven.anything else ()
    if system.problem.bent is not None:
        fits(system.problem, optimum.amounts)
    return Shown(optimum, found, proven, untold)


def stated(system: System, certificate: Mapping[str, Any]) -> Optimum:
    """The optimum as it is stated; without multipliers nothing is claimed of it."""
    said = certificate["optimum"]
    amounts = written.read(said["amounts"])
    if said["multipliers"] is None:
        zeros = np.zeros(len(system.origin)), np.zeros(len(system.supplies)), np.zeros(0)
        return Optimum(*zeros, amounts, (), 0, np.inf)
    return Optimum(written.read(said["multipliers"]), written.read(said["supplies"]), np.zeros(0), amounts, (), 0, 0.0)


def _provable(system: System, kept: Sequence[Statement]) -> bool:
    """Whether multipliers prove the objective: that of single amounts, or one that leaves all to `nearest`."""
    problem = system.problem
    if problem.objective == "leximin":
        return system.leximin_is_nearest and not any(isinstance(s, Curve) for s in kept)
    if problem.objective == "nearest" or (problem.objective == "alpha_fair" and problem.value is None):
        return True
    return not worth(problem, problem.target if problem.objective == "alpha_fair" else problem.size).any()


def _by_multipliers(system: System, optimum: Optimum, *, exactly: bool) -> tuple[Exact | None, Proven]:
    """The optimum of `nearest` in fractions where its multipliers lead to it; else how near they prove it to be."""
    found = exact(system, optimum)
    if not exactly and found is None:
        near = float(gap(system, optimum))
        if not near <= NEAR:
            raise Differs(
                later("the multipliers prove the amounts only to {code_near:.1e} of the distance.", code_near=near)
            )
        return None, Proven(gap=near)
    if found is None or not exactly:
        raise Differs(later("the multipliers do not lead to the optimum that is claimed."))
    for sentence, ours, theirs in (
        (AMOUNTS, found.amounts(), optimum.amounts),
        (ROWS, np.array([float(v) for v in found.rows]), optimum.rows),
        (SUPPLIES, np.array([float(v) for v in found.supplies]), optimum.supplies),
    ):
        if not np.array_equal(ours, theirs):
            k = int(np.argmax(ours != theirs))
            raise Differs(later(sentence, said=theirs[k].item(), own=ours[k].item()))
    return found, Proven(gap=0.0)


def _by_levels(system: System, amounts: FloatArray, certificate: Mapping[str, Any]) -> Proven:
    """The levels of leximin, as far as they are proven."""
    said = certificate["optimum"]
    if said["levels"] is None:
        return Proven()
    gains, rows = raising(system), len(system.supplies) + len(system.row_low)
    steps = tuple(written.level_proof(one, rows, len(gains.due)) for one in said["levels"])
    levels = Levels(steps, said.get("settled", len(gains.due)))
    if fault := proven_levels(system, gains, amounts, levels):
        raise Differs(fault)
    return Proven(settled=levels.settled, levels=len(gains.due))


def _by_prices(system: System, amounts: FloatArray, certificate: Mapping[str, Any]) -> Proven:
    """The greatest total value or sum of utilities, where prices are said to prove it."""
    said, kind = certificate["explained"], system.problem.objective
    if not certificate["optimum"].get("priced", False):
        return Proven()
    near = lacks(system, amounts, (-written.read(said["worth"]), written.read(said["multipliers"])))
    if not near <= ENOUGH[kind]:
        raise Differs(later("the prices prove {code} only to {code_near:.1e}.", code=kind, code_near=near))
    return Proven(value=near)


def _are_kept(system: System, amounts: FloatArray) -> None:
    """The amounts keep all rules."""
    for rows in system.rows:
        if not are_kept(rows, amounts, system.problem.size):
            raise Differs(later('the amounts before rounding miss the rule "{code_rule}".', code_rule=rows.rule))


def _as_strict(system: System) -> tuple[str, ...]:
    """Rules of which it cannot be told whether the rows that touch them ask for more; those of the others do not."""
    found = tuple(overreach(system))
    for rule, beyond in found:
        if beyond > TOUCHES:
            raise Differs(later('the row of the rule "{code_rule}" asks for more than the rule.', code_rule=rule))
    return tuple(rule for rule, beyond in found if np.isnan(beyond))


def fits(problem: Problem, amounts: FloatArray) -> None:
    """Weights of alpha_fair are those of its utility where the amounts are; raises Differs otherwise."""
    plain = replace(problem, bent=None)
    some = plain.target > 0
    level = np.where(some, 1.0 + (amounts - plain.target) / plain.softness, 1.0)
    right = np.where(some, plain.softness * Utility(problem.alpha).chord(level), plain.softness)
    if not (np.abs(problem.softness - right) <= FITS * right).all():
        raise Differs(later("the weights are not those of the utility at these amounts."))
