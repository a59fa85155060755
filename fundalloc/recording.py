"""Recording: a decided round, verified, into the ledger, and old rounds from a history file."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from fundalloc.amending import decided
from fundalloc.certificate import CERTIFICATE, parsed
from fundalloc.errors import DifferenceError, Fault, InputError, LedgerError
from fundalloc.files import parse_table, read_table
from fundalloc.fund import Fund
from fundalloc.history import COLUMNS, History, Record, read_history
from fundalloc.intake import contents, json_of
from fundalloc.language import phrase, say
from fundalloc.ledger import Entry, Ledger
from fundalloc.ledger.entries import Kind
from fundalloc.ledger.past import HISTORY, past
from fundalloc.loading import reopened
from fundalloc.replacing import reading
from fundalloc.report.folder import SUMMARY, read_summary, sound, told_in
from fundalloc.report.summary import sha256
from fundalloc.rounds import in_order, not_after
from fundalloc.sources import Source
from fundalloc.tables import guarded
from fundalloc.verification import verify


def record(folder: str | Path, ledger: Ledger | str | Path, *, name: str, reason: str, correct: bool = False) -> Entry:
    """Verifies a decided round and writes it into the ledger, with everything that decided it.

    ledger: made where there is none, once the folder is verified. name: who records it. correct: the round is recorded
    already, and this is what is right instead. Raises DifferenceError where the folder does not verify, LedgerError
    where the ledger refuses: the round is recorded already, or it was decided on another past than the ledger's.
    """
    folder = Path(folder)
    with reading(folder), told_in(folder):
        files = _files(folder)
        verify(folder)
        if _files(folder) != files:
            raise InputError([Fault(say("was changed while it was read."), say("Record it again."), file=str(folder))])
    round_ = str(json_of(files[SUMMARY])["round"])
    certificate = json_of(files[CERTIFICATE])
    amends = "events" in certificate["inputs"]
    if amends and correct:
        text = phrase("{code} is an amendment; nothing was recorded. Record it without --correct.")
        raise LedgerError(say(text, code=folder))
    kind: Kind = "amendment" if amends else "correction" if correct else "decision"
    book = _opened(ledger)

    def check() -> None:
        _same_past(certificate, round_, book)
        if amends:
            _same_start(certificate, round_, book, files[SUMMARY])

    return book.append(kind, round_, name=name, reason=reason, files=files, check=check)


def _opened(ledger: Ledger | str | Path) -> Ledger:
    """A ledger by its place; made where there is none."""
    return ledger if isinstance(ledger, Ledger) else Ledger(ledger, create=True)


def recorded_fund(ledger: Ledger, entry: Entry) -> Fund | None:
    """The fund of a recorded round, before any amendment; None where only its amounts are recorded."""
    if CERTIFICATE not in entry.files:
        return None
    certificate, inputs = parsed(ledger.file(entry, CERTIFICATE), f"{ledger.where}: {entry.said()}")
    return reopened(inputs, entry.round, [str(s) for s in certificate["settings"]], amended=False)


def _same_start(certificate: Mapping[str, Any], round_: str, ledger: Ledger, mine: bytes) -> None:
    """An amendment has to start from what the ledger holds. mine: its own summary."""
    entry = ledger.standing(round_).entry
    files = ledger.files(entry)
    if SUMMARY in files:
        start = decided(files, json_of(files[SUMMARY]))
        if start.content == Source.of(certificate["inputs"]["decided"]).content:
            return
        if sha256(files[SUMMARY]) == sha256(mine):
            text = phrase("This amendment is recorded already ({code}); nothing was recorded.")
            raise LedgerError(say(text, code=entry.said()))
    raise LedgerError(
        say(
            "The amendment starts from another round {code} than {code_entry}. Nothing was recorded. Amend what "
            "holds: fundalloc rounds --restore {code} -o OUT",
            code=round_,
            code_entry=entry.said(),
        )
    )


def _files(folder: Path) -> dict[str, bytes]:
    """Every file of a round, as its summary lists them. Raises DifferenceError where one is not what it lists."""
    summary = read_summary(folder, edited=True)
    listed = summary.get("files")
    if not listed or not sound(summary):
        raise DifferenceError(
            say(
                "{code_folder}: {code_summary} lists no files, or others than those of the folder.",
                code_folder=folder,
                code_summary=SUMMARY,
            )
        )
    found = {}
    for name in [*listed, SUMMARY]:
        try:
            found[name] = contents(folder / name)
        except (OSError, ValueError) as error:
            raise DifferenceError(
                say(
                    "{code_folder}: {code_name} cannot be read ({code_error}).",
                    code_folder=folder,
                    code_name=name,
                    code_error=error,
                )
            ) from None
        if name in listed and sha256(found[name]) != listed[name]:
            raise DifferenceError(
                say(
                    "{code_folder}: {code_name} is not the file that was decided: its SHA-256 is another.",
                    code_folder=folder,
                    code_name=name,
                )
            )
    return found


def _same_past(certificate: Mapping[str, Any], round_: str, ledger: Ledger) -> None:
    """A round that reads past rounds has to rest on those that the ledger holds, from its first one on."""
    if "history" not in certificate["inputs"]:
        return
    ours = _read(past(ledger, round_), round_)
    theirs = _read(Source.of(certificate["inputs"]["history"]), round_)
    if not ours.rounds:
        return
    told = [label for label in theirs.rounds if label not in not_after(theirs.rounds, ours.rounds[0])]
    for label in in_order([*ours.rounds, *told]):
        for resource in sorted({*ours.records, *theirs.records}):
            regions, said = (one.records.get(resource, {}).get(label, {}) for one in (ours, theirs))
            other = sorted(i for i in {*regions, *said} if regions.get(i) != said.get(i))
            if other:
                raise LedgerError(
                    say(
                        "Round {code} was decided on another past than the ledger's: round {code_other}, {resource}, "
                        "{code_regions}{more}. Nothing was recorded. Decide it again with --ledger.",
                        code=round_,
                        code_other=label,
                        resource=resource,
                        code_regions=", ".join(other[:3]),
                        more=say(" and others") if len(other) > 3 else "",
                    )
                )


def _read(source: Source, before: str | None) -> History:
    from fundalloc.tables import Table

    table = Table.again(source) if source.form == "json" else parse_table(source, source.file)
    return read_history(table, before)


def record_history(
    file: str | Path, ledger: Ledger | str | Path, *, name: str, reason: str, encoding: str = "utf-8"
) -> tuple[str, ...]:
    """Writes the rounds of a history file into a ledger, one entry each, all or none; the labels of those written.

    Rounds that are recorded already with the same amounts are left out. Raises InputError with every fault of the file,
    LedgerError where one is recorded with others.
    """
    table = read_table(Path(file), encoding=encoding)
    rounds = read_history(table, None).rounds
    if not rounds:
        raise InputError(
            [Fault(say("holds no round."), say("Write a row for each round, region and resource."), file=str(file))]
        )
    columns = [*COLUMNS, *(["adjustment"] if "adjustment" in table.header else [])]
    texts = {column: table.text(column).tolist() for column in columns}
    safe = {column: guarded(texts[column]) for column in ("region_id", "resource")}
    entries = []
    for label in rounds:
        out = io.StringIO()
        writer = csv.writer(out, lineterminator="\n")
        writer.writerow(columns)
        for row in sorted(
            (texts["resource"][k], texts["region_id"][k], k) for k, one in enumerate(texts["round"]) if one == label
        ):
            cells = [(column, texts[column][row[-1]]) for column in columns]
            writer.writerow([safe[column][value] if column in safe else value for column, value in cells])
        entries.append((label, {HISTORY: out.getvalue().encode()}))
    book = _opened(ledger)
    known = book.standings()
    if known:
        ours, theirs = _read(past(book), None), read_history(table, None)
        same = {label for label in rounds if label in known and _of(ours, label) == _of(theirs, label)}
        entries = [one for one in entries if one[0] not in same]
    book.append_all("history", entries, name=name, reason=reason)
    return tuple(label for label, _ in entries)


def _of(history: History, label: str) -> dict[str, Mapping[str, Record]]:
    """What a history says of one round, by resource."""
    return {name: rounds[label] for name, rounds in history.records.items() if label in rounds}


def missing_past(ledger: Ledger, entry: Entry) -> tuple[str, ...]:
    """The rounds on which a recorded round rests and which the ledger does not hold."""
    certificate = json_of(ledger.file(entry, CERTIFICATE))
    if "history" not in certificate["inputs"]:
        return ()
    rested = _read(Source.of(certificate["inputs"]["history"]), entry.round).rounds
    known = ledger.standings()
    return tuple(label for label in rested if label not in known)
