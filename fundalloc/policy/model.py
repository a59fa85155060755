"""The policy: everything that decides a round, as one file states it."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from fundalloc.entitlements import ResourceSection
from fundalloc.growth import PlanSection
from fundalloc.history import HistorySection
from fundalloc.indices import Index
from fundalloc.key import Measure
from fundalloc.language import Language
from fundalloc.letterhead import NoticesSection
from fundalloc.monitors import MonitorSection
from fundalloc.objectives import Objective
from fundalloc.roster import RegionsSection
from fundalloc.rules import AnyRule
from fundalloc.uncertainty import StandardError

CONFIG = ConfigDict(extra="forbid", frozen=True, coerce_numbers_to_str=True)


class FundSection(BaseModel):
    """What fund this is, and which round is decided."""

    model_config = CONFIG
    title: str = Field("", description="Title of the fund, printed on everything.")
    round: str = Field("", description="The round decided now: a year or any text.")
    reference: str = Field("", description="The law or agreement behind the policy.")


class Policy(BaseModel):
    """A whole policy file."""

    model_config = CONFIG
    format: Literal[1] = Field(description="Version of this file format.")
    fund: FundSection = FundSection()
    regions: RegionsSection
    history: HistorySection | None = None
    measures: dict[str, Measure] = Field(default_factory=dict, description="Named expressions.")
    indices: dict[str, Index] = Field(default_factory=dict, description="Composite indices in [0, 1].")
    resources: dict[str, ResourceSection] = Field(min_length=1, description="What is shared out.")
    objective: Objective = Objective()
    monitor: MonitorSection = Field(MonitorSection(), description="From where on `monitor` raises a flag.")
    rules: tuple[AnyRule, ...] = ()
    plan: PlanSection | None = None
    notices: NoticesSection | None = None
    translations: dict[Language, dict[str, str]] = Field(
        default_factory=dict,
        description="Texts of this policy and values of its groups in other languages: text = translation.",
    )
    uncertainty: dict[str, StandardError] = Field(
        default_factory=dict, description="Relative standard error by column, 0.01 for 1 %; left out: none."
    )
