"""The batch: every job of a folder decided, each in a folder of its own, and one summary of all."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from functools import cached_property
from importlib.metadata import version
from pathlib import Path
from typing import Any

from fundalloc.batching.alone import alone
from fundalloc.batching.jobs import PAGE, SHEET, jobs_in
from fundalloc.batching.results import Result
from fundalloc.batching.tally import counts, entry, sheet
from fundalloc.batching.work import Options
from fundalloc.batching.workers import results
from fundalloc.errors import Fault, InputError
from fundalloc.intake import contents, json_of
from fundalloc.language import say, spoken
from fundalloc.policy import policy_path, read_policy
from fundalloc.report.folder import SUMMARY, check_writable, write_folder
from fundalloc.report.formats import chosen
from fundalloc.report.summary import FORMAT, PACKAGES, sha256, versions

#: more processes than any machine has
MOST = 1_000
Heard = Callable[[int, int, Result | None], None]


@dataclass(frozen=True, eq=False)
class Batch:
    """What became of each job, in the order of their names, and sentences on what was left out."""

    results: tuple[Result, ...]
    notes: tuple[str, ...] = ()

    @cached_property
    def counts(self) -> dict[str, int]:
        """How many jobs there were, how many ended how, and the exit code."""
        return counts(self.results)

    @property
    def exit_code(self) -> int:
        """0, 8 where a job failed, else 10 where flags count and were raised."""
        return self.counts["exit_code"]


def batch(
    folder: str | Path,
    out: str | Path,
    *,
    policy: str | Path | None = None,
    history: str | Path | None = None,
    round: str = "",
    settings: Sequence[str] = (),
    encoding: str = "utf-8",
    formats: Sequence[str] = (),
    strict: bool = False,
    jobs: int = 1,
    heard: Heard | None = None,
) -> Batch:
    """Decides every policy of a folder, or every regions file of it by one policy, and writes one summary of all.

    Each goes to a folder of its own inside `out`, as `allocate` writes it; what is unchanged is left alone. policy:
    decides each table of the folder. strict: flags count in the exit code. jobs: how many processes. heard: called with
    how many jobs have ended, how many there are, and the last result, as they end. The other options: those of `load`
    and `Allocation.write`, for every job. Raises InputError where there is nothing to be decided, the policy itself is
    faulty, or `out` holds anything but a batch; a job that fails is part of the result.
    """
    folder, out = Path(folder), Path(out)
    if not 1 <= jobs <= MOST:
        fault = Fault(
            say("is not possible here."),
            say("Write a number from 1 to {code_most}.", code_most=MOST),
            key="--jobs",
            value=str(jobs),
        )
        raise InputError([fault])
    template = None if policy is None else Path(policy)
    past = None if history is None else Path(history)
    options = Options(past, round, tuple(settings), encoding, chosen(formats), strict, spoken())
    if template is not None:
        read_policy(template, options.settings)
    todo, notes = jobs_in(folder, template, past)
    before = _prepared(folder, out)
    with alone(out):
        tell = heard or _deaf
        tell(0, len(todo), None)
        found: list[Result] = []
        with closing(results(todo, out, options, min(jobs, len(todo)))) as ends:
            for result in ends:
                found.append(result)
                tell(len(found), len(todo), result)
        found += _gone(before, {job.folder for job in todo}, out)
        made = Batch(tuple(sorted(found, key=lambda one: (one.status == "gone", one.name, one.folder))), tuple(notes))
        _write(made, out, _stated(options, template))
    return made


def _deaf(ended: int, total: int, result: Result | None) -> None:
    """Nobody asked."""


def _prepared(folder: Path, out: Path) -> Mapping[str, Any]:
    """What the batch before said of its jobs; a fault where the folder is no place for a batch."""
    if out.exists() and folder.samefile(out):
        fault = Fault(say("would be written among its own inputs."), say("Name another folder with -o."), file=str(out))
        raise InputError([fault])
    check_writable(out)
    if not (out / SUMMARY).is_file():
        write_folder(out, {}, {**_head(), "batch": None})  # so that the folder is known if the batch is cut off
        return {}
    said = json_of(contents(out / SUMMARY))
    if "batch" not in said:
        text = say("holds something that fundalloc wrote, but no batch; nothing was changed.")
        raise InputError([Fault(text, say("Name another folder with -o."), file=str(out))])
    listed = said.get("jobs")
    return listed if isinstance(listed, dict) else {}


def _gone(before: Mapping[str, Any], folders: set[str], out: Path) -> list[Result]:
    """The jobs of batches before that are no longer there, and whose folders are."""
    found = []
    for place, one in before.items():
        known = place not in folders and Path(place).name == place != ".." and isinstance(one, dict)
        if known and (out / place).is_dir():
            found.append(Result(str(one.get("job", "")), str(one.get("file", "")), place, "gone", output="earlier"))
    return found


def _head() -> dict[str, Any]:
    return {"fundalloc": {"format": FORMAT, "version": version("fundalloc")}}


def _stated(options: Options, policy: Path | None) -> dict[str, Any]:
    """What was asked for, as it stands in the manifest."""
    files = {"policy": None if policy is None else policy_path(policy), "history": options.history}
    return {
        **{name: None if path is None else _source(path) for name, path in files.items()},
        "round": options.round,
        "settings": list(options.settings),
        "encoding": options.encoding,
        "formats": list(options.formats),
        "strict": options.strict,
        **({} if options.language is None else {"language": options.language}),
    }


def _source(path: Path) -> dict[str, str]:
    try:
        return {"file": path.name, "sha256": sha256(contents(path))}
    except OSError:  # every job says so
        return {"file": path.name, "sha256": ""}


def _write(made: Batch, out: Path, stated: Mapping[str, Any]) -> None:
    """Writes batch.csv, batch.html and the manifest, summary.json, last."""
    from fundalloc.report.page.overview import overview

    head = _head()
    by = versions(PACKAGES)
    page = overview(made.counts, made.results, stated, by)
    summary = {
        **head,
        "batch": made.counts,
        "options": stated,
        "versions": by,
        "jobs": {one.folder: entry(one) for one in made.results},
    }
    write_folder(out, {SHEET: sheet(made.results).csv(), PAGE: page}, summary)
