"""Results: how each job of a batch ended, in a form that every summary is made from."""

from __future__ import annotations

import traceback
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, NamedTuple

from fundalloc.batching.jobs import Job, readable
from fundalloc.errors import ConflictError, FundallocError, InputError
from fundalloc.language import say
from fundalloc.report.folder import SUMMARY

Status = Literal["decided", "failed", "gone"]
Output = Literal["current", "earlier", "none"]
#: so many faults of a job are kept
KEPT = 100
#: the end of a job that raised flags, where --strict asks for it
FLAGGED = 10


class Amount(NamedTuple):
    """What was shared out of one resource: its name, the exact amount and the unit."""

    resource: str
    amount: str
    unit: str


@dataclass(frozen=True)
class Result:
    """How a job ended.

    status: decided, failed, or gone: no longer among the jobs. exit_code: that of `allocate`. output: what lies in its
    folder: what was decided from these inputs, something earlier, or nothing. faults: in words, the first `KEPT` of
    `count`. inputs: name, file and SHA-256. files: SHA-256 of each. fresh: written now, not found as it was to be.
    seconds and peak (MB of the process that did it) are no part of any file.
    """

    name: str
    file: str
    folder: str
    status: Status
    exit_code: int = 0
    output: Output = "none"
    faults: tuple[str, ...] = ()
    count: int = 0
    title: str = ""
    round: str = ""
    regions: int = 0
    amounts: tuple[Amount, ...] = ()
    flags: Mapping[str, int] = field(default_factory=dict)
    inputs: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    files: Mapping[str, str] = field(default_factory=dict)
    fresh: bool = True
    seconds: float = 0.0
    peak: float | None = None

    @property
    def warnings(self) -> int:
        """How many flags are more than information."""
        return sum(count for severity, count in self.flags.items() if severity != "info")

    @property
    def fault(self) -> str:
        """The first fault."""
        return self.faults[0] if self.faults else ""

    @property
    def words(self) -> str:
        """How it ended, in a few words on one line."""
        if self.status == "failed":
            said = say("failed with exit code {code}: {code_fault}", code=self.exit_code, code_fault=self.fault)
            return say("{words} (and {count} more)", words=said, count=self.count - 1) if self.count > 1 else said
        state = say("decided") if self.fresh else say("unchanged")
        if not self.warnings:
            return state
        sentence = "{state}, {count} flags" if self.warnings != 1 else "{state}, {count} flag"
        return say(sentence, state=state, count=self.warnings)


def decided(job: Job, summary: Mapping[str, Any], files: Mapping[str, str], *, fresh: bool, strict: bool) -> Result:
    """The result of a job whose folder is as it should be: what its summary.json says."""
    resources = summary["resources"]
    flags = {str(severity): int(count) for severity, count in summary["flags"].items()}
    result = Result(
        job.name,
        job.file,
        job.folder,
        "decided",
        output="current",
        title=str(summary["title"]),
        round=str(summary["round"]),
        regions=max((int(one["regions"]) for one in resources.values()), default=0),
        amounts=tuple(Amount(name, one["amounts"], one["unit"]) for name, one in resources.items()),
        flags=flags,
        inputs=summary["inputs"],
        files=files,
        fresh=fresh,
    )
    return result if not (strict and result.warnings) else _ended(result, FLAGGED)


def _ended(result: Result, code: int) -> Result:
    return Result(**{**vars(result), "exit_code": code})


def failed(job: Job, out: Path, code: int, faults: tuple[str, ...], inputs: Mapping[str, Any]) -> Result:
    """The result of a job that could not be decided; what lies in its folder stays as it is."""
    output: Output = "earlier" if (out / job.folder / SUMMARY).is_file() else "none"
    lines = tuple(" ".join(readable(text).split()) for text in faults)
    return Result(job.name, job.file, job.folder, "failed", code, output, lines[:KEPT], count=len(lines), inputs=inputs)


def complaint(error: Exception) -> tuple[int, tuple[str, ...]]:
    """The exit code of an error, and each of its faults in the language that is spoken."""
    if isinstance(error, InputError):
        return error.exit_code, tuple(map(str, error.faults))
    if isinstance(error, ConflictError):
        ways = (say("What would do: {code_way}", code_way=way) for way in error.relaxations)
        return error.exit_code, (error.reason, *ways)
    if isinstance(error, FundallocError):
        return error.exit_code, (str(error),)
    if isinstance(error, MemoryError):
        return 1, (say("there was not enough memory. Fewer --jobs at a time need less."),)
    last = traceback.extract_tb(error.__traceback__)[-1]
    where = say(
        "{code_kind} in {code_file}, line {code_line}: {code_error}",
        code_kind=type(error).__name__,
        code_file=Path(last.filename).name,
        code_line=last.lineno,
        code_error=error,
    )
    text = say("this is a bug in fundalloc ({code_where}). Please report it with the policy file.", code_where=where)
    return 1, (text,)
