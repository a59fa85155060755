"""The tally: what became of the jobs, as a table, as figures, and as entries of the manifest."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from fundalloc.batching.results import Result
from fundalloc.report.folder import SUMMARY
from fundalloc.report.sheets import Sheet

#: the exit code of a batch in which a job failed
FAILED = 8
WORDS = (
    "job",
    "file",
    "folder",
    "status",
    "output",
    "title",
    "round",
    "amounts",
    "fault",
    "sha256",
)


def counts(results: Sequence[Result]) -> dict[str, int]:
    """How many jobs there were, how many ended how, and the exit code of all."""
    jobs = [one for one in results if one.status != "gone"]
    failed = sum(one.status == "failed" for one in jobs)
    return {
        "jobs": len(jobs),
        "decided": len(jobs) - failed,
        "failed": failed,
        "flagged": sum(one.warnings > 0 for one in jobs),
        "gone": len(results) - len(jobs),
        "exit_code": FAILED if failed else max((one.exit_code for one in jobs), default=0),
    }


def sheet(results: Sequence[Result]) -> Sheet:
    """batch.csv: one row per job, then one per folder whose job is gone."""
    columns: dict[str, list[str]] = {
        "job": [one.name for one in results],
        "file": [one.file for one in results],
        "folder": [one.folder for one in results],
        "status": [one.status for one in results],
        "exit_code": ["" if one.status == "gone" else str(one.exit_code) for one in results],
        "output": [one.output for one in results],
        "title": [one.title for one in results],
        "round": [one.round for one in results],
        "regions": [_counted(one, one.regions) for one in results],
        "amounts": ["; ".join(" ".join(filter(None, amount)) for amount in one.amounts) for one in results],
        "flags": [_counted(one, one.warnings) for one in results],
        "faults": [str(one.count) if one.status == "failed" else "" for one in results],
        "fault": [one.fault for one in results],
        "sha256": [one.files.get(SUMMARY, "") for one in results],
    }
    return Sheet(columns, frozenset(WORDS))


def _counted(one: Result, count: int) -> str:
    return str(count) if one.status == "decided" else ""


def entry(one: Result) -> dict[str, Any]:
    """What the manifest says of a job: how it ended, and the SHA-256 of what was read and written."""
    return {
        "job": one.name,
        "file": one.file,
        "status": one.status,
        "exit_code": None if one.status == "gone" else one.exit_code,
        "output": one.output,
        "faults": list(one.faults),
        "inputs": {name: dict(source) for name, source in sorted(one.inputs.items())},
        "files": dict(sorted(one.files.items())),
    }


def line(one: Result) -> dict[str, Any]:
    """What a machine that watches is told of a job when it ends."""
    return {
        "event": "job",
        "job": one.name,
        "file": one.file,
        "folder": one.folder,
        "status": one.status,
        "fresh": one.fresh,
        "exit_code": one.exit_code,
        "output": one.output,
        "title": one.title,
        "round": one.round,
        "regions": one.regions,
        "amounts": [amount._asdict() for amount in one.amounts],
        "flags": dict(one.flags),
        "faults": list(one.faults),
        "seconds": round(one.seconds, 4),
        "peak_mb": one.peak,
    }
