"""Jobs: what is to be decided in a folder of policies, or of regions files for one policy."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fundalloc.errors import Fault, InputError
from fundalloc.intake import unreadable
from fundalloc.language import phrase, say
from fundalloc.policy import policy_path, read_toml
from fundalloc.report.filenames import file_names
from fundalloc.report.folder import SUMMARY

POLICIES = (".toml",)
TABLES = (".csv", ".tsv", ".xlsx", ".xlsm", ".xls", ".ods")
#: files of the batch itself, which no folder of a job may be called
SHEET, PAGE = "batch.csv", "batch.html"
TAKEN = (SHEET, PAGE, SUMMARY)
#: bytes of a policy that is looked through for the tables that are its own; nobody's policy is that long
LOOKED_AT = 2**17
#: so many names are told
SHOWN = 10


@dataclass(frozen=True)
class Job:
    """One decision of a batch.

    name: what it is called. file: its entry in the folder. folder: where its files go, inside the folder of the batch.
    regions: instead of those that the policy names. fault: why it cannot even begin.
    """

    name: str
    file: str
    folder: str
    policy: Path
    regions: Path | None = None
    fault: str = ""

    @property
    def own(self) -> Path:
        """The file that makes this job differ from the others."""
        return self.regions or self.policy


def jobs_in(folder: Path, policy: Path | None = None, history: Path | None = None) -> tuple[tuple[Job, ...], list[str]]:
    """The jobs of a folder, in the order of their names, and sentences on what was left out.

    Without a policy each TOML file and each folder with a policy.toml is a job; with one, each table, in the place of
    its regions file. history: a file that is no job either. Raises InputError where there is nothing to be decided.
    """
    entries = _entries(folder)
    policies = [e for e in entries if _is_policy(e)]
    tables = [e for e in entries if _has_suffix(e, TABLES)]
    own = {_real(policy), _real(policy_path(policy))} if policy is not None else set()
    readers = [policy] if policy is not None else policies if tables else []
    named = {_real(file) for one in readers for file in _named(one, policy is None)}
    named |= {_real(history)} if history is not None else set()
    others = [e for e in (tables if policy is None else policies) if _real(e) not in named | own]
    chosen = policies if policy is None else [e for e in tables if _real(e) not in named]
    if not chosen:
        raise InputError([_nothing(folder, policy, tables)])
    return tuple(_jobs(chosen, policy)), _left_out(others, policy)


def _entries(folder: Path) -> list[Path]:
    try:
        found = sorted(folder.iterdir())
    except FileNotFoundError:
        raise InputError([Fault(say("there is no such folder."), say("Check the name."), file=str(folder))]) from None
    except NotADirectoryError:
        fault = Fault(say("is a file, not a folder."), say("Name the folder that it lies in."), file=str(folder))
        raise InputError([fault]) from None
    except OSError as error:
        raise InputError([unreadable(error, str(folder))]) from None
    return [e for e in found if not e.name.startswith((".", "~$"))]


def _has_suffix(entry: Path, suffixes: Sequence[str]) -> bool:
    return entry.suffix.casefold() in suffixes and not entry.is_dir()


def _is_policy(entry: Path) -> bool:
    return _has_suffix(entry, POLICIES) or (entry.is_dir() and os.path.lexists(entry / "policy.toml"))


def _real(path: Path) -> str:
    return os.path.realpath(path)


def _named(policy: Path, regions: bool) -> Iterator[Path]:
    """The files that a policy names, as far as it can be read; regions: the regions file too."""
    path = policy_path(policy)
    try:
        raw: dict[str, Any] = read_toml(path) if path.is_file() and path.stat().st_size <= LOOKED_AT else {}
    except (InputError, OSError):  # told where the policy is decided
        return
    for section, keys in (("regions", ("file",) if regions else ()), ("history", ("file", "mapping"))):
        inside = raw.get(section)
        for key in keys:
            if isinstance(inside, dict) and isinstance(inside.get(key), str) and "\0" not in inside[key]:
                yield path.parent / inside[key]


def _nothing(folder: Path, policy: Path | None, tables: Sequence[Path]) -> Fault:
    if policy is not None:
        return Fault(
            say("holds no regions file."),
            say("A regions file ends in {code_list}.", code_list=", ".join(TABLES)),
            file=str(folder),
        )
    if tables:
        return Fault(
            say(
                "holds {count} tables and no policy." if len(tables) != 1 else "holds 1 table and no policy.",
                count=len(tables),
            ),
            say("Name the policy that decides them: --policy FILE."),
            str(folder),
        )
    return Fault(
        say("holds no policy."), say("A policy is a TOML file, or a folder with a policy.toml."), file=str(folder)
    )


def _left_out(others: Sequence[Path], policy: Path | None) -> list[str]:
    if not others:
        return []
    names = ", ".join(readable(e.name) for e in others[:SHOWN]) + (", ..." if len(others) > SHOWN else "")
    if policy is None:
        text = (
            phrase(
                "{count} tables that no policy names were left out ({code_names}); --policy FILE decides each table by "
                "one policy."
            )
            if len(others) > 1
            else phrase(
                "{count} table that no policy names was left out ({code_names}); --policy FILE decides each table by "
                "one policy."
            )
        )
    else:
        text = (
            phrase(
                "{count} policies were left out ({code_names}), because --policy names the one that decides the tables."
            )
            if len(others) > 1
            else phrase(
                "{count} policy was left out ({code_names}), because --policy names the one that decides the tables."
            )
        )
    return [say(text, count=len(others), code_names=names)]


def _jobs(entries: Sequence[Path], policy: Path | None) -> Iterator[Job]:
    names = _labels(entries)
    folders = file_names(names, TAKEN)
    for entry, name in zip(entries, names, strict=True):
        own = policy_path(entry) if policy is None else entry
        regions = None if policy is None else entry
        yield Job(
            readable(name), readable(entry.name), folders[name], policy or entry, regions, _unfit(entry) or _unfit(own)
        )


def _labels(entries: Iterable[Path]) -> list[str]:
    """A name for each entry: without its ending where that tells them apart."""
    stems = {e: e.name if e.is_dir() else e.stem for e in entries}
    times = Counter(name.casefold() for name in stems.values())
    short = [stem if times[stem.casefold()] == 1 else e.name for e, stem in stems.items()]
    return short if len(set(short)) == len(short) else [e.name for e in stems]


def _unfit(path: Path) -> str:
    """Why an entry cannot be read at all."""
    if readable(path.name) != path.name:
        return say("the name of the file is no UTF-8 text. Give it another name.")
    if path.is_file() or path.is_dir() or not path.exists():
        return ""
    return say("{code_name} is no file that can be read.", code_name=path.name)


def readable(text: str) -> str:
    """A text that can be written, also where a file name is no UTF-8."""
    return text.encode("utf-8", "surrogateescape").decode("utf-8", "replace")
