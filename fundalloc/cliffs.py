"""Cliffs: regions so near a threshold that crossing it would move their amount by more than is stated.

A condition such as `development < quantile(development, 0.4)` decides who takes part, or whom a rule concerns. A region
just above and one just below it are almost the same, and may get very different amounts. Who is near is decided again
as if it stood on the other side.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from fundalloc.decision import decide
from fundalloc.errors import ConflictError, InputError, SolverError
from fundalloc.history import History
from fundalloc.language import say
from fundalloc.policy import Policy, pose
from fundalloc.problem import FloatArray, Problem
from fundalloc.regions import Regions
from fundalloc.rules import Rows, Statement
from fundalloc.thresholds import Case, beside


@dataclass(frozen=True)
class Cliff:
    """A region beside a threshold.

    where: the key of the condition. distance: from the threshold, in standard deviations. inside: whether the condition
    holds. resource: the one whose amount moves most, from `amount` to `beyond` on the other side; None where the rules
    cannot be kept there.
    """

    region: str
    name: str
    where: str
    condition: str
    distance: float
    inside: bool
    resource: str
    unit: str
    amount: float
    beyond: float | None

    @property
    def moved(self) -> float:
        """By what part of itself the amount moves; infinite where there is nothing on this side."""
        if self.beyond is None:
            return np.inf
        return abs(self.beyond - self.amount) / self.amount if self.amount > 0 else np.inf * (self.beyond > 0)


def cliffs(
    policy: Policy,
    regions: Regions,
    history: History,
    problem: Problem,
    amounts: FloatArray,
    *,
    near: float,
    moves: float,
    most: int,
) -> list[Cliff]:
    """The regions near a threshold whose crossing moves their amount by more than `moves` of itself.

    amounts: what is decided, one per cell. near: the distance in standard deviations of what is compared. most: so many
    cases are decided again, the nearest first.
    """
    cases = sorted(beside(policy, problem, near), key=lambda c: (c.distance, c.where, c.region))[:most]
    found = []
    for case in cases:
        one = _beyond(policy, regions, history, problem, amounts, case)
        if one.moved > moves:
            found.append(one)
    return sorted(found, key=lambda c: (c.region, c.where))


def _beyond(
    policy: Policy, regions: Regions, history: History, problem: Problem, amounts: FloatArray, case: Case
) -> Cliff:
    """What a region would get on the other side of a threshold."""
    region, n = problem.regions.ids[case.region], problem.n
    other = _crossed(policy, case, region)
    resources = problem.resources
    held = np.array([amounts[r * n + case.region] for r in range(len(resources))])
    try:
        asked, statements = pose(other, regions, history)
        there = decide(asked, statements).amounts
        moved = np.array([there[r * n + case.region] for r in range(len(resources))])
        with np.errstate(divide="ignore", invalid="ignore"):
            r = int(np.argmax(np.where(moved == held, 0.0, np.abs(moved - held) / held)))
        answer: float | None = float(moved[r])
    except (ConflictError, SolverError, InputError):
        r, answer = 0, None
    return Cliff(
        region,
        problem.regions.names[case.region],
        case.where,
        case.text,
        case.distance,
        case.inside,
        resources[r].name,
        resources[r].unit,
        float(held[r]),
        answer,
    )


def _crossed(policy: Policy, case: Case, region: str) -> Policy:
    """The policy with one region on the other side of a condition."""
    crossed = f'({case.text}) != ({policy.regions.id} == "{region}")'
    kind, _, rest = case.where.partition(".")
    name = rest.removesuffix(".where")
    if kind == "resources":
        section = policy.resources[name].model_copy(update={"where": crossed})
        return policy.model_copy(update={"resources": {**policy.resources, name: section}})
    rules = [r.model_copy(update={"where": crossed}) if r.name == name else r for r in policy.rules]
    return policy.model_copy(update={"rules": tuple(rules)})


def words(found: Sequence[Cliff]) -> Iterator[tuple[Cliff, str]]:
    """Each cliff as a sentence."""
    for one in found:
        beyond = say("the rules could not be kept")
        if one.beyond is not None:
            beyond = say(
                "it would get {beyond:,.2f} {unit} of {resource} instead of {amount:,.2f}",
                beyond=one.beyond,
                unit=one.unit,
                resource=one.resource,
                amount=one.amount,
            )
        sentence = say(
            "{region} meets the condition {condition} by {distance:.3f} standard deviations; on the other side "
            "{beyond}. A ramp (clip) instead of a threshold would take the cliff away."
            if one.inside
            else "{region} just misses the condition {condition} by {distance:.3f} standard deviations; on the other "
            "side {beyond}. A ramp (clip) instead of a threshold would take the cliff away.",
            region=one.name,
            condition=one.condition,
            distance=one.distance,
            beyond=beyond,
        )
        yield one, sentence


def edges(
    statements: Sequence[Statement], problem: Problem, amounts: FloatArray, within: float
) -> Iterator[tuple[str, str, str, float]]:
    """Places just above a floor under which they would get nothing (or_nothing): resource, place, words, distance.

    within: how far above, as a part of the floor.
    """
    for one in statements:
        if not (one.or_nothing and isinstance(one, Rows) and one.mode != "watch"):
            continue
        values = one.values(amounts)
        near = (one.low > 0) & (values >= one.low) & (values <= one.low * (1 + within))
        for k in np.flatnonzero(near).tolist():
            above = values[k] / one.low[k] - 1
            text = say(
                '{place} gets {amount:,.2f} of {resource}, {share:.3g} % above the floor of the rule "{rule}", under '
                "which it would get nothing.",
                place=one.places[k],
                amount=values[k],
                resource=one.resource,
                share=100 * above,
                rule=one.rule,
            )
            yield one.resource, one.places[k], text, float(above)
