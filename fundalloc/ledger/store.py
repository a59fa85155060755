"""The store of a ledger: an SQLite file, or a PostgreSQL database by its URL."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, create_engine, event, insert, select, text
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError, DatabaseError, NoSuchModuleError, SQLAlchemyError
from sqlalchemy.pool import NullPool

from fundalloc.errors import LedgerError
from fundalloc.ledger import schema
from fundalloc.ledger.entries import START, Entry, Kind, Standing, broken, canonical, follow, standings

#: seconds to wait for another process that writes
PATIENCE = 30
MAKES = "`fundalloc record OUT` makes one."


class Ledger:
    """An append-only record of rounds.

    where: the name of an SQLite file, or a database URL such as postgresql://user@host/fund. create: makes the ledger
    where there is none. Raises LedgerError where it cannot be opened, or is none.
    """

    def __init__(self, where: str | Path, *, create: bool = False) -> None:
        given = str(where)
        if "://" not in given and not create and not Path(given).is_file():
            raise LedgerError(f"{given}: there is no ledger. {MAKES}")
        self._engine = _engine(given)
        self.where = given if "://" not in given else self._engine.url.render_as_string(hide_password=True)
        with self._said(), self._writing() if create else self._reading() as connection:
            version = schema.found(connection)
            if version is None and create:
                schema.make(connection)
                version = schema.SCHEMA
            if version is None:
                raise LedgerError(f"there is no ledger. {MAKES}")
        self.version = version

    def entries(self) -> tuple[Entry, ...]:
        """All entries, in their order."""
        with self._said(), self._reading() as connection:
            self._check_version()
            return _read(connection)

    def standings(self) -> dict[str, Standing]:
        """How every round stands, in the order of the rounds."""
        return standings(self.entries())

    def standing(self, round_: str) -> Standing:
        """How one round stands. Raises LedgerError where it is not recorded."""
        known = self.standings()
        if round_ not in known:
            raise LedgerError(f"{self.where}: round {round_} is not recorded. Recorded are: {', '.join(known) or '-'}.")
        return known[round_]

    @property
    def head(self) -> str:
        """The hash of the last entry: who knows it can tell whether anything before it was changed."""
        entries = self.entries()
        return entries[-1].hash if entries else START

    def file(self, entry: Entry, name: str) -> bytes:
        """One file of an entry. Raises LedgerError where it is not what was recorded."""
        if name not in entry.files:
            raise LedgerError(f"{self.where}: {entry.said()} has no {name}.")
        with self._said(), self._reading() as connection:
            return _content(connection, entry, name)

    def files(self, entry: Entry) -> dict[str, bytes]:
        """All files of an entry."""
        return {name: self.file(entry, name) for name in entry.files}

    def append(
        self,
        kind: Kind,
        round_: str,
        *,
        name: str,
        reason: str,
        files: Mapping[str, bytes] | None = None,
        after: int | None = None,
    ) -> Entry:
        """Writes one entry at the end, whole or not at all.

        name: who says it. after: the number of the entry that has to be the one that holds, where what is written rests
        on it. Raises LedgerError where the entry cannot follow on those before it.
        """
        return self.append_all(kind, [(round_, files or {})], name=name, reason=reason, after=after)[0]

    def append_all(
        self,
        kind: Kind,
        rounds: Sequence[tuple[str, Mapping[str, bytes]]],
        *,
        name: str,
        reason: str,
        after: int | None = None,
    ) -> list[Entry]:
        """Writes entries of one kind about several rounds, each with its files, all or none."""
        for what, said in (("A name", name), ("A reason", reason), *(("A round", label) for label, _ in rounds)):
            if not said.strip():
                raise LedgerError(f"{what} is missing; nothing was recorded.")
        self._check_version()
        written = []
        with self._said(), self._writing() as connection:
            before = _read(connection)
            faults = broken(before)
            if faults:
                raise LedgerError(f"the chain is broken; nothing was recorded. {faults[0]}")
            for round_, files in rounds:
                about = follow(before, kind, round_)
                if after is not None and about != after:
                    raise LedgerError(
                        f"round {round_} has changed in the meantime "
                        f"({before[about - 1].said() if about else 'none'}); nothing was recorded."
                    )
                entry = Entry(
                    number=len(before) + 1,
                    kind=kind,
                    round=round_,
                    name=name.strip(),
                    at=now(),
                    reason=reason.strip(),
                    about=about,
                    files={n: sha256(c).hexdigest() for n, c in sorted(files.items())},
                    previous=before[-1].hash if before else START,
                ).sealed()
                _write(connection, entry, files)
                before = (*before, entry)
                written.append(entry)
        return written

    def put(self, entries: Sequence[tuple[Entry, Mapping[str, bytes]]]) -> None:
        """Writes entries of another ledger, sealed as they are, all or none."""
        self._check_version()
        with self._said(), self._writing() as connection:
            together = [*_read(connection), *(entry for entry, _ in entries)]
            faults = broken(together)
            if faults:
                raise LedgerError(f"the entries do not follow; nothing was recorded. {faults[0]}")
            for entry, files in entries:
                _write(connection, entry, files)

    def faults(self, expect: str = "") -> list[str]:
        """What is wrong with the ledger, each fault with its entry; nothing if all hashes fit.

        expect: a hash that was published once and must be that of an entry.
        """
        self._check_version()
        with self._said(), self._reading() as connection:
            entries = _read(connection)
            found = broken(entries)
            for entry in entries:
                for name in entry.files:
                    try:
                        _content(connection, entry, name)
                    except LedgerError as error:
                        found.append(str(error))
        if expect and expect.lower() not in {e.hash for e in entries}:
            found.append(f"no entry has the hash {expect}: entries that were there are missing or were rewritten.")
        return found

    def upgrade(self) -> tuple[str, ...]:
        """Leads tables of an earlier version to those of this one, all or nothing; the names of the copies it keeps."""
        if self.version >= schema.SCHEMA:
            self._check_version()
            return ()
        with self._said(), self._writing() as connection:
            copies = schema.copy(connection, self.version)
            for version in range(self.version, schema.SCHEMA):
                schema.UPGRADES[version](connection)
                connection.execute(insert(schema.versions).values(version=version + 1))
        self.version = schema.SCHEMA
        return copies

    def _check_version(self) -> None:
        if self.version > schema.SCHEMA:
            raise LedgerError(
                f"{self.where}: was written by a newer fundalloc (tables of version {self.version}, this one knows "
                f"{schema.SCHEMA}); nothing was changed. Install the newer one."
            )
        if self.version < schema.SCHEMA:
            raise LedgerError(
                f"{self.where}: has tables of version {self.version}, this fundalloc has {schema.SCHEMA}; nothing was "
                "changed. `fundalloc rounds --upgrade` keeps a copy of them and renews them."
            )

    @contextmanager
    def _said(self) -> Iterator[None]:
        """Turns what a database complains of into a sentence."""
        try:
            yield
        except LedgerError as error:
            said = str(error)
            raise LedgerError(said if said.startswith(self.where) else f"{self.where}: {said}") from None
        except SQLAlchemyError as error:
            raise LedgerError(f"{self.where}: {_complaint(error)}") from error

    @contextmanager
    def _reading(self) -> Iterator[Connection]:
        with self._engine.connect() as connection:
            yield connection

    @contextmanager
    def _writing(self) -> Iterator[Connection]:
        """A transaction that no other process writes beside."""
        with self._engine.connect() as connection:
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
                    connection.execute(text("SELECT pg_advisory_xact_lock(7032617)"))
                    yield connection


def now() -> str:
    """The moment in UTC, to the second."""
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _engine(where: str) -> Engine:
    if "://" not in where:
        where = f"sqlite:///{where}"
    try:
        url = make_url(where)
        if url.drivername in ("postgresql", "postgres"):
            url = url.set(drivername="postgresql+psycopg")
        if url.get_backend_name() not in ("sqlite", "postgresql"):
            raise LedgerError(f"{where}: a ledger is an SQLite file or a PostgreSQL database.")
        patience: dict[str, Any] = {"timeout": PATIENCE} if url.get_backend_name() == "sqlite" else {}
        engine = create_engine(url, poolclass=NullPool, connect_args=patience)
    except ModuleNotFoundError as error:
        raise LedgerError(f"{where}: needs {error.name}. Install it with: pip install 'fundalloc[postgres]'") from None
    except (ArgumentError, NoSuchModuleError):
        raise LedgerError(
            f"{where}: is no database URL. Write a file name, or postgresql://user@host/database."
        ) from None
    if engine.dialect.name == "sqlite":
        event.listen(engine, "connect", _careful)
    return engine


def _careful(connection: Any, record: Any) -> None:
    """SQLite writes nothing before the last one is on the disk."""
    del record
    for pragma in ("journal_mode=DELETE", "synchronous=EXTRA"):
        connection.execute(f"PRAGMA {pragma}")


def _read(connection: Connection) -> tuple[Entry, ...]:
    rows = connection.execute(select(schema.entries).order_by(schema.entries.c.number)).mappings()
    try:
        return tuple(Entry(**{**row, "files": json.loads(row["files"])}) for row in rows)
    except (ValueError, TypeError) as error:
        raise LedgerError(f"an entry cannot be read ({error}).") from None


def _content(connection: Connection, entry: Entry, name: str) -> bytes:
    key = entry.files[name]
    found = connection.execute(select(schema.contents.c.content).where(schema.contents.c.sha256 == key)).scalar()
    if found is None:
        raise LedgerError(f"{name} of entry {entry.number} ({entry.kind} of round {entry.round}) is missing.")
    if sha256(found).hexdigest() != key:
        raise LedgerError(f"{name} of entry {entry.number} ({entry.kind} of round {entry.round}) was changed.")
    return bytes(found)


def _write(connection: Connection, entry: Entry, files: Mapping[str, bytes]) -> None:
    for name, key in entry.files.items():
        known = select(schema.contents.c.sha256).where(schema.contents.c.sha256 == key)
        if connection.execute(known).first() is None:
            connection.execute(insert(schema.contents).values(sha256=key, content=files[name]))
    connection.execute(insert(schema.entries).values(**{**vars(entry), "files": canonical(dict(entry.files))}))


def _complaint(error: SQLAlchemyError) -> str:
    """What a database said, as a sentence with a remedy."""
    said = str(getattr(error, "orig", None) or error).strip().splitlines()[0]
    known = {
        "file is not a database": "is no database. Name the file that `fundalloc record` made.",
        "is full": "the disk is full; nothing was recorded. Make room and record again.",
        "disk I/O error": "the disk failed; nothing was recorded.",
        "is locked": f"another process has been writing for {PATIENCE} s; nothing was recorded. Try again.",
        "readonly database": "cannot be written; nothing was recorded. Check who may write there.",
        "unable to open database": "cannot be opened. Check the name, and who may write in its folder.",
        "malformed": "the file is damaged; take the last copy (rounds --export, --import).",
        "append-only": "the database refused to change what is recorded.",
    }
    text_ = next((sentence for sign, sentence in known.items() if sign in said), None)
    return text_ or f"the database refused ({said})." if isinstance(error, DatabaseError) else f"{said}."
