"""Files: CSV and Excel files as tables, with every fault of their form."""

from __future__ import annotations

import csv
import io
import re
import zipfile
from pathlib import Path

from fundalloc.errors import Faults
from fundalloc.sources import Source
from fundalloc.tables import DELIMITERS, GUARDED, SHOWN, Table, as_text, table_of, unguard

#: so many characters at most are looked at for the delimiter
HEAD = 100_000
#: what a spreadsheet shows where a formula failed
ERRORS = frozenset(["#DIV/0!", "#N/A", "#NAME?", "#NULL!", "#NUM!", "#REF!", "#VALUE!", "#SPILL!", "#CALC!"])


def read_table(path: Path, *, encoding: str = "utf-8", shown: str | None = None) -> Table:
    """A CSV or Excel file as a table; every fault of its form at once."""
    faults = Faults(shown or str(path))
    try:
        content = path.read_bytes()
    except IsADirectoryError:
        faults.add("is a folder.", "Name a file.")
    except FileNotFoundError:
        faults.add("there is no such file.", "Check the name. File names inside a policy are relative to it.")
    except OSError as error:
        faults.add(f"cannot be read ({error.strerror}).")
    faults.check()
    return parse_table(Source(path.name, content, encoding=encoding), shown or str(path))


def parse_table(source: Source, shown: str) -> Table:
    """The table of what was read."""
    faults = Faults(shown)
    suffix = Path(source.file).suffix.casefold()
    if suffix == ".parquet":
        faults.add("Parquet files are not read by this version.", "Save it as CSV or XLSX.")
        faults.check()
    if suffix in (".xlsx", ".xlsm", ".xls", ".ods"):
        rows, delimiter = _excel_rows(source.content, faults), ""
    else:
        text = _decode(source.content, source.encoding, faults)
        delimiter = _delimiter(text)
        rows = _csv_rows(text, delimiter, faults)
    return table_of(faults, rows, delimiter, source)


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
        return text.removeprefix("\ufeff")
    faults.check()
    return ""


def _delimiter(text: str) -> str:
    """The delimiter of the first line that is not blank, quoted texts left out of the count."""
    bare = re.sub(r'"[^"]*"?', "", text[:HEAD])
    first = next((line for line in re.split(r"[\r\n]", bare) if line.strip(" ")), "")
    return max(DELIMITERS, key=lambda d: (first.count(d), d == ","))


def _csv_rows(text: str, delimiter: str, faults: Faults) -> list[tuple[int, list[str]]]:
    """The rows that are not blank, each with the number of its first line."""
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    rows: list[tuple[int, list[str]]] = []
    line = 1
    try:
        if '"' in text:
            for row in reader:
                rows.append((line, row))
                line = reader.line_num + 1
        else:
            rows = list(enumerate(reader, 1))
    except csv.Error as error:
        faults.add(
            f'a quotation mark " that opens a cell is never closed, or not at its end ({error}).',
            'Close it, or double it inside a quoted cell: "".',
            line=line,
        )
        faults.check()
    rows = [(number, row) for number, row in rows if row and (row[0].strip() or "".join(row).strip())]
    if any(mark in text for mark in GUARDED):
        rows = [(number, unguard(row)) for number, row in rows]
    return rows


def _excel_rows(content: bytes, faults: Faults) -> list[tuple[int, list[str]]]:
    """The rows of the first sheet that are not blank, each with its number."""
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
    rows = [(number, [as_text(v) for v in row]) for number, row in enumerate(grid, start[0] + 1)]
    for number, texts in rows:
        for column, text in zip(rows[0][1], texts, strict=True):
            if text in ERRORS:
                faults.add("is an error of the spreadsheet.", "Repair it.", line=number, value=text, column=column)
    for place, text in _failed_formulas(content):
        faults.add("is an error of the spreadsheet.", "Repair the formula.", column=place, value=text)
    return [(number, texts) for number, texts in rows if any(t.strip() for t in texts)]


def _failed_formulas(content: bytes) -> list[tuple[str, str]]:
    """The cells of the first sheet of an XLSX file whose formula failed, which are read as empty."""
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as book:
            ids = re.search(rb'<sheet\b[^>]*\br:id="([^"]+)"', book.read("xl/workbook.xml"))
            links = re.findall(rb"<Relationship\b[^>]*>", book.read("xl/_rels/workbook.xml.rels"))
            mine = [link for link in links if ids and b'Id="' + ids[1] + b'"' in link]
            target = re.search(rb'Target="/?(?:xl/)?([^"]+)"', mine[0]) if mine else None
            text = book.read(f"xl/{target[1].decode()}") if target else b""
    except (zipfile.BadZipFile, KeyError, OSError, ValueError, NotImplementedError):
        return []  # another format, or one that has no such parts
    cells = re.findall(rb'<c\b(?=[^>]*\bt="e")[^>]*\br="([A-Z]+\d+)"[^>]*>(?:<f.*?(?:</f>|/>))?<v>([^<]*)</v>', text)
    return [(place.decode(), value.decode()) for place, value in cells[:SHOWN]]
