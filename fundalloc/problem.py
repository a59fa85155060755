"""The problem of one round as plain arrays: who asks for what, and how much there is.

A cell is one region and one resource; cells are numbered resource by resource, the regions of a
resource in the order of their ids: cell = r * n + i.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from decimal import Decimal
from functools import cached_property
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from fundalloc.flags import Flag
from fundalloc.regions import Regions
from fundalloc.scope import Scope

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]
BoolArray = NDArray[np.bool_]

ObjectiveKind = Literal["nearest", "leximin", "alpha_fair", "benefit"]
Rounding = Literal["largest_remainder", "webster", "huntington_hill", "jefferson", "adams"]

#: weight of a region without a target, as a part of its equal share (see `Resource.softness`)
LEAST_WEIGHT = 1e-6


@dataclass(frozen=True, eq=False)
class Part:
    """One named part of the targets of a resource, an amount for each region."""

    name: str
    kind: str  # criterion | claim | arrears | adjustment | decided
    amounts: FloatArray
    why: str = ""


@dataclass(frozen=True, eq=False)
class PastRound:
    """What an earlier round decided for one resource; NaN for a region without a record.

    adjustment: the part of the amount that came from adjustments, outside the key; None: nothing.
    """

    round: str
    entitlement: FloatArray
    amount: FloatArray
    adjustment: FloatArray | None = None


@dataclass(frozen=True, eq=False)
class Resource:
    """One thing that is shared out: how much, in which lots, and what each region is due.

    All arrays have one value per region, in `unit`. `lots` is the number of lots that are handed
    out, None for an open supply. `parts` add up to `target`; without those of arrears,
    adjustments and of what was decided before they add up to `entitlement`. decided: the amounts that are amended.
    """

    name: str
    unit: str
    lot: Decimal
    lots: int | None
    supply: Decimal | None
    reserve: Decimal
    rounding: Rounding
    takes_part: BoolArray
    parts: tuple[Part, ...]
    entitlement: FloatArray
    target: FloatArray
    past: tuple[PastRound, ...]  # the latest round first
    scope: Scope
    where: str = ""
    arrears_before: FloatArray | None = None
    contribution: FloatArray | None = None
    value: FloatArray | None = None
    asked: float | None = None
    scale: float | None = None
    decided: FloatArray | None = None

    @property
    def adjustment(self) -> FloatArray:
        """What adjustments give to each region (negative: take), outside the key."""
        mine = [p.amounts for p in self.parts if p.kind == "adjustment"]
        return np.asarray(sum(mine, np.zeros(len(self.target))))

    @property
    def shared_out(self) -> float:
        """The amount that is divided: supply less reserve in whole lots; open: the sum of the targets."""
        return float(self.target.sum()) if self.lots is None else float(self.lots * self.lot)

    @property
    def size(self) -> float:
        """`shared_out`, but never 0, so that amounts can be divided by it."""
        return max(self.shared_out, float(self.lot))

    @property
    def previous(self) -> FloatArray:
        """The amounts of the last round; NaN without a record."""
        if self.past:
            return self.past[0].amount
        return np.full(len(self.target), np.nan)

    @cached_property
    def equal_share(self) -> FloatArray:
        """Each region's part of one unit under an equal share per head of those who take part.

        Per region where there is no population.
        """
        heads = self.scope.regions.population
        weight = np.where(self.takes_part, 1.0 if heads is None else heads, 0.0)
        if not weight.sum() > 0:
            weight = self.takes_part.astype(float)
        return np.asarray(weight / max(weight.sum(), 1.0))

    @cached_property
    def softness(self) -> FloatArray:
        """d, the weight with which a region gives and takes: its target, but never nothing.

        d = max(target, 1e-6 * shared out * equal share). A region without a target gets its floor,
        else practically nothing.
        """
        n = len(self.target)
        least = np.where(self.equal_share > 0, self.equal_share, 1.0 / n)
        return np.maximum(self.target, LEAST_WEIGHT * self.size * least)


@dataclass(frozen=True, eq=False)
class Problem:
    """All resources of one round, with the regions that share them, and the objective.

    bent, moved: one number per cell where an objective is solved as `nearest` with weights and a centre of its own
    (see `leaning`).
    """

    regions: Regions
    resources: tuple[Resource, ...]
    flags: tuple[Flag, ...] = field(default=())
    objective: ObjectiveKind = "nearest"
    alpha: float = 1.0
    bent: FloatArray | None = None
    moved: FloatArray | None = None

    @property
    def round(self) -> str:
        """The label of the round that is decided."""
        return self.regions.round

    @property
    def n(self) -> int:
        """The number of regions."""
        return len(self.regions.ids)

    @property
    def cells(self) -> int:
        """The number of cells: regions times resources."""
        return self.n * len(self.resources)

    def block(self, resource: int) -> slice:
        """The cells of one resource."""
        return slice(resource * self.n, (resource + 1) * self.n)

    def blocks(self, arrays: Sequence[FloatArray]) -> FloatArray:
        """One array per resource put together to one value per cell."""
        return np.concatenate(list(arrays))

    @cached_property
    def target(self) -> FloatArray:
        """The target of each cell."""
        return self.blocks([r.target for r in self.resources])

    @cached_property
    def softness(self) -> FloatArray:
        """The weight d of each cell (see `Resource.softness`)."""
        return self.blocks([r.softness for r in self.resources]) if self.bent is None else self.bent

    @cached_property
    def centre(self) -> FloatArray:
        """Where each amount would be if nothing held it: its target, unless the problem leans."""
        return self.target if self.moved is None else self.moved

    @cached_property
    def value(self) -> FloatArray | None:
        """What one unit is worth to the region of each cell; None where that is not stated."""
        values = [r.value for r in self.resources if r.value is not None]
        return self.blocks(values) if len(values) == len(self.resources) else None

    @cached_property
    def wants(self) -> BoolArray:
        """Who is due anything, or would make something of it where the objective counts values."""
        due = self.target > 0
        if self.objective == "nearest" or self.value is None:
            return due
        valued = self.value > 0
        if self.objective == "benefit":
            return due | valued
        some = (self.value * self.target).reshape(-1, self.n).sum(axis=0) > 0
        return np.asarray((due | valued) & np.tile(some, len(self.resources)))

    def leaning(self, softness: FloatArray, centre: FloatArray | None = None) -> Problem:
        """The problem with other weights, and with amounts drawn to another centre than the targets."""
        return replace(self, bent=softness, moved=centre)

    @cached_property
    def size(self) -> FloatArray:
        """The amount shared out of the resource of each cell, never 0."""
        return np.repeat([r.size for r in self.resources], self.n)

    @cached_property
    def lot(self) -> FloatArray:
        """The lot of the resource of each cell."""
        return np.repeat([float(r.lot) for r in self.resources], self.n)

    @cached_property
    def takes_part(self) -> BoolArray:
        """Whether the region of a cell takes part in its resource, or has something of it that is amended."""
        return np.concatenate(
            [r.takes_part if r.decided is None else r.takes_part | (r.target > 0) for r in self.resources]
        )
