"""Objectives: which of the allocations that keep the rules is chosen."""

from __future__ import annotations

from typing import Annotated

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, FiniteFloat

from fundalloc.language import phrase, say
from fundalloc.problem import FloatArray, ObjectiveKind, Problem

#: to what part of itself an optimum is proven; levels, `benefit` and the utility of regions beside convex rules
OPTIMAL, LEVELS, BENEFIT, UTILITY = 1e-11, 1e-8, 1e-6, 1e-10
#: what each objective promises, for people who read a policy
WORDS = {
    "nearest": phrase("amounts stay in proportion to the targets except where a rule forbids it"),
    "leximin": phrase("the lowest coverage is as high as the rules allow, then the next lowest, and so on"),
    "alpha_fair": phrase(
        "nobody can gain without others losing more, each gain and loss weighed against what that region has "
        "(alpha = {alpha:g}; the higher, the more the worse off count)"
    ),
    "benefit": phrase("the total value is as great as the rules allow; among equals, amounts stay near the targets"),
}


class Objective(BaseModel):
    """Which of the allocations that keep the rules is chosen: one alone, which gives equals the same before rounding.

    By itself only `nearest` tells of every amount. What the others leave open is decided by `nearest` too: amounts of
    the same total value (benefit), resources that nobody values and other ways to the same coverages (leximin and
    alpha_fair with values). benefit beside theil or atkinson is known to 1e-6 of its total, so amounts are known no
    better. With values, leximin and alpha_fair give to regions whose targets are worth nothing to them their own
    floors, and else only what no other region may take.

    nearest: the least sum over resources of (1 / shared out) * sum of (amount - target)^2 / target. Amounts stay in
    proportion to the targets except where a rule forbids it.
    leximin: no region can be raised without lowering one that is no better off: the lowest coverage (amount /
    target) is as high as can be, then the next lowest. With `value` under the resources a region's coverage is the
    worth of its amounts by that of its targets; amounts are then by `nearest`. Where only regions and nested groups
    are limited and no values are stated it is the same as `nearest`.
    alpha_fair: the greatest sum of weight * coverage^(1 - alpha) / (1 - alpha), for alpha = 1 weight * log(coverage);
    the weight is the region's share of what is shared out. For alpha = 1 (proportional fairness, Nash welfare) no
    other allocation has a positive weighted sum of relative gains, and with values and no rules it is the equilibrium
    of a Fisher market whose budgets are the weights. Changing the unit of a resource, or of one region's values,
    changes nothing.
    benefit: the greatest sum of value * amount; among equals the one by `nearest`.
    Source: Mo and Walrand (2000), Fair end-to-end window-based congestion control; Eisenberg and Gale (1959).
    """

    model_config = ConfigDict(extra="forbid", frozen=True)
    kind: ObjectiveKind = "nearest"
    alpha: Annotated[FiniteFloat, Field(ge=0.5, le=4)] | None = Field(
        None, description="alpha_fair only, from 0.5 to 4; 1 where it is left out. The higher, the more equal."
    )

    @property
    def aversion(self) -> float:
        """alpha, 1 where it is left out."""
        return 1.0 if self.alpha is None else self.alpha

    @property
    def sentence(self) -> str:
        """The objective in plain words."""
        return say("{code}: {words}", code=self.kind, words=say(WORDS[self.kind], alpha=self.aversion))


def weights(problem: Problem) -> FloatArray:
    """The share of what is shared out that each cell is due: its weight where objectives add up."""
    return problem.target / problem.size


def worth(problem: Problem, amounts: FloatArray) -> FloatArray:
    """What the amounts of each region are worth to it, in its own values."""
    if problem.value is None:
        raise ValueError("no values are stated")
    return np.asarray((problem.value * amounts).reshape(-1, problem.n).sum(axis=0))


def coverages(problem: Problem, amounts: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Coverage and weight of those whom leximin and alpha_fair compare: cells, or regions where values are stated.

    Who has no target is left out.
    """
    if problem.value is None:
        due, has, weight = problem.target, amounts, weights(problem)
    else:
        due, has = worth(problem, problem.target), worth(problem, amounts)
        weight = weights(problem).reshape(-1, problem.n).sum(axis=0)
    some = due > 0
    return has[some] / due[some], weight[some]


def utility(level: FloatArray, alpha: float) -> FloatArray:
    """level^(1 - alpha) / (1 - alpha), log(level) for alpha = 1."""
    with np.errstate(divide="ignore"):
        return np.log(level) if alpha == 1 else np.asarray(level ** (1 - alpha) / (1 - alpha))


def proven_to(problem: Problem) -> float:
    """How far the value of the objective may be from the best one, relative to it: what was proven."""
    valued = UTILITY if problem.value is not None else OPTIMAL
    return {"benefit": BENEFIT, "leximin": LEVELS, "alpha_fair": valued}.get(problem.objective, OPTIMAL)


def attained(problem: Problem, amounts: FloatArray) -> float:
    """The value of the objective: distance, lowest coverage, sum of utilities, or total value."""
    if problem.objective == "leximin":
        return float(coverages(problem, amounts)[0].min(initial=np.inf))
    if problem.objective == "alpha_fair":
        level, weight = coverages(problem, amounts)
        return float((weight * utility(level, problem.alpha)).sum())
    if problem.objective == "benefit":
        return float(worth(problem, amounts).sum())
    gap = amounts - problem.target
    return float((gap * gap / (2.0 * problem.softness * problem.size)).sum())
