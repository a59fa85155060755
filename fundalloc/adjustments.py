"""Adjustments: what is agreed outside the key, dated, capped and reasoned, such as transition money that melts away.

Who shares a fixed sum pays for it: what an adjustment gives to some is taken from all in proportion to their
entitlements, so that it adds up to 0. With an open supply the fund pays it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, FiniteFloat

from fundalloc.errors import Faults, did_you_mean
from fundalloc.expressions import Expression
from fundalloc.key import Measure
from fundalloc.language import phrase, say
from fundalloc.problem import FloatArray, Part
from fundalloc.rounds import NUMBER, in_force
from fundalloc.scope import Scope

ROUGHLY = 1e-9


class Adjustment(BaseModel):
    """Money outside the key, for a stated time and reason, never above a stated total."""

    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)
    name: str = Field(min_length=1, description="What it is called in every explanation.")
    amounts: Mapping[str, FiniteFloat] | None = Field(
        None, description="Amounts of the first round by region id; below 0: taken away."
    )
    measure: Measure | None = Field(None, description="Expression with the amounts instead, for example a column.")
    first: str = Field(alias="from", description="The first round in which it is paid.")
    last: str = Field(alias="until", description="The last round in which it is paid.")
    melts: Annotated[FiniteFloat, Field(ge=0, le=1)] = Field(
        0.0, description="Share of the first round's amounts by which it becomes less each round."
    )
    cap: Annotated[FiniteFloat, Field(ge=0)] = Field(
        description="The most that it may give to all regions together, and take from them, in a round."
    )
    why: str = Field(min_length=1, description="The reason: an adjustment without one is none.")
    reference: str = Field("", description="The agreement it comes from.")

    def left(self, round_: str, key: str, faults: Faults) -> float:
        """The share of the first round's amounts that is paid in a round; 0 where it is not in force."""
        if not in_force(round_, self.first, self.last):
            return 0.0
        if not self.melts:
            return 1.0
        if not (NUMBER.fullmatch(round_) and NUMBER.fullmatch(self.first)):
            faults.add(
                say(
                    "cannot tell how many rounds lie between {code_first} and {code_round}.",
                    code_first=self.first,
                    code_round=round_,
                ),
                say("Rounds have to be numbers; else write one adjustment for each round, without melts."),
                key=f"{key}.melts",
                file="",
            )
            return 0.0
        return max(0.0, 1.0 - self.melts * (float(round_) - float(self.first)))


def adjusted(
    adjustments: tuple[Adjustment, ...],
    scope: Scope,
    entitlement: FloatArray,
    open_: bool,
    key: str,
    faults: Faults,
) -> tuple[Part, ...]:
    """The part of each adjustment in the targets of a round.

    entitlement: what the key gives to each region; who has none pays for no adjustment. open_: whether the fund pays.
    """
    found: list[Part] = []
    for one in adjustments:
        where = f"{key}.adjustments.{one.name}"
        with faults.collect():
            given = one.left(scope.regions.round, where, faults) * _stated(one, scope, where, faults)
            _check_cap(one, given, where, faults)
            if given.any():
                found.append(_part(one, given, entitlement, open_, where, faults))
    return tuple(found)


def settled(one: Adjustment, scope: Scope, key: str) -> Adjustment | None:
    """An adjustment as plain amounts of one round, in force in any; None where it is not in force.

    What a round fixes can then be compared with, and put into, another round.
    """
    faults = Faults()
    amounts = one.left(scope.regions.round, key, faults) * _stated(one, scope, key, faults)
    faults.check()
    given = {region: a for region, a in zip(scope.regions.ids, amounts.tolist(), strict=True) if a}
    always = {"amounts": given, "measure": None, "first": None, "last": None, "melts": 0.0}
    return one.model_copy(update=always) if given else None


def _stated(one: Adjustment, scope: Scope, key: str, faults: Faults) -> FloatArray:
    """The amounts of the first round, as they are stated."""
    if one.measure is not None:
        return np.where(scope.part, scope.finite(Expression(one.measure, f"{key}.measure"), faults), 0.0)
    ids = scope.regions.ids
    found = np.zeros(len(ids))
    for region, amount in (one.amounts or {}).items():
        if region not in ids:
            faults.add(
                say("is no region of this round. {code_hint}", code_hint=did_you_mean(region, ids)),
                say("End the adjustment, or give it to who continues the region."),
                key=f"{key}.amounts",
                value=region,
                file="",
            )
        elif not scope.part[ids.index(region)]:
            faults.add(say("takes no part in this resource."), key=f"{key}.amounts", value=region, file="")
        else:
            found[ids.index(region)] = amount
    return found


def _check_cap(one: Adjustment, given: FloatArray, key: str, faults: Faults) -> None:
    gives, takes = (
        phrase("gives {total:,.2f} in all, above its cap."),
        phrase("takes {total:,.2f} in all, above its cap."),
    )
    for sentence, total in ((gives, given[given > 0].sum()), (takes, -given[given < 0].sum())):
        if total > one.cap * (1 + ROUGHLY):
            faults.add(
                say(sentence, total=total),
                say("Lower the amounts, or agree on another cap."),
                key=f"{key}.cap",
                value=f"{one.cap:,.2f}",
                file="",
            )


def _part(one: Adjustment, given: FloatArray, entitlement: FloatArray, open_: bool, key: str, faults: Faults) -> Part:
    why = one.why
    if one.melts:
        why = say(
            "{why} (less by {share:g} % each round, until {last})", why=one.why, share=100 * one.melts, last=one.last
        )
    if open_:
        return Part(one.name, "adjustment", given, why)
    total = float(entitlement.sum())
    if not total > 0:
        faults.add(say("nobody is entitled to anything, so that nobody can pay for it."), key=key, file="")
        return Part(one.name, "adjustment", np.zeros(len(given)), why)
    return Part(one.name, "adjustment", given - float(given.sum()) * entitlement / total, why)


def below_nothing(target: FloatArray, scope: Scope, key: str, size: float, faults: Faults) -> None:
    """Collects the regions from which adjustments take more than they are due."""
    for i in np.flatnonzero(target < -ROUGHLY * size)[:10]:
        faults.add(
            say("the adjustments take {more:,.2f} more than the region is due.", more=-target[i]),
            say("Spread them over more rounds."),
            key=f"{key}.adjustments",
            value=scope.regions.ids[i],
            file="",
        )
