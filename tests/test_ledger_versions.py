"""Versions of a ledger's tables: newer ones are refused, earlier ones led to this one's, all or nothing."""

from __future__ import annotations

import pytest
from sqlalchemy import Connection, inspect, text

from fundalloc import Ledger, LedgerError
from fundalloc.cli.app import run
from fundalloc.ledger import schema
from fundalloc.ledger.past import past
from tests.databases import disarmed, sql
from tests.test_ledger import filled


def everything(place: str) -> dict[str, list[tuple[object, ...]]]:
    """Every table with its columns and rows."""
    with sql(place) as connection:
        look = inspect(connection)
        return {
            name: [
                tuple(column["name"] for column in look.get_columns(name)),
                *sorted(map(tuple, connection.execute(text(f"SELECT * FROM {name}"))), key=repr),
            ]
            for name in sorted(look.get_table_names())
        }


def add_column(connection: Connection) -> None:
    connection.execute(text("ALTER TABLE fundalloc_entries ADD COLUMN place TEXT"))


def fail_late(connection: Connection) -> None:
    add_column(connection)
    connection.execute(text("CREATE TABLE more (a TEXT)"))
    connection.execute(text("INSERT INTO nowhere VALUES (1)"))


def fail_by_itself(connection: Connection) -> None:
    add_column(connection)
    raise RuntimeError("a bug")


def renewed(monkeypatch: pytest.MonkeyPatch, version: int, **upgrades: object) -> None:
    monkeypatch.setattr(schema, "SCHEMA", version)
    monkeypatch.setattr(schema, "UPGRADES", {int(name[1:]): step for name, step in upgrades.items()})


USES = {
    "entries": lambda book: book.entries(),
    "head": lambda book: book.head,
    "faults": lambda book: book.faults(),
    "append": lambda book: book.append("decision", "1999", name="a", reason="b"),
    "put": lambda book: book.put([]),
    "past": past,
}


@pytest.mark.parametrize("use", USES)
def test_tables_of_a_newer_version_are_not_touched(place, use):
    filled(place)
    with sql(place) as connection:
        connection.execute(text("INSERT INTO fundalloc_schema VALUES (2)"))
    before = everything(place)
    for book in (Ledger(place), Ledger(place, create=True)):
        with pytest.raises(
            LedgerError, match=r"written by a newer fundalloc \(tables of version 2, this one knows 1\)"
        ):
            USES[use](book)
        with pytest.raises(LedgerError, match="newer"):
            book.upgrade()
    assert everything(place) == before


@pytest.mark.parametrize("use", USES)
def test_tables_of_an_earlier_version_are_not_touched_unless_asked(place, use, monkeypatch):
    filled(place)
    before = everything(place)
    renewed(monkeypatch, 2, _1=add_column)
    for book in (Ledger(place), Ledger(place, create=True)):
        with pytest.raises(LedgerError, match=r"`fundalloc rounds --upgrade` keeps a copy of them and renews them"):
            USES[use](book)
    assert everything(place) == before


def test_an_upgrade_keeps_copies_and_every_hash(place, monkeypatch, capsys):
    entries = filled(place).entries()
    before = everything(place)
    renewed(monkeypatch, 3, _1=add_column, _2=lambda connection: None)
    assert run(["rounds", "--upgrade", "--ledger", place]) == 0
    said = capsys.readouterr().err
    assert "tables of version 1 are now of version 3" in said
    assert "fundalloc_entries_v1, fundalloc_contents_v1" in said
    book = Ledger(place)
    assert (book.version, book.entries(), book.faults()) == (3, entries, [])
    after = everything(place)
    assert after["fundalloc_entries_v1"] == before["fundalloc_entries"]
    assert after["fundalloc_contents_v1"] == before["fundalloc_contents"]
    assert after["fundalloc_schema"][1:] == [(1,), (2,), (3,)]
    assert after["fundalloc_entries"][0] == (*before["fundalloc_entries"][0], "place")
    assert book.append("decision", "1999", name="a", reason="b").number == 8
    assert run(["rounds", "--upgrade", "--ledger", place]) == 0
    assert "of version 3, the newest; nothing was changed" in capsys.readouterr().err


@pytest.mark.parametrize("fails", [fail_late, fail_by_itself])
def test_an_upgrade_that_fails_leaves_all_as_it_was(place, monkeypatch, fails):
    filled(place)
    before = everything(place)
    with monkeypatch.context() as newer:
        renewed(newer, 3, _1=lambda connection: None, _2=fails)
        book = Ledger(place)
        with pytest.raises(LedgerError if fails is fail_late else RuntimeError):
            book.upgrade()
        assert book.version == 1
    assert everything(place) == before
    assert Ledger(place).append("decision", "1999", name="a", reason="b").number == 8


def test_a_version_from_which_no_way_leads(place, monkeypatch, capsys):
    filled(place)
    before = everything(place)
    renewed(monkeypatch, 3, _2=add_column)
    assert run(["rounds", "--upgrade", "--ledger", place]) == 7
    assert "no way leads from tables of version 1" in capsys.readouterr().err
    assert everything(place) == before


def test_a_lost_version_is_damage(place, capsys):
    filled(place)
    with sql(place) as connection, disarmed(connection):
        connection.execute(text("DELETE FROM fundalloc_schema"))
    assert run(["rounds", "--ledger", place]) == 7
    assert "has lost the version of its tables" in capsys.readouterr().err
