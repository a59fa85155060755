"""Rounds: their order, and numbers that change from round to round."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import TypeVar, overload

T = TypeVar("T")
NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)", re.ASCII)
WHOLE = re.compile(r"\d+", re.ASCII)


def _numeric(labels: Iterable[str]) -> bool:
    return all(NUMBER.fullmatch(label) for label in labels)


def in_order(labels: Iterable[str]) -> tuple[str, ...]:
    """The rounds without repetition, as numbers if all are numbers, else as text."""
    unique = set(labels)
    return tuple(sorted(unique, key=(lambda r: (float(r), r)) if _numeric(unique) else str))


def not_after(labels: Iterable[str], round_: str) -> tuple[str, ...]:
    """The rounds up to and including `round_`, in order."""
    everything = in_order([*labels, round_])
    upto = everything[: everything.index(round_) + 1]
    given = set(labels)
    return tuple(r for r in upto if r in given)


@overload
def at(table: Mapping[str, T], round_: str) -> T | None: ...
@overload
def at(table: T, round_: str) -> T: ...
def at(table: object, round_: str) -> object:
    """The entry in force in a round: the latest one not after it, None before the first.

    A plain value holds always.
    """
    if not isinstance(table, Mapping):
        return table
    known = not_after(list(table), round_)
    return table[known[-1]] if known else None


def in_force(round_: str, first: str | None, last: str | None) -> bool:
    """Whether a round lies between two inclusive ends, each of which may be open."""
    if first is not None and in_order([first, round_])[0] != first:
        return False
    return last is None or in_order([last, round_])[-1] == last


class Calendar:
    """Rounds as years: how many lie between two of them, and which come next.

    years: between labels that are whole numbers their difference; between others one for each round.
    """

    def __init__(self, labels: Iterable[str]) -> None:
        self.rounds = in_order(labels)
        self.whole = all(WHOLE.fullmatch(label) for label in self.rounds)

    def years(self, one: str, other: str) -> int:
        """How many years lie between two rounds, the second one the later."""
        if self.whole:
            return int(other) - int(one)
        return self.rounds.index(other) - self.rounds.index(one)

    def following(self, start: str, count: int) -> tuple[str, ...]:
        """The labels after a whole number: by the last known step up to it, else the one to the next, else 1."""
        known = sorted({int(label) for label in self.rounds})
        place = known.index(int(start))
        pair = known[max(place - 1, 0) : max(place - 1, 0) + 2]
        step = pair[1] - pair[0] if len(pair) == 2 else 1
        return tuple(str(int(start) + k * step).zfill(len(start)) for k in range(1, count + 1))
