"""The tables of a ledger: the database itself refuses to change or delete what stands in them."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from sqlalchemy import (
    Column,
    Connection,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    Table,
    Text,
    func,
    insert,
    inspect,
    select,
    text,
)

from fundalloc.errors import LedgerError
from fundalloc.language import say
from fundalloc.ledger.entries import FIRST

#: the version of the tables; a ledger of an earlier version is upgraded only on demand (`Ledger.upgrade`)
SCHEMA = 1
#: what leads from the tables of a version to those of the next one
UPGRADES: Mapping[int, Callable[[Connection], None]] = {}

metadata = MetaData()
versions = Table("fundalloc_schema", metadata, Column("version", Integer, primary_key=True))
entries = Table(
    "fundalloc_entries",
    metadata,
    Column("number", Integer, primary_key=True, autoincrement=False),
    Column("kind", Text, nullable=False),
    Column("round", Text, nullable=False),
    Column("name", Text, nullable=False),
    Column("at", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Column("about", Integer),
    Column("files", Text, nullable=False),
    Column("previous", Text, nullable=False, unique=True),
    Column("hash", Text, nullable=False, unique=True),
)
contents = Table(
    "fundalloc_contents",
    metadata,
    Column("sha256", Text, primary_key=True),
    Column("content", LargeBinary, nullable=False),
)
_first = entries.c.kind.in_(FIRST)
Index("fundalloc_once", entries.c.round, unique=True, sqlite_where=_first, postgresql_where=_first)

_REFUSES = "a ledger is append-only"


def found(connection: Connection) -> int | None:
    """The version of the tables; None in an empty database. Raises LedgerError where other tables are there."""
    names = set(inspect(connection).get_table_names())
    if versions.name in names:
        version: object = connection.execute(select(func.max(versions.c.version))).scalar()
        if type(version) is not int:
            raise LedgerError(
                say("has lost the version of its tables; take the last copy (rounds --export, --import).")
            )
        return version
    if names and connection.dialect.name == "sqlite":
        raise LedgerError(say("is a database, but no ledger of fundalloc; nothing was changed. Name another file."))
    return None


def make(connection: Connection) -> None:
    """Makes the tables and what guards them."""
    metadata.create_all(connection)
    connection.execute(insert(versions).values(version=SCHEMA))
    if connection.dialect.name != "sqlite":
        connection.execute(
            text(
                "CREATE OR REPLACE FUNCTION fundalloc_refuses() RETURNS trigger LANGUAGE plpgsql AS "
                f"$$ BEGIN RAISE EXCEPTION '{_REFUSES}'; END $$"
            )
        )
    for table in metadata.sorted_tables:
        for statement in _guards(connection, table).values():
            connection.execute(text(statement))


def unguarded(connection: Connection) -> list[str]:
    """The guards that are gone, or are not what they were (PostgreSQL: are switched off)."""
    expected = {name: made for table in metadata.sorted_tables for name, made in _guards(connection, table).items()}
    if connection.dialect.name == "sqlite":
        said = connection.execute(text("SELECT name, sql FROM sqlite_master WHERE type = 'trigger'"))
        there = {str(name): str(made) for name, made in said}
        return [name for name, made in expected.items() if there.get(name) != made]
    active = connection.execute(
        text("SELECT tgname FROM pg_trigger WHERE tgenabled IN ('O', 'A') AND tgrelid = ANY(:tables ::regclass[])"),
        {"tables": [table.name for table in metadata.sorted_tables]},
    )
    return sorted(set(expected) - set(active.scalars()))


def copy(connection: Connection, version: int) -> tuple[str, ...]:
    """Copies the tables as they are beside themselves; the names of the copies."""
    names = [table.name for table in (entries, contents)]
    for name in names:
        connection.execute(text(f"CREATE TABLE {name}_v{version} AS SELECT * FROM {name}"))
    return tuple(f"{name}_v{version}" for name in names)


def _taken(table: Table) -> str:
    """Whether a new row would take the place of one that stands there (INSERT OR REPLACE deletes without a DELETE)."""
    same = ["rowid = NEW.rowid", *(f"{c.name} = NEW.{c.name}" for c in table.c if c.primary_key or c.unique)]
    if table is entries:
        first = ", ".join(f"'{kind}'" for kind in FIRST)
        same.append(f"(round = NEW.round AND kind IN ({first}) AND NEW.kind IN ({first}))")
    return f"EXISTS (SELECT 1 FROM {table.name} WHERE {' OR '.join(same)})"


def _guards(connection: Connection, guarded: Table) -> dict[str, str]:
    """The triggers that refuse every change of a row that stands in a table: how each is made, by its name."""
    table = guarded.name
    if connection.dialect.name == "sqlite":
        return {
            f"{table}_{event.lower()}": f"CREATE TRIGGER {table}_{event.lower()} BEFORE {event} ON {table}{when} "
            f"BEGIN SELECT RAISE(ABORT, '{_REFUSES}'); END"
            for event, when in (("UPDATE", ""), ("DELETE", ""), ("INSERT", f" WHEN {_taken(guarded)}"))
        }
    return {
        f"{table}_{event.split()[0].lower()}": f"CREATE TRIGGER {table}_{event.split()[0].lower()} BEFORE {event} "
        f"ON {table} FOR EACH {each} EXECUTE FUNCTION fundalloc_refuses()"
        for event, each in (("UPDATE OR DELETE", "ROW"), ("TRUNCATE", "STATEMENT"))
    }
