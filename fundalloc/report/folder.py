"""The output folder: written whole or not at all, and never over somebody else's files."""

from __future__ import annotations

import contextlib
import csv
import io
import json
import os
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from fundalloc.errors import Fault, InputError
from fundalloc.language import learn, speaking, spoken
from fundalloc.report.summary import FORMAT, sha256, to_json
from fundalloc.tables import unguard

SUMMARY = "summary.json"
#: for so many files at a time it is waited until they are on the disk
WAITING = 8


def check_writable(folder: Path) -> None:
    """A fault where the folder holds anything that fundalloc did not write."""
    if folder.exists() and not folder.is_dir():
        raise InputError([Fault("is a file, not a folder.", "Name another folder with -o.", file=str(folder))])
    if folder.is_dir() and any(folder.iterdir()) and _summary(folder) is None:
        raise InputError(
            [
                Fault(
                    "holds files that fundalloc did not write; nothing was changed.",
                    "Name a new folder with -o.",
                    file=str(folder),
                )
            ]
        )


def _summary(folder: Path) -> dict[str, Any] | None:
    try:
        content = json.loads((folder / SUMMARY).read_bytes())
    except (OSError, ValueError):
        return None
    return content if isinstance(content, dict) and "fundalloc" in content else None


def write_folder(folder: Path, files: Mapping[str, bytes], summary: Mapping[str, Any]) -> None:
    """Writes the files of a round, with their hashes in the summary; what the last round left over goes."""
    check_writable(folder)
    old = _summary(folder) or {}
    write_files(folder, {**files, SUMMARY: to_json({**summary, "files": hashes(files)})})
    for name in set(old.get("files", {})) - set(files):
        if Path(name).name == name:
            (folder / name).unlink(missing_ok=True)


def hashes(files: Mapping[str, bytes]) -> dict[str, str]:
    """The SHA-256 of each file, in the order of their names."""
    return {name: sha256(content) for name, content in sorted(files.items())}


def write_files(folder: Path, files: Mapping[str, bytes]) -> None:
    """Writes files to a folder, all or none: each to a temporary file first, then all renamed, the last one last."""
    written: dict[str, Path] = {}
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name, content in files.items():
            written[name] = _temporary(folder, name, content)
        with ThreadPoolExecutor(WAITING) as pool:  # to wait for many at once is no longer than for one
            list(pool.map(_sync, written.values()))
        (folder / list(files)[-1]).unlink(missing_ok=True)
        for name, path in written.items():
            path.replace(folder / name)
        with contextlib.suppress(OSError):  # not every system can open a folder
            _sync(folder, os.O_RDONLY)
    except OSError as error:
        raise InputError(
            [Fault(f"cannot be written ({error.strerror}).", "Name another folder.", file=str(folder))]
        ) from error
    finally:
        for path in written.values():
            path.unlink(missing_ok=True)


def _temporary(folder: Path, name: str, content: bytes) -> Path:
    handle, path = tempfile.mkstemp(prefix=f".{name}.", dir=folder)
    with os.fdopen(handle, "wb") as file:
        file.write(content)
    Path(path).chmod(0o644)
    return Path(path)


def _sync(path: Path, flags: int = os.O_RDWR) -> None:
    """Waits until a file or folder is on the disk."""
    handle = os.open(path, flags)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def read_summary(folder: Path) -> dict[str, Any]:
    """The summary of a folder that fundalloc wrote."""
    summary = _summary(folder)
    if summary is None:
        raise InputError(
            [
                Fault(
                    "is no folder that fundalloc allocate wrote.",
                    "Name the folder given with -o.",
                    file=str(folder),
                )
            ]
        )
    if summary["fundalloc"].get("format") != FORMAT:
        raise InputError(
            [
                Fault(
                    "was written by another version of fundalloc.",
                    "Decide the round again.",
                    file=str(folder),
                )
            ]
        )
    return summary


@contextmanager
def told_as(summary: Mapping[str, Any]) -> Iterator[None]:
    """In the language of a written round, where nobody has chosen one, with the words of its policy in it."""
    language = summary.get("language")
    with speaking(spoken() or language):
        if language is not None:
            learn({language: summary.get("translations", {})})
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
            found[name] = (folder / name).read_bytes()
        except OSError as error:
            faults.append(Fault(f"cannot be read ({error.strerror}).", file=str(folder / name)))
            continue
        if sha256(found[name]) != summary.get("files", {}).get(name):
            faults.append(Fault("is not the file that was decided: its SHA-256 is another.", file=str(folder / name)))
    if faults:
        raise InputError(faults)
    return found


def read_rows(folder: Path, name: str) -> list[dict[str, str]]:
    """The rows of one of the written CSV files."""
    try:
        return rows_of((folder / name).read_bytes().decode())
    except FileNotFoundError:
        raise InputError(
            [Fault("is missing in the folder.", "Decide the round again.", file=str(folder / name))]
        ) from None


def rows_of(text: str) -> list[dict[str, str]]:
    """The rows of the text of a CSV file that fundalloc wrote."""
    head, *rows = csv.reader(io.StringIO(text, newline=""))
    return [dict(zip(head, unguard(row), strict=True)) for row in rows]
