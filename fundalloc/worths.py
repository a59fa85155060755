"""Worths: what one more unit of a total, of a row or of the bound of an amount is worth to a value, beside curves."""

from __future__ import annotations

from fundalloc.attempts import Attempt, Chosen
from fundalloc.faces import Face
from fundalloc.interior import Best
from fundalloc.objectives import BENEFIT
from fundalloc.problem import FloatArray
from fundalloc.solve import dearest
from fundalloc.system import System
from fundalloc.value_proofs import ceiling, left_over


def beside(base: System, face: Face, best: Best, value: FloatArray, last: Attempt) -> Chosen | None:
    """The worths at an optimum beside curves; None where they do not prove its total the greatest.

    Each curve that binds stands there as one row. Of what a curve leaves nowhere open nothing is known: all are NaN.
    """
    if face.curved:
        return Chosen.unpriced(last.system, base)
    touching = face.touching(best)
    system = base.joined(touching)
    prices = dearest(system, value)
    most = float(value @ last.optimum.amounts) * (1 + BENEFIT)
    if prices is None or ceiling(system, value, prices)[0] > most:
        return None
    supplies, rows = prices
    return Chosen(last.system, rows, left_over(system, value, supplies, rows), -supplies, touching)
