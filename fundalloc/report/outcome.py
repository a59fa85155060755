"""The outcome of a round: what every report of it is made from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from fundalloc.decided import Decision
from fundalloc.flags import Flag
from fundalloc.monitors import Watched
from fundalloc.policy import Policy
from fundalloc.report.sheets import Sheet

CHANGES = "changes.csv"


@dataclass(frozen=True, eq=False)
class Since:
    """Why the amounts are not those of an earlier round.

    changes: one row per resource and region, a column for each cause. causes: by resource, what each cause is, in
    words. notes: how they were found.
    """

    round: str
    changes: Sheet
    causes: Mapping[str, Mapping[str, str]]
    notes: tuple[str, ...]


@dataclass(frozen=True, eq=False)
class Retrospect:
    """What a report says of earlier rounds.

    watched: what the monitor sees of each resource after this round, where there were others. since: why the amounts
    changed since the last one; None where that is not known, and then unknown says why it is not.
    """

    watched: Mapping[str, Watched] = field(default_factory=dict)
    since: Since | None = None
    unknown: str = ""

    @property
    def files(self) -> dict[str, bytes]:
        """The tables that are written beside a report that looks back, by the name of their file."""
        return {} if self.since is None else {CHANGES: self.since.changes.csv()}


@dataclass(frozen=True, eq=False)
class Outcome:
    """A decided round: its policy, its decision, its tables by file, its summary with their SHA-256 sums, its flags."""

    policy: Policy
    decision: Decision
    sheets: Mapping[str, Sheet]
    summary: Mapping[str, Any]
    flags: Sequence[Flag]
    retrospect: Retrospect
