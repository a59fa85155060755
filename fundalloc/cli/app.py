"""The commands, and what every ending of a command is turned into: words and an exit code."""

from __future__ import annotations

import traceback
from contextvars import copy_context
from functools import partial
from importlib import import_module
from typing import TYPE_CHECKING, Any

import typer

from fundalloc.cli.asking import asked
from fundalloc.cli.helping import SpokenCommand, SpokenGroup
from fundalloc.cli.options import HelpLang
from fundalloc.cli.putting import put
from fundalloc.cli.usage import complain
from fundalloc.errors import ConflictError, FundallocError, InputError, SolverError
from fundalloc.interrupts import heard
from fundalloc.language import phrase, say, speak
from fundalloc.ondemand import OnDemand

if TYPE_CHECKING:
    from typer._click.core import Command

INTERRUPTED = 130

#: what to do about a SolverError
UNPROVEN = phrase(
    "Nothing is paid on what is not proven. What often helps: a little more room in the rule with the tightest bound, "
    'the same rule with mode = "prefer", or another [objective]. If none does, please report it with policy and data.'
)

ANY = phrase("Any one of these would do:")

#: where each command is, in the order of the help; a command that is not called is not loaded
HOMES = {
    "demo": "starting",
    "new": "starting",
    "models": "starting",
    "check": "looking",
    "allocate": "allocating",
    "batch": "batching",
    "plan": "planning",
    "explain": "looking",
    "audit": "looking",
    "verify": "looking",
    "compare": "comparing",
    "amend": "amending",
    "record": "recording",
    "approve": "recording",
    "publish": "recording",
    "rounds": "recording",
    "monitor": "watching",
    "notices": "writing",
    "schema": "starting",
}


class Commands(SpokenGroup):
    """The commands of fundalloc."""

    def __init__(self, **settings: Any) -> None:
        super().__init__(**settings)
        makers = {name: partial(_command, name, home) for name, home in HOMES.items()}
        self.commands = OnDemand(makers)  # type: ignore[assignment]  # commands are added to it by nobody


def _command(name: str, home: str) -> Command:
    """A command as typer makes it of its function."""
    alone = typer.Typer(add_completion=False, rich_markup_mode=None)
    alone.command(name, cls=SpokenCommand)(getattr(import_module(f"fundalloc.cli.{home}"), name))
    return typer.main.get_command(alone)


app = typer.Typer(
    name="fundalloc",
    help="Divides shared funds among regions: fair, explained, exact.",
    no_args_is_help=True,
    add_completion=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    cls=Commands,
)


def _version(wanted: bool) -> None:
    if wanted:
        from importlib.metadata import version

        put(f"fundalloc {version('fundalloc')}")
        raise typer.Exit


@app.callback()
def _everywhere(
    version: bool = typer.Option(False, "--version", callback=_version, is_eager=True, help="Print the version."),
    lang: HelpLang = None,
) -> None:
    del version, lang


def run(arguments: list[str]) -> int:
    """Runs one command; its exit code."""
    return copy_context().run(_spoken, arguments)  # a language holds for one command


def _spoken(arguments: list[str]) -> int:
    language = asked(arguments)
    if language is not None:
        speak(language)
    end = _run(arguments)
    if heard() or end == INTERRUPTED:
        _say(say("interrupted"))
        return INTERRUPTED
    return end


def _run(arguments: list[str]) -> int:
    try:
        end = typer.main.get_command(app)(arguments, prog_name="fundalloc", standalone_mode=False)
    except SystemExit as exit_:  # completion of the shell
        return exit_.code if isinstance(exit_.code, int) else 0
    except typer.TyperException as error:
        return complain(error)
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
    return end if isinstance(end, int) else 0


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
