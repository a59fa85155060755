"""The explanation: every amount as a sum of named steps, in whole printed units, exact.

    equal share -> each criterion -> arrears -> supply -> each rule -> rounding = amount

The steps of a region and resource add up to its amount; the steps of a criterion, of the arrears and
of a rule add up to 0 over the regions (with an open supply the fund itself is the counterpart).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal

import numpy as np

from fundalloc.decision import Decision
from fundalloc.problem import FloatArray, IntArray, Problem, Resource
from fundalloc.rounding import round_to_sum
from fundalloc.shifts import NOT_BELOW_ZERO

#: a supply step below this part of what is shared out is float noise
NOISE = 1e-9


@dataclass(frozen=True, eq=False)
class Step:
    """One step of one resource: an amount for each region, in printed units.

    fund: what the fund itself gives or takes (open supply); name and kind as in steps.csv.
    """

    resource: str
    name: str
    kind: str  # equal | criterion | claim | arrears | adjustment | supply | rule | rounding
    units: IntArray
    fund: int = 0
    why: str = ""


def printed_unit(lot: Decimal) -> Decimal:
    """The unit of the steps: 0.01, or finer where the lot is."""
    return Decimal(1).scaleb(min(-2, int(lot.normalize().as_tuple().exponent)))


def steps(decision: Decision) -> tuple[Step, ...]:
    """All steps of a decision, resource by resource in their order."""
    return tuple(step for r in range(len(decision.problem.resources)) for step in _steps(decision, r))


def _steps(decision: Decision, r: int) -> Iterator[Step]:
    problem = decision.problem
    resource, block = problem.resources[r], problem.block(r)
    unit = printed_unit(resource.lot)
    amount = decision.lots[block] * int(resource.lot / unit)
    total = np.zeros(problem.n, dtype=np.int64)
    for step in _real_steps(decision, problem, resource, r, float(unit)):
        total += step.units
        yield step
    yield Step(
        resource.name,
        "rounding",
        "rounding",
        amount - total,
        why=f"to whole lots of {resource.lot:,f} {resource.unit}".rstrip(),
    )


def _real_steps(decision: Decision, problem: Problem, resource: Resource, r: int, unit: float) -> Iterator[Step]:
    due = float(sum(p.amounts.sum() for p in resource.parts if p.kind != "arrears"))
    wanted = round(due / unit)
    noise = NOISE * resource.size
    supply = resource.shared_out - float(resource.target.sum())
    if resource.lots is not None and abs(supply) <= noise:
        wanted = round(resource.shared_out / unit)
    who = "head" if resource.scope.regions.population is not None else "region"
    yield Step(
        resource.name,
        f"equal share per {who}",
        "equal",
        round_to_sum(wanted * resource.equal_share, wanted),
        why=f"the same for every {who}",
    )
    for part in resource.parts:
        level = 0.0 if part.kind == "arrears" else float(part.amounts.sum())
        column = (part.amounts - level * resource.equal_share) / unit
        yield Step(resource.name, part.name, part.kind, round_to_sum(column, 0), why=part.why)
    if resource.lots is not None and abs(supply) > noise:
        soft = np.where(decision.shares[problem.block(r)], resource.softness, 0.0)
        rest = round(resource.shared_out / unit) - wanted
        yield Step(
            resource.name,
            "supply",
            "supply",
            round_to_sum(rest * soft / soft.sum(), rest),
            why="what is shared out less the sum of the targets",
        )
    for shift in decision.shifts:
        moved = shift.amounts[problem.block(r)] / unit
        step = _rule_step(resource, shift.rule, moved)
        if step.units.any():
            yield step


def _rule_step(resource: Resource, rule: str, moved: FloatArray) -> Step:
    fund = 0 if resource.lots is not None else -round(float(moved.sum()))
    kind = "rule"
    why = "an amount cannot be below 0" if rule == NOT_BELOW_ZERO else ""
    return Step(resource.name, rule, kind, round_to_sum(moved, -fund), fund, why)
