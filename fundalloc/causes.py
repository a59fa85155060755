"""Causes: what can differ between two decided rounds, and what does.

pool: supply, reserve and lot. data: the regions and their columns. policy: the key, what it is made of, and who takes
part. rules: the rules and the objective. arrears: what was decided before, how much of it is made good, and what is
agreed outside the key (adjustments).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, TypeVar

from pydantic import BaseModel

from fundalloc.adjustments import Adjustment, settled
from fundalloc.entitlements import ResourceSection
from fundalloc.errors import Faults
from fundalloc.expressions import Expression
from fundalloc.history import History
from fundalloc.indices import Index
from fundalloc.likeness import alike, look_back
from fundalloc.policy import Policy, definitions, expressions, needs_history
from fundalloc.posed import Posed
from fundalloc.regions import Regions
from fundalloc.rounds import at
from fundalloc.rules import Rule
from fundalloc.scope import Scope

CAUSES = ("pool", "data", "policy", "rules", "arrears")
#: what a rule is called and why there is one moves nothing
SAID = frozenset({"name", "why", "reference"})
#: numbers of rules; one that has none says nothing
NUMBERS = ("floor", "cap", "at_most")

T = TypeVar("T", bound=BaseModel)


@dataclass(frozen=True, eq=False)
class Side:
    """One of two rounds, with a policy that says the same in any round.

    Tables by round are the number of this one, a supply is the number it came to, and rules that are not in force or
    only watched are left out.
    """

    policy: Policy
    regions: Regions
    history: History

    @cached_property
    def needed(self) -> Mapping[str, frozenset[str]]:
        """The names of all measures and indices that the key and the rules use, also through each other."""
        rules = [text for where, text in expressions(self.policy) if where.startswith("rules.")]
        known = definitions(self.policy)
        return {"policy": closure(of_key(self.policy), known), "rules": closure(rules, known)}

    @property
    def defined(self) -> Mapping[str, Any]:
        """What each measure and index is."""
        indices = {name: index.model_dump() for name, index in self.policy.indices.items()}
        return {**self.policy.measures, **indices}

    @cached_property
    def stated(self) -> tuple[Expression, ...]:
        """Every expression of the policy."""
        return tuple(Expression(text, key) for key, text in expressions(self.policy))


def fixed(fund: Posed) -> Side:
    """A round as a side of a comparison."""
    policy, round_ = fund.policy, fund.regions.round
    supplies = {one.name: "open" if one.supply is None else one.supply for one in fund.problem.resources}
    scopes = {one.name: one.scope for one in fund.problem.resources}
    valued = policy.objective.kind != "nearest"
    resources = {
        name: section.model_copy(
            update={
                "supply": supplies[name],
                "criteria": tuple(_at(c, round_) for c in section.criteria),
                "adjustments": _adjustments(section, scopes[name]),
                "contribution": None,
                "value": section.value if valued else None,
            }
        )
        for name, section in policy.resources.items()
    }
    rules = [_at(r, round_, first=None, last=None) for r in policy.rules if r.mode != "watch" and r.holds(round_)]
    bare = policy.model_copy(update={"resources": resources, "rules": tuple(r for r in rules if _speaks(r))})
    known = definitions(bare)
    return Side(without_unused(bare, known), fund.regions, fund.history)


def _at(one: T, round_: str, **more: Any) -> T:
    """A part of a policy with the numbers of one round."""
    return one.model_copy(update={name: at(v, round_) for name, v in one if isinstance(v, dict)} | more)


def _adjustments(section: ResourceSection, scope: Scope) -> tuple[Adjustment, ...]:
    found = (settled(one, scope, f"adjustments.{one.name}") for one in section.adjustments)
    return tuple(one for one in found if one is not None)


def _speaks(rule: Rule) -> bool:
    numbers = [getattr(rule, name) for name in NUMBERS if name in type(rule).model_fields]
    return not numbers or any(n is not None for n in numbers)


def of_key(policy: Policy, resource: str = "") -> list[str | float]:
    """The expressions of the key of all resources, or of one."""
    where = f"resources.{resource}." if resource else "resources."
    return [text for key, text in expressions(policy) if key.startswith(where)]


def closure(texts: Iterable[str | float], known: Mapping[str, Any]) -> frozenset[str]:
    """Which of the known measures and indices some expressions use, also through each other."""
    found: set[str] = set()
    open_ = [Expression(text) for text in texts]
    while open_:
        for name in open_.pop().names - found:
            if name in known:
                found.add(name)
                one = known[name]
                open_ += one.expressions(f"indices.{name}") if isinstance(one, Index) else [one]
    return frozenset(found)


def without_unused(policy: Policy, known: Mapping[str, Any]) -> Policy:
    """The policy without measures and indices that nothing uses."""
    bare = policy.model_copy(update={"measures": {}, "indices": {}})
    needed = closure([text for _, text in expressions(bare)], known)
    kept = {
        field: {n: v for n, v in getattr(policy, field).items() if n in needed} for field in ("measures", "indices")
    }
    return policy.model_copy(update=kept)


def changed(old: Side, new: Side) -> tuple[str, ...]:
    """The causes that differ between two rounds, in the order of CAUSES."""
    both = [name for name in old.policy.resources if name in new.policy.resources]
    same = {
        "pool": _pools(old, both) == _pools(new, both),
        "data": _same_data(old, new),
        "policy": _key(old, new) == _key(new, old),
        "rules": _rules(old, both) == _rules(new, both),
        "arrears": _rates(old, both) == _rates(new, both) and (not _reads(old, new) or _past(old) == _past(new)),
    }
    return tuple(name for name in CAUSES if not same[name])


def _same_data(old: Side, new: Side) -> bool:
    stated = (*old.stated, *new.stated)
    back = look_back(stated) or any(rule.over > 1 for side in (old, new) for rule in side.policy.rules)
    return alike(old.regions, new.regions, frozenset(n for e in stated for n in e.names), back=back)


def _pools(side: Side, names: Iterable[str]) -> dict[str, Any]:
    return {n: (s.supply, s.reserve, s.lot) for n in names for s in [side.policy.resources[n]]}


def _key(side: Side, other: Side) -> Any:
    """What the key says, with the measures that it uses, or that rules of both rounds could use."""
    resources = {
        name: (s.where, s.claims, [(c.weight, c.rate, c.measure) for c in s.criteria])
        for name, s in side.policy.resources.items()
    }
    shared = (side.needed["rules"] | other.needed["rules"]) & set(side.defined) & set(other.defined)
    relevant = side.needed["policy"] | other.needed["policy"] | shared
    return resources, {name: one for name, one in side.defined.items() if name in relevant}


def _rules(side: Side, names: Iterable[str]) -> Any:
    aim = side.policy.objective
    values = {n: side.policy.resources[n].value for n in names}
    return aim.kind, aim.aversion, values, [(type(r), r.model_dump(exclude=set(SAID))) for r in side.policy.rules]


def _rates(side: Side, names: Iterable[str]) -> dict[str, Any]:
    """How much of the past is made good, and what is agreed outside the key."""
    return {n: (s.arrears, [a.amounts for a in s.adjustments]) for n in names for s in [side.policy.resources[n]]}


def _reads(*sides: Side) -> bool:
    return any(True for side in sides for _ in needs_history(side.policy, Faults()))


def _past(side: Side) -> Any:
    records = side.history.records
    return side.history.rounds, {n: records[n] for n in side.policy.resources if n in records}
