"""Trouble with a ledger's database: damage, full disks, other files, servers that are not there; always a sentence."""

from __future__ import annotations

import json
import os
import random
import shutil
import sqlite3
import subprocess
import sys
import tempfile
from contextlib import closing
from pathlib import Path

import pytest
from sqlalchemy import event, text

from fundalloc import Ledger, LedgerError
from fundalloc.cli.app import run
from fundalloc.ledger.past import past
from tests.databases import schema, sql, unprivileged
from tests.test_ledger import filled, verified, written

SECRET = "tiger-7"


def ended(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str]:
    """The exit code of a command that refuses, and its sentence."""
    capsys.readouterr()
    code = run([*arguments])
    shown = capsys.readouterr()
    assert shown.out == ""
    assert "Traceback" not in shown.err
    return code, shown.err


@pytest.mark.parametrize("part", range(4))
def test_a_changed_byte_of_the_file_never_changes_an_amount(tmp_path, capsys, part):
    file, other = tmp_path / "l.sqlite", tmp_path / "other.sqlite"
    book = filled(str(file))
    whole = file.read_bytes()
    right = [(entry, book.files(entry)) for entry in book.entries()], past(book)
    rng = random.Random(part)
    used = [k for k, byte in enumerate(whole) if byte]  # most of the rest is empty
    codes = set()
    for k in [*rng.sample(used, 40), *rng.sample(range(len(whole)), 10)]:
        value = whole[k] ^ (1 << rng.randrange(8)) if k % 2 else (whole[k] + rng.randrange(1, 256)) % 256
        other.write_bytes(whole[:k] + bytes([value]) + whole[k + 1 :])
        code, said = verified(str(other), capsys)
        codes.add(code)
        if code:
            assert (code, str(other) in said) == (7, True), (k, value)
            continue
        again = Ledger(other)
        assert ([(entry, again.files(entry)) for entry in again.entries()], past(again)) == right, (k, value)
    assert codes == {0, 7}


@pytest.mark.parametrize("share", [0.0, 0.1, 0.3, 0.5, 0.9, 0.999])
def test_a_file_that_was_cut_is_refused(tmp_path, capsys, share):
    file = tmp_path / "l.sqlite"
    filled(str(file))
    whole = file.read_bytes()
    file.write_bytes(whole[: int(share * len(whole))])
    assert verified(str(file), capsys)[0] == 7


def test_a_row_that_its_indexes_know_and_its_table_lost_is_missed(tmp_path, capsys):
    """The last entry goes without a trace in the chain; SQLite's own indexes still have it."""
    file = tmp_path / "l.sqlite"
    filled(str(file))
    with closing(sqlite3.connect(file)) as connection:
        page = connection.execute("SELECT rootpage FROM sqlite_master WHERE name = 'fundalloc_entries'").fetchone()[0]
        size = connection.execute("PRAGMA page_size").fetchone()[0]
    whole = bytearray(file.read_bytes())
    start = (page - 1) * size
    assert whole[start] == 13  # a leaf; then the number of its rows, the high byte first
    assert whole[start + 4] == 7
    whole[start + 4] = 6
    file.write_bytes(whole)
    code, said = verified(str(file), capsys)
    assert code == 7
    assert "damaged" in said
    with pytest.raises(LedgerError, match="damaged"):
        past(Ledger(file))


OTHERS = {
    "text": b"round,region_id\n" * 100,
    "short": b"xy",
    "random": random.Random(1).randbytes(5000),
    "encrypted": random.Random(2).randbytes(16) + b"\0" * 8192,
    "half a header": b"SQLite format 3\0",
    "header": b"SQLite format 3\0" + random.Random(3).randbytes(8176),
}


@pytest.mark.parametrize("kind", OTHERS)
@pytest.mark.parametrize("command", [["rounds"], ["rounds", "--verify"], ["approve", "1", "--reason", "x"], ["import"]])
def test_what_is_no_database_is_refused_and_stays_as_it_is(tmp_path, capsys, kind, command):
    file, history = tmp_path / "l.sqlite", tmp_path / "past.csv"
    file.write_bytes(OTHERS[kind])
    history.write_text("round,region_id,resource,entitlement,amount\n1,A,fund,1,1\n", encoding="utf-8")
    command = ["rounds", "--import", str(history)] if command == ["import"] else command
    code, said = ended(capsys, *command, "--ledger", str(file), "--by", "x")
    assert code == 7
    assert said.startswith(f"fundalloc: {file}: ")
    assert file.read_bytes() == OTHERS[kind]
    assert sorted(p.name for p in tmp_path.iterdir()) == ["l.sqlite", "past.csv"]


def test_an_empty_file_is_no_ledger_until_one_is_made(tmp_path, capsys):
    file = tmp_path / "l.sqlite"
    file.touch()
    code, said = ended(capsys, "rounds", "--ledger", str(file))
    assert (code, said) == (7, f"fundalloc: {file}: there is no ledger. `fundalloc record OUT` makes one.\n")
    assert file.read_bytes() == b""
    assert filled(str(file)).faults() == []


@pytest.mark.parametrize("url", ["{}", "sqlite:///{}"])
def test_no_such_file_is_said_and_none_is_made(tmp_path, capsys, url):
    file = tmp_path / "none.sqlite"
    for command in (["rounds"], ["publish", "1", "--reason", "x"]):
        code, said = ended(capsys, *command, "--ledger", url.format(file))
        assert (code, said) == (7, f"fundalloc: {file}: there is no ledger. `fundalloc record OUT` makes one.\n")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("journal", ["delete", "wal"])
def test_another_database_is_refused_and_stays_as_it_is(tmp_path, capsys, journal):
    file = tmp_path / "other.sqlite"
    with closing(sqlite3.connect(file)) as connection:
        connection.execute(f"PRAGMA journal_mode={journal}")
        connection.execute("CREATE TABLE wages (name TEXT)")
        connection.commit()
    before = file.read_bytes()
    assert ended(capsys, "rounds", "--ledger", str(file))[0] == 7
    with pytest.raises(LedgerError, match="no ledger of fundalloc; nothing was changed"):
        Ledger(file, create=True)
    assert file.read_bytes() == before


def test_a_ledger_lives_beside_other_tables_of_postgresql(server):
    place = schema(server)
    with sql(place) as connection:
        connection.execute(text("CREATE TABLE wages (name TEXT)"))
    with pytest.raises(LedgerError, match="there is no ledger"):
        Ledger(place)
    assert filled(place).faults() == []


def test_a_server_without_an_encoding_holds_every_text(server):
    with sql(schema(server), alone=True) as connection:
        connection.execute(text("CREATE DATABASE ascii ENCODING 'SQL_ASCII' TEMPLATE template0"))
    place = schema(server).partition("&options")[0].replace("/postgres?", "/ascii?")
    book = filled(place)
    assert book.entries()[0].reason == "Board, 3 März"
    assert book.faults() == []


def test_a_ledger_that_somebody_gave_another_journal_stays_a_ledger(tmp_path):
    file = tmp_path / "l.sqlite"
    book = filled(str(file))
    with closing(sqlite3.connect(file)) as connection:
        connection.execute("PRAGMA journal_mode=wal")
    assert book.append("decision", "2024", name="a", reason="b").number == 8
    assert Ledger(file).faults() == []


@pytest.mark.parametrize("where", ["folder", "missing/l.sqlite", "file/l.sqlite"])
def test_a_place_where_no_file_can_be(tmp_path, where):
    (tmp_path / "folder").mkdir()
    (tmp_path / "file").touch()
    for create in (False, True):
        with pytest.raises(LedgerError, match="there is no ledger" if not create else "cannot be opened"):
            Ledger(tmp_path / where, create=create)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["file", "folder"]


@pytest.mark.parametrize("where", ["", ":memory:", "sqlite://", "sqlite:///:memory:", "sqlite:///x?mode=memory"])
def test_a_ledger_in_memory_alone_would_be_lost(where):
    with pytest.raises(LedgerError, match="Write a file name"):
        Ledger(where, create=True)


@pytest.mark.parametrize("name", ["a?b.sqlite", "50%.sqlite", "a#b.sqlite", "a b.sqlite", "分配.sqlite", "file:x"])
def test_any_name_of_a_file_is_a_name_of_a_file(tmp_path, name):
    written(str(tmp_path / name))
    assert len(Ledger(tmp_path / name).entries()) == 7
    assert [p.name for p in tmp_path.iterdir()] == [name]


URLS = [
    (f"mysql://ada:{SECRET}@host/fund", "a ledger is an SQLite file or a PostgreSQL database"),
    (f"nonsense://ada:{SECRET}@host/fund", "a ledger is an SQLite file or a PostgreSQL database"),
    (f"postgresql+psycopg2://ada:{SECRET}@host/fund", "a ledger is an SQLite file or a PostgreSQL database"),
    (f"postgresql+asyncpg://ada:{SECRET}@host/fund", "a ledger is an SQLite file or a PostgreSQL database"),
    (f"sqlite://ada:{SECRET}@host/fund", "a ledger is an SQLite file or a PostgreSQL database"),
    (f"postgresql://ada:{SECRET}@host:port/fund", "is no database URL"),
    (f"://ada:{SECRET}@host/fund", "is no database URL"),
    (f"postgresql://ada:{SECRET}@127.0.0.1:1/fund", "postgresql://ada:***@127.0.0.1:1/fund: "),
    (f"postgres://ada:{SECRET}@127.0.0.1:1/fund", "postgresql://ada:***@127.0.0.1:1/fund: "),
    (f"postgresql://ada@127.0.0.1:1/fund?password={SECRET}", "postgresql://ada@127.0.0.1:1/fund: "),
    (f"postgresql://ada:{SECRET}@127.0.0.1:99999999/fund", "postgresql://ada:***@127.0.0.1:99999999/fund: "),
    (f"postgresql://ada:{SECRET}@/fund?host=/nowhere", "postgresql://ada:***@/fund: "),
    (f"postgresql://ada:{SECRET}@/fund?nonsense=1", "postgresql://ada:***@/fund: "),
    (f"postgresql://ada:{SECRET}@nowhere.invalid/fund", "postgresql://ada:***@nowhere.invalid/fund: "),
]


@pytest.mark.parametrize(("url", "said"), URLS)
def test_a_database_that_is_not_there_is_said_without_a_password(capsys, url, said):
    for command in (["rounds"], ["rounds", "--verify"]):
        code, shown = ended(capsys, *command, "--ledger", url)
        assert code == 7
        assert said in shown
        assert SECRET not in shown
        assert len(shown.splitlines()) == 1


def test_a_password_of_a_server_is_never_printed(server, capsys):
    place = schema(server).replace("keeper@", f"keeper:{SECRET}@")
    filled(place)
    assert run(["rounds", "--ledger", place]) == 0
    assert run(["rounds", "--verify", "--ledger", place]) == 0
    assert run(["approve", "2023", "--reason", "x", "--by", "y", "--ledger", place]) == 0
    assert run(["approve", "2023", "--reason", "x", "--by", "y", "--ledger", place]) == 7
    shown = capsys.readouterr()
    assert SECRET not in shown.out + shown.err
    assert "keeper:***@" in shown.out and "keeper:***@" in shown.err


def test_a_user_or_database_that_the_server_does_not_know(server, capsys):
    place = schema(server)
    for url in (place.replace("keeper@", "nobody@"), place.replace("/postgres?", "/none?")):
        code, said = ended(capsys, "rounds", "--ledger", url)
        assert code == 7
        assert "does not exist" in said


@pytest.mark.parametrize("missing", ["psycopg", "sqlite3"])
def test_a_missing_driver_is_named(monkeypatch, missing):
    monkeypatch.setitem(sys.modules, missing, None)
    where = f"postgresql://ada:{SECRET}@host/fund" if missing == "psycopg" else "file"
    with pytest.raises(LedgerError, match=rf"needs {missing}\. Install it with") as said:
        Ledger(where, create=True)
    assert SECRET not in str(said.value)


def state(book: Ledger) -> tuple[object, ...]:
    """Everything that a ledger holds."""
    with sql(book.where) as connection:
        contents = connection.execute(text("SELECT count(*) FROM fundalloc_contents")).scalar()
    return book.entries(), contents, book.faults()


@pytest.mark.parametrize("pages", [0, 1, 10])
def test_a_full_disk_is_said_and_changes_nothing(tmp_path, pages):
    book = filled(str(tmp_path / "l.sqlite"))
    before = state(book)

    def limited(connection: sqlite3.Connection, record: object) -> None:
        del record
        used = connection.execute("PRAGMA page_count").fetchone()[0]
        connection.execute(f"PRAGMA max_page_count={used + pages}")

    event.listen(book._engine, "connect", limited)
    with pytest.raises(LedgerError, match="the disk is full; nothing was recorded"):
        book.append("decision", "2024", name="a", reason="b", files={"f": os.urandom(100_000)})
    event.remove(book._engine, "connect", limited)
    assert state(book) == before
    assert book.append("decision", "2024", name="a", reason="b", files={"f": os.urandom(100_000)}).number == 8


def test_a_limit_on_the_size_of_files_is_a_full_disk(tmp_path):
    """The system itself refuses to let the file, or its journal, grow."""
    file = tmp_path / "l.sqlite"
    before = state(filled(str(file)))
    code = (
        "import resource, sys; from fundalloc import Ledger, LedgerError\n"
        "book = Ledger(sys.argv[1]); size = int(sys.argv[2]); resource.setrlimit(resource.RLIMIT_FSIZE, (size, size))\n"
        "try: book.append('decision', '2024', name='a', reason='b', files={'f': bytes(100_000)})\n"
        "except LedgerError as error: print(error)"
    )
    for size in (file.stat().st_size + 8192, 100):
        done = subprocess.run(
            [sys.executable, "-c", code, str(file), str(size)], capture_output=True, text=True, check=True
        )
        assert done.stdout.startswith(f"{file}: the disk ")
        assert "nothing was recorded" in done.stdout
        assert done.stderr == ""
        assert state(Ledger(file)) == before
        assert [p.name for p in tmp_path.iterdir() if "journal" not in p.name] == ["l.sqlite"]


#: what is imported late has to be imported before: others may not read it
READER = """
import json, os, sys
from fundalloc import Ledger, LedgerError
file, warm, who = sys.argv[1], Ledger(sys.argv[2], create=True), json.loads(sys.argv[3])
warm.append("decision", "1", name="a", reason="b", files={"f": b""})
said = []
def refused(act):
    try: act()
    except LedgerError as error: said.append(str(error))
refused(lambda: Ledger(os.path.dirname(file), create=True))
said.clear()
if who: os.setgroups([]); os.setgid(who["group"]); os.setuid(who["user"])
book = Ledger(file)
said.append(f"{len(book.entries())} {book.faults()}")
refused(lambda: book.append("decision", "2024", name="a", reason="b"))
refused(lambda: Ledger(os.path.dirname(file) + "/new.sqlite", create=True))
print("\\n".join(said))
"""


def test_who_may_only_read_cannot_write(tmp_path):
    """As root, who may do everything, by somebody else; the file and its folder are the tests' own."""
    folder = Path(tempfile.mkdtemp(dir="/tmp"))
    try:
        file = folder / "l.sqlite"
        before = state(filled(str(file)))
        folder.chmod(0o555)
        file.chmod(0o444)
        done = subprocess.run(
            [sys.executable, "-c", READER, str(file), str(tmp_path / "warm"), json.dumps(unprivileged())],
            capture_output=True,
            text=True,
            check=False,
        )
        assert (done.returncode, done.stderr) == (0, "")
        assert done.stdout.splitlines() == [
            "7 []",
            f"{file}: cannot be written; nothing was recorded. Check who may write there.",
            f"{folder}/new.sqlite: cannot be opened. Check the name, and who may write in its folder.",
        ]
        assert state(Ledger(file)) == before
    finally:
        folder.chmod(0o700)
        shutil.rmtree(folder)


def test_who_may_only_read_the_server_cannot_write(server):
    place = schema(server)
    book = filled(place)
    before = book.entries()
    name = place.rpartition("%3D")[2]
    with sql(place) as connection:
        for statement in (
            f"CREATE ROLE {name} LOGIN",
            f"GRANT USAGE ON SCHEMA {name} TO {name}",
            f"GRANT SELECT ON ALL TABLES IN SCHEMA {name} TO {name}",
        ):
            connection.execute(text(statement))
    reader = Ledger(place.replace("keeper@", f"{name}@"))
    assert reader.entries() == before
    assert reader.faults() == []
    with pytest.raises(LedgerError, match="the database refused"):
        reader.append("decision", "2024", name="a", reason="b")
    assert book.entries() == before


def test_nothing_is_written_before_the_last_one_is_on_the_disk(tmp_path):
    book = filled(str(tmp_path / "l.sqlite"))
    with book._reading() as connection:
        assert connection.exec_driver_sql("PRAGMA journal_mode").scalar() == "delete"
        assert connection.exec_driver_sql("PRAGMA synchronous").scalar() == 3
