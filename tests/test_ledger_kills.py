"""Kills: what a process was told is recorded outlives it. All 200: `benchmarks/kills.py`."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.databases import schema

KILLS = Path(__file__).parent.parent / "benchmarks" / "kills.py"


@pytest.mark.parametrize(("database", "kills"), [("sqlite", 40), ("postgresql", 12)])
def test_a_kill_loses_nothing_that_was_reported(request, database, kills):
    place = schema(request.getfixturevalue("server")) if database == "postgresql" else ""
    command = [sys.executable, str(KILLS), "--kills", str(kills), "--ledger", place]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    kept = re.fullmatch(
        rf"{kills} kills, (\d+) entries: every ledger opened and fitted, none .* lost; .*\n", done.stdout
    )
    assert kept and int(kept[1]) >= kills // 2
