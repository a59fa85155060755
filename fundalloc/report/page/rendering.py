"""The rendering: material and templates put together to one file."""

from __future__ import annotations

import html
import re
from collections.abc import Iterable
from pathlib import Path

import jinja2
from markupsafe import Markup

from fundalloc.language import TAGS, called, say, spoken, typeset
from fundalloc.report.page import figures
from fundalloc.report.page.dossiers import account_sentence, dossiers, moves_sentence
from fundalloc.report.page.glossary import glossary
from fundalloc.report.page.material import FLAGGED, MANY, MOST, Material
from fundalloc.report.page.method import SHIFTS, caveats, in_words, indices, keys, scales
from fundalloc.report.page.parts import parts
from fundalloc.report.page.remedies import remedies
from fundalloc.report.page.rulings import costs, rulings
from fundalloc.report.told import telling
from fundalloc.report.words import all_called

TEMPLATES = Path(__file__).parent / "templates"


def page(material: Material) -> bytes:
    """The page of a decided round: HTML with style and pictures inside, no script, nothing to be loaded."""
    found = environment()
    flags = remedies([*material.flags, *material.standing])
    shown = list(indices(material))
    body = found.get_template("body.html.j2").render(
        material=material,
        summary=material.summary,
        flags=flags,
        inexact=any(flag.code == "lot" for flag in material.flags),
        unkept=any(flag.code == "event_breaks" for flag in material.flags),
        accounting=say(SHIFTS[material.summary["accounting"]]),
        serious=sum(kind["count"] for kind in flags if kind["severity"] != "info"),
        parts=list(parts(material)),
        rulings=list(rulings(material)),
        costs=costs(material),
        dossiers=list(dossiers(material)),
        keys=list(keys(material)),
        indices=shown,
        scales=scales(shown),
        in_words=in_words(material),
        caveats=list(caveats(material)),
        limits={"many": MANY, "most": MOST, "flagged": FLAGGED},
    )
    words = glossary(html.unescape(re.sub(r"<[^>]*>", " ", body)))
    whole = found.get_template("page.html.j2").render(
        material=material,
        summary=material.summary,
        body=Markup(body),
        words=words,
        style=Markup(style()),
    )
    return finished(whole)


def style() -> str:
    """The style of every page, as it stands on it: without blank lines."""
    lines = map(str.strip, (TEMPLATES / "style.css").read_text("utf-8").splitlines())
    return "".join(f"{line}\n" for line in lines if line)


def finished(page: str) -> bytes:
    """A page without blank lines, as it is written."""
    return (typeset(re.sub(r"\n\s*\n+", "\n", page)).strip() + "\n").encode()


def environment() -> jinja2.Environment:
    """The templates, and what they may do with figures and names."""
    found = jinja2.Environment(
        loader=jinja2.FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        finalize=figures.visible,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    named = ("exact", "change", "per_cent", "since", "short", "cents", "plain", "known", "cents_signed")
    found.filters |= {name: getattr(figures, name) for name in named}
    found.filters |= {"moves": moves_sentence, "account": account_sentence, "first_up": _first_up, "joined": _joined}
    found.filters["semicolons"] = _semicolons
    found.filters |= {"called": called, "all_called": all_called}
    found.globals |= {"say": telling(figures.visible), "language": TAGS[spoken() or "en"]}
    return found


def _first_up(text: str) -> str:
    return text[:1].upper() + text[1:]


def _semicolons(texts: Iterable[str]) -> str:
    """A list of sentences without their stops: a; b; c."""
    return say("; ").join(texts)


def _joined(texts: Iterable[str]) -> str:
    """A list in words: a, b and c."""
    *rest, last = texts
    return say("{first} and {last}", first=say(", ").join(rest), last=last) if rest else last
