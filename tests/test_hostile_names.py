"""The worst of names go through every command and every file that it writes as text, and as nothing else."""

from __future__ import annotations

import csv
import io
import json
import re
from pathlib import Path
from typing import Any

import pytest

from fundalloc.cli.app import run
from fundalloc.cli.putting import plain, put, put_json
from fundalloc.report.folder import read_rows
from tests.hostile import HOSTILE

#: what acts on a terminal, or turns the order of what follows
ACTS = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff]")
FORMULA = ("=", "+", "-", "@", "\t", "\r")
NAMES = HOSTILE[::-1]


def toml(value: Any) -> str:
    """A value as TOML."""
    if isinstance(value, dict):
        return "{ " + ", ".join(f"{json.dumps(k, ensure_ascii=False)} = {toml(v)}" for k, v in value.items()) + " }"
    if isinstance(value, list):
        return "[" + ", ".join(map(toml, value)) + "]"
    return json.dumps(value, ensure_ascii=False)


def table(file: Path, rows: list[list[Any]]) -> None:
    with file.open("w", newline="", encoding="utf-8") as out:
        csv.writer(out, lineterminator="\n").writerows(rows)


def files(folder: Path, rules: list[dict[str, Any]]) -> Path:
    """A policy, its regions in two rounds, its history, events and official figures, all with hostile names."""
    numbers = [(100 + 37 * k, 10 + k) for k in range(len(HOSTILE))]
    rows = [
        [year, one, name, one, people + (year - 2022) * k, need]
        for year in (2022, 2023)
        for k, (one, name, (people, need)) in enumerate(zip(HOSTILE, NAMES, numbers, strict=True))
    ]
    table(folder / "regions.csv", [["year", "id", "name", "state", "people", "need"], *rows])
    past = [["2022", one, "fund", 1000 + k, 990 + 2 * k] for k, one in enumerate(HOSTILE)]
    table(folder / "history.csv", [["round", "region_id", "resource", "entitlement", "amount"], *past])
    events = [[HOSTILE[0], 50, "", HOSTILE[4]], [HOSTILE[3], "", 20, HOSTILE[1]]]
    table(folder / "events.csv", [["region_id", "need", "returned", "reason"], *events])
    table(folder / "official.csv", [["region_id", "amount"], *([one, 1000 + k] for k, one in enumerate(HOSTILE))])
    entries = {
        "format": 1,
        "fund": {"title": HOSTILE[4], "round": "2023", "reference": HOSTILE[1]},
        "regions": {
            "file": "regions.csv",
            "id": "id",
            "name": "name",
            "round": "year",
            "groups": ["state"],
            "population": "people",
        },
        "history": {"file": "history.csv"},
        "resources": {
            "fund": {
                "supply": 20_000,
                "unit": HOSTILE[3],
                "lot": 1,
                "reserve": 0.05,
                "criteria": [{"name": HOSTILE[4], "weight": 1, "measure": "people * need", "why": HOSTILE[2]}],
            }
        },
        "rules": rules,
    }
    text = "\n".join(f"{key} = {toml(value)}" for key, value in entries.items())
    (folder / "policy.toml").write_text(text, encoding="utf-8")
    return folder


RULES = [
    {"kind": "limit", "name": HOSTILE[4], "of": "previous", "floor": 0.2, "why": HOSTILE[3]},
    {"kind": "limit", "name": HOSTILE[2], "of": "share", "floor": 0.02},
    {"kind": "limit", "name": HOSTILE[0], "each": "state", "of": "share", "floor": 0.05, "mode": "watch"},
]


@pytest.fixture(scope="module")
def place(tmp_path_factory) -> Path:
    folder = files(tmp_path_factory.mktemp("hostile"), RULES)
    assert run(["allocate", str(folder), "-o", str(folder / "out"), "--quiet", "--format", "html,xlsx,md"]) == 0
    return folder


def said(capsys: pytest.CaptureFixture[str], *arguments: object, end: int = 0) -> str:
    """What a command prints; nothing of it acts."""
    capsys.readouterr()
    assert run(list(map(str, arguments))) == end
    told = capsys.readouterr()
    both = told.out + told.err
    assert not ACTS.search(both), both
    assert "Traceback" not in both
    return both


def test_commands_that_look(place, capsys):
    out = place / "out"
    assert "[/red] **bold** _it_ `code`" in said(capsys, "check", place)
    assert "abc[U+202E]def" in said(capsys, "allocate", place, "-o", place / "again")
    for one, name in zip(HOSTILE, NAMES, strict=True):
        told = said(capsys, "explain", out, "--", one)
        assert name.replace("\u202e", "[U+202E]").splitlines()[0] in told
    assert "no difference" in said(capsys, "audit", place, out / "allocation.csv")
    assert "verified" in said(capsys, "verify", out)
    said(capsys, "allocate", place, "--round", "2022", "-o", place / "before")
    assert "abc[U+202E]def" in said(capsys, "explain", out, HOSTILE[4], "--since", place / "before")


def test_json_on_standard_output_is_read_back_as_it_was(place, capsys):
    told = said(capsys, "allocate", place, "-o", place / "again", "--json")
    head = json.JSONDecoder().raw_decode(told)[0]
    assert head["title"] == HOSTILE[4] and [r["name"] for r in head["rules"]] == [r["name"] for r in RULES]


def test_compare_and_plan(place, capsys, tmp_path):
    (place / "draft.toml").write_text((place / "policy.toml").read_text(encoding="utf-8").replace("0.02", "0.03"))
    page = ("--format", "html")
    told = said(capsys, "compare", place / "policy.toml", place / "draft.toml", "-o", tmp_path / "compared", *page)
    assert "abc[U+202E]def" in told
    said(capsys, "compare", place / "out", "--against", place / "official.csv", "-o", tmp_path / "deviations", *page)
    said(capsys, "compare", place, "--draws", 3, "-o", tmp_path / "shaken", *page)
    for file in tmp_path.glob("*/*.html"):
        text = file.read_text(encoding="utf-8")
        assert "<script" not in text and "<img" not in text and "\u202e" not in text, file
        assert "&lt;script&gt;alert(1)&lt;/script&gt;" in text, file
    said(capsys, "plan", place, "--rounds", 2, "-o", tmp_path / "plan")
    for folder in ("compared", "deviations", "shaken", "plan"):
        no_formulas(tmp_path / folder)


def test_monitor_and_amend(place, capsys, tmp_path):
    said(capsys, "monitor", place, "-o", tmp_path / "monitor")
    told = said(capsys, "amend", place / "out", "--events", place / "events.csv", "-o", tmp_path / "amended")
    assert "abc[U+202E]def" in told
    assert "verified" in said(capsys, "verify", tmp_path / "amended")
    for folder in ("monitor", "amended"):
        no_formulas(tmp_path / folder)


def test_the_ledger_and_its_exchange(place, capsys, tmp_path):
    ledger = ("--ledger", tmp_path / "ledger.sqlite")
    said(capsys, "rounds", "--import", place / "history.csv", "--reason", HOSTILE[3], *ledger)
    said(capsys, "record", place / "out", "--reason", HOSTILE[4], "--by", HOSTILE[0], *ledger)
    said(capsys, "approve", "2023", "--reason", HOSTILE[0], "--by", HOSTILE[4], *ledger)
    assert "abc[U+202E]def" in said(capsys, "rounds", *ledger)
    stood = json.JSONDecoder().raw_decode(said(capsys, "rounds", "--json", *ledger))[0]
    assert HOSTILE[4] in json.dumps(stood, ensure_ascii=False)
    said(capsys, "rounds", "--export", tmp_path / "all.jsonl", *ledger)
    said(capsys, "rounds", "--import", tmp_path / "all.jsonl", "--ledger", tmp_path / "other.sqlite")
    said(capsys, "rounds", "--export", tmp_path / "past.csv", *ledger)
    said(capsys, "rounds", "--import", tmp_path / "past.csv", "--ledger", tmp_path / "third.sqlite")
    said(capsys, "rounds", "--restore", "2023", "-o", tmp_path / "back", *ledger)
    for file in sorted((place / "out").iterdir()):
        assert (tmp_path / "back" / file.name).read_bytes() == file.read_bytes()


def test_errors_quote_what_they_name(place, capsys, tmp_path):
    table(tmp_path / "events.csv", [["region_id", "need", "reason"], *([f"{one}?", 1, "x"] for one in HOSTILE)])
    told = said(capsys, "amend", place / "out", "--events", tmp_path / "events.csv", "-o", tmp_path / "x", end=3)
    assert len(re.findall("is no region of this round", told)) == len(HOSTILE)
    said(capsys, "explain", place / "out", HOSTILE[4] + "?", end=3)
    said(capsys, "check", place, "--set", f"fund.{HOSTILE[4]}=1", end=3)
    said(capsys, "check", tmp_path / "\x1b[2J", end=3)
    clash = files(tmp_path, [*RULES, {"kind": "limit", "name": HOSTILE[3], "of": "amount", "cap": 1}])
    told = said(capsys, "allocate", clash, "-o", tmp_path / "clash", end=4)
    assert "[/red] **bold** _it_ `code`" in told


def no_formulas(folder: Path) -> None:
    """No cell of words of a CSV file begins as a formula does, and none holds NUL."""
    for file in folder.glob("*.csv"):
        text = file.read_text(encoding="utf-8")
        assert "\0" not in text
        for row in csv.reader(io.StringIO(text, newline="")):
            for cell in row:
                assert not cell.startswith(FORMULA) or re.fullmatch(r"[+-][\d.]+(e[+-]?\d+)?", cell), (file, cell)


def test_the_files_of_a_round_hold_every_name_as_it_was(place):
    no_formulas(place / "out")
    rows = read_rows(place / "out", "allocation.csv")
    assert sorted(row["region_id"] for row in rows) == sorted(HOSTILE)
    assert {row["region_id"]: row["region_name"] for row in rows} == dict(zip(HOSTILE, NAMES, strict=True))


def test_nothing_that_is_said_acts(capsys):
    bad = "a\x1b[31mb\u202ec\rd\x9be\u2028f\ud800g\u200ch"
    put(bad)
    told = capsys.readouterr().out
    assert told == "a[U+001B][31mb[U+202E]c d[U+009B]e[U+2028]f[U+D800]g\u200ch\n" == plain(bad).plain + "\n"
    put_json({"x": bad[:-4] + "\u2066"})
    told = capsys.readouterr().out
    assert not ACTS.search(told) and json.loads(told)["x"] == bad[:-4] + "\u2066"
