"""The statute: a policy in plain words, to be compared with the law behind it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from decimal import Decimal

import numpy as np

from fundalloc.language import called, listed, say
from fundalloc.policy import Policy
from fundalloc.problem import Problem, Resource
from fundalloc.report.words import MODES, money
from fundalloc.rounds import at
from fundalloc.rules import Curve, Rows, Statement


def describe(policy: Policy, problem: Problem, rows: Sequence[Statement], files: Iterable[str] = ()) -> Iterator[str]:
    """A policy in plain words, to be compared with the statute: one line each. files: what was read."""
    fund = policy.fund
    yield say("{title}, round {round}", title=fund.title or say("Untitled fund"), round=problem.round)
    if fund.reference:
        yield say("Reference: {reference}", reference=fund.reference)
    yield from files
    groups = problem.regions.groups.items()
    counts = [say("{count} values of {group}", count=len(set(v.tolist())), group=k) for k, v in groups]
    yield say(", ").join([say("{count} regions", count=problem.n), *counts])
    scope = problem.resources[0].scope
    for name, index in policy.indices.items():
        yield ""
        yield say(
            "Index {name}: {aggregate} mean of {count} indicators, normalised by {method}, weights {weights}",
            name=name,
            aggregate=index.aggregate,
            count=len(index.indicators),
            method=index.method,
            weights=index.weights,
        )
        weights = index.compute(scope.full or scope, f"indices.{name}").weights
        for indicator, weight in zip(index.indicators, weights.tolist(), strict=True):
            worse = say(" (a higher value is worse)") if indicator.higher_is == "worse" else ""
            yield f"  {100 * weight:6.2f} %  {called(indicator.name)} = {indicator.measure}{worse}"
    for resource in problem.resources:
        yield ""
        yield from _resource(policy, resource, problem.round)
    yield ""
    yield say("Objective {sentence}", sentence=policy.objective.sentence)
    if policy.plan is not None:
        yield ""
        yield from policy.plan.words()
    if policy.uncertainty:
        errors = say(", ").join(f"{called(name)} {100 * error:g} %" for name, error in policy.uncertainty.items())
        yield ""
        yield say("Standard errors of the figures, for `compare`: {errors}", errors=errors)
    for k, rule in enumerate(policy.rules, 1):
        yield ""
        state = say(MODES[rule.mode])
        if not rule.holds(problem.round):
            state += say(", not in force in {round}", round=problem.round)
        yield say("Rule {number}, {name} ({state})", number=k, name=rule.name, state=state)
        units = {r.unit for r in problem.resources if rule.concerns(r)}
        sentence = rule.sentence(units.pop() if len(units) == 1 else "units", problem.round)
        if rule.named:
            named = listed(map(called, rule.named))
            yield say("  of {resources}, {sentence}", resources=named, sentence=sentence)
        else:
            yield say("  of every resource, {sentence}", sentence=sentence)
        if rule.why:
            yield say("  because: {why}", why=rule.why)
        if rule.reference:
            yield say("  reference: {reference}", reference=rule.reference)
        for one in rows:
            if one.rule == rule.name:
                if isinstance(one, Rows):
                    unit = next((r.unit for r in problem.resources if r.name == one.resource), "")
                    yield say("  in money, {resource}: {range}", resource=one.resource, range=_range(one, unit))
                else:
                    yield say(
                        "  on {resource}: among {count} units; by the key it is {value}",
                        resource=one.resource,
                        count=len(one.basis),
                        value=_by_key(one, problem),
                    )


def _by_key(curve: Curve, problem: Problem) -> str:
    return f"{curve.values(problem.blocks([r.entitlement for r in problem.resources]))[0]:.6g}"


def _range(rows: Rows, unit: str) -> str:
    parts = []
    for word, bound in ((say("floors"), rows.low), (say("caps"), rows.high)):
        found = bound[np.isfinite(bound)]
        if len(found):
            least, most = f"{found.min():,.2f}", f"{found.max():,.2f}"
            one = least == most
            parts.append(
                f"{word} {least}" if one else say("{what} from {least} to {most}", what=word, least=least, most=most)
            )
    places = say("{count} places", count=len(rows)) if len(rows) > 1 else say("1 place", count=1)
    return say("{words} ({more})", words=f"{say(', ').join(parts)} {called(unit)}", more=places)


def _resource(policy: Policy, resource: Resource, round_: str) -> Iterator[str]:
    section = policy.resources[resource.name]
    if resource.lots is None:
        yield say(
            "Resource {name}: open supply, in {unit}, whole lots of {lot:,f}",
            name=resource.name,
            unit=resource.unit,
            lot=resource.lot,
        )
    else:
        supply = money(format(resource.supply or Decimal(0), "f"), resource.unit)
        kept = say(", {share:f} % of it held back", share=100 * resource.reserve) if resource.reserve else ""
        yield say(
            "Resource {name}: {supply}; shared out are {amount} in whole lots of {lot:,f}",
            name=resource.name,
            supply=f"{supply}{kept}",
            amount=money(format(resource.lots * resource.lot, "f"), resource.unit),
            lot=resource.lot,
        )
    if section.where is not None:
        count = int(resource.takes_part.sum())
        yield say("  {count} regions take part: those where {code}", count=count, code=section.where)
    if section.claims is not None:
        yield say(
            "  claims {code}, divided by the rule {rule}",
            code=section.claims.measure,
            rule=section.claims.rule.replace("_", " "),
        )
    total = sum(at(c.weight, round_) or 0.0 for c in section.criteria)
    for c in section.criteria:
        stated = (
            f"{100 * (at(c.weight, round_) or 0.0) / total:6.2f} %"
            if c.weight is not None
            else f"{at(c.rate, round_):g} {called(resource.unit)} x"
        )
        why = say("  because: {why}", why=c.why) if c.why else ""
        yield f"  {stated}  {called(c.name)} = {c.measure}{why}"
    if section.arrears:
        yield say("  {share:g} % of what past rounds left unpaid is added to the target", share=100 * section.arrears)
    for one in section.adjustments:
        less = say(", less by {share:g} % of the first amounts each round", share=100 * one.melts) if one.melts else ""
        yield say(
            "  adjustment {name}, outside the key, from {first} until {last}{less}, at most {cap:,.15g} {unit} in a "
            "round  because: {why}",
            name=one.name,
            first=one.first,
            last=one.last,
            less=less,
            cap=one.cap,
            unit=resource.unit,
            why=one.why,
        )
    if section.contribution is not None:
        yield say("  each region pays in {code}", code=section.contribution)
    if section.value is not None:
        unused = say(", which this objective does not read") if policy.objective.kind == "nearest" else ""
        worth = say("  one {unit} is worth {code} to a region", unit=resource.unit or "unit", code=section.value)
        yield f"{worth}{unused}"
    yield say("  rounded by {method}", method=section.rounding.replace("_", " "))
