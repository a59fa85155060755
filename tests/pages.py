"""A page read back: its elements, and its tables by caption."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from decimal import Decimal
from html.parser import HTMLParser

VOID = {"meta", "br", "link", "img", "input", "hr", "source", "area", "base", "embed"}


@dataclass
class Element:
    """One element: its tag, attributes, children and texts in order."""

    tag: str
    attributes: dict[str, str]
    parent: Element | None = None
    inside: list[Element | str] = field(default_factory=list)

    def all(self, *tags: str) -> list[Element]:
        """Every element below of these tags, in order."""
        found = []
        for one in self.inside:
            if isinstance(one, Element):
                found += [one, *one.all(*tags)] if not tags or one.tag in tags else one.all(*tags)
        return found

    @property
    def text(self) -> str:
        """Its text, white space put together."""
        return re.sub(r"\s+", " ", self._text()).strip()

    def _text(self) -> str:
        return "".join(one if isinstance(one, str) else one._text() for one in self.inside)

    def by_id(self, wanted: str) -> Element:
        """The one element below with an id."""
        found = [one for one in self.all() if one.attributes.get("id") == wanted]
        assert len(found) == 1, wanted
        return found[0]


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.root = self.here = Element("", {})

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        one = Element(tag, {k: v or "" for k, v in attrs}, self.here)
        assert len(one.attributes) == len(attrs), f"an attribute twice in {tag}"
        self.here.inside.append(one)
        if tag not in VOID:
            self.here = one

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.here.inside.append(Element(tag, {k: v or "" for k, v in attrs}, self.here))

    def handle_endtag(self, tag: str) -> None:
        assert self.here.tag == tag, f"</{tag}> ends <{self.here.tag}>"
        assert self.here.parent is not None
        self.here = self.here.parent

    def handle_data(self, data: str) -> None:
        self.here.inside.append(data)


def read(content: bytes) -> Element:
    """The whole page; every element must be closed in its order."""
    reader = _Reader()
    reader.feed(content.decode())
    reader.close()
    assert reader.here is reader.root, f"<{reader.here.tag}> is not closed"
    return reader.root


@dataclass
class Table:
    """A table: its caption, the names of its columns, and its rows of the body."""

    caption: str
    head: list[str]
    rows: list[list[Element]]

    def column(self, name: str) -> list[str]:
        """The texts of a column."""
        k = self.head.index(name)
        return [row[k].text for row in self.rows]


def tables(within: Element) -> list[Table]:
    """Every table of a part of a page; all rows must be as long as the head."""
    found = []
    for table in within.all("table"):
        head = [one.text for one in table.all("thead")[0].all("th")]
        rows = [row.all("th", "td") for row in table.all("tbody")[0].all("tr")]
        assert all(len(row) == len(head) for row in rows), head
        found.append(Table(table.all("caption")[0].text, head, rows))
    return found


def figure(text: str) -> Decimal | None:
    """A printed figure as the number that it says; None where it says that there is none."""
    plain = text.replace("\N{MINUS SIGN}", "-").replace(",", "").replace("\N{NO-BREAK SPACE}", " ")
    return None if plain == "\N{EN DASH}" else Decimal(plain.removesuffix(" %"))
