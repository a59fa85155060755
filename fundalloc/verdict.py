"""The verdict of a verification: what is proven, what is not, and how it was checked."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from fundalloc.differences import AGREE
from fundalloc.problem import BoolArray, FloatArray
from fundalloc.system import System

#: what the tables and the rules prove whatever the objective
FOLLOWS = (
    "Proven: the amounts follow from the inputs and the policy by the steps shown, are whole lots, add up to what is "
    "shared out and keep every required rule"
)
NUMBERS = (
    f"Stored numbers are taken as exact; they agree with what the inputs give to {AGREE:g} of themselves. "
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


def proves(objective: str, near: float | None, levelled: bool) -> str:
    """What is proven of amounts.

    near: the gap, None where there is none. levelled: whether the levels of leximin are proven.
    """
    if levelled:
        return (
            f"{FOLLOWS}; before rounding no region can be raised without lowering one that is no better off (leximin), "
            "to a millionth of each level."
        )
    if near is None:
        return f"{FOLLOWS}. Not proven: that no others are better for {objective}."
    how = "exactly, in fractions" if near == 0 else f"to {near:.1e} of the distance"
    return f"{FOLLOWS}; before rounding they are the optimum of {objective} {how}."


def leaves(
    system: System,
    concessions: Mapping[tuple[str, str], FloatArray],
    out: BoolArray,
    untold: Sequence[str],
    levelled: bool,
    accounting: str,
    priced: bool,
    looked: bool,
) -> str:
    """What is not proven. untold: curves whose rows in the program cannot be compared with them."""
    parts = {
        "that the published inputs are true": True,
        "that preferred rules had to yield as far as they did": bool(concessions),
        "that or_nothing had to leave out whom it leaves out": bool(out.any()),
        "that regions without a target had to be left a part": bool((system.shares & ~system.problem.wants).any()),
        f"that the rules {', '.join(untold)} are as strict as their rows in the program": bool(untold),
        "that what the levels leave open is divided by nearest": levelled,
        "that no whole lots keep all limits exactly": not system.whole,
        "how much of the distance each rule accounts for": accounting in ("shapley", "order"),
        "the prices of rules in summary.json, which take the solver": priced,
        "why amounts changed and what watched rules would take, for the same reason": looked,
    }
    return f"Not proven: {'; '.join(text for text, holds in parts.items() if holds)}."
