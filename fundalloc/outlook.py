"""The outlook: the regions of rounds to come, as they are given, else those of the round before, grown."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence, Set
from dataclasses import replace
from decimal import Decimal

import numpy as np
from numpy.typing import NDArray

from fundalloc.errors import Fault, Faults, InputError, did_you_mean
from fundalloc.expressions import RESERVED, FloatArray
from fundalloc.flags import Flag
from fundalloc.growth import grown
from fundalloc.language import phrase, say, typeset
from fundalloc.regions import read_regions
from fundalloc.roster import RegionsSection, Roster
from fundalloc.rounds import Calendar
from fundalloc.tables import Table, TextArray, as_text

#: so many names at most are printed in a sentence
SHOWN = 20
#: by region the row that it grows from (-1: none), and the years since
Origins = Mapping[str, tuple[int, int]]
Flagged = tuple[str, Flag]
RowArray = NDArray[np.int64]


def listed(names: Sequence[str]) -> str:
    """Names in a sentence: the first twenty, and how many more."""
    more = say(" and {count:,} more", count=len(names) - SHOWN) if len(names) > SHOWN else ""
    return say(", ").join(names[:SHOWN]) + more


def outlook(
    roster: Roster,
    growth: Mapping[str, Decimal],
    calendar: Calendar,
    rounds: Sequence[str],
    now: str,
    indicators: Table | None = None,
    used: Set[str] = frozenset(),
) -> tuple[dict[str, Table], list[Flagged]]:
    """The regions file of each round to come, and what people should look at, with the round.

    A round that stands in the regions file has the regions that stand there. In any other round the regions of the
    round before go on, and each column grows from the last row that was given. Rows of `indicators` come before both;
    a column that they leave out grows. growth: rate by title of a column. now: the round of a file without a column
    of rounds. used: the columns that measures use. Raises InputError with every fault of the indicators, and of
    columns that grow.
    """
    section = roster.section
    if section.round is None:
        if indicators is not None:
            text = say("the regions file has no column that says the round of a row, so rounds cannot be told apart.")
            raise InputError([Fault(text, say("Write round under [regions]."), file=indicators.file)])
        return {label: _aged(roster, growth, calendar.years(now, label)) for label in rounds}, []
    given = {} if indicators is None else _given(indicators, roster, rounds, used)
    known = roster if indicators is None else Roster(_corrected(roster, given, indicators), section, RESERVED)
    table, flags = known.table, list[Flagged]()
    last: dict[str, tuple[str, int]] = {}
    for label in calendar.rounds[: calendar.rounds.index(rounds[-1]) + 1]:
        stated = known.rows(label)
        own = {region: row for region, row in given.get(label, {}).items() if region not in stated}
        complete = label in roster.rounds
        stays = {*stated, *own} if complete else {*last, *own}
        if label in rounds and last and (stated or own):
            file = indicators.file if own and indicators is not None else roster.table.file
            flags += [(label, flag) for flag in _moved(set(last), {*stated, *own}, stays, label, file)]
        origins = {r: (row, calendar.years(since, label)) for r, (since, row) in last.items() if r in stays}
        grows = {r: one for r, one in origins.items() if r not in stated and r not in own}
        last = {r: one for r, one in last.items() if r in grows} | {r: (label, row) for r, row in stated.items()}
        if own:
            last |= {region: (label, len(table.lines) + k) for k, region in enumerate(sorted(own))}
            table = _taller(table, section, label, {r: origins.get(r, (-1, 0)) for r in own}, growth, indicators, own)
        if label in rounds:
            table = _taller(table, section, label, grows, growth)
    if indicators is not None:
        flags += _unused(indicators, section, rounds)
        both = say("{code} with {code_indicators}", code=table.file, code_indicators=indicators.file)
        table = replace(table, file=both)
    return dict.fromkeys(rounds, table), flags


def _aged(roster: Roster, growth: Mapping[str, Decimal], years: int) -> Table:
    """A file without a column of rounds, so many years later."""
    origins = {region: (row, years) for region, row in roster.rows("").items()}
    return _taller(roster.table, roster.section, "", origins, growth, alone=True) if years else roster.table


def _corrected(roster: Roster, given: Mapping[str, Mapping[str, int]], indicators: Table) -> Table:
    """The regions file with the columns of rows that are given anew."""
    table, faults = roster.table, Faults(roster.table.file)
    new = [(row, label, region) for label, rows in given.items() for region, row in rows.items()]
    pairs = [(roster.rows(label)[region], row) for row, label, region in new if region in roster.rows(label)]
    there, rows = (np.array([pair[k] for pair in pairs], dtype=np.int64) for k in (0, 1))
    cells, numeric, lines = dict(table.cells), dict(table.numeric), table.lines.copy()
    for name in (n for n in indicators.header if n not in (roster.section.round, roster.section.id)):
        texts, values = _read(table, indicators, name, rows, roster.section, faults)
        cells[name] = cells[name].copy()
        cells[name][there] = texts
        if name in numeric:
            numeric[name] = numeric[name].copy()
            numeric[name][there] = values
    faults.check()
    lines[there] = indicators.lines[rows]
    return replace(table, lines=lines, cells=cells, numeric=numeric)


def _read(
    table: Table, indicators: Table, name: str, rows: RowArray, section: RegionsSection, faults: Faults
) -> tuple[TextArray, FloatArray]:
    """Cells of the indicators as the regions file would have them: as text, and as numbers where it has numbers."""
    if name not in table.numeric and name not in indicators.numeric:
        return indicators.cells[name][rows], np.full(len(rows), np.nan)
    values = indicators.numbers(name, rows, section.style, faults)
    return _written(values, section.style.decimal), values


def _taller(
    table: Table,
    section: RegionsSection,
    label: str,
    origins: Origins,
    growth: Mapping[str, Decimal],
    indicators: Table | None = None,
    own: Mapping[str, int] | None = None,
    alone: bool = False,
) -> Table:
    """A table with the rows of one more round, by id; alone: with those only.

    own: by region its row in the indicators, whose columns come before what is grown.
    """
    ids = sorted(origins)
    base = np.array([origins[i][0] for i in ids], dtype=np.int64)
    years = np.array([origins[i][1] for i in ids], dtype=np.int64)
    rows = np.array([own[i] for i in ids] if own else [], dtype=np.int64)
    there, faults = base >= 0, Faults(table.file)
    cells, numeric = {}, dict[str, FloatArray]()
    for name, before in table.cells.items():
        texts = np.full(len(ids), "", dtype=object)
        values = np.full(len(ids), np.nan)
        texts[there] = before[base[there]]
        if name in table.numeric:
            values[there] = table.numeric[name][base[there]]
        if name == section.round:
            texts[:] = label
        elif name == section.id:
            texts[:] = ids
        elif indicators is not None and name in indicators.header:
            texts, values = _read(table, indicators, name, rows, section, faults)
        elif growth.get(name):
            values[there] = table.numbers(name, base[there], section.style, faults)
            for k in np.unique(years):
                mine = (years == k) & ~np.isnan(values)
                values[mine] = grown(values[mine].tolist(), growth[name], int(k))
            texts = np.where(np.isnan(values), texts, _written(values, section.style.decimal))
        cells[name] = texts if alone else np.concatenate([before, texts])
        if name in table.numeric and name != section.round:
            numeric[name] = values if alone else np.concatenate([table.numeric[name], values])
    faults.check()
    lines = np.where(there, table.lines[base], 0) if indicators is None else indicators.lines[rows]
    return replace(table, lines=lines if alone else np.concatenate([table.lines, lines]), cells=cells, numeric=numeric)


def _written(values: FloatArray, decimal: str) -> TextArray:
    return np.array(["" if np.isnan(v) else as_text(v).replace(".", decimal) for v in values.tolist()], dtype=object)


def _given(indicators: Table, roster: Roster, rounds: Sequence[str], used: Set[str]) -> dict[str, dict[str, int]]:
    """The rows of the indicators by round and region; every fault of them."""
    faults, section = Faults(indicators.file), roster.section
    for name in indicators.header:
        if name not in roster.table.header:
            faults.add(
                say(
                    "the regions file has no such column. {code_hint}",
                    code_hint=did_you_mean(name, roster.table.header),
                ),
                column=name,
            )
    there = set(indicators.header)
    reduced = section.model_copy(
        update={
            "name": section.name if section.name in there else None,
            "population": section.population if section.population in there else None,
            "groups": tuple(g for g in section.groups if g in there),
            "columns": {name: column for name, column in section.columns.items() if column in there},
            "missing": {},
        }
    )
    with faults.collect():
        own = Roster(indicators, reduced, RESERVED)
        mine = [label for label in rounds if label in own.rounds]
        if not mine:
            faults.add(
                say("has no row of a round that is projected ({code_list}).", code_list=", ".join(rounds)),
                say("It has {code_list}.", code_list=", ".join(own.rounds)) if own.rounds else say("Add rows."),
                column=section.round or "",
            )
        for label in mine:
            with faults.collect():
                regions = read_regions(indicators, reduced, label, RESERVED)
                for name in sorted(used & set(own.numbers)):
                    regions.numbers(name, faults)
        if not faults.found:
            return {label: own.rows(label) for label in mine}
    faults.check()
    return {}


def _unused(indicators: Table, section: RegionsSection, rounds: Sequence[str]) -> Iterator[Flagged]:
    labels = sorted(set(indicators.text(section.round or "").tolist()) - set(rounds))
    if labels:
        text = say(
            "{code} has rows of {rounds}, which is not projected; they are not used.",
            code=indicators.file,
            rounds=listed(labels),
        )
        yield rounds[0], Flag("info", "unused_rows", labels[0], text)


def _moved(before: Set[str], given: Set[str], stays: Set[str], label: str, file: str) -> Iterator[Flag]:
    """Who joins or leaves in a round, and who is not among the rows that are given. stays: who is in the round."""
    new, gone, grows = sorted(given - before), sorted(before - stays), sorted(stays - given)
    for names, code, what in (
        (new, "joins", phrase("{names}: not in the round before {round}, new from then on because {code} says so.")),
        (gone, "leaves", phrase("{names}: no row in {round}, out from then on.")),
        (grows, "no_row", phrase("{names}: no row in {round} of {code}, grown from the last one.")),
    ):
        if names:
            like = f" {did_you_mean(names[0], before - given)}" if code == "joins" and before - given else ""
            said = typeset(say(what, names=listed(names), round=label, code=file) + like)
            yield Flag("warning", code, names[0], said, value=float(len(names)))
