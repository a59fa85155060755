"""The same input gives the same bytes, whatever the process, the machine's settings and the order of the files."""

from __future__ import annotations

import csv
import json
import os
import random
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from fundalloc.cli.app import run
from tests.funds import history, regions

#: runs every policy of a folder, the same commands in each process; the folder of the policies, then that of the output
RUN = """
import sys
from pathlib import Path
from fundalloc.cli.app import run
ends = [run(["allocate", str(p), "-o", str(Path(sys.argv[2]) / p.stem), "--quiet"])
        for p in sorted(Path(sys.argv[1]).glob("*.toml"))]
sys.exit(max(ends))
"""
FLOOR = '[[rules]]\nkind = "limit"\nname = "Mindestbetrag für alle"\nof = "head"\nfloor = 20\nresource = "fund"\n'
PACE = '[[rules]]\nkind = "limit"\nname = "pace"\nof = "previous"\nresource = "fund"\nfloor = 0.8\ncap = 1.3\n'
STATES = '[[rules]]\nkind = "limit"\nname = "states"\neach = "state"\nof = "entitlement"\nfloor = 0.96\n'
COASTS = '[[rules]]\nkind = "limit"\nname = "coasts"\neach = "coast"\nof = "head"\ncap = 40\nmode = "prefer"\n'
EVEN = '[[rules]]\nkind = "inequality"\nname = "even"\nmeasure = "gini"\nat_most = 0.1\nresource = "fund"\n'
THEIL = '[[rules]]\nkind = "inequality"\nname = "even"\nmeasure = "theil"\nat_most = 0.04\nresource = "fund"\n'
PROGRESSIVE = '[[rules]]\nkind = "progressive"\nname = "order"\nby = "0 - need"\nresource = "land"\n'
LINK = '[[rules]]\nkind = "link"\nname = "in step"\nresource = "land"\nto = "fund"\nfloor = 0.8\n'
#: by name the objective and the rules
POLICIES = {
    "limits": ("nearest", FLOOR + PACE + STATES + LINK),
    "inequality": ("nearest", FLOOR + EVEN + PROGRESSIVE),
    "smooth": ("nearest", THEIL + STATES),
    "preferred": ("nearest", FLOOR + STATES + COASTS + LINK),
    "leximin": ("leximin", FLOOR + STATES + LINK),
    "fair": ("alpha_fair", FLOOR + STATES + EVEN),
    "benefit": ("benefit", FLOOR + STATES),
}
#: settings of processes that must not matter
ENVIRONMENTS = (
    {"PYTHONHASHSEED": "0", "LC_ALL": "C", "TZ": "UTC", "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"},
    {"PYTHONHASHSEED": "1", "LC_ALL": "de_DE.UTF-8", "LANG": "de_DE.UTF-8", "TZ": "Asia/Kathmandu"},
    {"PYTHONHASHSEED": "4711", "LC_ALL": "C.UTF-8", "TZ": "America/St_Johns", "OMP_NUM_THREADS": "4"}
    | {"OPENBLAS_NUM_THREADS": "4", "PYTHONUTF8": "0"},
)


def text(objective: str, rules: str) -> str:
    """A policy of two resources."""
    worth = 'value = "1 + need"\n' if objective == "benefit" else ""
    return f"""format = 1
[fund]
title = "Ausgleich über Länder"
round = "2023"
[regions]
file = "regions.csv"
id = "id"
name = "name"
groups = ["state", "coast"]
population = "population"
[history]
file = "history.csv"
[resources.fund]
supply = 20_000_000
unit = "€"
lot = 0.01
{worth}criteria = [ {{ name = "Bedarf", weight = 1, measure = "population * need" }} ]
[resources.land]
supply = 900
unit = "ha"
lot = 1
{worth}criteria = [ {{ name = "people", weight = 1, measure = "population" }} ]
[objective]
kind = "{objective}"
{rules}"""


def put(folder: Path, seed: int | None = None) -> Path:
    """Policies and data in a folder; seed: of the order of rows and columns, left out: that of the ids."""
    folder.mkdir()
    rng = np.random.default_rng(12)
    frame = regions(rng, 12)
    past = history(frame, rng)
    frame["name"] = [f"Kreis Ö{i:02d}" for i in range(len(frame))]
    mix = random.Random(seed)
    for name, table in (("regions", frame.sort_values("id")), ("history", past.sort_values("region_id"))):
        rows, columns = list(range(len(table))), list(table.columns)
        if seed is not None:
            mix.shuffle(rows)
            mix.shuffle(columns)
        table.iloc[rows][columns].to_csv(folder / f"{name}.csv", index=False)
    for name, (objective, rules) in POLICIES.items():
        (folder / f"{name}.toml").write_text(text(objective, rules), encoding="utf-8")
    return folder


def written(folder: Path) -> dict[str, bytes]:
    """All files below a folder."""
    return {str(p.relative_to(folder)): p.read_bytes() for p in sorted(folder.rglob("*")) if p.is_file()}


@pytest.fixture(scope="module")
def plain(tmp_path_factory) -> tuple[Path, dict[str, bytes]]:
    """The policies in the order of the ids, decided in this process."""
    inputs = put(tmp_path_factory.mktemp("plain") / "in")
    out = inputs.parent / "out"
    for name in POLICIES:
        assert run(["allocate", str(inputs / f"{name}.toml"), "-o", str(out / name), "--quiet"]) == 0
    return inputs, written(out)


def test_the_policies_say_something(plain):
    for name, (objective, rules) in POLICIES.items():
        summary = json.loads(plain[1][f"{name}/summary.json"])
        binding = [
            r for r in csv.DictReader(plain[1][f"{name}/rules.csv"].decode().splitlines()) if r["binding"] == "yes"
        ]
        assert summary["objective"]["kind"] == objective
        assert binding and rules, name
    rows = csv.DictReader(plain[1]["preferred/rules.csv"].decode().splitlines())
    assert any(row["concession"] for row in rows)


@pytest.mark.parametrize("settings", ENVIRONMENTS, ids=lambda e: e["LC_ALL"])
def test_no_setting_of_the_process_changes_a_byte(settings, plain, tmp_path):
    inputs, right = plain
    relative = settings["LC_ALL"] != "C"
    where, names = (inputs.parent, "in") if relative else (tmp_path, str(inputs))
    command = [sys.executable, "-W", "error::RuntimeWarning", "-c", RUN, names, str(tmp_path / "out")]
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("LC_", "LANG", "PYTHON"))}
    done = subprocess.run(command, env={**kept, **settings}, cwd=where, capture_output=True, check=False)
    assert done.returncode == 0, done.stderr.decode(errors="replace")
    found = written(tmp_path / "out")
    assert sorted(found) == sorted(right)
    assert [name for name in right if found[name] != right[name]] == []


@pytest.mark.parametrize("seed", [1, 2])
def test_the_order_of_rows_and_columns_changes_no_table(seed, plain, tmp_path):
    inputs = put(tmp_path / "in", seed)
    assert (inputs / "regions.csv").read_bytes() != (plain[0] / "regions.csv").read_bytes()
    for name in POLICIES:
        assert run(["allocate", str(inputs / f"{name}.toml"), "-o", str(tmp_path / name), "--quiet"]) == 0
        found: dict[str, Any] = written(tmp_path / name)
        for file, content in found.items():
            if file.endswith(".csv"):
                assert content == plain[1][f"{name}/{file}"], (name, file)
        ours, right = (
            json.loads(c["certificate.json"])
            for c in (found, {"certificate.json": plain[1][f"{name}/certificate.json"]})
        )
        assert {k: v for k, v in ours.items() if k != "inputs"} == {k: v for k, v in right.items() if k != "inputs"}


def test_the_order_of_rules_that_say_the_same_changes_no_amount(plain, tmp_path):
    """Required rules in another order: which one is named first may change, who gets what does not."""
    for name, (objective, rules) in POLICIES.items():
        if "prefer" in rules:
            continue
        folder = put(tmp_path / name)
        turned = "".join(reversed([f"[[rules]]{r}" for r in rules.split("[[rules]]")[1:]]))
        (folder / f"{name}.toml").write_text(text(objective, turned), encoding="utf-8")
        assert run(["allocate", str(folder / f"{name}.toml"), "-o", str(folder / "out"), "--quiet"]) == 0
        ours, right = (
            [(r["region_id"], r["resource"], r["amount"]) for r in csv.DictReader(content.decode().splitlines())]
            for content in ((folder / "out" / "allocation.csv").read_bytes(), plain[1][f"{name}/allocation.csv"])
        )
        assert ours == right, name
