"""Likeness: whether the data of two rounds are the same for all that measures can see of them."""

from __future__ import annotations

import ast
from collections.abc import Iterable
from itertools import count

import numpy as np

from fundalloc.errors import InputError
from fundalloc.expressions import OVER_ROUNDS, Expression
from fundalloc.regions import Regions


def look_back(expressions: Iterable[Expression]) -> bool:
    """Whether any expression reads the data of earlier rounds."""
    nodes = (node for one in expressions for node in ast.walk(one.tree))
    return any(isinstance(n, ast.Call) and isinstance(n.func, ast.Name) and n.func.id in OVER_ROUNDS for n in nodes)


def alike(one: Regions, other: Regions, names: frozenset[str], *, back: bool) -> bool:
    """Whether two rounds have the same regions with the same values.

    names: what measures use. back: whether the data of the rounds before count as well.
    """
    if not _alike(one, other, names) or ("round" in names and one.round != other.round):
        return False
    for steps in count(1) if back else ():
        before, theirs = one.earlier(steps), other.earlier(steps)
        if before is None or theirs is None:
            return before is theirs
        if before.round != theirs.round or not _alike(before, theirs, names):
            return False
    return True


def _alike(one: Regions, other: Regions, names: frozenset[str]) -> bool:
    if one.ids != other.ids or one.counts_people != other.counts_people or set(one.groups) != set(other.groups):
        return False
    used = {n for r in (one, other) for n in (*r.columns, *r.texts) if n in names}
    used |= {"population"} if one.counts_people else set()
    return all(np.array_equal(one.groups[g], other.groups[g]) for g in one.groups) and all(
        _same_column(one, other, name) for name in sorted(used)
    )


def _same_column(one: Regions, other: Regions, name: str) -> bool:
    """Whether a column has the same values in both; one that cannot be read is not the same."""
    if not all(name in (*r.columns, *r.texts) for r in (one, other)):
        return False
    try:
        mine, theirs = one.column(name), other.column(name)
    except InputError:
        return False
    text = object in (mine.dtype, theirs.dtype)
    return bool(np.array_equal(mine, theirs) if text else np.array_equal(mine, theirs, equal_nan=True))
