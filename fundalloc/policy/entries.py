"""The entries of a policy: what its TOML text says, nothing deeper or larger than a policy can be."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Any

from fundalloc.ceilings import DEPTH, DIGITS, POLICY, POWER
from fundalloc.characters import unfit
from fundalloc.errors import Fault, Faults, InputError
from fundalloc.intake import contents, json_of, unreadable
from fundalloc.language import phrase, say
from fundalloc.reported import reported

#: a key with more parts than DEPTH; the parser of TOML takes hours for 100,000
PART = r"""(?>[A-Za-z0-9_-]++|"[^"\n]*+"|'[^'\n]*+')"""
LONG_KEY = re.compile(rf"(?<![\w\"'.-]){PART}(?:[ \t]*+\.[ \t]*+{PART}){{{DEPTH},}}")
#: a complaint of the parser of TOML and its place; a key in it
PLACED = re.compile(r"(.*) \(at (?:(end of document)|line (\d+), column (\d+))\)", re.DOTALL)
KEY = re.compile(r"\('[^()]*',?\)")
FORM = phrase("Texts stand in quotes, tables in [brackets], a list in [a, b].")


def read_policy_file(path: Path) -> bytes:
    """The content of a policy file."""
    try:
        return contents(path, POLICY, say("A policy holds rules, not data: put data into the regions file."))
    except FileNotFoundError:
        raise InputError([Fault(say("there is no such file."), say("Check the name."), file=str(path))]) from None
    except OSError as error:
        raise InputError([unreadable(error, str(path))]) from None


def read_toml(path: Path) -> dict[str, Any]:
    """The entries of a TOML file; numbers with a point are exact decimals."""
    return parse_toml(read_policy_file(path), str(path))


def parse_toml(content: bytes, file: str) -> dict[str, Any]:
    """The entries of the content of a TOML file."""
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise InputError(
            [
                Fault(
                    say("is not UTF-8 text (byte {code_count}).", code_count=error.start + 1),
                    say("Save it as UTF-8."),
                    file=file,
                )
            ]
        ) from None
    try:
        raw = toml(text.replace("\r\n", "\n"))
    except NoTomlError as error:
        raise InputError([Fault(str(error), say(FORM), file=file, line=error.line)]) from None
    check_entries(raw, file)
    return raw


def parse_json(content: bytes, file: str) -> dict[str, Any]:
    """The entries of the content of a JSON file."""
    try:
        raw = json_of(content, decimal)
    except ValueError as error:
        raise InputError(
            [Fault(say("is no policy as JSON text ({code_error}).", code_error=error), file=file)]
        ) from None
    if not isinstance(raw, dict):
        raise InputError([Fault(say("holds no entries of a policy."), file=file)])
    check_entries(raw, file)
    return raw


class NoTomlError(ValueError):
    """A text that is no TOML; the text of the error says why, `line` in which line, where that is known."""

    def __init__(self, what: str, line: int | None = None, column: int | None = None) -> None:
        self.line = line
        super().__init__(
            say("is not valid TOML: {code_what}.", code_what=what)
            if column is None
            else say("is not valid TOML near character {code_column}: {code_what}.", code_column=column, code_what=what)
        )


def toml(text: str) -> dict[str, Any]:
    """What a TOML text says; numbers with a point are exact decimals. Raises NoTomlError where it is none."""
    if found := LONG_KEY.search(text):
        line = text.count("\n", 0, found.start()) + 1
        raise NoTomlError(say("a key has more than {code_depth} parts", code_depth=DEPTH), line)
    try:
        return tomllib.loads(text, parse_float=decimal)
    except RecursionError:
        raise NoTomlError(say("lists or tables stand in one another too deeply")) from None
    except _NumberError as error:
        raise NoTomlError(str(error)) from None
    except tomllib.TOMLDecodeError as error:
        raise _no_toml(str(error)) from None
    except ValueError:  # Python reads no whole number of more than 4,300 digits
        raise NoTomlError(say("a whole number has thousands of digits")) from None


def _no_toml(complaint: str) -> NoTomlError:
    """A complaint of the parser in our words, with its line and column."""
    found = PLACED.match(complaint)
    what, end, line, column = found.groups() if found else (complaint, None, None, None)
    words = str(reported(what[:1].lower() + KEY.sub(lambda key: ".".join(re.findall(r"'(.*?)'", key[0])), what[1:])))
    if end:
        words = say("{code_what} (at end of document)", code_what=words)
    return NoTomlError(words, *(int(n) if n else None for n in (line, column)))


class _NumberError(ValueError):
    """A number that is not computed with."""


def decimal(text: str) -> Decimal:
    """A number with a point, or in powers of ten, as it stands. Raises ValueError where no double comes near it."""
    try:
        value = Decimal(text)
    except InvalidOperation:
        raise _NumberError(say("{code_number} is a number beyond all bounds", code_number=text[:DIGITS])) from None
    if len(text) > DIGITS or (value.is_finite() and value and abs(value.adjusted()) > POWER):
        what = say("{code_number} is a number too long, too large or too small to compute with", code_number=text[:30])
        raise _NumberError(what)
    return value


def check_entries(raw: Mapping[str, Any], file: str) -> None:
    """Raises InputError for every entry that no policy can have: too deep, too large, or with characters unfit."""
    faults = Faults(file)
    open_: list[tuple[str, Any, int]] = [("", raw, 0)]
    while open_:
        key, value, depth = open_.pop()
        if isinstance(value, Mapping | list):
            if depth > DEPTH:
                faults.add(
                    say("is more than {code_depth} tables deep.", code_depth=DEPTH),
                    say("A policy needs no more than 7."),
                    key=key,
                )
                continue
            named = value.items() if isinstance(value, Mapping) else enumerate(value, 1)
            for name, inside in named:
                below = f"{key}.{name}" if key else str(name)
                if isinstance(name, str) and (wrong := unfit(name)):
                    faults.add(*wrong, key=key, value=name)
                open_.append((below, inside, depth + 1))
        elif isinstance(value, str) and (wrong := unfit(value)):
            faults.add(wrong[0], say("Delete it."), key=key, value=value)
        elif isinstance(value, int) and value.bit_length() > 1024:
            faults.add(
                say("is a whole number of more than {code_power} digits.", code_power=POWER),
                say("Write it smaller."),
                key=key,
            )
    faults.found.reverse()
    faults.check()
