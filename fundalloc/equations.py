"""Equations in fractions: symmetric ones, solved without rounding."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction

from fundalloc.problem import FloatArray


def solved(
    rows: dict[int, dict[int, Fraction]], goal: dict[int, Fraction], first: set[int], stated: Sequence[Fraction]
) -> tuple[dict[int, Fraction], set[int]]:
    """The solution of symmetric equations without negative directions, and the equations that it leaves out.

    The equation with the fewest others in it goes first, those in `first` before all. Where equations follow from
    others their unknowns are as stated; where they clash with them these are 0, and they are left out.
    """
    kept: dict[int, tuple[dict[int, Fraction], Fraction]] = {}
    solution: dict[int, Fraction] = {}
    out: set[int] = set()
    left = set(rows)
    while left:
        k = min(left, key=lambda j: (j not in first, len(rows[j]), j))
        left.remove(k)
        row, value = rows.pop(k), goal[k]
        pivot = row.pop(k, Fraction(0))
        if not pivot:
            out |= {k} if value else set()
            solution[k] = Fraction(0) if value else stated[k]
            for j in row:
                rows[j].pop(k, None)
            continue
        for j, a in row.items():
            other, factor = rows[j], a / pivot
            other.pop(k, None)
            goal[j] -= factor * value
            for i, b in row.items():
                other[i] = other.get(i, Fraction(0)) - factor * b
        kept[k] = {j: a / pivot for j, a in row.items()}, value / pivot
    for k, (row, value) in reversed(kept.items()):
        solution[k] = value - sum((a * solution[j] for j, a in row.items()), Fraction(0))
    return solution, out


def in_whole_numbers(values: FloatArray) -> tuple[list[int], int]:
    """Floats as whole numbers over one power of two."""
    pairs = [v.as_integer_ratio() for v in values.tolist()]
    over = max((d for _, d in pairs), default=1)
    return [n * (over // d) for n, d in pairs], over
