"""Attempts: an optimum under rules, whether it is proven, and what an objective found before it."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from fundalloc.exact import Exact, sharpened
from fundalloc.optimum import Optimum
from fundalloc.problem import FloatArray
from fundalloc.rules import Rows
from fundalloc.system import System


@dataclass(frozen=True, eq=False)
class LevelProof:
    """An inequality that every allocation keeps, and that shows that no open level can be above `level`.

    rows: prices of the totals and of the coupling rows, above 0 for a lower bound. gains: prices of what is raised,
    where it is made of several amounts. Without prices every open level is at what its own caps allow.
    """

    level: float
    rows: FloatArray
    gains: FloatArray


@dataclass(frozen=True, eq=False)
class Levels:
    """What proves leximin, level by level from the lowest. settled: how many levels it settles."""

    steps: tuple[LevelProof, ...]
    settled: int


@dataclass(frozen=True, eq=False)
class Chosen:
    """What an objective has found before `nearest` decides the rest.

    system: the rules with what is settled. rows, cells, supplies: what one more unit of the bound of a row, of an
    amount, of what is shared out of a resource would be worth to the objective; NaN where that has no meaning.
    touching: rows that touch curves, which come after those of the system in `rows`. levels: None where nothing is
    proven of them.
    """

    system: System
    rows: FloatArray
    cells: FloatArray
    supplies: FloatArray
    touching: tuple[Rows, ...] = ()
    levels: Levels | None = None

    @classmethod
    def unpriced(
        cls, system: System, base: System, touching: tuple[Rows, ...] = (), levels: Levels | None = None
    ) -> Chosen:
        """What has no prices. base: the rules before anything was settled."""
        counts = len(base.row_low) + sum(map(len, touching)), base.problem.cells, len(base.supplies)
        rows, cells, supplies = (np.full(count, np.nan) for count in counts)
        return cls(system, rows, cells, supplies, touching, levels)


@dataclass(frozen=True, eq=False)
class Attempt:
    """The optimum under rules, if it is proven; the system with one tangent for each curve that matters.

    cuts: all tangents that were needed; without a proof they show that there is none, if there is none.
    chosen: what an objective other than `nearest` has found before, None where multipliers explain the amounts.
    possible: whether the rules can be kept although the objective found no proof.
    exact: the optimum in fractions, where it was looked for and found.
    """

    system: System
    optimum: Optimum
    cuts: tuple[Rows, ...]
    chosen: Chosen | None = None
    possible: bool = False
    exact: Exact | None = None

    @property
    def solved(self) -> System:
        """The system whose `nearest` is the optimum."""
        return self.system if self.chosen is None else self.chosen.system

    @property
    def proven(self) -> bool:
        """Whether the optimum is proven."""
        return self.optimum.proven

    def sharp(self) -> Attempt:
        """The attempt with the exact optimum, where there is one."""
        optimum, found = sharpened(self.solved, self.optimum)
        return replace(self, optimum=optimum, exact=found)
