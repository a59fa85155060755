"""The command that decides many funds in one go: batch."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TextIO

import typer

from fundalloc.cli.options import Encoding, Formats, History, Lang, Quiet, Round, Settings, Strict
from fundalloc.cli.putting import plain, put, put_json
from fundalloc.cli.screen import SHOWN, wide
from fundalloc.language import say

if TYPE_CHECKING:
    from fundalloc.batching import Batch
    from fundalloc.batching.results import Result

Say = Callable[[str], None]


def batch(
    folder: Annotated[
        Path, typer.Argument(metavar="DIR", help="A folder of policies, or with --policy of regions files.")
    ],
    out: Annotated[
        Path,
        typer.Option("-o", "--out", metavar="OUT", help="The folder to write to, a folder inside it for each job."),
    ],
    policy: Annotated[
        Path | None,
        typer.Option("--policy", metavar="FILE", help="Decides each CSV or Excel file of DIR, as its regions file."),
    ] = None,
    jobs: Annotated[int, typer.Option("--jobs", metavar="N", help="How many processes decide at a time.")] = 1,
    history: History = None,
    round_: Round = "",
    settings: Settings = None,
    encoding: Encoding = "utf-8",
    formats: Formats = [],  # noqa: B006 -- typer copies it
    as_json: Annotated[
        bool,
        typer.Option("--json", help="A line of JSON on standard output for each job as it ends, and one at the end."),
    ] = False,
    quiet: Quiet = False,
    strict: Strict = False,
    lang: Lang = None,
) -> None:
    """Decide every policy of a folder, each on its own, with one summary; a bad one never stops the rest."""
    start = time.perf_counter()
    from fundalloc.batching import batch as decide_all

    with _telling(as_json, quiet) as heard:
        made = decide_all(
            folder,
            out,
            policy=policy,
            history=history,
            round=round_,
            settings=settings or (),
            encoding=encoding,
            formats=formats,
            strict=strict,
            jobs=jobs,
            heard=heard,
        )
    seconds = time.perf_counter() - start
    unchanged = sum(one.status == "decided" and not one.fresh for one in made.results)
    if as_json:
        ending = {"event": "batch", **made.counts, "unchanged": unchanged, "notes": list(made.notes)}
        _line({**ending, "seconds": round(seconds, 4)})
    elif not quiet:
        _show(made)
    if not quiet:
        for text in _sentences(made):
            _note(text)
        told = made.counts
        _note(
            say(
                "{jobs} jobs: {decided} decided, {unchanged} unchanged, {failed} failed. Written to {code} in "
                "{seconds:.2f} s: batch.html, batch.csv, summary.json.",
                jobs=told["jobs"],
                decided=told["decided"] - unchanged,
                unchanged=unchanged,
                failed=told["failed"],
                code=str(out),
                seconds=seconds,
            )
        )
    if made.exit_code:
        raise typer.Exit(made.exit_code)


def _sentences(made: Batch) -> Iterator[str]:
    """What was left out, and what is gone."""
    yield from made.notes
    gone = [one.folder for one in made.results if one.status == "gone"]
    if gone:
        names = ", ".join(gone[:10]) + (", ..." if len(gone) > 10 else "")
        yield say(
            "{count} folders of earlier jobs that are gone left as they were: {code}."
            if len(gone) > 1
            else "{count} folder of an earlier job that is gone left as it was: {code}.",
            count=len(gone),
            code=names,
        )


def _line(content: Mapping[str, Any]) -> None:
    """One line of JSON on standard output, at once; who listens no more does not stop the batch."""
    with _listening(sys.stdout):
        put_json(content, indent=None)


def _note(text: str) -> None:
    with _listening(sys.stderr):
        put(text, err=True)


@contextmanager
def _listening(stream: TextIO) -> Iterator[None]:
    try:
        yield
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())


@contextmanager
def _telling(as_json: bool, quiet: bool) -> Iterator[Callable[[int, int, Result | None], None]]:
    """What is called as jobs end: lines for machines, a bar for who looks, lines for a log; failures always."""
    from fundalloc.batching.tally import line
    from fundalloc.report.legible import shown

    with _bar(quiet) as bar:

        def heard(ended: int, total: int, one: Result | None) -> None:
            if bar is not None:
                bar(ended, total, "" if one is None else shown(one.name))
            if one is None:
                return
            if as_json:
                _line(line(one))
            if one.status == "failed" or not (quiet or bar):
                _note(f"[{ended}/{total}] {shown(one.name)}: {shown(one.words)}")

        yield heard


@contextmanager
def _bar(quiet: bool) -> Iterator[Callable[[int, int, str], None] | None]:
    """A bar on standard error, where somebody looks."""
    if quiet or not sys.stderr.isatty():
        yield None
        return
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        TextColumn,
        TimeElapsedColumn,
        TimeRemainingColumn,
    )

    columns = (
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
        TextColumn("{task.description}"),
    )
    with Progress(*columns, console=Console(stderr=True), transient=True, redirect_stdout=False) as progress:
        task = progress.add_task("")

        def moved(ended: int, total: int, name: str) -> None:
            from rich.markup import escape

            progress.update(task, completed=ended, total=total, description=escape(name))

        yield moved


def _show(made: Batch) -> None:
    """The jobs as a table on standard output, the failed ones first."""
    from rich.table import Table

    from fundalloc.report.legible import shown
    from fundalloc.report.words import money

    table = Table(box=None, pad_edge=False, header_style="bold")
    for title, justify in (
        (say("job"), "left"),
        (say("round"), "left"),
        (say("regions"), "right"),
        (say("amounts"), "right"),
        (say("result"), "left"),
    ):
        table.add_column(title, justify=justify)  # type: ignore[arg-type]
    order = sorted(made.results, key=lambda one: ("failed", "decided", "gone").index(one.status))
    for one in order[:SHOWN]:
        amounts = "; ".join(money(a.amount, a.unit) for a in one.amounts)
        count = f"{one.regions:,}" if one.status == "decided" else ""
        words = say("gone; its folder was left as it is") if one.status == "gone" else one.words
        table.add_row(*(plain(shown(t)) for t in (one.name, one.round, count, amounts, words)))
    console = wide()
    console.print(table)
    if len(order) > SHOWN:
        console.print(plain(say("... and {count:,} more in batch.csv", count=len(order) - SHOWN)))
