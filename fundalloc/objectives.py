"""Objectives: which of the allocations that keep the rules is chosen."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, FiniteFloat, field_validator

from fundalloc.problem import FloatArray, Problem


class Objective(BaseModel):
    """Which of the allocations that keep the rules is chosen.

    nearest: the least sum over resources of (1 / shared out) * sum of (amount - target)^2 / target.
    Amounts stay in proportion to the targets except where a rule forbids it; there is one answer.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)
    kind: Literal["nearest", "leximin", "alpha_fair", "benefit"] = "nearest"
    alpha: FiniteFloat | None = Field(None, description="Not available in this version.")

    @field_validator("kind")
    @classmethod
    def _available(cls, kind: str) -> str:
        if kind != "nearest":
            raise ValueError(f'objective "{kind}" is not available in this version; write kind = "nearest"')
        return kind

    @field_validator("alpha")
    @classmethod
    def _no_alpha(cls, alpha: float | None) -> float | None:
        if alpha is not None:
            raise ValueError("alpha belongs to alpha_fair, which is not available in this version; leave it out")
        return alpha


def distance(problem: Problem, amounts: FloatArray) -> float:
    """The value of `nearest`: sum over cells of (amount - target)^2 / (2 * d * shared out)."""
    gap = amounts - problem.target
    return float((gap * gap / (2.0 * problem.softness * problem.size)).sum())
