"""Contrasts: what two candidates give of one resource, region by region, in whole printed units."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from functools import cached_property

import numpy as np

from fundalloc.problem import BoolArray, FloatArray, IntArray

#: where a region stands in a comparison
BOTH, JOINS, LEAVES = "both", "joins", "leaves"


def ranks(values: FloatArray, counted: BoolArray) -> IntArray:
    """The place of each value, 1 = largest, equals share the better one; 0 for those that do not count."""
    ordered = np.sort(-values[counted])
    places = np.zeros(len(values), dtype=np.int64)
    places[counted] = np.searchsorted(ordered, -values[counted], side="left") + 1
    return places


@dataclass(frozen=True, eq=False)
class Amounts:
    """What one candidate gives of one resource to all regions of a comparison, in their order.

    there: whether it has the region and the resource. units: whole printed units, 0 where not there. unit: one of them.
    heads: people, NaN where they are not known. coverage: NaN where there is none. held_by: the binding rules.
    """

    there: BoolArray
    units: IntArray
    unit: Decimal
    heads: FloatArray
    coverage: FloatArray
    held_by: tuple[str, ...]

    @cached_property
    def per_head(self) -> FloatArray:
        """The amount a head; NaN where people are not known, or none."""
        with np.errstate(divide="ignore", invalid="ignore"):
            return np.where(self.there & (self.heads > 0), self.units * float(self.unit) / self.heads, np.nan)

    @cached_property
    def ranks(self) -> IntArray:
        """The place of each region by its amount, 0 where it is not there."""
        return ranks(self.units.astype(float), self.there)

    @cached_property
    def head_ranks(self) -> IntArray:
        """The place of each region by its amount a head, 0 where there is none."""
        return ranks(self.per_head, np.isfinite(self.per_head))


@dataclass(frozen=True)
class Tally:
    """Amounts of several regions added up: of the base and of the other candidate, in printed units.

    regions: how many there are in either. winners, losers: of those in both. heads: NaN where they are not known.
    """

    label: str
    regions: int
    base: int
    other: int
    base_heads: float
    heads: float
    winners: int
    losers: int

    @property
    def change(self) -> int:
        """What they get more (negative: less) than in the base."""
        return self.other - self.base


@dataclass(frozen=True, eq=False)
class Contrast:
    """One resource in the base and in another candidate."""

    resource: str
    unit_name: str
    base: Amounts
    other: Amounts

    @property
    def unit(self) -> Decimal:
        """The printed unit."""
        return self.base.unit

    @cached_property
    def change(self) -> IntArray:
        """What each region gets more (negative: less); the whole amount of one that joins or leaves."""
        return self.other.units - self.base.units

    @cached_property
    def both(self) -> BoolArray:
        """The regions that both have."""
        return self.base.there & self.other.there

    @cached_property
    def listed(self) -> IntArray:
        """The regions that either has."""
        return np.flatnonzero(self.base.there | self.other.there)

    def status(self, region: int) -> str:
        """Whether a region is in both, joins or leaves."""
        return BOTH if self.both[region] else JOINS if self.other.there[region] else LEAVES

    @cached_property
    def percent(self) -> FloatArray:
        """The change in per cent of the base; NaN where that has nothing."""
        return percent(self.change, self.base.units, self.both)

    @cached_property
    def per_head(self) -> FloatArray:
        """The change of the amount a head."""
        return self.other.per_head - self.base.per_head

    @cached_property
    def winners(self) -> IntArray:
        """The regions of both that get more, the largest gain first."""
        return self._ordered(self.both & (self.change > 0))

    @cached_property
    def losers(self) -> IntArray:
        """The regions of both that get less, the largest loss first."""
        return self._ordered(self.both & (self.change < 0))

    def _ordered(self, chosen: BoolArray) -> IntArray:
        mine = np.flatnonzero(chosen)
        return mine[np.argsort(-np.abs(self.change[mine]), kind="stable")]

    def tally(self, label: str, members: BoolArray) -> Tally:
        """The amounts of some regions added up."""
        change = self.change[members & self.both]
        return Tally(
            label,
            int((members & (self.base.there | self.other.there)).sum()),
            int(self.base.units[members].sum()),
            int(self.other.units[members].sum()),
            float(self.base.heads[members & self.base.there].sum()),
            float(self.other.heads[members & self.other.there].sum()),
            int((change > 0).sum()),
            int((change < 0).sum()),
        )

    def tallies(self, labels: Sequence[str]) -> list[Tally]:
        """One tally for each group, by its label."""
        of = np.array(labels, dtype=object)
        return [self.tally(one, np.asarray(of == one)) for one in sorted({labels[k] for k in self.listed.tolist()})]

    @cached_property
    def whole(self) -> Tally:
        """All regions together."""
        return self.tally("all", np.ones(len(self.change), dtype=bool))


def percent(change: IntArray, base: IntArray, counted: BoolArray | bool = True) -> FloatArray:
    """Changes in per cent of what they start from; NaN where that is 0 or does not count."""
    there = (base > 0) & counted
    return np.where(there, 100.0 * change / np.where(there, base, 1), np.nan)


@dataclass(frozen=True)
class Bound:
    """A place at which a rule binds in the base or in another candidate; before, after: yes, no, or absent."""

    rule: str
    resource: str
    place: str
    before: str
    after: str

    @property
    def difference(self) -> str:
        """What is different."""
        if "yes" in (self.before, self.after) and self.before != self.after:
            return "binds anew" if self.after == "yes" else "binds no more"
        return "same"


Binding = Mapping[tuple[str, str, str], bool]


def bounds(base: Binding, other: Binding) -> list[Bound]:
    """All places at which a rule binds in either; by rule, resource and place whether it binds, as rules.csv says."""
    said = {True: "yes", False: "no", None: "absent"}
    keys = [key for key in dict.fromkeys([*base, *other]) if base.get(key) or other.get(key)]
    return [Bound(*key, said[base.get(key)], said[other.get(key)]) for key in keys]
