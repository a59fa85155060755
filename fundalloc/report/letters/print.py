"""Printing: letters as HTML, Markdown and PDF. Nothing in data is read as more than text."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Callable, Mapping, Sequence
from functools import cached_property
from importlib.resources import files
from typing import Any
from urllib.parse import quote

from jinja2 import Environment, StrictUndefined
from markupsafe import Markup

from fundalloc.language import TAGS, called, spoken, typeset
from fundalloc.report.legible import marked, shown
from fundalloc.report.letters.letter import Letter
from fundalloc.report.press import press
from fundalloc.report.told import telling


class Press:
    """The templates, read once."""

    def __init__(self) -> None:
        here = files(__package__)
        text = {name: (here / name).read_text(encoding="utf-8") for name in ("letter.html", "letter.md", "index.html")}
        style = (here / "letter.css").read_text(encoding="utf-8").strip()
        html = Environment(autoescape=True, undefined=StrictUndefined, keep_trailing_newline=True)
        html.filters |= {"shown": shown, "called": called}
        html.globals |= {"say": telling(shown), "language": TAGS[spoken() or "en"]}
        code = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
        html.globals |= {"style": Markup(style), "policy": f"sha256-{code}"}
        plain = Environment(autoescape=False, undefined=StrictUndefined, keep_trailing_newline=True, finalize=_finished)
        plain.filters["called"] = called
        plain.globals["say"] = telling(marked, escape=False)
        self._letter, self._index = html.from_string(text["letter.html"]), html.from_string(text["index.html"])
        self._markdown = plain.from_string(text["letter.md"])

    def html(self, letter: Letter) -> str:
        """A letter as a page that stands alone and runs nothing."""
        return typeset(self._letter.render(letter=letter))

    def markdown(self, letter: Letter) -> str:
        """A letter as Markdown."""
        return typeset(self._markdown.render(letter=letter))

    def pdf(self, letter: Letter) -> bytes:
        """A letter as PDF, from its page."""
        return self._printer(self.html(letter))

    @cached_property
    def _printer(self) -> Callable[[str], bytes]:
        return press()

    def index(self, title: str, round_: str, resources: Sequence[str], rows: Sequence[Mapping[str, Any]]) -> str:
        """A page with a link to every letter. rows: region, name, file, amounts."""
        linked = [{**row, "link": quote(f"./{row['file']}")} for row in rows]
        return self._index.render(title=title, round=round_, resources=resources, rows=linked)


def _finished(value: Any) -> Any:
    """What is put into Markdown, as text; what is told already is."""
    return marked(value) if isinstance(value, str) and not isinstance(value, Markup) else value
