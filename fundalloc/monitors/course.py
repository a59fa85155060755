"""The course of a resource: what its rounds have given, region by region, and who is looked at."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Literal

import numpy as np

from fundalloc.language import called, say
from fundalloc.problem import BoolArray, FloatArray, IntArray

Kind = Literal["region", "group", "fund"]


@dataclass(frozen=True, eq=False)
class Subject:
    """Who is looked at: a region, a group or the whole fund; `members` are the columns of its regions."""

    kind: Kind
    subject: str
    name: str
    column: str
    members: IntArray

    @property
    def who(self) -> str:
        """The subject as the beginning of a sentence."""
        if self.kind == "fund":
            return say("The whole fund")
        return self.name if self.kind == "region" else f"{called(self.name)} ({called(self.column)})"


@dataclass(frozen=True, eq=False)
class Course:
    """What is known of one resource over its rounds.

    rounds: the labels of T rounds, in order. ids, names: n regions. groups: the label of each region, by group
    column. entitlement (of the key alone), amount, adjustment (money outside the key, part of the amount, 0 where
    there is none), population, contribution and development are T x n; NaN where a region has no record in a round.
    arrears: the part of an account that is added to the next target. lot: the smallest amount that is handed out.
    """

    rounds: tuple[str, ...]
    ids: tuple[str, ...]
    names: tuple[str, ...]
    groups: Mapping[str, tuple[str, ...]]
    resource: str
    unit: str
    entitlement: FloatArray
    amount: FloatArray
    adjustment: FloatArray
    arrears: float = 0.0
    population: FloatArray | None = None
    contribution: FloatArray | None = None
    development: FloatArray | None = None
    lot: float = 0.0

    def __post_init__(self) -> None:
        shape = (len(self.rounds), len(self.ids))
        for name in ("entitlement", "amount", "adjustment", "population", "contribution", "development"):
            values = getattr(self, name)
            if values is not None and values.shape != shape:
                raise ValueError(f"{name} has the shape {values.shape}, not {shape}")
        if any(len(labels) != len(self.ids) for labels in (self.names, *self.groups.values())):
            raise ValueError("every region needs a name and a label of each group column")
        if not 0 <= self.arrears <= 1:
            raise ValueError(f"the arrears rate is {self.arrears}, not in [0, 1]")

    @cached_property
    def present(self) -> BoolArray:
        """T x n: whether a region has a record in a round."""
        return np.asarray(~(np.isnan(self.entitlement) | np.isnan(self.amount)))

    @cached_property
    def due(self) -> FloatArray:
        """T x n: the entitlements on record."""
        return np.where(self.present, self.entitlement, np.nan)

    @cached_property
    def paid(self) -> FloatArray:
        """T x n: what was paid on the key, the amount less what lies outside it."""
        outside = np.where(np.isnan(self.adjustment), 0.0, self.adjustment)
        return np.where(self.present, self.amount - outside, np.nan)

    @cached_property
    def subjects(self) -> tuple[Subject, ...]:
        """Everybody who is looked at: the regions, the groups column by column, the whole fund."""
        everybody = np.arange(len(self.ids))
        found = [Subject("region", i, name, "", everybody[[k]]) for k, (i, name) in enumerate(self._named())]
        for column, labels in self.groups.items():
            found += [
                Subject("group", label, label, column, np.flatnonzero(np.array(labels, dtype=object) == label))
                for label in sorted(set(labels))
            ]
        return (*found, Subject("fund", "all", "all", "", everybody))

    def _named(self) -> list[tuple[str, str]]:
        return list(zip(self.ids, self.names, strict=True))

    @cached_property
    def families(self) -> tuple[IntArray, ...]:
        """The subjects that are compared with each other: all regions, all groups of one column."""
        kinds = [(s.kind, s.column) for s in self.subjects[:-1]]
        return tuple(np.array([i for i, k in enumerate(kinds) if k == kind]) for kind in dict.fromkeys(kinds))

    def totals(self, values: FloatArray) -> FloatArray:
        """T x n values added up to T x subjects; NaN where none is known."""
        known = ~np.isnan(values)
        filled = np.where(known, values, 0.0)
        found = [values]
        for one in self.subjects[len(self.ids) :]:
            some = known[:, one.members].any(axis=1, keepdims=True)
            found.append(np.where(some, filled[:, one.members].sum(axis=1, keepdims=True), np.nan))
        return np.hstack(found)
