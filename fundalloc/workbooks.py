"""Workbooks: the cells of the first sheet, read by a process of its own, as JSON text on its standard output.

`spreadsheets` starts it. What unpacks to more than the memory allowed, or breaks the library that reads it, ends this
process alone.
"""

from __future__ import annotations

import io
import json
import re
import sys
import zipfile
from typing import Any

from fundalloc.ceilings import CELL, CELLS, COLUMNS, TABLE, size
from fundalloc.language import Language, say, speak

SHOWN = 10


class TooMuchError(Exception):
    """More than is read; the text says what and how much."""


def first_sheet(content: bytes) -> dict[str, Any]:
    """The first sheet: start, the number of its first row from 0; rows of cells; failed, cells with their errors."""
    from python_calamine import CalamineWorkbook

    failed = failed_formulas(content)
    sheet = CalamineWorkbook.from_filelike(io.BytesIO(content)).get_sheet_by_index(0)
    start, end = sheet.start or (0, 0), sheet.end or (0, 0)
    height, width = end[0] - start[0] + 1, end[1] - start[1] + 1
    if width > COLUMNS or height * width > CELLS:
        raise TooMuchError(
            say(
                "has cells in {code_height:,} rows and {code_width:,} columns; at most {code_cells:,} cells are read.",
                code_height=height,
                code_width=width,
                code_cells=CELLS,
            )
        )
    rows = [[v if isinstance(v, str | float | bool | int) else str(v) for v in row] for row in sheet.to_python()]
    texts = [len(v) for row in rows for v in row if isinstance(v, str)]
    if max(texts, default=0) > CELL:
        raise TooMuchError(
            say(
                "has a cell of {code_max:,} characters; at most {code_cell:,} are read.",
                code_max=max(texts),
                code_cell=CELL,
            )
        )
    if sum(texts) > TABLE:
        raise TooMuchError(
            say(
                "holds {size} of text; at most {most} are read.",
                size=size(sum(texts)),
                most=size(TABLE),
            )
        )
    return {"start": start[0], "rows": rows, "failed": failed}


def failed_formulas(content: bytes) -> list[tuple[str, str]]:
    """The cells of the first sheet of an XLSX file whose formula failed, which are read as empty."""
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as book:
            ids = re.search(rb'<sheet\b[^>]*\br:id="([^"]+)"', book.read("xl/workbook.xml"))
            links = re.findall(rb"<Relationship\b[^>]*>", book.read("xl/_rels/workbook.xml.rels"))
            mine = [link for link in links if ids and b'Id="' + ids[1] + b'"' in link]
            target = re.search(rb'Target="/?(?:xl/)?([^"]+)"', mine[0]) if mine else None
            text = book.read(f"xl/{target[1].decode()}") if target else b""
    except (zipfile.BadZipFile, KeyError, OSError, ValueError, NotImplementedError, RuntimeError, EOFError):
        return []  # another format, or one that has no such parts
    cells = re.findall(rb'<c\b(?=[^>]*\bt="e")[^>]*\br="([A-Z]+\d+)"[^>]*>(?:<f.*?(?:</f>|/>))?<v>([^<]*)</v>', text)
    return [(place.decode(), value.decode(errors="replace")) for place, value in cells[:SHOWN]]


def _limit(memory: int) -> None:
    """Holds this process to so many bytes of memory, where the system can."""
    try:
        import resource
    except ImportError:
        return
    soft, hard = resource.getrlimit(resource.RLIMIT_AS)
    most = memory if soft == resource.RLIM_INFINITY else min(soft, memory)
    resource.setrlimit(resource.RLIMIT_AS, (most, hard))


def main(memory: int, language: Language) -> None:
    """Reads a spreadsheet from standard input and says what is in it, or what is wrong with it."""
    _limit(memory)
    speak(language)
    from python_calamine import CalamineError

    try:
        said = first_sheet(sys.stdin.buffer.read())
    except TooMuchError as error:
        said = {"too much": str(error)}
    except (CalamineError, OSError, ValueError, IndexError) as error:
        said = {"broken": str(error)}
    sys.stdout.write(json.dumps(said))


if __name__ == "__main__":
    main(int(sys.argv[1]), sys.argv[2])  # type: ignore[arg-type]
