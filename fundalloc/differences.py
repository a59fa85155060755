"""Differences: what is published beside what the inputs give, and the first thing in which they differ."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from fundalloc.certificate import read

#: computed numbers agree with stored ones to this part of themselves
AGREE = 1e-12


class Differs(Exception):  # noqa: N818
    """The first difference, in words."""


def same(what: str, ours: object, theirs: object) -> None:
    """Raises where something is published otherwise than the inputs give it."""
    if ours != theirs:
        raise Differs(f"{what}: {theirs!r} is published, but the inputs give {ours!r}.")


def entry(what: str, ours: Mapping[str, Any], theirs: Mapping[str, Any], ids: Sequence[str] | None) -> None:
    """Compares an entry of the certificate with what the inputs give."""
    if set(ours) != set(theirs):
        raise Differs(f"{what} is not described as it should be.")
    for key, value in ours.items():
        other = theirs[key]
        if isinstance(value, list) and isinstance(other, list) and len(value) == len(other):
            if value == other:
                continue
            one, two = read(value, np.inf), read(other, np.inf)
            size = np.where(np.isfinite(one), np.abs(one), 0.0)
            with np.errstate(invalid="ignore"):
                apart = ~((np.abs(one - two) <= AGREE * size) | (one == two))
            if not apart.any():
                continue
            k = int(np.argmax(apart))
            who = f" of {ids[k]}" if ids else ""
            raise Differs(f"{what}: the {key}{who} is {two[k]:g}, but the inputs give {one[k]:g}.")
        if value != other and not (
            isinstance(value, float) and isinstance(other, int | float) and abs(value - other) <= AGREE * abs(value)
        ):
            raise Differs(f"{what}: the {key} is {other!r}, but the inputs give {value!r}.")


def lines(name: str, ours: bytes, theirs: bytes) -> None:
    """Raises the first line in which two tables differ."""
    if ours == theirs:
        return
    right, said = ours.decode().split("\n"), theirs.decode(errors="replace").split("\n")
    for k, (one, two) in enumerate(_paired(right, said), 1):
        if one != two:
            raise Differs(f"{name}, line {k}: {two!r} is published, but {one!r} follows from the inputs.")


def entries(where: str, ours: object, theirs: object) -> None:
    """Raises the first entry in which two JSON contents differ."""
    if isinstance(ours, dict) and isinstance(theirs, dict) and set(ours) == set(theirs):
        for key, value in ours.items():
            entries(f"{where}.{key}", value, theirs[key])
    elif isinstance(ours, list) and isinstance(theirs, list) and len(ours) == len(theirs):
        for k, (one, two) in enumerate(zip(ours, theirs, strict=True)):
            entries(f"{where}[{k}]", one, two)
    elif ours != theirs:
        raise Differs(f"{where} is {theirs!r}, but the inputs give {ours!r}.")


def _paired(one: Sequence[str], two: Sequence[str]) -> Iterator[tuple[str, str]]:
    for k in range(max(len(one), len(two))):
        yield (one[k] if k < len(one) else "(nothing)", two[k] if k < len(two) else "(nothing)")
