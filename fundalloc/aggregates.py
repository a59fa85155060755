"""Aggregates: sums, means and ranks over the regions that take part, for everybody or by group."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]
BoolArray = NDArray[np.bool_]

#: functions of the values of those who take part, with their number of arguments
OVERALL: dict[str, int] = {
    "sum": 1,
    "mean": 1,
    "weighted_mean": 2,
    "min": 1,
    "max": 1,
    "median": 1,
    "quantile": 2,
    "largest": 2,
    "smallest": 2,
    "rank": 1,
}


def aggregate(name: str, values: list[FloatArray], codes: NDArray[np.int64] | None, part: BoolArray) -> FloatArray:
    """A function of the values of those who take part, for everybody or by group."""
    if codes is None:
        return _of_one(name, values, part, np.ones_like(part))
    result = np.full(len(part), np.nan)
    if name in ("sum", "mean"):
        count = codes.max(initial=-1) + 1
        totals = np.bincount(codes[part], values[0][part], count)
        sizes = np.bincount(codes[part], minlength=count)
        totals = np.where(sizes > 0, totals, np.nan)
        return np.asarray((totals if name == "sum" else totals / np.maximum(sizes, 1))[codes])
    order = np.argsort(codes, kind="stable")
    for members in np.split(order, np.flatnonzero(np.diff(codes[order])) + 1):
        inside = np.zeros(len(part), dtype=bool)
        inside[members] = True
        result[members] = _of_one(name, values, part & inside, inside)[members]
    return result


def _of_one(name: str, values: list[FloatArray], part: BoolArray, everyone: BoolArray) -> FloatArray:
    x = values[0][part]
    if not len(x) or np.isnan(x).any():
        return np.full(len(part), np.nan)
    if name == "rank":
        ordered = np.sort(-x)
        return np.where(everyone, np.searchsorted(ordered, -values[0], side="left") + 1.0, np.nan)
    extra = values[1][part] if len(values) > 1 else x
    return np.full(len(part), _number_of(name, x, extra))


def _number_of(name: str, x: FloatArray, extra: FloatArray) -> float:
    match name:
        case "sum":
            return float(x.sum())
        case "mean":
            return float(x.mean())
        case "weighted_mean":
            return float((x * extra).sum() / extra.sum())
        case "min":
            return float(x.min())
        case "max":
            return float(x.max())
        case "median":
            return float(np.median(x))
        case "quantile":
            return float(np.quantile(x, extra[0])) if 0 <= extra[0] <= 1 else np.nan
    k = extra[0]
    if not (k == np.floor(k) and 1 <= k <= len(x)):
        return np.nan
    return float(np.sort(x)[int(k) - 1 if name == "smallest" else -int(k)])
