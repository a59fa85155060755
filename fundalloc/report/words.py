"""Words: a policy and an amount as a person would explain them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from decimal import Decimal
from typing import Any, NamedTuple

import numpy as np

from fundalloc.errors import Fault, InputError, did_you_mean
from fundalloc.explain import BESIDE_THE_KEY
from fundalloc.policy import Policy
from fundalloc.problem import Problem, Resource
from fundalloc.rounds import at
from fundalloc.rules import Curve, Rows, Statement

Row = Mapping[str, str]
#: what the steps of rules are where they are not read from multipliers
ACCOUNTING = {
    "shapley": "What a rule gives or takes is what it changes, averaged over all orders in which the binding rules "
    "can be added (Shapley value).",
    "order": "What a rule gives or takes is what it changes when the binding rules are added in the order of the "
    "policy.",
}

#: how strictly a rule holds
MODES = {"require": "required", "prefer": "preferred", "watch": "only watched"}


def money(text: str | Decimal, unit: str = "") -> str:
    """An amount with separators for thousands and its unit."""
    if text == "":
        return "-"
    return f"{Decimal(text):,f} {unit}".rstrip()


def signed(text: str | Decimal) -> str:
    """An amount with its sign."""
    return f"{Decimal(text):+,f}"


def percent(text: str) -> str:
    """A share as per cent."""
    return f"{100 * float(text):.2f} %" if text else "-"


def change_in_percent(row: Row) -> str:
    """By how many per cent an amount differs from that of the last round; empty where that was 0 or is not known."""
    before = Decimal(row["previous"] or 0)
    return f"{100 * (Decimal(row['amount']) / before - 1):+.2f} %" if before else ""


def heads(values: Iterable[str]) -> int:
    """For how many heads amounts a head are printed: 1, or the power of ten that makes them readable."""
    largest = max((float(v) for v in values if v), default=1.0)
    count = 1
    while 0 < largest * count < 1 and count < 10**9:
        count *= 10
    return count


def per_heads(count: int) -> str:
    """The words for that number of heads."""
    return "a head" if count == 1 else f"per {count:,} heads"


def find_region(rows: Sequence[Row], wanted: str) -> str:
    """The id of a region by its id or its name; a fault with the nearest known ones."""
    ids = {r["region_id"] for r in rows}
    if wanted in ids:
        return wanted
    named = {r["region_name"].casefold(): r["region_id"] for r in rows}
    if wanted.casefold() in named:
        return named[wanted.casefold()]
    known = ids | {r["region_name"] for r in rows}
    raise InputError([Fault(f"is no region of this round. {did_you_mean(wanted, known)}", value=wanted)])


def explanation(allocation: Sequence[Row], steps: Sequence[Row], summary: Mapping[str, Any], region: str) -> str:
    """One region's amounts, step by step: from the equal share to the last lot."""
    blocks = []
    for row in allocation:
        if row["region_id"] == region:
            mine = [s for s in steps if s["region_id"] == region and s["resource"] == row["resource"]]
            blocks.append("\n".join(_block(row, mine, summary)))
    return "\n\n".join(blocks)


class Line(NamedTuple):
    """One line of an explanation: a step with its sign, or what the steps so far add up to (kind "sum")."""

    name: str
    figure: str
    why: str
    kind: str


def step_lines(row: Row, steps: Sequence[Row], summary: Mapping[str, Any]) -> list[Line]:
    """The way from the equal share to an amount, line by line. row: of allocation.csv; steps: its rows of steps.csv."""
    rules = {r["name"]: r for r in summary["rules"]}
    whys = summary["why"].get(row["resource"], {})
    lines: list[Line] = []
    for one in stages(row, steps):
        if isinstance(one, tuple):
            lines.append(Line(one[0], money(one[1]), one[2], "sum"))
            continue
        name, kind = one["step"], one["kind"]
        why = whys.get(name, "")
        if kind == "rule":
            rule = rules.get(name)
            binds = name in row["held_by"].split("; ")
            what = "holds this amount" if binds else "its part of what others receive or give up"
            why = f"{what}: {rule['sentence']}" if rule and binds else what
            name = f"rule: {name}"
        if kind == "objective":
            name = f"objective: {summary['objective']['kind']}"
        lines.append(Line(name, signed(one["amount"]), why, kind))
    lines.append(Line("= amount", money(row["amount"]), "", "sum"))
    return lines


def _block(row: Row, steps: Sequence[Row], summary: Mapping[str, Any]) -> Iterator[str]:
    yield (
        f"{row['region_name']} ({row['region_id']}) gets {money(row['amount'], row['unit'])} of {row['resource']} "
        f"in {summary['round']}."
    )
    yield from aligned([(one.name, one.figure, one.why) for one in step_lines(row, steps, summary)])
    yield f"  {fact_sentence(row)}"
    if ACCOUNTING.get(summary["accounting"]) and any(s["kind"] == "rule" for s in steps):
        yield f"  {ACCOUNTING[summary['accounting']]}"


def fact_sentence(row: Row, count: int | None = None) -> str:
    """What an amount is a head, of the entitlement, of what is shared out and beside the last round.

    count: for how many heads; left out: for as many as make it readable.
    """
    facts = []
    if row["per_head"]:
        count = count or heads([row["per_head"]])
        facts.append(f"{float(row['per_head']) * count:,.2f} {row['unit']} {per_heads(count)}")
    if row["coverage"]:
        facts.append(f"{percent(row['coverage'])} of its entitlement")
    facts.append(f"{percent(row['share'])} of what is shared out")
    if row["previous"]:
        ratio = change_in_percent(row)
        facts.append(f"last round {money(row['previous'])}{f' ({ratio})' if ratio else ''}")
    return f"That is {'; '.join(facts)}."


def stages(row: Row, steps: Sequence[Row]) -> Iterator[Row | tuple[str, str, str]]:
    """The steps of an amount, and between them the sums on the way: name, amount, what it is."""
    kinds = {s["kind"] for s in steps}
    after = ("supply", "objective", "rule", "rounding")
    told: set[str] = set()
    for k, step in enumerate(steps):
        name, kind = step["step"], step["kind"]
        for sum_, due, amount, what in (
            (
                "= entitlement",
                k > 0 and kind in (*BESIDE_THE_KEY, *after),
                row["entitlement"],
                "what the key alone gives",
            ),
            (
                "= decided before",
                bool(row.get("decided")) and (name.startswith("event: ") or kind in after),
                row.get("decided", ""),
                "the amount before the events",
            ),
            ("= target", kind in after and bool(kinds & {*BESIDE_THE_KEY}), row["target"], _aims(row, kinds)),
        ):
            if due and sum_ not in told:
                told.add(sum_)
                yield sum_, amount, what
        yield step


def _aims(row: Row, kinds: set[str]) -> str:
    """What a target is made of."""
    if row.get("decided"):
        return "decided before, and what the events ask for"
    names = {"arrears": "arrears", "adjustment": "adjustments"}
    return " and ".join(["entitlement", *(name for kind, name in names.items() if kind in kinds)])


def aligned(lines: Sequence[tuple[str, str, str]]) -> Iterator[str]:
    """Steps of a sum, each with its name, its amount and what it is, in columns."""
    left = max(len(a) for a, _, _ in lines)
    right = max(len(b) for _, b, _ in lines)
    for name, amount, why in lines:
        yield f"  {name:<{left}}  {amount:>{right}}  {why}".rstrip()


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


def whys(steps: Iterable[Any]) -> dict[str, dict[str, str]]:
    """The reasons of the steps, by resource and step."""
    found: dict[str, dict[str, str]] = {}
    for step in steps:
        if step.why:
            found.setdefault(step.resource, {})[step.name] = step.why
    return found
