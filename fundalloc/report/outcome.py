"""The outcome of a round: what every report of it is made from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from fundalloc.decided import Decision
from fundalloc.flags import Flag
from fundalloc.policy import Policy
from fundalloc.report.sheets import Sheet


@dataclass(frozen=True, eq=False)
class Outcome:
    """A decided round: its policy, its decision, its tables by file, its summary with their SHA-256 sums, its flags."""

    policy: Policy
    decision: Decision
    sheets: Mapping[str, Sheet]
    summary: Mapping[str, Any]
    flags: Sequence[Flag]
