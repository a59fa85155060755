"""The rule limit: floors, caps, shares, hold harmless, pace of change, quotas of groups."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal, Self

import numpy as np
from pydantic import Field, FiniteFloat, model_validator

from fundalloc.errors import Faults
from fundalloc.flags import Flag
from fundalloc.language import called, listed, say
from fundalloc.problem import Problem
from fundalloc.rules.base import NumberByRound, Rule, nan_if_none, number_at, rounds_of
from fundalloc.rules.places import Bundle, places
from fundalloc.rules.rows import Rows


class Limit(Rule):
    """floor * of <= amount <= cap * of, for each region, each group, or all together.

    Both sides are added up over the place, and over the rounds where `over` is above 1. With
    or_nothing a place that would stay below its floor gets nothing instead.
    """

    kind: Literal["limit"]
    of: str | FiniteFloat = Field("amount", description="amount | share | head | entitlement | previous | any measure.")
    floor: NumberByRound | None = Field(None, description="Least amount, as a multiple of `of`.")
    cap: NumberByRound | None = Field(None, description="Greatest amount, as a multiple of `of`.")
    or_nothing: bool = Field(
        False,
        description="Decide without the floor; while a place is below it, the one furthest below gets nothing, and "
        "the rest is decided again.",
    )

    @model_validator(mode="after")
    def _bounds(self) -> Self:
        if self.floor is None and self.cap is None:
            raise ValueError(say("has neither a floor nor a cap; write at least one of them"))
        if self.or_nothing and (self.floor is None or self.cap is not None):
            raise ValueError(
                say("or_nothing is about a floor alone; write the floor, and the cap as a rule of its own")
            )
        if self.or_nothing and self.mode != "require":
            raise ValueError(
                say('or_nothing decides who gets nothing, so mode = "{code_mode}" is not possible', code_mode=self.mode)
            )
        if self.or_nothing and self.over > 1:
            raise ValueError(say("or_nothing is about one round; leave over out"))
        for round_ in rounds_of(self.floor, self.cap):
            floor, cap = self.bounds(round_)
            if floor is not None and cap is not None and floor > cap:
                raise ValueError(
                    say(
                        "floor {code_floor:g} is above cap {code_cap:g}; exchange them or change one",
                        code_floor=floor,
                        code_cap=cap,
                    )
                )
        return self

    def bounds(self, round_: str) -> tuple[float | None, float | None]:
        """Floor and cap in a round, None where there is none."""
        return number_at(self.floor, round_), number_at(self.cap, round_)

    def measures(self) -> Iterator[tuple[str, str | float]]:
        """What its bounds are multiples of."""
        yield "of", self.of

    def states(self, problem: Problem, bundle: tuple[int, ...], faults: Faults, flags: list[Flag]) -> Rows | None:
        """One row for each place."""
        added = Bundle(problem, bundle)
        found = places(self, self.of, added, faults, flags)
        if found is None:
            return None
        floor, cap = self.bounds(problem.round)
        nothing = np.full(len(found.labels), np.inf)
        return Rows(
            self.name,
            self.kind,
            self.mode,
            added.name,
            self.each,
            found.labels,
            found.matrix,
            -nothing if floor is None else floor * found.basis - found.paid,
            nothing if cap is None else cap * found.basis - found.paid,
            found.basis,
            stated=(nan_if_none(floor), nan_if_none(cap)),
            or_nothing=self.or_nothing,
        )

    def step(self, unit: str) -> tuple[float, str]:
        """One unit, or one percentage point."""
        unit = unit or "unit"
        match self.of:
            case "share":
                return 0.01, say("one percentage point of what is shared out")
            case "entitlement":
                return 0.01, say("one percentage point of the entitlement")
            case "previous":
                return 0.01, say("one percentage point of last round's amount")
            case "head":
                return 1.0, say("one {unit} a head", unit=unit)
            case "amount":
                return 1.0, say("one {unit}", unit=unit)
        return 0.01, say("0.01 x ({of})", of=self.of)

    def sentence(self, unit: str, round_: str) -> str:
        """The limit in plain words."""
        floor, cap = self.bounds(round_)
        bounds = []
        if floor is not None:
            bounds.append(say("at least {amount}", amount=_words(floor, str(self.of), unit)))
        if cap is not None:
            bounds.append(say("at most {amount}", amount=_words(cap, str(self.of), unit)))
        sentence = say(
            "{who} get {bounds}" if self.each == "all" else "{who} gets {bounds}",
            who=self.who(),
            bounds=listed(bounds),
        )
        return f"{sentence}{self.summed()}{say(', or nothing') if self.or_nothing else ''}"


def _words(number: float, of: str, unit: str) -> str:
    amount = f"{number:,.10g} {called(unit)}".rstrip()
    share = f"{100 * number:.10g} %"
    match of:
        case "amount":
            return amount
        case "head":
            return say("{amount} a head", amount=amount)
        case "share":
            return say("{share} of what is shared out", share=share if number <= 1 else f"{number:.10g}")
        case "entitlement":
            return say("{share} of its entitlement", share=share)
        case "previous":
            return say("{share} of what it got in the last round", share=share)
    return say("{amount} x ({of})", amount=amount, of=of)
