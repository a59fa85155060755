"""Tables: text cells with the names of their columns, and the numbers in them."""

from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from fundalloc.ceilings import COLUMNS
from fundalloc.characters import unfit
from fundalloc.errors import Fault, Faults, InputError
from fundalloc.intake import json_of
from fundalloc.language import phrase, say
from fundalloc.numerals import COMMA, POINTS, FloatArray, NumberStyle, complaint, doubt, either_way, parse
from fundalloc.sources import Source

if TYPE_CHECKING:
    import pandas as pd

TextArray = NDArray[np.object_]
SHOWN = 10
#: a name such as indic,unit,geo\time
PACKED = re.compile(r"\w+(,\w+)*\\\w+(?=[\t,;]|$)")
DELIMITERS = {",": phrase("comma"), ";": phrase("semicolon"), "\t": phrase("tab"), "|": phrase("vertical bar")}


@dataclass(frozen=True, eq=False)
class Table:
    """A file as text cells: trimmed, in Unicode normal form C; a line number for each row.

    file: the name in messages. source: what was read. numeric: columns that came as numbers.
    """

    file: str
    header: tuple[str, ...]
    lines: NDArray[np.int64]
    source: Source
    cells: dict[str, TextArray]
    delimiter: str = ""
    numeric: dict[str, FloatArray] = field(default_factory=dict)

    @property
    def form(self) -> str:
        """How many rows were read, and what was found to separate their columns."""
        count = len(self.lines)
        rows = say("{count:,} rows", count=count) if count != 1 else say("1 row")
        if not self.delimiter:
            return rows
        return say("{rows}, columns separated by {mark}", rows=rows, mark=say(DELIMITERS[self.delimiter]))

    def text(self, column: str) -> TextArray:
        """The cells of a column as text."""
        return self.cells[column]

    def numbers(
        self,
        column: str,
        rows: NDArray[np.int64] | None = None,
        style: NumberStyle | None = None,
        faults: Faults | None = None,
    ) -> FloatArray:
        """The cells of a column (or of some of its rows) as numbers, NaN for missing ones.

        style: how they are written; left out: plainly, such as -1234.5. Every cell that is no finite number
        is a fault; they are raised at once if no `faults` is given.
        """
        own = faults or Faults(self.file)
        rows = np.arange(len(self.lines)) if rows is None else rows
        if column in self.numeric:
            values = self.numeric[column][rows]
            infinite = np.isinf(values)
            for k in np.flatnonzero(infinite):
                self._fault(own, column, int(rows[k]), say("is not a finite number."), say("Write a number."))
            values = np.where(infinite, np.nan, values)
        else:
            values = self._parse(column, rows, style, own)
        if faults is None:
            own.check()
        return values

    def _parse(self, column: str, rows: NDArray[np.int64], style: NumberStyle | None, faults: Faults) -> FloatArray:
        texts = self.cells[column][rows].tolist()
        values, bad = parse(texts, style or NumberStyle())
        if not bad and (style is None or (style.plain and not style.stated)):
            self._check_points(column, rows, texts, faults, known=style is None)
        for k in bad[:SHOWN]:
            self._fault(faults, column, int(rows[k]), *complaint(texts[k], style))
        if len(bad) > SHOWN:
            faults.add(
                say("{code_count} more cells of the column are no numbers.", code_count=len(bad) - SHOWN),
                file=self.file,
                column=column,
            )
        return values

    def _check_points(
        self, column: str, rows: NDArray[np.int64], texts: list[str], faults: Faults, *, known: bool
    ) -> None:
        """A fault where points may stand between thousands, as they do elsewhere in the file.

        known: the file has no options, its numbers are plain.
        """
        if not (either_way(texts) and self._pointed):
            return
        row = next(k for k, t in enumerate(texts) if "." in t)
        self._fault(faults, column, int(rows[row]), *doubt(texts[row], *self._pointed, known=known))

    @cached_property
    def _pointed(self) -> tuple[int, str, str] | None:
        """Where a number with points between thousands or with a decimal comma stands: line, column, cell."""
        for name, cells in self.cells.items():
            joined = "\n".join(cells.tolist())
            found = POINTS.search(joined) or (COMMA.search(joined) if self.delimiter not in ("", ",") else None)
            if found:
                row = cells.tolist().index(found[0])
                return int(self.lines[row]), name, found[0]
        return None

    def _fault(self, faults: Faults, column: str, row: int, message: str, remedy: str) -> None:
        faults.add(
            message,
            remedy,
            file=self.file,
            line=int(self.lines[row]),
            column=column,
            value=str(self.cells[column][row]),
        )

    @classmethod
    def from_frame(cls, frame: pd.DataFrame, shown: str = "regions") -> Table:
        """A data frame as a table; columns of numbers are taken as they are."""
        import pandas as pd

        faults = Faults(shown)
        header = tuple(_clean(str(c)) for c in frame.columns)
        _check_header(header, [True] * len(header), faults)
        faults.check()
        cells, numeric = {}, {}
        for k, name in enumerate(header):
            column = frame.iloc[:, k]
            missing = column.isna().to_numpy()
            if pd.api.types.is_any_real_numeric_dtype(column):
                numeric[name] = column.to_numpy(dtype=float, na_value=np.nan)
            cells[name] = np.array(
                ["" if gone else _clean(as_text(v)) for v, gone in zip(column.tolist(), missing.tolist(), strict=True)],
                dtype=object,
            )
            if unfit("".join(cells[name])) or unfit(name):
                _report_unfit(list(enumerate([name, *cells[name]])), name, faults)
        faults.check()
        content = {"columns": {n: c.tolist() for n, c in cells.items()}, "numbers": sorted(numeric)}
        text = json.dumps(content, ensure_ascii=False, separators=(",", ":"))
        source = Source(shown, text.encode(errors="surrogatepass"), "json")
        return cls(shown, header, np.arange(1, len(frame) + 1), source, cells, numeric=numeric)

    @classmethod
    def again(cls, source: Source) -> Table:
        """The table of a data frame from its source."""
        try:
            content = json_of(source.content)
            cells = {str(name): np.array(list(map(str, one)), dtype=object) for name, one in content["columns"].items()}
            numeric = {n: np.array([float(v) if v else np.nan for v in cells[n]]) for n in content["numbers"]}
        except (ValueError, KeyError, TypeError, AttributeError):
            cells, numeric = {}, {}
        if not cells or len({len(one) for one in cells.values()}) > 1:
            raise InputError([Fault(say("is no data frame as fundalloc writes it."), file=source.file)])
        count = len(next(iter(cells.values()), ()))
        return cls(source.file, tuple(cells), np.arange(1, count + 1), source, cells, numeric=numeric)


def as_text(value: Any) -> str:
    """A cell of a spreadsheet or a frame as text, without loss."""
    if isinstance(value, bool | np.bool_):
        return "1" if value else "0"
    if isinstance(value, float | np.floating) and float(value).is_integer() and abs(float(value)) < 1e16:
        return str(int(value))
    return repr(float(value)) if isinstance(value, float | np.floating) else str(value)


def _clean(text: str) -> str:
    return unicodedata.normalize("NFC", text).strip()


def _cleaned(texts: Sequence[str]) -> list[str]:
    return list(map(str.strip if "".join(texts).isascii() else _clean, texts))


def _report_unfit(texts: Sequence[tuple[int, str]], column: str, faults: Faults) -> None:
    found = [(line, text) for line, text in texts if unfit(text)]
    for line, text in found[:SHOWN]:
        faults.add(*(unfit(text) or ()), line=line, column=column, value=text)
    if len(found) > SHOWN:
        faults.add(
            say("{code_count} more cells of the column hold such characters.", code_count=len(found) - SHOWN),
            column=column,
        )


def _check_header(header: Sequence[str], used: Sequence[bool], faults: Faults, line: int | None = None) -> None:
    seen: set[str] = set()
    for k, name in enumerate(header):
        if not name and used[k]:
            faults.add(
                say("column {code_count} has cells but no name.", code_count=k + 1),
                say("Name it in the first line."),
                line=line,
            )
        elif name and name in seen:
            faults.add(
                say("stands twice in the first line."),
                say("Give every column a name of its own."),
                line=line,
                value=name,
            )
        seen.add(name)


def table_of(faults: Faults, rows: list[tuple[int, list[str]]], delimiter: str, source: Source) -> Table:
    """The rows of a file, the first of them the names of the columns, as a table."""
    if not rows:
        faults.add(
            say("is empty."), say("Write a first line with the names of the columns, then one row for each region.")
        )
        faults.check()
    header = [_clean(c) for c in rows[0][1]]
    width = len(header)
    if packed := PACKED.match(delimiter.join(rows[0][1])):
        faults.add(
            say("is the key of Eurostat's packed layout: several things in one column, and the years as columns."),
            say("Unfold it to a row for each region and year first: docs/data.md has the lines for it."),
            line=rows[0][0],
            value=packed[0],
        )
        faults.check()
    if width > COLUMNS:
        faults.add(
            say("the first line names {width:,} columns; at most {most:,} are read.", width=width, most=COLUMNS),
            say("Leave some out."),
        )
        faults.check()
    wrong = 0
    for line, row in [(line, row) for line, row in rows[1:] if len(row) != width]:
        if len(row) < width or any(c.strip() for c in row[width:]):
            wrong += 1
            if wrong <= SHOWN:
                faults.add(
                    say(
                        "has {code_count} cells, but the first line names {code_width} columns."
                        if len(row) != 1
                        else "has {code_count} cell, but the first line names {code_width} columns.",
                        code_count=len(row),
                        code_width=width,
                    ),
                    say("Check the delimiters and quotation marks of this line."),
                    line=line,
                )
    if wrong > SHOWN:
        faults.add(say("{code_count} more lines have a wrong number of cells.", code_count=wrong - SHOWN))
    columns = list(zip(*(row for _, row in rows[1:]), strict=False))[:width] if not wrong else []
    columns = columns or [()] * width
    joined = ["".join(column) for column in columns]
    used = [bool(text.strip()) for text in joined]
    for name, column, text in zip(header, columns, joined, strict=True):
        if unfit(text) or unfit(name):
            _report_unfit(list(zip([n for n, _ in rows], (name, *column), strict=False)), name, faults)
    _check_header(header, used, faults, rows[0][0])
    faults.check()
    kept = [k for k in range(width) if header[k]]
    cells = {header[k]: np.array(_cleaned(columns[k]), dtype=object) for k in kept}
    return Table(
        faults.file,
        tuple(header[k] for k in kept),
        np.array([n for n, _ in rows[1:]], dtype=np.int64),
        source,
        cells,
        delimiter,
    )


#: text that begins with one of these may be run as a formula by a spreadsheet
FORMULA = ("=", "+", "-", "@", "\t", "\r")
GUARDED = tuple("'" + mark for mark in FORMULA)


def guarded(texts: Sequence[str]) -> dict[str, str]:
    """For each text the cell of a CSV file: an apostrophe keeps text that looks like a formula text."""
    return {t: f"'{t}" if t.startswith(FORMULA) else t for t in dict.fromkeys(texts)}


def unguard(texts: Sequence[str]) -> list[str]:
    """The texts before they were guarded."""
    return [t[1:] if t.startswith(GUARDED) else t for t in texts]
