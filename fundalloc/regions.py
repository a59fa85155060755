"""Regions: the rows of the round that is decided, and of the rounds before it."""

from __future__ import annotations

import keyword
from collections.abc import Mapping
from functools import cached_property
from typing import Literal, Self

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field, FiniteFloat, model_validator

from fundalloc.errors import Faults, did_you_mean
from fundalloc.flags import Flag
from fundalloc.numerals import NumberStyle
from fundalloc.rounds import in_order, not_after
from fundalloc.tables import Table

FloatArray = NDArray[np.float64]
TextArray = NDArray[np.object_]
SHOWN = 10
Missing = Literal["error", "last_round", "group_median"] | FiniteFloat


class RegionsSection(BaseModel):
    """Where the regions are and what their columns mean."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    file: str | None = Field(None, description="CSV or XLSX, relative to the policy file.")
    id: str = Field(description="Column with the id of a region.")
    name: str | None = Field(None, description="Column with its name; left out: the id.")
    round: str | None = Field(None, description="Column with the round; left out where the file holds one.")
    groups: tuple[str, ...] = Field((), description="Columns that rules, measures and reports may group by.")
    population: str | None = Field(None, description="Column with the population.")
    missing: dict[str, Missing] = Field(
        default_factory=dict,
        description="What fills an empty cell, by column: error | last_round | group_median | a number.",
    )
    columns: dict[str, str] = Field(
        default_factory=dict, description="Names for columns that are no identifiers: name = column."
    )
    decimal: Literal[".", ","] = Field(".", description="The decimal mark of the file.")
    thousands: Literal["", ".", ",", " ", "'"] = Field("", description="The mark between thousands.")
    missing_marks: tuple[str, ...] = Field((), description='Cells that mean missing, such as "n/a".')

    @model_validator(mode="after")
    def _marks(self) -> Self:
        if self.thousands == self.decimal:
            raise ValueError(
                f'decimal and thousands are both "{self.decimal}"; write decimal = "," where thousands = "."'
            )
        return self

    @property
    def style(self) -> NumberStyle:
        """How numbers are written in the file."""
        return NumberStyle(self.decimal, self.thousands, self.missing_marks)


class Regions:
    """The regions of one round, sorted by id, and their columns as numbers.

    ids, names: one per region. groups: the label of each region, by group column. rounds: those of
    the file up to this one, in order. columns: names that measures may use; texts: those that only
    compare with == and !=.
    """

    def __init__(self, source: _Source, round_: str, ids: tuple[str, ...], rows: NDArray[np.int64]) -> None:
        self._source = source
        self._rows = rows  # the row of each region in the table, -1 where it has none in this round
        self._cache: dict[str, FloatArray | TextArray] = {}
        self.round = round_
        self.ids = ids
        section = source.section
        self.names = tuple(self._text(section.name or section.id).tolist())
        self.groups: Mapping[str, TextArray] = {g: self._text(g) for g in section.groups}

    @property
    def rounds(self) -> tuple[str, ...]:
        """The rounds of the file up to this one, in order."""
        return not_after(self._source.rounds, self.round)

    @property
    def columns(self) -> tuple[str, ...]:
        """The names of columns of numbers that measures may use."""
        return tuple(self._source.numbers)

    @property
    def texts(self) -> tuple[str, ...]:
        """The names of columns of text."""
        return self._source.texts

    @property
    def file(self) -> str:
        """The file they come from."""
        return self._source.table.file

    @property
    def counts_people(self) -> bool:
        """Whether the policy names a column with the population."""
        return self._source.section.population is not None

    @cached_property
    def population(self) -> FloatArray | None:
        """The population of each region, None where the policy names no such column."""
        return np.asarray(self.column("population"), dtype=float) if self.counts_people else None

    @property
    def flags(self) -> list[Flag]:
        """Every cell that was filled in a column that has been used, in this round or an earlier one."""
        return [flag for place in sorted(self._source.filled) for flag in self._source.filled[place]]

    def column(self, name: str) -> FloatArray | TextArray:
        """A column, one value per region; NaN where a cell is empty and nothing may fill it.

        Raises InputError with every cell that is no number.
        """
        if name not in self._cache:
            faults = Faults(self.file)
            values = self._text(name) if name in self.texts else self.numbers(name, faults)
            faults.check()
            self._cache[name] = values
        return self._cache[name]

    def where_missing(self, name: str) -> NDArray[np.bool_]:
        """The regions for which a column has no value."""
        values = self.column(name)
        if name in self.texts:
            return np.array([not v for v in values], dtype=bool)
        return np.asarray(np.isnan(values.astype(float)))

    def cell(self, name: str, index: int) -> dict[str, object]:
        """Where a cell stands: file, line, column."""
        row = int(self._rows[index])
        place: dict[str, object] = {"file": self.file, "column": self._source.title(name)}
        return place if row < 0 else {**place, "line": int(self._source.table.lines[row])}

    def earlier(self, steps: int) -> Regions | None:
        """The same regions on the data of an earlier round; None where the file has none."""
        known = self.rounds
        place = len(known) - 1 - steps
        if self._source.section.round is None or place < 0:
            return None
        return self._source.regions(known[place], self.ids)

    def _text(self, name: str) -> TextArray:
        cells = self._source.table.text(self._source.title(name))
        return np.array([cells[r] if r >= 0 else "" for r in self._rows], dtype=object)

    def numbers(self, name: str, faults: Faults) -> FloatArray:
        """A column of numbers, NaN where a cell is empty or a fault."""
        source, values = self._source, self._raw(name, faults)
        policy = source.missing(name)
        empty = np.isnan(values) & (self._rows >= 0)
        if policy != "error" and empty.any():
            filled, origin = self._fill(name, policy, values, faults)
            values = np.where(empty, filled, values)
            when = f" in {self.round}" if source.section.round else ""
            source.filled[self.round, name] = [
                Flag(
                    "warning",
                    "filled",
                    self.ids[i],
                    f"{source.title(name)} of {self.names[i]}{when} is missing; {values[i]:,.10g} is used "
                    f"instead, {origin[i]}.",
                    value=float(values[i]),
                )
                for i in np.flatnonzero(empty & ~np.isnan(values))
            ]
        return values

    def _fill(self, name: str, policy: Missing, values: FloatArray, faults: Faults) -> tuple[FloatArray, list[str]]:
        count = len(values)
        if policy == "last_round":
            filled, origin = np.full(count, np.nan), [""] * count
            for back in range(1, len(self.rounds)):
                before = self.earlier(back)
                old = before._raw(name, faults) if before is not None else filled
                for i in np.flatnonzero(np.isnan(filled) & ~np.isnan(old)):
                    filled[i], origin[i] = old[i], f"its value of {self.rounds[-1 - back]}"
            return filled, origin
        if policy == "group_median":
            group = next(iter(self.groups), None)
            labels = self.groups[group] if group else np.array([""] * count, dtype=object)
            filled = np.full(count, np.nan)
            for label in sorted(set(labels.tolist())):
                known = values[(labels == label) & ~np.isnan(values)]
                if len(known):
                    filled[labels == label] = np.median(known)
            return filled, [f"the median of {g}" if g else "the median of all" for g in labels.tolist()]
        return np.full(count, float(policy)), ["the number that the policy states"] * count

    def _raw(self, name: str, faults: Faults) -> FloatArray:
        """A column as the file has it, nothing filled."""
        source, there = self._source, np.flatnonzero(self._rows >= 0)
        values = np.full(len(self.ids), np.nan)
        values[there] = source.table.numbers(source.title(name), self._rows[there], source.section.style, faults)
        return values


class _Source:
    """A table with the meaning of its columns: what the rounds of a file have in common."""

    def __init__(self, table: Table, section: RegionsSection, reserved: frozenset[str]) -> None:
        self.table, self.section = table, section
        faults = Faults(table.file)
        self._check(reserved, faults)
        faults.check()
        self.texts = tuple(dict.fromkeys([section.id, *([section.name] if section.name else []), *section.groups]))
        renamed = set(section.columns.values())
        taken = {*self.texts, *renamed, section.round, section.population}
        own = {c: c for c in table.header if c not in taken and c.isidentifier()}
        self.numbers = {**own, **section.columns}
        if section.population:
            self.numbers["population"] = section.population
            if section.population.isidentifier():
                self.numbers[section.population] = section.population
        self.filled: dict[tuple[str, str], list[Flag]] = {}
        self._by_round: dict[str, dict[str, int]] = {}
        labels = table.text(section.round) if section.round else None
        self.labels = labels
        self.rounds = in_order(labels.tolist()) if labels is not None else ()

    def _check(self, reserved: frozenset[str], faults: Faults) -> None:
        section, header = self.section, self.table.header
        named = {
            "id": section.id,
            "name": section.name,
            "round": section.round,
            "population": section.population,
        }
        for key, column in [*named.items(), *(("groups", g) for g in section.groups)]:
            if column is not None and column not in header:
                faults.add(
                    f"the file has no such column. {did_you_mean(column, header)}",
                    key=f"regions.{key}",
                    value=column,
                )
        for name, column in section.columns.items():
            if column not in header:
                faults.add(
                    f"the file has no such column. {did_you_mean(column, header)}",
                    key=f"regions.columns.{name}",
                    value=column,
                )
            if name in header and name != column:
                faults.add(
                    "is a column of the file already; it would be hidden.",
                    "Choose another name.",
                    key=f"regions.columns.{name}",
                )
            if not name.isidentifier() or keyword.iskeyword(name) or name in reserved:
                faults.add(
                    "cannot be the name of a column in measures.",
                    "Use letters, digits and _, and no word that measures know already.",
                    key=f"regions.columns.{name}",
                )
        renamed = set(section.columns.values())
        for column in header:
            meant = column == section.population and column == "population"
            meant = meant or column in (section.id, section.name, section.round, *section.groups)
            if (keyword.iskeyword(column) or column in reserved) and column not in renamed and not meant:
                faults.add(
                    "is a word of the measure language and cannot name a column.",
                    f'Give it another name: columns = {{ {column}_ = "{column}" }} under [regions].',
                    line=1,
                    value=column,
                )
        known = {*header, *section.columns, *(["population"] if section.population else [])}
        for name in section.missing:
            if name not in known:
                faults.add(f"is no column. {did_you_mean(name, known)}", key="regions.missing", value=name)

    def title(self, name: str) -> str:
        """The column of the file behind a name."""
        return self.numbers.get(name, name)

    def missing(self, name: str) -> Missing:
        """What fills an empty cell of a column."""
        rules = self.section.missing
        return rules.get(name, rules.get(self.title(name), "error"))

    def regions(self, round_: str, ids: tuple[str, ...] | None = None) -> Regions:
        """The regions of a round; with `ids` those regions, also where they have no row in it."""
        if round_ not in self._by_round:
            self._by_round[round_] = self._index(round_)
        index = self._by_round[round_]
        chosen = tuple(sorted(index)) if ids is None else ids
        return Regions(self, round_, chosen, np.array([index.get(i, -1) for i in chosen], dtype=np.int64))

    def _index(self, round_: str) -> dict[str, int]:
        faults = Faults(self.table.file)
        ids = self.table.text(self.section.id)
        rows = (np.arange(len(ids)) if self.labels is None else np.flatnonzero(self.labels == round_)).tolist()
        index: dict[str, int] = {}
        wrong = 0
        for row in rows:
            line, region = int(self.table.lines[row]), ids[row]
            problem = ""
            if not region:
                problem, remedy = "a region has no id.", "Write one."
            elif region in index:
                first = int(self.table.lines[index[region]])
                problem, remedy = f"stands already in line {first}.", "Each region has one row in a round."
            else:
                index[region] = row
            if problem:
                wrong += 1
                if wrong <= SHOWN:
                    faults.add(problem, remedy, line=line, column=self.section.id, value=region)
        if wrong > SHOWN:
            faults.add(f"{wrong - SHOWN} more rows have no id of their own.", column=self.section.id)
        faults.check()
        return index


def read_regions(table: Table, section: RegionsSection, round_: str, reserved: frozenset[str]) -> Regions:
    """The regions of a round, sorted by id; every fault of the rows at once.

    reserved: names that no column may have.
    """
    source = _Source(table, section, reserved)
    faults = Faults(table.file)
    if not len(table.lines):
        faults.add("has no rows.", "Add one row for each region.")
    elif section.round and round_ not in source.rounds:
        faults.add(
            f"the file has no row of this round; it has {', '.join(source.rounds[:12])}.",
            "Correct round under [fund], or use --round.",
            column=section.round,
            value=round_,
        )
    faults.check()
    if source.labels is not None:
        for row in [k for k, label in enumerate(source.labels.tolist()) if not label][:SHOWN]:
            faults.add("the round is empty.", "Write one.", line=int(table.lines[row]), column=section.round)
    with faults.collect():
        regions = source.regions(round_)
        _check_groups(regions, faults)
        _check_population(regions, faults)
    faults.check()
    return regions


def _check_groups(regions: Regions, faults: Faults) -> None:
    for group in regions.groups:
        for i in np.flatnonzero(regions.where_missing(group))[:SHOWN]:
            faults.add("the group is empty.", "Write to which group the region belongs.", **regions.cell(group, int(i)))


def _check_population(regions: Regions, faults: Faults) -> None:
    if not regions.counts_people:
        return
    own = Faults(regions.file)
    people = regions.numbers("population", own)
    faulty = {(f.file, f.line) for f in own.found}
    for bad, message, remedy in (
        (people < 0, "a population cannot be below 0.", "Correct it."),
        (np.isnan(people), "the population is missing.", "Fill the cell."),
    ):
        for i in np.flatnonzero(bad)[:SHOWN]:
            place = regions.cell("population", int(i))
            if (place["file"], place.get("line")) not in faulty:
                own.add(message, remedy, value=None if np.isnan(people[i]) else f"{people[i]:.15g}", **place)
    faults.found += own.found
