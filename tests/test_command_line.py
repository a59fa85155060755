"""The command line: exit codes, words for every fault, nothing written where something is wrong."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from fundalloc.cli.app import HOMES, run

POLICY = """
format = 1
[fund]
title = "Small fund"
round = "2023"
[regions]
file = "regions.csv"
id = "id"
name = "name"
round = "year"
groups = ["state"]
population = "people"
[measures]
gdp_head = "gdp / people"
[resources.fund]
supply = 1000
unit = "EUR"
lot = 0.01
criteria = [
  { name = "people", weight = 60, measure = "people" },
  { name = "need", weight = 40, measure = "need" },
]
"""
REGIONS = """id,name,state,year,people,gdp,need
A,Astadt,North,2023,100,2500,3
B,Bestadt,North,2023,200,4500,5
C,Cestadt,South,2023,300,6500,0.5
"""
FLOOR = '[[rules]]\nkind = "limit"\nname = "floor"\nof = "head"\nfloor = 1.2\n'


@pytest.fixture
def fund(tmp_path):
    """Writes a fund into a folder and returns the folder."""

    def write(policy: str = POLICY + FLOOR, regions: str | bytes = REGIONS, **more: str) -> Path:
        (tmp_path / "policy.toml").write_text(policy, encoding="utf-8")
        content = regions if isinstance(regions, bytes) else regions.encode()
        (tmp_path / "regions.csv").write_bytes(content)
        for name, text in more.items():
            (tmp_path / f"{name}.csv").write_text(text, encoding="utf-8")
        return tmp_path

    return write


def allocate(folder: Path, *options: str) -> int:
    return run(["allocate", str(folder), "-o", str(folder / "out"), *options])


def rule(name: str, **fields: object) -> str:
    lines = [f"{key} = {json.dumps(value)}" for key, value in {"kind": "limit", "name": name, **fields}.items()]
    return "[[rules]]\n" + "\n".join(lines) + "\n"


def test_allocate_writes_the_files_and_says_where(fund, capsys):
    folder = fund()
    assert allocate(folder) == 0
    shown = capsys.readouterr()
    assert sorted(p.name for p in (folder / "out").iterdir()) == [
        "allocation.csv",
        "certificate.json",
        "flags.csv",
        "rules.csv",
        "steps.csv",
        "summary.json",
    ]
    assert "Astadt" in shown.out and "fundalloc explain" in shown.err


CELLS = {
    "NaN": ("B,Bestadt,North,2023,nan,4500,5", ["line 3", "column people", "'nan'", "not a finite number"]),
    "infinite": ("B,Bestadt,North,2023,inf,4500,5", ["line 3", "column people", "'inf'", "not a finite number"]),
    "too large": ("B,Bestadt,North,2023,1e999,4500,5", ["line 3", "column people", "not a finite number"]),
    "negative population": ("B,Bestadt,North,2023,-200,4500,5", ["line 3", "column people", "below 0"]),
    "text": ("B,Bestadt,North,2023,many,4500,5", ["line 3", "column people", "'many'", "no number"]),
    "decimal comma": ('B,Bestadt,North,2023,"12.000,5",4500,5', ["line 3", "'12.000,5'", 'decimal = ","']),
    "duplicate id": ("A,Again,North,2023,200,4500,5", ["line 3", "column id", "'A'", "line 2"]),
    "duplicate id after trimming": (" A ,Again,North,2023,200,4500,5", ["line 3", "'A'", "line 2"]),
    "empty cell": ("B,Bestadt,North,2023,200,4500,", ["line 3", "column need", "empty", "last_round"]),
    "empty id": (",Bestadt,North,2023,200,4500,5", ["line 3", "column id", "no id"]),
    "empty group": ("B,Bestadt,,2023,200,4500,5", ["line 3", "column state", "group is empty"]),
    "negative need": ("B,Bestadt,North,2023,200,4500,-5", ["need", "B (Bestadt)", "-5", "maximum(0, need)"]),
    "cells missing": ("B,Bestadt,North,2023,200", ["line 3", "5 cells", "7 columns"]),
}


@pytest.mark.parametrize("name", CELLS)
def test_a_faulty_row_is_exit_3_with_place_and_remedy(fund, capsys, name):
    row, words = CELLS[name]
    folder = fund(regions=REGIONS.replace("B,Bestadt,North,2023,200,4500,5", row))
    assert allocate(folder) == 3
    shown = capsys.readouterr()
    assert shown.out == ""
    assert not (folder / "out").exists()
    assert "1 fault found, nothing was written" in shown.err
    assert all(word in shown.err for word in words), shown.err
    assert name == "negative need" or "regions.csv" in shown.err


def test_ids_that_unicode_writes_in_two_ways_are_the_same(fund, capsys):
    regions = REGIONS.replace("A,Astadt", "Z\u00fcrich,Astadt").replace("B,Bestadt", "Zu\u0308rich,Bestadt")
    assert allocate(fund(regions=regions)) == 3
    assert "line 3, column id: 'Zürich': stands already in line 2." in capsys.readouterr().err


FILES = {
    "empty": ("", "is empty"),
    "header only": ("id,name,state,year,people,gdp,need\n", "has no rows"),
    "missing column": (REGIONS.replace("need", "nead"), '"need" is not known. Did you mean nead'),
    "missing id column": (REGIONS.replace("id,", "code,", 1), "the file has no such column"),
    "all needs zero": (re.sub(r",[\d.]+\n", ",0\n", REGIONS), "adds up to 0 over all regions"),
    "other round": (REGIONS.replace("2023", "2022"), "the file has no row of this round; it has 2022."),
    "no text file": (b"PK\x03\x04\0\0\0\xff", "byte 0xff is not utf-8 text"),
    "other encoding": (REGIONS.replace("Astadt", "Zürich").encode("cp1252"), "--encoding"),
}


@pytest.mark.parametrize("name", FILES)
def test_a_faulty_file_is_exit_3(fund, capsys, name):
    content, words = FILES[name]
    folder = fund(regions=content)
    assert allocate(folder) == 3
    assert words in capsys.readouterr().err
    assert not (folder / "out").exists()


POLICIES = {
    "unknown key": (POLICY.replace("supply =", "suply ="), ["resources.fund.suply", "not a key", "supply"]),
    "unknown section": (POLICY + "[resorces]\nx = 1\n", ["resorces", "Did you mean resources"]),
    "weights of 0": (POLICY.replace("weight = 60", "weight = 0").replace("= 40", "= 0"), ["weights are all 0"]),
    "weights do not add up": (POLICY.replace("weight = 60", "weight = 50"), ["add up to 90", "1 or to 100"]),
    "unknown group value": (
        POLICY + rule("south", where='state == "Sout"', of="head", cap=9),
        ['no region has state "Sout"', "Did you mean South"],
    ),
    "unknown group column": (POLICY + rule("x", each="province", of="head", cap=9), ["province", "state"]),
    "unknown name": (POLICY + rule("x", of="gdp_haed", cap=9), ['"gdp_haed" is not known. Did you mean gdp_head']),
    "floor above cap": (POLICY + rule("x", floor=9, cap=8), ["floor 9 is above cap 8"]),
    "neither floor nor cap": (POLICY + rule("x"), ["neither a floor nor a cap"]),
    "rule twice": (POLICY + FLOOR + FLOOR, ["'floor'", "stands 2 times"]),
    "no TOML": (POLICY + "[[rules]\n", ["not valid TOML", "line 2"]),
    "attribute": (POLICY.replace('"gdp / people"', '"gdp.real / people"'), ["measures.gdp_head", "a dot behind"]),
    "import": (POLICY.replace('"gdp / people"', "\"__import__('os')\""), ["measures.gdp_head", "__import__"]),
    "circle": (POLICY.replace('"gdp / people"', '"gdp_head + 1"'), ["defined by itself: gdp_head -> gdp_head"]),
    "half a rule": (POLICY + '[[rules]]\nkind = "link"\nname = "x"\n', ["rules.x.resource", "is missing"]),
    "or_nothing": (POLICY + rule("x", cap=2, or_nothing=True), ["or_nothing is about a floor alone"]),
    "no history": (POLICY + rule("x", of="previous", floor=0.9), ["there is no history", "rules.x.of"]),
    "no regions file": (POLICY.replace("regions.csv", "region.csv"), ["region.csv", "no such file"]),
    "no resource": (POLICY[: POLICY.index("[resources")], ["resources", "missing"]),
    "negative supply": (POLICY.replace("supply = 1000", "supply = -1"), ["supply cannot be below 0"]),
    "supply per region": (POLICY.replace("supply = 1000", 'supply = "gdp"'), ['"sum(gdp)"']),
    "format": (POLICY.replace("format = 1", "format = 2"), ["format", "'2'"]),
    "number as text": (POLICY.replace("weight = 60", 'weight = "sixty"'), ["criteria.people.weight", "sixty"]),
}


@pytest.mark.parametrize("name", POLICIES)
@pytest.mark.parametrize("command", ["allocate", "check"])
def test_a_faulty_policy_is_exit_3_with_key_and_remedy(fund, capsys, name, command):
    text, words = POLICIES[name]
    folder = fund(policy=text)
    assert (allocate(folder) if command == "allocate" else run(["check", str(folder)])) == 3
    shown = capsys.readouterr()
    assert all(word in shown.err for word in words), shown.err
    assert shown.out == ""
    assert not (folder / "out").exists()


def test_all_faults_come_at_once(fund, capsys):
    regions = REGIONS.replace("200,4500,5", "x,4500,y").replace("300,6500", "-3,z")
    assert allocate(fund(regions=regions)) == 3
    shown = capsys.readouterr().err
    assert "line 3, column people: 'x'" in shown
    policy = (
        POLICY.replace("weight = 60", "weight = 50") + rule("a", each="land", cap=1) + rule("b", resource="c", cap=1)
    )
    assert allocate(fund(policy=policy)) == 3
    shown = capsys.readouterr().err
    assert "3 faults found" in shown
    assert all(word in shown for word in ("add up to 90", "rules.a.each", "rules.b.resource"))


def test_faults_of_schema_expressions_and_data_come_together(fund, capsys):
    policy = (
        POLICY.replace("lot = 0.01", "lots = 0.01")
        .replace("weight = 40", "weight = -40")
        .replace('"gdp / people"', '"gdp.real"')
    )
    assert allocate(fund(policy=policy + rule("a") + rule("b", of="bogus", floor=1))) == 3
    shown = capsys.readouterr().err
    for word in ("fund.lots", "neither a floor nor a cap", "criteria.need.weight: '-40'", "add up to 20"):
        assert word in shown, shown
    policy = POLICY.replace('"gdp / people"', '"gdp.real"') + rule("b", of="bogus", floor=1)
    regions = REGIONS.replace("B,Bestadt", "A,Bestadt").replace("6500,0.5", "6500,NaN")
    assert allocate(fund(policy=policy, regions=regions)) == 3
    shown = capsys.readouterr().err
    for word in ("a dot behind", "stands already in line 2"):
        assert word in shown, shown
    assert allocate(fund(policy=policy, regions=REGIONS.replace("6500,0.5", "6500,NaN"))) == 3
    shown = capsys.readouterr().err
    for word in ("a dot behind", '"bogus" is not known', "column need: 'NaN'"):
        assert word in shown, shown


SAID_ONCE = {
    "supply": (
        POLICY.replace("supply = 1000", "supply = inf"),
        "a finite number, a text in quotes or a table",
    ),
    "weight": (POLICY.replace("weight = 40", "weight = nan"), "should be a finite number or a table of rounds"),
    "missing": (
        POLICY.replace('id = "id"', 'id = "id"\nmissing = { gdp = "mean" }'),
        "'group_median', or a number",
    ),
    "keyword": (POLICY.replace('"gdp / people"', '"class / people"'), 'columns = { class_ = "class" }'),
    "too large": (POLICY.replace('"need" },', '"need * 1e154 * 2.2e153" },'), "its sum over the regions is no number"),
    "open shares": (
        POLICY.replace("supply = 1000", 'supply = "open"').replace("weight = ", "rate = ")
        + rule("r", of="share", cap=1),
        "an open supply has no shares",
    ),
}


@pytest.mark.parametrize("name", SAID_ONCE)
def test_one_entry_has_one_fault_that_says_what_would_do(fund, capsys, name):
    text, words = SAID_ONCE[name]
    assert allocate(fund(policy=text)) == 3
    shown = capsys.readouterr().err
    assert words in shown, shown
    assert shown.startswith("fundalloc: 1 fault found"), shown


@pytest.mark.parametrize(
    "text", [POLICY.replace("supply = 1000", "supply = 0") + FLOOR, POLICY.replace('"need" },', '"1 / 0 * need" },')]
)
def test_no_bare_warning_of_the_arithmetic_reaches_the_user(fund, text):
    folder = fund(policy=text)
    command = [sys.executable, "-m", "fundalloc", "allocate", str(folder), "-o", str(folder / "out")]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode in (3, 4) and "Warning" not in done.stderr


def test_ids_that_look_alike_are_a_fault(fund, capsys):
    for twin in ("A\u200b", "\uff21"):
        assert allocate(fund(regions=REGIONS + f"{twin},Astadt,North,2023,1,1,1\n")) == 3
        assert "line 5, column id" in (shown := capsys.readouterr().err) and "looks the same" in shown


def test_an_empty_cell_that_nothing_can_fill_is_said(fund, capsys):
    policy = POLICY.replace('id = "id"', 'id = "id"\nmissing = { need = "last_round" }')
    assert allocate(fund(policy=policy, regions=REGIONS.replace("6500,0.5", "6500,"))) == 3
    assert "nothing in the file could be used instead" in capsys.readouterr().err


CONFLICTS = {
    "one rule": (rule("floor", of="head", floor=2), ["floor"]),
    "caps below the supply": (rule("cap", of="share", cap=0.3), ["cap"]),
    "two rules": (
        rule("north at most", each="all", where='state == "North"', of="share", cap=0.3)
        + rule("floor", of="head", floor=1.6),
        ["north at most", "floor"],
    ),
    "three rules": (
        rule("A at least", where='id == "A"', of="share", floor=0.3)
        + rule("B at least", where='id == "B"', of="share", floor=0.4)
        + rule("people", of="head", floor=0.5)
        + rule("C at least", where='id == "C"', of="share", floor=0.4),
        ["A at least", "B at least", "C at least"],
    ),
}


@pytest.mark.parametrize("name", CONFLICTS)
def test_a_conflict_is_exit_4_and_names_a_smallest_set(fund, capsys, name):
    rules, clash = CONFLICTS[name]
    folder = fund(policy=POLICY + rules)
    assert allocate(folder) == 4
    shown = capsys.readouterr().err
    first = shown.splitlines()[1]
    assert re.findall(r'"([^"]+)"', first) == clash
    assert "EUR" in shown and "Any one of these would do" in shown
    assert not (folder / "out").exists()


def test_what_is_no_fault_ends_with_0_and_a_named_warning(fund, capsys):
    for change, code in (
        ({"regions": "\n".join(REGIONS.splitlines()[:2])}, "one_region"),
        ({"policy": POLICY.replace("supply = 1000", "supply = 0")}, "supply_zero"),
        ({"policy": POLICY, "regions": re.sub(r",[\d.]+\n", ",2\n", REGIONS)}, "no_difference"),
    ):
        folder = fund(**change)
        assert allocate(folder) == 0
        assert "warning:" in capsys.readouterr().err
        assert code in (folder / "out" / "flags.csv").read_text(encoding="utf-8")
        amounts = [line.split(",") for line in (folder / "out" / "allocation.csv").read_text().splitlines()[1:]]
        assert sum(float(a[7]) for a in amounts) == (0 if code == "supply_zero" else 1000)


def test_json_is_the_summary_and_nothing_else(fund, capsys):
    folder = fund()
    assert allocate(folder, "--json") == 0
    printed = json.loads(capsys.readouterr().out)
    written = json.loads((folder / "out" / "summary.json").read_text(encoding="utf-8"))
    assert set(printed) - set(written) == {"seconds"} and set(written) - set(printed) == {"files"}
    assert printed["resources"]["fund"]["amounts"] == "1000.00"
    assert {"build", "solve", "polish", "total"} <= set(printed["seconds"])


def test_quiet_prints_nothing(fund, capsys):
    assert allocate(fund(), "--quiet") == 0
    assert capsys.readouterr() == ("", "")


def test_strict_is_exit_10_only_with_flags(fund, capsys):
    assert allocate(fund(), "--strict") == 0
    folder = fund(policy=POLICY + rule("watched", of="head", cap=1.0, mode="watch"))
    assert allocate(folder, "--strict") == 10
    assert (folder / "out" / "summary.json").exists()
    assert 'Rule "watched"' in capsys.readouterr().err


def test_set_puts_values_over_the_policy(fund, capsys):
    folder = fund()
    options = ["--set", "resources.fund.criteria.need.weight=0", "--set", "resources.fund.criteria.people.weight=1"]
    assert allocate(folder, *options, "--set", "rules.floor.floor=1.5", "--json") == 0
    shown = json.loads(capsys.readouterr().out)
    assert shown["settings"] == [*options[1::2], "rules.floor.floor=1.5"]
    rows = (folder / "out" / "allocation.csv").read_text().splitlines()[1:]
    assert [r.split(",")[7] for r in rows] == ["166.67", "333.33", "500.00"]
    assert allocate(folder, "--set", "resources.fund.criteria.ned.weight=1") == 3
    assert "Did you mean need" in capsys.readouterr().err
    assert allocate(folder, "--set", "nonsense") == 3
    assert "KEY=VALUE" in capsys.readouterr().err


def test_regions_history_and_round_options(fund, capsys):
    past = (
        "round,region_id,resource,entitlement,amount\n2023,A,fund,200,180\n2023,B,fund,300,320\n2023,C,fund,500,500\n"
    )
    later = REGIONS.replace("2023", "2024")
    folder = fund(policy=POLICY + rule("pace", of="previous", floor=0.95), other=later, past=past)
    options = ["--regions", str(folder / "other.csv"), "--history", str(folder / "past.csv"), "--round", "2024"]
    assert allocate(folder, *options) == 0
    assert "pace" in (folder / "out" / "allocation.csv").read_text()
    capsys.readouterr()


def test_explain_says_every_step(fund, capsys):
    folder = fund()
    allocate(folder)
    capsys.readouterr()
    for region in ("C", "Cestadt", "cestadt"):
        assert run(["explain", str(folder / "out"), region]) == 0
        shown = capsys.readouterr().out
        assert "Cestadt (C) gets 360.00 EUR of fund in 2023." in shown
        assert "equal share per head" in shown and "rule: floor" in shown
        steps = [float(x.replace(",", "")) for x in re.findall(r"  ([+-][\d,]+\.\d\d)(?:  |\n)", shown)]
        assert round(sum(steps), 2) == 360.00
    assert run(["explain", str(folder / "out"), "Cestad"]) == 3
    assert "Did you mean Cestadt" in capsys.readouterr().err
    assert run(["explain", str(folder / "nowhere"), "C"]) == 3
    assert "is no folder that fundalloc allocate wrote" in capsys.readouterr().err


def test_audit_accepts_its_own_amounts_and_finds_a_cent(fund, capsys):
    folder = fund()
    allocate(folder)
    amounts = folder / "out" / "allocation.csv"
    assert run(["audit", str(folder), str(amounts)]) == 0
    assert "no difference" in capsys.readouterr().out
    hurt = folder / "hurt.csv"
    hurt.write_text("region_id,amount\nA,200\nB,440.01\nC,359.99\n", encoding="utf-8")
    assert run(["audit", str(folder), str(hurt)]) == 6
    assert 'Rule "floor" on fund: Cestadt (C) gets 359.99 EUR, less than' in capsys.readouterr().out
    assert run(["audit", str(folder), str(hurt), "--json"]) == 6
    assert [f["place"] for f in json.loads(capsys.readouterr().out)] == ["C"]
    hurt.write_text("region_id,amount\nA,200\nB,x\nD,3\n", encoding="utf-8")
    assert run(["audit", str(folder), str(hurt)]) == 3
    shown = capsys.readouterr().err
    assert all(word in shown for word in ["'x'", "'D'", "'C'"])


def test_check_prints_the_policy_in_plain_words(fund, capsys):
    assert run(["check", str(fund())]) == 0
    shown = capsys.readouterr()
    assert "60.00 %  people = people" in shown.out
    assert "each region gets at least 1.2 EUR a head" in shown.out
    assert "in money, fund: floors from 120.00 to 360.00 EUR (3 places)" in shown.out
    assert "3 rows, columns separated by comma" in shown.out
    assert "No faults." in shown.err
    semicolons = REGIONS.replace(",", ";")
    assert run(["check", str(fund(regions=semicolons))]) == 0
    assert "separated by semicolon" in capsys.readouterr().out


def test_check_and_audit_know_json_quiet_and_strict(fund, capsys):
    folder = fund(regions=REGIONS.splitlines(keepends=True)[0] + "A,Astadt,North,2023,100,2500,3\n", policy=POLICY)
    assert run(["check", str(folder), "--json"]) == 0
    content = json.loads(capsys.readouterr().out)
    assert any("Resource fund" in line for line in content["words"])
    assert "one_region" in [f["code"] for f in content["flags"] if f["severity"] == "warning"]
    assert run(["check", str(folder), "--quiet"]) == 0
    assert capsys.readouterr() == ("", "")
    assert run(["check", str(folder), "--strict", "--quiet"]) == 10
    folder = fund(policy=POLICY + rule("few", of="share", cap=0.1, mode="watch"))
    assert allocate(folder, "--quiet") == 0
    amounts = str(folder / "out" / "allocation.csv")
    capsys.readouterr()
    assert run(["audit", str(folder), amounts, "--quiet"]) == 0
    assert capsys.readouterr().out == ""
    assert run(["audit", str(folder), amounts, "--strict"]) == 10


def test_check_warns_where_a_mean_counts_regions_and_not_people(fund, capsys):
    rules = rule("poor", where="gdp_head < mean(gdp_head)", of="head", floor=1)
    assert run(["check", str(fund(policy=POLICY + rules))]) == 0
    assert "weighted_mean(x, population)" in capsys.readouterr().err
    rules = rule("poor", where="gdp_head < weighted_mean(gdp_head, people)", of="head", floor=1)
    assert run(["check", str(fund(policy=POLICY + rules))]) == 0
    assert "weighted_mean(x, population)" not in capsys.readouterr().err


def test_new_writes_a_policy_that_works_and_never_over_files(tmp_path, capsys):
    folder = tmp_path / "mine"
    assert run(["new", str(folder), "--from", "pakistan_nfc7_2010"]) == 0
    assert run(["check", str(folder)]) == 0
    assert run(["allocate", str(folder), "-o", str(tmp_path / "out")]) == 0
    capsys.readouterr()
    assert run(["new", str(folder)]) == 3
    assert "nothing was changed" in capsys.readouterr().err
    assert run(["new", str(tmp_path / "b"), "--from", "pakistn"]) == 3
    assert "Did you mean pakistan" in capsys.readouterr().err


def test_schema_is_the_json_schema_of_the_policy(capsys):
    assert run(["schema"]) == 0
    schema = json.loads(capsys.readouterr().out)
    assert set(schema["properties"]) == {
        "format",
        "fund",
        "regions",
        "history",
        "measures",
        "indices",
        "resources",
        "monitor",
        "objective",
        "rules",
        "plan",
        "notices",
        "translations",
        "uncertainty",
    }
    assert {"from", "until", "floor"} <= set(schema["$defs"]["Limit"]["properties"])


def test_models_lists_what_is_shipped(capsys):
    assert run(["models"]) == 0
    shown = capsys.readouterr().out
    assert all(name in shown for name in ("yrd:", "pakistan_nfc7_2010:", "4 of 4 within tolerance"))


def test_wrong_usage_is_exit_2(capsys):
    for arguments in (["allocate"], ["allocat"], ["allocate", "x", "--no-such-option"], []):
        assert run(arguments) == 2, arguments
    assert "Usage" in capsys.readouterr().err


def test_interruption_is_exit_130_and_a_bug_is_exit_1(fund, monkeypatch, capsys):
    folder = fund()

    def stop(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    def fail(*_: object, **__: object) -> None:
        raise ZeroDivisionError("oops")

    monkeypatch.setattr("fundalloc.loading.load", stop)
    assert allocate(folder) == 130
    monkeypatch.setattr("fundalloc.loading.load", fail)
    assert allocate(folder) == 1
    shown = capsys.readouterr().err
    assert "oops" in shown and "this is a bug in fundalloc" in shown


def test_a_solver_that_lies_is_exit_5_and_nothing_is_written(fund, monkeypatch, capsys):
    folder = fund()
    import fundalloc.decision as decision

    def lie(model):
        for answer in solve(model):
            yield type(answer)(answer.amounts * 1.01, "Optimal")

    solve = decision.solve
    monkeypatch.setattr(decision, "solve", lie)
    assert allocate(folder) == 5
    shown = capsys.readouterr().err
    assert "nothing was written" in shown and "What often helps" in shown
    assert not (folder / "out").exists()


def test_an_output_folder_of_somebody_else_is_left_alone(fund, capsys):
    folder = fund()
    out = folder / "out"
    out.mkdir()
    (out / "letter.txt").write_text("mine")
    assert allocate(folder) == 3
    assert "holds files that fundalloc did not write" in capsys.readouterr().err
    assert [p.name for p in out.iterdir()] == ["letter.txt"]
    (out / "letter.txt").unlink()
    assert allocate(folder) == 0
    (out / "letter.txt").write_text("mine")
    assert allocate(folder, "--set", "resources.fund.supply=2000") == 0
    assert (out / "letter.txt").read_text() == "mine"
    assert json.loads((out / "summary.json").read_text())["resources"]["fund"]["amounts"] == "2000.00"


def test_same_input_same_bytes(fund):
    folder = fund()
    allocate(folder, "--quiet")
    first = {p.name: p.read_bytes() for p in (folder / "out").iterdir()}
    allocate(folder, "--quiet")
    assert first == {p.name: p.read_bytes() for p in (folder / "out").iterdir()}


def test_same_bytes_whatever_the_seed_of_hashes(tmp_path):
    found = []
    for seed in ("1", "2"):
        out = tmp_path / seed
        command = [sys.executable, "-m", "fundalloc", "demo", "-o", str(out)]
        subprocess.run(command, env={**os.environ, "PYTHONHASHSEED": seed}, capture_output=True, check=True)
        found.append({p.name: p.read_bytes() for p in sorted(out.iterdir())})
    assert found[0] == found[1]


def test_text_that_a_spreadsheet_would_run_stays_text_and_comes_back(fund, capsys):
    regions = REGIONS.replace("A,Astadt", "=A,@Astadt").replace("B,Bestadt", "-B,+Bestadt")
    folder = fund(regions=regions)
    assert allocate(folder) == 0
    text = (folder / "out" / "allocation.csv").read_text(encoding="utf-8")
    assert "'=A,'@Astadt" in text and "'-B,'+Bestadt" in text
    assert run(["audit", str(folder), str(folder / "out" / "allocation.csv")]) == 0
    capsys.readouterr()
    assert run(["explain", str(folder / "out"), "=A"]) == 0
    assert capsys.readouterr().out.startswith("@Astadt (=A) gets")


def test_the_readme_names_every_command_and_every_exit_code():
    readme = (Path(__file__).parent.parent / "README.md").read_text(encoding="utf-8")
    for command in HOMES:
        assert re.search(rf"fundalloc {command}\b", readme), command
    for code in (0, 1, 2, 3, 4, 5, 6, 10, 130):
        assert re.search(rf"\b{code}\b", readme[readme.index("Exit codes") :])


def test_the_launcher_of_a_checkout():
    done = subprocess.run(
        [sys.executable, "cli.py", "--version"],
        cwd=Path(__file__).parent.parent,
        capture_output=True,
        text=True,
        check=True,
    )
    assert re.fullmatch(r"fundalloc \d+\.\d+\.\d+\n", done.stdout)
