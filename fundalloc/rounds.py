"""Rounds: their order, and numbers that change from round to round."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import TypeVar, overload

T = TypeVar("T")
NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)", re.ASCII)


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
