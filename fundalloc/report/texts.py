"""Numbers as their exact texts."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from itertools import chain

import numpy as np

from fundalloc.problem import FloatArray, IntArray


def decimals(units: IntArray, unit: Decimal) -> list[str]:
    """Whole printed units as exact decimal texts."""
    places = max(0, -int(unit.as_tuple().exponent))
    factor = int(unit.scaleb(places))
    if not places:
        return [str(u * factor) for u in units.tolist()]
    whole, rest = np.divmod(np.abs(units) * factor, 10**places)
    signs = np.where(units < 0, "-", "")
    return _formatted(f"%s%d.%0{places}d", signs.tolist(), whole.tolist(), rest.tolist())


def _formatted(form: str, *columns: Sequence[object]) -> list[str]:
    """One text per row of values; one long format is much faster than many."""
    count = len(columns[0])
    return ((form + "\n") * count % tuple(chain.from_iterable(zip(*columns, strict=True)))).split("\n")[:-1]


def decimal(units: int, unit: Decimal) -> str:
    """A whole number of printed units as an exact decimal text."""
    return format(units * unit, "f")


def number(value: float, digits: int = 10) -> str:
    """A number that is no amount, to ten digits; empty where there is none."""
    return numbers(np.array([value]), digits)[0]


def numbers(values: FloatArray, digits: int = 10) -> list[str]:
    """Numbers that are no amounts, to ten digits; empty where there is none."""
    texts = _formatted(f"%.{digits}g", (np.where(np.isfinite(values), values, 0.0) + 0.0).tolist())
    for k in np.flatnonzero(~np.isfinite(values)):
        texts[k] = ""
    return texts


def exact(values: FloatArray) -> list[str]:
    """Numbers as short as they can be read back exactly; empty where there is none."""
    return ["" if np.isnan(v) else repr(v).removesuffix(".0") for v in values.tolist()]


def plain_lot(lot: Decimal) -> Decimal:
    """The lot with as many decimals as it needs, at least none."""
    lot = lot.normalize()
    return lot.quantize(Decimal(1)) if int(lot.as_tuple().exponent) > 0 else lot


def whole_unit(lot: Decimal) -> Decimal:
    """One, or the last decimal of the lot: every number of lots is a whole number of it."""
    return Decimal(1).scaleb(min(0, int(plain_lot(lot).as_tuple().exponent)))
