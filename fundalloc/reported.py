"""Reported: what readers of files (TOML, JSON, CSV, spreadsheets), schema and solver complain of, in our words."""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import cache

from fundalloc.language import Later, later, phrase

#: what they complain of; places stand for what they quote
KNOWN = (
    # names of files
    phrase("embedded null byte"),
    # TOML, the first letter small
    phrase("invalid statement"),
    phrase("expected newline or end of document after a statement"),
    phrase("found invalid character {code_text}"),
    phrase("illegal character {code_text}"),
    phrase("cannot declare {code_key} twice"),
    phrase("cannot overwrite a value"),
    phrase("cannot mutate immutable namespace {code_key}"),
    phrase("cannot redefine namespace {code_key}"),
    phrase("duplicate inline table key {code_key}"),
    phrase("expected ']' at the end of a table declaration"),
    phrase("expected ']]' at the end of an array declaration"),
    phrase("expected '=' after a key in a key/value pair"),
    phrase("expected {code_text}"),
    phrase("invalid initial character for a key part"),
    phrase("unclosed array"),
    phrase("unclosed inline table"),
    phrase("unescaped '\\' in a string"),
    phrase("invalid hex value"),
    phrase("escaped character is not a Unicode scalar value"),
    phrase("unterminated string"),
    phrase("invalid date or datetime"),
    phrase("invalid value"),
    # the schema of policies, the first letter small
    phrase("unable to extract tag using discriminator {code_key}"),
    phrase("input tag '{code_tag}' found using '{code_key}' does not match any of the expected tags: {code_list}"),
    # JSON
    phrase("Expecting value: line {code_line} column {code_column} (char {code_count})"),
    phrase("Extra data: line {code_line} column {code_column} (char {code_count})"),
    phrase("Expecting ',' delimiter: line {code_line} column {code_column} (char {code_count})"),
    phrase("Expecting ':' delimiter: line {code_line} column {code_column} (char {code_count})"),
    phrase(
        "Expecting property name enclosed in double quotes: line {code_line} column {code_column} (char {code_count})"
    ),
    phrase("Unterminated string starting at: line {code_line} column {code_column} (char {code_count})"),
    phrase("Invalid control character at: line {code_line} column {code_column} (char {code_count})"),
    phrase("Invalid \\escape: line {code_line} column {code_column} (char {code_count})"),
    phrase("Invalid \\uXXXX escape: line {code_line} column {code_column} (char {code_count})"),
    # CSV
    phrase("unexpected end of data"),
    phrase("'{code_delimiter}' expected after '\"'"),
    # spreadsheets
    phrase("Cannot detect file format"),
    phrase("Worksheet '{code_name}' not found"),
    phrase("Workbook is password protected"),
    # the solver, how it ended
    phrase("Time limit reached"),
    phrase("Iteration limit reached"),
    phrase("Unbounded"),
    phrase("Primal infeasible or unbounded"),
    phrase("Unknown"),
    phrase("Not Set"),
    phrase("Solve error"),
    phrase("Presolve error"),
    phrase("Postsolve error"),
    phrase("Memory limit reached"),
    phrase("Interrupted by user"),
    phrase("Interrupted by HiGHS"),
)


def reported(complaint: object) -> Later:
    """What another program complains of, in our words; as its own words where we have none.

    complaint: a text, or an error with one; an error of ours says what it says.
    """
    if isinstance(complaint, Exception) and complaint.args and isinstance(complaint.args[0], Later):
        return complaint.args[0]
    text = str(complaint)
    sentence, values = recognised(text, KNOWN) or (phrase("{code_reported}"), {"code_reported": text})
    return later(sentence, **values)


def recognised(text: str, sentences: Iterable[str]) -> tuple[str, dict[str, str]] | None:
    """The first sentence that a text is like, and what stands at its places; None where there is none."""
    for sentence in sentences:
        if found := _pattern(sentence).fullmatch(text):
            return sentence, found.groupdict()
    return None


@cache
def _pattern(sentence: str) -> re.Pattern[str]:
    """What texts of a sentence look like."""
    parts = re.split(r"\{(\w+)\}", sentence)
    return re.compile("".join(f"(?P<{p}>.*?)" if k % 2 else re.escape(p) for k, p in enumerate(parts)), re.DOTALL)
