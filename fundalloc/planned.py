"""The plan: what projected rounds say, as tables, sentences and files."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from functools import cached_property
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fundalloc.errors import ConflictError, FundallocError, SolverError
from fundalloc.flags import Flag
from fundalloc.goals import Course
from fundalloc.growth import assumption
from fundalloc.policy import Policy
from fundalloc.report.folder import write_folder
from fundalloc.report.projected import Projected, all_flags, facts, goals_sheet, plan_sheet, text_table
from fundalloc.report.prospects import prospects, stopped
from fundalloc.report.sheets import Sheet
from fundalloc.report.summary import FORMAT
from fundalloc.sources import Source

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True, eq=False)
class Assumed:
    """What a projection assumes of later rounds: rates a year, and the file whose figures come first."""

    growth: Mapping[str, Decimal]
    supply: Mapping[str, Decimal]
    indicators: str = ""


class Plan:
    """Rounds to come under one policy: who would get how much, and when goals are reached.

    asked: the labels of all rounds that were to be projected. projected: those that could be decided, in order.
    courses: how the goals fare. flags: with their round. error: why the round after them could not be decided.
    """

    def __init__(
        self,
        policy: Policy,
        asked: Sequence[str],
        projected: Sequence[Projected],
        courses: Sequence[Course],
        flags: Sequence[tuple[str, Flag]],
        error: FundallocError | None,
        assumed: Assumed,
        inputs: Mapping[str, Source],
        settings: Sequence[str] = (),
    ) -> None:
        self.policy, self.asked, self.projected, self.courses = policy, asked, projected, courses
        self.flagged, self.error, self.assumed = flags, error, assumed
        self._inputs, self._settings = inputs, settings

    def __str__(self) -> str:
        """The rounds as a table, then the sentences."""
        return "\n".join([text_table(self.summary["results"]), "", *self.sentences])

    @cached_property
    def sheets(self) -> dict[str, Sheet]:
        """The tables by the name of their file."""
        return {
            "plan.csv": plan_sheet(self.projected, self.policy.regions.groups),
            "goals.csv": goals_sheet(self.courses, self.policy, self.projected),
            "flags.csv": all_flags(self.flagged),
        }

    @property
    def table(self) -> pd.DataFrame:
        """One row per round, resource and region, as plan.csv."""
        return self.sheets["plan.csv"].frame()

    @property
    def goals(self) -> pd.DataFrame:
        """One row per goal and subject, as goals.csv: where it stands, when it is reached, whether in time."""
        return self.sheets["goals.csv"].frame()

    @property
    def flags(self) -> pd.DataFrame:
        """What people should look at, round by round, as flags.csv."""
        return self.sheets["flags.csv"].frame()

    @cached_property
    def sentences(self) -> tuple[str, ...]:
        """What cannot be decided, when each goal is reached, and what is assumed."""
        labels = [one.round for one in self.projected]
        first = [] if self.error is None else [stopped(self.asked[len(labels)], self.error)]
        words = assumption(self.assumed.growth, self.assumed.supply, self.assumed.indicators)
        return (*first, *prospects(self.courses, labels), words)

    @cached_property
    def summary(self) -> dict[str, Any]:
        """What was asked and assumed, what each round comes to, versions and hashes, as summary.json."""
        labels = [one.round for one in self.projected]
        return {
            "fundalloc": {"format": FORMAT, "version": version("fundalloc")},
            "title": self.policy.fund.title,
            "reference": self.policy.fund.reference,
            "status": "projected" if self.error is None else code(self.error),
            "rounds": {"asked": list(self.asked), "projected": labels},
            "stopped": None if self.error is None else _stop(self.asked[len(labels)], self.error),
            "assumed": {
                "growth": {name: format(rate, "f") for name, rate in self.assumed.growth.items()},
                "supply": {name: format(rate, "f") for name, rate in self.assumed.supply.items()},
                "indicators": self.assumed.indicators,
            },
            "results": [fact for one in self.projected for fact in facts(one)],
            "goals": dict(sorted(Counter(c.met(labels) for c in self.courses).items())),
            "sentences": list(self.sentences),
            "flags": dict(sorted(Counter(f.severity for _, f in self.flagged).items())),
            "versions": {name: version(name) for name in ("fundalloc", "highspy", "numpy", "pyomo", "scipy")},
            "inputs": {name: {"file": s.file, "sha256": s.sha256} for name, s in sorted(self._inputs.items())},
            "settings": list(self._settings),
        }

    def write(self, folder: str | Path) -> None:
        """Writes plan.csv, goals.csv, flags.csv and summary.json to a folder, whole or not at all.

        Raises InputError where the folder holds files that fundalloc did not write.
        """
        write_folder(Path(folder), {name: sheet.csv() for name, sheet in self.sheets.items()}, self.summary)


def code(error: FundallocError) -> str:
    """The code of the flag of a round that could not be decided."""
    return "unproven" if isinstance(error, SolverError) else "infeasible"


def _stop(round_: str, error: FundallocError) -> dict[str, Any]:
    conflict = error if isinstance(error, ConflictError) else None
    return {
        "round": round_,
        "reason": conflict.reason if conflict else str(error),
        "rules": list(conflict.rules) if conflict else [],
        "relaxations": list(conflict.relaxations) if conflict else [],
    }
