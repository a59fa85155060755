"""The rule progressive: never less for those who have less."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

import numpy as np
from pydantic import Field

from fundalloc.errors import Faults
from fundalloc.expressions import Expression
from fundalloc.flags import Flag
from fundalloc.language import say
from fundalloc.problem import FloatArray, Problem
from fundalloc.rules.comparison import Comparison
from fundalloc.rules.curve import Curve
from fundalloc.rules.kinked import Order
from fundalloc.rules.places import Bundle, places

#: values of `by` are compared to so many digits
DIGITS = 12


class Progressive(Comparison):
    """A unit with a lower `by` gets at least as much per `of` as one with a higher `by`.

    Between equal values there is no order. A group has the mean of its regions' values, weighted by `of`.
    """

    kind: Literal["progressive"]
    by: str = Field(description="Expression: those with the lower value must not get less (development, for example).")

    def measures(self) -> Iterator[tuple[str, str | float]]:
        """What orders, and what amounts are compared per."""
        yield "by", self.by
        yield from super().measures()

    def states(self, problem: Problem, bundle: tuple[int, ...], faults: Faults, flags: list[Flag]) -> Curve | None:
        """One curve: the order of all units that take part and have a basis above 0."""
        added = Bundle(problem, bundle)
        known = len(faults.found)
        by = added.scope.finite(Expression(self.by, f"rules.{self.name}.by"), faults)
        found = places(self, self.of, added, faults, flags, added.takes_part)
        if found is None or len(faults.found) > known:
            return None
        units = np.flatnonzero(found.basis > 0)
        if len(units) < 2:
            flags.append(
                Flag(
                    "warning",
                    "no_place",
                    self.name,
                    say(
                        "Rule {rule} has fewer than two regions of {resource} to put in order.",
                        rule=self.name,
                        resource=added.name,
                    ),
                    added.name,
                )
            )
            return None
        members = found.regions[units]
        weight = np.maximum(added.scope.regions.population, 0) if added.scope.regions.population is not None else 1.0
        weighted = members @ np.broadcast_to(weight, by.shape)
        plain = members @ np.ones(len(by))
        value = np.where(
            weighted > 0, members @ (by * weight) / np.where(weighted > 0, weighted, 1.0), members @ by / plain
        )
        return Curve(
            self.name,
            self.kind,
            self.mode,
            added.name,
            self.each,
            Order(np.unique(_rounded(value), return_inverse=True)[1].astype(np.int64)),
            found.matrix[units],
            found.basis[units],
            found.paid[units],
            0.0,
            (np.nan, np.nan),
        )

    def sentence(self, unit: str, round_: str) -> str:
        """The order in plain words."""
        sentence = say(
            "{who} gets at least as much{per} as any with a higher {by}", who=self.who(), per=self.per(), by=self.by
        )
        return f"{sentence}{self.summed()}"


def _rounded(values: FloatArray) -> FloatArray:
    """Values without the last digits, so that equal ones are equal."""
    with np.errstate(divide="ignore"):
        scale = 10.0 ** (np.floor(np.log10(np.abs(values))) - DIGITS + 1)
    return np.where(values == 0, 0.0, np.rint(values / np.where(scale > 0, scale, 1.0)) * scale)
