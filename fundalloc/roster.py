"""The roster: a file of regions with the meaning of its columns, for all its rounds."""

from __future__ import annotations

import keyword
import unicodedata
from typing import Literal, Self

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, FiniteFloat, model_validator

from fundalloc.errors import Faults, did_you_mean
from fundalloc.flags import Flag
from fundalloc.language import Language, say
from fundalloc.numerals import NumberStyle
from fundalloc.rounds import in_order
from fundalloc.tables import Table

SHOWN = 10
Missing = Literal["error", "last_round", "group_median"] | FiniteFloat


class RegionsSection(BaseModel):
    """Where the regions are and what their columns mean."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    file: str | None = Field(None, description="CSV or XLSX, relative to the policy file.")
    id: str = Field(description="Column with the id of a region.")
    name: str | None = Field(None, description="Column with its name; left out: the id.")
    names: dict[Language, str] = Field(
        default_factory=dict, description="Columns with its name in other languages: en or zh = column."
    )
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
    decimal: Literal[".", ","] | None = Field(None, description="The decimal mark of the file; left out: a point.")
    thousands: Literal["", ".", ",", " ", "'"] = Field("", description="The mark between thousands.")
    missing_marks: tuple[str, ...] = Field((), description='Cells that mean missing, such as "n/a".')

    @model_validator(mode="after")
    def _marks(self) -> Self:
        if self.thousands == (self.decimal or "."):
            raise ValueError(
                say(
                    'decimal and thousands are both "{code_thousands}"; write decimal = "," where thousands = "."',
                    code_thousands=self.thousands,
                )
            )
        return self

    @property
    def named(self) -> tuple[str, ...]:
        """The columns with names, the plain one first."""
        return (*([self.name] if self.name else []), *self.names.values())

    @property
    def style(self) -> NumberStyle:
        """How numbers are written in the file."""
        return NumberStyle(self.decimal or ".", self.thousands, self.missing_marks, self.decimal is not None)


def _seen(text: str) -> bool:
    """Whether every character of a text is seen, and looks like no other."""
    return text.isascii() and text.isprintable() and " " not in text


def _look(text: str) -> str:
    """A text without what nobody sees, and with one form for letters that look the same."""
    if _seen(text):
        return text
    return "".join(c for c in unicodedata.normalize("NFKC", text) if unicodedata.category(c) not in ("Cf", "Cc", "Zs"))


class Roster:
    """A table with the meaning of its columns: what the rounds of a file have in common.

    texts: columns that only compare with == and !=. numbers: the names of columns of numbers, and their
    titles in the file. filled: a flag for every cell that was filled, by round and column.
    """

    def __init__(self, table: Table, section: RegionsSection, reserved: frozenset[str]) -> None:
        self.table, self.section = table, section
        faults = Faults(table.file)
        self._check(reserved, faults)
        faults.check()
        self.texts = tuple(dict.fromkeys([section.id, *section.named, *section.groups]))
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
        others = ((f"names.{language}", column) for language, column in section.names.items())
        for key, column in [*named.items(), *others, *(("groups", g) for g in section.groups)]:
            if column is not None and column not in header:
                faults.add(
                    say("the file has no such column. {code_hint}", code_hint=did_you_mean(column, header)),
                    key=f"regions.{key}",
                    value=column,
                )
        for name, column in section.columns.items():
            if column not in header:
                faults.add(
                    say("the file has no such column. {code_hint}", code_hint=did_you_mean(column, header)),
                    key=f"regions.columns.{name}",
                    value=column,
                )
            if name in header and name != column:
                faults.add(
                    say("is a column of the file already; it would be hidden."),
                    say("Choose another name."),
                    key=f"regions.columns.{name}",
                )
            if not name.isidentifier() or keyword.iskeyword(name) or name in reserved:
                faults.add(
                    say("cannot be the name of a column in measures."),
                    say("Use letters, digits and _, and no word that measures know already."),
                    key=f"regions.columns.{name}",
                )
        renamed = set(section.columns.values())
        for column in header:
            meant = column == section.population and column == "population"
            meant = meant or column in (section.id, *section.named, section.round, *section.groups)
            if (keyword.iskeyword(column) or column in reserved) and column not in renamed and not meant:
                faults.add(
                    say("is a word of the measure language and cannot name a column."),
                    say(
                        'Give it another name: columns = {{ {code_column}_ = "{code_column}" }} under [regions].',
                        code_column=column,
                    ),
                    line=1,
                    value=column,
                )
        known = {*header, *section.columns, *(["population"] if section.population else [])}
        for name in section.missing:
            if name not in known:
                faults.add(
                    say("is no column. {code_hint}", code_hint=did_you_mean(name, known)),
                    key="regions.missing",
                    value=name,
                )

    def title(self, name: str) -> str:
        """The column of the file behind a name."""
        return self.numbers.get(name, name)

    def missing(self, name: str) -> Missing:
        """What fills an empty cell of a column."""
        rules = self.section.missing
        return rules.get(name, rules.get(self.title(name), "error"))

    def rows(self, round_: str) -> dict[str, int]:
        """The row of each region in a round; every row without an id of its own is a fault."""
        if round_ not in self._by_round:
            self._by_round[round_] = self._index(round_)
        return self._by_round[round_]

    def _index(self, round_: str) -> dict[str, int]:
        faults = Faults(self.table.file)
        ids = self.table.text(self.section.id)
        rows = (np.arange(len(ids)) if self.labels is None else np.flatnonzero(self.labels == round_)).tolist()
        index: dict[str, int] = dict(zip(ids[rows].tolist(), rows, strict=True))
        if len(index) == len(rows) and "" not in index and _seen("".join(index)):
            return index
        index = {}
        looks: dict[str, int] = {}
        wrong = 0
        for row in rows:
            line, region = int(self.table.lines[row]), ids[row]
            problem = ""
            if not region:
                problem, remedy = say("a region has no id."), say("Write one.")
            elif region in index:
                first = int(self.table.lines[index[region]])
                problem, remedy = (
                    say("stands already in line {code_first}.", code_first=first),
                    say("Each region has one row in a round."),
                )
            elif (look := _look(region)) in looks:
                first = int(self.table.lines[looks[look]])
                problem = say(
                    "looks the same as the id in line {code_first}, but has other or invisible characters.",
                    code_first=first,
                )
                remedy = say("Type both anew, or give them different ids.")
            else:
                index[region] = looks[look] = row
            if problem:
                wrong += 1
                if wrong <= SHOWN:
                    faults.add(problem, remedy, line=line, column=self.section.id, value=region)
        if wrong > SHOWN:
            faults.add(
                say("{code_count} more rows have no id of their own.", code_count=wrong - SHOWN), column=self.section.id
            )
        faults.check()
        return index
