"""Assured: what has to hold of an answer before anything is paid on it; each raises SolverError."""

from __future__ import annotations

import numpy as np

from fundalloc.attempts import Attempt
from fundalloc.decided import Decision
from fundalloc.errors import SolverError
from fundalloc.explain import astray, printed_unit
from fundalloc.language import say
from fundalloc.optimum import Optimum
from fundalloc.rules import are_kept
from fundalloc.system import System
from fundalloc.whole import NEAR, gap

#: more printed units than these are not counted
MOST = 2.0**61


def check_steps(found: Decision) -> None:
    """What rules move leads to the amounts, and can be counted in units, though it may be many times the fund."""
    for r, one in enumerate(found.problem.resources):
        moved = sum((np.abs(s.amounts[found.problem.block(r)]) for s in found.shifts), np.zeros(found.problem.n))
        if not (moved / float(printed_unit(one.lot)) < MOST).all():
            raise SolverError(
                say(
                    "Rules push {code_name} to and fro by many times the fund, so that their steps cannot be "
                    "counted; nothing was written.",
                    code_name=one.name,
                )
            )
    name = astray(found)
    if name is not None:
        raise SolverError(
            say("The steps of {code_name} do not lead to its amounts; nothing was written.", code_name=name)
        )


def check_gap(tried: Attempt) -> None:
    """What `verify` asks of an optimum that is not exact."""
    if tried.chosen is None and tried.exact is None and not gap(tried.system, tried.optimum) <= NEAR:
        raise SolverError(
            say(
                "An allocation was found, but not the proof that none is nearer to the targets by "
                "{code_near:g} of the distance; nothing was written.",
                code_near=NEAR,
            )
        )


def check_rows(system: System, optimum: Optimum) -> None:
    """What all rules ask for is kept by the amounts."""
    for rows in system.rows:
        if not are_kept(rows, optimum.amounts, system.problem.size):
            raise SolverError(
                say('The answer misses the rule "{code_rule}"; nothing was written.', code_rule=rows.rule)
            )
