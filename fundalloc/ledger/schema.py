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
    insert,
    inspect,
    select,
    text,
)

from fundalloc.errors import LedgerError
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
        return int(connection.execute(select(versions.c.version)).scalars().all()[-1])
    if names and connection.dialect.name == "sqlite":
        raise LedgerError("is a database, but no ledger of fundalloc; nothing was changed. Name another file.")
    return None


def make(connection: Connection) -> None:
    """Makes the tables and what guards them."""
    metadata.create_all(connection)
    connection.execute(insert(versions).values(version=SCHEMA))
    for table in (versions, entries, contents):
        _guard(connection, table.name, next(iter(table.primary_key)).name)


def copy(connection: Connection, version: int) -> tuple[str, ...]:
    """Copies the tables as they are beside themselves; the names of the copies."""
    names = [table.name for table in (entries, contents)]
    for name in names:
        connection.execute(text(f"CREATE TABLE {name}_v{version} AS SELECT * FROM {name}"))
    return tuple(f"{name}_v{version}" for name in names)


def _guard(connection: Connection, table: str, key: str) -> None:
    """Triggers that refuse every change of a row that stands in a table."""
    if connection.dialect.name == "sqlite":
        same = f"EXISTS (SELECT 1 FROM {table} WHERE {key} = NEW.{key})"
        for event, when in (("UPDATE", ""), ("DELETE", ""), ("INSERT", f" WHEN {same}")):
            connection.execute(
                text(
                    f"CREATE TRIGGER {table}_{event.lower()} BEFORE {event} ON {table}{when} "
                    f"BEGIN SELECT RAISE(ABORT, '{_REFUSES}'); END"
                )
            )
        return
    connection.execute(
        text(
            "CREATE OR REPLACE FUNCTION fundalloc_refuses() RETURNS trigger LANGUAGE plpgsql AS "
            f"$$ BEGIN RAISE EXCEPTION '{_REFUSES}'; END $$"
        )
    )
    for event, each in (("UPDATE OR DELETE", "ROW"), ("TRUNCATE", "STATEMENT")):
        connection.execute(
            text(
                f"CREATE TRIGGER {table}_{event.split()[0].lower()} BEFORE {event} ON {table} "
                f"FOR EACH {each} EXECUTE FUNCTION fundalloc_refuses()"
            )
        )
