"""The thresholds of the monitor: the section `[monitor]` of the policy."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, FiniteFloat

Share = Annotated[FiniteFloat, Field(gt=0, lt=1)]
Positive = Annotated[FiniteFloat, Field(gt=0)]


class MonitorSection(BaseModel):
    """From where on the monitor raises a flag. docs/monitor.md has the rates of false alarms of the defaults."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    coverage: Share = Field(0.95, description="Who receives less than this part of its entitlement is behind.")
    rounds: Annotated[int, Field(ge=2)] = Field(3, description="So many rounds in a row behind raise a flag.")
    allowance: Positive = Field(
        0.5, description="CUSUM: what each round may deviate without being counted, in units of the usual scatter."
    )
    decision: Positive = Field(6.5, description="CUSUM: what may add up before it is a drift, in the same units.")
    scatter: Positive = Field(
        0.02, description="The usual scatter of coverages is never taken to be smaller than this."
    )
    trend: Positive = Field(0.01, description="A fall of coverage by so much a round, or more, raises a flag.")
    chance: Share = Field(
        0.001, description="A trend counts only if chance alone would show a like one this rarely (Mann-Kendall)."
    )
    account: Share = Field(0.25, description="An account beyond this part of one round's entitlement raises a flag.")
    near_limit: Share = Field(0.8, description="An account beyond this part of its limit raises an alarm.")
    within: Annotated[int, Field(ge=1)] = Field(
        4, description="In so many rounds the advised arrears rate brings an account back to what one round may miss."
    )
    inequality: Positive = Field(0.05, description="A rise of the Gini coefficient per head by so much raises a flag.")
    divergence: Positive = Field(
        0.10, description="A rise of the dispersion of development by this part of itself raises a flag."
    )
    development: str | None = Field(
        None, description="The index or measure whose convergence is watched; left out: the index development."
    )
    near_cliff: Positive = Field(
        0.1, description="Who is nearer to a threshold than so many standard deviations is near a cliff."
    )
    cliff: Positive = Field(0.05, description="A cliff moves an amount by more than this part of itself.")
    cliffs: Annotated[int, Field(ge=0)] = Field(20, description="So many cases, the nearest, are decided again.")

    @property
    def missing(self) -> float:
        """The part of an entitlement that one round may miss: an account below it is closed."""
        return 1.0 - self.coverage
