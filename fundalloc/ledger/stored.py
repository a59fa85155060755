"""Stored: the entries of a ledger and their files as its tables hold them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from hashlib import sha256
from typing import Any

from sqlalchemy import Connection, insert, select

from fundalloc.errors import LedgerError
from fundalloc.language import later, say
from fundalloc.ledger import database, schema
from fundalloc.ledger.entries import Entry, broken, canonical
from fundalloc.reported import reported


def sound(connection: Connection) -> tuple[Entry, ...]:
    """All entries; LedgerError where the chain is broken."""
    entries = read(connection)
    faults = broken(entries)
    if faults:
        raise LedgerError(say("the chain is broken; nothing was changed. {code_faults}", code_faults=faults[0]))
    return entries


def read(connection: Connection) -> tuple[Entry, ...]:
    """All entries as they stand. Raises LedgerError where one cannot be read."""
    database.check_sound(connection, schema.entries.name)
    return tuple(map(_entry, connection.execute(select(schema.entries).order_by(schema.entries.c.number)).mappings()))


def _entry(row: Mapping[Any, Any]) -> Entry:
    try:
        files = json.loads(row["files"])
        entry = Entry.of({**row, "files": files})
        if canonical(files) != row["files"]:
            raise ValueError(later("its files are written in another way than a ledger does"))
    except (ValueError, TypeError, RecursionError) as error:
        raise LedgerError(
            say(
                "entry {number} ({kind}) cannot be read: {code}.",
                number=row["number"],
                kind=row["kind"],
                code=reported(error),
            )
        ) from None
    return entry


def content(connection: Connection, entry: Entry, name: str) -> bytes:
    """A file of an entry. Raises LedgerError where it is missing, or is not that of its hash."""
    key = entry.files[name]
    found: object = connection.execute(
        select(schema.contents.c.content).where(schema.contents.c.sha256 == key)
    ).scalar()
    which = say(
        "{code_name} of entry {number} ({kind} of round {round})",
        code_name=name,
        number=entry.number,
        kind=entry.kind,
        round=entry.round,
    )
    if found is None:
        raise LedgerError(say("{code_which} is missing.", code_which=which))
    if not isinstance(found, bytes) or sha256(found).hexdigest() != key:
        raise LedgerError(say("{code_which} was changed.", code_which=which))
    return found


def write(connection: Connection, entry: Entry, files: Mapping[str, bytes]) -> None:
    """Appends an entry with its files."""
    for name, key in entry.files.items():
        known = select(schema.contents.c.sha256).where(schema.contents.c.sha256 == key)
        if connection.execute(known).first() is None:
            connection.execute(insert(schema.contents).values(sha256=key, content=files[name]))
        content(connection, entry, name)
    connection.execute(insert(schema.entries).values(**{**vars(entry), "files": canonical(dict(entry.files))}))
