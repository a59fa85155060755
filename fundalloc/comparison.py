"""The comparison: policies and decided rounds side by side, as tables, sentences and files."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from decimal import Decimal
from functools import cached_property
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from fundalloc.candidates import Candidate, Past, decided, found, labelled, numbered
from fundalloc.change import check_units
from fundalloc.contrasts import Amounts, Contrast, bounds
from fundalloc.errors import Fault, Faults, InputError
from fundalloc.fund import Fund
from fundalloc.language import say
from fundalloc.report.compared import Frame, Pair, bounds_sheet, comparison_sheet, facts, groups_sheet
from fundalloc.report.formats import write_tables
from fundalloc.report.juxtaposed import text_of
from fundalloc.report.projected import lowest
from fundalloc.report.sheets import Sheet
from fundalloc.report.summary import FORMAT, unequal
from fundalloc.report.texts import whole_unit

if TYPE_CHECKING:
    import pandas as pd

    from fundalloc.ledger import Ledger


class Comparison:
    """Policies and decided rounds side by side: the first is the base, each other one is held against it."""

    def __init__(self, candidates: Sequence[Candidate]) -> None:
        self.candidates = tuple(candidates)
        base, *others = self.candidates
        for other in others:
            check_units(base.fund, other.fund, base.label, other.label)
        self._units = _units(self.candidates)
        self.frame = _frame(self.candidates)
        self.pairs = tuple(self._pair(base, other) for other in others)

    def __str__(self) -> str:
        """Who gains, who loses, by group and by region, inequality and rules as text."""
        return text_of(self.frame, self.pairs, self.summary)

    @cached_property
    def sheets(self) -> dict[str, Sheet]:
        """The tables by the name of their file."""
        return {
            "comparison.csv": comparison_sheet(self.frame, self.pairs),
            "groups.csv": groups_sheet(self.frame, self.pairs),
            "rules.csv": bounds_sheet(self.pairs),
        }

    @property
    def table(self) -> pd.DataFrame:
        """One row per candidate but the base, resource and region, as comparison.csv."""
        return self.sheets["comparison.csv"].frame()

    @property
    def groups(self) -> pd.DataFrame:
        """The amounts added up by group and in all, as groups.csv."""
        return self.sheets["groups.csv"].frame()

    @property
    def rules(self) -> pd.DataFrame:
        """Every place at which a rule binds in the base or in another candidate, as rules.csv."""
        return self.sheets["rules.csv"].frame()

    @cached_property
    def summary(self) -> dict[str, Any]:
        """What is compared, winners and losers, inequality, rules, versions and hashes, as summary.json."""
        base = self.candidates[0]
        return {
            "fundalloc": {"format": FORMAT, "version": version("fundalloc")},
            "base": base.label,
            "candidates": [self._said(one) for one in self.candidates],
            "comparisons": [
                {
                    "base": base.label,
                    "candidate": pair.label,
                    **_joining(base, other),
                    "resources": [facts(self.frame, pair, one) for one in pair.contrasts],
                }
                for pair, other in zip(self.pairs, self.candidates[1:], strict=True)
            ],
            "versions": {name: version(name) for name in ("fundalloc", "highspy", "numpy", "pyomo", "scipy")},
        }

    def write(self, folder: str | Path, formats: Collection[str] = ()) -> None:
        """Writes comparison.csv, groups.csv, rules.csv and summary.json to a folder, whole or not at all.

        formats: "html" for a page beside them. Raises InputError where the folder holds files that fundalloc did not
        write.
        """
        write_tables(folder, self.sheets, self.summary, formats, ("comparison.html", self._page))

    def _page(self) -> bytes:
        from fundalloc.report.page.compared import compared
        from fundalloc.report.page.sides import sides_page

        return sides_page(compared(self.summary, *(sheet.records() for sheet in self.sheets.values())))

    def _said(self, one: Candidate) -> dict[str, Any]:
        """What a summary says of a candidate by itself."""
        problem = one.fund.problem
        resources: dict[str, Any] = {}
        for resource in problem.resources:
            amounts = _floats(one, resource.name)
            resources[resource.name] = {
                "unit": resource.unit,
                "amounts": str(sum((Decimal(row["amount"]) for row in _of(one, resource.name)), Decimal(0))),
                "regions": problem.n,
                "take_part": int(resource.takes_part.sum()),
                "inequality": {
                    "per": "region" if problem.regions.population is None else "head",
                    **unequal(problem, resource, amounts),
                },
                "lowest": lowest(problem, resource, amounts),
            }
        return {
            "label": one.label,
            "origin": one.origin,
            "title": one.fund.policy.fund.title,
            "round": one.fund.round,
            "objective": one.fund.policy.objective.kind,
            "resources": resources,
            "inputs": {name: {"file": s.file, "sha256": s.sha256} for name, s in sorted(one.fund.inputs.items())},
            "settings": list(one.fund.settings),
        }

    def _pair(self, base: Candidate, other: Candidate) -> Pair:
        names = {r.name: r.unit for one in (base, other) for r in one.fund.problem.resources}
        contrasts = []
        for name in sorted(names):
            sides = (self._amounts(one, name) for one in (base, other))
            contrasts.append(Contrast(name, names[name], *sides))
        return Pair(base.label, other.label, tuple(contrasts), tuple(bounds(_binding(base), _binding(other))))

    def _amounts(self, one: Candidate, resource: str) -> Amounts:
        """What a candidate gives of a resource, in the order of all regions."""
        ids, regions = self.frame.ids, one.fund.regions
        people = {} if regions.population is None else dict(zip(regions.ids, regions.population.tolist(), strict=True))
        rows = {row["region_id"]: row for row in _of(one, resource)}
        unit = self._units[resource]
        return Amounts(
            np.array([i in rows for i in ids], dtype=bool),
            np.array([int(Decimal(rows[i]["amount"]) / unit) if i in rows else 0 for i in ids], dtype=np.int64),
            unit,
            np.array([people.get(i, np.nan) for i in ids], dtype=float),
            np.array([float(rows[i]["coverage"] or "nan") if i in rows else np.nan for i in ids], dtype=float),
            tuple(rows[i]["held_by"] if i in rows else "" for i in ids),
        )


def compare(
    first: Fund | str | Path,
    *others: Fund | str | Path,
    labels: Sequence[str] = (),
    ledger: str | Path | Ledger | None = None,
    **options: Any,
) -> Comparison:
    """Policies and decided rounds side by side: who gains, who loses, a head and by group, which rules bind where.

    first: the base. Each is a fund, a policy file or a folder with a policy.toml, a folder that `allocate` or `amend`
    wrote, or the label of a round of the ledger. labels: what they are called; left out: as their files and folders.
    options: those of `load`, for the policies among them. Raises InputError with every fault of all of them,
    ConflictError or SolverError where one cannot be decided.
    """
    given = (first, *others)
    if len(given) < 2:
        raise InputError(
            [Fault(say("there is nothing to compare with."), say("Name two or more, or ask for its sensitivity."))]
        )
    sources = sought(given, the_ledger(ledger), options)
    files = [one.inputs["policy"].file if isinstance(one, Fund) else one for one in given]
    named = numbered([*labels, *labelled(files)[len(labels) :]])
    return Comparison(
        [
            one.candidate(label) if isinstance(one, Past) else decided(one, label)
            for one, label in zip(sources, named, strict=True)
        ]
    )


def sought(
    given: Sequence[Fund | str | Path], ledger: Ledger | None, options: Mapping[str, Any] | None = None
) -> list[Past | Fund]:
    """What each of several means, with every fault of all of them at once."""
    faults, sources = Faults(), list[Past | Fund]()
    for one in given:
        with faults.collect():
            sources.append(one if isinstance(one, Fund) else found(one, ledger, **(options or {})))
            if isinstance(sources[-1], Fund):
                _ = sources[-1].problem
    faults.check()
    asked = sorted(name for name, value in (options or {}).items() if value and name != "encoding")
    if asked and all(isinstance(one, Past) for one in sources):
        text = say(
            "{code_list}: a decided round stays as it is.",
            code_list=", ".join("--" + name.replace("settings", "set") for name in asked),
        )
        raise InputError([Fault(text, say("Name a policy, or leave it out."))])
    return sources


def the_ledger(ledger: str | Path | Ledger | None) -> Ledger | None:
    """The ledger that is named, if any."""
    if ledger is None:
        return None
    from fundalloc.ledger import Ledger

    return ledger if isinstance(ledger, Ledger) else Ledger(ledger)


def _of(one: Candidate, resource: str) -> Iterator[Mapping[str, str]]:
    return (row for row in one.allocation if row["resource"] == resource)


def _floats(one: Candidate, resource: str) -> np.ndarray[Any, np.dtype[np.float64]]:
    amounts = {row["region_id"]: float(row["amount"]) for row in _of(one, resource)}
    return np.array([amounts[i] for i in one.fund.regions.ids], dtype=float)


def _units(candidates: Sequence[Candidate]) -> dict[str, Decimal]:
    """The unit in which amounts are counted, by resource: that of the finest lot of all candidates."""
    found: dict[str, Decimal] = {}
    for one in (r for c in candidates for r in c.fund.problem.resources):
        unit = whole_unit(one.lot)
        found[one.name] = min(unit, found.get(one.name, unit))
    return found


def _frame(candidates: Sequence[Candidate]) -> Frame:
    """All regions of all candidates; what two of them say of a region is taken from the first."""
    names: dict[str, str] = {}
    groups: dict[str, dict[str, str]] = {}
    for regions in (one.fund.regions for one in candidates):
        names = {**dict(zip(regions.ids, regions.names, strict=True)), **names}
        for column, labels in regions.groups.items():
            mine = dict(zip(regions.ids, labels.astype(str).tolist(), strict=True))
            groups[column] = {**mine, **groups.get(column, {})}
    ids = tuple(sorted(names))
    of = {column: tuple(known.get(i, "") for i in ids) for column, known in groups.items()}
    return Frame(ids, tuple(names[i] for i in ids), of)


def _binding(one: Candidate) -> dict[tuple[str, str, str], bool]:
    return {(row["rule"], row["resource"], row["place"]): row["binding"] == "yes" for row in one.rules}


def _joining(base: Candidate, other: Candidate) -> dict[str, dict[str, list[str]]]:
    """The regions and resources that only one of two candidates has."""
    old, new = (
        {"regions": set(one.fund.regions.ids), "resources": {r.name for r in one.fund.problem.resources}}
        for one in (base, other)
    )
    return {
        "joins": {what: sorted(new[what] - old[what]) for what in old},
        "leaves": {what: sorted(old[what] - new[what]) for what in old},
    }
