"""An optimum of `nearest` with the multipliers that prove it, however it was found."""

from __future__ import annotations

from dataclasses import dataclass

from fundalloc.objectives import OPTIMAL
from fundalloc.problem import FloatArray


@dataclass(frozen=True, eq=False)
class Start:
    """Multipliers: rows, one per coupling row; supplies, one per fixed total; all for rows in amounts.

    pulls: one per curve that is held exactly, none below 0. A multiplier of a row is above 0 where the lower
    bound binds, below 0 at the upper one.
    """

    rows: FloatArray
    supplies: FloatArray
    pulls: FloatArray


@dataclass(frozen=True, eq=False)
class Optimum(Start):
    """The optimum of a system, with the multipliers that prove it: x = clip(e + d * X * A'm, low, high).

    amounts: one per cell. residual: how far the rows are missed, relative to their size. slopes: those of each
    curve that is held exactly. clash: whether it is proven that no amounts keep the system.
    """

    amounts: FloatArray
    slopes: tuple[FloatArray, ...]
    steps: int
    residual: float
    clash: bool = False

    @property
    def proven(self) -> bool:
        """Whether the optimality conditions hold to within float arithmetic."""
        return self.residual <= OPTIMAL
