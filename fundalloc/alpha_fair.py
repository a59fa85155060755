"""Alpha-fairness of single amounts: each counts with its share of what is shared out.

    maximise  sum d / X * u(level),   level = 1 + (amount - target) / d,   u' = level^-alpha

For a target above nothing d is the target and the level its coverage. Newton's method: each step is `nearest` with
the weights and the centre that fit u where the amounts are, so every rule that `nearest` can keep is kept here too.
The optimum is also that of `nearest` under weights of its own, d * (1 - level) / (level^-alpha - 1): its last
question, whose multipliers explain the amounts exactly.
Source: Mo and Walrand (2000), Fair end-to-end window-based congestion control, IEEE/ACM Trans. Networking 8(5).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np

from fundalloc.attempts import Attempt
from fundalloc.problem import FloatArray
from fundalloc.rules import Curve, Rows
from fundalloc.system import System
from fundalloc.tangents import met
from fundalloc.utility import Utility

STEPS = 60
#: steps that move no amount by more than this part of the mean amount are the last; two answers that close agree
STILL, AGREE = 1e-11, 1e-9
#: last questions, each of which takes away some noise that tangents of curves leave
CLOSING = 20
#: a change of the loss that float arithmetic cannot tell from none
FLAT = 1e-15


def fair(base: System, curves: Sequence[Curve], cuts: Sequence[Rows] = ()) -> Attempt:
    """The alpha-fair optimum under a system and curves; not proven where none was found."""
    problem, utility = base.problem, Utility(base.problem.alpha)
    d, size, target = problem.softness, problem.size, problem.target
    mean = np.repeat([r.size / problem.n for r in problem.resources], problem.n)
    some = target > 0

    def level(amounts: FloatArray) -> FloatArray:
        return np.where(some, 1.0 + (amounts - target) / d, 1.0)

    def loss(amounts: FloatArray) -> float:
        u = np.where(some, (amounts - target) - d * utility.value(level(amounts)), 0.0)
        other = np.where(some, 0.0, (amounts - target) ** 2 / (2 * d))
        return float(((u + other) / size).sum())

    tried = met(base, curves, cuts)
    if not tried.proven:
        return tried
    amounts, moved = tried.optimum.amounts, np.inf
    for _ in range(STEPS):
        at = level(amounts)
        soft = np.where(some, d / utility.bend(at), d)
        centre = np.where(some, amounts + soft * (utility.slope(at) - 1.0), target)
        tried = met(replace(base, problem=problem.leaning(soft, centre)), curves, tried.cuts)
        if not tried.proven:  # what follows may still prove where this has led
            break
        step = tried.optimum.amounts - amounts
        before, moved = moved, float((np.abs(step) / mean).max())
        if moved <= STILL:
            amounts = tried.optimum.amounts
            break
        lost, amounts = loss(amounts), _along(amounts, step, loss)
        if moved > before / 2 and loss(amounts) >= lost - FLAT * (1 + abs(lost)):
            break
    for _ in range(CLOSING):
        chord = np.where(some, d * utility.chord(level(amounts)), d)
        last = met(replace(base, problem=problem.leaning(chord)), curves, tried.cuts)
        if not last.proven or (np.abs(last.optimum.amounts - amounts) <= AGREE * mean).all():
            return last
        amounts = last.optimum.amounts
    return replace(last, optimum=replace(last.optimum, residual=np.inf))


def _along(amounts: FloatArray, step: FloatArray, loss: Callable[[FloatArray], float]) -> FloatArray:
    """The amounts after as much of a step as lowers the loss."""
    before, length = loss(amounts), 1.0
    for _ in range(60):
        after = amounts + length * step
        if loss(after) <= before + FLAT * (1 + abs(before)):
            return after
        length /= 2
    return amounts
