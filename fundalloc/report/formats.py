"""Formats: the reports of a round that are written only when asked for. Whoever adds one adds a line to FORMATS."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fundalloc.errors import Fault, InputError, did_you_mean
from fundalloc.language import say
from fundalloc.report.folder import write_folder
from fundalloc.report.outcome import Outcome
from fundalloc.report.sheets import Sheet
from fundalloc.report.summary import versions

#: files that are always written
ALWAYS = ("csv", "json")
#: what draws the page
DRAWN = ("altair", "jinja2", "vl-convert-python")


@dataclass(frozen=True)
class Format:
    """A report: the name of its file, what makes it, and the packages whose versions can change its bytes.

    text: whether it is a text. looks_back: whether it tells of earlier rounds. The same outcome and the same
    versions give the same content, unless it is not alike: then it also depends on the fonts of a machine.
    """

    file: str
    make: Callable[[Outcome], bytes]
    tools: tuple[str, ...] = ()
    text: bool = True
    looks_back: bool = False
    alike: bool = True

    def versions(self) -> dict[str, str]:
        """The versions of the packages that it is made with."""
        return versions(("fundalloc", *self.tools))

    def made_alike(self, versions: Mapping[str, str]) -> bool:
        """Whether a report was made with the versions that are here, so that it can be made again."""
        return self.alike and all(versions.get(tool) == here for tool, here in self.versions().items())


def _page(outcome: Outcome) -> bytes:
    from fundalloc.report.page import Material, page

    return page(Material(**vars(outcome), hashes=outcome.summary["files"]))


def _paper(outcome: Outcome) -> bytes:
    from fundalloc.report.page.paper import on_paper
    from fundalloc.report.press import press

    return press()(on_paper(_page(outcome).decode()))


def _workbook(outcome: Outcome) -> bytes:
    from fundalloc.report.workbook import workbook

    return workbook(outcome)


def _document(outcome: Outcome) -> bytes:
    from fundalloc.report.document import document

    return document(outcome)


FORMATS: Mapping[str, Format] = {
    "html": Format("report.html", _page, DRAWN, looks_back=True),
    "pdf": Format("report.pdf", _paper, (*DRAWN, "weasyprint"), text=False, looks_back=True, alike=False),
    "xlsx": Format("report.xlsx", _workbook, ("xlsxwriter",), text=False),
    "md": Format("report.md", _document),
}


#: what can be asked for
KNOWN = (*FORMATS, *ALWAYS)
#: what a comparison can be written as
PAGES = ("html", *ALWAYS)


def chosen(texts: Iterable[str], known: Sequence[str] = KNOWN) -> tuple[str, ...]:
    """The formats of texts such as "xlsx,md", each once, in the order of those that are known.

    Raises InputError for one that is not known.
    """
    asked = [name.strip() for text in texts for name in text.split(",") if name.strip()]
    unknown = [name for name in dict.fromkeys(asked) if name not in known]
    if unknown:
        raise InputError(
            [
                Fault(say("is no format. {code_hint}", code_hint=did_you_mean(n, known)), key="--format", value=n)
                for n in unknown
            ]
        )
    return tuple(name for name in known if name in asked and name not in ALWAYS)


def write_tables(
    folder: str | Path,
    sheets: Mapping[str, Sheet],
    summary: Mapping[str, Any],
    formats: Iterable[str],
    page: tuple[str, Callable[[], bytes]],
) -> None:
    """Writes tables, a summary and, where it is asked for, their page to a folder, whole or not at all.

    page: the name of its file, and what draws it.
    """
    files = {name: sheet.csv() for name, sheet in sheets.items()}
    if chosen(formats, PAGES):
        name, draw = page
        files[name] = draw()
    write_folder(Path(folder), files, summary)


def same_content(ours: bytes, theirs: bytes) -> bool:
    """Whether two files say the same, however they are compressed."""
    if ours == theirs or not theirs.startswith(ours[:4]):
        return ours == theirs
    try:
        one, two = (zipfile.ZipFile(io.BytesIO(content)) for content in (ours, theirs))
        return [(n, one.read(n)) for n in one.namelist()] == [(n, two.read(n)) for n in two.namelist()]
    except (zipfile.BadZipFile, OSError, EOFError, NotImplementedError, RuntimeError, ValueError):
        return False
