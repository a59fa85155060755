"""Weights: every number of a policy that says how much something counts, and the policy with others in their place."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from pydantic import FiniteFloat

from fundalloc.causes import without_unused
from fundalloc.entitlements import ResourceSection
from fundalloc.indices import Index
from fundalloc.policy import Policy, definitions
from fundalloc.problem import FloatArray, Problem
from fundalloc.rounds import at
from fundalloc.spreads import Weight


class Shaken(Index):
    """An index each of whose weights, wherever they come from, is multiplied by a factor."""

    factors: tuple[FiniteFloat, ...]

    def _weigh(self, u: FloatArray) -> FloatArray:
        weights: FloatArray = super()._weigh(u) * self.factors
        return weights


def weights(policy: Policy, problem: Problem) -> tuple[Weight, ...]:
    """The weights of criteria and of the indicators of all indices that are used, those that can matter.

    One that stands alone always counts in full, one of 0 never. Rates are amounts, but where a fixed supply scales them
    they are weights too.
    """
    found = [
        weight
        for name, section in policy.resources.items()
        for weight in _of_criteria(name, section, problem.regions.round)
    ]
    scopes = {name: r.scope.full or r.scope for r in problem.resources for name in policy.indices}
    for name, index in without_unused(policy, definitions(policy)).indices.items():
        found += _of_index(name, index, scopes[name])
    return tuple(found)


def _of_criteria(resource: str, section: ResourceSection, round_: str) -> Iterator[Weight]:
    field = "rate" if scaled(section) else "weight"
    stated = {c.name: float(at(getattr(c, field), round_) or 0.0) for c in section.criteria}
    total = sum(stated.values())
    if sum(w > 0 for w in stated.values()) > 1:
        for name, weight in stated.items():
            if weight > 0:
                key = f"resources.{resource}.criteria.{name}.{field}"
                yield Weight(key, f"{name} ({resource})", weight / total)


def _of_index(name: str, index: Index, scope: Any) -> Iterator[Weight]:
    computed = index.compute(scope, f"indices.{name}").weights.tolist()
    if sum(w > 0 for w in computed) > 1:
        for one, weight in zip(index.indicators, computed, strict=True):
            if weight > 0:
                yield Weight(f"indices.{name}.indicators.{one.name}.weight", f"{one.name} ({name})", weight)


def scaled(section: ResourceSection) -> bool:
    """Whether a fixed supply scales the rates of a key, so that they count like weights."""
    return not section.open and bool(section.criteria) and all(c.rate is not None for c in section.criteria)


def shaken(policy: Policy, round_: str, factors: Mapping[str, float]) -> Policy:
    """The policy with each weight multiplied by its factor, if it has one; those of a key add up to what they did."""
    resources = {name: _resource(name, section, round_, factors) for name, section in policy.resources.items()}
    indices = {}
    for name, index in policy.indices.items():
        mine = tuple(factors.get(f"indices.{name}.indicators.{i.name}.weight", 1.0) for i in index.indicators)
        indices[name] = Shaken.model_construct(**dict(index), factors=mine)
    return policy.model_copy(update={"resources": resources, "indices": indices})


def _resource(name: str, section: ResourceSection, round_: str, factors: Mapping[str, float]) -> ResourceSection:
    field = "rate" if scaled(section) else "weight"
    stated = [at(getattr(c, field), round_) for c in section.criteria]
    drawn = [
        (w or 0.0) * factors.get(f"resources.{name}.criteria.{c.name}.{field}", 1.0)
        for w, c in zip(stated, section.criteria, strict=True)
    ]
    if not sum(drawn) > 0:
        return section
    scale = sum(w or 0.0 for w in stated) / sum(drawn)
    criteria = tuple(
        c if w is None else c.model_copy(update={field: d * scale})
        for c, w, d in zip(section.criteria, stated, drawn, strict=True)
    )
    return section.model_copy(update={"criteria": criteria})
