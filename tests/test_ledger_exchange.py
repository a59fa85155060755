"""A ledger as JSON lines and as a history: out and in again without a change, or not at all."""

from __future__ import annotations

import base64
import json
import random
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fundalloc import InputError, Ledger, LedgerError
from fundalloc.cli.app import run
from fundalloc.files import parse_table, read_table
from fundalloc.history import Record, read_history
from fundalloc.ledger.entries import canonical
from fundalloc.ledger.exchange import exported, imported
from fundalloc.ledger.past import past
from tests.test_ledger import TABLE, filled


def exchanged(book: Ledger) -> bytes:
    return b"".join(exported(book))


def test_out_and_in_again_is_the_same(place, tmp_path, capsys):
    book = filled(place)
    file, other, back = tmp_path / "all.jsonl", str(tmp_path / "other.sqlite"), tmp_path / "back.jsonl"
    assert run(["rounds", "--export", str(file), "--ledger", place]) == 0
    assert run(["rounds", "--import", str(file), "--ledger", other]) == 0
    assert f"7 entries imported, every hash fits. Head: {book.head}" in capsys.readouterr().err
    again = Ledger(other)
    assert again.entries() == book.entries()
    assert [again.files(e) for e in again.entries()] == [book.files(e) for e in book.entries()]
    assert again.faults(book.head) == []
    assert run(["rounds", "--export", str(back), "--ledger", other]) == 0
    assert back.read_bytes() == file.read_bytes()


def test_into_either_database(place, tmp_path):
    book = filled(str(tmp_path / "from.sqlite"))
    other = Ledger(place, create=True)
    other.put(imported(exchanged(book), "all.jsonl"))
    assert (other.entries(), other.faults()) == (book.entries(), [])
    assert exchanged(other) == exchanged(book)
    assert other.append("approval", "2023", name="a", reason="b").previous == book.head


def test_a_later_part_is_appended(place, tmp_path):
    book = filled(str(tmp_path / "from.sqlite"))
    lines = exchanged(book).splitlines(keepends=True)
    other = Ledger(place, create=True)
    other.put(imported(b"".join(lines[:3]), "first.jsonl"))
    with pytest.raises(LedgerError, match=r"entry 5 .* follows entry 3: what stood between them is missing"):
        other.put(imported(b"".join(lines[4:]), "second.jsonl"))
    other.put(imported(b"".join(lines[3:]), "second.jsonl"))
    assert other.entries() == book.entries()


def test_twice_the_same_is_refused(place, tmp_path, capsys):
    book = filled(place)
    file = tmp_path / "all.jsonl"
    assert run(["rounds", "--export", str(file), "--ledger", place]) == 0
    before = book.entries()
    assert run(["rounds", "--import", str(file), "--ledger", place]) == 7
    said = capsys.readouterr().err
    assert "the entries do not follow; nothing was recorded. entry 1 (decision of round 2022) follows entry 7" in said
    assert book.entries() == before


def lines(tmp_path: Path) -> list[dict]:
    return [json.loads(line) for line in exported(filled(str(tmp_path / "from.sqlite")))]


CHANGES = {
    "name": lambda line: line["entry"].update(name="Eve"),
    "number": lambda line: line["entry"].update(number=9),
    "a number that is none": lambda line: line["entry"].update(number=True),
    "about": lambda line: line["entry"].update(about=9),
    "kind": lambda line: line["entry"].update(kind="gift"),
    "hash": lambda line: line["entry"].update(hash="0" * 64),
    "no hash": lambda line: line["entry"].pop("hash"),
    "more": lambda line: line["entry"].update(more=1),
    "files": lambda line: line["files"].update(x={"text": "x"}),
    "other files": lambda line: line["entry"].update(files={"../x": "0"}),
    "no files": lambda line: line["entry"].update(files=5),
    "contents": lambda line: line.update(files=5),
    "entry": lambda line: line.update(entry=5),
    "no entry": lambda line: line.pop("entry"),
    "surrogate": lambda line: line["entry"].update(reason="\ud800"),
}


@pytest.mark.parametrize("change", CHANGES)
@pytest.mark.parametrize("at", [0, 1, 6])
def test_a_changed_line_is_refused_by_its_number(tmp_path, capsys, change, at):
    found = lines(tmp_path)
    CHANGES[change](found[at])
    file, other = tmp_path / "all.jsonl", tmp_path / "other.sqlite"
    file.write_text("".join(json.dumps(line) + "\n" for line in found), encoding="utf-8")
    assert run(["rounds", "--import", str(file), "--ledger", str(other)]) == 3
    said = capsys.readouterr().err
    assert "Traceback" not in said
    assert f"{file}, line {at + 1}: " in said
    assert not other.exists()


@pytest.mark.parametrize("bad", [b"{", b"[]", b"5", b'"a"', b"\xff", b"[" * 100_000, b'{"entry": {}, "files": {}}'])
def test_what_is_no_line_is_refused_with_every_fault(bad):
    with pytest.raises(InputError) as said:
        imported(bad + b"\n\n" + bad, "all.jsonl")
    assert [fault.line for fault in said.value.faults] == [1, 3]


def test_nothing_is_no_ledger():
    with pytest.raises(InputError, match="holds no entry"):
        imported(b"\n \n", "all.jsonl")


def test_lines_that_are_lost_or_swapped_are_refused(tmp_path):
    whole = exchanged(filled(str(tmp_path / "from.sqlite"))).splitlines(keepends=True)
    other = Ledger(tmp_path / "other.sqlite", create=True)
    for k in range(6):
        for order in ([*whole[:k], *whole[k + 1 :]], [*whole[:k], whole[k + 1], whole[k], *whole[k + 2 :]]):
            with pytest.raises(LedgerError, match="do not follow; nothing was recorded"):
                other.put(imported(b"".join(order), "all.jsonl"))
    assert other.entries() == ()


def test_no_changed_byte_comes_in(tmp_path):
    whole = exchanged(filled(str(tmp_path / "from.sqlite")))
    right = [(entry, files) for entry, files in imported(whole, "all.jsonl")]
    rng = random.Random(1)
    refused = 0
    for k in rng.sample(range(len(whole)), 1000):
        changed = whole[:k] + bytes([whole[k] ^ (1 << rng.randrange(8))]) + whole[k + 1 :]
        try:
            assert imported(changed, "all.jsonl") == right, k
        except InputError:
            refused += 1
    assert refused > 900


@settings(max_examples=25)
@given(
    st.dictionaries(st.from_regex(r"[a-z]{1,8}(\.[a-z]{1,4})?", fullmatch=True), st.binary(max_size=200), max_size=4)
)
def test_any_bytes_come_out_as_they_went_in(tmp_path_factory, files):
    book = Ledger(tmp_path_factory.mktemp("l") / "l.sqlite", create=True)
    entry = book.append("decision", "1", name="a", reason="b", files=files)
    assert book.files(entry) == files
    assert imported(exchanged(book), "all.jsonl") == [(entry, files)]


def test_content_that_is_no_text_is_base64(tmp_path):
    first = lines(tmp_path)[0]
    assert base64.b64decode(first["files"]["odd"]["base64"]) == bytes(range(256))
    assert first["files"]["allocation.csv"] == {"text": TABLE.decode()}


HISTORY = """round,region_id,resource,entitlement,amount,adjustment
2021,B,fund,5,6.10,0
2021,A,fund,5,4,-1.5
2019,A,fund,1e3,1000,0
2021,A,land,0.25,0.3,0
2020,'=A,fund,1,1,0
"""


def test_a_history_goes_in_and_out(place, tmp_path, capsys):
    file, back = tmp_path / "past.csv", tmp_path / "back.csv"
    file.write_text(HISTORY, encoding="utf-8")
    assert run(["rounds", "--import", str(file), "--ledger", place, "--by", "Ada"]) == 0
    assert "3 rounds imported as history: 2019, 2020, 2021" in capsys.readouterr().err
    assert run(["rounds", "--export", str(back), "--ledger", place]) == 0
    theirs, ours = (read_history(read_table(one), None) for one in (file, back))
    assert (ours.rounds, ours.records) == (theirs.rounds, theirs.records)
    assert ours.records["fund"]["2021"]["A"] == Record(5.0, 4.0, -1.5)
    assert "=A" in ours.records["fund"]["2020"]
    assert b"\n2020,'=A,fund" in back.read_bytes()  # text stays text in a spreadsheet
    assert [(e.kind, e.reason) for e in Ledger(place).entries()] == [("history", "imported from past.csv")] * 3
    assert run(["rounds", "--import", str(file), "--ledger", place, "--by", "Ada"]) == 0
    assert "nothing imported" in capsys.readouterr().err
    assert len(Ledger(place).entries()) == 3


@pytest.mark.parametrize(
    ("rows", "said"),
    [
        ("", "holds no round"),
        ("2021,A,fund,1,x\n", "line 2, column amount"),
        ("2021,A,fund,1,1\n2021,A,fund,1,1\n", "line 3, column region_id"),
        ("2021,A,fund,1,-1\n,B,fund,1,1\n", "line 3"),
    ],
)
def test_a_faulty_history_is_refused_with_every_fault(tmp_path, capsys, rows, said):
    file, place = tmp_path / "past.csv", tmp_path / "l.sqlite"
    file.write_text("round,region_id,resource,entitlement,amount\n" + rows, encoding="utf-8")
    assert run(["rounds", "--import", str(file), "--ledger", str(place), "--by", "Ada"]) == 3
    assert said in capsys.readouterr().err
    assert not place.exists()


def test_the_label_of_a_round_stays_text_in_a_spreadsheet(tmp_path):
    book = Ledger(tmp_path / "l.sqlite", create=True)
    book.append("history", "=1+1", name="a", reason="b", files={"history.csv": TABLE})
    assert b"\n'=1+1,A,fund" in past(book).content
    assert read_history(parse_table(past(book), "x"), None).rounds == ("=1+1",)


def test_the_past_is_what_holds(place):
    book = filled(place)
    source = past(book)
    assert source.file == f"ledger-{book.head}.csv"
    table = parse_table(source, source.file)
    found = read_history(table, None)
    assert found.rounds == ("2020", "2022", "2023")
    assert set(found.records["fund"]["2022"]) == {"A", "B", "C"}  # the correction, not the decision
    assert read_history(parse_table(past(book, "2023"), "x"), "2023").rounds == ("2020", "2022")
    assert read_history(parse_table(past(book, "2020"), "x"), "2020").rounds == ()
    assert read_history(parse_table(past(book, "2021"), "x"), "2021").rounds == ("2020",)


@pytest.mark.parametrize(
    "table", [b"", b"\xff", b"region_id,resource,amount\n", TABLE + b"B,fund\n", TABLE + b'"B,fund', b"\n\n"]
)
def test_a_recorded_table_that_is_none_is_said(tmp_path, table):
    book = Ledger(tmp_path / "l.sqlite", create=True)
    book.append("decision", "2022", name="a", reason="b", files={"allocation.csv": table})
    with pytest.raises(LedgerError, match=r"allocation.csv of entry 1, decision .* is no table of amounts"):
        past(book)


def test_an_entry_without_amounts_is_said(tmp_path):
    book = Ledger(tmp_path / "l.sqlite", create=True)
    book.append("decision", "2022", name="a", reason="b", files={"policy": b""})
    with pytest.raises(LedgerError, match=r"entry 1, decision .* has no history\.csv"):
        past(book)


@pytest.mark.parametrize("command", [["--export", "all.txt"], ["--import", "all.txt"], ["--import", "none.jsonl"]])
def test_files_that_cannot_be(tmp_path, capsys, command):
    place = str(tmp_path / "l.sqlite")
    filled(place)
    assert run(["rounds", command[0], str(tmp_path / command[1]), "--ledger", place]) == 3
    assert str(tmp_path / command[1]) in capsys.readouterr().err


def test_canonical_json_is_one_text_for_one_content():
    assert canonical({"b": [1, None], "a": "ü\n"}) == '{"a":"ü\\n","b":[1,null]}'
