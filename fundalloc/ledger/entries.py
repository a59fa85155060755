"""Entries: what the ledger says of a round, who said it, when and why, and the hash that chains it."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field, fields
from pathlib import PurePosixPath, PureWindowsPath
from typing import Any, Literal, get_args

from fundalloc.errors import LedgerError
from fundalloc.language import called, later, phrase, say
from fundalloc.rounds import in_order

Kind = Literal["decision", "correction", "amendment", "history", "approval", "publication"]
State = Literal["draft", "approved", "published"]
#: kinds that say what a round gives to whom; the latest one of a round holds
DECIDING = ("decision", "correction", "amendment", "history")
#: kinds that say a round for the first time
FIRST = ("decision", "history")
STEP: Mapping[str, State] = {"approval": "approved", "publication": "published"}
#: what stands before the first entry
START = "0" * 64


@dataclass(frozen=True)
class Entry:
    """One entry of a ledger.

    number: counted from 1. about: the number of the entry that this one corrects, amends, approves or publishes. at:
    UTC. files: SHA-256 by name. previous: the hash of the entry before; hash: of all that stands here.
    """

    number: int
    kind: Kind
    round: str
    name: str
    at: str
    reason: str
    about: int | None
    files: Mapping[str, str] = field(default_factory=dict)
    previous: str = START
    hash: str = ""

    @classmethod
    def of(cls, content: Mapping[str, Any]) -> Entry:
        """The entry of a row or of a line. Raises ValueError where its parts are not those of an entry."""
        names = [one.name for one in fields(cls)]
        if sorted(content) != sorted(names):
            raise ValueError(later("its parts are not those of an entry"))
        number, about, files, kind = (content[name] for name in ("number", "about", "files", "kind"))
        if type(number) is not int or not (about is None or type(about) is int):
            raise ValueError(later("its numbers are no whole numbers"))
        if not all(isinstance(content[name], str) for name in names if name not in ("number", "about", "files")):
            raise ValueError(later("a text is missing"))
        if kind not in get_args(Kind):
            raise ValueError(later("its kind {code!r} is unknown", code=kind))
        if not isinstance(files, Mapping) or not all(isinstance(one, str) for one in files.values()):
            raise ValueError(later("its files are no names with hashes"))
        for name in files:
            if name in ("", "..") or {PurePosixPath(name).name, PureWindowsPath(name).name} != {name}:
                raise ValueError(later("{code!r} is no name of a file", code=name))
        try:
            canonical(dict(content)).encode()
        except UnicodeEncodeError:
            raise ValueError(later("it holds what is no Unicode text")) from None
        return cls(**content)

    def sealed(self) -> Entry:
        """The entry with its hash."""
        return Entry(**{**vars(self), "hash": self.seal()})

    def seal(self) -> str:
        """The SHA-256 of everything else that the entry says, as JSON with sorted keys."""
        content = {name: value for name, value in asdict(self).items() if name != "hash"}
        return hashlib.sha256(canonical(content).encode()).hexdigest()

    def said(self) -> str:
        """Who wrote it, when, as words."""
        return say(
            "entry {number}, {kind} of round {code_round} by {code_name} on {code_at}",
            number=self.number,
            kind=self.kind,
            code_round=self.round,
            code_name=self.name,
            code_at=self.at,
        )


@dataclass(frozen=True)
class Standing:
    """How one round stands: the entry that holds, its state, and all entries about it in order."""

    round: str
    entry: Entry
    state: State
    entries: tuple[Entry, ...]


def canonical(content: Any) -> str:
    """JSON text, the same for the same content."""
    return json.dumps(content, ensure_ascii=False, sort_keys=True, separators=(",", ":"))


def standings(entries: Iterable[Entry]) -> dict[str, Standing]:
    """How every round stands, in the order of the rounds."""
    found: dict[str, Standing] = {}
    for entry in entries:
        stand(found, entry)
    return {label: found[label] for label in in_order(found)}


def stand(standing: dict[str, Standing], entry: Entry) -> None:
    """Notes how the round of a further entry stands after it."""
    before = standing.get(entry.round)
    together = (*(before.entries if before else ()), entry)
    if entry.kind in DECIDING:
        standing[entry.round] = Standing(entry.round, entry, "draft", together)
    elif before is not None:
        standing[entry.round] = Standing(entry.round, before.entry, STEP[entry.kind], together)


class _AstrayError(LedgerError):
    """An entry that cannot follow on those before it; reason: why, without what that leads to."""

    def __init__(self, reason: str, sentence: str, **values: str) -> None:
        self.reason = reason
        super().__init__(say(sentence, reason=reason, **values))


def follow(standing: Mapping[str, Standing], kind: Kind, round_: str) -> int | None:
    """The number of the entry that a new one is about; raises LedgerError where it cannot follow.

    A round is decided once; it is approved before it is published; only what is recorded can be corrected.
    """
    stands = standing.get(round_)
    if kind in FIRST:
        if stands is not None:
            raise _AstrayError(
                say("Round {code} is recorded already ({code_entry})", code=round_, code_entry=stands.entry.said()),
                phrase(
                    "{reason}; nothing was recorded. What is recorded stays; a correction is an entry of its own "
                    "(--correct)."
                ),
            )
        return None
    if stands is None:
        raise _AstrayError(
            say("Round {code} is not recorded", code=round_),
            phrase("{reason}; nothing was recorded. Recorded are: {code_known}."),
            code_known=", ".join(in_order(standing)) or say("none"),
        )
    needs: Mapping[str, tuple[State, ...]] = {"approval": ("draft",), "publication": ("approved",)}
    if kind in needs and stands.state not in needs[kind]:
        said, state = stands.entries[-1].said(), called(stands.state)
        raise _AstrayError(
            say("Round {code} is {state} ({code_entry})", code=round_, state=state, code_entry=said),
            phrase("{reason}; nothing was recorded. Approve it first.")
            if stands.state == "draft"
            else phrase("{reason}; nothing was recorded."),
        )
    return stands.entry.number


def broken(entries: Iterable[Entry]) -> list[str]:
    """What is wrong with a chain of entries, each fault with the entry it is at."""
    faults: list[str] = []
    seen: dict[str, Standing] = {}
    previous, number = START, 0
    for entry in entries:
        name = say("entry {number} ({kind} of round {code})", number=entry.number, kind=entry.kind, code=entry.round)
        if entry.number > number + 1:
            text = phrase("{name} follows entry {number}: what stood between them is missing.")
            faults.append(say(text, name=name, number=number))
        elif entry.number != number + 1:
            text = phrase("{name} follows entry {number}: it does not belong there.")
            faults.append(say(text, name=name, number=number))
        elif entry.previous != previous:
            text = phrase("{name} does not follow on the entry before it: one of them was changed or swapped.")
            faults.append(say(text, name=name))
        if entry.seal() != entry.hash:
            faults.append(say("{name} was changed: its hash is not that of what it says.", name=name))
        else:
            try:
                if follow(seen, entry.kind, entry.round) != entry.about:
                    text = phrase("{name} is about entry {about}, which is not the one that held then.")
                    faults.append(say(text, name=name, about=entry.about))
            except _AstrayError as error:
                faults.append(say("{name} cannot stand there: {reason}.", name=name, reason=error.reason))
        stand(seen, entry)
        previous, number = entry.hash, entry.number
    return faults
