"""What `rounds` does with files: export, import, restore, upgrade; each says what it did."""

from __future__ import annotations

from pathlib import Path

from fundalloc.ceilings import LEDGER
from fundalloc.errors import Fault, InputError
from fundalloc.intake import advice, contents
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
        said = f"the amounts of {len(book.standings())} rounds, as a history."
    else:
        _check_lines(file)
        lines = list(exported(book))
        said = f"{len(lines)} entries, with all their files."
    place = file.resolve()
    with claimed(place.parent) as claim:
        if not replace:
            _check_kept(place, lines)
        claim.place(place.name, b"".join(lines))
    return f"{file}: {said}"


def _check_kept(file: Path, lines: list[bytes]) -> None:
    """A fault where a file holds a line that would be lost."""
    if file.is_file() and not set(contents(file, LEDGER).splitlines(keepends=True)) <= set(lines):
        said = "is there already, with lines that this ledger does not hold; nothing was changed."
        raise InputError([Fault(said, "Name another file, or say --replace.", file=str(file))])


def import_from(place: str, file: Path, name: str, reason: str) -> str:
    """Appends what a file holds to the ledger at a place, which is made where there is none."""
    if file.suffix == ".csv":
        labels = record_history(file, place, name=name, reason=reason)
        what = f"{len(labels)} rounds imported as history: {', '.join(labels)}" if labels else "nothing imported"
        return f"{Ledger(place).where}: {what}. Rounds that were recorded with the same amounts are left out."
    _check_lines(file)
    try:
        content = contents(file, LEDGER)
    except OSError as error:
        raise InputError([Fault(f"cannot be read ({error.strerror}).", advice(error), file=str(file))]) from None
    entries = imported(content, str(file))
    book = Ledger(place, create=True)
    book.put(entries)
    return f"{book.where}: {len(entries)} entries imported, every hash fits. Head: {book.head}"


def restore_to(book: Ledger, round_: str, folder: Path) -> str:
    """Writes the folder of a recorded round, as it was."""
    entry = book.standing(round_).entry
    check_new(folder)
    files = book.files(entry)
    write_new(folder, {name: files[name] for name in sorted(files, key=lambda name: (name == SUMMARY, name))})
    check = f"Check it: fundalloc verify {folder}" if SUMMARY in files else "A history comes without a proof."
    return f"{folder}: {entry.said()}. {check}"


def upgrade(book: Ledger) -> str:
    """Leads the tables of a ledger to the newest version; says where the copy of the old ones is."""
    before = book.version
    copies = book.upgrade()
    if not copies:
        return f"{book.where}: the tables are of version {before}, the newest; nothing was changed."
    return (
        f"{book.where}: tables of version {before} are now of version {book.version}. "
        f"Copies of the old ones stay in the database: {', '.join(copies)}."
    )


def _check_lines(file: Path) -> None:
    if file.suffix != ".jsonl":
        raise InputError([Fault("ends with neither .jsonl nor .csv.", "Name FILE.jsonl.", file=str(file))])
