"""Files: CSV and Excel files as tables, with every fault of their form."""

from __future__ import annotations

import codecs
import csv
import io
import re
from pathlib import Path

from fundalloc.ceilings import CELL, CELLS, TABLE
from fundalloc.errors import Faults
from fundalloc.intake import contents, unreadable
from fundalloc.language import phrase, say
from fundalloc.reported import reported
from fundalloc.sources import Source
from fundalloc.spreadsheets import spreadsheet_rows
from fundalloc.tables import DELIMITERS, GUARDED, Table, table_of, unguard

#: so many characters at most are looked at for the delimiter
HEAD = 100_000
#: what Python calls an encoding and no file is written in
NO_ENCODINGS = frozenset(["idna", "punycode", "raw_unicode_escape", "unicode_escape", "undefined", "utf_7"])
LESS = phrase("Leave out columns and rounds that the policy does not use, or split it.")


def read_table(path: Path, *, encoding: str = "utf-8", shown: str | None = None) -> Table:
    """A CSV or Excel file as a table; every fault of its form at once."""
    faults = Faults(shown or str(path))
    try:
        content = contents(path, TABLE, say(LESS))
    except IsADirectoryError:
        faults.add(say("is a folder."), say("Name a file."))
    except FileNotFoundError:
        faults.add(say("there is no such file."), say("Check the name. File names inside a policy are relative to it."))
    except OSError as error:
        faults.found.append(unreadable(error, faults.file))
    faults.check()
    return parse_table(Source(path.name, content, encoding=encoding), shown or str(path))


def parse_table(source: Source, shown: str) -> Table:
    """The table of what was read."""
    faults = Faults(shown)
    suffix = Path(source.file).suffix.casefold()
    if suffix == ".parquet":
        faults.add(say("Parquet files are not read by this version."), say("Save it as CSV or XLSX."))
        faults.check()
    if suffix in (".xlsx", ".xlsm", ".xls", ".ods"):
        rows, delimiter = spreadsheet_rows(source.content, faults), ""
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
        faults.add(say("is UTF-16 text."), say("Save it as UTF-8, or use --encoding utf-16."))
        faults.check()
    name = "utf-8-sig" if encoding.casefold().replace("-", "").replace("_", "") == "utf8" else encoding
    try:
        if codecs.lookup(name).name.replace("-", "_") in NO_ENCODINGS:
            raise LookupError
        text = content.decode(name)
    except LookupError:
        faults.add(
            say("is no encoding of files that Python knows."),
            say("Write for example --encoding cp1252."),
            value=encoding,
        )
    except ValueError as error:
        start = getattr(error, "start", 0)
        byte = content[start : start + 1].hex()
        faults.add(
            say("byte 0x{code_byte} is not {code_encoding} text.", code_byte=byte, code_encoding=encoding),
            say("Save the file as UTF-8, or name its encoding, for example --encoding cp1252."),
            line=content[:start].count(b"\n") + 1,
        )
    else:
        if "\0" in text:
            faults.add(say("holds NUL characters: it is no text file."), say("Save it as CSV (UTF-8)."))
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
    cells = text.count(delimiter) + max(text.count("\n"), text.count("\r"))
    if cells > CELLS:
        faults.add(
            say(
                "has {cells:,} cells, or lines; at most {most:,} are read.",
                cells=cells,
                most=CELLS,
            ),
            say(LESS),
        )
        faults.check()
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    rows: list[tuple[int, list[str]]] = []
    quoted, line = '"' in text, 1
    try:
        if quoted:
            for row in reader:
                rows.append((line, row))
                line = reader.line_num + 1
        else:
            rows = list(enumerate(reader, line))
    except csv.Error as error:
        line = line if quoted else reader.line_num
        if "field limit" in str(error):
            message = say("a cell has more than {code_cell:,} characters.", code_cell=CELL)
            remedy = say("Look for a quotation mark left open in it, or for another encoding.")
        else:
            message = say(
                'a quotation mark " that opens a cell is never closed, or not at its end ({code_error}).',
                code_error=reported(error),
            )
            remedy = say('Close it, or double it inside a quoted cell: "".')
        faults.add(message, remedy, line=line)
        faults.check()
    rows = [(number, row) for number, row in rows if row and (row[0].strip() or "".join(row).strip())]
    if any(mark in text for mark in GUARDED):
        rows = [(number, unguard(row)) for number, row in rows]
    return rows
