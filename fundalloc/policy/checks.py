"""Checks of a policy that need no data: names, keys, weights, and what depends on what."""

from __future__ import annotations

import ast
from collections import Counter
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from fundalloc.entitlements import ResourceSection
from fundalloc.errors import Faults, did_you_mean
from fundalloc.expressions import Expression
from fundalloc.language import listed, say
from fundalloc.rounds import at, in_order
from fundalloc.rules import Limit, Link, Rule
from fundalloc.rules.base import numbers
from fundalloc.taken import refused, refused_of_rule

if TYPE_CHECKING:
    from fundalloc.policy.model import Policy

OF = ("amount", "share", "head", "entitlement", "previous")


def check_policy(policy: Policy, round_: str, has_history: bool, file: str = "") -> None:
    """Raises InputError with every fault of a policy that can be seen without the data."""
    faults = Faults(file)
    if not policy.fund.round and not round_:
        faults.add(
            say("no round is stated."), say('Write round = "2024" under [fund], or use --round.'), key="fund.round"
        )
    for name in sorted(set(policy.measures) & set(policy.indices)):
        faults.add(say("is both a measure and an index."), say("Rename one of them."), key=f"indices.{name}")
    _unique(faults, "rules", (r.name for r in policy.rules))
    for rule in policy.rules:
        if wrong := refused_of_rule(rule.name):
            faults.add(*wrong, key="rules", value=rule.name)
    for name, index in policy.indices.items():
        _unique(faults, f"indices.{name}.indicators", (i.name for i in index.indicators))
    for name, section in policy.resources.items():
        _check_resource(policy, name, section, round_, faults)
    _check_objective(policy, faults)
    for rule in policy.rules:
        _check_rule(policy, rule, faults)
    if not has_history:
        for key in needs_history(policy, faults):
            faults.add(
                say("reads past rounds, but there is no history."),
                say("Add [history] with a file, use --history, or take it out."),
                key=key,
            )
    else:
        list(needs_history(policy, faults))
    faults.check()


def _unique(faults: Faults, key: str, names: Iterable[str]) -> None:
    for name, times in Counter(names).items():
        if times > 1:
            faults.add(
                say("stands {code_times} times.", code_times=times),
                say("Give each a name of its own."),
                key=key,
                value=name,
            )


def _check_resource(policy: Policy, name: str, section: ResourceSection, round_: str, faults: Faults) -> None:
    key = f"resources.{name}"
    _unique(faults, f"{key}.criteria", (c.name for c in section.criteria))
    _unique(faults, f"{key}.adjustments", (a.name for a in section.adjustments))
    for kind, names in (("criteria", section.criteria), ("adjustments", section.adjustments)):
        for named in names:
            if wrong := refused(named.name):
                faults.add(*wrong, key=f"{key}.{kind}", value=named.name)
    for one in section.adjustments:
        where = f"{key}.adjustments.{one.name}"
        if (one.measure is None) == (one.amounts is None):
            faults.add(say("needs either amounts or a measure."), say("Write one of the two."), key=where)
        if one.name in {c.name for c in section.criteria}:
            faults.add(say("is the name of a criterion too."), say("Give each a name of its own."), key=where)
        if in_order([one.first, one.last])[0] != one.first:
            faults.add(
                say("ends before it begins."), say("Check from and until."), key=where, value=f"{one.first}-{one.last}"
            )
    if bool(section.criteria) == (section.claims is not None):
        both = section.claims is not None
        faults.add(
            say("has both criteria and claims.") if both else say("has neither criteria nor claims."),
            say("Write one of the two."),
            key=key,
        )
    for c in section.criteria:
        if (c.weight is None) == (c.rate is None):
            faults.add(
                say("needs either a weight or a rate."),
                say("A weight is a slice of the money, a rate an amount already."),
                key=f"{key}.criteria.{c.name}",
            )
        for field in ("weight", "rate"):
            number = getattr(c, field)
            if number is None:
                continue
            here = at(number, round_)
            if here is None:
                faults.add(
                    say("has no entry for round {code_round} or before.", code_round=round_),
                    say("Add one."),
                    key=f"{key}.criteria.{c.name}.{field}",
                )
            elif here < 0:
                faults.add(
                    say("is below 0."),
                    say("Write 0 or more."),
                    key=f"{key}.criteria.{c.name}.{field}",
                    value=f"{here:g}",
                )
    weights = [at(c.weight, round_) or 0.0 for c in section.criteria if c.weight is not None]
    total = sum(weights)
    if weights and total == 0:
        faults.add(say("the weights are all 0."), say("Give at least one criterion a weight."), key=f"{key}.criteria")
    elif weights and min(abs(total - 1), abs(total - 100) / 100) > 1e-9:
        faults.add(
            say("the weights add up to {code_total:.10g}.", code_total=total),
            say("They must add up to 1 or to 100."),
            key=f"{key}.criteria",
        )
    if section.open:
        _check_open(policy, name, section, faults)


def _check_objective(policy: Policy, faults: Faults) -> None:
    kind = policy.objective.kind
    if policy.objective.alpha is not None and kind != "alpha_fair":
        faults.add(
            say("belongs to alpha_fair, the objective is {code_kind}.", code_kind=kind),
            say('Write kind = "alpha_fair", or leave alpha out.'),
            key="objective.alpha",
        )
    if kind == "nearest":
        return
    for name, section in policy.resources.items():
        if section.open:
            faults.add(
                say("an open supply leaves {code_kind} without a limit.", code_kind=kind),
                say('Write a supply, or kind = "nearest" under [objective].'),
                key=f"resources.{name}.supply",
            )
    without = [name for name, section in policy.resources.items() if section.value is None]
    if without and (kind == "benefit" or len(without) < len(policy.resources)):
        for name in without:
            faults.add(
                say(
                    "says nothing of what a unit is worth, which the objective {code} adds up."
                    if kind == "benefit"
                    else "says nothing of what a unit is worth, which the objective {code} needs of every resource or "
                    "of none.",
                    code=kind,
                ),
                say('Write value = "a measure", 0 where it counts for nothing.'),
                key=f"resources.{name}.value",
            )


def _check_open(policy: Policy, name: str, section: ResourceSection, faults: Faults) -> None:
    key = f"resources.{name}"
    if section.claims is not None or any(c.rate is None for c in section.criteria):
        faults.add(
            say("an open supply needs criteria with rates only."), say("Replace weights and claims by rates."), key=key
        )
    if section.reserve:
        faults.add(say("an open supply can hold nothing back."), say("Leave reserve out."), key=f"{key}.reserve")
    if section.arrears:
        faults.add(
            say("an open supply leaves nothing unpaid to catch up with."),
            say("Leave arrears out."),
            key=f"{key}.arrears",
        )
    for rule in policy.rules:
        if isinstance(rule, (Limit, Link)) and rule.of == "share" and name in (rule.named or policy.resources):
            faults.add(say("an open supply has no shares."), say('Write another "of".'), key=f"rules.{rule.name}.of")


def _check_rule(policy: Policy, rule: Rule, faults: Faults) -> None:
    key = f"rules.{rule.name}"
    for name in rule.named:
        if name not in policy.resources:
            faults.add(
                say("is no resource. {code_hint}", code_hint=did_you_mean(name, policy.resources)),
                key=f"{key}.{'to' if isinstance(rule, Link) and name == rule.to else 'resource'}",
                value=name,
            )
    units = {policy.resources[name].unit for name in rule.named if name in policy.resources}
    if len(units) > 1 and not isinstance(rule, Link):
        faults.add(
            say("adds up resources in {code_list}.", code_list=listed(sorted(units))),
            say("Name resources in one unit, or compare them with a link."),
            key=f"{key}.resource",
        )
    known = ("region", "all", *policy.regions.groups)
    if rule.each not in known:
        faults.add(
            say("is neither region, all nor a group column. {code_hint}", code_hint=did_you_mean(rule.each, known)),
            say("Group columns stand in groups under [regions]."),
            key=f"{key}.each",
            value=rule.each,
        )
    for side in ("floor", "cap"):
        for entry in numbers(getattr(rule, side, None)):
            if entry < 0:
                faults.add(say("is below 0."), say("Write 0 or more."), key=f"{key}.{side}", value=f"{entry:g}")


def expressions(policy: Policy) -> Iterator[tuple[str, str | float]]:
    """Every expression of a policy with the key where it stands."""
    for name, measure in policy.measures.items():
        yield f"measures.{name}", measure
    for name, index in policy.indices.items():
        for i in index.indicators:
            yield f"indices.{name}.indicators.{i.name}.measure", i.measure
    for name, section in policy.resources.items():
        key = f"resources.{name}"
        for c in section.criteria:
            yield f"{key}.criteria.{c.name}.measure", c.measure
        for one in section.adjustments:
            if one.measure is not None:
                yield f"{key}.adjustments.{one.name}.measure", one.measure
        if section.claims is not None:
            yield f"{key}.claims.measure", section.claims.measure
        for field in ("where", "contribution", "value"):
            if getattr(section, field) is not None:
                yield f"{key}.{field}", getattr(section, field)
        for stated in section.supply.values() if isinstance(section.supply, dict) else [section.supply]:
            if isinstance(stated, str) and stated != "open":
                yield f"{key}.supply", stated
    for rule in policy.rules:
        if rule.where is not None:
            yield f"rules.{rule.name}.where", rule.where
        for field, measure in rule.measures():
            if measure not in OF:
                yield f"rules.{rule.name}.{field}", measure


def unweighted_means(policy: Policy) -> Iterator[tuple[str, str]]:
    """The expressions, with their keys, that take the mean of a measure per head over regions, not people."""
    people = {"population", policy.regions.population}

    def per_head(tree: ast.expr) -> bool:
        open_, seen = [tree], set()
        while open_:
            for node in ast.walk(open_.pop()):
                match node:
                    case ast.BinOp(op=ast.Div(), right=ast.Name(id=name)) if name in people:
                        return True
                    case ast.Name(id=name) if name in policy.measures and name not in seen:
                        seen.add(name)
                        open_.append(Expression(policy.measures[name]).tree)
        return False

    for key, text in expressions(policy):
        expression = Expression(text, key)
        if any(per_head(tree) for tree in expression.averaged):
            yield key, expression.text


def needs_history(policy: Policy, faults: Faults) -> Iterator[str]:
    """The keys of a policy that read past rounds; faults of the expressions themselves are collected on the way."""
    for key, text in expressions(policy):
        with faults.collect():
            if "previous" in Expression(text, key).names:
                yield key
    for name, section in policy.resources.items():
        if section.arrears:
            yield f"resources.{name}.arrears"
    for rule in policy.rules:
        if getattr(rule, "of", None) == "previous":
            yield f"rules.{rule.name}.of"
        if rule.over > 1:
            yield f"rules.{rule.name}.over"
