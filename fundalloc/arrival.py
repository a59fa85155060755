"""Random arrival: the exact average over every order in which the claimants could arrive."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Never

import numpy as np
from numpy.typing import NDArray

from fundalloc.errors import Fault, InputError
from fundalloc.language import say

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]

#: any claims of up to so many claimants can be divided; more, where equal or large claims leave fewer cases
CLAIMANTS = 42
#: combinations of one half of the claimants, and additions over them
COMBINATIONS = 2**22
ADDITIONS = 2**28


def random_arrival(claims: FloatArray, estate: float, owed: float) -> FloatArray:
    """Claimants come in random order and take their claim while it lasts: the average over all orders.

    Σ over sets S of the others of |S|! (n - |S| - 1)! / n! min(c, max(0, E - c(S))), the Shapley value of the
    claims game (O'Neill 1982). Exact for any 42 claimants, in seconds: the sets are halves put together
    in sorted order, equal claims (and those above the estate) count as one kind. InputError beyond that.
    """
    if 2 * estate > owed:  # the rule is its own dual, and a smaller estate leaves fewer cases
        return claims - random_arrival(claims, owed - estate, owed)
    claims = np.minimum(claims, estate)
    if not claims.any():
        return claims
    values, kind, counts = np.unique(claims, return_inverse=True, return_counts=True)
    counts[values == 0] = 0
    halves: tuple[list[int], list[int]] = ([], [])
    cases = [0.0, 0.0]
    for j in sorted(np.flatnonzero(counts), key=lambda j: (-counts[j], -values[j])):
        smaller = int(cases[1] < cases[0])
        halves[smaller].append(int(j))
        cases[smaller] += np.log2(counts[j] + 1.0)
    n, kinds = int(counts.sum()), sum(map(len, halves))
    if max(cases) > 62:
        _refuse(n, kinds)
    one, other = (_combine(values[h], counts[h], estate, n, kinds) for h in halves)
    if len(set(one.sizes)) * len(other.sums) + len(set(other.sizes)) * len(one.sums) > ADDITIONS:
        _refuse(n, kinds)
    taken = np.zeros(len(values))
    taken[halves[0]] = _taken(one, other, estate)
    taken[halves[1]] = _taken(other, one, estate)
    awards = (estate + (counts * taken).sum()) / max(n, 1) - taken
    return np.where(claims > 0, awards[kind], 0.0)


@dataclass(frozen=True, eq=False)
class _Half:
    """The combinations of some claimants whose claims stay below the estate.

    sums: of the claims. sizes: claimants in it. chance: among all sets of that size. code: how many
    of each kind, in mixed radix.
    """

    claimants: int
    counts: IntArray
    sums: FloatArray
    sizes: IntArray
    chance: FloatArray
    code: IntArray


def _combine(values: FloatArray, counts: IntArray, estate: float, n: int, kinds: int) -> _Half:
    sums, weight = np.zeros(1), np.zeros(1)  # the weight is a logarithm
    sizes, code = np.zeros(1, dtype=np.int64), np.zeros(1, dtype=np.int64)
    stride = 1
    for value, count in zip(values, counts.tolist(), strict=True):
        members = np.arange(min(count, int(np.ceil(estate / value))) + 1)
        if len(sums) * len(members) > COMBINATIONS:
            _refuse(n, kinds)
        total = np.add.outer(sums, members * value)
        kept = total < estate
        sums = total[kept]
        weight = np.add.outer(weight, _log_choose(count, members))[kept]
        sizes = np.add.outer(sizes, members)[kept]
        code = np.add.outer(code, members * stride)[kept]
        stride *= count + 1
    claimants = int(counts.sum())
    return _Half(claimants, counts, sums, sizes, np.exp(weight - _log_choose(claimants, sizes)), code)


def _taken(half: _Half, other: _Half, estate: float) -> FloatArray:
    """What the claimants of a half lose to the others by having come before them, for each kind.

    Mean over the kind of Σ_S (w(|S|) + w(|S| - 1)) (E - c(S))⁺ over the sets S with the claimant in it,
    w(k) = k! (n - 1 - k)! / n!. For every set of this half the fitting sets of the other are a prefix.
    """
    n = half.claimants + other.claimants
    order = np.argsort(other.sums, kind="stable")
    sums, sizes, chance = other.sums[order], other.sizes[order], other.chance[order]
    prefix = np.searchsorted(sums, estate - half.sums)
    lost = np.empty(len(half.sums))
    by_size = np.argsort(half.sizes, kind="stable")
    for same in np.split(by_size, np.flatnonzero(np.diff(half.sizes[by_size])) + 1):
        size = half.sizes[same[0]] + np.arange(other.claimants + 1)
        split = np.exp(
            _log_choose(half.claimants, half.sizes[same[:1]])
            + _log_choose(other.claimants, np.arange(other.claimants + 1))
            - _log_choose(n, size)
        )
        weight = (np.where(size % n > 0, n / np.maximum(size * (n - size), 1), 0.0) * split)[sizes] * chance
        count = np.concatenate([[0.0], np.cumsum(weight)])
        value = np.concatenate([[0.0], np.cumsum(weight * sums)])
        lost[same] = (estate - half.sums[same]) * count[prefix[same]] - value[prefix[same]]
    lost *= half.chance
    taken, code = np.empty(len(half.counts)), half.code
    for j, count in enumerate(half.counts.tolist()):
        taken[j] = (lost * (code % (count + 1))).sum() / count
        code = code // (count + 1)
    return taken


def _log_choose(n: int, k: IntArray) -> FloatArray:
    logs = np.concatenate([[0.0], np.cumsum(np.log(np.arange(1, n + 1)))])
    return np.asarray(logs[n] - logs[k] - logs[n - k])


def _refuse(n: int, kinds: int) -> Never:
    raise InputError(
        [
            Fault(
                say(
                    "random_arrival is the exact average over all orders of arrival, and {code_n:,} "
                    "claimants with {code_kinds:,} different claims make more cases than can be added up (up "
                    "to {code_claimants} claimants always fit).",
                    code_n=n,
                    code_kinds=kinds,
                    code_claimants=CLAIMANTS,
                ),
                say(
                    'Write rule = "proportional", which random_arrival comes ever closer to as claimants '
                    'grow many, or rule = "adjusted_proportional", which also gives to each first what the '
                    "others concede to it."
                ),
            )
        ]
    )
