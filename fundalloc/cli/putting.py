"""Saying: what is printed, with nothing in it that acts on a terminal or turns the order of what follows."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import typer

from fundalloc.report.legible import written_out

if TYPE_CHECKING:
    from rich.text import Text

#: what JSON text leaves as it stands, and a terminal would not
ACTING = re.compile("[\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff\ud800-\udfff]")


def put(text: str, *, err: bool = False) -> None:
    """Prints a text. err: on standard error."""
    typer.echo(written_out(text), err=err)


def put_json(content: Any, default: Callable[[Any], Any] | None = None, indent: int | None = 2) -> None:
    """Prints JSON text on standard output; characters that act on a terminal are escaped, which JSON reads alike.

    default: makes what JSON does not have to what it has. indent: None for all on one line.
    """
    text = json.dumps(content, ensure_ascii=False, indent=indent, default=default)
    typer.echo(ACTING.sub(lambda found: f"\\u{ord(found[0]):04x}", text))


def plain(text: str, style: str = "") -> Text:
    """A text for a table: nothing in it is markup."""
    from rich.text import Text

    return Text(written_out(text), style)
