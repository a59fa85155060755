"""Balances: the accounts of the regions, replayed from round to round, and the bound that holds for them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from fundalloc.arrears import claimable
from fundalloc.monitors.course import Course
from fundalloc.problem import FloatArray

#: what counts as equal, as a part of one round's entitlement
EQUAL = 1e-9


@dataclass(frozen=True, eq=False)
class Balance:
    """The accounts after each round, T x n, NaN without a record.

    account: A, all that was due and not paid. counts: the part of it that the next target would make good; adds up
    to 0 and is never above one round's entitlement. owed: the same without that limit, A - k sum(A) / sum(k).
    target: entitlement plus arrears of the round. missed: what was paid less the target.
    """

    account: FloatArray
    counts: FloatArray
    owed: FloatArray
    target: FloatArray
    missed: FloatArray


def replay(course: Course) -> Balance:
    """The accounts as the targets of each round have read them, from the first round on record.

    A is the sum of entitlement - paid; B = `arrears.claimable`, its part that counts; target = k + rho B.
    """
    accounts, counts, owed, targets = (np.full(course.due.shape, np.nan) for _ in range(4))
    unpaid = np.zeros(len(course.ids))
    for t, here in enumerate(course.present):
        key = np.where(here, course.due[t], 0.0)
        targets[t, here] = (key + course.arrears * claimable(unpaid, key, here))[here]
        unpaid = unpaid + np.where(here, key - np.nan_to_num(course.paid[t]), 0.0)
        part = claimable(unpaid, key, here)
        accounts[t, here], counts[t, here] = unpaid[here], part[here]
        together = float(unpaid[here].sum() / key.sum()) if key.any() else 0.0
        owed[t, here] = unpaid[here] - key[here] * together
    return Balance(accounts, counts, owed, targets, course.paid - targets)


def bounds(course: Course, balance: Balance) -> tuple[FloatArray, FloatArray]:
    """How far each subject's payments missed their targets at most (delta), and delta / rho.

    While no limit acts and the rounds pay out what is due together, B' = (1 - rho) B - (x - e), so |B| never passes
    max(|B0|, delta / rho); accounts start at 0. Without arrears there is no bound: inf.
    """
    missed = np.abs(course.totals(balance.missed))
    delta = np.where(np.isnan(missed), 0.0, missed).max(axis=0, initial=0.0)
    return delta, delta / course.arrears if course.arrears > 0 else np.where(delta > 0, np.inf, 0.0)
