"""The summary of a decision: totals, inequality before and after, rules, versions, hashes."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

import numpy as np

from fundalloc.decided import Decision
from fundalloc.explain import Step, printed_unit
from fundalloc.flags import Flag
from fundalloc.inequality import gini, hoover, theil
from fundalloc.language import recorded, say
from fundalloc.objectives import attained, proven_to
from fundalloc.policy import Policy
from fundalloc.problem import FloatArray, Problem, Resource
from fundalloc.report.texts import decimal, number, plain_lot
from fundalloc.rules import Rule
from fundalloc.sources import Source

if TYPE_CHECKING:
    from fundalloc.prices import Price

FORMAT = 1
#: the packages whose versions can change what is decided
PACKAGES = ("fundalloc", "highspy", "numpy", "pyomo", "scipy")
MEASURES = {"gini": gini, "hoover": hoover, "theil": theil}


def versions(packages: Iterable[str]) -> dict[str, str]:
    """The versions of packages that are installed, by name."""
    return {name: version(name) for name in packages}


def summarise(
    policy: Policy,
    decision: Decision,
    steps: Sequence[Step],
    flags: Sequence[Flag],
    inputs: Mapping[str, Source],
    settings: Sequence[str] = (),
    prices: Mapping[str, Sequence[Price]] | None = None,
    *,
    by: Mapping[str, str],
) -> dict[str, Any]:
    """What summary.json holds, without the hashes of the other files.

    prices: of the binding rules, by rule. by: versions of the packages that decided.
    """
    problem = decision.problem
    return {
        "fundalloc": {"format": FORMAT, "version": by["fundalloc"]},
        "title": policy.fund.title,
        "round": problem.round,
        **_spoken(policy),
        "reference": policy.fund.reference,
        "status": "optimal",
        "objective": {
            "kind": policy.objective.kind,
            "alpha": policy.objective.aversion if policy.objective.kind == "alpha_fair" else None,
            "value": number(attained(problem, decision.optimum.amounts), 6),
            "proven_to": number(proven_to(problem)),
        },
        "accounting": decision.accounting,
        "resources": {one.name: _resource(one, decision, r, steps) for r, one in enumerate(problem.resources)},
        "rules": [_rule(policy, decision, steps, prices or {}, k) for k in range(len(policy.rules))],
        "flags": dict(sorted(Counter(f.severity for f in flags).items())),
        "versions": dict(by),
        "inputs": {name: {"file": s.file, "sha256": s.sha256} for name, s in sorted(inputs.items())},
        "settings": list(settings),
    }


def _spoken(policy: Policy) -> dict[str, Any]:
    """In which language the round was decided, with what the policy says in it; nothing where in its own words."""
    language = recorded()
    if language is None:
        return {}
    return {"language": language, "translations": dict(policy.translations.get(language, {}))}


def _resource(one: Resource, decision: Decision, r: int, steps: Sequence[Step]) -> dict[str, Any]:
    problem = decision.problem
    lots = decision.lots[problem.block(r)]
    lot = plain_lot(one.lot)
    amounts = decision.amounts[problem.block(r)]
    moved = [int(np.abs(s.units).sum()) for s in steps if s.resource == one.name and s.kind == "rule"]
    total = decimal(int(lots.sum()), lot)
    return {
        "unit": one.unit,
        "lot": str(lot),
        "supply": "open" if one.supply is None else format(one.supply, "f"),
        "reserve": format(one.reserve, "f"),
        "shared_out": total if one.lots is None else decimal(one.lots, lot),
        "amounts": total,
        "regions": problem.n,
        "take_part": int(one.takes_part.sum()),
        "asked": None if one.asked is None else number(one.asked, 15),
        "scale": None if one.scale is None else number(one.scale),
        "worth_of_a_unit": None if np.isnan(decision.worth[r]) else number(decision.worth[r], 6),
        "moved_by_rules": decimal(sum(moved) // 2, printed_unit(one.lot)),
        "inequality": {
            "per": "region" if problem.regions.population is None else "head",
            "before": unequal(problem, one, one.entitlement),
            "after": unequal(problem, one, amounts),
        },
    }


def unequal(problem: Problem, one: Resource, amounts: FloatArray) -> dict[str, str]:
    """How unequal amounts of a resource are among those who take part: per head, per region without population."""
    heads = problem.regions.population
    basis = np.where(one.takes_part, 1.0 if heads is None else heads, 0.0)
    return {name: number(f(amounts, basis), 8) for name, f in MEASURES.items()}


def _priced(rule: Rule, price: Price, unit: str) -> dict[str, Any]:
    step = rule.step(unit)[1]
    moved = number(price.moved, 6)  # a float of the solver: further digits are those of a machine
    words = say(
        "{step} more on the floor moves {amount} {unit} of {resource} from {givers} to {takers} regions, at the margin."
        if price.side == "floor"
        else "{step} less on the cap moves {amount} {unit} of {resource} from {givers} to {takers} regions, at the "
        "margin.",
        step=f"{step[:1].upper()}{step[1:]}",
        amount=f"{float(moved):,.6g}" if float(moved) < 1000 else f"{float(moved):,.0f}",
        unit=unit,
        resource=price.resource,
        givers=price.givers,
        takers=price.takers,
    )
    return {
        "resource": price.resource,
        "side": price.side,
        "step": price.step,
        "moved": moved,
        "givers": price.givers,
        "takers": price.takers,
        "words": words,
    }


def _rule(
    policy: Policy, decision: Decision, steps: Sequence[Step], priced: Mapping[str, Sequence[Price]], k: int
) -> dict[str, Any]:
    rule = policy.rules[k]
    problem = decision.problem
    concerned = [one for one in problem.resources if rule.concerns(one)]
    units = {one.unit for one in concerned}
    bound = [b for b in decision.bindings if b.rows.rule == rule.name]
    moved = {
        s.resource: decimal(int(np.abs(s.units).sum() + abs(s.fund)) // 2, printed_unit(one.lot))
        for one in concerned
        for s in steps
        if s.resource == one.name and s.kind == "rule" and s.name == rule.name
    }
    return {
        "name": rule.name,
        "kind": rule.kind,
        "mode": rule.mode,
        "in_force": rule.holds(problem.round),
        "sentence": rule.sentence(units.pop() if len(units) == 1 else "units", problem.round),
        "why": rule.why,
        "reference": rule.reference,
        "places": sum(len(r) for r in decision.rules if r.rule == rule.name),
        "binding": sum(int(b.binds.sum()) for b in bound),
        "moved": moved,
        "conceded": sum(int((g > 0).sum()) for (name, _), g in decision.concessions.items() if name == rule.name),
        "price": [
            _priced(rule, price, next(r.unit for r in problem.resources if r.name == price.resource))
            for price in priced.get(rule.name, ())
        ],
    }


def to_json(content: Mapping[str, Any]) -> bytes:
    """JSON text, the same bytes for the same content."""
    return (json.dumps(content, ensure_ascii=False, indent=2) + "\n").encode()


def sha256(content: bytes) -> str:
    """The SHA-256 of a content, in hexadecimal digits."""
    return hashlib.sha256(content).hexdigest()
