"""Orders: what each of several causes changes, averaged over all orders in which they can have come, in whole numbers.

Whole numbers make the average exact: it does not depend on the order of adding up, and seen from the other end it is
the same with the other sign.
Source: Shapley (1953), A value for n-person games.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from fractions import Fraction
from itertools import combinations
from math import factorial
from typing import Any

import numpy as np

Block = tuple[str, ...]
Whole = np.ndarray[Any, np.dtype[np.object_]]


def unions(blocks: Sequence[Block]) -> Iterator[frozenset[str]]:
    """All causes of none, one, several and all blocks, the fewest blocks first."""
    for size in range(len(blocks) + 1):
        for some in combinations(blocks, size):
            yield frozenset(cause for block in some for cause in block)


def partitions(causes: Sequence[str], together: Block) -> list[tuple[Block, ...]]:
    """All ways to take causes as one, the most parts first; among equals those first that keep `together` as one."""
    found: list[tuple[Block, ...]] = [()]
    for cause in causes:
        found = [
            (*way[:k], (*way[k], cause), *way[k + 1 :]) if k < len(way) else (*way, (cause,))
            for way in found
            for k in range(len(way) + 1)
        ]
    joined = set(together)
    return sorted(found, key=lambda way: (-len(way), not any(joined <= set(block) for block in way), way))


def average(block: Block, blocks: Sequence[Block], decided: Mapping[frozenset[str], Whole]) -> Whole:
    """What one block changes on average over all orders, times the number of orders."""
    others = [b for b in blocks if b != block]
    total = np.zeros(len(decided[frozenset()]), dtype=object)
    for before in unions(others):
        size = sum(1 for b in others if set(b) <= before)
        weight = factorial(size) * factorial(len(others) - size)
        total += weight * (decided[before | set(block)] - decided[before])
    return total


def rounded(values: Sequence[int], parts: int) -> list[int]:
    """Whole numbers of `parts` each, next to the values and adding up to what these add up to, rounded.

    By largest remainder; ties go to the first. The same for values of the other sign, but for the sign.
    """
    sign = next((1 if v > 0 else -1 for v in values if v), 1)
    divided = [divmod(sign * v, parts) for v in values]
    total = round(Fraction(sign * sum(values), parts))
    order = sorted(range(len(values)), key=lambda k: -divided[k][1])
    more = set(order[: total - sum(whole for whole, _ in divided)])
    return [sign * (whole + (k in more)) for k, (whole, _) in enumerate(divided)]
