"""The database of a ledger: where it is, how it is opened, and what it complains of, as sentences."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

from sqlalchemy import URL, Connection, Engine, create_engine, event, text
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError, DatabaseError, SQLAlchemyError
from sqlalchemy.pool import NullPool

from fundalloc.errors import LedgerError
from fundalloc.language import phrase, say

#: seconds to wait for another process that writes
PATIENCE = 30
POSTGRESQL = "postgresql+psycopg"
WRITE = phrase("Write a file name, or postgresql://user@host/database.")
DAMAGED = phrase("the file is damaged; take the last copy (rounds --export, --import).")
#: what databases say, and what it means; the first that fits holds
KNOWN = {
    "Could not decode": DAMAGED,
    "no such column": DAMAGED,
    "no such table": DAMAGED,
    "file is not a database": phrase("is no database. Name the file that `fundalloc record` made."),
    "is full": phrase("the disk is full; nothing was recorded. Make room and record again."),
    "No space left": phrase("the disk is full; nothing was recorded. Make room and record again."),
    "disk I/O error": phrase("the disk failed; nothing was recorded."),
    "is locked": phrase("another process has been writing for {seconds} s; nothing was recorded. Try again."),
    "lock timeout": phrase("another process has been writing for {seconds} s; nothing was recorded. Try again."),
    "readonly database": phrase("cannot be written; nothing was recorded. Check who may write there."),
    "unable to open database": phrase("cannot be opened. Check the name, and who may write in its folder."),
    "malformed": DAMAGED,
    "append-only": phrase("the database refused to change what is recorded."),
}


def place(where: str) -> URL:
    """The URL of a file name or of a URL. Raises LedgerError, which says nothing that may be a password."""
    if "://" not in where:
        if where in ("", ":memory:"):
            raise LedgerError(say("{code_where!r} is no name of a file. {write}", code_where=where, write=say(WRITE)))
        return URL.create("sqlite", database=where)
    shown = f"{where.partition('://')[0]}://..."
    try:
        url = make_url(where)
    except (ArgumentError, ValueError):
        raise LedgerError(
            say("{code_shown}: is no database URL. {write}", code_shown=shown, write=say(WRITE))
        ) from None
    if url.drivername in ("postgres", "postgresql", POSTGRESQL):
        return url.set(drivername=POSTGRESQL)
    if url.drivername != "sqlite" or url.query or url.host or url.database in (None, "", ":memory:"):
        raise LedgerError(
            say(
                "{code_shown}: a ledger is an SQLite file or a PostgreSQL database. {write}",
                code_shown=shown,
                write=say(WRITE),
            )
        )
    return URL.create("sqlite", database=url.database)


def name(url: URL) -> str:
    """How a place is called in messages: never with a password."""
    if url.drivername == "sqlite":
        return str(url.database)
    return url.set(drivername="postgresql", query={}).render_as_string(hide_password=True)


def engine(url: URL) -> Engine:
    """What opens the database; SQLite writes nothing before the last one is on the disk."""
    try:
        if url.drivername == "sqlite":
            found = create_engine(url, poolclass=NullPool, connect_args={"timeout": PATIENCE})
            event.listen(found, "connect", _careful)
            return found
        how = {"connect_timeout": PATIENCE, "client_encoding": "UTF8"}
        return create_engine(url, poolclass=NullPool, isolation_level="READ COMMITTED", connect_args=how)
    except ImportError as error:
        missing = error.name or "psycopg"
        raise LedgerError(
            say(
                "{code_name}: needs {code_missing}. Install it with: pip install 'fundalloc[postgres]'",
                code_name=name(url),
                code_missing=missing,
            )
        ) from None


def _careful(connection: Any, record: Any) -> None:
    del record
    connection.execute("PRAGMA synchronous=EXTRA")


@contextmanager
def writing(engine: Engine) -> Iterator[Connection]:
    """A transaction that no other process writes beside."""
    with engine.connect() as connection:
        if connection.dialect.name == "sqlite":
            connection.execution_options(isolation_level="AUTOCOMMIT")
            connection.execute(text("BEGIN IMMEDIATE"))
            try:
                yield connection
            except BaseException:
                with suppress(SQLAlchemyError):  # SQLite may have rolled back by itself
                    connection.execute(text("ROLLBACK"))
                raise
            connection.execute(text("COMMIT"))
        else:
            with connection.begin():
                connection.execute(text(f"SET LOCAL lock_timeout = '{PATIENCE}s'"))
                connection.execute(text("SELECT pg_advisory_xact_lock(7032617)"))
                yield connection


def check_sound(connection: Connection, table: str) -> None:
    """SQLite itself holds a table against its indexes: a row that is lost from one of them is missed."""
    if connection.dialect.name == "sqlite":
        said = connection.execute(text(f"PRAGMA integrity_check({table})")).scalars().all()
        if said != ["ok"]:
            raise LedgerError(
                say("{damaged} SQLite says: {code}.", damaged=say(DAMAGED), code=str(said[0]).splitlines()[-1])
            )


def complaint(error: SQLAlchemyError) -> str:
    """What a database said, as a sentence with a remedy."""
    said = (str(getattr(error, "orig", None) or error).strip() or type(error).__name__).splitlines()[0]
    sentence = next((sentence for sign, sentence in KNOWN.items() if sign in said), None)
    if sentence is not None:
        return say(sentence, seconds=PATIENCE)
    return say("the database refused ({code}).", code=said) if isinstance(error, DatabaseError) else f"{said}."
