"""Language: what people read, in the language they chose; the English sentence is the key of its translation.

Words of fundalloc are in `languages/<language>/*.toml`, words of a policy in its `[translations.<language>]`. Names of
files, columns and codes are the same in every language.
"""

from __future__ import annotations

import re
import tomllib
import unicodedata
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field, replace
from functools import cache
from pathlib import Path
from typing import Any, Literal

Language = Literal["en", "zh"]
LANGUAGES: tuple[Language, ...] = ("en", "zh")
#: what a page says of its language
TAGS = {"en": "en", "zh": "zh-CN"}
#: the table of a catalogue with words that are not said in sentences: steps, units, codes
NAMES = "names"
#: values of placeholders that begin so are never translated: formulas, files, commands
VERBATIM = "code"
#: a single space that a full-width mark makes needless
NEEDLESS = re.compile(r"(?<=[。；，：！？、）”])\x20(?!\x20)")
#: what stays on one line: words in brackets, or a word or full-width character with the marks before and behind it
TOGETHER = re.compile(r"\s+|\[\S*?\]|[\[({（“]*(?:[!-~]+|\S)[\])}。；，：！？、）”…]*")


@dataclass(frozen=True, eq=False)
class Speech:
    """A language with its sentences and names, and what policies say in it."""

    language: Language
    sentences: Mapping[str, str] = field(default_factory=dict)
    names: Mapping[str, str] = field(default_factory=dict)
    texts: dict[str, str] = field(default_factory=dict)


_SPEECH: ContextVar[Speech | None] = ContextVar("speech", default=None)


@cache
def catalogue(language: str) -> tuple[Mapping[str, str], Mapping[str, str]]:
    """The sentences and the names of a language by the English ones; English has none."""
    sentences: dict[str, str] = {}
    names: dict[str, str] = {}
    folder = Path(__file__).parent / "languages" / language
    for file in sorted(folder.iterdir(), key=lambda f: f.name) if folder.is_dir() else ():
        for table, entries in tomllib.loads(file.read_text(encoding="utf-8")).items():
            (names if table == NAMES else sentences).update(entries)
    return sentences, names


def speak(language: Language) -> None:
    """From now on, in this thread, people read this language, one of LANGUAGES."""
    _SPEECH.set(Speech(language, *catalogue(language)))


@contextmanager
def speaking(language: Language | None) -> Iterator[None]:
    """People read this language of what is said inside the block; None: texts as the policy gives them, in English.

    language: one of LANGUAGES. A fund that is read inside the block says its own words in that language too, where
    its policy has translations.
    """
    now = _SPEECH.get()
    if language is not None and now is not None and now.language == language:
        yield
        return
    if language is not None and language not in LANGUAGES:
        raise ValueError(f"{language!r} is none of {', '.join(LANGUAGES)}")
    with resumed(None if language is None else Speech(language, *catalogue(language))):
        yield


def speech() -> Speech | None:
    """What is spoken now, with the texts of policies that are known in it, for `resumed`."""
    return _SPEECH.get()


@contextmanager
def resumed(before: Speech | None) -> Iterator[None]:
    """Inside the block all is said as it was before (`speech`)."""
    token = _SPEECH.set(before)
    try:
        yield
    finally:
        _SPEECH.reset(token)


def spoken() -> Language | None:
    """The language that was chosen; None where nobody has chosen one."""
    speech = _SPEECH.get()
    return None if speech is None else speech.language


def recorded() -> Language | None:
    """The language as a round records it; None where its words are those of fundalloc and the policy themselves."""
    speech = _SPEECH.get()
    return None if speech is None or (speech.language == "en" and not speech.texts) else speech.language


def learn(translations: Mapping[Language, Mapping[str, str]]) -> None:
    """Takes the texts of a policy in the language that is spoken. translations: by language, then by text."""
    speech = _SPEECH.get()
    if speech is not None:
        speech.texts.update(translations.get(speech.language, {}))


@contextmanager
def alone(translations: Mapping[Language, Mapping[str, str]]) -> Iterator[None]:
    """Inside the block no other texts of policies are known than these. translations: as for `learn`."""
    now = _SPEECH.get()
    with resumed(None if now is None else replace(now, texts={})):
        learn(translations)
        yield


def say(sentence: str, /, **values: Any) -> str:
    """A sentence in the language that is spoken. sentence: in English, with named places for the values.

    Values that are texts are said in that language too, where their translation is known, but for those whose name
    begins with `code`.
    """
    speech = _SPEECH.get()
    if speech is None:
        return sentence.format(**values) if values else sentence
    text = speech.sentences.get(sentence, sentence)
    if values:
        text = text.format(**{k: v if k.startswith(VERBATIM) else _value(v, speech) for k, v in values.items()})
    return text if speech.language == "en" else typeset(text)


def _value(value: Any, speech: Speech) -> Any:
    return _named(value, speech) if type(value) is str else value


def _named(text: str, speech: Speech) -> str:
    found = speech.texts.get(text) or speech.names.get(text)
    if found is None and " + " in text:
        return " + ".join(_named(part, speech) for part in text.split(" + "))
    return text if found is None else found


def called(text: str) -> str:
    """A name or text of a policy, a step or a unit in the language that is spoken; itself where nobody says more."""
    speech = _SPEECH.get()
    return text if speech is None else _named(text, speech)


@dataclass(frozen=True, eq=False, repr=False)
class Later:
    """A sentence that is said where it is shown, in the language that is spoken there."""

    sentence: str
    values: Mapping[str, Any]

    def __str__(self) -> str:
        """The sentence with its values."""
        return say(self.sentence, **self.values)

    def __repr__(self) -> str:
        """As that of the text."""
        return repr(str(self))

    def __format__(self, how: str) -> str:
        """As that of the text."""
        return format(str(self), how)


def later(sentence: str, /, **values: Any) -> Later:
    """As `say`, but in the language that is spoken where the text is shown: for errors that are raised in another."""
    return Later(sentence, values)


def phrase(sentence: str) -> str:
    """The sentence itself: marks words that are said elsewhere, so that the test of the catalogue finds them."""
    return sentence


def listed(words: Iterable[str]) -> str:
    """Words one after the other, with an "and" between them."""
    return say(" and ").join(words)


def typeset(text: str) -> str:
    """A text without the spaces that full-width marks make needless."""
    speech = _SPEECH.get()
    return text if speech is None or speech.language == "en" else NEEDLESS.sub("", text)


def width(text: str) -> int:
    """How many columns a text takes on a terminal; Chinese characters take two."""
    return len(text) if text.isascii() else sum(2 if unicodedata.east_asian_width(c) in "WF" else 1 for c in text)


def padded(text: str, columns: int, right: bool = False) -> str:
    """A text with the spaces that it lacks of a width, behind it or (right) before it."""
    space = " " * (columns - width(text))
    return space + text if right else text + space


def wrapped(text: str, columns: int) -> list[str]:
    """The lines of a text on so many columns, cut between words and between Chinese characters, never before a mark."""
    lines = [""]
    for found in TOGETHER.finditer(text):
        part = found[0]
        if part.isspace():
            lines[-1] += " " if lines[-1] else ""
            continue
        if width(lines[-1] + part) > columns:
            lines[-1:] = [lines[-1].rstrip(), ""] if lines[-1] else [""]
        while width(part) > columns > 1:
            fits = next(k for k in range(len(part), 0, -1) if width(part[:k]) <= columns)
            lines[-1:] = [part[:fits], ""]
            part = part[fits:]
        lines[-1] += part
    return [line.rstrip() for line in lines if line]
