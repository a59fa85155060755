"""Files: CSV and Excel files as tables, with every fault of their form."""

from __future__ import annotations

import csv
import hashlib
import io
import re
import unicodedata
from pathlib import Path

from fundalloc.errors import Faults
from fundalloc.tables import DELIMITERS, GUARDED, Table, as_text, table_of, unguard


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
    return table_of(faults, rows, delimiter, digest)


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
    if any(mark in text for mark in GUARDED):
        rows = [(number, unguard(row)) for number, row in rows]
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
