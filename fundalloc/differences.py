"""Differences: what is published beside what the inputs give, and the first thing in which they differ."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from fundalloc.certificate import read
from fundalloc.language import Later, later

#: computed numbers agree with stored ones to this part of themselves
AGREE = 1e-12


class Differs(Exception):  # noqa: N818
    """The first difference, in words that are said where they are shown (`later`)."""


def same(what: str | Later, ours: object, theirs: object) -> None:
    """Raises where something is published otherwise than the inputs give it."""
    if ours != theirs:
        raise Differs(
            later(
                "{code_what}: {code_theirs!r} is published, but the inputs give {code_ours!r}.",
                code_what=what,
                code_theirs=theirs,
                code_ours=ours,
            )
        )


def entry(what: str | Later, ours: Mapping[str, Any], theirs: Mapping[str, Any], ids: Sequence[str] | None) -> None:
    """Compares an entry of the certificate with what the inputs give."""
    if set(ours) != set(theirs):
        raise Differs(later("{code_what} is not described as it should be.", code_what=what))
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
            who = later(" of {code}", code=ids[k]) if ids else ""
            raise Differs(
                later(
                    "{code_what}: the {code_key}{code_who} is {code_two:g}, but the inputs give {code_one:g}.",
                    code_what=what,
                    code_key=key,
                    code_who=who,
                    code_two=two[k],
                    code_one=one[k],
                )
            )
        if value != other and not (
            isinstance(value, float) and isinstance(other, int | float) and abs(value - other) <= AGREE * abs(value)
        ):
            raise Differs(
                later(
                    "{code_what}: the {code_key} is {code_other!r}, but the inputs give {code_value!r}.",
                    code_what=what,
                    code_key=key,
                    code_other=other,
                    code_value=value,
                )
            )


def lines(name: str, ours: bytes, theirs: bytes) -> None:
    """Raises the first line in which two tables differ."""
    if ours == theirs:
        return
    right, said = ours.decode().split("\n"), theirs.decode(errors="replace").split("\n")
    for k, (one, two) in enumerate(_paired(right, said), 1):
        if one != two:
            raise Differs(
                later(
                    "{code_name}, line {code_k}: {code_two!r} is published, but {code_one!r} follows from the inputs.",
                    code_name=name,
                    code_k=k,
                    code_two=two,
                    code_one=one,
                )
            )


def entries(where: str, ours: object, theirs: object) -> None:
    """Raises the first entry in which two JSON contents differ."""
    if isinstance(ours, dict) and isinstance(theirs, dict) and set(ours) == set(theirs):
        for key, value in ours.items():
            entries(f"{where}.{key}", value, theirs[key])
    elif isinstance(ours, list) and isinstance(theirs, list) and len(ours) == len(theirs):
        for k, (one, two) in enumerate(zip(ours, theirs, strict=True)):
            entries(f"{where}[{k}]", one, two)
    elif ours != theirs:
        raise Differs(
            later(
                "{code_where} is {code_theirs!r}, but the inputs give {code_ours!r}.",
                code_where=where,
                code_theirs=theirs,
                code_ours=ours,
            )
        )


def _paired(one: Sequence[str], two: Sequence[str]) -> Iterator[tuple[str | Later, str | Later]]:
    nothing = later("(nothing)")
    for k in range(max(len(one), len(two))):
        yield (one[k] if k < len(one) else nothing, two[k] if k < len(two) else nothing)
