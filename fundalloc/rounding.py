"""Whole lots: real amounts rounded so that they add up and no limit on regions or nested groups breaks.

Nested groups are a tree. Bottom up, the whole totals that a node can have form an interval; top down,
each node's total is divided among its children inside their intervals by the named method. Equal
remainders go to the larger entitlement, then to the smaller id.
Sources: Balinski and Young (1982), Fair Representation; Hamilton = largest remainder.
"""

from __future__ import annotations

import heapq
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from fundalloc.language import later, phrase
from fundalloc.problem import FloatArray, IntArray, Rounding

#: who has nothing yet goes before all others where the signpost is 0, the larger amount first
FIRST = 1e100
#: remainders are compared in steps of this part of a lot, or of the noise of floats where that is more
STEP = 1e-6

#: how many lots beyond rounding up or down are tried, where float noise or crossing rules leave nothing nearer
QUOTAS = (0, 1, 4, 16, 64, 256)

#: why lots are left over
UNDIVIDED = phrase("{total} lots cannot be divided among {count} regions")

#: the signpost between s and s + 1 lots: a claim of this size is worth the next lot at divisor 1
SIGNPOSTS: dict[str, Callable[[int], float]] = {
    "jefferson": lambda s: s + 1.0,
    "webster": lambda s: s + 0.5,
    "huntington_hill": lambda s: math.sqrt(s) * math.sqrt(s + 1.0),
    "adams": float,
}


class NoWholeLots(ValueError):  # noqa: N818
    """No whole lots keep the bounds; why is said where it is shown (`later`)."""


@dataclass(frozen=True, eq=False)
class Real:
    """Amounts in lots: whole + part, part from 0 to less than 1. noise: by how much floats may be off, in amounts."""

    whole: IntArray
    part: FloatArray
    noise: float = 0.0

    @classmethod
    def of(cls, amounts: FloatArray) -> Real:
        """Amounts in floats."""
        whole = np.floor(amounts)
        return cls(whole.astype(np.int64), amounts - whole, 1e-13)

    def sums(self, groups: Sequence[IntArray]) -> Real:
        """These amounts, and then the sum of each group of them."""
        parts = np.array([float(self.part[g].sum()) for g in groups])
        more = np.floor(parts)
        whole = np.array([int(self.whole[g].sum()) for g in groups], dtype=np.int64) + more.astype(np.int64)
        return Real(np.concatenate([self.whole, whole]), np.concatenate([self.part, parts - more]), self.noise)


@dataclass(frozen=True, eq=False)
class Nest:
    """A group whose total in lots lies between low and high; members are indices of cells."""

    members: IntArray
    low: int
    high: int


@dataclass(eq=False)
class _Nodes:
    """The tree as arrays: cells first, then groups, the root last."""

    real: FloatArray
    floor: IntArray
    remainder: IntArray
    low: list[int]
    high: list[int]
    priority: FloatArray
    first: IntArray
    children: dict[int, IntArray]


def whole_lots(
    real: Real,
    total: int | None,
    low: IntArray,
    high: IntArray,
    nests: Sequence[Nest],
    priority: FloatArray,
    method: Rounding = "largest_remainder",
) -> IntArray:
    """Whole lots for real amounts, one per cell; total None: an open supply.

    low, high and nests (a nested family) are kept exactly, and the lots add up to total. Under
    largest_remainder every cell gets its amount rounded up or down, or a few lots more where amounts are
    so large that floats do not hold them to the lot. Raises NoWholeLots.
    """
    nodes = _loosest_needed(real, total, low, high, nests, priority, method)
    root = len(nodes.low) - 1
    lots: dict[int, int] = {}
    if total is None:
        for child in nodes.children[root].tolist():
            half_up = int(nodes.floor[child]) + int(nodes.remainder[child] * 2 >= round(1 / STEP))
            lots[child] = min(max(half_up, nodes.low[child]), nodes.high[child])
        open_ = [c for c in nodes.children[root].tolist() if c in nodes.children]
    else:
        lots[root] = total
        open_ = [root]
    result = np.zeros(len(low), dtype=np.int64)
    while open_:
        node = open_.pop()
        children = nodes.children[node]
        for child, given in zip(children.tolist(), _divide(nodes, children, lots[node], method), strict=True):
            lots[child] = given
            if child in nodes.children:
                open_.append(child)
    for cell in range(len(low)):
        result[cell] = lots[cell]
    return result


def _loosest_needed(
    real: Real,
    total: int | None,
    low: IntArray,
    high: IntArray,
    nests: Sequence[Nest],
    priority: FloatArray,
    method: Rounding,
) -> _Nodes:
    """The tree with the tightest quota that leaves any lots; divisor methods know no quota."""
    for spare in QUOTAS if method == "largest_remainder" else ():
        try:
            return _tree(real, total, low, high, nests, priority, spare)
        except NoWholeLots:
            continue
    return _tree(real, total, low, high, nests, priority, None)


def _split(real: Real) -> tuple[IntArray, IntArray, FloatArray]:
    """Whole part, remainder in steps, and the amount freed of float noise."""
    step = np.clip(real.noise * np.abs(real.whole), STEP, 0.5)
    steps = np.where(real.part < step / 2, 0, np.rint(real.part / STEP))
    over = (steps >= round(1 / STEP)) | (real.part >= 1 - step / 2)
    whole, steps = real.whole + over, np.where(over, 0, steps).astype(np.int64)
    return whole, steps, whole + steps * STEP


def _tree(
    real: Real,
    total: int | None,
    low: IntArray,
    high: IntArray,
    nests: Sequence[Nest],
    priority: FloatArray,
    spare: int | None,
) -> _Nodes:
    """The tree with the whole totals that each node can have.

    spare: how many lots an amount may be beyond its rounding up or down; None: any number.
    """
    n = len(low)
    if (low > high).any():
        cell = int(np.argmax(low > high))
        raise NoWholeLots(
            later("a region needs at least {least} and at most {most} lots", least=low[cell], most=high[cell])
        )
    top = np.arange(n)
    size = n + len(nests) + 1
    members = [*sorted(nests, key=lambda nest: len(nest.members)), Nest(np.arange(n), -1, -1)]
    sums = real.sums([m.members for m in members])
    due = np.concatenate([priority, [float(priority[m.members].sum()) for m in members]])
    first = np.concatenate([np.arange(n), [int(m.members.min(initial=n)) for m in members]])
    floor, remainder, clean = _split(sums)
    lows, highs = low.tolist() + [0] * (size - n), high.tolist() + [0] * (size - n)
    if spare is not None:
        up = floor + (remainder > 0)
        for cell, (down, above) in enumerate(zip(floor[:n].tolist(), up[:n].tolist(), strict=True)):
            lows[cell], highs[cell] = _tighter(lows[cell], highs[cell], down - spare, above + spare)
    children: dict[int, IntArray] = {}
    for node, nest in enumerate(members, n):
        children[node] = np.unique(top[nest.members])
        top[nest.members] = node
        inside = children[node].tolist()
        least, most = sum(lows[c] for c in inside), sum(highs[c] for c in inside)
        if node < size - 1:
            least, most = max(least, nest.low), min(most, nest.high)
            if least > most:
                text = phrase("a group of {count} regions needs from {least} to {most} lots")
                raise NoWholeLots(later(text, count=len(nest.members), least=least, most=most))
            if spare is not None:
                down, above = int(floor[node]), int(floor[node]) + int(remainder[node] > 0)
                least, most = _tighter(least, most, down - spare, above + spare)
        elif total is not None and not least <= total <= most:
            text = phrase("{total} lots are shared out, but the bounds allow from {least} to {most}")
            raise NoWholeLots(later(text, total=total, least=least, most=most))
        lows[node], highs[node] = least, most
    return _Nodes(clean, floor, remainder, lows, highs, _coarse(due), first, children)


def _tighter(low: int, high: int, down: int, up: int) -> tuple[int, int]:
    """The bounds narrowed to the amount rounded down and up, where that leaves any."""
    return min(max(low, down), high), max(min(high, up), low)


def _coarse(values: FloatArray) -> FloatArray:
    """Entitlements without the last digits, so that equal ones are equal."""
    scale = 10.0 ** (np.floor(np.log10(np.maximum(np.abs(values), 1e-300))) - 11)
    return np.asarray(np.rint(values / scale) * scale)


def _divide(nodes: _Nodes, children: IntArray, total: int, method: Rounding) -> list[int]:
    """A node's lots among its children, inside their intervals."""
    low = [nodes.low[c] for c in children.tolist()]
    high = [nodes.high[c] for c in children.tolist()]
    if method == "largest_remainder":
        return _largest_remainder(nodes, children, low, high, total)
    return _by_divisor(nodes, children, low, high, total, SIGNPOSTS[method])


def _largest_remainder(nodes: _Nodes, children: IntArray, low: list[int], high: list[int], total: int) -> list[int]:
    order = np.lexsort((nodes.first[children], -nodes.priority[children], -nodes.remainder[children])).tolist()
    floors = nodes.floor[children].tolist()
    lots = [min(max(f, a), b) for f, a, b in zip(floors, low, high, strict=True)]
    left = total - sum(lots)
    while left:
        before = left
        for k in order if left > 0 else reversed(order):
            if left > 0 and lots[k] < high[k]:
                lots[k] += 1
                left -= 1
            elif left < 0 and lots[k] > low[k]:
                lots[k] -= 1
                left += 1
            if not left:
                break
        if left == before:
            raise NoWholeLots(later(UNDIVIDED, total=total, count=len(lots)))
    return lots


def _by_divisor(
    nodes: _Nodes,
    children: IntArray,
    low: list[int],
    high: list[int],
    total: int,
    signpost: Callable[[int], float],
) -> list[int]:
    """The divisor method with bounds: lots go one by one to the greatest amount per signpost.

    It starts at divisor 1, where each child has its amount rounded at its signpost, so few steps remain.
    """
    real = nodes.real[children].tolist()
    floors = nodes.floor[children].tolist()
    due, first = nodes.priority[children].tolist(), nodes.first[children].tolist()
    lots = [min(max(f + (w > 0 and w > signpost(f)), a), b) for f, w, a, b in zip(floors, real, low, high, strict=True)]
    left = total - sum(lots)

    def worth(k: int, s: int) -> float:
        mark = signpost(s)
        return float(real[k] / mark if mark > 0 else real[k] * FIRST)

    if left > 0:
        heap = [(-worth(k, s), -due[k], first[k], k) for k, s in enumerate(lots) if s < high[k]]
        step = 1
    else:
        heap = [(worth(k, s - 1), due[k], -first[k], k) for k, s in enumerate(lots) if s > low[k]]
        step = -1
    heapq.heapify(heap)
    while left:
        if not heap:
            raise NoWholeLots(later(UNDIVIDED, total=total, count=len(lots)))
        *_, k = heapq.heappop(heap)
        lots[k] += step
        left -= step
        if step > 0 and lots[k] < high[k]:
            heapq.heappush(heap, (-worth(k, lots[k]), -due[k], first[k], k))
        elif step < 0 and lots[k] > low[k]:
            heapq.heappush(heap, (worth(k, lots[k] - 1), due[k], -first[k], k))
    return lots


def round_to_sum(real: FloatArray, total: int) -> IntArray:
    """Whole numbers next to real ones, also negative ones, that add up to total; ties by index."""
    whole = np.floor(real)
    left = total - int(sum(whole.astype(np.int64).tolist()))
    order = np.argsort(-(real - whole), kind="stable")
    result = whole.astype(np.int64)
    each, rest = divmod(left, len(real)) if len(real) else (0, 0)
    result += each
    result[order[:rest]] += 1
    return result
