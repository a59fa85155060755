"""Sources: what was read to decide a round, byte for byte, so that it can be read again."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Literal

from fundalloc.language import later

Form = Literal["file", "json"]


@dataclass(frozen=True)
class Source:
    """One input: the name of its file and its content.

    form: file, as it was read; json, what a caller of the library gave. encoding: of a file of text.
    """

    file: str
    content: bytes
    form: Form = "file"
    encoding: str = "utf-8"

    @cached_property
    def sha256(self) -> str:
        """The SHA-256 of the content, in hexadecimal digits."""
        return hashlib.sha256(self.content).hexdigest()

    def entry(self) -> dict[str, str]:
        """The source as an entry of a JSON file; content that is not UTF-8 text as base64."""
        found = {"file": self.file, "sha256": self.sha256, "form": self.form, "encoding": self.encoding}
        try:
            return {**found, "text": self.content.decode()}
        except UnicodeDecodeError:
            return {**found, "base64": base64.b64encode(self.content).decode()}

    @classmethod
    def of(cls, entry: Mapping[str, str]) -> Source:
        """The source of an entry. Raises ValueError, KeyError, TypeError or AttributeError where it is none."""
        if not all(isinstance(one, str) for one in entry.values()):
            raise TypeError(later("an entry of a source is no text"))
        content = entry["text"].encode() if "text" in entry else base64.b64decode(entry["base64"], validate=True)
        return cls(entry["file"], content, "json" if entry["form"] == "json" else "file", entry["encoding"])
