"""Places: whom a rule adds up, what its bounds are multiples of, and what past rounds have paid there."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from fundalloc.errors import Faults
from fundalloc.expressions import Expression
from fundalloc.flags import Flag
from fundalloc.language import say
from fundalloc.problem import BoolArray, FloatArray, PastRound, Problem, Resource
from fundalloc.rules.base import Rule
from fundalloc.scope import Scope
from fundalloc.sparse import csr_array

PER_PLACE = ("amount", "share")


@dataclass(frozen=True, eq=False)
class Places:
    """The places of a rule on one resource, or on several added up.

    matrix: places x cells, ones where a cell is added up. basis: what bounds are multiples of, one per
    place, past rounds included. paid: what those past rounds paid. regions: places x regions.
    """

    labels: tuple[str, ...]
    matrix: csr_array
    basis: FloatArray
    paid: FloatArray
    regions: csr_array


@dataclass(frozen=True, eq=False)
class Bundle:
    """One resource, or several that are added up."""

    problem: Problem
    indices: tuple[int, ...]

    @cached_property
    def resources(self) -> tuple[Resource, ...]:
        """The resources in it."""
        return tuple(self.problem.resources[r] for r in self.indices)

    @property
    def name(self) -> str:
        """The names of the resources."""
        return " + ".join(r.name for r in self.resources)

    @property
    def shared_out(self) -> float:
        """What is shared out of all of them."""
        return sum(r.shared_out for r in self.resources)

    @cached_property
    def takes_part(self) -> BoolArray:
        """Who takes part in at least one of them."""
        return np.asarray(np.any([r.takes_part for r in self.resources], axis=0))

    @cached_property
    def entitlement(self) -> FloatArray:
        """The entitlements of each region added up."""
        return np.asarray(sum(r.entitlement for r in self.resources))

    @cached_property
    def past(self) -> tuple[PastRound, ...]:
        """The recorded rounds added up, the latest first; NaN where no resource has a record."""
        if len(self.resources) == 1:
            return self.resources[0].past
        return tuple(
            PastRound(same[0].round, _added([p.entitlement for p in same]), _added([p.amount for p in same]))
            for same in zip(*(r.past for r in self.resources), strict=True)
        )

    @cached_property
    def scope(self) -> Scope:
        """What measures can see of it."""
        first = self.resources[0].scope
        if len(self.resources) == 1:
            return first
        given = {"entitlement": self.entitlement}
        if self.past:
            given["previous"] = np.nan_to_num(self.past[0].amount, nan=0.0)
        return (first.full or first).among(self.takes_part).giving(**given)


def _added(arrays: list[FloatArray]) -> FloatArray:
    """The sum of records; NaN where all of them are."""
    stack = np.array(arrays)
    return np.asarray(np.where(np.isnan(stack).all(axis=0), np.nan, np.nansum(stack, axis=0)))


def places(
    rule: Rule,
    of: str | float,
    bundle: Bundle,
    faults: Faults,
    flags: list[Flag],
    among: BoolArray | None = None,
) -> Places | None:
    """The places of a rule; None where there is no place, or faults were found.

    A region that takes no part counts only in a place of its own. among: those it can speak of at all.
    """
    known = len(faults.found)
    n, scope = bundle.problem.n, bundle.scope
    chosen = _chosen(rule, scope, faults)
    if among is not None:
        chosen &= among
    basis = _of(rule, of, bundle, scope, bundle.entitlement, bundle.past, faults)
    if of == "previous":
        flags += [
            Flag(
                "info",
                "no_record",
                scope.regions.ids[i],
                say(
                    "{region} has no record of the last round: rule {rule} does not bind it.",
                    region=scope.regions.names[i],
                    rule=rule.name,
                ),
                bundle.name,
            )
            for i in np.flatnonzero(chosen & np.isnan(basis) & bundle.takes_part)
        ]
    bound = chosen & np.isfinite(basis)
    if rule.each != "region":
        bound &= bundle.takes_part
    expression = Expression(of, f"rules.{rule.name}.of")
    scope.check_not_below_zero(np.where(bound, basis, 0.0), expression, say("what a bound is a multiple of"), faults)
    if len(faults.found) > known:
        return None
    if not bound.any():
        if of != "previous" or not chosen.any():
            flags.append(
                Flag(
                    "warning",
                    "no_place",
                    rule.name,
                    say("Rule {rule} meets no region of {resource}.", rule=rule.name, resource=bundle.name),
                    bundle.name,
                )
            )
        return None
    labels, codes = _labels(rule, scope, bound)
    members = np.flatnonzero(bound)
    regions = csr_array((np.ones(len(members)), (codes[members], members)), shape=(len(labels), n))
    alone = np.full(len(labels), bundle.shared_out if of == "share" else 1.0)
    basis = alone if of in PER_PLACE else np.asarray(regions @ basis)
    paid = np.zeros(len(labels))
    for back in range(1, min(rule.over, len(bundle.past) + 1)):
        more, amount = _past(rule, of, bundle, back, faults)
        if len(faults.found) > known:
            return None
        there = regions @ (~np.isnan(amount)).astype(float) > 0
        basis = basis + (np.where(there, more[0], 0.0) if of in PER_PLACE else regions @ np.nan_to_num(more))
        paid += regions @ np.nan_to_num(amount)
    return Places(labels, _cells(rule, bundle, bound, codes, len(labels)), basis, paid, regions)


def _cells(rule: Rule, bundle: Bundle, bound: BoolArray, codes: np.ndarray, count: int) -> csr_array:
    """The cells that each place adds up."""
    rows, columns = [], []
    for r, resource in zip(bundle.indices, bundle.resources, strict=True):
        mine = np.flatnonzero(bound if rule.each == "region" else bound & resource.takes_part)
        rows.append(codes[mine])
        columns.append(mine + r * bundle.problem.n)
    at = (np.concatenate(rows), np.concatenate(columns))
    return csr_array((np.ones(len(at[0])), at), shape=(count, bundle.problem.cells))


def _chosen(rule: Rule, scope: Scope, faults: Faults) -> BoolArray:
    if rule.where is None:
        return np.ones(len(scope.regions.ids), dtype=bool)
    values = scope.finite(Expression(rule.where, f"rules.{rule.name}.where"), faults)
    return np.asarray(np.isfinite(values) & (values != 0))


def _of(
    rule: Rule,
    of: str | float,
    bundle: Bundle,
    scope: Scope,
    entitlement: FloatArray,
    past: tuple[PastRound, ...],
    faults: Faults,
) -> FloatArray:
    """What the bound is a multiple of, per region; NaN for a region that is not bound."""
    count = bundle.problem.n
    if of in PER_PLACE:
        return np.ones(count)
    if of == "entitlement":
        return entitlement
    if of == "previous":
        return past[0].amount if past else np.full(count, np.nan)
    key = f"rules.{rule.name}.of"
    if of == "head":
        if scope.regions.population is None:
            faults.add(
                say('of = "head" needs the population.'),
                say('Write population = "<column>" under [regions].'),
                key=key,
                file="",
            )
            return np.zeros(count)
        of = "population"
    return scope.finite(Expression(of, key), faults)


def _past(rule: Rule, of: str | float, bundle: Bundle, back: int, faults: Faults) -> tuple[FloatArray, FloatArray]:
    """`of` and the amounts of the round `back` rounds before; per place a single number."""
    record = bundle.past[back - 1]
    there = ~np.isnan(record.amount)
    if of == "amount":
        return np.ones(1), record.amount
    if of == "share":
        return np.array([record.amount[there].sum()]), record.amount
    if of in ("entitlement", "previous"):
        basis = _of(rule, of, bundle, bundle.scope, record.entitlement, bundle.past[back:], faults)
        return basis, record.amount
    earlier = bundle.scope.earlier(back)
    if earlier is None or earlier.regions.round != record.round:
        faults.add(
            say("needs the data of round {code_round}, which the regions file does not hold.", code_round=record.round),
            say("Add the rows of that round, or lower over."),
            key=f"rules.{rule.name}.over",
            value=str(rule.over),
            file="",
        )
        return np.zeros(len(there)), record.amount
    basis = _of(rule, of, bundle, earlier, record.entitlement, bundle.past[back:], faults)
    return np.where(there, basis, 0.0), record.amount


def _labels(rule: Rule, scope: Scope, bound: BoolArray) -> tuple[tuple[str, ...], np.ndarray]:
    """The names of the places, and for each bound region the number of its place."""
    codes = np.full(len(bound), -1)
    members = np.flatnonzero(bound)
    if rule.each == "region":
        codes[members] = np.arange(len(members))
        ids = scope.regions.ids
        return ids if bound.all() else tuple(ids[i] for i in members.tolist()), codes
    if rule.each == "all":
        codes[members] = 0
        return ("all",), codes
    labels, found = np.unique(scope.regions.groups[rule.each][members].astype(str), return_inverse=True)
    codes[members] = found
    return tuple(labels.tolist()), codes
