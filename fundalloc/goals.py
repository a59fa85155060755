"""Goals: what is to be reached in rounds to come, and how far each of them is, round after round."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Self

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, FiniteFloat, model_validator

from fundalloc.errors import Fault, Faults, InputError, did_you_mean
from fundalloc.expressions import Expression
from fundalloc.language import called, say
from fundalloc.problem import BoolArray, FloatArray, Problem, Resource
from fundalloc.rounds import in_order
from fundalloc.scope import Scope

#: goals that every projection has
ENTITLED, WATCHED, CLOSED = "reaches its entitlement", "watched rule is kept", "account of arrears is closed"
#: what a goal may speak of beside the names of measures
AMOUNTS = ("amount", "target", "coverage", "arrears")
#: an account is closed if no more than lots can leave it there, to this part of a lot
NEAR = 0.01


class Goal(BaseModel):
    """A measure that is to reach a bound, by a date if one is stated."""

    model_config = ConfigDict(extra="forbid", frozen=True, coerce_numbers_to_str=True)
    name: str = Field(min_length=1, description="A name of its own: it stands in every report.")
    measure: str = Field(
        description="Expression; it may also use amount, entitlement, target, coverage and arrears of the resource."
    )
    resource: str | None = Field(None, description="The resource whose amounts it uses; left out: the only one.")
    each: str = Field("region", description='For each "region", each value of a group column, or "all".')
    where: str | None = Field(None, description="Expression: which regions it concerns.")
    at_least: FiniteFloat | None = Field(None, description="The measure is to be at least this.")
    at_most: FiniteFloat | None = Field(None, description="The measure is to be at most this.")
    by: str = Field("", description="The round by which it is to be reached; left out: the last one projected.")
    through: tuple[str, ...] = Field((), description="Names of the rules that work towards it.")

    @model_validator(mode="after")
    def _one_bound(self) -> Self:
        if (self.at_least is None) == (self.at_most is None):
            raise ValueError(say("needs either at_least or at_most; write one of them"))
        return self

    @property
    def sentence(self) -> str:
        """The goal in plain words."""
        own = {"region": say("each region"), "all": say("all regions together")}
        who = own.get(self.each) or say("each {group}", group=self.each)
        who = who if self.where is None else say("{who} (those where {where})", who=who, where=self.where)
        bound = say("at least {amount}", amount=f"{self.at_least:g}") if self.at_least is not None else ""
        bound = bound or say("at most {amount}", amount=f"{self.at_most:g}")
        about = say(" of {resource}", resource=self.resource) if self.resource else ""
        date = say(" by {round}", round=self.by) if self.by else ""
        ways = say(", through {rules}", rules=say(", ").join(map(called, self.through))) if self.through else ""
        return say(
            "for {who} {measure}{about} is {bound}{date}{ways}",
            who=who,
            measure=self.measure,
            about=about,
            bound=bound,
            date=date,
            ways=ways,
        )

    def keeps(self, value: float) -> bool:
        """Whether a value is on the right side of the bound."""
        return value >= self.at_least if self.at_least is not None else value <= float(self.at_most or 0.0)


@dataclass(eq=False)
class Course:
    """One goal for one subject, round after round.

    subject: a region, a group, a rule or all; name: its name. values: by round; kept: whether it was reached there.
    """

    goal: str
    subject: str
    name: str
    resource: str
    measure: str
    at_least: float | None
    at_most: float | None
    by: str = ""
    through: tuple[str, ...] = ()
    values: dict[str, float] = field(default_factory=dict)
    kept: dict[str, bool] = field(default_factory=dict)

    @property
    def reached_in(self) -> str:
        """The round from which on it is kept to the end; empty where there is none."""
        rounds = list(self.kept)
        count = 0
        while count < len(rounds) and self.kept[rounds[-1 - count]]:
            count += 1
        return rounds[-count] if count else ""

    def met(self, rounds: Sequence[str]) -> str:
        """yes, no, or open where the date lies behind the rounds; a date before them is judged in the first one."""
        order = in_order([*rounds, self.by]) if self.by else (*rounds,)
        due = order.index(self.by) if self.by else len(order) - 1
        if self.reached_in and order.index(self.reached_in) <= max(due, order.index(rounds[0])):
            return "yes"
        return "open" if self.by and due > order.index(rounds[-1]) else "no"


class Courses:
    """How all goals fare, round after round. goals: those of the policy, beside the three that always hold."""

    def __init__(self, goals: Sequence[Goal], arrears: Mapping[str, float]) -> None:
        self._goals, self._arrears = goals, arrears
        self._found: dict[tuple[str, str, str], Course] = {}

    @property
    def all(self) -> tuple[Course, ...]:
        """The courses, goal by goal."""
        names = [ENTITLED, WATCHED, CLOSED, *(g.name for g in self._goals)]
        return tuple(sorted(self._found.values(), key=lambda c: (names.index(c.goal), c.resource, c.subject)))

    def check(self, problem: Problem) -> None:
        """Raises InputError for every goal that cannot be computed from the data of a round."""
        faults = Faults()
        for goal in self._goals:
            key = f"plan.goals.{goal.name}"
            with faults.collect():
                scope = _scope(goal, problem, np.zeros(problem.cells))
                texts = [("measure", goal.measure), *([("where", goal.where)] if goal.where is not None else [])]
                scope.check([Expression(text, f"{key}.{name}") for name, text in texts])
                known = ("region", "all", *problem.regions.groups)
                if goal.each not in known:
                    text = say(
                        "is neither region, all nor a group column. {code_hint}",
                        code_hint=did_you_mean(goal.each, known),
                    )
                    faults.add(text, key=f"{key}.each", value=goal.each)
        faults.check()

    def note(self, problem: Problem, amounts: FloatArray, watched: Mapping[tuple[str, str], int]) -> None:
        """Takes down one round. amounts: one per cell. watched: by rule and resource the places where it is missed."""
        regions = problem.regions
        for r, one in enumerate(problem.resources):
            x = amounts[problem.block(r)]
            with np.errstate(divide="ignore", invalid="ignore"):
                coverage = x / one.entitlement
            unpaid = unpaid_after(one, x)
            share = self._arrears.get(one.name, 0.0)
            for i in np.flatnonzero(one.entitlement > 0).tolist():
                near = bool(one.entitlement[i] - x[i] < float(one.lot))
                about = Course(ENTITLED, regions.ids[i], regions.names[i], one.name, "coverage", 1.0, None)
                self._put(about, problem.round, float(coverage[i]), near)
                if share:
                    most = float(one.lot) / share
                    about = Course(CLOSED, regions.ids[i], regions.names[i], one.name, "arrears", -most, most)
                    self._put(
                        about, problem.round, float(unpaid[i]), bool(abs(unpaid[i]) <= most + NEAR * float(one.lot))
                    )
        for (rule, resource), count in watched.items():
            about = Course(WATCHED, rule, rule, resource, "places where it is missed", None, 0.0)
            self._put(about, problem.round, float(count), count == 0)
        for goal in self._goals:
            for subject, name, value in _readings(goal, problem, amounts):
                bounds = goal.at_least, goal.at_most, goal.by, goal.through
                about = Course(goal.name, subject, name, _resource(goal, problem), goal.measure, *bounds)
                self._put(about, problem.round, value, goal.keeps(value))

    def _put(self, about: Course, round_: str, value: float, kept: bool) -> None:
        one = self._found.setdefault((about.goal, about.resource, about.subject), about)
        one.values[round_], one.kept[round_] = value, kept


def unpaid_after(one: Resource, amounts: FloatArray) -> FloatArray:
    """What is unpaid after a round: the account before it, and what the round itself leaves."""
    return one.entitlement - amounts + (0.0 if one.arrears_before is None else one.arrears_before)


def _resource(goal: Goal, problem: Problem) -> str:
    return problem.resources[0].name if goal.resource is None and len(problem.resources) == 1 else goal.resource or ""


def _scope(goal: Goal, problem: Problem, amounts: FloatArray) -> Scope:
    """What a goal can see: with a resource, those who take part in it and its amounts; else all regions."""
    key, wanted = f"plan.goals.{goal.name}", _resource(goal, problem)
    for r, one in enumerate(problem.resources):
        if one.name == wanted:
            x = amounts[problem.block(r)]
            with np.errstate(divide="ignore", invalid="ignore"):
                coverage = np.where(one.entitlement > 0, x / one.entitlement, np.nan)
            given = {"amount": x, "target": one.target, "coverage": coverage, "arrears": unpaid_after(one, x)}
            own = {*one.scope.regions.columns, *one.scope.definitions} & set(AMOUNTS)
            for name in sorted(own & _names(goal)):
                text = say('"{code_name}" is the name of a column or measure already.', code_name=name)
                raise InputError([Fault(text, say("Give that another name."), key=key, value=goal.measure)])
            return one.scope.giving(**given)
    names = [one.name for one in problem.resources]
    if wanted:
        raise InputError(
            [
                Fault(
                    say("is no resource. {code_hint}", code_hint=did_you_mean(wanted, names)),
                    key=f"{key}.resource",
                    value=wanted,
                )
            ]
        )
    if _names(goal) & {*AMOUNTS, "entitlement", "previous"}:
        text = say("speaks of amounts, but not of which resource.")
        raise InputError(
            [
                Fault(
                    text,
                    say("Write resource, one of {code_list}.", code_list=", ".join(names)),
                    key=key,
                    value=goal.measure,
                )
            ]
        )
    scope = problem.resources[0].scope
    return scope.full or scope


def _names(goal: Goal) -> frozenset[str]:
    """The names that a goal uses."""
    key = f"plan.goals.{goal.name}"
    where = Expression(goal.where, f"{key}.where").names if goal.where is not None else frozenset()
    return Expression(goal.measure, f"{key}.measure").names | where


def _readings(goal: Goal, problem: Problem, amounts: FloatArray) -> Iterator[tuple[str, str, float]]:
    """The value of a goal for each of its subjects: id, name, value; those without a finite value are left out."""
    scope, key, regions = _scope(goal, problem, amounts), f"plan.goals.{goal.name}", problem.regions
    part = scope.part
    if goal.where is not None:
        part = part & (Expression(goal.where, f"{key}.where").evaluate(scope) != 0)
    measure = Expression(goal.measure, f"{key}.measure")
    if goal.each == "region":
        values = measure.evaluate(scope.among(part))
        for i in np.flatnonzero(part & np.isfinite(values)).tolist():
            yield regions.ids[i], regions.names[i], float(values[i])
        return
    for label, mine in _places(goal, problem, part):
        values = measure.evaluate(scope.among(mine))[mine]
        if np.isfinite(values).all() and len(values):
            if values.min() != values.max():
                text = say("has a value of its own for every region, but each is {code_each}.", code_each=goal.each)
                raise InputError(
                    [
                        Fault(
                            text,
                            say('Write for example "sum({code_measure})".', code_measure=goal.measure),
                            key=measure.key,
                        )
                    ]
                )
            yield label, label, float(values[0])


def _places(goal: Goal, problem: Problem, part: BoolArray) -> list[tuple[str, BoolArray]]:
    if goal.each == "all":
        return [("all", part)]
    labels = problem.regions.groups[goal.each].astype(str)
    return [(label, part & (labels == label)) for label in sorted(set(labels[part].tolist()))]
