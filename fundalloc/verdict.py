"""The verdict of a verification: what is proven, what is not, and how it was checked."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from fundalloc.differences import AGREE
from fundalloc.grounds import Grounded
from fundalloc.language import called, phrase, say
from fundalloc.proving import Proven
from fundalloc.system import System

#: what the tables and the rules prove whatever the objective
FOLLOWS = phrase(
    "Proven: the amounts follow from the inputs and the policy by the steps shown, are whole lots, add up to what is "
    "shared out and keep every required rule"
)
#: what prices prove of objectives with values
TOTAL = phrase(
    "{proven}; before rounding no others that keep the rules have a greater total value ({code}), to {near:.1e} of it."
)
UTILITIES = phrase(
    "{proven}; before rounding no others that keep the rules have a greater sum of utilities ({code}), to {near:.1e} "
    "of all weights."
)
NUMBERS = phrase(
    "Stored numbers are taken as exact; they agree with what the inputs give to {agree:g} of themselves. "
    "No solver was used."
)


@dataclass(frozen=True)
class Verdict:
    """What was verified.

    sentences: what is proven, what is not, and how it was checked. gap: how far the amounts before rounding may be from
    the optimum, relative to the distance that it minimises; None where nothing is claimed. cells: how many amounts.
    """

    sentences: tuple[str, ...]
    gap: float | None
    cells: int


def proves(objective: str, proven: Proven, choices: Grounded) -> str:
    """What is proven of amounts, and of the choices that go before them."""
    said = _optimal(objective, proven)
    if choices.least:
        said += say(
            " What preferred rules concede ({rules}) is the least beside the rules that go before them, to {near:.1e} "
            "of what is shared out.",
            rules=say(", ").join(map(called, choices.least)),
            near=choices.near,
        )
    if choices.left_out:
        said += say(" Whom or_nothing leaves out follows place by place, exactly, in fractions.")
    return said


def _optimal(objective: str, proven: Proven) -> str:
    """What is proven of amounts."""
    follows, near = say(FOLLOWS), proven.gap
    if proven.settled is not None and proven.settled == proven.levels:
        return say(
            "{proven}; before rounding no region can be raised without lowering one that is no better off (leximin), "
            "to a millionth of each level.",
            proven=follows,
        )
    if proven.settled is not None:
        return say(
            "{proven}; before rounding {count} of {all} coverages can only be raised by lowering one that is no higher "
            "(leximin), to a millionth of each. Not proven: that the others are as high as they can be then.",
            proven=follows,
            count=proven.settled,
            all=proven.levels,
        )
    if proven.value is not None:
        greatest = TOTAL if objective == "benefit" else UTILITIES
        return say(greatest, proven=follows, near=proven.value, code=objective)
    if near is None:
        return say("{proven}. Not proven: that no others are better for {code}.", proven=follows, code=objective)
    how = say("exactly, in fractions") if near == 0 else say("to {near:.1e} of the distance", near=near)
    return say(
        "{proven}; before rounding they are the optimum of {code} {how}.",
        proven=follows,
        code=objective,
        how=how,
    )


def numbers() -> str:
    """How far stored numbers are taken as they are."""
    return say(NUMBERS, agree=AGREE)


def leaves(
    system: System,
    choices: Grounded,
    untold: Sequence[str],
    proven: Proven,
    accounting: str,
    priced: bool,
    looked: bool,
) -> str:
    """What is not proven. untold: curves whose rows in the program cannot be compared with them."""
    parts = {
        phrase("that the published inputs are true"): True,
        phrase("that preferred rules had to yield as far as they did"): bool(choices.unproven) and not choices.least,
        phrase("that the preferred rules {yielding} had to yield as far as they did"): bool(
            choices.unproven and choices.least
        ),
        phrase("that or_nothing had to leave out whom it leaves out"): choices.left_out is False,
        phrase("that regions without a target had to be left a part"): bool(
            (system.shares & ~system.problem.wants).any()
        ),
        phrase("that the rules {rules} are as strict as their rows in the program"): bool(untold),
        phrase("that what the objective leaves open is divided by nearest"): proven.gap is None and proven.anything,
        phrase("that no whole lots keep all limits exactly"): not all(system.whole),
        phrase("how much of the distance each rule accounts for"): accounting in ("shapley", "order"),
        phrase("the prices of rules in summary.json, which take the solver"): priced,
        phrase("why amounts changed and what watched rules would take, for the same reason"): looked,
    }
    rules, yielding = (say(", ").join(map(called, names)) for names in (untold, choices.unproven))
    said = (say(text, rules=rules, yielding=yielding) for text, holds in parts.items() if holds)
    return say("Not proven: {parts}.", parts=say("; ").join(said))
