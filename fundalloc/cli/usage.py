"""Wrong usage: what typer says of it in English, recognised and said in the language that is spoken."""

from __future__ import annotations

import io
from collections.abc import Callable

import typer

from fundalloc.cli.putting import put
from fundalloc.language import VERBATIM, phrase, say, spoken
from fundalloc.reported import recognised

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


def retold(text: str) -> str:
    """A text of typer in the language that is spoken; as it stands where no sentence is like it."""
    found = recognised(text, SENTENCES)
    if found is None:
        return text
    sentence, values = found
    return say(sentence, **{k: v if k.startswith(VERBATIM) else retold(v) for k, v in values.items()})


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
