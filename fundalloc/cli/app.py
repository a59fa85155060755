"""The commands, and what every ending of a command is turned into: words and an exit code."""

from __future__ import annotations

import traceback
from contextvars import copy_context

import typer

from fundalloc.cli import (
    allocating,
    amending,
    batching,
    comparing,
    looking,
    planning,
    recording,
    starting,
    watching,
    writing,
)
from fundalloc.cli.putting import put
from fundalloc.errors import ConflictError, FundallocError, InputError, SolverError
from fundalloc.interrupts import heard
from fundalloc.language import phrase, say

INTERRUPTED = 130

#: what to do about a SolverError
UNPROVEN = phrase(
    "Nothing is paid on what is not proven. What often helps: a little more room in the rule with the tightest bound, "
    'the same rule with mode = "prefer", or another [objective]. If none does, please report it with policy and data.'
)

ANY = phrase("Any one of these would do:")

app = typer.Typer(
    name="fundalloc",
    help="Divides shared funds among regions: fair, explained, exact.",
    no_args_is_help=True,
    add_completion=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)


def _version(wanted: bool) -> None:
    if wanted:
        from importlib.metadata import version

        put(f"fundalloc {version('fundalloc')}")
        raise typer.Exit


@app.callback()
def _everywhere(
    version: bool = typer.Option(False, "--version", callback=_version, is_eager=True, help="Print the version."),
) -> None:
    del version


app.command()(starting.demo)
app.command()(starting.new)
app.command()(starting.models)
app.command()(looking.check)
app.command()(allocating.allocate)
app.command()(batching.batch)
app.command()(planning.plan)
app.command()(looking.explain)
app.command()(looking.audit)
app.command()(looking.verify)
app.command()(comparing.compare)
app.command()(amending.amend)
app.command()(recording.record)
app.command()(recording.approve)
app.command()(recording.publish)
app.command()(recording.rounds)
app.command()(watching.monitor)
app.command()(writing.notices)
app.command()(starting.schema)


def run(arguments: list[str]) -> int:
    """Runs one command; its exit code."""
    end = copy_context().run(_run, arguments)  # a language holds for one command
    if heard() or end == INTERRUPTED:
        _say(say("interrupted"))
        return INTERRUPTED
    return end


def _run(arguments: list[str]) -> int:
    try:
        typer.main.get_command(app)(arguments, prog_name="fundalloc")
    except SystemExit as end:
        return end.code if isinstance(end.code, int) else 0
    except KeyboardInterrupt:
        return INTERRUPTED
    except FundallocError as error:
        _explain(error)
        return error.exit_code
    except Exception:  # a bug: said as one
        if heard():  # a library made something else of the interruption
            return INTERRUPTED
        traceback.print_exc()
        _say(say("this is a bug in fundalloc. Please report it with the lines above and the policy file."))
        return 1
    return 0


def _explain(error: FundallocError) -> None:
    if isinstance(error, InputError):
        count = len(error.faults)
        _say(
            say(
                "{count} faults found, nothing was written" if count > 1 else "1 fault found, nothing was written",
                count=count,
            )
        )
        for fault in error.faults:
            put(f"  - {fault}", err=True)
    elif isinstance(error, ConflictError):
        _say(say("conflict, nothing was written"))
        for line in error.reason.splitlines():
            put(f"  {line}", err=True)
        if error.relaxations:
            put(f"  {say(ANY)}", err=True)
            for way in error.relaxations:
                put(f"  - {way}", err=True)
    else:
        _say(str(error))
        if isinstance(error, SolverError):
            put(f"  {say(UNPROVEN)}", err=True)


def _say(text: str) -> None:
    put(f"fundalloc: {text}", err=True)
