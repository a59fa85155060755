"""Tables: a file as text cells, and the numbers in them."""

from __future__ import annotations

import csv
import hashlib
import io
import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from fundalloc.errors import Faults

if TYPE_CHECKING:
    import pandas as pd

TextArray = NDArray[np.object_]
FloatArray = NDArray[np.float64]

DELIMITERS = {",": "comma", ";": "semicolon", "\t": "tab", "|": "bar"}
PLAIN = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?", re.ASCII)
MARKS = {
    "",
    "-",
    "--",
    ".",
    "..",
    "...",
    ":",
    "n/a",
    "na",
    "nan",
    "null",
    "none",
    "x",
    "/",
    "?",
    "#n/a",
    "—",
    "–",
}
SHOWN = 10


@dataclass(frozen=True)
class NumberStyle:
    """How the numbers of a file are written; without one only plain numbers such as -1234.5 are read."""

    decimal: str = "."
    thousands: str = ""
    missing_marks: tuple[str, ...] = ()


@dataclass(frozen=True, eq=False)
class Table:
    """A file as text cells: trimmed, in Unicode normal form C; a line number for each row.

    file: the name in messages. sha256: of the content. numeric: columns that came as numbers.
    """

    file: str
    header: tuple[str, ...]
    lines: NDArray[np.int64]
    sha256: str
    cells: dict[str, TextArray]
    delimiter: str = ","
    numeric: dict[str, FloatArray] = field(default_factory=dict)

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

        Every cell that is no finite number is a fault; they are raised at once if no `faults` is given.
        """
        own = faults or Faults(self.file)
        rows = np.arange(len(self.lines)) if rows is None else rows
        if column in self.numeric:
            values = self.numeric[column][rows]
            for k in np.flatnonzero(np.isinf(values)):
                self._fault(own, column, int(rows[k]), "is not a finite number.", "Write a number.")
        else:
            values = self._parse(column, rows, style or NumberStyle(), own)
        if faults is None:
            own.check()
        return values

    def _parse(self, column: str, rows: NDArray[np.int64], style: NumberStyle, faults: Faults) -> FloatArray:
        texts = self.cells[column][rows].tolist()
        marks = {unicodedata.normalize("NFC", m.strip()) for m in style.missing_marks} | {""}
        plain = style.decimal == "." and not style.thousands
        grammar = PLAIN if plain else _grammar(style)
        values = np.full(len(texts), np.nan)
        bad: list[int] = []
        for k, text in enumerate(texts):
            if text in marks:
                continue
            if grammar.fullmatch(text):
                digits = text if plain else text.replace(style.thousands, "").replace(style.decimal, ".")
                values[k] = float(digits)
                if values[k] in (np.inf, -np.inf):
                    bad.append(k)
            else:
                bad.append(k)
        for k in bad[:SHOWN]:
            self._fault(faults, column, int(rows[k]), *_complaint(texts[k], style))
        if len(bad) > SHOWN:
            faults.add(f"{len(bad) - SHOWN} more cells of the column are no numbers.", file=self.file, column=column)
        return values

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
            if pd.api.types.is_numeric_dtype(column) and not pd.api.types.is_bool_dtype(column):
                numeric[name] = column.to_numpy(dtype=float, na_value=np.nan)
            cells[name] = np.array(
                ["" if gone else _clean(as_text(v)) for v, gone in zip(column.tolist(), missing.tolist(), strict=True)],
                dtype=object,
            )
        content = "\n".join("\x1f".join(row) for row in zip(*cells.values(), strict=True))
        digest = hashlib.sha256(("\x1f".join(header) + "\n" + content).encode()).hexdigest()
        return cls(shown, header, np.arange(1, len(frame) + 1), digest, cells, numeric=numeric)


def as_text(value: Any) -> str:
    """A cell of a spreadsheet or a frame as text, without loss."""
    if isinstance(value, bool | np.bool_):
        return "1" if value else "0"
    if isinstance(value, float | np.floating) and float(value).is_integer() and abs(float(value)) < 1e16:
        return str(int(value))
    return repr(float(value)) if isinstance(value, float | np.floating) else str(value)


def _clean(text: str) -> str:
    return unicodedata.normalize("NFC", text).strip()


def _grammar(style: NumberStyle) -> re.Pattern[str]:
    decimal = re.escape(style.decimal)
    whole = rf"\d{{1,3}}({re.escape(style.thousands)}\d{{3}})+|\d+" if style.thousands else r"\d+"
    return re.compile(rf"[+-]?((?:{whole})({decimal}\d*)?|{decimal}\d+)([eE][+-]?\d+)?", re.ASCII)


def _complaint(text: str, style: NumberStyle) -> tuple[str, str]:
    """What is wrong with a cell, and what to write instead."""
    folded = text.casefold()
    if folded in MARKS and folded not in ("nan",):
        return "is no number.", f'If it means missing, write missing_marks = ["{text}"] under [regions].'
    if folded.lstrip("+-") in ("nan", "inf", "infinity") or PLAIN.fullmatch(text):
        return "is not a finite number.", "Write the number, or leave the cell empty if it is not known."
    if re.fullmatch(r"[+-]?\d{1,3}(\.\d{3})*,\d+", text):
        return "has a decimal comma.", 'Write decimal = "," and thousands = "." under [regions].'
    if re.fullmatch(r"[+-]?\d{1,3}(\.\d{3}){2,}", text):
        return (
            "has points between thousands; then 1.234 in this column would mean 1234 as well.",
            'Write thousands = "." and decimal = "," under [regions].',
        )
    if re.fullmatch(r"[+-]?\d{1,3}(,\d{3})+(\.\d*)?", text):
        return "has commas between thousands.", 'Write thousands = "," under [regions].'
    if re.fullmatch(r"[+-]?\d+,\d+", text):
        return "has a decimal comma.", 'Write decimal = "," under [regions].'
    if re.fullmatch(r"[+-]?\d{1,3}([ '\u00a0\u202f_]\d{3})+([.,]\d*)?", text):
        return (
            "has marks between thousands.",
            f'Write thousands = "{text.lstrip("+-0123456789")[0]}" under [regions].',
        )
    if text.endswith("%"):
        return "has a per cent sign.", "Write the number alone; no unit is ever converted."
    if re.search(r"[$€£¥]", text):
        return "has a currency sign.", "Write the number alone."
    if re.fullmatch(r"[+-]?[\d.,]+\s*[A-Za-z]", text):
        return (
            "has a letter behind the number.",
            "Write the number alone; put remarks into a column of their own.",
        )
    if style.thousands and re.fullmatch(r"[+-]?[\d.,' ]+", text):
        return (
            f'does not fit decimal = "{style.decimal}" and thousands = "{style.thousands}".',
            "Correct the cell.",
        )
    return "is no number.", "Write a number with a decimal point, or leave the cell empty if it is not known."


def _check_header(header: Sequence[str], used: Sequence[bool], faults: Faults) -> None:
    seen: set[str] = set()
    for k, name in enumerate(header):
        if not name and used[k]:
            faults.add(f"column {k + 1} has cells but no name.", "Name it in the first line.", line=1)
        elif name and name in seen:
            faults.add("stands twice in the first line.", "Give every column a name of its own.", line=1, value=name)
        seen.add(name)


def read_table(path: Path, *, encoding: str = "utf-8", shown: str | None = None) -> Table:
    """A CSV or Excel file as a table; every fault of its form at once."""
    faults = Faults(shown or str(path))
    suffix = path.suffix.casefold()
    try:
        content = path.read_bytes()
    except IsADirectoryError:
        faults.add("is a folder.", "Name a file.")
    except FileNotFoundError:
        faults.add("there is no such file.", "Check the name; it is relative to the policy file.")
    except OSError as error:
        faults.add(f"cannot be read ({error.strerror}).")
    faults.check()
    if suffix == ".parquet":
        faults.add("Parquet files are not read by this version.", "Save it as CSV or XLSX.")
        faults.check()
    digest = hashlib.sha256(content).hexdigest()
    if suffix in (".xlsx", ".xlsm", ".xls", ".ods"):
        rows, delimiter = _excel_rows(content, faults), ""
    else:
        text = _decode(content, encoding, faults)
        delimiter = _delimiter(text)
        rows = _csv_rows(text, delimiter, faults)
    return _table(faults, rows, delimiter, digest)


def _decode(content: bytes, encoding: str, faults: Faults) -> str:
    if content[:2] in (b"\xff\xfe", b"\xfe\xff") and encoding.casefold().replace("-", "") in (
        "utf8",
        "utf8sig",
    ):
        faults.add("is UTF-16 text.", "Save it as UTF-8, or use --encoding utf-16.")
        faults.check()
    name = "utf-8-sig" if encoding.casefold().replace("-", "").replace("_", "") == "utf8" else encoding
    try:
        text = content.decode(name)
    except LookupError:
        faults.add("is no encoding that Python knows.", "Write for example --encoding cp1252.", value=encoding)
    except UnicodeError as error:
        start = getattr(error, "start", 0)
        byte = content[start : start + 1].hex()
        faults.add(
            f"byte 0x{byte} is not {encoding} text.",
            "Save the file as UTF-8, or name its encoding, for example --encoding cp1252.",
            line=content[:start].count(b"\n") + 1,
        )
    else:
        if "\0" in text:
            faults.add("holds NUL characters: it is no text file.", "Save it as CSV (UTF-8).")
        faults.check()
        return unicodedata.normalize("NFC", text)
    faults.check()
    return ""


def _delimiter(text: str) -> str:
    """The delimiter of the first line that is not blank, quoted texts left out of the count."""
    first = next((line for line in text.splitlines() if line.strip()), "")
    bare = re.sub(r'"[^"]*"?', "", first)
    return max(DELIMITERS, key=lambda d: (bare.count(d), d == ","))


def _csv_rows(text: str, delimiter: str, faults: Faults) -> list[tuple[int, list[str]]]:
    """The rows that are not blank, each with the number of its first line."""
    if text.count('"') % 2:
        faults.add(
            'a quotation mark " is never closed.',
            'Close it, or double it inside a quoted cell: "".',
            line=_open_quote(text),
        )
        faults.check()
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter)
    rows: list[tuple[int, list[str]]] = []
    line = 1
    try:
        for row in reader:
            if row and (row[0] or "".join(row).strip()):
                rows.append((line, row))
            line = reader.line_num + 1
    except csv.Error as error:
        faults.add(f"cannot be read as CSV ({error}).", line=reader.line_num)
        faults.check()
    return rows


def _open_quote(text: str) -> int:
    inside, line, start = False, 1, 1
    for mark in re.finditer(r'["\n]', text):
        if mark[0] == "\n":
            line += 1
        else:
            inside, start = not inside, line if not inside else start
    return start


def _excel_rows(content: bytes, faults: Faults) -> list[tuple[int, list[str]]]:
    from python_calamine import CalamineError, CalamineWorkbook

    try:
        book = CalamineWorkbook.from_filelike(io.BytesIO(content))
        sheet = book.get_sheet_by_index(0)
        start = sheet.start or (0, 0)
        grid = sheet.to_python(skip_empty_area=True)
    except (CalamineError, OSError, ValueError, IndexError) as error:
        faults.add(f"cannot be read as an Excel file ({error}).", "Save it again as XLSX or CSV.")
        faults.check()
        return []
    rows = []
    for k, row in enumerate(grid, start[0] + 1):
        texts = [as_text(v) for v in row]
        for c, text in enumerate(texts):
            if text.startswith("#") and text.rstrip("!?").isupper():
                faults.add(
                    "is an error of the spreadsheet.",
                    "Repair the formula.",
                    line=k,
                    value=text,
                    column=str(grid[0][c]),
                )
        if any(t.strip() for t in texts):
            rows.append((k, texts))
    return rows


def _table(faults: Faults, rows: list[tuple[int, list[str]]], delimiter: str, digest: str) -> Table:
    if not rows:
        faults.add("is empty.", "Write a first line with the names of the columns, then one row for each region.")
        faults.check()
    header = [_clean(c) for c in rows[0][1]]
    width = len(header)
    wrong = 0
    for line, row in rows[1:]:
        if len(row) != width and (len(row) < width or any(c.strip() for c in row[width:])):
            wrong += 1
            if wrong <= SHOWN:
                faults.add(
                    f"has {len(row)} cells, but the first line names {width} columns.",
                    "Check the delimiters and quotation marks of this line.",
                    line=line,
                )
    if wrong > SHOWN:
        faults.add(f"{wrong - SHOWN} more lines have a wrong number of cells.")
    columns = list(zip(*(r[:width] for _, r in rows[1:]), strict=False)) if not wrong else []
    columns = columns or [()] * width
    used = [any(c.strip() for c in column) for column in columns]
    _check_header(header, used, faults)
    faults.check()
    kept = [k for k in range(width) if header[k]]
    cells = {header[k]: np.array([cell.strip() for cell in columns[k]], dtype=object) for k in kept}
    return Table(
        faults.file,
        tuple(header[k] for k in kept),
        np.array([n for n, _ in rows[1:]], dtype=np.int64),
        digest,
        cells,
        delimiter,
    )


#: text that begins with one of these may be run as a formula
FORMULA = ("=", "+", "-", "@", "\t", "\r")


def write_text_cell(text: str) -> str:
    """Text for a CSV cell: what a spreadsheet would run as a formula stays text."""
    return f"'{text}" if text.startswith(FORMULA) else text
