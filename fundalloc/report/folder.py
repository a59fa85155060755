"""The output folder: written whole or not at all, and never over somebody else's files."""

from __future__ import annotations

import csv
import io
import os
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from fundalloc.errors import Fault, Faults, InputError
from fundalloc.intake import contents, json_of, unreadable
from fundalloc.language import LANGUAGES, alone, phrase, say, speaking, spoken
from fundalloc.replacing import claimed, ours, reading
from fundalloc.report.summary import FORMAT, sha256, to_json
from fundalloc.tables import unguard

SUMMARY = "summary.json"
#: what a folder holds, by an entry that only such summaries have; without any of them a round
HOLDS = {
    "batch": phrase("a batch"),
    "notices": phrase("notices"),
    "comparisons": phrase("a comparison"),
    "shake": phrase("a sensitivity"),
    "official": phrase("deviations"),
    "assumed": phrase("a plan"),
    "what": phrase("what the monitor sees"),
}


def check_writable(folder: Path) -> None:
    """A fault where the folder holds anything that fundalloc did not write."""
    with reading(folder):
        _check_ours(folder)


def _check_ours(folder: Path) -> None:
    if _strange(folder) and _summary(folder) is None:
        raise InputError(
            [
                Fault(
                    say("holds files that fundalloc did not write; nothing was changed."),
                    say("Name a new folder with -o."),
                    file=str(folder),
                )
            ]
        )


def check_new(folder: Path) -> None:
    """A fault where there is anything already."""
    with reading(folder):
        _check_empty(folder)


def _check_empty(folder: Path) -> None:
    if _strange(folder):
        said = say("is there already and not empty; nothing was changed.")
        raise InputError([Fault(said, say("Name a new folder."), file=str(folder))])


def _strange(folder: Path) -> bool:
    """Whether a folder holds anything but what a writer that was cut off left; a fault where it is none."""
    try:
        return any(not ours(path.name) for path in folder.iterdir())
    except FileNotFoundError:
        said = say("is a link to nothing.") if folder.is_symlink() else ""
    except NotADirectoryError:
        said = say("is a file, not a folder.")
    except OSError as error:
        said = say("cannot be read ({code_strerror}).", code_strerror=error.strerror)
    if said:
        raise InputError([Fault(said, say("Name another folder with -o."), file=str(folder))])
    return False


def _summary(folder: Path) -> dict[str, Any] | None:
    try:
        content = json_of(contents(folder / SUMMARY))
    except (OSError, ValueError):
        return None
    return content if isinstance(content, dict) and isinstance(content.get("fundalloc"), dict) else None


def write_folder(folder: Path, files: Mapping[str, bytes], summary: Mapping[str, Any]) -> None:
    """Writes the files of a round, with their hashes in the summary; what the last round left over goes.

    A fault for every file that is in the way and was not written by fundalloc, and where the folder holds something of
    another kind: a comparison never takes the place of a round.
    """
    with claimed(folder) as claim:
        _check_ours(folder)
        _check_kind(folder, summary)
        old = (_summary(folder) or {}).get("files", {})
        old = set(old) if isinstance(old, dict) else set()
        faults = Faults()
        for name in sorted(set(files) - old):
            if os.path.lexists(folder / name):
                said = say("is there already, and fundalloc did not write it; nothing was changed.")
                faults.add(said, say("Name another folder with -o."), file=str(folder / name))
        faults.check()
        claim.replace({**files, SUMMARY: to_json({**summary, "files": hashes(files)})}, old - set(files))


def _check_kind(folder: Path, summary: Mapping[str, Any]) -> None:
    """A fault where a folder holds another kind of thing than what is to be written."""
    there = _summary(folder)
    if there is not None and _kind(there) != _kind(summary):
        said = say(
            "holds {kind}, not {other}; nothing was changed.",
            kind=say(_kind(there)),
            other=say(_kind(summary)),
        )
        raise InputError([Fault(said, say("Name another folder with -o."), file=str(folder))])


def _kind(summary: Mapping[str, Any]) -> str:
    return next((words for entry, words in HOLDS.items() if entry in summary), phrase("a round"))


def hashes(files: Mapping[str, bytes]) -> dict[str, str]:
    """The SHA-256 of each file, in the order of their names."""
    return {name: sha256(content) for name, content in sorted(files.items())}


def write_new(folder: Path, files: Mapping[str, bytes]) -> None:
    """Writes files to a folder that is new or empty, all or none."""
    check_new(folder)
    with claimed(folder) as claim:
        _check_empty(folder)
        claim.replace(files)


def read_summary(folder: Path, *, edited: bool = False) -> dict[str, Any]:
    """The summary of a folder that fundalloc wrote. edited: whatever it lists; else a fault where it is not sound."""
    summary = _summary(folder)
    if summary is None:
        raise InputError(
            [
                Fault(
                    say("is no folder that fundalloc allocate wrote."),
                    say("Name the folder given with -o."),
                    file=str(folder),
                )
            ]
        )
    if not edited and not sound(summary):
        raise InputError(
            [Fault(say("is not as fundalloc writes it."), say("Decide the round again."), file=str(folder / SUMMARY))]
        )
    if summary["fundalloc"].get("format") != FORMAT:
        raise InputError(
            [
                Fault(
                    say("was written by another version of fundalloc."),
                    say("Decide the round again."),
                    file=str(folder),
                )
            ]
        )
    return summary


def sound(summary: Mapping[str, Any]) -> bool:
    """Whether a summary lists files of its own folder alone, by their SHA-256, and is told in a language there is."""
    files, texts = summary.get("files", {}), summary.get("translations", {})
    named = isinstance(files, dict) and all(name not in ("", "..") and Path(name).name == name for name in files)
    told = isinstance(texts, dict) and summary.get("language") in (None, *LANGUAGES)
    return named and told and all(isinstance(one, str) for one in (*files.values(), *texts.values()))


@contextmanager
def told_as(summary: Mapping[str, Any]) -> Iterator[None]:
    """In the language of a written round, where nobody has chosen one, with the words of its policy in it."""
    language = summary.get("language")
    texts = {} if language is None else {language: summary.get("translations", {})}
    with speaking(spoken() or language), alone(texts):
        yield


@contextmanager
def told_in(folder: Path) -> Iterator[None]:
    """As `told_as`, for a folder of which nothing is known yet: whatever its summary is, only its language counts."""
    summary = _summary(folder) or {}
    language = summary.get("language")
    told = summary if sound(summary) else {"language": language} if language in LANGUAGES else {}
    with told_as(told):
        yield


def told_otherwise(summary: Mapping[str, Any]) -> bool:
    """Whether a language was chosen that is not the one of a written round."""
    return spoken() not in (None, summary.get("language"))


def decided_files(folder: Path, summary: Mapping[str, Any], names: Iterable[str]) -> dict[str, bytes]:
    """Files of a round as they were decided; a fault for one whose SHA-256 is not that of the summary."""
    found: dict[str, bytes] = {}
    faults = []
    for name in names:
        try:
            found[name] = contents(folder / name)
        except OSError as error:
            faults.append(unreadable(error, str(folder / name)))
            continue
        if sha256(found[name]) != summary.get("files", {}).get(name):
            faults.append(
                Fault(say("is not the file that was decided: its SHA-256 is another."), file=str(folder / name))
            )
    if faults:
        raise InputError(faults)
    return found


def read_rows(folder: Path, name: str) -> list[dict[str, str]]:
    """The rows of one of the written CSV files."""
    try:
        return rows_of(contents(folder / name).decode())
    except FileNotFoundError:
        text = say("is missing in the folder.")
    except OSError as error:
        text = say("cannot be read ({code_strerror}).", code_strerror=error.strerror)
    except (ValueError, csv.Error):
        text = say("is not as fundalloc writes it.")
    raise InputError([Fault(text, say("Decide the round again."), file=str(folder / name))])


def rows_of(text: str) -> list[dict[str, str]]:
    """The rows of the text of a CSV file that fundalloc wrote."""
    head, *rows = csv.reader(io.StringIO(text, newline=""))
    return [dict(zip(head, unguard(row), strict=True)) for row in rows]
