"""The key: the criteria or claims of a resource, and what each of them gives to each region."""

from __future__ import annotations

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, FiniteFloat

from fundalloc.claims import ClaimsRule, award
from fundalloc.errors import Faults
from fundalloc.expressions import Expression
from fundalloc.flags import Flag
from fundalloc.language import say
from fundalloc.problem import FloatArray, Part
from fundalloc.rounds import at
from fundalloc.scope import Scope

Measure = str | FiniteFloat
NumberByRound = FiniteFloat | dict[str, FiniteFloat]

CONFIG = ConfigDict(extra="forbid", frozen=True)


class Criterion(BaseModel):
    """One part of the key: a slice of the money (weight), or an amount already (rate)."""

    model_config = CONFIG
    name: str = Field(min_length=1, description="What the criterion is called in every explanation.")
    weight: NumberByRound | None = Field(None, description="Slice of the money, divided like the measure.")
    rate: NumberByRound | None = Field(None, description="Amount for each unit of the measure.")
    measure: Measure = Field(description="Expression with one value per region, none below 0.")
    why: str = Field("", description="The reason, printed with the result.")
    reference: str = Field("", description="The paragraph or publication it comes from.")


class Claims(BaseModel):
    """Claims instead of criteria: the award of a classic rule is the entitlement."""

    model_config = CONFIG
    measure: Measure = Field(description="Expression: what each region asks for, in the unit of the resource.")
    rule: ClaimsRule = Field("proportional", description="How a supply below the claims is divided.")


def by_criteria(
    criteria: tuple[Criterion, ...],
    scope: Scope,
    total: float | None,
    key: str,
    faults: Faults,
    flags: list[Flag],
) -> tuple[tuple[Part, ...], float | None]:
    """The parts of a key of criteria, and what its rates asked for; nothing where faults were found.

    total: what is shared out, None for an open supply. Rates are served first, weights divide what is
    left; rates alone are scaled to the total.
    """
    known = len(faults.found)
    measured: list[FloatArray] = []
    for c in criteria:
        where = f"{key}.criteria.{c.name}.measure"
        with faults.collect():
            measured.append(_measured(c, Expression(c.measure, where), scope, faults))
            flags += _no_difference(c, measured[-1], scope, key)
    if len(faults.found) > known:
        return (), None
    round_ = scope.regions.round
    slices = sum(_in_round(c.weight, round_) for c in criteria)
    with np.errstate(over="ignore"):
        served = {
            c.name: _in_round(c.rate, round_) * v for c, v in zip(criteria, measured, strict=True) if c.rate is not None
        }
        asked = float(sum(v.sum() for v in served.values())) if served else None
    left = 0.0 if total is None else total - (asked or 0.0)
    if total is not None and slices:
        if left < -1e-9 * total:
            faults.add(
                say(
                    "the rates ask for {code_asked:,.2f}, more than the {code_total:,.2f} that are shared out.",
                    code_asked=asked,
                    code_total=total,
                ),
                say("Lower the rates, raise the supply, or leave out the weights: rates alone are scaled."),
                key=f"{key}.criteria",
                file="",
            )
    elif total is not None and not asked:
        faults.add(
            say("the rates ask for nothing."),
            say("Check the rates and their measures."),
            key=f"{key}.criteria",
            file="",
        )
    elif total is not None and asked:
        served = {name: v * (total / asked) for name, v in served.items()}
    if len(faults.found) > known:
        return (), None
    for c, v in zip(criteria, measured, strict=True):
        if c.weight is not None:
            part = _in_round(c.weight, round_) / slices
            served[c.name] = max(left, 0.0) * part * (v / v.sum()) if part else np.zeros(len(v))
    return tuple(Part(c.name, "criterion", served[c.name], c.why) for c in criteria), asked


def _measured(criterion: Criterion, expression: Expression, scope: Scope, faults: Faults) -> FloatArray:
    """The measure of a criterion for those who take part, 0 for the others."""
    values = np.where(scope.part, scope.finite(expression, faults), 0.0)
    scope.check_not_below_zero(values, expression, say("a criterion"), faults)
    weight = _in_round(criterion.weight, scope.regions.round)
    with np.errstate(over="ignore"):
        total = float(values.sum())
    if np.isfinite(values).all() and not np.isfinite(total):
        faults.add(
            say("is so large that its sum over the regions is no number."),
            say("Write it in a larger unit."),
            key=expression.key,
            value=expression.text,
            file="",
        )
    if weight and np.isfinite(values).all() and not (values < 0).any() and not total > 0:
        faults.add(
            say("adds up to 0 over all regions that take part: its slice could go to nobody."),
            say("Check the measure and the data, or leave the criterion out."),
            key=expression.key,
            value=expression.text,
            file="",
        )
    return values


def _no_difference(criterion: Criterion, values: FloatArray, scope: Scope, key: str) -> list[Flag]:
    """A flag where a measure of the data has the same value for everybody."""
    mine = values[scope.part]
    if criterion.weight is None or len(mine) < 2 or not np.isfinite(mine).all() or np.ptp(mine) > 0:
        return []
    if not Expression(criterion.measure).names:
        return []
    return [
        Flag(
            "warning",
            "no_difference",
            criterion.name,
            say(
                "Criterion {criterion} is the same for every region that takes part: it divides its slice equally.",
                criterion=criterion.name,
            ),
            key.removeprefix("resources."),
            float(mine[0]),
        )
    ]


def by_claims(
    claims: Claims, scope: Scope, total: float, key: str, faults: Faults
) -> tuple[tuple[Part, ...], float | None]:
    """The awards of a claims rule as the only part of a key, and the sum of the claims."""
    known = len(faults.found)
    expression = Expression(claims.measure, f"{key}.claims.measure")
    asked = np.where(scope.part, scope.finite(expression, faults), 0.0)
    scope.check_not_below_zero(asked, expression, say("a claim"), faults)
    if len(faults.found) > known:
        return (), None
    name = claims.rule.replace("_", " ")
    with faults.collect(f"{key}.claims.rule"):
        return (Part(f"claim ({name})", "claim", award(asked, total, claims.rule)),), float(asked.sum())
    return (), None


def _in_round(number: NumberByRound | None, round_: str) -> float:
    return float(at(number, round_) or 0.0)
