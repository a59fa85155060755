"""Files that are made to do harm: refused in words, quickly, with little memory; and nothing is written outside OUT."""

from __future__ import annotations

import hashlib
import io
import json
import os
import shutil
import zipfile
from pathlib import Path

import pytest

from fundalloc import Fund, InputError, amend, load, spreadsheets
from fundalloc.blame import as_decided
from fundalloc.ceilings import CELL, COLUMNS, DEPTH, POLICY, TABLE
from fundalloc.cli.app import run
from fundalloc.expressions import Expression
from fundalloc.files import parse_table, read_table
from fundalloc.intake import UnreadableError, contents, json_of
from fundalloc.ledger.exchange import imported
from fundalloc.policy import check_policy, policy_of
from fundalloc.report.folder import read_summary
from fundalloc.sources import Source
from tests.readers import PLACE, around, folder, small, workbook

HEAD = '<worksheet xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"><sheetData>'
FOOT = "</sheetData></worksheet>"


@pytest.fixture(scope="module")
def out(tmp_path_factory) -> Path:
    place = tmp_path_factory.mktemp("round") / "out"
    place.mkdir()
    for name, content in folder().items():
        (place / name).write_bytes(content)
    return place


def policy(text: str = "", measure: str = "people", **more: str) -> str:
    """A policy with more text at its end."""
    return (
        f'format = 1\nfund = {{ title = "x", round = "2023" }}\nregions = {{ file = "{more.get("file", "r.csv")}", '
        'id = "id", population = "people" }\n[resources.fund]\nsupply = 100\nunit = "EUR"\n'
        f'criteria = [ {{ name = "a", weight = 1, measure = {json.dumps(measure)} }} ]\n{text}'
    )


def refused(call, *arguments, **options) -> str:
    with pytest.raises(InputError) as caught:
        call(*arguments, **options)
    return str(caught.value)


def of_policy(text: str | bytes) -> None:
    found = policy_of(text if isinstance(text, bytes) else text.encode(), "policy.toml")
    check_policy(found, "2023", True)


# policies


def test_a_policy_of_100_mb_is_refused_unread(tmp_path, capsys):
    file = tmp_path / "policy.toml"
    file.touch()
    os.truncate(file, 100_000_000)
    assert run(["check", str(file)]) == 3
    told = capsys.readouterr().err
    assert "100 MB; at most 5 MB are read" in told and "put data into the regions file" in told


@pytest.mark.parametrize(
    ("text", "says"),
    {
        "whole": ("x = " + "1" * 10**6, "thousands of digits"),
        "underscores": ("x = " + "1_" * 10**5 + "1", "thousands of digits"),
        "hexadecimal": ("x = 0x" + "f" * 10**6, "more than 308 digits"),
        "decimals": ("x = 0." + "1" * 10**6, "too long, too large or too small"),
        "power": ("x = 1e99999", "too long, too large or too small"),
        "power beyond all": ("x = 1e999999999999999999999", "beyond all bounds"),
        "small": ("x = 1e-999999999999999999999", "beyond all bounds"),
        "lists": ("x = " + "[" * 10**5, "too deeply"),
        "tables": ("x = " + "{a = " * 10**5, "too deeply"),
        "key": ("a." * 10**5 + "b = 1", f"more than {DEPTH} parts"),
        "header": ("[" + "a . 'b'." * 10**4 + "b]", f"more than {DEPTH} parts"),
        "depth": ("[x" + ".a" * (DEPTH - 1) + "]\ny = { a = { b = 1 } }", f"more than {DEPTH} tables deep"),
        "control": ('[[rules]]\nkind = "limit"\nname = "a\\u001b[2J"\nof = "head"\nfloor = 1', "U+001B"),
        "NUL": ('x = "\\u0000"', "U+0000"),
        "control in a key": ('"a\\u0007" = 1', "U+0007"),
        "half a character": (b"x = '\xed\xa0\x80'", "not UTF-8"),
        "not closed": ('x = """' + "a" * 10**6, "not valid TOML"),
    }.values(),
)
def test_no_policy_hangs_or_breaks_the_reader(text, says):
    head = policy()
    told = refused(of_policy, head.encode() + text if isinstance(text, bytes) else head + text)
    assert says in told and len(told) < 2000  # without the ceilings some of these take hours


def test_settings_are_read_like_a_policy(tmp_path, capsys):
    (tmp_path / "policy.toml").write_text(policy())
    (tmp_path / "r.csv").write_text("id,people\na,1\nb,2\n")
    for setting, says in (
        ("fund.title=" + "[" * 50_000, None),  # a text that begins with brackets
        ("x=1e999999", "is not a key"),
        ("a." * 5000 + "b=1", "tables deep"),
        ('"=1', "is no setting"),
        ("=1", "is no setting"),
        ("fund.title=\x1b[2J", "U+001B"),
        ("fund.title=\udcff", "U+DCFF"),
        ("resources.fund.supply=" + "9" * 5000, "longer than 2000 characters"),
        ("fund.title=a\nb = 1", None),
    ):
        assert run(["check", str(tmp_path), "--set", setting]) == (3 if says else 0), setting[:50]
        told = capsys.readouterr().err
        assert says is None or says in told


def test_a_setting_cannot_bring_in_other_keys():
    assert policy_of(policy().encode(), "p", ['fund.title=1\nx = "y"']).fund.title == '1\nx = "y"'


@pytest.mark.parametrize(
    "text",
    [
        "(" * 900 + "1" + ")" * 900,
        "-" * 1999 + "1",
        "not " * 400 + "1",
        "+".join("1" * 900),
        "9" * 1999,
        "'x' * 10**9",
        "people." * 200 + "x",
        "lag(" * 100 + "people" + ",1)" * 100,
        "x" * 2001,
        "a\0b",
        "\ud800",
        "__import__('os')",
        "(lambda: 1)()",
        "[1 for _ in people]",
    ],
)
def test_no_expression_breaks_the_reader(text):
    scope = small().problem.resources[0].scope
    assert refused(lambda: Expression(text.replace("people", "population"), "measures.x").evaluate(scope))


def test_powers_of_powers_are_only_infinite():
    assert "an infinite number" in refused(lambda: fund_of("10**10**10").problem)


def fund_of(measure: str, more: str = "", rounds: int = 1) -> Fund:
    rows = "".join(f"r{i},{y},{10 + i}\n" for y in range(2024 - rounds, 2024) for i in range(3))
    text = policy(more, measure).replace('id = "id"', 'id = "id", round = "year"')
    return Fund(
        policy_of(text.encode(), "policy.toml"),
        parse_table(Source("r.csv", ("id,year,people\n" + rows).encode()), "r.csv"),
    )


def test_measures_of_measures_of_measures_end():
    long = "[measures]\nm0 = 'people'\n" + "".join(f"m{k} = 'm{k - 1} + 0'\n" for k in range(1, 2000))
    assert "too many below one another" in refused(lambda: fund_of("m1999", long).problem)
    doubled = "[measures]\nm0 = 'people'\n" + "".join(f"m{k} = 'm{k - 1} + m{k - 1}'\n" for k in range(1, 60))
    assert len(fund_of("mean(m59)", doubled).problem.regions.ids) == 3  # 2^59 ways lead down


def test_averages_of_averages_end(monkeypatch):
    monkeypatch.setattr("fundalloc.scope.LOOKS", 1_000)  # 100,000 take some seconds
    nested = "average(" * 6 + "people" + ", 30)" * 6
    assert "look at earlier rounds more than 1,000 times" in refused(lambda: fund_of(nested, rounds=30).problem)
    assert fund_of("average(average(people, 3), 3)", rounds=30).problem.regions.rounds[-1] == "2023"


# tables


@pytest.mark.parametrize(
    ("text", "says"),
    {
        "columns": (",".join(f"c{k}" for k in range(10**6)) + "\n", f"at most {COLUMNS:,}"),
        "no columns": ("," * 10**6 + "\n" + "," * 10**6, "is empty"),
        "cells": ("," * 20_000_001, "at most 20,000,000 are read"),
        "a long cell": ("id,x\na," + "1" * (CELL + 1), f"more than {CELL:,} characters"),
        "a long quotation": ('id,x\na,"' + "b\n" * CELL, f"more than {CELL:,} characters"),
        "control": ("id,x\na,\x1b[31m\n", "column x: '\\x1b[31m': holds a control character (U+001B, character 1)."),
        "control in the first line": ("id,\x07x\na,1\n", "U+0007"),
        "another encoding": ("id,x\na,don\x92t\n", "--encoding cp1252"),
        "NUL": ("id,x\na,\0\n", "no text file"),
    }.values(),
)
def test_no_table_breaks_the_reader(text, says):
    told = refused(lambda: parse_table(Source("r.csv", text.encode()), "r.csv"))
    assert says in told and "r.csv" in told and len(told) < 2000


def test_numbers_of_many_digits_are_refused():
    table = parse_table(Source("r.csv", f"id,x,y\na,{'9' * 100_000},1e{'9' * 1000}\n".encode()), "r.csv")
    for name in ("x", "y"):
        told = refused(table.numbers, name)
        assert "not a finite number" in told and len(told) < 1000


@pytest.mark.parametrize(
    "encoding", ["punycode", "idna", "utf-7", "unicode_escape", "undefined", "x\0", "zlib", "a" * 10**5]
)
def test_what_is_no_encoding_of_files_is_refused(encoding):
    assert "encoding" in refused(lambda: parse_table(Source("r.csv", b"id,x\n" * 10, encoding=encoding), "r.csv"))


def test_a_large_table_is_refused_unread(tmp_path):
    file = tmp_path / "r.csv"
    file.touch()
    os.truncate(file, TABLE + 1)
    assert "at most 250 MB are read" in refused(read_table, file)


# spreadsheets


def sheet(cells: str, head: str = HEAD) -> bytes:
    return around(f"{head}{cells}{FOOT}".encode())


def squeezed(content: bytes, name: str, part: bytes) -> bytes:
    """A workbook with another part, compressed."""
    made = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(content)) as book, zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as other:
        for one in book.namelist():
            other.writestr(one, part if one == name else book.read(one))
    return made.getvalue()


ONE = '<row r="1"><c r="A1"><v>1</v></c></row>'
STRINGS = b'<sst xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"><si><t>%b</t></si></sst>'
BOMBS = {
    "a cell at the far end": lambda: sheet(ONE + '<row r="1048576"><c r="XFD1048576"><v>1</v></c></row>'),
    "a row beyond the end": lambda: sheet(ONE + '<row r="4000000000"><c r="A4000000000"><v>1</v></c></row>'),
    "a column beyond the end": lambda: sheet(ONE + '<row r="2"><c r="ZZZZ2"><v>1</v></c></row>'),
    "a sheet that unpacks to 150 MB": lambda: squeezed(workbook(), PLACE, (HEAD + ONE).encode() + b" " * 150_000_000),
    "a long text in many cells": lambda: squeezed(
        sheet('<row><c t="s"><v>0</v></c></row>' * 1000), "xl/sharedStrings.xml", STRINGS % (b"x" * 10**6)
    ),
    "a text too long": lambda: squeezed(
        sheet('<row><c t="s"><v>0</v></c></row>'), "xl/sharedStrings.xml", STRINGS % (b"x" * (CELL + 1))
    ),
    "entities": lambda: sheet(
        '<row><c t="inlineStr"><is><t>&b;</t></is></c></row>',
        '<!DOCTYPE l [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;">]>' + HEAD,
    ),
    "an entity from outside": lambda: sheet(
        '<row><c t="inlineStr"><is><t>&b;</t></is></c></row>',
        '<!DOCTYPE l [<!ENTITY b SYSTEM "file:///etc/hostname">]>' + HEAD,
    ),
    "no end": lambda: around(HEAD.encode()),
    "no sheet": lambda: around(b""),
}


@pytest.mark.parametrize("bomb", BOMBS)
def test_no_spreadsheet_takes_this_process_down(bomb, monkeypatch):
    monkeypatch.setattr(spreadsheets, "SPREADSHEET_MEMORY", 200_000_000)
    told = refused(lambda: parse_table(Source("r.xlsx", BOMBS[bomb]()), "r.xlsx"))
    assert told.startswith("r.xlsx: ") and ("CSV" in told or "is empty" in told)


def test_too_many_cells_are_refused(monkeypatch):
    monkeypatch.setattr(spreadsheets, "SPREADSHEET_MEMORY", 400_000_000)
    far = ONE + '<row r="3000"><c r="XFD3000"><v>1</v></c></row>'
    told = refused(lambda: parse_table(Source("r.xlsx", sheet(far)), "r.xlsx"))
    assert "400 MB of memory" in told  # 49 million cells


def test_a_spreadsheet_that_takes_too_long_is_refused(monkeypatch):
    monkeypatch.setattr(spreadsheets, "SPREADSHEET_SECONDS", 0.001)
    assert "seconds to open" in refused(lambda: parse_table(Source("r.xlsx", workbook()), "r.xlsx"))


def test_empty_rows_and_a_declared_dimension_cost_nothing():
    rows = '<row r="1"><c r="A1" t="inlineStr"><is><t>id</t></is></c></row>'
    rows += '<row r="2"><c r="A2" t="inlineStr"><is><t>a</t></is></c></row>'
    rows += "".join(f'<row r="{k}"/>' for k in range(3, 100_003)) + '<row r="1048576"><c r="XFD1048576"/></row>'
    head = HEAD.replace("<sheetData>", '<dimension ref="A1:XFD1048576"/><sheetData>')
    assert parse_table(Source("r.xlsx", sheet(rows, head)), "r.xlsx").text("id").tolist() == ["a"]


def test_nothing_of_the_folder_where_one_stands_is_run(tmp_path, monkeypatch):
    for name in ("json.py", "python_calamine.py", "zipfile.py"):
        (tmp_path / name).write_text("raise SystemExit(9)\n")
    monkeypatch.chdir(tmp_path)
    assert parse_table(Source("r.xlsx", workbook()), "r.xlsx").header[0] == "region_id"


# what is no plain file


@pytest.fixture(params=["pipe", "device", "link to a device", "folder", "loop"])
def no_file(request, tmp_path) -> Path:
    """What has the name of a file and is none; to read it would never end."""
    place = tmp_path / "strange.csv"
    match request.param:
        case "pipe":
            os.mkfifo(place)
        case "device":
            return Path("/dev/zero")
        case "link to a device":
            place.symlink_to("/dev/zero")
        case "folder":
            place.mkdir()
        case "loop":
            place.symlink_to(place)
    return place


def test_what_is_no_plain_file_is_refused_as_any_input(no_file, tmp_path, out, capsys):
    (tmp_path / "policy.toml").write_text(policy())
    (tmp_path / "r.csv").write_text("id,people\na,1\nb,2\n")
    for arguments in (
        ["check", str(no_file)],
        ["check", str(tmp_path), "--regions", str(no_file)],
        ["check", str(tmp_path), "--history", str(no_file)],
        ["audit", str(tmp_path), str(no_file)],
        ["compare", str(tmp_path), "--against", str(no_file)],
        ["plan", str(tmp_path), "--rounds", "1", "--indicators", str(no_file)],
        ["amend", str(out), "--events", str(no_file), "-o", str(tmp_path / "new")],
        ["rounds", "--import", str(no_file), "--ledger", str(tmp_path / "ledger.sqlite")],
    ):
        assert run(arguments) == 3, arguments
        told = capsys.readouterr().err
        assert str(no_file) in told and "Traceback" not in told


@pytest.mark.parametrize("name", ["summary.json", "certificate.json", "allocation.csv"])
def test_a_folder_with_a_pipe_in_it_is_refused(name, out, tmp_path, capsys):
    place = tmp_path / "out"
    shutil.copytree(out, place)
    (place / name).unlink()
    os.mkfifo(place / name)
    (tmp_path / "events.csv").write_text("region_id,need,reason\nCN-310000,1,x\n")
    for arguments, end in (
        (["verify", str(place)], 6),
        (["explain", str(place), "CN-310000"], 0 if name == "certificate.json" else 3),
        (["notices", str(place), "-o", str(tmp_path / "letters")], 3),
        (["amend", str(place), "--events", str(tmp_path / "events.csv"), "-o", str(tmp_path / "new")], 3),
    ):
        assert run(arguments) == end, arguments
        assert "Traceback" not in capsys.readouterr().err


@pytest.mark.parametrize("name", ["allocation.csv", "steps.csv", "rules.csv", "summary.json"])
def test_a_folder_that_was_edited_is_said_to_be(name, out, tmp_path, capsys):
    place = tmp_path / "out"
    shutil.copytree(out, place)
    content = (place / name).read_bytes()
    if name == "summary.json":
        content = json.dumps({**json.loads(content), "resources": [], "rules": [3], "title": None}).encode()
    else:
        content = content.replace(b"resource", b"thing", 1).replace(b"place", b"where", 1)
    (place / name).write_bytes(content)
    summary = json.loads((place / "summary.json").read_bytes())
    summary["files"].update({name: hashlib.sha256(content).hexdigest()} if name != "summary.json" else {})
    (place / "summary.json").write_text(json.dumps(summary))
    (tmp_path / "events.csv").write_text("region_id,need,reason\nCN-310000,1,x\n")
    for arguments in (
        ["explain", str(place), "CN-310000"],
        ["notices", str(place), "-o", str(tmp_path / "letters")],
        ["amend", str(place), "--events", str(tmp_path / "events.csv"), "-o", str(tmp_path / "new")],
        ["compare", str(out), str(place)],
        ["verify", str(place)],
    ):
        assert run(arguments) in (0, 3, 6), arguments
        assert "Traceback" not in capsys.readouterr().err
    assert run(["verify", str(place)]) == 6
    last = ["notices", str(place)] if name == "rules.csv" else ["explain", str(place), "CN-310000"]
    assert run(last) == 3
    assert "was changed since it was decided" in capsys.readouterr().err


def test_a_fault_of_ours_stays_one(out):
    with pytest.raises(KeyError), as_decided(out):
        raise KeyError("a bug")


def test_bytes_of_plain_files_up_to_the_limit(tmp_path):
    file = tmp_path / "x"
    file.write_bytes(b"12345")
    assert contents(file, 5) == b"12345"
    with pytest.raises(UnreadableError, match="at most"):
        contents(file, 4)
    with pytest.raises(UnreadableError, match="null byte"):
        contents(Path("a\0b"))


@pytest.mark.parametrize(
    "content",
    [b"[" * 10**5, b'{"a":' * 10**4, b"1" * 5000, b'"\\ud800"', b'["\xed\xa0\x80"]', b"", b"\xff", b"," * 50_000_001],
    ids=["lists", "tables", "digits", "half", "half as bytes", "empty", "no text", "parts"],
)
def test_json_text_that_cannot_be_read_is_a_value_error(content):
    with pytest.raises(ValueError):
        json_of(content)


def test_an_exported_ledger_of_nonsense_is_refused():
    for line in (b"[" * 10**5, b'{"entry": 1}', b"null", b'{"entry":{},"files":{}}'):
        assert "is no entry of a ledger" in refused(imported, line, "all.jsonl")


# outputs


def test_reading_goes_where_the_user_points_and_no_further(tmp_path):
    (tmp_path / "a").mkdir()
    (tmp_path / "r.csv").write_text("id,people\na,1\nb,2\n")
    (tmp_path / "a" / "policy.toml").write_text(policy(file="../r.csv"))
    load(tmp_path / "a").allocate().write(tmp_path / "a" / "out")
    certificate = json.loads((tmp_path / "a" / "out" / "certificate.json").read_bytes())
    assert certificate["inputs"]["regions"]["file"] == "r.csv"
    (tmp_path / "a" / "policy.toml").write_text(policy(file="../../../../../../etc/passwd"))
    told = refused(load, tmp_path / "a")
    assert "/etc/passwd" in told and "root" not in told


NAMES = ("../../outside", "/tmp/outside", "CON", "nul.txt", "a.", "A.", " a", "..", ".", "a/b", "a\\b", "x" * 5000)


def test_names_never_lead_out_of_the_folder(tmp_path, capsys):
    inside = tmp_path / "deep" / "er"
    inside.mkdir(parents=True)
    rows = "".join(f'"{name}",{k + 1}\n' for k, name in enumerate(NAMES))
    (inside / "r.csv").write_text("id,people\n" + rows)
    resource = json.dumps(NAMES[0])
    rules = f'[[rules]]\nkind = "limit"\nname = {json.dumps(NAMES[1])}\nof = "share"\nfloor = 0.001\n'
    text = policy(rules).replace("[resources.fund]", f"[resources.{resource}]")
    (inside / "policy.toml").write_text(text)
    before = sorted(p for p in tmp_path.rglob("*"))
    assert run(["allocate", str(inside), "-o", str(inside / "out"), "-q", "--format", "html,xlsx,md"]) == 0
    assert run(["notices", str(inside / "out"), "-o", str(inside / "letters"), "--format", "html,md", "-q"]) == 0
    made = [p for p in tmp_path.rglob("*") if p not in before]
    assert all(p.is_relative_to(inside / "out") or p.is_relative_to(inside / "letters") for p in made)
    letters = [p.name for p in (inside / "letters").iterdir()]
    assert len({name.casefold() for name in letters}) == len(letters) >= 2 * len(set(map(str.strip, NAMES)))
    for name in letters:
        stem = name.split(".")[0].casefold()
        assert stem not in ("con", "nul") and not name.endswith((".", " ")) and len(name.encode()) < 200
    capsys.readouterr()


def test_a_link_in_the_folder_is_replaced_and_not_followed(tmp_path):
    place, outside = tmp_path / "out", tmp_path / "precious.csv"
    small().allocate().write(place)
    outside.write_text("mine")
    for name in ("allocation.csv", "summary.json"):
        content = (place / name).read_bytes()
        (place / name).unlink()
        if name == "summary.json":
            (tmp_path / "summary-elsewhere.json").write_bytes(content)
        (place / name).symlink_to(tmp_path / ("summary-elsewhere.json" if name == "summary.json" else "precious.csv"))
    elsewhere = (tmp_path / "summary-elsewhere.json").read_bytes()
    small().allocate().write(place)
    assert outside.read_text() == "mine" and (tmp_path / "summary-elsewhere.json").read_bytes() == elsewhere
    assert not any(p.is_symlink() for p in place.iterdir())
    assert (place / "allocation.csv").read_bytes() == folder()["allocation.csv"]


@pytest.mark.parametrize("name", ["../precious.csv", "/tmp", "", ".", "..", "a/b", "sub"])
def test_what_a_summary_lists_is_removed_only_inside_the_folder(tmp_path, name):
    place, outside = tmp_path / "out", tmp_path / "precious.csv"
    small().allocate().write(place)
    outside.write_text("mine")
    (place / "sub").mkdir()
    summary = json.loads((place / "summary.json").read_bytes())
    summary["files"][name] = "0" * 64
    (place / "summary.json").write_text(json.dumps(summary))
    if name != "sub":
        assert "not as fundalloc writes it" in refused(read_summary, place)
        (tmp_path / "events.csv").write_text("region_id,need,reason\nCN-310000,1,x\n")
        assert "not as fundalloc writes it" in refused(amend, place, tmp_path / "events.csv")
    small().allocate().write(place)
    assert outside.read_text() == "mine" and (place / "sub").is_dir()


@pytest.mark.parametrize("files", [[1], {"a": 1}, "x", 3, [{}]])
def test_a_summary_that_lists_no_files_is_refused(tmp_path, files):
    small().allocate().write(tmp_path)
    summary = json.loads((tmp_path / "summary.json").read_bytes())
    (tmp_path / "summary.json").write_text(json.dumps({**summary, "files": files}))
    assert "not as fundalloc writes it" in refused(read_summary, tmp_path)
    assert "fundalloc did not write it" in refused(small().allocate().write, tmp_path)


@pytest.mark.parametrize(
    "told", [{"language": "fr"}, {"language": ["zh"]}, {"translations": []}, {"translations": {"fund": 1}}]
)
def test_a_summary_in_no_language_is_refused(tmp_path, told):
    small().allocate().write(tmp_path)
    summary = json.loads((tmp_path / "summary.json").read_bytes())
    (tmp_path / "summary.json").write_text(json.dumps({**summary, **told}))
    assert "not as fundalloc writes it" in refused(read_summary, tmp_path)
    (tmp_path / "events.csv").write_text("region_id,need,reason\na,1,x\n")
    amended = ["amend", "--events", str(tmp_path / "events.csv"), "-o", str(tmp_path / "new")]
    for command in (["explain", "a"], ["notices"], amended):
        assert run([command[0], str(tmp_path), *command[1:]]) == 3, command


def test_a_journal_that_is_no_plain_file_is_refused(tmp_path):
    small().allocate().write(tmp_path)
    for name in ("new", "old"):
        (tmp_path / ".fundalloc" / name).mkdir(parents=True)
    os.mkfifo(tmp_path / ".fundalloc" / "plan.json")
    assert "nothing was changed" in refused(small().allocate().write, tmp_path)


def test_a_ledger_that_is_no_plain_file_does_not_hang(tmp_path, capsys):
    os.mkfifo(tmp_path / "ledger.sqlite")
    assert run(["rounds", "--ledger", str(tmp_path / "ledger.sqlite")]) == 7
    (tmp_path / "h.csv").write_text("round,region_id,resource,entitlement,amount\n2022,a,fund,1,1\n")
    assert run(["rounds", "--import", str(tmp_path / "h.csv"), "--ledger", str(tmp_path / "ledger.sqlite")]) == 7
    assert "Traceback" not in capsys.readouterr().err


def test_the_limits_are_those_of_the_page():
    page = (Path(__file__).parent.parent / "docs" / "data.md").read_text(encoding="utf-8")
    for said in (f"{POLICY // 10**6} MB", f"{TABLE // 10**6} MB", f"{COLUMNS:,} columns", f"{CELL:,} characters"):
        assert said in page
