"""The work: one job of a batch, decided like any round, or left alone where nothing has changed."""

from __future__ import annotations

import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from importlib.metadata import PackageNotFoundError
from pathlib import Path
from typing import Any

from fundalloc.batching.jobs import Job
from fundalloc.batching.results import Result, complaint, decided, failed
from fundalloc.certificate import CERTIFICATE
from fundalloc.errors import Fault, InputError
from fundalloc.fund import Fund
from fundalloc.intake import contents, json_of
from fundalloc.language import Language, recorded, speaking
from fundalloc.loading import load
from fundalloc.policy import policy_path
from fundalloc.report.folder import SUMMARY, check_writable, decided_files, read_summary
from fundalloc.report.formats import FORMATS
from fundalloc.report.summary import PACKAGES, sha256, versions
from fundalloc.sources import Source

#: how the names of traces of a writer begin
TRACE = ".fundalloc"


@dataclass(frozen=True)
class Options:
    """What holds for every job: as for `allocate`; formats: names of reports, each once."""

    history: Path | None = None
    round: str = ""
    settings: tuple[str, ...] = ()
    encoding: str = "utf-8"
    formats: tuple[str, ...] = ()
    strict: bool = False
    language: Language | None = None


def done(job: Job, out: Path, options: Options) -> Result:
    """Does a job; whatever is wrong with it is its result."""
    start = time.perf_counter()
    with speaking(None), speaking(options.language):  # no job knows the texts of another
        try:
            result = _done(job, out, options)
        except Exception as error:  # a bad job never stops the rest
            result = failed(job, out, *complaint(error), _own_inputs(job))
    return replace(result, seconds=time.perf_counter() - start, peak=_peak())


def _done(job: Job, out: Path, options: Options) -> Result:
    if job.fault:
        raise InputError([Fault(job.fault, file=job.file)])
    folder = out / job.folder
    check_writable(folder)
    fund = load(
        job.policy,
        regions=job.regions,
        history=options.history,
        round=options.round,
        settings=options.settings,
        encoding=options.encoding,
    )
    found = _as_decided(folder, fund, options)
    if found is None:
        fund.allocate().write(folder, options.formats)
        content = contents(folder / SUMMARY)
        summary = json_of(content)
    else:
        summary, content = found
    files = {**summary["files"], SUMMARY: sha256(content)}
    return decided(job, summary, files, fresh=found is None, strict=options.strict)


def _as_decided(folder: Path, fund: Fund, options: Options) -> tuple[Mapping[str, Any], bytes] | None:
    """The summary of a folder that holds what would be decided now, file by file; None where it does not.

    A folder with traces of a writer that was cut off is written again: that takes them away.
    """
    reports = [FORMATS[name] for name in options.formats]
    try:
        tools = {*PACKAGES, *(tool for one in reports for tool in one.tools)}
        if any(path.name.startswith(TRACE) for path in folder.iterdir()):
            return None
        summary, content = read_summary(folder), contents(folder / SUMMARY)
        wanted = {
            "round": fund.round,
            "settings": list(fund.settings),
            "language": recorded(),
            "versions": versions(tools),
        }
        if any(summary.get(key) != value for key, value in wanted.items()):
            return None
        if {one.file for one in FORMATS.values()} & set(summary["files"]) != {one.file for one in reports}:
            return None
        written = json_of(decided_files(folder, summary, summary["files"])[CERTIFICATE])["inputs"]
        if {name: Source.of(one) for name, one in written.items()} != fund.inputs:
            return None
    except (InputError, PackageNotFoundError, OSError, ValueError, TypeError, KeyError, AttributeError):
        return None
    return summary, content


def _own_inputs(job: Job) -> dict[str, dict[str, str]]:
    """The files that a failed job was named by, as far as they can be read."""
    found = {}
    for name, path in {"policy": policy_path(job.policy), "regions": job.regions}.items():
        if path is not None and not job.fault:
            try:
                found[name] = {"file": path.name, "sha256": sha256(contents(path))}
            except OSError:
                continue
    return found


def _peak() -> float | None:
    """The most memory that this process has ever had, in MB; None where the system does not tell."""
    try:
        import resource
    except ImportError:
        return None
    unit = 2**20 if sys.platform == "darwin" else 2**10
    return round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / unit, 2)
