"""Prospects: which goals are reached and when, as a finance officer would say it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import groupby

from fundalloc.errors import ConflictError, FundallocError, InputError
from fundalloc.goals import CLOSED, ENTITLED, WATCHED, Course
from fundalloc.language import called, phrase, say
from fundalloc.language import listed as joined
from fundalloc.outlook import SHOWN, listed

#: of a goal: what one does, what many do, what one and many do not do
VERBS = {
    ENTITLED: (
        phrase("reaches its entitlement"),
        phrase("reach their entitlement"),
        phrase("does not reach its entitlement"),
        phrase("do not reach their entitlement"),
    ),
    CLOSED: (
        phrase("closes its account of arrears"),
        phrase("close their accounts of arrears"),
        phrase("does not close its account of arrears"),
        phrase("do not close their accounts of arrears"),
    ),
    WATCHED: (phrase("is kept"), phrase("are kept"), phrase("is not kept"), phrase("are not kept")),
}
REACHED = (phrase("is reached"), phrase("are reached"), phrase("is not reached"), phrase("are not reached"))
GOAL = (
    phrase('reaches the goal "{goal}"'),
    phrase('reach the goal "{goal}"'),
    phrase('does not reach the goal "{goal}"'),
    phrase('do not reach the goal "{goal}"'),
)
MET = {
    "yes": phrase("{count} in time"),
    "no": phrase("{count} not in time"),
    "open": phrase("{count} still open, as the projection ends before"),
}
MET_BY_ONE = {
    "yes": phrase("in time"),
    "no": phrase("not in time"),
    "open": phrase("still open, as the projection ends before"),
}
#: so many faults of a round are named
FAULTS = 5


def stopped(round_: str, error: FundallocError) -> str:
    """Why a round cannot be decided, with the rules and what would help."""
    if isinstance(error, ConflictError):
        ways = ""
        if error.relaxations:
            lead = say("This would do:" if len(error.relaxations) == 1 else "Any one of these would do:")
            ways = f" {lead} {' '.join(error.relaxations)}"
        return say(
            "{round} cannot be decided: the rules {rules} clash. {reason}{ways}"
            if len(error.rules) > 1
            else "{round} cannot be decided: the rule {rules} cannot be kept. {reason}{ways}",
            round=round_,
            rules=joined(f'"{called(name)}"' for name in error.rules),
            reason=" ".join(error.reason.split()),
            ways=ways,
        )
    if isinstance(error, InputError):
        named = " ".join(str(fault) for fault in error.faults[:FAULTS])
        left = len(error.faults) - FAULTS
        named += say(" And {count} more faults.", count=left) if left > 0 else ""
        return say("{round} cannot be decided, its figures are faulty: {code}", round=round_, code=named)
    told = " ".join(str(error).split())
    return say("{round} could not be decided with proof: {reason}", round=round_, reason=told)


def prospects(courses: Sequence[Course], rounds: Sequence[str]) -> Iterator[str]:
    """When each goal is reached, by whom, and who does not reach it within the rounds."""
    within = say("within {count} rounds", count=len(rounds)) if len(rounds) != 1 else say("within 1 round")
    for (goal, resource), group in groupby(courses, key=lambda c: (c.goal, c.resource)):
        mine = list(group)
        verbs = VERBS.get(goal) or (REACHED if mine[0].subject == "all" else GOAL)
        one, many, not_one, not_many = (say(verb, goal=goal) for verb in verbs)
        where = f"{called(resource)}{say(': ')}" if resource else ""
        for label in rounds:
            there = [_name(c) for c in mine if c.reached_in == label]
            if there:
                first = label == rounds[0]
                some = say("{part:,} of {all:,}", part=len(there), all=len(mine))
                yield where + say(
                    "{who} {reaches} from {round} on." if first else "{who} {reaches} in {round}.",
                    who=some if first and len(mine) > SHOWN else listed(there),
                    reaches=one if len(there) == 1 else many,
                    round=label,
                )
        lost = [c for c in mine if not c.reached_in and any(c.kept.values())]
        if lost:
            yield where + say(
                "{who} {reaches} for a time, but not in {round}.",
                who=listed([_name(c) for c in lost]),
                reaches=one if len(lost) == 1 else many,
                round=rounds[-1],
            )
        never = sorted((c for c in mine if not any(c.kept.values())), key=lambda c: -_short(c))
        names = listed([_name(c) for c in never])
        if len(never) == 1:
            yield where + say("{who} {misses} {within}.", who=names, misses=not_one, within=within)
        elif never:
            yield where + say(
                "{count} of {all} {misses} {within}, furthest first: {who}.",
                count=len(never),
                all=len(mine),
                misses=not_many,
                within=within,
                who=names,
            )
        yield from _dated(goal, where, mine, rounds)


def _dated(goal: str, where: str, mine: Sequence[Course], rounds: Sequence[str]) -> Iterator[str]:
    if mine[0].by:
        met = [c.met(rounds) for c in mine]
        counts = say(", ").join(say(words, count=met.count(w)) for w, words in MET.items() if w in met)
        if len(mine) == 1:
            counts = say(MET_BY_ONE[met[0]])
        yield where + say('goal "{goal}" by {round}: {counts}.', goal=goal, round=mine[0].by, counts=counts)


def _name(course: Course) -> str:
    if course.goal == WATCHED:
        return say('the watched rule "{rule}"', rule=course.name)
    return say('the goal "{goal}"', goal=course.goal) if course.subject == "all" else called(course.name)


def _short(course: Course) -> float:
    """How far a goal is missed in the end."""
    value = list(course.values.values())[-1]
    low = -float("inf") if course.at_least is None else course.at_least - value
    return max(low, -float("inf") if course.at_most is None else value - course.at_most)
