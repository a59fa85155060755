"""Recording: a decided round, verified, into the ledger, and old rounds from a history file."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from fundalloc.amending import ALLOCATION, decided
from fundalloc.certificate import CERTIFICATE
from fundalloc.errors import Fault, InputError, LedgerError
from fundalloc.files import parse_table, read_table
from fundalloc.fund import Fund, reopened
from fundalloc.history import COLUMNS, History, read_history
from fundalloc.ledger import Entry, Ledger
from fundalloc.ledger.entries import Kind
from fundalloc.ledger.past import HISTORY, past
from fundalloc.report.folder import SUMMARY, read_summary, rows_of
from fundalloc.report.summary import sha256
from fundalloc.sources import Source
from fundalloc.tables import guarded
from fundalloc.verification import verify


def record(folder: str | Path, ledger: Ledger, *, name: str, reason: str, correct: bool = False) -> Entry:
    """Verifies a decided round and writes it into the ledger, with everything that decided it.

    name: who records it. correct: the round is recorded already, and this is what is right instead. Raises
    DifferenceError where the folder does not verify, LedgerError where the ledger refuses: the round is recorded
    already, or it was decided on another past than the ledger's.
    """
    folder = Path(folder)
    summary = read_summary(folder)
    files = _files(folder, summary)
    verify(folder)
    if _files(folder, read_summary(folder)) != files:
        raise InputError([Fault("was changed while it was read.", "Record it again.", file=str(folder))])
    round_ = str(summary["round"])
    certificate = json.loads(files[CERTIFICATE])
    _same_past(certificate, round_, ledger)
    if "events" not in certificate["inputs"]:
        kind: Kind = "correction" if correct else "decision"
        return ledger.append(kind, round_, name=name, reason=reason, files=files)
    if correct:
        raise LedgerError(f"{folder} is an amendment; nothing was recorded. Record it without --correct.")
    after = _amends(certificate, round_, ledger)
    return ledger.append("amendment", round_, name=name, reason=reason, files=files, after=after)


def recorded_fund(ledger: Ledger, entry: Entry) -> Fund | None:
    """The fund of a recorded round, before any amendment; None where only its amounts are recorded."""
    if CERTIFICATE not in entry.files:
        return None
    certificate = json.loads(ledger.file(entry, CERTIFICATE))
    inputs = {n: Source.of(one) for n, one in certificate["inputs"].items() if n not in ("decided", "events")}
    return reopened(inputs, entry.round, [str(s) for s in certificate["settings"]])


def _amends(certificate: Mapping[str, Any], round_: str, ledger: Ledger) -> int:
    """The entry that an amendment changes: the one that holds, if it says what the amendment starts from."""
    entry = ledger.standing(round_).entry
    files = ledger.files(entry)
    if SUMMARY in files:
        summary = json.loads(files[SUMMARY])
        start = decided(rows_of(files[ALLOCATION].decode()), summary)
        if start.content == Source.of(certificate["inputs"]["decided"]).content:
            return entry.number
    raise LedgerError(
        f"The amendment starts from another round {round_} than {entry.said()}. Nothing was recorded. Amend what "
        f"holds: fundalloc rounds --restore {round_} -o OUT"
    )


def _files(folder: Path, summary: Mapping[str, Any]) -> dict[str, bytes]:
    """Every file of a round, as its summary lists them."""
    try:
        found = {name: (folder / name).read_bytes() for name in [*summary["files"], SUMMARY]}
    except OSError as error:
        raise InputError([Fault(f"cannot be read ({error.strerror}).", file=str(error.filename))]) from None
    for name, said in summary["files"].items():
        if sha256(found[name]) != said:
            raise InputError(
                [Fault("is not the file that was decided: its SHA-256 is another.", file=str(folder / name))]
            )
    return found


def _same_past(certificate: Mapping[str, Any], round_: str, ledger: Ledger) -> None:
    """A round that reads past rounds has to rest on those that the ledger holds."""
    if "history" not in certificate["inputs"]:
        return
    ours = _read(past(ledger, round_), round_)
    theirs = _read(Source.of(certificate["inputs"]["history"]), round_)
    for resource, rounds in ours.records.items():
        for label, regions in rounds.items():
            said = theirs.records.get(resource, {}).get(label, {})
            other = sorted(i for i in {*regions, *said} if regions.get(i) != said.get(i))
            if other:
                raise LedgerError(
                    f"Round {round_} was decided on another past than the ledger's: round {label}, {resource}, "
                    f"{', '.join(other[:3])}{' and others' if len(other) > 3 else ''}. Nothing was recorded. Decide it "
                    "again with --ledger."
                )


def _read(source: Source, before: str) -> History:
    from fundalloc.tables import Table

    table = Table.again(source) if source.form == "json" else parse_table(source, source.file)
    return read_history(table, before)


def record_history(
    file: str | Path, ledger: Ledger, *, name: str, reason: str, encoding: str = "utf-8"
) -> tuple[str, ...]:
    """Writes the rounds of a history file into a ledger, one entry each, all or none; their labels.

    Raises InputError with every fault of the file, LedgerError where one of the rounds is recorded already.
    """
    table = read_table(Path(file), encoding=encoding)
    rounds = read_history(table, None).rounds
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
    ledger.append_all("history", entries, name=name, reason=reason)
    return rounds
