"""The ledger: append-only by the database itself, chained, told from any other state; on SQLite and PostgreSQL."""

from __future__ import annotations

import hashlib
import json
import sqlite3
from contextlib import closing
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DatabaseError

from fundalloc import Ledger, LedgerError
from fundalloc.cli.app import run
from fundalloc.ledger.entries import START, Entry, broken, canonical
from tests.databases import disarmed, sql

TABLE = b"region_id,resource,entitlement,amount,adjustment\nA,fund,5,4,0\nB,fund,5,6,0\n"
FILES = {"allocation.csv": TABLE, "policy": b"format = 1\n", "odd": bytes(range(256))}
TABLES = {"fundalloc_schema": "version", "fundalloc_entries": "number", "fundalloc_contents": "sha256"}
COLUMNS = ("kind", "round", "name", "at", "reason", "about", "files", "previous", "hash")


def filled(place: str) -> Ledger:
    """Seven entries on three rounds; a new file is a copy of one that was written once."""
    if "://" in place or Path(place).exists():
        return written(place)
    Path(place).write_bytes(_whole())
    return Ledger(place)


@cache
def _whole() -> bytes:
    with TemporaryDirectory() as folder:
        return Path(written(f"{folder}/l.sqlite").where).read_bytes()


def written(place: str) -> Ledger:
    """Seven entries on three rounds, written one after the other."""
    book = Ledger(place, create=True)
    book.append("decision", "2022", name="Ada", reason="Board, 3 März", files=FILES)
    book.append("approval", "2022", name="Ben", reason="minute 7")
    book.append("publication", "2022", name="Ben", reason="gazette")
    book.append("decision", "2023", name="Ada", reason="Board", files={**FILES, "odd": b"\xff"})
    book.append("correction", "2022", name="Cy", reason="a typo", files={"allocation.csv": TABLE + b"C,fund,0,0,0\n"})
    book.append("approval", "2022", name="Ben", reason="minute 8")
    book.append("history", "2020", name="Ada", reason="old", files={"history.csv": TABLE})
    return book


def test_what_was_written_is_read(place):
    book = written(place)
    again = Ledger(place)
    assert again.entries() == book.entries()
    assert [(e.number, e.kind, e.about) for e in again.entries()] == [
        (1, "decision", None),
        (2, "approval", 1),
        (3, "publication", 1),
        (4, "decision", None),
        (5, "correction", 1),
        (6, "approval", 5),
        (7, "history", None),
    ]
    assert again.files(again.entries()[0]) == FILES
    assert {label: (s.state, s.entry.number) for label, s in again.standings().items()} == {
        "2020": ("draft", 7),
        "2022": ("approved", 5),
        "2023": ("draft", 4),
    }
    assert list(again.standings()) == ["2020", "2022", "2023"]
    assert again.head == again.entries()[-1].hash
    assert again.faults() == []


def test_an_empty_ledger_begins_with_nothing(place):
    book = Ledger(place, create=True)
    assert (book.entries(), book.head, book.faults(), book.standings()) == ((), START, [], {})


def changes(table: str, key: str, dialect: str) -> list[str]:
    """Ways to change or take away a row that stands in a table."""
    same = f"INTO {table} SELECT * FROM {table}"
    found = [f"UPDATE {table} SET {key} = {key}", f"DELETE FROM {table}"]
    if dialect == "sqlite":
        found += [
            f"INSERT OR REPLACE {same}",
            f"REPLACE {same}",
            f"UPDATE OR REPLACE {table} SET {key} = {key}",
            f"INSERT {same} WHERE true ON CONFLICT ({key}) DO UPDATE SET {key} = excluded.{key}",
        ]
    else:
        found += [
            f"TRUNCATE {table}",
            f"TRUNCATE {table} CASCADE",
            f"INSERT {same} ON CONFLICT ({key}) DO UPDATE SET {key} = excluded.{key}",
            f"MERGE INTO {table} a USING {table} b ON a.{key} = b.{key} WHEN MATCHED THEN DELETE",
        ]
    return found


@pytest.mark.parametrize("table", TABLES)
def test_the_database_itself_refuses_every_change(place, table):
    book = filled(place)
    before = book.entries()
    dialect = "postgresql" if "://" in place else "sqlite"
    for change in changes(table, TABLES[table], dialect):
        with pytest.raises(DatabaseError, match="append-only"), sql(place) as connection:
            connection.execute(text(change))
    assert Ledger(place).entries() == before
    assert book.faults() == []


@pytest.mark.parametrize(
    "change",
    [
        "entries SELECT 99, kind, 'new', name, at, reason, about, files, previous, 'x'",
        "entries SELECT 99, kind, 'new', name, at, reason, about, files, 'x', hash",
        "entries SELECT 99, kind, round, name, at, reason, about, files, 'x', 'y'",
        "entries SELECT 99, 'history', round, name, at, reason, about, files, 'x', 'y'",
        "contents (rowid, sha256, content) SELECT 1, 'x', x'00'",
        "schema (rowid, version) SELECT 1, 1",
    ],
)
def test_no_unique_column_lets_a_row_be_replaced(tmp_path, change):
    place = str(tmp_path / "l.sqlite")
    book = filled(place)
    before = book.entries()
    with pytest.raises(DatabaseError, match="append-only"), sql(place) as connection:
        connection.execute(text(f"INSERT OR REPLACE INTO fundalloc_{change} FROM fundalloc_entries WHERE number = 1"))
    assert book.entries() == before
    assert book.faults() == []


def tampered(place: str, *statements: str, **values: object) -> None:
    with sql(place) as connection, disarmed(connection):
        for statement in statements:
            connection.execute(text(statement), values)


def verified(place: str, capsys: pytest.CaptureFixture[str], *options: str) -> tuple[int, str]:
    """The exit code of `rounds --verify`, and what it says."""
    capsys.readouterr()
    code = run(["rounds", "--verify", "--ledger", place, *options])
    shown = capsys.readouterr()
    assert "Traceback" not in shown.err
    assert not (code and shown.out)
    return code, shown.err + shown.out


def test_whole_is_whole(place, capsys):
    book = filled(place)
    code, said = verified(place, capsys)
    assert code == 0
    assert f"7 entries, every hash fits. Head: {book.head}" in said


@pytest.mark.parametrize("column", COLUMNS)
def test_a_changed_column_of_an_entry_is_found(place, capsys, column):
    book = filled(place)
    for entry in book.entries():
        value = canonical(dict(entry.files)) if column == "files" else getattr(entry, column)
        if column == "about":
            other = 4 if value is None else None
        else:
            k = len(value) // 2 if value else 0
            other = value[:k] + chr(ord(value[k]) ^ 1) + value[k + 1 :]
        change = f"UPDATE fundalloc_entries SET {column} = :value WHERE number = {entry.number}"
        tampered(place, change, value=other)
        if entry.number == 3:
            code, said = verified(place, capsys)
            assert (code, f"entry {entry.number} (" in said) == (7, True), said
        with pytest.raises(LedgerError, match=rf"entry {entry.number} \("):
            _ = book.append("approval", "2023", name="a", reason="b") if entry.number % 2 else book.entries()
        tampered(place, change, value=value)
    assert verified(place, capsys)[0] == 0


def test_every_character_of_an_entry_counts():
    entry = Entry(
        2, "approval", "2022", "Ada", "2025-03-03T12:00:00Z", "because", 1, {"a": "0" * 64}, "1" * 64
    ).sealed()
    texts = {**{name: getattr(entry, name) for name in COLUMNS if name != "about"}, "files": canonical(entry.files)}
    for name, value in texts.items():
        for k in range(len(value)):
            for bit in range(7):
                other: object = value[:k] + chr(ord(value[k]) ^ 1 << bit) + value[k + 1 :]
                try:
                    changed = Entry.of({**vars(entry), name: json.loads(str(other)) if name == "files" else other})
                except ValueError:
                    continue  # is no entry at all
                assert changed.seal() != changed.hash


@pytest.mark.parametrize("number", range(1, 8))
def test_a_dropped_entry_is_found(place, capsys, number):
    book = filled(place)
    lost = book.entries()[number - 1]
    last = book.head
    tampered(place, f"DELETE FROM fundalloc_entries WHERE number = {number}")
    code, said = verified(place, capsys)
    if number < 7:
        assert code == 7
        assert f"entry {number + 1} (" in said and "missing" in said
    else:  # what was cut off at its end still fits
        assert code == 0
        code, said = verified(place, capsys, "--expect", last)
        assert code == 7
        assert last in said
        assert verified(place, capsys, "--expect", lost.previous.upper())[0] == 0


def test_swapped_entries_are_found(place, capsys):
    filled(place)
    for one, other in ((2, 3), (1, 4), (6, 7)):
        moves = [(one, 100), (other, one), (100, other)]
        swap = [f"UPDATE fundalloc_entries SET number = {to} WHERE number = {of}" for of, to in moves]
        tampered(place, *swap)
        code, said = verified(place, capsys)
        assert code == 7
        assert f"entry {one} (" in said and f"entry {other} (" in said
        tampered(place, *swap)
    assert verified(place, capsys)[0] == 0


def rewritten(place: str, number: int, **parts: object) -> Entry:
    """Writes an entry anew with other parts and the hash that fits them."""
    entry = next(e for e in Ledger(place).entries() if e.number == number)
    other = Entry(**{**vars(entry), **parts}).sealed()
    tampered(
        place,
        f"UPDATE fundalloc_entries SET kind = :kind, round = :round, name = :name, reason = :reason, about = :about, "
        f"files = :files, hash = :hash WHERE number = {number}",
        **{**vars(other), "files": canonical(dict(other.files))},
    )
    return other


@pytest.mark.parametrize("number", [1, 4, 6])
def test_a_changed_entry_that_is_sealed_again_is_found_by_the_next_one(place, capsys, number):
    filled(place)
    rewritten(place, number, reason="another")
    code, said = verified(place, capsys)
    assert code == 7
    assert f"entry {number + 1} (" in said and "changed or swapped" in said


def test_the_last_entry_sealed_again_is_found_by_who_kept_its_hash(place, capsys):
    kept = filled(place).head
    rewritten(place, 7, name="Eve")
    assert verified(place, capsys)[0] == 0
    assert verified(place, capsys, "--expect", kept)[0] == 7


@pytest.mark.parametrize(
    ("parts", "said"),
    [
        ({"kind": "approval", "round": "1999", "about": None}, "Round 1999 is not recorded"),
        ({"kind": "approval", "round": "2022", "about": 5}, "Round 2022 is approved"),
        ({"kind": "publication", "round": "2023", "about": 4}, "Round 2023 is draft"),
        ({"kind": "publication", "round": "2022", "about": 1}, "about entry 1, which is not the one that held then"),
        ({"kind": "correction", "round": "2022", "about": 6}, "about entry 6"),
        ({"kind": "correction", "round": "2022", "about": None}, "about entry None"),
        ({"kind": "history", "round": "2021", "about": 1}, "about entry 1"),
    ],
)
def test_an_entry_that_cannot_follow_is_found_though_its_hash_fits(place, capsys, parts, said):
    filled(place)
    rewritten(place, 7, **parts)
    code, shown = verified(place, capsys)
    assert code == 7
    assert f"entry 7 ({parts['kind']} of round {parts['round']})" in shown
    assert said in shown


def test_a_round_decided_twice_is_found_though_its_hash_fits():
    one = Entry(1, "decision", "2022", "a", "t", "r", None).sealed()
    two = Entry(2, "decision", "2022", "a", "t", "r", None, previous=one.hash).sealed()
    assert broken([one]) == []
    assert broken([one, two]) == [
        "entry 2 (decision of round 2022) cannot stand there: Round 2022 is recorded already (entry 1, decision of "
        "round 2022 by a on t)."
    ]


@pytest.mark.parametrize(
    "parts",
    [
        {"kind": "gift"},
        {"number": "1"},
        {"number": True},
        {"about": "1"},
        {"about": 1.0},
        {"name": None},
        {"files": []},
        {"files": {"a": None}},
        {"files": {"../a": "0"}},
        {"files": {"a/b": "0"}},
        {"files": {"a\\b": "0"}},
        {"files": {"c:a": "0"}},
        {"files": {"..": "0"}},
        {"files": {".": "0"}},
        {"files": {"": "0"}},
        {"name": "\udcff"},
        {"more": 1},
    ],
)
def test_what_is_no_entry(parts):
    entry = vars(Entry(1, "decision", "2022", "a", "t", "r", None).sealed())
    assert Entry.of(entry) == Entry(**entry)
    with pytest.raises(ValueError, match=r"parts|numbers|text|unknown|names|name of a file"):
        Entry.of({**entry, **parts})


def test_changed_and_lost_contents_are_found(place, capsys):
    book = filled(place)
    with sql(place) as connection:
        stored = connection.execute(text("SELECT sha256, content FROM fundalloc_contents")).all()
    assert {hashlib.sha256(bytes(content)).hexdigest() for _, content in stored} == {key for key, _ in stored}
    for key, content in stored:
        users = [(e, name) for e in book.entries() for name, one in e.files.items() if one == key]
        for k in (0, len(content) - 1):
            other = content[:k] + bytes([content[k] ^ 128]) + content[k + 1 :]
            change = "UPDATE fundalloc_contents SET content = :content WHERE sha256 = :key"
            tampered(place, change, content=other, key=key)
            said = book.faults()
            for entry, name in users:
                assert f"{name} of entry {entry.number} ({entry.kind} of round {entry.round}) was changed." in said
                with pytest.raises(LedgerError, match="was changed"):
                    book.file(entry, name)
            tampered(place, change, content=content, key=key)
        tampered(place, "DELETE FROM fundalloc_contents WHERE sha256 = :key", key=key)
        code, shown = verified(place, capsys)
        assert (code, "is missing" in shown) == (7, True)
        insert = "INSERT INTO fundalloc_contents (sha256, content) VALUES (:key, :content)"
        tampered(place, insert, key=key, content=content)
    assert verified(place, capsys)[0] == 0


def test_content_that_turned_into_text_is_found(tmp_path, capsys):
    place = str(tmp_path / "l.sqlite")
    filled(place)
    tampered(place, "UPDATE fundalloc_contents SET content = CAST(content AS TEXT) WHERE content = x'ff'")
    tampered(place, "UPDATE fundalloc_contents SET content = 'text' WHERE typeof(content) = 'text'")
    code, said = verified(place, capsys)
    assert (code, "odd of entry 4 (decision of round 2023) was changed." in said) == (7, True)


def test_files_written_in_another_way_are_found(place, capsys):
    filled(place)
    tampered(place, "UPDATE fundalloc_entries SET files = replace(files, ',', ', ') WHERE number = 4")
    code, said = verified(place, capsys)
    assert (code, "entry 4 (decision) cannot be read" in said) == (7, True)


def test_a_guard_that_is_gone_is_found(place, capsys):
    filled(place)
    with sql(place) as connection:
        gone = {
            "sqlite": "DROP TRIGGER fundalloc_entries_update",
            "postgresql": "ALTER TABLE fundalloc_entries DISABLE TRIGGER fundalloc_entries_update",
        }
        connection.execute(text(gone[connection.dialect.name]))
    code, said = verified(place, capsys)
    assert code == 7
    assert "1 fault(s)" in said
    assert "the guard fundalloc_entries_update is gone or was changed" in said


def test_contents_that_wait_under_a_wrong_hash_are_not_taken(place):
    book = filled(place)
    new = b"what will be recorded"
    with sql(place) as connection:
        connection.execute(
            text("INSERT INTO fundalloc_contents (sha256, content) VALUES (:key, :content)"),
            {"key": hashlib.sha256(new).hexdigest(), "content": b"poison"},
        )
    with pytest.raises(LedgerError, match="was changed"):
        book.append("decision", "2024", name="a", reason="b", files={"f": new})
    assert len(book.entries()) == 7


REFUSED = [
    ("decision", "2022", "Round 2022 is recorded already (entry 5, correction of round 2022 by Cy on "),
    ("history", "2023", "Round 2023 is recorded already (entry 4, decision of round 2023 by Ada on "),
    ("correction", "1999", "Round 1999 is not recorded; nothing was recorded. Recorded are: 2020, 2022, 2023."),
    ("amendment", "1999", "Round 1999 is not recorded"),
    ("approval", "1999", "Round 1999 is not recorded"),
    ("approval", "2022", "Round 2022 is approved (entry 6, approval of round 2022 by Ben on "),
    ("publication", "2023", "Round 2023 is draft"),
    ("decision", " ", "A round is missing"),
    ("decision", "a\0b", "control character"),
    ("decision", "\udcff", "no Unicode text"),
]


@pytest.mark.parametrize(("kind", "label", "said"), REFUSED)
def test_an_entry_that_cannot_follow_is_refused(place, kind, label, said):
    book = filled(place)
    before = book.entries()
    with pytest.raises(LedgerError) as refused:
        book.append(kind, label, name="Eve", reason="why", files={"f": b"new"})
    assert said in str(refused.value)
    assert book.entries() == before
    with sql(place) as connection:  # nothing of it is left
        assert connection.execute(text("SELECT count(*) FROM fundalloc_contents")).scalar() == 5


@pytest.mark.parametrize(
    "missing", [{"name": " \t"}, {"reason": ""}, {"name": "a\0"}, {"reason": "\ud800"}, {"name": "\x1b[2J"}]
)
def test_who_and_why_are_required(place, missing):
    book = filled(place)
    with pytest.raises(LedgerError, match="nothing was recorded"):
        book.append("decision", "2024", **{"name": "a", "reason": "b", **missing})
    assert len(book.entries()) == 7


def test_a_round_goes_from_draft_to_approved_to_published_and_back(place):
    book = Ledger(place, create=True)
    states = []
    for kind in ("decision", "approval", "publication", "correction", "approval", "publication", "amendment"):
        book.append(kind, "2022", name="a", reason="b")
        states.append(book.standing("2022").state)
    assert states == ["draft", "approved", "published", "draft", "approved", "published", "draft"]
    assert [e.about for e in book.entries()] == [None, 1, 1, 1, 4, 4, 4]
    with pytest.raises(LedgerError, match=r"round 1 is not recorded\. Recorded are: 2022"):
        book.standing("1")


def test_what_rests_on_an_entry_falls_with_it(place):
    book = filled(place)
    with pytest.raises(LedgerError, match="round 2022 has changed in the meantime"):
        book.append("amendment", "2022", name="a", reason="b", after=1)
    assert book.append("amendment", "2022", name="a", reason="b", after=5).about == 5


def test_several_rounds_are_written_all_or_none(place):
    book = filled(place)
    with pytest.raises(LedgerError, match="Round 2022 is recorded already"):
        book.append_all("history", [("2018", {"f": b"1"}), ("2022", {})], name="a", reason="b")
    with pytest.raises(LedgerError, match="Round 2018 is recorded already"):
        book.append_all("history", [("2018", {"f": b"1"}), ("2018", {})], name="a", reason="b")
    assert len(book.entries()) == 7
    assert [e.number for e in book.append_all("history", [("2018", {}), ("2019", {})], name="a", reason="b")] == [8, 9]
    assert book.faults() == []


def test_the_chain_computed_anew_from_the_documentation_alone(tmp_path):
    """docs/rounds.md, "Computed by hand": sqlite3, json and hashlib are enough."""
    book = filled(str(tmp_path / "l.sqlite"))
    with closing(sqlite3.connect(tmp_path / "l.sqlite")) as file:
        rows = file.execute(
            "SELECT number, kind, round, name, at, reason, about, files, previous, hash FROM fundalloc_entries "
            "ORDER BY number"
        ).fetchall()
        contents = dict(file.execute("SELECT sha256, content FROM fundalloc_contents"))
    previous = "0" * 64
    for number, row in enumerate(rows, 1):
        names = ("number", "kind", "round", "name", "at", "reason", "about", "files", "previous")
        entry = dict(zip(names, row, strict=False))
        entry["files"] = json.loads(entry["files"])
        assert (entry["number"], entry["previous"]) == (number, previous)
        said = json.dumps(entry, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
        previous = hashlib.sha256(said.encode("utf-8")).hexdigest()
        assert previous == row[-1]
        for sha256 in entry["files"].values():
            assert hashlib.sha256(contents[sha256]).hexdigest() == sha256
    assert previous == book.head
    assert len(rows) == 7
