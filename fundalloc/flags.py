"""Flags: what people should look at although nothing is wrong with the file or the arithmetic."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Severity = Literal["info", "warning", "alarm"]


@dataclass(frozen=True, slots=True)
class Flag:
    """One row of flags.csv; `subject` is a region, a group, a rule or a column."""

    severity: Severity
    code: str
    subject: str
    message: str
    resource: str = ""
    value: float | None = None
    threshold: float | None = None
