"""The rule link: one resource in step with another."""

from __future__ import annotations

from typing import Literal, Self

import numpy as np
from pydantic import Field, model_validator

from fundalloc.errors import Faults
from fundalloc.flags import Flag
from fundalloc.language import listed, phrase, say
from fundalloc.problem import Problem
from fundalloc.rules.base import NumberByRound, Rule, nan_if_none, number_at, rounds_of
from fundalloc.rules.places import Bundle, places
from fundalloc.rules.rows import Rows
from fundalloc.sparse import csr_array, diags_array, vstack


class Link(Rule):
    """floor * (of the other resource) <= of this one <= cap * (of the other), at each place.

    share: of what is shared out; coverage: amount / entitlement; amount: the amount itself. Only regions
    that take part in both count. Where a place has no entitlement to one of the two, coverage says nothing.
    """

    kind: Literal["link"]
    resource: str = Field(description="The resource that is held in step.")
    to: str = Field(description="The resource that leads.")
    of: Literal["share", "coverage", "amount"] = Field("share", description="What of both is compared.")
    floor: NumberByRound | None = Field(None, description="Least of this one, as a multiple of the other.")
    cap: NumberByRound | None = Field(None, description="Greatest of this one, as a multiple of the other.")

    @model_validator(mode="after")
    def _bounds(self) -> Self:
        if self.floor is None and self.cap is None:
            raise ValueError(say("has neither a floor nor a cap; write at least one of them"))
        if self.to == self.resource:
            raise ValueError(say("links a resource to itself; name another one in to"))
        for round_ in rounds_of(self.floor, self.cap):
            floor, cap = number_at(self.floor, round_), number_at(self.cap, round_)
            if floor is not None and cap is not None and floor > cap:
                raise ValueError(
                    say(
                        "floor {code_floor:g} is above cap {code_cap:g}; exchange them or change one",
                        code_floor=floor,
                        code_cap=cap,
                    )
                )
        return self

    @property
    def named(self) -> tuple[str, ...]:
        """Both resources, the one that is held first."""
        return self.resource, self.to

    def states(self, problem: Problem, bundle: tuple[int, ...], faults: Faults, flags: list[Flag]) -> Rows | None:
        """Rows in amounts of this resource: amount - floor * (its equivalent of the other) >= 0, and so for the cap."""
        names = [r.name for r in problem.resources]
        mine, other = (Bundle(problem, (names.index(n),)) for n in self.named)
        of = {"share": "share", "coverage": "entitlement", "amount": "amount"}[self.of]
        common = mine.takes_part & other.takes_part
        here, there = (places(self, of, b, faults, flags, common) for b in (mine, other))
        if here is None or there is None:
            return None
        rate = np.ones(len(here.labels)) if self.of == "amount" else here.basis / np.where(there.basis, there.basis, 1)
        told = (here.basis > 0) & (there.basis > 0) if self.of == "coverage" else np.ones(len(rate), dtype=bool)
        labels = [label for label, tells in zip(here.labels, told.tolist(), strict=True) if tells]
        parts, slopes, low, high, basis, paths = [], [], [], [], [], []
        stated = {side: number_at(getattr(self, side), problem.round) for side in ("floor", "cap")}
        for side, number in stated.items():
            if number is None:
                continue
            slope = csr_array(diags_array(-rate) @ there.matrix)
            parts.append(csr_array(here.matrix + number * slope)[np.flatnonzero(told)])
            slopes.append(slope[np.flatnonzero(told)])
            basis.append((rate * there.paid)[told])
            rest = (number * rate * there.paid - here.paid)[told]
            nothing = np.full(len(labels), np.inf)
            low.append(rest if side == "floor" else -nothing)
            high.append(nothing if side == "floor" else rest)
            alone = sum(v is not None for v in stated.values()) == 1
            paths += labels if alone else [f"{label} ({side})" for label in labels]
        matrix = csr_array(vstack(parts, format="csr"))
        matrix.eliminate_zeros()
        return Rows(
            self.name,
            self.kind,
            self.mode,
            mine.name,
            self.each,
            tuple(paths),
            matrix,
            np.concatenate(low),
            np.concatenate(high),
            np.concatenate(basis),
            stated=(nan_if_none(stated["floor"]), nan_if_none(stated["cap"])),
            slope=csr_array(vstack(slopes, format="csr")),
        )

    def step(self, unit: str) -> tuple[float, str]:
        """One percentage point."""
        return 0.01, say("one percentage point")

    def sentence(self, unit: str, round_: str) -> str:
        """The link in plain words."""
        floor, cap = number_at(self.floor, round_), number_at(self.cap, round_)
        bounds = [say("at least {share:.10g} % of", share=100 * floor)] if floor is not None else []
        bounds += [say("at most {share:.10g} % of", share=100 * cap)] if cap is not None else []
        sentence = say(
            {
                "share": phrase("for {who} its share of {resource} is {bounds} its share of {other}"),
                "coverage": phrase(
                    "for {who} the coverage of its entitlement to {resource} is {bounds} that of its entitlement to "
                    "{other}"
                ),
                "amount": phrase("for {who} its amount of {resource} is {bounds} its amount of {other}"),
            }[self.of],
            who=self.who(),
            resource=self.resource,
            other=self.to,
            bounds=listed(bounds),
        )
        return f"{sentence}{self.summed()}"
