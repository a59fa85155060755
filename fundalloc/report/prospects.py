"""Prospects: which goals are reached and when, as a finance officer would say it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import groupby

from fundalloc.errors import ConflictError, FundallocError, InputError
from fundalloc.goals import CLOSED, ENTITLED, WATCHED, Course
from fundalloc.outlook import SHOWN, listed

#: of a goal: what one does, what many do, what one and many do not do
VERBS = {
    ENTITLED: (
        "reaches its entitlement",
        "reach their entitlement",
        "does not reach its entitlement",
        "do not reach their entitlement",
    ),
    CLOSED: (
        "closes its account of arrears",
        "close their accounts of arrears",
        "does not close its account of arrears",
        "do not close their accounts of arrears",
    ),
    WATCHED: ("is kept", "are kept", "is not kept", "are not kept"),
}
MET = {"yes": "in time", "no": "not in time", "open": "still open, as the projection ends before"}
#: so many faults of a round are named
FAULTS = 5


def stopped(round_: str, error: FundallocError) -> str:
    """Why a round cannot be decided, with the rules and what would help."""
    if isinstance(error, ConflictError):
        rules = [f'"{name}"' for name in error.rules]
        clash = f"the rules {' and '.join(rules)} clash" if len(rules) > 1 else f"the rule {rules[0]} cannot be kept"
        lead = "This would do:" if len(error.relaxations) == 1 else "Any one of these would do:"
        ways = f" {lead} {' '.join(error.relaxations)}" if error.relaxations else ""
        return f"{round_} cannot be decided: {clash}. {' '.join(error.reason.split())}{ways}"
    if isinstance(error, InputError):
        named = " ".join(str(fault) for fault in error.faults[:FAULTS])
        more = f" And {len(error.faults) - FAULTS} more faults." if len(error.faults) > FAULTS else ""
        return f"{round_} cannot be decided, its figures are faulty: {named}{more}"
    return f"{round_} could not be decided with proof: {' '.join(str(error).split())}"


def prospects(courses: Sequence[Course], rounds: Sequence[str]) -> Iterator[str]:
    """When each goal is reached, by whom, and who does not reach it within the rounds."""
    within = f"within {len(rounds)} round{'s' if len(rounds) != 1 else ''}"
    for (goal, resource), group in groupby(courses, key=lambda c: (c.goal, c.resource)):
        mine = list(group)
        one, many, not_one, not_many = VERBS.get(goal) or _verbs(goal, mine[0].subject)
        where = f"{resource}: " if resource else ""
        for label in rounds:
            there = [_name(c) for c in mine if c.reached_in == label]
            if there:
                first = label == rounds[0]
                who = f"{len(there)} of {len(mine)}" if first and len(mine) > SHOWN else listed(there)
                when = f"from {label} on" if first else f"in {label}"
                yield f"{where}{who} {one if len(there) == 1 else many} {when}."
        lost = [c for c in mine if not c.reached_in and any(c.kept.values())]
        if lost:
            verb = one if len(lost) == 1 else many
            yield f"{where}{listed([_name(c) for c in lost])} {verb} for a time, but not in {rounds[-1]}."
        never = sorted((c for c in mine if not any(c.kept.values())), key=lambda c: -_short(c))
        names = listed([_name(c) for c in never])
        if len(never) == 1:
            yield f"{where}{names} {not_one} {within}."
        elif never:
            yield f"{where}{len(never)} of {len(mine)} {not_many} {within}, furthest first: {names}."
        yield from _dated(goal, where, mine, rounds)


def _verbs(goal: str, subject: str) -> tuple[str, str, str, str]:
    if subject == "all":
        return "is reached", "are reached", "is not reached", "are not reached"
    what = f'the goal "{goal}"'
    return f"reaches {what}", f"reach {what}", f"does not reach {what}", f"do not reach {what}"


def _dated(goal: str, where: str, mine: Sequence[Course], rounds: Sequence[str]) -> Iterator[str]:
    if mine[0].by:
        met = [c.met(rounds) for c in mine]
        counts = ", ".join(f"{met.count(w)} {words}" for w, words in MET.items() if w in met)
        counts = counts.removeprefix("1 ") if len(mine) == 1 else counts
        yield f'{where}goal "{goal}" by {mine[0].by}: {counts}.'


def _name(course: Course) -> str:
    if course.goal == WATCHED:
        return f'the watched rule "{course.name}"'
    return f'the goal "{course.goal}"' if course.subject == "all" else course.name


def _short(course: Course) -> float:
    """How far a goal is missed in the end."""
    value = list(course.values.values())[-1]
    low = -float("inf") if course.at_least is None else course.at_least - value
    return max(low, -float("inf") if course.at_most is None else value - course.at_most)
