"""Influence: how much of the variance of a result each of several inputs explains.

Standardised regression coefficients: with inputs and result brought to mean 0 and variance 1, the coefficients of their
least-squares regression. Where the inputs are independent, the square of a coefficient is the part of the variance that
its input explains, and together they are R², which says how far a sum of inputs explains the result at all.
Source: Saltelli and others (2008), Global Sensitivity Analysis: The Primer, section 1.2.5; Saisana, Saltelli and
Tarantola (2005), Uncertainty and sensitivity analysis techniques as tools for the quality assessment of composite
indicators, Journal of the Royal Statistical Society A 168.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]
#: so many draws for each input are needed to tell them apart
DRAWS_EACH = 3
#: a result whose standard deviation is below this part of its mean does not vary
STILL = 1e-12


def needed(inputs: int) -> int:
    """How many draws it takes to tell so many inputs apart."""
    return DRAWS_EACH * (inputs + 1)


def coefficients(inputs: FloatArray, results: FloatArray) -> tuple[FloatArray, FloatArray]:
    """The standardised regression coefficients of results, and R² of each.

    inputs: one row per draw, one column per input. results: one row per draw, one column per result. Gives one row per
    input and one column per result; 0 for an input that does not vary, NaN for a result that does not.
    """
    x, moves = _standard(inputs)
    y, varies = _standard(results)
    found = np.zeros((inputs.shape[1], results.shape[1]))
    if moves.any():
        found[moves] = np.linalg.lstsq(x[:, moves], y, rcond=None)[0]
    rest = ((y - x @ found) ** 2).mean(axis=0)
    return np.where(varies, found, np.nan), np.where(varies, np.clip(1.0 - rest, 0.0, 1.0), np.nan)


def _standard(values: FloatArray) -> tuple[FloatArray, NDArray[np.bool_]]:
    """Columns with mean 0 and variance 1, and which of them vary; the others are 0."""
    gap = values - values.mean(axis=0)
    deviation = np.sqrt((gap * gap).mean(axis=0))
    varies = deviation > STILL * np.abs(values).max(axis=0, initial=0.0)
    return np.divide(gap, deviation, out=np.zeros_like(gap), where=varies), varies
