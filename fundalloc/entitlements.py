"""Entitlements: what the key of a resource alone gives to each region, and the target from it."""

from __future__ import annotations

import math
from decimal import Decimal
from fractions import Fraction
from typing import Annotated

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, FiniteFloat

from fundalloc.accounts import at_limit, departed, past_rounds
from fundalloc.adjustments import Adjustment, adjusted, below_nothing
from fundalloc.arrears import account, claimable
from fundalloc.errors import Faults
from fundalloc.expressions import Expression
from fundalloc.flags import Flag
from fundalloc.history import History
from fundalloc.key import Claims, Criterion, Measure, by_claims, by_criteria
from fundalloc.language import say
from fundalloc.problem import BoolArray, FloatArray, Part, Resource, Rounding
from fundalloc.rounds import at
from fundalloc.scope import Scope
from fundalloc.taken import ARREARS

#: floats count so many lots exactly
MOST_LOTS = 2**53
Supply = Decimal | str | dict[str, Decimal | str]
Share = Annotated[Decimal, Field(ge=0, lt=1)]


class ResourceSection(BaseModel):
    """What is shared out: a fund, land quota, training places."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    supply: Supply = Field(description='A number, an expression with one value such as "sum(levy)", or "open".')
    unit: str = Field("", description="The unit of supply and amounts, for example CNY.")
    lot: Annotated[Decimal, Field(gt=0)] = Field(
        Decimal("0.01"), description="The smallest amount that can be handed out (0.01 = cents)."
    )
    reserve: Share = Field(Decimal(0), description="Share of the supply held back, from 0 to below 1.")
    where: Measure | None = Field(None, description="Expression: who takes part; left out: all.")
    rounding: Rounding = Field("largest_remainder", description="How amounts are rounded to whole lots.")
    criteria: tuple[Criterion, ...] = Field((), description="The parts of the key.")
    claims: Claims | None = Field(None, description="Claims instead of criteria.")
    arrears: Annotated[FiniteFloat, Field(ge=0, le=1)] = Field(
        0.0, description="Share of what past rounds left unpaid that is added to the target."
    )
    adjustments: tuple[Adjustment, ...] = Field((), description="What is agreed outside the key.")
    contribution: Measure | None = Field(None, description="Expression: what each region pays in.")
    value: Measure | None = Field(
        None,
        description="Expression: what one unit is worth to a region, for the objectives leximin, alpha_fair, benefit.",
    )

    @property
    def open(self) -> bool:
        """Whether no total is kept."""
        return self.supply == "open"


def entitle(
    name: str, section: ResourceSection, everyone: Scope, history: History, faults: Faults, flags: list[Flag]
) -> Resource | None:
    """The entitlements and targets of one resource; None if faults were found.

    `everyone` sees all regions of the round, `history` the rounds before it.
    """
    key = f"resources.{name}"
    known = len(faults.found)
    past = past_rounds(history, name, everyone.regions.ids)
    if past:
        everyone = everyone.giving(previous=np.nan_to_num(past[0].amount, nan=0.0))
    takes_part = _eligible(section, everyone, key, faults)
    scope = everyone.among(takes_part)
    supply = None
    with faults.collect(f"{key}.supply"):
        supply = _supply(section, scope, key, faults)
    if len(faults.found) > known:
        return None
    lots = None if supply is None else whole(Fraction(supply) * (1 - Fraction(section.reserve)) / Fraction(section.lot))
    if lots is not None and lots > MOST_LOTS:
        faults.add(
            say(
                "{code_lots:,} lots of {code_lot} are more than can be counted exactly.",
                code_lots=lots,
                code_lot=section.lot,
            ),
            say("Choose a lot {times} times as large, or more.", times=-(-lots // MOST_LOTS)),
            key=f"{key}.lot",
            file="",
        )
        return None
    if lots == 0:
        flags.append(
            Flag("warning", "supply_zero", name, say("Nothing of {resource} is shared out.", resource=name), name, 0.0)
        )
    total = None if lots is None else float(lots * section.lot)
    parts: tuple[Part, ...] = ()
    asked: float | None = None
    with faults.collect():
        if section.claims is not None and total is not None:
            parts, asked = by_claims(section.claims, scope, total, key, faults)
        else:
            parts, asked = by_criteria(section.criteria, scope, total, key, faults, flags)
    contribution = None
    with faults.collect():
        if section.contribution is not None:
            contribution = scope.finite(Expression(section.contribution, f"{key}.contribution"), faults)
    value = None
    with faults.collect():
        if section.value is not None:
            value = _value(section.value, scope, f"{key}.value", faults)
    if len(faults.found) == known and not np.isfinite(sum(float(p.amounts.sum()) for p in parts)):
        faults.add(
            say("the measures of the key are so large that their sum is no number."),
            say("Write them in a larger unit."),
            key=f"{key}.criteria",
            file="",
        )
    if len(faults.found) > known:
        return None
    scale = None
    weighted = any(c.weight is not None for c in section.criteria)
    if section.claims is not None and asked is not None and total is not None and asked < total:
        lots = whole(Fraction(asked) / Fraction(section.lot))
        flags.append(
            Flag(
                "warning",
                "claims_below_supply",
                name,
                say(
                    "The claims on {resource} come to {asked:,.2f} {unit}, less than the {total:,.2f} that could be "
                    "shared out: each region gets its claim, the rest stays in the fund.",
                    resource=name,
                    asked=asked,
                    unit=section.unit,
                    total=total,
                ),
                name,
                asked,
                total,
            )
        )
    elif asked and total is not None and not weighted:
        scale = total / asked
    entitlement = np.asarray(sum(p.amounts for p in parts), dtype=float)
    unpaid = account(past, len(entitlement))
    if section.arrears and past:
        due = claimable(unpaid, entitlement, takes_part)
        why = say("{share:.4g} % of what past rounds left unpaid", share=100 * section.arrears)
        parts += (Part(ARREARS, "arrears", section.arrears * due, why),)
        flags += at_limit(scope, name, due, unpaid, entitlement)
    flags += departed(scope, name, history)
    parts += adjusted(section.adjustments, scope, entitlement, total is None, key, faults)
    target = np.asarray(sum(p.amounts for p in parts), dtype=float)
    below_nothing(target, scope, key, float(entitlement.sum()), faults)
    if len(faults.found) > known:
        return None
    return Resource(
        name=name,
        unit=section.unit,
        lot=section.lot,
        lots=lots,
        supply=supply,
        reserve=section.reserve,
        rounding=section.rounding,
        takes_part=takes_part,
        parts=parts,
        entitlement=entitlement,
        target=np.maximum(target, 0.0),
        past=past,
        scope=scope.giving(entitlement=entitlement),
        where="" if section.where is None else str(section.where),
        arrears_before=unpaid,
        contribution=contribution,
        value=value,
        asked=asked,
        scale=scale,
    )


def whole(lots: Fraction) -> int:
    """Rounded down to a whole number of lots."""
    return math.floor(lots)


def _eligible(section: ResourceSection, everyone: Scope, key: str, faults: Faults) -> BoolArray:
    count = len(everyone.regions.ids)
    if section.where is None:
        return np.ones(count, dtype=bool)
    with faults.collect(f"{key}.where"):
        takes_part = everyone.finite(Expression(section.where, f"{key}.where"), faults) != 0
        if not takes_part.any():
            faults.add(
                say("no region takes part."),
                say("Write a condition that some region meets."),
                key=f"{key}.where",
                value=str(section.where),
                file="",
            )
        return np.asarray(takes_part)
    return np.ones(count, dtype=bool)


def _supply(section: ResourceSection, scope: Scope, key: str, faults: Faults) -> Decimal | None:
    """The supply of the round as an exact number; None where it is open."""
    stated = at(section.supply, scope.regions.round)
    where = f"{key}.supply"
    if stated is None:
        faults.add(
            say("no supply is stated for round {code_round} or before.", code_round=scope.regions.round),
            say("Add an entry for it."),
            key=where,
            file="",
        )
        return None
    if stated == "open":
        return None
    if isinstance(stated, str):
        values = scope.finite(Expression(stated, where), faults)[scope.part]
        if faults.found:
            return None
        if values.min() != values.max():
            faults.add(
                say("has a value of its own for every region; a supply is one number."),
                say('Write for example "sum({code_stated})".', code_stated=stated),
                key=where,
                value=stated,
                file="",
            )
            return None
        stated = Decimal(repr(float(values[0])))
    if stated < 0:
        faults.add(say("a supply cannot be below 0."), say("Write 0 or more."), key=where, value=str(stated), file="")
    return stated


def _value(stated: Measure, scope: Scope, key: str, faults: Faults) -> FloatArray:
    """What one unit is worth to each region; nothing to those who take no part."""
    values = np.where(scope.part, scope.finite(Expression(stated, key), faults), 0.0)
    for i in np.flatnonzero(values < 0)[:10]:
        faults.add(
            say("is worth less than nothing to a region."),
            say("Write a measure of 0 or more, for example maximum(0, ...)."),
            key=key,
            value=f"{scope.regions.ids[i]}: {values[i]:g}",
            file="",
        )
    return values
