"""The rule limit: floors, caps, shares, hold harmless, pace of change, quotas of groups."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal, Self

import numpy as np
from pydantic import Field, FiniteFloat, model_validator
from scipy.sparse import csr_array

from fundalloc.errors import Faults
from fundalloc.expressions import Expression
from fundalloc.flags import Flag
from fundalloc.problem import BoolArray, FloatArray, IntArray, PastRound, Problem, Resource
from fundalloc.rounds import at
from fundalloc.rules.base import Rule
from fundalloc.rules.rows import Rows
from fundalloc.scope import Scope

NumberByRound = FiniteFloat | dict[str, FiniteFloat]
PER_PLACE = ("amount", "share")


class Limit(Rule):
    """floor * of <= amount <= cap * of, for each region, each group, or all together.

    Both sides are added up over the place, and over the rounds where `over` is above 1.
    """

    kind: Literal["limit"]
    of: str | FiniteFloat = Field("amount", description="amount | share | head | entitlement | previous | any measure.")
    floor: NumberByRound | None = Field(None, description="Least amount, as a multiple of `of`.")
    cap: NumberByRound | None = Field(None, description="Greatest amount, as a multiple of `of`.")
    or_nothing: bool = Field(False, description="Not available in this version.")

    @model_validator(mode="after")
    def _bounds(self) -> Self:
        if self.or_nothing:
            raise ValueError("or_nothing is not available in this version; leave it out")
        if self.floor is None and self.cap is None:
            raise ValueError("has neither a floor nor a cap; write at least one of them")
        for round_ in {*_rounds(self.floor), *_rounds(self.cap)} or {""}:
            floor, cap = self.bounds(round_)
            if floor is not None and cap is not None and floor > cap:
                raise ValueError(f"floor {floor:g} is above cap {cap:g}; exchange them or change one")
        return self

    def bounds(self, round_: str) -> tuple[float | None, float | None]:
        """Floor and cap in a round, None where there is none."""
        return (
            None if self.floor is None else at(self.floor, round_),
            None if self.cap is None else at(self.cap, round_),
        )

    def rows(self, problem: Problem, index: int, faults: Faults, flags: list[Flag]) -> Rows | None:
        """One row for each place; a region that takes no part is bound only by rows of its own."""
        resource = problem.resources[index]
        known = len(faults.found)
        chosen = self._chosen(resource, faults)
        of = self._of(resource, resource.scope, resource.entitlement, resource.past, faults)
        if self.of == "previous":
            unbound = chosen & np.isnan(of)
            flags += [
                Flag(
                    "info",
                    "no_record",
                    resource.scope.regions.ids[i],
                    f"{resource.scope.regions.names[i]} has no record of the last round: "
                    f"rule {self.name} does not bind it.",
                    resource.name,
                )
                for i in np.flatnonzero(unbound & resource.takes_part)
            ]
        bound = chosen & np.isfinite(of)
        if self.each != "region":
            bound &= resource.takes_part
        expression = Expression(self.of, f"rules.{self.name}.of")
        resource.scope.check_not_below_zero(
            np.where(bound, of, 0.0), expression, "what a bound is a multiple of", faults
        )
        if len(faults.found) > known:
            return None
        if not bound.any():
            if self.of != "previous" or not chosen.any():
                flags.append(
                    Flag(
                        "warning",
                        "no_place",
                        self.name,
                        f"Rule {self.name} meets no region of {resource.name}.",
                        resource.name,
                    )
                )
            return None
        members = np.flatnonzero(bound)
        places, codes = self._places(resource.scope, members)
        count = len(places)

        def added(values: FloatArray) -> FloatArray:
            return np.bincount(codes, np.nan_to_num(values[members]), count).astype(float)

        alone = np.full(count, resource.shared_out if self.of == "share" else 1.0)
        basis = alone if self.of in PER_PLACE else added(of)
        paid = np.zeros(count)
        for back in range(1, min(self.over, len(resource.past) + 1)):
            more, amount = self._past(resource, back, faults)
            if len(faults.found) > known:
                return None
            there = added((~np.isnan(amount)).astype(float)) > 0
            basis = basis + (np.where(there, more[0], 0.0) if self.of in PER_PLACE else added(more))
            paid += added(amount)
        floor, cap = self.bounds(problem.round)
        low = np.full(len(places), -np.inf) if floor is None else floor * basis - paid
        high = np.full(len(places), np.inf) if cap is None else cap * basis - paid
        cells = members + index * problem.n
        matrix = csr_array((np.ones(len(members)), (codes, cells)), shape=(len(places), problem.cells))
        return Rows(self.name, self.kind, self.mode, resource.name, self.each, places, matrix, low, high, basis)

    def _chosen(self, resource: Resource, faults: Faults) -> BoolArray:
        scope = resource.scope
        if self.where is None:
            return np.ones(len(scope.regions.ids), dtype=bool)
        values = scope.finite(Expression(self.where, f"rules.{self.name}.where"), faults)
        return np.asarray(np.isfinite(values) & (values != 0))

    def _of(
        self,
        resource: Resource,
        scope: Scope,
        entitlement: FloatArray,
        past: tuple[PastRound, ...],
        faults: Faults,
    ) -> FloatArray:
        """What the bound is a multiple of, per region; NaN for a region that is not bound."""
        count = len(scope.regions.ids)
        if self.of in PER_PLACE:
            return np.ones(count)
        if self.of == "entitlement":
            return entitlement
        if self.of == "previous":
            return past[0].amount if past else np.full(count, np.nan)
        if self.of == "head":
            if scope.regions.population is None:
                faults.add(
                    'of = "head" needs the population.',
                    'Write population = "<column>" under [regions].',
                    key=f"rules.{self.name}.of",
                    file="",
                )
                return np.zeros(count)
            return scope.finite(Expression("population", f"rules.{self.name}.of"), faults)
        return scope.finite(Expression(self.of, f"rules.{self.name}.of"), faults)

    def _past(self, resource: Resource, back: int, faults: Faults) -> tuple[FloatArray, FloatArray]:
        """`of` and the amounts of the round `back` rounds before; per place a single number."""
        record = resource.past[back - 1]
        there = ~np.isnan(record.amount)
        if self.of == "amount":
            return np.ones(1), record.amount
        if self.of == "share":
            return np.array([record.amount[there].sum()]), record.amount
        if self.of in ("entitlement", "previous"):
            return self._of(resource, resource.scope, record.entitlement, resource.past[back:], faults), record.amount
        earlier = resource.scope.earlier(back)
        if earlier is None or earlier.regions.round != record.round:
            faults.add(
                f"needs the data of round {record.round}, which the regions file does not hold.",
                "Add the rows of that round, or lower over.",
                key=f"rules.{self.name}.over",
                value=str(self.over),
                file="",
            )
            return np.zeros(len(there)), record.amount
        of = self._of(resource, earlier, record.entitlement, resource.past[back:], faults)
        return np.where(there, of, 0.0), record.amount

    def _places(self, scope: Scope, members: IntArray) -> tuple[tuple[str, ...], IntArray]:
        if self.each == "region":
            return tuple(scope.regions.ids[i] for i in members), np.arange(len(members))
        if self.each == "all":
            return ("all",), np.zeros(len(members), dtype=np.int64)
        labels, codes = np.unique(scope.regions.groups[self.each][members].astype(str), return_inverse=True)
        return tuple(labels.tolist()), codes.astype(np.int64)

    def sentence(self, unit: str, round_: str) -> str:
        """The limit in plain words."""
        floor, cap = self.bounds(round_)
        who = {"region": "each region", "all": "all regions together"}.get(self.each, f"each {self.each}")
        if self.where is not None:
            who += f" (those where {self.where})"
        bounds = [
            f"{verb} {_words(number, str(self.of), unit)}"
            for verb, number in (("at least", floor), ("at most", cap))
            if number is not None
        ]
        verb = "get" if self.each == "all" else "gets"
        over = f", added up over {self.over} rounds" if self.over > 1 else ""
        return f"{who} {verb} {' and '.join(bounds)}{over}"


def _words(number: float, of: str, unit: str) -> str:
    unit = f" {unit}" if unit else ""
    match of:
        case "amount":
            return f"{number:,.10g}{unit}"
        case "head":
            return f"{number:,.10g}{unit} a head"
        case "share":
            return (
                f"{number:.10g} of what is shared out" if number > 1 else f"{100 * number:.10g} % of what is shared out"
            )
        case "entitlement":
            return f"{100 * number:.10g} % of its entitlement"
        case "previous":
            return f"{100 * number:.10g} % of what it got in the last round"
    return f"{number:,.10g}{unit} x ({of})"


def _rounds(number: NumberByRound | None) -> Iterable[str]:
    return number if isinstance(number, dict) else ()
