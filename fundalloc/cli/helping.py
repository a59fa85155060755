"""Help in the language that is spoken: what typer prints in English, for others with lines cut by their widths."""

from __future__ import annotations

import inspect
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from typer.core import TyperCommand, TyperGroup

from fundalloc.cli.usage import native, retold
from fundalloc.language import padded, phrase, say, width, wrapped

if TYPE_CHECKING:
    from typer._click.core import Command, Context, Parameter

#: columns of the names, and spaces behind them
NAMES, GAP = 30, 2
USAGE = phrase("Usage: ")
#: titles of the parts of a page, by what they list
TITLES = {"argument": phrase("Arguments:"), "option": phrase("Options:"), "command": phrase("Commands:")}


class SpokenCommand(TyperCommand):
    """A command with its help in the language that is spoken."""

    def get_usage(self, ctx: Context) -> str:
        """The line that says how to use it."""
        return super().get_usage(ctx) if native() else _usage(self, ctx)

    def get_help(self, ctx: Context) -> str:
        """The page that --help prints."""
        return super().get_help(ctx) if native() else _page(self, ctx)


class SpokenGroup(TyperGroup):
    """All commands, with their help in the language that is spoken."""

    def get_usage(self, ctx: Context) -> str:
        """The line that says how to use it."""
        return super().get_usage(ctx) if native() else _usage(self, ctx)

    def get_help(self, ctx: Context) -> str:
        """The page that --help prints."""
        return super().get_help(ctx) if native() else _page(self, ctx)


def _usage(command: Command, ctx: Context) -> str:
    start = f"{say(USAGE)}{ctx.command_path} "
    lines = wrapped(" ".join(command.collect_usage_pieces(ctx)), _columns(ctx) - width(start))
    return start + f"\n{' ' * width(start)}".join(lines)


def _page(command: Command, ctx: Context) -> str:
    """What a command does, its arguments and options, and the commands in it."""
    columns = _columns(ctx)
    lines = [command.get_usage(ctx), "", *(f"  {line}" for line in wrapped(_said(command.help), columns - GAP))]
    for kind, title in TITLES.items():
        entries = _commands(command, ctx) if kind == "command" else _parameters(command, ctx, kind)
        if entries:
            lines += ["", say(title), *_listed(entries, columns)]
    return "\n".join(lines)


def _columns(ctx: Context) -> int:
    return ctx.make_formatter().width


def _said(text: str | None) -> str:
    return say(inspect.cleandoc(text)) if text else ""


def _commands(command: Command, ctx: Context) -> list[tuple[str, str]]:
    """The names of the commands, and what each does."""
    if not isinstance(command, TyperGroup):
        return []
    inside = ((name, command.get_command(ctx, name)) for name in command.list_commands(ctx))
    return [(name, _said(one.help)) for name, one in inside if one is not None and not one.hidden]


def _parameters(command: Command, ctx: Context, kind: str) -> list[tuple[str, str]]:
    """How the arguments or options are written, and what each means."""
    mine = [one for one in command.get_params(ctx) if one.param_type_name == kind]
    records = ((one, one.get_help_record(ctx)) for one in mine)
    return [(record[0], _meaning(one, record[1])) for one, record in records if record is not None]


def _meaning(parameter: Parameter, told: str) -> str:
    """What a parameter means, then what typer adds to it: variable, default, required."""
    text = str(getattr(parameter, "help", None) or "")
    added = told.removeprefix(text).strip().removeprefix("[").removesuffix("]")
    return " ".join(filter(None, [_said(text), *(retold(f"[{one}]") for one in added.split("; ") if one)]))


def _listed(entries: Sequence[tuple[str, str]], columns: int) -> Iterator[str]:
    """Names with their meanings beside them, or below where a name is too long."""
    first = min(max(width(name) for name, _ in entries), NAMES) + GAP
    for name, meaning in entries:
        lines = wrapped(meaning, max(columns - first - GAP, 10))
        if width(name) > first - GAP:
            yield f"  {name}"
        else:
            yield f"  {padded(name, first)}{lines.pop(0) if lines else ''}".rstrip()
        yield from (f"{' ' * (first + GAP)}{line}" for line in lines)
