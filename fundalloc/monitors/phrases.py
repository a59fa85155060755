"""Phrases: figures and remedies as a finance officer reads them."""

from __future__ import annotations

import math

from fundalloc.language import called, say
from fundalloc.monitors.course import Subject
from fundalloc.monitors.figures import Figures
from fundalloc.monitors.remedy import LONG, least_rate, rounds_to


def percent(value: float) -> str:
    """A part as per cent, to three digits."""
    return f"{100 * value:.3g} %" if abs(value) < 9.995 else f"{100 * value:,.0f} %"


def money(value: float, unit: str) -> str:
    """The size of an amount, to four digits at least, with its unit."""
    size = abs(value)
    digits = 0 if size == 0 else min(max(0, 3 - math.floor(math.log10(size))), 12)
    return f"{size:,.{digits}f} {called(unit)}".rstrip()


def in_rounds(count: int | None) -> str:
    """A number of rounds in words; None is more than anybody waits for."""
    if count is None:
        return say("more than {count} rounds", count=LONG)
    return say("1 round") if count == 1 else say("{count} rounds", count=count)


def whom(one: Subject) -> str:
    """The subject inside a sentence."""
    return say("the whole fund") if one.kind == "fund" else one.who


def repair(figures: Figures, s: int) -> str:
    """What would bring the account of a subject back to what one round may miss, and what stands in the way."""
    course, section = figures.course, figures.section
    owed, due, missed = (float(x[-1, s]) for x in (figures.owed, figures.due, figures.missed))
    if not due > 0 or abs(owed) <= section.missing * due:
        return say(
            "Its account is within {share} of one round's entitlement: nothing is left to repay.",
            share=percent(section.missing),
        )
    size = money(owed, course.unit)
    state = (
        say("what it is owed, {amount},", amount=size) if owed > 0 else say("what it is ahead, {amount},", amount=size)
    )
    goal = say("below {share} of one round's entitlement", share=percent(section.missing))
    rate = least_rate(abs(owed) / due, section.missing, section.within)
    if rate is None:
        takes = in_rounds(rounds_to(abs(owed) / due, 1.0, section.missing))
        text = say(
            "no arrears rate brings {state} {goal} in {rounds}; a rate of 1 takes {takes}",
            state=state,
            goal=goal,
            rounds=in_rounds(section.within),
            takes=takes,
        )
    elif course.arrears >= rate:
        takes = in_rounds(rounds_to(abs(owed) / due, course.arrears, section.missing))
        text = say(
            "the arrears rate of {rate:g} brings {state} {goal} in {takes}",
            rate=course.arrears,
            state=state,
            goal=goal,
            takes=takes,
        )
    else:
        now = say("now {rate:g}", rate=course.arrears) if course.arrears else say("now none")
        text = say(
            "an arrears rate of {rate:.2f} ({now}) brings {state} {goal} in {takes}",
            rate=rate,
            now=now,
            state=state,
            goal=goal,
            takes=in_rounds(section.within),
        )
    if abs(missed) > section.missing * due and (missed < 0) == (owed > 0):
        return say(
            "In {round} it received {amount} less than its target: as long as rules hold it there, no arrears rate "
            "restores the balance. Once they yield, {what}."
            if missed < 0
            else "In {round} it received {amount} more than its target: as long as rules hold it there, no arrears "
            "rate restores the balance. Once they yield, {what}.",
            round=course.rounds[-1],
            amount=money(missed, course.unit),
            what=text,
        )
    return say("{what}, if amounts keep to their targets.", what=f"{text[:1].upper()}{text[1:]}")
