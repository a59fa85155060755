"""Grounds: whether choices that a certificate names had to be made: what rules concede, whom or_nothing leaves out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from fundalloc import certificate as written
from fundalloc.concessions import AGREE, OPEN, yields
from fundalloc.differences import Differs
from fundalloc.elimination import Loop, left
from fundalloc.language import later
from fundalloc.problem import BoolArray, FloatArray, Problem
from fundalloc.rules import Curve, Statement


@dataclass(frozen=True)
class Grounded:
    """What is proven of choices.

    least: the preferred rules that are proven to concede no more than they must, to the part `near` of what is shared
    out; unproven: those of which that is not proven. left_out: whether it is proven whom or_nothing leaves out; None
    where no rule is of that kind.
    """

    least: tuple[str, ...] = ()
    near: float = 0.0
    unproven: tuple[str, ...] = ()
    left_out: bool | None = None


def grounded(
    problem: Problem,
    statements: Sequence[Statement],
    kept: Sequence[Statement],
    out: BoolArray,
    concessions: Mapping[tuple[str, str], FloatArray],
    choices: Mapping[str, Any],
) -> Grounded:
    """What the proofs in a certificate show. Raises Differs where one of them does not hold.

    statements: what all rules say; kept: what is left of them, in the order in which they were decided.
    """
    required = [s for s in statements if s.mode != "watch"]
    stays = left(required, out)
    proven: dict[str, float] = {}
    unproven: list[str] = []
    for entry in choices["yielded"]:
        rule, resource = str(entry["rule"]), str(entry["resource"])
        one = next(s for s in stays if (s.rule, s.resource) == (rule, resource))
        given = concessions[rule, resource]
        if isinstance(one, Curve):
            _same_bound(one, kept, given)
            unproven.append(rule)
            continue
        it = yields(problem, stays, kept, one, given, out)
        fault = it.fault()
        if fault:
            raise Differs(fault)
        if not given.any():
            continue
        if entry.get("prices") is None:
            unproven.append(rule)
            continue
        lacks = it.lacks(written.priced(entry["prices"], len(it.base.supplies) + len(it.base.row_low)))
        if lacks is None or lacks > OPEN:
            raise Differs(
                later('it is not proven that the preferred rule "{code_rule}" concedes the least.', code_rule=rule)
            )
        proven[rule] = max(proven.get(rule, 0.0), max(float(lacks), 0.0) + it.room)
    loop = Loop.of(problem, required)
    steps = choices.get("eliminated")
    if steps is not None:
        fault = loop.fault(out, [written.step(one) for one in steps])
        if fault:
            raise Differs(fault)
    return Grounded(
        tuple(rule for rule in proven if rule not in unproven),
        max((near for rule, near in proven.items() if rule not in unproven), default=0.0),
        tuple(dict.fromkeys(unproven)),
        steps is not None if loop.floors else None,
    )


def _same_bound(one: Curve, kept: Sequence[Statement], given: FloatArray) -> None:
    """A convex rule concedes what its bound is loosened by; an order yields as a whole."""
    for now in kept:
        if isinstance(now, Curve) and (now.rule, now.resource) == (one.rule, one.resource):
            more = now.at_most - one.at_most
            if not abs(more - float(given[0])) <= AGREE * max(abs(one.at_most), abs(now.at_most)):
                raise Differs(
                    later(
                        'the preferred rule "{code_rule}" concedes {code_given:.9g} at {code_place}, but its bound is '
                        "loosened by {code_loosened:.9g}.",
                        code_rule=one.rule,
                        code_given=given[0],
                        code_place=one.places[0],
                        code_loosened=more,
                    )
                )
