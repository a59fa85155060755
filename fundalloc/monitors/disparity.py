"""Disparity: how unequal the amounts per head are, round by round, and where it lies."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from fundalloc.inequality import gini, theil, theil_between_within
from fundalloc.monitors.course import Course
from fundalloc.problem import FloatArray


@dataclass(frozen=True, slots=True)
class Split:
    """The Theil index of one round as its parts between and within the groups of one column."""

    round: str
    column: str
    theil: float
    between: float
    within: float


def disparities(course: Course) -> tuple[FloatArray, FloatArray]:
    """T x subjects: Gini and Theil of the amounts per head within each group and the fund.

    NaN for single regions, without population, and where fewer than two regions are known.
    """
    shape = (len(course.rounds), len(course.subjects))
    ginis, theils = np.full(shape, np.nan), np.full(shape, np.nan)
    if course.population is None:
        return ginis, theils
    for t, (amounts, people) in enumerate(zip(course.amount, course.population, strict=True)):
        known = _known(amounts, people)
        for s in range(len(course.ids), shape[1]):
            mine = course.subjects[s].members
            mine = mine[known[mine]]
            if len(mine) > 1:
                ginis[t, s], theils[t, s] = gini(amounts[mine], people[mine]), theil(amounts[mine], people[mine])
    return ginis, theils


def splits(course: Course) -> Iterator[Split]:
    """Each round's Theil index by group column; between and within add up to it."""
    if course.population is None:
        return
    for label, amounts, people in zip(course.rounds, course.amount, course.population, strict=True):
        known = _known(amounts, people)
        if known.sum() > 1:
            x, q = amounts[known], people[known]
            for column, labels in course.groups.items():
                yield Split(label, column, theil(x, q), *theil_between_within(x, q, np.array(labels)[known]))


def _known(amounts: FloatArray, people: FloatArray) -> FloatArray:
    return np.asarray(~np.isnan(amounts) & (people > 0))
