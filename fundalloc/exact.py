"""The optimum of `nearest` in exact fractions.

Every number of a system is a fraction: amounts, weights and rows as they are stored, bounds in whole lots. Where it
is known which bounds hold, the optimum solves as many linear equations as rows bind; they are solved in whole
numbers, and all signs and all bounds are checked without any rounding. So it is the optimum, not near it.
"""

from __future__ import annotations

import math
from collections.abc import Sequence, Set
from dataclasses import dataclass, replace
from fractions import Fraction

import numpy as np

from fundalloc.equations import solved
from fundalloc.optimum import Optimum
from fundalloc.problem import BoolArray, FloatArray, IntArray
from fundalloc.system import System
from fundalloc.whole import WholeNumbers

#: how often the bounds that hold are mended
TRIES = 20
#: how often the optimum is looked for anew from its own multipliers
AGAIN = 4
#: more rows than these that bind, or longer numbers (in bits), are left to float arithmetic
ROWS, BITS = 400, 200_000
#: how far a price is put from one at which an amount would begin to move, as a part of those prices
APART = 1e-6
#: rows that are missed or kept by more than this part of their size need no exact look
CLEAR = 1e-9


@dataclass(frozen=True, eq=False)
class Exact:
    """The optimum: amount of cell c = numerators[c] / denominator.

    rows, supplies: the multipliers of the coupling rows and of the fixed totals. tries: how many sets of bounds that
    hold were looked at; held: the last one.
    """

    numerators: tuple[int, ...]
    denominator: int
    rows: tuple[Fraction, ...]
    supplies: tuple[Fraction, ...]
    tries: int
    held: tuple[bytes, bytes]

    def amounts(self) -> FloatArray:
        """The amounts, each the nearest float."""
        return np.array([n / self.denominator for n in self.numerators])

    def lots(self, cells: slice, lot: Fraction) -> tuple[IntArray, FloatArray]:
        """Amounts in lots: the whole part, and the rest of a lot."""
        over = self.denominator * lot.numerator
        split = [divmod(n * lot.denominator, over) for n in self.numerators[cells]]
        return np.array([w for w, _ in split], dtype=np.int64), np.array([r / over for _, r in split])


def exact(system: System, optimum: Optimum) -> Exact | None:
    """The exact optimum near one in floats; None where there are too many rows, or no signs fit."""
    return _Task(system).solve(optimum)


def sharpened(system: System, optimum: Optimum) -> tuple[Optimum, Exact | None]:
    """The optimum with the exact one's amounts and multipliers, each the nearest float, and the exact one.

    From these multipliers the same one is found again.
    """
    task = _Task(system)
    clear = task.priced_clear(optimum)
    for _ in range(AGAIN):
        found = task.solve(clear)
        if found is None:
            return optimum, None
        rows, supplies = (np.array([float(v) for v in values]) for values in (found.rows, found.supplies))
        same = np.array_equal(rows, clear.rows) and np.array_equal(supplies, clear.supplies)
        clear = optimum = replace(clear, rows=rows, supplies=supplies, amounts=found.amounts(), residual=0.0)
        state, binding, _ = task.begin(optimum)
        if same or (found.tries == 1 and found.held == (state.tobytes(), binding.tobytes())):
            return optimum, found
    return optimum, None


class _Task(WholeNumbers):
    """The search for the bounds that hold."""

    def begin(self, optimum: Optimum) -> tuple[IntArray, BoolArray, FloatArray]:
        """Where the amounts stand by the multipliers, and which rows bind, with what signs."""
        system, problem = self.system, self.problem
        count = len(system.supplies)
        signs = np.concatenate([np.zeros(count), np.sign(optimum.rows)])
        binding = np.concatenate([np.ones(count, dtype=bool), (optimum.rows != 0) | self.equal[count:]])
        force = np.repeat([0.0] * len(problem.resources), problem.n)
        for r, price in zip(system.supplies, optimum.supplies.tolist(), strict=True):
            force[problem.block(r)] = price
        z = problem.centre + problem.softness * problem.size * (force + system.matrix.T @ optimum.rows)
        return np.where(z <= system.low, -1, np.where(z >= system.high, 1, 0)), binding, signs

    def priced_clear(self, optimum: Optimum) -> Optimum:
        """The optimum with other prices of totals of which floors take all, or caps: then many prices fit.

        They are clear of those at which some amount would begin to move, so that no rounding of theirs matters.
        """
        system, problem = self.system, self.problem
        pull, force = problem.softness * problem.size, system.matrix.T @ optimum.rows
        supplies = optimum.supplies.copy()
        for k, r in enumerate(system.supplies):
            block = problem.block(r)
            total, _ = self.bounds[k]
            for side, exact_bounds, bounds in ((-1, self.low, system.low), (1, self.high, system.high)):
                taken = [b for b in exact_bounds[block] if b is not None]
                if len(taken) == problem.n and Fraction(sum(taken), self.ends) == total:
                    turns = (bounds[block] - problem.centre[block]) / pull[block] - force[block]
                    clear = side * (side * turns).max() + side * APART * np.abs(turns).max()
                    supplies[k] = side * max(side * supplies[k], side * clear)
        return replace(optimum, supplies=supplies)

    def solve(self, optimum: Optimum) -> Exact | None:
        """The exact optimum, found by mending which bounds hold."""
        equal = self.equal
        count = len(self.system.supplies)
        state, binding, signs = self.begin(optimum)
        seen, first = set(), set[int]()
        stated = [Fraction(p) / s for p, s in zip([*optimum.supplies, *optimum.rows], self.scale, strict=True)]
        for tries in range(1, TRIES + 1):
            key = state.tobytes(), binding.tobytes(), signs.tobytes(), frozenset(first)
            if key in seen or binding.sum() > ROWS:
                return None
            seen.add(key)
            prices, free = self._prices(state, np.flatnonzero(binding), signs, first, stated)
            found = self._amounts(prices, state)
            if found is None:
                return None
            amounts, over, now = found
            wrong = [k for k, p in prices.items() if p * int(signs[k]) < 0 and not equal[k]]
            stay = bool((now == state).all())
            missed = self._missed(amounts, over, prices.keys() - free) if stay else []
            if stay and not wrong and not missed:
                rows = tuple(prices.get(k, Fraction(0)) * self.scale[k] for k in range(len(self.rows)))
                return Exact(tuple(amounts), over, rows[count:], rows[:count], tries, key[:2])
            state = now
            binding[wrong] = False
            for k, side in missed:
                binding[k], signs[k] = True, side
            first |= {k for k, _ in missed}
        return None

    def _prices(
        self, state: IntArray, binding: IntArray, signs: FloatArray, first: set[int], stated: Sequence[Fraction]
    ) -> tuple[dict[int, Fraction], set[int]]:
        """The multipliers under which the rows that bind are met, and the rows that are left out because they clash.

        first: rows that go before others. stated: multipliers that rows which follow from others keep.
        """
        place: dict[int, list[tuple[int, int]]] = {}
        goal: dict[int, Fraction] = {}
        for k in binding.tolist():
            low, high = self.bounds[k]
            bound = low if high is None or (low is not None and signs[k] > 0) else high
            assert bound is not None
            free = fixed = 0
            for c, a in self.rows[k]:
                if state[c] == 0:
                    place.setdefault(c, []).append((k, a))
                    free += a * self.centre[c]
                else:
                    fixed += a * self._at(c, int(state[c]))
            goal[k] = bound * self.scale[k] - Fraction(fixed, self.ends) - Fraction(free, self.over)
        products: dict[int, dict[int, int]] = {k: {} for k in goal}
        for c, mine in place.items():
            pull = self.pull[c]
            for k, a in mine:
                row, force = products[k], pull * a
                for j, b in mine:
                    row[j] = row.get(j, 0) + force * b
        scaled = {k: {j: Fraction(v, self.over) for j, v in row.items()} for k, row in products.items()}
        return solved(scaled, goal, first, stated)

    def _at(self, cell: int, side: int) -> int:
        bound = self.low[cell] if side < 0 else self.high[cell]
        assert bound is not None
        return bound

    def _amounts(self, prices: dict[int, Fraction], state: IntArray) -> tuple[list[int], int, IntArray] | None:
        """The amounts over one denominator, and where they stand: below or at the lower bound, between, or above."""
        below = math.lcm(*(p.denominator for p in prices.values()))
        if below.bit_length() > BITS:
            return None
        whole = {k: int(p * below) for k, p in prices.items()}
        force = [0] * self.problem.cells
        for k, p in whole.items():
            if p:
                for c, a in self.rows[k]:
                    force[c] += p * a
        over = math.lcm(self.over * below, self.ends)
        more, end = over // (self.over * below), over // self.ends
        amounts, now = [], np.zeros(self.problem.cells, dtype=np.int64)
        for c in range(self.problem.cells):
            value = (self.centre[c] * below + self.pull[c] * force[c]) * more
            low, high = self.low[c], self.high[c]
            if low is not None and value <= low * end:
                value, now[c] = low * end, -1
            elif high is not None and value >= high * end:
                value, now[c] = high * end, 1
            amounts.append(value)
        return amounts, over, now

    def _missed(self, amounts: list[int], over: int, met: Set[int]) -> list[tuple[int, int]]:
        """Rows that are missed beside those that are met: 1 below the lower bound, -1 above the upper one."""
        system, found = self.system, []
        count = len(system.supplies)
        x = np.array([a / over for a in amounts])
        values = np.asarray(system.matrix @ x)
        size = CLEAR * np.asarray(abs(system.matrix) @ x) + 1e-300
        near = (values < system.row_low + size) | (values > system.row_high - size)
        held = [k for k in range(count) if k not in met]
        for k in [*held, *(k for k in (np.flatnonzero(near) + count).tolist() if k not in met)]:
            value = Fraction(sum(a * amounts[c] for c, a in self.rows[k]), over * self.scale[k])
            low, high = self.bounds[k]
            if low is not None and value < low:
                found.append((k, 1))
            elif high is not None and value > high:
                found.append((k, -1))
        return found
