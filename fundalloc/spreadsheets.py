"""Spreadsheets: the rows of the first sheet as text; a process of its own opens the file."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import Any

from fundalloc.ceilings import SPREADSHEET_MEMORY, SPREADSHEET_SECONDS, size
from fundalloc.errors import Faults
from fundalloc.language import phrase, say, spoken
from fundalloc.reported import reported
from fundalloc.tables import as_text

#: what a spreadsheet shows where a formula failed
ERRORS = frozenset(["#DIV/0!", "#N/A", "#NAME?", "#NULL!", "#NUM!", "#REF!", "#VALUE!", "#SPILL!", "#CALC!"])
AGAIN = phrase("Save it again as XLSX or CSV.")
LESS = phrase("Copy the cells of the table alone to a new file, or save it as CSV.")


def spreadsheet_rows(content: bytes, faults: Faults) -> list[tuple[int, list[str]]]:
    """The rows of the first sheet that are not blank, each with its number."""
    said = _opened(content, faults)
    rows = [(number, [as_text(v) for v in row]) for number, row in enumerate(said["rows"], said["start"] + 1)]
    for number, texts in rows:
        for column, text in zip(rows[0][1], texts, strict=True):
            if text in ERRORS:
                faults.add(
                    say("is an error of the spreadsheet."), say("Repair it."), line=number, value=text, column=column
                )
    for place, text in said["failed"]:
        faults.add(say("is an error of the spreadsheet."), say("Repair the formula."), column=place, value=text)
    return [(number, texts) for number, texts in rows if any(t.strip() for t in texts)]


def _opened(content: bytes, faults: Faults) -> dict[str, Any]:
    """What the process that opens the file says of it; what is wrong with the file is raised."""
    try:
        done = subprocess.run(
            [sys.executable, "-P", "-m", "fundalloc.workbooks", str(SPREADSHEET_MEMORY), spoken() or "en"],
            input=content,
            env={**os.environ, "PYTHONPATH": os.pathsep.join(map(os.path.abspath, sys.path))},
            capture_output=True,
            timeout=SPREADSHEET_SECONDS,
            check=False,
        )
    except subprocess.TimeoutExpired:
        faults.add(
            say(
                "takes more than {code_spreadsheet_seconds} seconds to open.",
                code_spreadsheet_seconds=SPREADSHEET_SECONDS,
            ),
            say(LESS),
        )
        faults.check()
    if done.returncode != 0:
        faults.add(
            say("cannot be opened with {code_size} of memory, or is broken.", code_size=size(SPREADSHEET_MEMORY)),
            say(LESS),
        )
        faults.check()
    said: dict[str, Any] = json.loads(done.stdout)
    if "too much" in said:
        faults.add(said["too much"], say(LESS))
    if "broken" in said:
        words = reported(said["broken"])
        faults.add(say("cannot be read as an Excel file ({code_said}).", code_said=words), say(AGAIN))
    faults.check()
    return said
