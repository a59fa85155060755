"""What rules that compare units with each other have in common: per what, and among whom."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Self

from pydantic import Field, FiniteFloat, model_validator

from fundalloc.language import say
from fundalloc.rules.base import Rule


class Comparison(Rule):
    """A rule that compares the amounts per `of` of regions, or of the groups of a column."""

    of: str | FiniteFloat = Field("head", description="Amounts per what: head | entitlement | amount | any measure.")

    @model_validator(mode="after")
    def _comparable(self) -> Self:
        if self.each == "all":
            raise ValueError(say('each = "all" leaves nothing to compare; write "region" or a group column'))
        if self.of == "share":
            raise ValueError(say('of = "share" is the same for every region; write of = "amount"'))
        return self

    def measures(self) -> Iterator[tuple[str, str | float]]:
        """What amounts are compared per."""
        yield "of", self.of

    def per(self) -> str:
        """Per what, in words, with a space before it where there are any."""
        own = {"head": say(" a head"), "amount": "", "entitlement": say(" per unit of entitlement")}
        return own[str(self.of)] if str(self.of) in own else say(" per ({of})", of=self.of)
