"""Mixtures: rounds that never were, with some causes of the amounts as in one round, the others as in another."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from fundalloc.causes import CAUSES, Side, without_unused
from fundalloc.conflicts import possible
from fundalloc.decision import unrounded
from fundalloc.entitlements import ResourceSection
from fundalloc.errors import ConflictError, InputError, SolverError
from fundalloc.orders import Block, partitions, unions
from fundalloc.policy import check_policy, definitions, pose
from fundalloc.problem import FloatArray, Problem
from fundalloc.rules import Statement

#: what is told as one first where mixtures cannot be computed
TOGETHER = ("data", "policy")


@dataclass(frozen=True, eq=False)
class Mixture:
    """A round that never was, with each cause as in the one or the other round."""

    problem: Problem
    statements: tuple[Statement, ...]


def mixture(sides: Mapping[str, Side]) -> Mixture:
    """The round with each cause as one side has it. Raises InputError where it cannot be computed.

    Resources are those of the policy. A rule that names one that is not there says nothing. Measures and indices are
    those of the policy, with what the rules need besides.
    """
    key, rules = sides["policy"].policy, sides["rules"].policy
    resources = {name: _resource(name, section, sides) for name, section in key.resources.items()}
    own = {*key.measures, *key.indices}
    policy = key.model_copy(
        update={
            "resources": resources,
            "rules": tuple(r for r in rules.rules if set(r.named) <= set(resources)),
            "objective": rules.objective,
            "regions": sides["data"].policy.regions,
            "measures": {**{n: m for n, m in rules.measures.items() if n not in own}, **key.measures},
            "indices": {**{n: i for n, i in rules.indices.items() if n not in own}, **key.indices},
        }
    )
    policy = without_unused(policy, definitions(policy))
    regions = sides["data"].regions
    check_policy(policy, regions.round, True)
    return Mixture(*pose(policy, regions, sides["arrears"].history))


def _resource(name: str, section: ResourceSection, sides: Mapping[str, Side]) -> ResourceSection:
    pool, rules, arrears = (sides[c].policy.resources.get(name, section) for c in ("pool", "rules", "arrears"))
    return section.model_copy(
        update={
            "supply": pool.supply,
            "reserve": pool.reserve,
            "lot": pool.lot,
            "rounding": pool.rounding,
            "value": rules.value,
            "arrears": arrears.arrears,
            "adjustments": arrears.adjustments,
        }
    )


class Mixtures:
    """The mixtures of two rounds, the old one first, and which of them can be computed. reason: why one cannot."""

    def __init__(self, old: Side, new: Side) -> None:
        self._sides = old, new
        self._known: dict[frozenset[str], bool] = {}
        self.reason = ""

    def of(self, causes: frozenset[str]) -> Mixture:
        """The mixture with some causes as in the new round. Raises InputError where it cannot be computed."""
        return mixture({cause: self._sides[cause in causes] for cause in CAUSES})

    def blocks(self, differs: Sequence[str]) -> tuple[Block, ...]:
        """The causes in as many parts as can be told apart: all their mixtures can be computed."""
        ends: tuple[frozenset[str], ...] = (frozenset(), frozenset(differs))
        return next(
            way
            for way in partitions(differs, TOGETHER)
            if all(causes in ends or self._possible(causes) for causes in unions(way))
        )

    def _possible(self, causes: frozenset[str]) -> bool:
        if causes not in self._known:
            try:
                self.of(causes)
                self._known[causes] = True
            except InputError as error:
                self.reason = self.reason or str(error.faults[0])
                self._known[causes] = False
        return self._known[causes]


def decided(one: Mixture) -> tuple[FloatArray, bool]:
    """The amounts of a mixture, and whether required rules had to yield because no allocation keeps them."""
    required = [s for s in one.statements if s.mode == "require"]
    lasting = [s for s in required if not s.or_nothing]
    if not lasting or possible(one.problem, lasting, None) is not False:
        try:
            return unrounded(one.problem, one.statements), False
        except (ConflictError, SolverError):
            pass
    preferred = [s for s in one.statements if s.mode != "require"]
    return unrounded(one.problem, [*(replace(s, mode="prefer") for s in required), *preferred]), True
