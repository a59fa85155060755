"""What all rules have in common: their name, whom they concern, when they hold, how strict they are."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterable, Iterator
from typing import Annotated, Literal

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, FiniteFloat

from fundalloc.errors import Faults
from fundalloc.flags import Flag
from fundalloc.language import say
from fundalloc.problem import Problem, Resource
from fundalloc.rounds import at, in_force
from fundalloc.rules.curve import Curve
from fundalloc.rules.rows import Rows

Mode = Literal["require", "prefer", "watch"]
NumberByRound = FiniteFloat | dict[str, FiniteFloat]
#: what a rule says of amounts: linear rows, or one convex function
Statement = Rows | Curve


class Rule(BaseModel):
    """A statement on amounts: required, preferred or only watched."""

    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)

    kind: str
    name: str = Field(min_length=1, description="A name of its own: it stands in every explanation.")
    mode: Mode = Field("require", description="require: kept, or no result; prefer: yields; watch: only a flag.")
    resource: str | tuple[str, ...] | None = Field(
        None, description="The resource it speaks of; left out: every resource on its own; a list: added up."
    )
    where: str | FiniteFloat | None = Field(None, description="Expression: which regions it concerns.")
    each: str = Field("region", description='One row for each "region", each value of a group column, or "all".')
    over: Annotated[int, Field(ge=1)] = Field(1, description="Rounds added up: this one and those before it.")
    first: str | None = Field(None, alias="from", description="The first round in which it holds.")
    last: str | None = Field(None, alias="until", description="The last round in which it holds.")
    why: str = Field("", description="The reason, printed with the result.")
    reference: str = Field("", description="The paragraph or publication it comes from.")

    def holds(self, round_: str) -> bool:
        """Whether the rule is in force in a round."""
        return in_force(round_, self.first, self.last)

    @property
    def named(self) -> tuple[str, ...]:
        """The resources that it names; none means each of them on its own."""
        if self.resource is None:
            return ()
        return (self.resource,) if isinstance(self.resource, str) else self.resource

    def concerns(self, resource: Resource) -> bool:
        """Whether the rule speaks of a resource."""
        return not self.named or resource.name in self.named

    def bundles(self, problem: Problem) -> list[tuple[int, ...]]:
        """The resources it speaks of, by number; those in one tuple are added up."""
        mine = tuple(r for r, one in enumerate(problem.resources) if self.concerns(one))
        return [mine] if self.named else [(r,) for r in mine]

    def measures(self) -> Iterator[tuple[str, str | float]]:
        """Its expressions with the fields they stand in, but for `where`."""
        yield from ()

    @abstractmethod
    def states(self, problem: Problem, bundle: tuple[int, ...], faults: Faults, flags: list[Flag]) -> Statement | None:
        """What it says of one resource, or of several added up; None where there is no place for it."""

    @abstractmethod
    def sentence(self, unit: str, round_: str) -> str:
        """The rule in plain words, as a lawyer would compare it with the statute."""

    def step(self, unit: str) -> tuple[float, str]:
        """The step of its number that people think in, and its words; 0 where it has no number."""
        return 0.0, ""

    def who(self) -> str:
        """Whom it speaks of."""
        own = {"region": say("each region"), "all": say("all regions together")}
        who = own.get(self.each) or say("each {group}", group=self.each)
        return who if self.where is None else say("{who} (those where {where})", who=who, where=self.where)

    def summed(self) -> str:
        """The rounds that it adds up, in words; none where it looks at one alone."""
        return say(", added up over {rounds} rounds", rounds=self.over) if self.over > 1 else ""


def numbers(stated: NumberByRound | None) -> Iterable[float]:
    """Every number that is stated for some round."""
    if stated is None:
        return ()
    return stated.values() if isinstance(stated, dict) else (stated,)


def rounds_of(*stated: NumberByRound | None) -> set[str]:
    """The rounds that numbers name; one without a name where none does."""
    return {r for s in stated if isinstance(s, dict) for r in s} or {""}


def number_at(stated: NumberByRound | None, round_: str) -> float | None:
    """The number in a round, None where there is none."""
    return None if stated is None else at(stated, round_)


def nan_if_none(number: float | None) -> float:
    """NaN for a number that is not stated."""
    return np.nan if number is None else number


def statements(rules: tuple[Rule, ...], problem: Problem, faults: Faults, flags: list[Flag]) -> tuple[Statement, ...]:
    """What all rules that are in force say, of every resource that they concern."""
    found: list[Statement] = []
    for rule in rules:
        if not rule.holds(problem.round):
            flags.append(
                Flag(
                    "info",
                    "not_in_force",
                    rule.name,
                    say("Rule {rule} is not in force in {round}.", rule=rule.name, round=problem.round),
                )
            )
            continue
        for bundle in rule.bundles(problem):
            with faults.collect(f"rules.{rule.name}"):
                one = rule.states(problem, bundle, faults, flags)
                if one is not None:
                    found.append(one)
    return tuple(found)
