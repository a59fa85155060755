"""The store of a ledger: an SQLite file, or a PostgreSQL database by its URL."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path

from sqlalchemy import Connection, insert
from sqlalchemy.exc import SQLAlchemyError

from fundalloc.errors import LedgerError
from fundalloc.language import phrase, say
from fundalloc.ledger import database, schema
from fundalloc.ledger.entries import START, Entry, Kind, Standing, broken, follow, stand, standings
from fundalloc.ledger.stored import content, read, sound, write
from fundalloc.reported import reported

MAKES = phrase("`fundalloc record OUT` makes one.")


class Ledger:
    """An append-only record of rounds.

    where: the name of an SQLite file, or a database URL such as postgresql://user@host/fund. create: makes the ledger
    where there is none. Raises LedgerError where it cannot be opened, or is none.
    """

    def __init__(self, where: str | Path, *, create: bool = False) -> None:
        url = database.place(str(where))
        self.where = database.name(url)
        if url.drivername == "sqlite" and not create and not Path(self.where).is_file():
            raise LedgerError(say("{code_where}: there is no ledger. {makes}", code_where=self.where, makes=say(MAKES)))
        self._engine = database.engine(url)
        with self._said(), database.writing(self._engine) if create else self._reading() as connection:
            version = schema.found(connection)
            if version is None and create:
                schema.make(connection)
                version = schema.SCHEMA
            if version is None:
                raise LedgerError(say("there is no ledger. {makes}", makes=say(MAKES)))
        self.version = version

    def entries(self) -> tuple[Entry, ...]:
        """All entries, in their order. Raises LedgerError where the chain is broken."""
        self._check_version()
        with self._said(), self._reading() as connection:
            return sound(connection)

    def standings(self) -> dict[str, Standing]:
        """How every round stands, in the order of the rounds."""
        return standings(self.entries())

    def standing(self, round_: str) -> Standing:
        """How one round stands. Raises LedgerError where it is not recorded."""
        known = self.standings()
        if round_ not in known:
            said = say(
                "round {code} is not recorded. Recorded are: {code_known}.",
                code=round_,
                code_known=", ".join(known) or "-",
            )
            raise LedgerError(f"{self.where}: {said}")
        return known[round_]

    @property
    def head(self) -> str:
        """The hash of the last entry: who knows it can tell whether anything before it was changed."""
        entries = self.entries()
        return entries[-1].hash if entries else START

    def file(self, entry: Entry, name: str) -> bytes:
        """One file of an entry. Raises LedgerError where it is not what was recorded."""
        if name not in entry.files:
            raise LedgerError(
                say(
                    "{code_where}: {code_said} has no {code_name}.",
                    code_where=self.where,
                    code_said=entry.said(),
                    code_name=name,
                )
            )
        with self._said(), self._reading() as connection:
            return content(connection, entry, name)

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
        check: Callable[[], None] | None = None,
    ) -> Entry:
        """Writes one entry at the end, whole or not at all.

        name: who says it. after: the number of the entry that has to be the one that holds, where what is written rests
        on it. check: is called while nobody else can write, and may raise. Raises LedgerError where the entry cannot
        follow on those before it.
        """
        return self.append_all(kind, [(round_, files or {})], name=name, reason=reason, after=after, check=check)[0]

    def append_all(
        self,
        kind: Kind,
        rounds: Sequence[tuple[str, Mapping[str, bytes]]],
        *,
        name: str,
        reason: str,
        after: int | None = None,
        check: Callable[[], None] | None = None,
    ) -> list[Entry]:
        """Writes entries of one kind about several rounds, each with its files, all or none."""
        labels = ((say("A round"), label) for label, _ in rounds)
        for what, said in ((say("A name"), name), (say("A reason"), reason), *labels):
            if not said.strip():
                raise LedgerError(say("{what} is missing; nothing was recorded.", what=what))
            if any(letter < " " and letter not in "\n\t" for letter in said):
                raise LedgerError(say("{what} holds a control character; nothing was recorded.", what=what))
        self._check_version()
        written: list[Entry] = []
        with self._said(), database.writing(self._engine) as connection:
            before = sound(connection)
            standing = standings(before)
            previous = before[-1].hash if before else START
            for round_, files in rounds:
                about = follow(standing, kind, round_)
                if after is not None and about != after:
                    said = before[about - 1].said() if about else say("none")
                    text = phrase("round {code} has changed in the meantime ({code_entry}); nothing was recorded.")
                    raise LedgerError(say(text, code=round_, code_entry=said))
                if check is not None:
                    check()
                content = {
                    "number": len(before) + len(written) + 1,
                    "kind": kind,
                    "round": round_,
                    "name": name.strip(),
                    "at": now(),
                    "reason": reason.strip(),
                    "about": about,
                    "files": {n: sha256(c).hexdigest() for n, c in sorted(files.items())},
                    "previous": previous,
                    "hash": "",
                }
                try:
                    entry = Entry.of(content).sealed()
                except ValueError as error:
                    raise LedgerError(say("nothing was recorded: {code_error}.", code_error=reported(error))) from None
                write(connection, entry, files)
                stand(standing, entry)
                previous = entry.hash
                written.append(entry)
        return written

    def put(self, entries: Sequence[tuple[Entry, Mapping[str, bytes]]]) -> None:
        """Writes entries of another ledger, sealed as they are, all or none."""
        self._check_version()
        with self._said(), database.writing(self._engine) as connection:
            together = [*read(connection), *(entry for entry, _ in entries)]
            faults = broken(together)
            if faults:
                raise LedgerError(
                    say("the entries do not follow; nothing was recorded. {code_faults}", code_faults=faults[0])
                )
            for entry, files in entries:
                write(connection, entry, files)

    def faults(self, expect: str = "") -> list[str]:
        """What is wrong with the ledger, each fault with its entry; nothing if all hashes fit.

        expect: a hash that was published once and must be that of an entry.
        """
        self._check_version()
        with self._said(), self._reading() as connection:
            entries = read(connection)
            found = broken(entries)
            for entry in entries:
                for name in entry.files:
                    try:
                        content(connection, entry, name)
                    except LedgerError as error:
                        found.append(str(error))
            found += [
                say("the guard {code} is gone or was changed: the database no longer refuses every change.", code=name)
                for name in schema.unguarded(connection)
            ]
        if expect and expect.lower() not in {e.hash for e in entries}:
            text = phrase("no entry has the hash {code}: entries that were there are missing or were rewritten.")
            found.append(say(text, code=expect))
        return found

    def upgrade(self) -> tuple[str, ...]:
        """Leads tables of an earlier version to those of this one, all or nothing; the names of the copies it keeps."""
        if self.version >= schema.SCHEMA:
            self._check_version()
            return ()
        versions = range(self.version, schema.SCHEMA)
        if not set(versions) <= set(schema.UPGRADES):
            raise LedgerError(
                say(
                    "{code_where}: no way leads from tables of version {code_version} to this one's.",
                    code_where=self.where,
                    code_version=self.version,
                )
            )
        with self._said(), database.writing(self._engine) as connection:
            copies = schema.copy(connection, self.version)
            for version in versions:
                schema.UPGRADES[version](connection)
                connection.execute(insert(schema.versions).values(version=version + 1))
        self.version = schema.SCHEMA
        return copies

    def _check_version(self) -> None:
        if self.version > schema.SCHEMA:
            raise LedgerError(
                say(
                    "{code_where}: was written by a newer fundalloc (tables of version {code_version}, this "
                    "one knows {code_schema}); nothing was changed. Install the newer one.",
                    code_where=self.where,
                    code_version=self.version,
                    code_schema=schema.SCHEMA,
                )
            )
        if self.version < schema.SCHEMA:
            raise LedgerError(
                say(
                    "{code_where}: has tables of version {code_version}, this fundalloc has {code_schema}; "
                    "nothing was changed. `fundalloc rounds --upgrade` keeps a copy of them and renews them.",
                    code_where=self.where,
                    code_version=self.version,
                    code_schema=schema.SCHEMA,
                )
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
            raise LedgerError(f"{self.where}: {database.complaint(error)}") from error
        except UnicodeDecodeError as error:  # a damaged file makes SQLite speak in bytes that are no text
            raise LedgerError(f"{self.where}: {say(database.DAMAGED)}") from error

    @contextmanager
    def _reading(self) -> Iterator[Connection]:
        with self._engine.connect() as connection:
            yield connection


def now() -> str:
    """The moment in UTC, to the second."""
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
