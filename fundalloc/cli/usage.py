"""Wrong usage: what typer says of it in English, recognised and said in the language that is spoken."""

from __future__ import annotations

import io
import re
from collections.abc import Callable
from functools import cache
from string import Formatter

import typer

from fundalloc.cli.putting import put
from fundalloc.language import phrase, say, spoken

#: what typer and pydantic say, the longer form of a sentence before the shorter; a place that is no code holds another
SENTENCES = (
    phrase("Try {code} for help."),
    phrase("Error: {fault}"),
    phrase("Invalid value for {code_option} (env var: {code_variable}): {fault}"),
    phrase("Invalid value for {code_option}: {fault}"),
    phrase("Invalid value: {fault}"),
    phrase("Missing argument {code}."),
    phrase("Missing option {code}."),
    phrase("Missing command."),
    phrase("No such option: {code} (Possible options: {code_list})"),
    phrase("No such option: {code}"),
    phrase("No such command {code}. Did you mean {code_list}?"),
    phrase("No such command {code}."),
    phrase("Option {code} requires an argument."),
    phrase("Option {code} does not take a value."),
    phrase("Got unexpected extra argument(s) ({code_list})"),
    phrase("Input should be a valid integer, unable to parse string as an integer"),
    phrase("Unable to parse input string as an integer, exceeded maximum size"),
    phrase("Input should be a valid number, unable to parse string as a number"),
    phrase("Input should be a valid string, unable to parse raw data as a unicode string"),
    phrase("[env var: {code}]"),
    phrase("[default: {code}]"),
    phrase("[required]"),
)


def native() -> bool:
    """Whether the language that is spoken is that of typer."""
    return spoken() in (None, "en")


@cache
def _patterns() -> dict[str, re.Pattern[str]]:
    """What texts of each sentence look like."""
    return {
        sentence: re.compile(
            "".join(re.escape(text) + (f"(?P<{name}>.+?)" if name else "") for text, name, _, _ in parts), re.DOTALL
        )
        for sentence, parts in ((one, Formatter().parse(one)) for one in SENTENCES)
    }


def retold(text: str) -> str:
    """A text of typer in the language that is spoken; as it stands where no sentence is like it."""
    for sentence, pattern in _patterns().items():
        found = pattern.fullmatch(text)
        if found is not None:
            values = {k: v if k.startswith("code") else retold(v) for k, v in found.groupdict().items()}
            return say(sentence, **values)
    return text


def complain(error: typer.TyperException) -> int:
    """Tells on standard error what is wrong with a command line; the exit code."""
    show: Callable[..., None] = error.show  # type: ignore[attr-defined]  # each that typer raises has it
    if native():
        show()
    else:
        told = io.StringIO()
        show(file=told)
        put("\n".join(map(retold, told.getvalue().splitlines())), err=True)
    return error.exit_code
