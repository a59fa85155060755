"""What all rules have in common: their name, whom they concern, when they hold, how strict they are."""

from __future__ import annotations

from abc import abstractmethod
from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, FiniteFloat, model_validator

from fundalloc.errors import Faults
from fundalloc.flags import Flag
from fundalloc.problem import Problem, Resource
from fundalloc.rounds import in_force
from fundalloc.rules.rows import Rows

Mode = Literal["require", "prefer", "watch"]


class Rule(BaseModel):
    """A statement on amounts: required, preferred or only watched."""

    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)

    kind: str
    name: str = Field(min_length=1, description="A name of its own: it stands in every explanation.")
    mode: Mode = Field("require", description="require: kept, or no result; prefer: yields; watch: only a flag.")
    resource: str | tuple[str, ...] | None = Field(
        None, description="The resource it speaks of; left out: every resource on its own."
    )
    where: str | FiniteFloat | None = Field(None, description="Expression: which regions it concerns.")
    each: str = Field("region", description='One row for each "region", each value of a group column, or "all".')
    over: Annotated[int, Field(ge=1)] = Field(1, description="Rounds added up: this one and those before it.")
    first: str | None = Field(None, alias="from", description="The first round in which it holds.")
    last: str | None = Field(None, alias="until", description="The last round in which it holds.")
    why: str = Field("", description="The reason, printed with the result.")
    reference: str = Field("", description="The paragraph or publication it comes from.")

    @model_validator(mode="after")
    def _one_resource(self) -> Self:
        if isinstance(self.resource, tuple):
            raise ValueError(
                "a list of resources is not available in this version; write one resource, or leave it out"
            )
        return self

    def holds(self, round_: str) -> bool:
        """Whether the rule is in force in a round."""
        return in_force(round_, self.first, self.last)

    def concerns(self, resource: Resource) -> bool:
        """Whether the rule speaks of a resource."""
        return self.resource is None or self.resource == resource.name

    @abstractmethod
    def rows(self, problem: Problem, index: int, faults: Faults, flags: list[Flag]) -> Rows | None:
        """The rows of the rule on one resource; None where there is no place for it."""

    @abstractmethod
    def sentence(self, unit: str, round_: str) -> str:
        """The rule in plain words, as a lawyer would compare it with the statute."""


def rows_of(rules: tuple[Rule, ...], problem: Problem, faults: Faults, flags: list[Flag]) -> tuple[Rows, ...]:
    """The rows of all rules that are in force, on every resource that they concern."""
    found: list[Rows] = []
    for rule in rules:
        if not rule.holds(problem.round):
            flags.append(
                Flag("info", "not_in_force", rule.name, f"Rule {rule.name} is not in force in {problem.round}.")
            )
            continue
        for index, resource in enumerate(problem.resources):
            if rule.concerns(resource):
                with faults.collect(f"rules.{rule.name}"):
                    rows = rule.rows(problem, index, faults, flags)
                    if rows is not None:
                        found.append(rows)
    return tuple(found)
