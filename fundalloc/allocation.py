"""The allocation: what a decided round says, as tables, sentences and files."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from functools import cache, cached_property, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fundalloc.certificate import CERTIFICATE, certificate, text
from fundalloc.decided import Decision
from fundalloc.explain import steps
from fundalloc.flags import Flag
from fundalloc.language import Speech, resumed, speech
from fundalloc.ondemand import OnDemand
from fundalloc.policy import Policy
from fundalloc.report.folder import hashes, write_folder
from fundalloc.report.formats import FORMATS, chosen
from fundalloc.report.outcome import Looked, Outcome, Retrospect
from fundalloc.report.sheets import Sheet, allocation_sheet, flags_sheet, rules_sheet, steps_sheet
from fundalloc.report.summary import PACKAGES, summarise, versions
from fundalloc.report.table import text_table
from fundalloc.report.words import explanation, find_region, whys
from fundalloc.shapes import FILE as SHAPES
from fundalloc.shapes import parse_shapes, read_shapes
from fundalloc.sources import Source

if TYPE_CHECKING:
    import pandas as pd

    from fundalloc.change import Round
    from fundalloc.monitors.watched import Watched
    from fundalloc.prices import Price


class Allocation:
    """A decided round: who gets how much, and why, in the language in which it was decided.

    decision: the arrays behind it, for those who compute on. prices: of the binding rules, by rule; left out: found
    when they are asked for, by deciding again with other numbers. watched, looked: find what reports say of rounds
    besides this one. by: versions of the packages that decided it; left out: those that are here.
    """

    def __init__(
        self,
        policy: Policy,
        decision: Decision,
        inputs: Mapping[str, Source],
        settings: Sequence[str] = (),
        prices: Mapping[str, Sequence[Price]] | None = None,
        watched: Callable[[], Mapping[str, Watched]] = dict,
        looked: Callable[[Round | None], Looked] = lambda _: Looked(),
        by: Mapping[str, str] | None = None,
    ) -> None:
        self.policy = policy
        self.decision = decision
        self._inputs = inputs
        self._settings = settings
        self._prices = prices
        self._watched, self._looked, self._versions = watched, looked, by
        self._speech = speech()
        self._steps = cache(partial(steps, decision))

    def __str__(self) -> str:
        """Entitlement, amount, coverage and binding rules of every region as a text table."""
        with resumed(self._speech):
            return text_table(self.sheets["allocation.csv"])

    @cached_property
    def sheets(self) -> Mapping[str, Sheet]:
        """The tables by the name of their file."""
        decision, steps, flags = self.decision, self._steps, self.flags
        makers: dict[str, Callable[[], Sheet]] = {
            "allocation.csv": lambda: allocation_sheet(decision, steps()),
            "steps.csv": lambda: steps_sheet(decision, steps()),
            "rules.csv": lambda: rules_sheet(decision),
            "flags.csv": lambda: flags_sheet(decision.problem.round, flags),
        }
        return OnDemand({name: partial(_as_decided, self._speech, make) for name, make in makers.items()})

    @property
    def table(self) -> pd.DataFrame:
        """One row per resource and region, as allocation.csv."""
        return self.sheets["allocation.csv"].frame()

    @property
    def steps(self) -> pd.DataFrame:
        """The explanation in numbers, as steps.csv: the steps of a region add up to its amount."""
        return self.sheets["steps.csv"].frame()

    @property
    def rules(self) -> pd.DataFrame:
        """Every rule at every place, as rules.csv."""
        return self.sheets["rules.csv"].frame()

    @property
    def flags(self) -> tuple[Flag, ...]:
        """What people should look at."""
        return self.decision.problem.flags + self.decision.flags

    @cached_property
    def summary(self) -> dict[str, Any]:
        """Totals, inequality before and after, rules, versions and hashes, as summary.json."""
        parts = self.policy, self.decision, self._steps(), self.flags, self._inputs, self._settings
        by = versions(PACKAGES) if self._versions is None else self._versions
        with resumed(self._speech):
            return {**summarise(*parts, self._priced(), by=by), "why": whys(self._steps())}

    def _priced(self) -> Mapping[str, Sequence[Price]]:
        if self._prices is not None:
            return self._prices
        from fundalloc.prices import binding_prices

        return binding_prices(self.policy, self.decision)

    def explain(self, region: str) -> str:
        """One region's amounts in words and numbers, step by step; region: its id or its name."""
        allocation = self.sheets["allocation.csv"].records()
        wanted = find_region(allocation, region)
        with resumed(self._speech):
            return explanation(allocation, self.sheets["steps.csv"].records(), self.summary, wanted)

    def write(
        self,
        folder: str | Path,
        formats: Collection[str] = (),
        geo: str | Path | None = None,
        since: Round | None = None,
    ) -> None:
        """Writes all files of the round to a folder, whole or not at all.

        formats: reports beside the tables, such as "html", "xlsx" and "md". geo: a GeoJSON file with the shapes of the
        regions, for maps. since: the earlier round whose amounts are compared; left out: the last one, where it is
        known how it was decided. Raises InputError where a format is not known, the shapes cannot be read, or the
        folder holds files that fundalloc did not write.
        """
        asked = [FORMATS[name] for name in chosen(formats)]
        with resumed(self._speech):
            proof = certificate(self.decision, self._inputs, self._settings)
            files = {name: sheet.csv() for name, sheet in self.sheets.items()} | {CERTIFICATE: text(proof)}
            by = {**self.summary["versions"], **{tool: v for one in asked for tool, v in one.versions().items()}}
            summary = {**self.summary, "versions": by}
            back = Retrospect()
            if any(one.looks_back for one in asked):
                back = Retrospect(self._watched(), self._looked(since))
                files |= back.looked.files
                summary["looked"] = back.looked.summary
            shapes = None
            if geo is not None and any(one.looks_back for one in asked):
                regions = self.decision.problem.regions
                given, source = read_shapes(Path(geo), regions.ids, regions.names)
                files[SHAPES] = given.geojson
                shapes = parse_shapes(Source(SHAPES, files[SHAPES]), SHAPES, regions.ids)
                summary["geo"] = {"file": source.file, "sha256": source.sha256}
            told = {**summary, "files": hashes(files)}
            outcome = Outcome(self.policy, self.decision, self.sheets, told, self.flags, back, shapes)
            files |= {one.file: one.make(outcome) for one in asked}
        write_folder(Path(folder), files, summary)


def _as_decided(speech: Speech | None, make: Callable[[], Sheet]) -> Sheet:
    """A table in the language in which its round was decided."""
    with resumed(speech):
        return make()
