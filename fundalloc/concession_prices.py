"""Prices that prove how far preferred rules have to yield, from a linear program; `concessions` proves with them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from fractions import Fraction

import numpy as np

from fundalloc.concessions import OPEN, Yield, yields
from fundalloc.problem import BoolArray, FloatArray, Problem
from fundalloc.rules import Rows, Statement
from fundalloc.solve import dearest


def priced(
    problem: Problem,
    statements: Sequence[Statement],
    kept: Sequence[Statement],
    concessions: Mapping[tuple[str, str], FloatArray],
    out: BoolArray,
) -> dict[tuple[str, str], FloatArray | None]:
    """By preferred rule and resource the prices of what it yields to; None where they prove nothing.

    statements: what all rules say of the places that are left, in the order of the file; kept: what is left of them.
    """
    found: dict[tuple[str, str], FloatArray | None] = {}
    for which, given in concessions.items():
        one = next(s for s in statements if (s.rule, s.resource) == which)
        found[which] = _prices(yields(problem, statements, kept, one, given, out)) if isinstance(one, Rows) else None
    return found


def _prices(it: Yield) -> FloatArray | None:
    found = best(it)
    return found[0] if found is not None and found[1] <= OPEN else None


def best(it: Yield) -> tuple[FloatArray, Fraction] | None:
    """The prices that prove most, and what they leave open (`Yield.lacks`); None where they prove nothing."""
    found = dearest(it.base, np.asarray(it.stated.matrix.T @ it.pulls))
    if found is None or it.fault():
        return None
    prices = np.concatenate(found)
    lacks = it.lacks(prices)
    return None if lacks is None else (prices, lacks)
