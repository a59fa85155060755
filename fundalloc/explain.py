"""The explanation: every amount as a sum of named steps, in whole printed units, exact.

    equal share -> each criterion -> arrears -> each adjustment -> supply -> each rule -> rounding = amount

The steps of a region and resource add up to its amount; the steps of a criterion, of the arrears, of an
adjustment and of a rule add up to 0 over the regions (with an open supply the fund itself is the counterpart).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal

import numpy as np

from fundalloc.decided import Decision
from fundalloc.language import called, phrase, say
from fundalloc.problem import FloatArray, IntArray, Resource
from fundalloc.rounding import round_to_sum
from fundalloc.taken import EQUAL, NOBODY_ELSE, NOT_BELOW_ZERO, OBJECTIVE, ROUNDING, SUPPLY

#: steps that no rule of the policy is behind
OWN_STEPS = {
    NOT_BELOW_ZERO: phrase("an amount cannot be below 0"),
    OBJECTIVE: phrase("what the objective alone moves, without any rule"),
    NOBODY_ELSE: phrase("the rules leave it to regions without a target, and all others give it in proportion"),
}

#: parts of a target that are not of the key
BESIDE_THE_KEY = ("arrears", "adjustment", "decided")
#: the sum of the steps may be so many printed units from the optimum, and this part of all that they move
LED, NOISE = 2, 1e-11
#: those that may add up to something: money from outside, or what was left over when the round was decided
OUTSIDE = ("adjustment", "decided")


@dataclass(frozen=True, eq=False)
class Step:
    """One step of one resource: an amount for each region, in printed units.

    fund: what the fund itself gives or takes (open supply); name and kind as in steps.csv.
    """

    resource: str
    name: str
    kind: str  # equal | criterion | claim | arrears | adjustment | decided | supply | objective | rule | rounding
    units: IntArray
    fund: int = 0
    why: str = ""


def printed_unit(lot: Decimal) -> Decimal:
    """The unit of the steps: 0.01, or finer where the lot is."""
    return Decimal(1).scaleb(min(-2, int(lot.normalize().as_tuple().exponent)))


def steps(decision: Decision) -> tuple[Step, ...]:
    """All steps of a decision, resource by resource in their order."""
    return tuple(step for r in range(len(decision.problem.resources)) for step in _steps(decision, r))


def astray(decision: Decision) -> str | None:
    """The first resource whose steps before rounding do not lead from the targets to the optimum; None: all do."""
    problem, nothing = decision.problem, np.zeros(decision.problem.cells)
    led = problem.target + decision.supplied + sum((s.amounts for s in decision.shifts), nothing)
    pushed = np.abs(problem.target) + sum((np.abs(s.amounts) for s in decision.shifts), nothing)
    off = np.abs(led - decision.optimum.amounts)
    for r, one in enumerate(problem.resources):
        block = problem.block(r)
        if not (off[block] <= LED * float(printed_unit(one.lot)) + NOISE * pushed[block].sum()).all():
            return one.name
    return None


def _steps(decision: Decision, r: int) -> Iterator[Step]:
    """Each step is what one more part adds to the sum so far, rounded: so every sum on the way is right to a unit."""
    problem = decision.problem
    resource, block = problem.resources[r], problem.block(r)
    unit = printed_unit(resource.lot)
    amount = decision.lots[block] * int(resource.lot / unit)
    sofar, before, fund = np.zeros(problem.n), np.zeros(problem.n, dtype=np.int64), 0.0
    paid = 0
    for part in _parts(decision, resource, r):
        sofar = sofar + part.amounts / float(unit)
        fund -= part.counter / float(unit)
        gift = round(fund)
        now = round_to_sum(_clean(sofar), round(float(sofar.sum())) if part.total is None else part.total - gift)
        if part.kind not in ("rule", "supply", "objective") or (now != before).any():
            yield Step(resource.name, part.name, part.kind, now - before, gift - paid, part.why)
            before, paid = now, gift
    yield Step(
        resource.name,
        ROUNDING,
        "rounding",
        amount - before,
        why=say("to whole lots of {lot}", lot=f"{resource.lot:,f} {called(resource.unit)}".rstrip()),
    )


@dataclass(frozen=True, eq=False)
class _Part:
    """One real step: an amount per region; total: what all steps so far add up to, in printed units.

    counter: what the fund itself takes (open supply).
    """

    name: str
    kind: str
    amounts: FloatArray
    total: int | None
    why: str = ""
    counter: float = 0.0


def _clean(values: FloatArray) -> FloatArray:
    """Values in printed units, float noise around whole ones taken away."""
    whole = np.rint(values)
    return np.asarray(np.where(np.abs(values - whole) <= 1e-6, whole, values))


def _parts(decision: Decision, resource: Resource, r: int) -> Iterator[_Part]:
    unit = float(printed_unit(resource.lot))
    keyed = [p for p in resource.parts if p.kind not in BESIDE_THE_KEY]
    level = due = float(sum(p.amounts.sum() for p in keyed))
    block = decision.problem.block(r)
    supply = decision.supplied[block]
    missing = bool(supply.any())
    opened = resource.lots is None
    more = {p.name: round(float(p.amounts.sum()) / unit) for p in resource.parts if p.kind in OUTSIDE}
    wanted = round((due if missing or opened else resource.shared_out) / unit)
    if not (missing or opened):
        wanted -= sum(more.values())
    who = "head" if resource.scope.regions.population is not None else "region"
    same = say("the same for every head") if who == "head" else say("the same for every region")
    yield _Part(EQUAL[who], "equal", level * resource.equal_share, wanted, same)
    for part in resource.parts:
        even = float(part.amounts.sum()) if part in keyed else 0.0
        counter = float(part.amounts.sum()) if part.name in more and opened else 0.0
        wanted += 0 if opened else more.get(part.name, 0)
        yield _Part(part.name, part.kind, part.amounts - even * resource.equal_share, wanted, part.why, counter)
    if missing:
        wanted = round(resource.shared_out / unit)
        why = say("what is shared out less the sum of the targets")
        yield _Part(SUPPLY, "supply", supply, wanted, why)
    for shift in decision.shifts:
        moved = shift.amounts[block]
        counter = 0.0 if resource.lots is not None else float(moved.sum())
        why = say(OWN_STEPS[shift.rule]) if shift.rule in OWN_STEPS else ""
        yield _Part(shift.rule, shift.kind, moved, wanted, why, counter)
