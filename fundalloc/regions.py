"""Regions: the rows of the round that is decided, and of the rounds before it."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from fundalloc.errors import Faults
from fundalloc.flags import Flag
from fundalloc.language import phrase, say, spoken
from fundalloc.numerals import either_way
from fundalloc.roster import SHOWN, Missing, RegionsSection, Roster
from fundalloc.rounds import not_after
from fundalloc.tables import Table

FloatArray = NDArray[np.float64]
TextArray = NDArray[np.object_]


class Regions:
    """The regions of one round, sorted by id, and their columns as numbers.

    With given ids those regions, also where they have no row in the round.

    ids, names: one per region, the names in the language that is spoken; other_names: in another one, where the file
    has them. groups: the label of each region, by group column. rounds: those of
    the file up to this one, in order. columns: names that measures may use; texts: those that only
    compare with == and !=.
    """

    def __init__(
        self,
        roster: Roster,
        round_: str,
        ids: tuple[str, ...] | None = None,
        known: dict[str, Regions] | None = None,
    ) -> None:
        index = roster.rows(round_)
        ids = tuple(sorted(index)) if ids is None else ids
        self._roster = roster
        self._rows = np.array([index.get(i, -1) for i in ids], dtype=np.int64)  # -1: no row in this round
        self._cache: dict[str, FloatArray | TextArray] = {}
        self._known = {} if known is None else known  # these regions in other rounds
        self.round = round_
        self.ids = ids
        section = roster.section
        plain = self._text(section.name or section.id).tolist()
        columns = {other: self._text(column).tolist() for other, column in section.names.items()}
        language = spoken()
        own = columns.get(language, plain) if language else plain
        self.names = tuple(name or other for name, other in zip(own, plain, strict=True))
        told = zip(self.names, plain, *columns.values(), strict=True)
        others = (next((n for n in names if n and n != name), "") for name, *names in told)
        self.other_names = tuple(others) if columns else ("",) * len(ids)
        self.groups: Mapping[str, TextArray] = {g: self._text(g) for g in section.groups}

    @property
    def rounds(self) -> tuple[str, ...]:
        """The rounds of the file up to this one, in order."""
        return not_after(self._roster.rounds, self.round)

    @property
    def columns(self) -> tuple[str, ...]:
        """The names of columns of numbers that measures may use."""
        return tuple(self._roster.numbers)

    @property
    def texts(self) -> tuple[str, ...]:
        """The names of columns of text."""
        return self._roster.texts

    @property
    def file(self) -> str:
        """The file they come from."""
        return self._roster.table.file

    @property
    def counts_people(self) -> bool:
        """Whether the policy names a column with the population."""
        return self._roster.section.population is not None

    @cached_property
    def population(self) -> FloatArray | None:
        """The population of each region, None where the policy names no such column."""
        return np.asarray(self.column("population"), dtype=float) if self.counts_people else None

    def labels(self, group: str) -> set[str]:
        """The values of a group column in all rounds of the file."""
        return set(self._roster.table.text(self._roster.title(group)).tolist())

    @property
    def flags(self) -> list[Flag]:
        """Every cell that was filled in a column that has been used, in this round or an earlier one."""
        return list(dict.fromkeys(f for place in sorted(self._roster.filled) for f in self._roster.filled[place]))

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
        place: dict[str, object] = {"file": self.file, "column": self._roster.title(name)}
        return place if row < 0 else {**place, "line": int(self._roster.table.lines[row])}

    def filled_by(self, name: str) -> object:
        """What the policy says of empty cells of a column."""
        return self._roster.missing(name)

    def earlier(self, steps: int) -> Regions | None:
        """The same regions on the data of an earlier round; None where the file has none."""
        known = self.rounds
        place = len(known) - 1 - steps
        if self._roster.section.round is None or place < 0:
            return None
        label = known[place]
        if label not in self._known:
            self._known[label] = Regions(self._roster, label, self.ids, self._known)
        return self._known[label]

    def _text(self, name: str) -> TextArray:
        cells = self._roster.table.text(self._roster.title(name))
        return np.append(cells, "")[self._rows]

    def numbers(self, name: str, faults: Faults) -> FloatArray:
        """A column of numbers, NaN where a cell is empty or a fault."""
        roster, values = self._roster, self._raw(name, faults)
        if not roster.section.style.stated and roster.section.style.plain:
            self._flag_points(name)
        policy = roster.missing(name)
        empty = np.isnan(values) & (self._rows >= 0)
        if policy != "error" and empty.any():
            filled, origin = self._fill(name, policy, values, faults)
            values = np.where(empty, filled, values)
            what = phrase("{code} of {region} is missing; {value:,.10g} is used instead, {origin}.")
            if roster.section.round:
                what = phrase("{code} of {region} in {round} is missing; {value:,.10g} is used instead, {origin}.")
            roster.filled.setdefault((self.round, name), []).extend(
                Flag(
                    "warning",
                    "filled",
                    self.ids[i],
                    say(
                        what,
                        code=roster.title(name),
                        region=self.names[i],
                        round=self.round,
                        value=values[i],
                        origin=origin[i],
                    ),
                    value=float(values[i]),
                )
                for i in np.flatnonzero(empty & ~np.isnan(values))
            )
        return values

    def _flag_points(self, name: str) -> None:
        """Flags a column in which every point could stand between thousands."""
        roster = self._roster
        title = roster.title(name)
        if title in roster.table.numeric:
            return
        texts = [t for t in self._text(name).tolist() if t]
        if either_way(texts):
            one = next(t for t in texts if "." in t)
            told = say(
                "{code}: every number has three digits behind its point. {code_cell} is read as {value:.10g}; if it "
                "means {code_other}, write {code_style} under [regions], else {code_plain}.",
                code=title,
                code_cell=one,
                value=float(one),
                code_other=one.replace(".", ""),
                code_style=say("{code} and {code_other}", code='decimal = ","', code_other='thousands = "."'),
                code_plain='decimal = "."',
            )
            roster.filled[self.round, name] = [Flag("warning", "points", title, told)]

    def _fill(self, name: str, policy: Missing, values: FloatArray, faults: Faults) -> tuple[FloatArray, list[str]]:
        count = len(values)
        if policy == "last_round":
            filled, origin = np.full(count, np.nan), [""] * count
            for back in range(1, len(self.rounds)):
                before = self.earlier(back)
                old = before._raw(name, faults) if before is not None else filled
                for i in np.flatnonzero(np.isnan(filled) & ~np.isnan(old)):
                    filled[i], origin[i] = old[i], say("its value of {round}", round=self.rounds[-1 - back])
            return filled, origin
        if policy == "group_median":
            group = next(iter(self.groups), None)
            labels = self.groups[group] if group else np.array([""] * count, dtype=object)
            filled = np.full(count, np.nan)
            for label in sorted(set(labels.tolist())):
                known = values[(labels == label) & ~np.isnan(values)]
                if len(known):
                    filled[labels == label] = np.median(known)
            named = {
                g: say("the median of {group}", group=g) if g else say("the median of all") for g in labels.tolist()
            }
            return filled, [named[g] for g in labels.tolist()]
        return np.full(count, float(policy)), [say("the number that the policy states")] * count

    def _raw(self, name: str, faults: Faults) -> FloatArray:
        """A column as the file has it, nothing filled."""
        roster, there = self._roster, np.flatnonzero(self._rows >= 0)
        values = np.full(len(self.ids), np.nan)
        values[there] = roster.table.numbers(roster.title(name), self._rows[there], roster.section.style, faults)
        return values


def read_regions(table: Table, section: RegionsSection, round_: str, reserved: frozenset[str]) -> Regions:
    """The regions of a round, sorted by id; every fault of the rows at once.

    reserved: names that no column may have.
    """
    roster = Roster(table, section, reserved)
    faults = Faults(table.file)
    if not len(table.lines):
        faults.add(say("has no rows."), say("Add one row for each region."))
    elif section.round and round_ not in roster.rounds:
        faults.add(
            say("the file has no row of this round; it has {code_list}.", code_list=", ".join(roster.rounds[:12])),
            say("Correct round under [fund], or use --round."),
            column=section.round,
            value=round_,
        )
    faults.check()
    if roster.labels is not None:
        for row in [k for k, label in enumerate(roster.labels.tolist()) if not label][:SHOWN]:
            faults.add(say("the round is empty."), say("Write one."), line=int(table.lines[row]), column=section.round)
    with faults.collect():
        regions = Regions(roster, round_)
        _check_groups(regions, faults)
        _check_population(regions, faults)
    faults.check()
    return regions


def _check_groups(regions: Regions, faults: Faults) -> None:
    for group in regions.groups:
        for i in np.flatnonzero(regions.where_missing(group))[:SHOWN]:
            faults.add(
                say("the group is empty."),
                say("Write to which group the region belongs."),
                **regions.cell(group, int(i)),
            )


def _check_population(regions: Regions, faults: Faults) -> None:
    if not regions.counts_people:
        return
    own = Faults(regions.file)
    people = regions.numbers("population", own)
    faulty = {(f.file, f.line) for f in own.found}
    for bad, message, remedy in (
        (people < 0, say("a population cannot be below 0."), say("Correct it.")),
        (np.isnan(people), say("the population is missing."), say("Fill the cell.")),
    ):
        for i in np.flatnonzero(bad)[:SHOWN]:
            place = regions.cell("population", int(i))
            if (place["file"], place.get("line")) not in faulty:
                own.add(message, remedy, value=None if np.isnan(people[i]) else f"{people[i]:.15g}", **place)
    faults.found += own.found
