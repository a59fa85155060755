"""Bending: smooth curves taken into the objective in second order, so that few tangents are needed."""

from __future__ import annotations

from collections.abc import Sequence

from fundalloc.problem import FloatArray, Problem
from fundalloc.rules import Bent

#: amounts that would move by less than this part of the mean do not move
STILL = 1e-11


def leaning(problem: Problem, bent: Sequence[Bent]) -> Problem:
    """The problem with weights and a centre that hold how the pull of curves rises."""
    steep = 1.0 / (problem.softness * problem.size)
    force = problem.centre * steep
    for one in bent:
        cells = one.curve.matrix.indices
        steep[cells] += one.steep
        force[cells] += one.steep * one.near
    return problem.leaning(1.0 / (steep * problem.size), force / steep)


def moves(problem: Problem, bent: Sequence[Bent], amounts: FloatArray) -> bool:
    """Whether amounts would move if the curves were their tangents alone."""
    for one in bent:
        cells = one.curve.matrix.indices
        off = one.off(amounts, problem.softness * problem.size)
        if (off > STILL * problem.size[cells] / problem.n).any():
            return True
    return False
