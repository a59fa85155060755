"""Arrears: what past rounds left unpaid, and how much of it the next target makes good."""

from __future__ import annotations

import numpy as np

from fundalloc.problem import BoolArray, FloatArray, PastRound


def account(past: tuple[PastRound, ...], count: int) -> FloatArray:
    """What each region was due in all past rounds and did not get (negative: paid ahead).

    The sum of (entitlement - amount) over the rounds of which there is a record; `count` regions. What adjustments gave
    or took is outside the key, and not counted.
    """
    total = np.zeros(count)
    for one in past:
        outside = 0.0 if one.adjustment is None else one.adjustment
        total += np.where(np.isnan(one.amount), 0.0, one.entitlement - (one.amount - outside))
    return total


def claimable(unpaid: FloatArray, key: FloatArray, present: BoolArray) -> FloatArray:
    """The part of the accounts that counts: adds up to 0 and is never above one round's entitlement.

    B = clip(A - theta * k, -k, k) with theta such that the sum of B is 0, over the regions that are
    present: the account of a region that left is closed at everybody's cost in proportion to k.
    Without the limit a region that a cap holds back for good would in time starve all others.
    """
    balance = np.zeros_like(unpaid)
    here = present & (key > 0)
    if not here.any():
        return balance
    ratio, weight = unpaid[here] / key[here], key[here]
    ends = np.sort(np.concatenate([ratio - 1.0, ratio + 1.0]))

    def total(theta: float) -> float:
        return float(weight @ np.clip(ratio - theta, -1.0, 1.0))

    low, high = 0, len(ends) - 1  # total falls from +sum(weight) at ends[0] to -sum(weight) at the last
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if total(ends[middle]) >= 0 else (low, middle)
    inside = (ratio - 1.0 <= ends[low]) & (ratio + 1.0 >= ends[high])
    theta = ends[low]
    if inside.any():
        theta += total(ends[low]) / float(weight[inside].sum())
    balance[here] = weight * np.clip(ratio - theta, -1.0, 1.0)
    return balance
