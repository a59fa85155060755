"""Exchange: a whole ledger as JSON lines, and back."""

from __future__ import annotations

import base64
from collections.abc import Iterator, Mapping
from dataclasses import asdict
from hashlib import sha256
from typing import Any

from fundalloc.errors import Faults
from fundalloc.intake import json_of
from fundalloc.language import say
from fundalloc.ledger.entries import Entry, canonical
from fundalloc.ledger.store import Ledger
from fundalloc.reported import reported


def exported(ledger: Ledger) -> Iterator[bytes]:
    """A ledger as JSON lines: an entry a line, with the content of its files."""
    for entry in ledger.entries():
        files = {name: _stored(content) for name, content in ledger.files(entry).items()}
        yield (canonical({"entry": asdict(entry), "files": files}) + "\n").encode()


def imported(lines: bytes, file: str) -> list[tuple[Entry, Mapping[str, bytes]]]:
    """The entries of JSON lines, with the content of their files; every faulty line at once."""
    faults = Faults(file)
    found: list[tuple[Entry, Mapping[str, bytes]]] = []
    for number, line in enumerate(lines.split(b"\n"), 1):
        if not line.strip():
            continue
        try:
            content = json_of(line)
            entry = Entry.of(content["entry"])
            files = {str(name): _content(stored) for name, stored in content["files"].items()}
        except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
            faults.add(
                say("is no entry of a ledger ({code_error}).", code_error=reported(error)),
                say("Import what rounds --export wrote, unchanged."),
                line=number,
            )
            continue
        if entry.seal() != entry.hash:
            faults.add(
                say("entry {code_number} was changed: its hash is not that of what it says.", code_number=entry.number),
                line=number,
            )
        if {name: sha256(one).hexdigest() for name, one in files.items()} != dict(entry.files):
            faults.add(
                say("the files of entry {code_number} are not those of their hashes.", code_number=entry.number),
                line=number,
            )
        found.append((entry, files))
    if not found and not faults.found:
        faults.add(say("holds no entry."), say("Import what rounds --export wrote."))
    faults.check()
    return found


def _stored(content: bytes) -> dict[str, str]:
    try:
        return {"text": content.decode()}
    except UnicodeDecodeError:
        return {"base64": base64.b64encode(content).decode()}


def _content(stored: Mapping[str, Any]) -> bytes:
    if "text" in stored:
        return str(stored["text"]).encode()
    return base64.b64decode(str(stored["base64"]), validate=True)
