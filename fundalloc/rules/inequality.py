"""The rule inequality: a cap on how unequal amounts may be."""

from __future__ import annotations

from typing import Annotated, Any, Literal, Self

import numpy as np
from pydantic import Field, FiniteFloat, model_validator

from fundalloc.errors import Faults
from fundalloc.flags import Flag
from fundalloc.language import say
from fundalloc.problem import Problem
from fundalloc.rules.base import NumberByRound, number_at, numbers
from fundalloc.rules.comparison import Comparison
from fundalloc.rules.curve import Curve
from fundalloc.rules.kinked import Gini, Hoover
from fundalloc.rules.places import Bundle, places
from fundalloc.rules.ratio import Ratio
from fundalloc.rules.smooth import Atkinson, Theil
from fundalloc.rules.spread import Spread

SPREADS: dict[str, type[Spread]] = {"gini": Gini, "hoover": Hoover, "theil": Theil, "ratio": Ratio}
#: measures by which a half-way house between two allowed allocations may be forbidden
NOT_CONVEX = ("p90p10", "p90/p10", "palma", "p80p20", "variance_of_logs", "interquartile")


class Inequality(Comparison):
    """measure of the amounts per `of` <= at_most, among the regions, or among the groups of a column.

    A unit counts as often as its `of` (people, usually). gini, hoover: 0 = all alike, towards 1 = one has all;
    ratio: the best-off as a multiple of the worst-off; theil: the index T; atkinson: the share that could be
    saved if all had alike, with an aversion above 0.
    """

    kind: Literal["inequality"]
    measure: Literal["gini", "ratio", "hoover", "theil", "atkinson"] = Field(description="What is measured.")
    at_most: NumberByRound = Field(description="The greatest value that is allowed.")
    aversion: Annotated[FiniteFloat, Field(gt=0, le=20)] = Field(
        0.5, description="For atkinson: aversion to inequality."
    )

    @model_validator(mode="before")
    @classmethod
    def _convex(cls, raw: Any) -> Any:
        if not isinstance(raw, dict):
            return raw
        if "at_least" in raw:
            raise ValueError(
                say(
                    "at_least is not possible: of two allocations that are unequal enough, the one half-way "
                    "between them may not be, so no allocation could be proven to be the best; write at_most"
                )
            )
        if str(raw.get("measure", "")).casefold() in NOT_CONVEX:
            raise ValueError(
                say(
                    'measure "{code_measure}" is not possible: of two allocations that keep such a bound, the '
                    "one half-way between them may not, so no allocation could be proven to be the best; "
                    "write gini, ratio, hoover, theil or atkinson",
                    code_measure=raw["measure"],
                )
            )
        return raw

    @model_validator(mode="after")
    def _bound(self) -> Self:
        for number in numbers(self.at_most):
            if self.measure == "ratio" and number <= 1:
                raise ValueError(
                    say(
                        "at_most = {code_number:g} leaves no room: a ratio is at least 1; write more than 1",
                        code_number=number,
                    )
                )
            if number <= 0:
                raise ValueError(
                    say(
                        "at_most = {code_number:g} leaves no room: it asks for exactly alike amounts; write more "
                        "than 0",
                        code_number=number,
                    )
                )
        return self

    def states(self, problem: Problem, bundle: tuple[int, ...], faults: Faults, flags: list[Flag]) -> Curve | None:
        """One curve among all units that take part and have a basis above 0."""
        at_most = number_at(self.at_most, problem.round)
        added = Bundle(problem, bundle)
        found = places(self, self.of, added, faults, flags, added.takes_part)
        if found is None or at_most is None:
            return None
        units = np.flatnonzero(found.basis > 0)
        if not len(units):
            flags.append(
                Flag(
                    "warning",
                    "no_place",
                    self.name,
                    say("Rule {rule} meets no region of {resource}.", rule=self.name, resource=added.name),
                    added.name,
                )
            )
            return None
        spread = Atkinson(aversion=self.aversion) if self.measure == "atkinson" else SPREADS[self.measure]()
        return Curve(
            self.name,
            self.kind,
            self.mode,
            added.name,
            self.each,
            spread,
            found.matrix[units],
            found.basis[units],
            found.paid[units],
            at_most,
            (np.nan, at_most),
        )

    def step(self, unit: str) -> tuple[float, str]:
        """A hundredth; a tenth of a ratio."""
        return (0.1, "0.1") if self.measure == "ratio" else (0.01, "0.01")

    def sentence(self, unit: str, round_: str) -> str:
        """The cap in plain words."""
        at_most = number_at(self.at_most, round_)
        name = {
            "gini": say("the Gini coefficient"),
            "ratio": say("the ratio of the best-off to the worst-off"),
            "hoover": say("the Hoover index"),
            "theil": say("the Theil index"),
            "atkinson": say("the Atkinson index (aversion {aversion:g})", aversion=self.aversion),
        }[self.measure]
        who = say("regions") if self.each == "region" else say("values of {group}", group=self.each)
        among = say("{who} (those where {where})", who=who, where=self.where) if self.where is not None else who
        bound = say("not bounded yet") if at_most is None else say("at most {amount}", amount=f"{at_most:.10g}")
        sentence = say(
            "{index} of the amounts{per} among {who} is {bound}", index=name, per=self.per(), who=among, bound=bound
        )
        return f"{sentence}{self.summed()}"
