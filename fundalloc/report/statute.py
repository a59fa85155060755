"""The statute: a policy in plain words, to be compared with the law behind it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from decimal import Decimal

import numpy as np

from fundalloc.policy import Policy
from fundalloc.problem import Problem, Resource
from fundalloc.report.words import MODES, money
from fundalloc.rounds import at
from fundalloc.rules import Curve, Rows, Statement


def describe(policy: Policy, problem: Problem, rows: Sequence[Statement], files: Iterable[str] = ()) -> Iterator[str]:
    """A policy in plain words, to be compared with the statute: one line each. files: what was read."""
    fund = policy.fund
    yield f"{fund.title or 'Untitled fund'}, round {problem.round}"
    if fund.reference:
        yield f"Reference: {fund.reference}"
    yield from files
    groups = "".join(f", {len(set(v.tolist()))} values of {k}" for k, v in problem.regions.groups.items())
    yield f"{problem.n} regions{groups}"
    scope = problem.resources[0].scope
    for name, index in policy.indices.items():
        yield ""
        yield (
            f"Index {name}: {index.aggregate} mean of {len(index.indicators)} indicators, normalised by "
            f"{index.method}, weights {index.weights}"
        )
        weights = index.compute(scope.full or scope, f"indices.{name}").weights
        for indicator, weight in zip(index.indicators, weights.tolist(), strict=True):
            worse = " (a higher value is worse)" if indicator.higher_is == "worse" else ""
            yield f"  {100 * weight:6.2f} %  {indicator.name} = {indicator.measure}{worse}"
    for resource in problem.resources:
        yield ""
        yield from _resource(policy, resource, problem.round)
    yield ""
    yield f"Objective {policy.objective.sentence}"
    if policy.plan is not None:
        yield ""
        yield from policy.plan.words()
    if policy.uncertainty:
        errors = ", ".join(f"{name} {100 * error:g} %" for name, error in policy.uncertainty.items())
        yield ""
        yield f"Standard errors of the figures, for `compare`: {errors}"
    for k, rule in enumerate(policy.rules, 1):
        yield ""
        verb = MODES[rule.mode]
        state = "" if rule.holds(problem.round) else f", not in force in {problem.round}"
        yield f"Rule {k}, {rule.name} ({verb}{state})"
        units = {r.unit for r in problem.resources if rule.concerns(r)}
        about = f"of {' and '.join(rule.named)}" if rule.named else "of every resource"
        yield f"  {about}, {rule.sentence(units.pop() if len(units) == 1 else 'units', problem.round)}"
        yield from (
            f"  {label}: {text}" for label, text in (("because", rule.why), ("reference", rule.reference)) if text
        )
        for one in rows:
            if one.rule == rule.name:
                if isinstance(one, Rows):
                    unit = next((r.unit for r in problem.resources if r.name == one.resource), "")
                    yield f"  in money, {one.resource}: {_range(one, unit)}"
                else:
                    yield f"  on {one.resource}: among {len(one.basis)} units; by the key it is {_by_key(one, problem)}"


def _by_key(curve: Curve, problem: Problem) -> str:
    return f"{curve.values(problem.blocks([r.entitlement for r in problem.resources]))[0]:.6g}"


def _range(rows: Rows, unit: str) -> str:
    parts = []
    for word, bound in (("floors", rows.low), ("caps", rows.high)):
        found = bound[np.isfinite(bound)]
        if len(found):
            least, most = f"{found.min():,.2f}", f"{found.max():,.2f}"
            parts.append(f"{word} {least}" if least == most else f"{word} from {least} to {most}")
    places = f"{len(rows)} place{'s' if len(rows) > 1 else ''}"
    return f"{', '.join(parts)} {unit} ({places})"


def _resource(policy: Policy, resource: Resource, round_: str) -> Iterator[str]:
    section = policy.resources[resource.name]
    if resource.lots is None:
        yield f"Resource {resource.name}: open supply, in {resource.unit}, whole lots of {resource.lot:,f}"
    else:
        supply = money(format(resource.supply or Decimal(0), "f"), resource.unit)
        kept = f", {100 * resource.reserve:f} % of it held back" if resource.reserve else ""
        yield (
            f"Resource {resource.name}: {supply}{kept}; shared out are "
            f"{money(format(resource.lots * resource.lot, 'f'), resource.unit)} in whole lots of {resource.lot:,f}"
        )
    if section.where is not None:
        yield f"  {int(resource.takes_part.sum())} regions take part: those where {section.where}"
    if section.claims is not None:
        yield f"  claims {section.claims.measure}, divided by the rule {section.claims.rule.replace('_', ' ')}"
    total = sum(at(c.weight, round_) or 0.0 for c in section.criteria)
    for c in section.criteria:
        stated = (
            f"{100 * (at(c.weight, round_) or 0.0) / total:6.2f} %"
            if c.weight is not None
            else f"{at(c.rate, round_):g} {resource.unit} x"
        )
        why = f"  because: {c.why}" if c.why else ""
        yield f"  {stated}  {c.name} = {c.measure}{why}"
    if section.arrears:
        yield f"  {100 * section.arrears:g} % of what past rounds left unpaid is added to the target"
    for one in section.adjustments:
        melts = f", less by {100 * one.melts:g} % of the first amounts each round" if one.melts else ""
        yield (
            f"  adjustment {one.name}, outside the key, from {one.first} until {one.last}{melts}, at most "
            f"{one.cap:,.15g} {resource.unit} in a round  because: {one.why}"
        )
    if section.contribution is not None:
        yield f"  each region pays in {section.contribution}"
    if section.value is not None:
        unused = ", which this objective does not read" if policy.objective.kind == "nearest" else ""
        yield f"  one {resource.unit or 'unit'} is worth {section.value} to a region{unused}"
    yield f"  rounded by {section.rounding.replace('_', ' ')}"
