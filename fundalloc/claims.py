"""Conflicting claims: the classic rules that divide an estate smaller than the claims on it.

B. O'Neill (1982), A problem of rights arbitration from the Talmud, Mathematical Social Sciences 2.
R. J. Aumann, M. Maschler (1985), Game theoretic analysis of a bankruptcy problem from the Talmud,
Journal of Economic Theory 36.
I. J. Curiel, M. Maschler, S. H. Tijs (1987), Bankruptcy games, Zeitschrift für Operations Research 31.
W. Thomson (2003), Axiomatic and game-theoretic analysis of bankruptcy and taxation problems, Mathematical
Social Sciences 45; (2019), How to Divide When There Isn't Enough, Cambridge University Press.
Y. Chun, W. Thomson (2005), Convergence under replication of rules to adjudicate conflicting claims,
Games and Economic Behavior 50.

In the formulas c are the claims, C their sum, E the estate, n the number of claimants.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from fundalloc.arrival import random_arrival
from fundalloc.errors import Fault, Faults, InputError
from fundalloc.language import say

FloatArray = NDArray[np.float64]

ClaimsRule = Literal[
    "proportional",
    "constrained_equal_awards",
    "constrained_equal_losses",
    "talmud",
    "random_arrival",
    "adjusted_proportional",
    "minimal_overlap",
]


def award(claims: FloatArray, estate: float, rule: ClaimsRule) -> FloatArray:
    """What each claimant gets of an estate under one of the classic rules for conflicting claims.

    claims: one per claimant, in the unit of the estate. The awards add up to the estate; none is below 0
    or above its claim. If the claims add up to no more than the estate, each gets its claim.
    InputError: a claim or the estate is below 0 or no number; too many claimants for random_arrival.
    """
    claims, estate = np.array(claims, dtype=float), float(estate)
    faults = Faults()
    for i in np.flatnonzero(~((claims >= 0) & np.isfinite(claims)))[:5]:
        faults.add(
            say("claim number {code_count} is {code_claims:,.6g}.", code_count=i + 1, code_claims=claims[i]),
            say("A claim is a finite number, 0 or more."),
        )
    if not (estate >= 0 and np.isfinite(estate)):
        faults.add(
            say("the estate is {code_estate:,.6g}.", code_estate=estate),
            say("An estate is a finite number, 0 or more."),
        )
    faults.check()
    try:
        owed = math.fsum(claims)
    except OverflowError:
        raise InputError(
            [Fault(say("the claims are too large to add up."), say("Write them in a larger unit."))]
        ) from None
    if owed <= estate:
        return claims
    return np.clip(RULES[rule](claims, estate, owed), 0.0, claims)


def proportional(claims: FloatArray, estate: float, owed: float) -> FloatArray:
    """Each gets the same share of its claim: c E / C (Aristotle; Thomson 2003)."""
    return claims * (estate / owed)


def constrained_equal_awards(claims: FloatArray, estate: float, owed: float) -> FloatArray:
    """All get the same amount, but nobody more than its claim: min(c, λ) (Maimonides; Thomson 2003)."""
    return np.minimum(claims, _equal_level(claims, estate))


def constrained_equal_losses(claims: FloatArray, estate: float, owed: float) -> FloatArray:
    """All lose the same amount, but nobody more than its claim: max(0, c - μ) (Maimonides; Thomson 2003)."""
    falling = np.sort(claims)[::-1]
    count = np.arange(1, len(claims) + 1)
    spent = np.concatenate([[0.0], np.cumsum(count[:-1] * -np.diff(falling))])  # at the loss c_k
    k = int(np.searchsorted(spent, estate, side="right")) - 1
    return np.asarray(np.maximum(0.0, (claims - falling[k]) + (estate - spent[k]) / count[k]))


def talmud(claims: FloatArray, estate: float, owed: float) -> FloatArray:
    """Below half of all claims equal awards on the half-claims, above it equal losses on them.

    min(c/2, λ) if E <= C/2, else c - min(c/2, λ) (Aumann and Maschler 1985): what the Mishnah divides.
    """
    if 2 * estate <= owed:
        return np.minimum(claims / 2, _equal_level(claims / 2, estate))
    return claims - np.minimum(claims / 2, _equal_level(claims / 2, owed - estate))


def adjusted_proportional(claims: FloatArray, estate: float, owed: float) -> FloatArray:
    """First to each what all others concede to it, then the rest in proportion to what is still claimed.

    m = max(0, E - Σ of the others' c); then m + c' (E - M) / Σ c' with c' = min(c - m, E - M) and M = Σ m
    (Curiel, Maschler and Tijs 1987).
    """
    claims = np.minimum(claims, estate)
    conceded = np.maximum(0.0, claims - (math.fsum(claims) - estate))
    rest = max(estate - math.fsum(conceded), 0.0)
    left = np.minimum(claims - conceded, rest)
    asked = math.fsum(left)
    return conceded + left * (rest / asked) if asked > 0 else conceded


def minimal_overlap(claims: FloatArray, estate: float, owed: float) -> FloatArray:
    """Claims are laid on parts of the estate so that they overlap least; each part is shared equally.

    With t = E where some claim reaches E, else the t of Σ max(c - t, 0) = E - t: each gets max(c - t, 0)
    alone, and of [0, t], where the claims min(c, t) are laid on each other,
    Σ_{k<=i} (min(c_k, t) - min(c_{k-1}, t)) / (n - k + 1), claims rising (O'Neill 1982; Chun and Thomson 2005).
    """
    claims = np.minimum(claims, estate)
    order = np.argsort(claims, kind="stable")
    rising, count = claims[order], np.arange(len(claims), 0, -1)
    t = _overlap(rising[::-1], estate)
    layers = np.diff(np.minimum(rising, t), prepend=0.0)
    shared = np.empty_like(claims)
    shared[order] = np.cumsum(layers / count)
    return shared + np.maximum(claims - t, 0.0)


def _equal_level(claims: FloatArray, estate: float) -> float:
    """The λ of Σ min(c, λ) = E, for E below the sum of the claims."""
    rising, count = np.sort(np.minimum(claims, estate)), np.arange(len(claims), 0, -1)
    spent = np.cumsum(count * np.diff(rising, prepend=0.0))  # at λ = c_k
    k = min(int(np.searchsorted(spent, estate)), len(claims) - 1)
    return float(rising[k] - (spent[k] - estate) / count[k])


def _overlap(falling: FloatArray, estate: float) -> float:
    """How much of the estate is claimed by more than one: t of `minimal_overlap`."""
    if falling[0] >= estate:
        return estate
    others = np.arange(len(falling))
    covered = falling[0] + np.concatenate([[0.0], np.cumsum(others[:-1] * -np.diff(falling))])  # at t = c_k
    k = int(np.searchsorted(covered, estate, side="right")) - 1
    return float(falling[k] - (estate - covered[k]) / (k or 1))


RULES: dict[ClaimsRule, Callable[[FloatArray, float, float], FloatArray]] = {
    "proportional": proportional,
    "constrained_equal_awards": constrained_equal_awards,
    "constrained_equal_losses": constrained_equal_losses,
    "talmud": talmud,
    "random_arrival": random_arrival,
    "adjusted_proportional": adjusted_proportional,
    "minimal_overlap": minimal_overlap,
}
