"""What `rounds` does with files: export, import, restore, upgrade; each says what it did."""

from __future__ import annotations

from pathlib import Path

from fundalloc.ceilings import LEDGER
from fundalloc.errors import Fault, InputError
from fundalloc.intake import contents, unreadable
from fundalloc.language import phrase, say
from fundalloc.ledger import Ledger
from fundalloc.ledger.exchange import exported, imported
from fundalloc.ledger.past import past
from fundalloc.recording import record_history
from fundalloc.replacing import claimed
from fundalloc.report.folder import SUMMARY, check_new, write_new


def export_to(book: Ledger, file: Path, replace: bool) -> str:
    """Writes a ledger to a file: everything as JSON lines, or the amounts as a history.

    replace: also over a file that holds a line which the ledger does not.
    """
    if file.suffix == ".csv":
        lines = past(book).content.splitlines(keepends=True)
        said = say("the amounts of {count} rounds, as a history.", count=len(book.standings()))
    else:
        _check_lines(file)
        lines = list(exported(book))
        said = say("{count} entries, with all their files.", count=len(lines))
    place = file.resolve()
    with claimed(place.parent) as claim:
        if not replace:
            _check_kept(place, lines)
        claim.place(place.name, b"".join(lines))
    return say("{code}: {said}", code=file, said=said)


def _check_kept(file: Path, lines: list[bytes]) -> None:
    """A fault where a file holds a line that would be lost."""
    if file.is_file() and not set(contents(file, LEDGER).splitlines(keepends=True)) <= set(lines):
        said = say("is there already, with lines that this ledger does not hold; nothing was changed.")
        raise InputError([Fault(said, say("Name another file, or say --replace."), file=str(file))])


def import_from(place: str, file: Path, name: str, reason: str) -> str:
    """Appends what a file holds to the ledger at a place, which is made where there is none."""
    if file.suffix == ".csv":
        labels = record_history(file, place, name=name, reason=reason)
        return say(
            "{code}: {count} rounds imported as history: {code_rounds}. Rounds that were recorded with the same "
            "amounts are left out."
            if labels
            else "{code}: nothing imported. Rounds that were recorded with the same amounts are left out.",
            code=Ledger(place).where,
            count=len(labels),
            code_rounds=", ".join(labels),
        )
    _check_lines(file)
    try:
        content = contents(file, LEDGER)
    except OSError as error:
        raise InputError([unreadable(error, str(file))]) from None
    entries = imported(content, str(file))
    book = Ledger(place, create=True)
    book.put(entries)
    return say(
        "{code}: {count} entries imported, every hash fits. Head: {code_head}",
        code=book.where,
        count=len(entries),
        code_head=book.head,
    )


def restore_to(book: Ledger, round_: str, folder: Path) -> str:
    """Writes the folder of a recorded round, as it was."""
    entry = book.standing(round_).entry
    check_new(folder)
    files = book.files(entry)
    write_new(folder, {name: files[name] for name in sorted(files, key=lambda name: (name == SUMMARY, name))})
    return say(
        "{code}: {code_entry}. Check it: fundalloc verify {code}"
        if SUMMARY in files
        else "{code}: {code_entry}. A history comes without a proof.",
        code=folder,
        code_entry=entry.said(),
    )


def upgrade(book: Ledger) -> str:
    """Leads the tables of a ledger to the newest version; says where the copy of the old ones is."""
    before = book.version
    copies = book.upgrade()
    if not copies:
        text = phrase("{code}: the tables are of version {version}, the newest; nothing was changed.")
        return say(text, code=book.where, version=before)
    return say(
        "{code}: tables of version {before} are now of version {version}. "
        "Copies of the old ones stay in the database: {code_copies}.",
        code=book.where,
        before=before,
        version=book.version,
        code_copies=", ".join(copies),
    )


def _check_lines(file: Path) -> None:
    if file.suffix != ".jsonl":
        raise InputError([Fault(say("ends with neither .jsonl nor .csv."), say("Name FILE.jsonl."), file=str(file))])
