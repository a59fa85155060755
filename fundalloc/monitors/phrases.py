"""Phrases: figures and remedies as a finance officer reads them."""

from __future__ import annotations

import math

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
    return f"{size:,.{digits}f} {unit}".rstrip()


def in_rounds(count: int | None) -> str:
    """A number of rounds in words; None is more than anybody waits for."""
    if count is None:
        return f"more than {LONG} rounds"
    return "1 round" if count == 1 else f"{count} rounds"


def whom(one: Subject) -> str:
    """The subject inside a sentence."""
    return "the whole fund" if one.kind == "fund" else one.who


def repair(figures: Figures, s: int) -> str:
    """What would bring the account of a subject back to what one round may miss, and what stands in the way."""
    course, section = figures.course, figures.section
    owed, due, missed = (float(x[-1, s]) for x in (figures.owed, figures.due, figures.missed))
    if not due > 0 or abs(owed) <= section.missing * due:
        return f"Its account is within {percent(section.missing)} of one round's entitlement: nothing is left to repay."
    state = f"what it is {'owed' if owed > 0 else 'ahead'}, {money(owed, course.unit)},"
    goal = f"below {percent(section.missing)} of one round's entitlement"
    rate = least_rate(abs(owed) / due, section.missing, section.within)
    if rate is None:
        takes = in_rounds(rounds_to(abs(owed) / due, 1.0, section.missing))
        text = f"no arrears rate brings {state} {goal} in {in_rounds(section.within)}; a rate of 1 takes {takes}"
    elif course.arrears >= rate:
        takes = in_rounds(rounds_to(abs(owed) / due, course.arrears, section.missing))
        text = f"the arrears rate of {course.arrears:g} brings {state} {goal} in {takes}"
    else:
        takes, now = in_rounds(section.within), f"now {course.arrears:g}" if course.arrears else "now none"
        text = f"an arrears rate of {rate:.2f} ({now}) brings {state} {goal} in {takes}"
    if abs(missed) > section.missing * due and (missed < 0) == (owed > 0):
        return (
            f"In {course.rounds[-1]} it received {money(missed, course.unit)} {'less' if missed < 0 else 'more'} than "
            "its target: as long as rules hold it there, no arrears rate restores the balance. Once they yield, "
            f"{text}."
        )
    return f"{text[:1].upper()}{text[1:]}, if amounts keep to their targets."
