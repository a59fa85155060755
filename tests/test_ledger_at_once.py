"""Several processes at once: one wins, the others are told who did; nothing is torn."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from fundalloc import Ledger, LedgerError
from fundalloc.ledger import database
from tests.databases import schema, sql

ROOT = Path(__file__).parent.parent
TIMES = 4


def told(place: str, kind: str, count: int) -> list[list[list[object]]]:
    """What every process was told about every round."""
    command = [sys.executable, "-m", "tests.writers", place, kind, str(count), str(TIMES)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    return json.loads(done.stdout)


@pytest.mark.parametrize("count", [2, 8])
def test_of_those_who_record_one_round_exactly_one_wins(place, count):
    said = told(place, "same", count)
    book = Ledger(place)
    assert book.faults() == []
    assert [e.round for e in book.entries()] == [str(k) for k in range(TIMES)]
    for k, entry in enumerate(book.entries()):
        mine = [one[k] for one in said]
        assert sorted(code for code, _ in mine) == [0] + [7] * (count - 1)
        winner = int(entry.name.removeprefix("writer "))
        assert mine[winner] == [0, entry.hash]
        for who in set(range(count)) - {winner}:
            assert f"Round {k} is recorded already ({entry.said()}); nothing was recorded." in mine[who][1]


def test_a_server_that_is_stricter_by_default_tells_the_same(server):
    place = schema(server) + "%20-cdefault_transaction_isolation%3Dserializable"
    said = told(place, "same", 3)
    for mine in zip(*said, strict=True):
        assert sorted(code for code, _ in mine) == [0, 7, 7]
        assert sum("is recorded already (entry" in words for _, words in mine) == 2
    assert Ledger(place).faults() == []


@pytest.mark.parametrize("count", [2, 8])
def test_those_who_record_different_rounds_all_succeed(place, count):
    said = told(place, "other", count)
    book = Ledger(place)
    assert book.faults() == []
    assert {entry.hash for entry in book.entries()} == {word for one in said for _, word in one}
    assert {code for one in said for code, _ in one} == {0}
    assert len(book.entries()) == count * TIMES


def test_who_waits_too_long_for_another_is_told(place, monkeypatch):
    book = Ledger(place, create=True)
    monkeypatch.setattr(database, "PATIENCE", 1)
    other = Ledger(place)
    with database.writing(book._engine), pytest.raises(LedgerError, match="another process has been writing for"):
        other.append("decision", "2022", name="a", reason="b")
    assert other.append("decision", "2022", name="a", reason="b").number == 1


def test_a_reader_never_waits_for_a_writer_and_sees_whole_entries(place):
    book = Ledger(place, create=True)
    seen = []

    def look() -> None:
        seen.append(len(Ledger(place).entries()))

    def check() -> None:
        reader = threading.Thread(target=look)
        reader.start()
        reader.join()

    book.append("decision", "2022", name="a", reason="b", files={"f": b"1"}, check=check)
    look()
    assert seen == [0, 1]


def test_a_check_that_fails_leaves_nothing(place):
    book = Ledger(place, create=True)

    def fails() -> None:
        raise LedgerError("the past is another.")

    with pytest.raises(LedgerError, match=r"the past is another\."):
        book.append("decision", "2022", name="a", reason="b", files={"f": b"1"}, check=fails)
    with sql(place) as connection:
        for table in ("entries", "contents"):
            assert connection.exec_driver_sql(f"SELECT count(*) FROM fundalloc_{table}").scalar() == 0
