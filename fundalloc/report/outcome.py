"""The outcome of a round: what every report of it is made from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from fundalloc.decided import Decision
from fundalloc.flags import Flag
from fundalloc.policy import Policy
from fundalloc.report.sheets import Sheet
from fundalloc.shapes import Shapes

if TYPE_CHECKING:
    from fundalloc.monitors.watched import Watched

CHANGES = "changes.csv"


@dataclass(frozen=True, eq=False)
class Looked:
    """What more decisions than its own tell of a round.

    since: the earlier round that it is compared with, empty where it cannot be; unknown then says why. changes: one row
    per resource and region, a column for each cause. causes: by resource, what each cause is, in words. notes: how they
    were found. required: by watched rule that is missed, what would be if it were required.
    """

    since: str = ""
    changes: Sheet | None = None
    causes: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    notes: Sequence[str] = ()
    unknown: str = ""
    required: Mapping[str, str] = field(default_factory=dict)

    @property
    def files(self) -> dict[str, bytes]:
        """The table as a file."""
        return {} if self.changes is None else {CHANGES: self.changes.csv()}

    @property
    def summary(self) -> dict[str, Any]:
        """What stands in summary.json."""
        return {name: value for name, value in vars(self).items() if name != "changes"}


@dataclass(frozen=True, eq=False)
class Retrospect:
    """What a report says of earlier rounds. watched: what the monitor sees of each resource after this round."""

    watched: Mapping[str, Watched] = field(default_factory=dict)
    looked: Looked = field(default_factory=Looked)


@dataclass(frozen=True, eq=False)
class Outcome:
    """A decided round: its policy, its decision, its tables by file, its summary with their SHA-256 sums, its flags.

    shapes: of the regions, for maps.
    """

    policy: Policy
    decision: Decision
    sheets: Mapping[str, Sheet]
    summary: Mapping[str, Any]
    flags: Sequence[Flag]
    retrospect: Retrospect
    shapes: Shapes | None = None
