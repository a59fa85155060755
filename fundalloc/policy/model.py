"""The policy: everything that decides a round, as one file states it."""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Any, Literal, Self

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    ModelWrapValidatorHandler,
    ValidationError,
    ValidationInfo,
    model_validator,
)

from fundalloc.entitlements import ResourceSection
from fundalloc.errors import Faults, InputError
from fundalloc.growth import PlanSection
from fundalloc.history import HistorySection
from fundalloc.indices import Index
from fundalloc.key import Measure
from fundalloc.language import Language
from fundalloc.letterhead import NoticesSection
from fundalloc.monitors.section import MonitorSection
from fundalloc.objectives import Objective
from fundalloc.policy.checks import check_policy
from fundalloc.policy.complaints import complaints
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
    """A whole policy file. Raises InputError with every fault, however it is made."""

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

    @model_validator(mode="wrap")
    @classmethod
    def _every_fault(cls, raw: Any, handler: ModelWrapValidatorHandler[Self], info: ValidationInfo) -> Self:
        """Says what the schema refuses in our words, together with what else is wrong.

        context of the validation: `file`, where the entries come from.
        """
        try:
            return handler(raw)
        except ValidationError as error:
            faults = Faults((info.context or {}).get("file", "policy"))
            faults.found += complaints(error, cls, raw, faults.file)
            rest = _rest(raw, error)
            with faults.collect(), suppress(ValidationError):
                policy = handler(rest)
                check_policy(policy, policy.fund.round, True, faults.file)
            raise InputError(faults.found) from None


def _rest(raw: Any, error: ValidationError) -> Any:
    """The entries of a policy without its unknown keys and faulty rules."""
    if not isinstance(raw, Mapping):
        return raw
    rest = copy.deepcopy(dict(raw))
    rules = rest.get("rules")
    faulty = {e["loc"][1] for e in error.errors() if e["loc"][:1] == ("rules",) and len(e["loc"]) > 1}
    if isinstance(rules, list | tuple):
        rest["rules"] = [rule for k, rule in enumerate(rules) if k not in faulty]
    for e in error.errors():
        if e["type"] == "extra_forbidden" and e["loc"][0] != "rules":
            _drop(rest, e["loc"])
    return rest


def _drop(here: Any, way: Sequence[int | str]) -> None:
    """Takes an entry out."""
    for step in way[:-1]:
        if (isinstance(here, dict) and step in here) or (isinstance(here, list | tuple) and isinstance(step, int)):
            here = here[step]  # type: ignore[index]
    if isinstance(here, dict):
        here.pop(way[-1], None)
