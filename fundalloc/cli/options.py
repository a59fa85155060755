"""The options that several commands share."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from fundalloc.cli.asking import OPTION, VARIABLE
from fundalloc.language import LANGUAGES, say

PolicyFile = Annotated[Path, typer.Argument(metavar="POLICY", help="A policy file, or a folder with policy.toml.")]
OutFolder = Annotated[Path, typer.Argument(metavar="OUT", help="A folder that allocate wrote.")]
Regions = Annotated[Path | None, typer.Option("--regions", help="Regions file instead of the policy's.")]
History = Annotated[Path | None, typer.Option("--history", help="History file instead of the policy's.")]
Round = Annotated[str, typer.Option("--round", help="The round instead of the policy's.")]
Settings = Annotated[
    list[str] | None,
    typer.Option(
        "--set",
        metavar="KEY=VALUE",
        help="Put over the policy, for example resources.fund.criteria.need.weight=50; repeatable.",
    ),
]
Encoding = Annotated[str, typer.Option("--encoding", help="Encoding of the CSV files.")]


def _known(language: str | None) -> str | None:
    if language is not None and language not in LANGUAGES:
        raise typer.BadParameter(
            say("{code_language!r} is none of {code_list}.", code_language=language, code_list=", ".join(LANGUAGES))
        )
    return language


#: what names the language; it is spoken before any option is read (`asked`)
Lang = Annotated[
    str | None,
    typer.Option(
        OPTION,
        metavar="en|zh",
        envvar=VARIABLE,
        callback=_known,
        is_eager=True,
        help="The language of what is said and written: English or Chinese.",
    ),
]
#: the same where all that is said is the help
HelpLang = Annotated[str | None, typer.Option(OPTION, callback=_known, is_eager=True, hidden=True)]


def _formats(stated: list[str]) -> list[str]:
    from fundalloc.report.formats import KNOWN

    found = [one.strip() for text in stated for one in text.split(",") if one.strip()]
    for one in found:
        if one not in KNOWN:
            raise typer.BadParameter(
                say("{code_one!r} is none of {code_list}.", code_one=one, code_list=", ".join(KNOWN))
            )
    return found


Formats = Annotated[
    list[str],
    typer.Option(
        "--format",
        metavar="NAME,...",
        callback=_formats,
        help="Also write report.html, the page for people, report.pdf, the same on paper, report.xlsx or report.md: "
        "html, pdf, xlsx, md. CSV and JSON are always written.",
    ),
]
Geo = Annotated[
    Path | None,
    typer.Option(
        "--geo",
        metavar="FILE",
        help="GeoJSON with the shapes of the regions, for the maps of report.html; asks for it.",
    ),
]
AsJson = Annotated[bool, typer.Option("--json", help="The summary on standard output, and nothing else there.")]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="Print nothing but errors.")]
Strict = Annotated[bool, typer.Option("--strict", help="End with exit code 10 if flags were raised.")]
#: where the ledger is if nobody says
LEDGER = "ledger.sqlite"
PastLedger = Annotated[
    str | None,
    typer.Option(
        "--ledger",
        metavar="FILE|URL",
        envvar="FUNDALLOC_LEDGER",
        help="The ledger with the rounds before, instead of a history.",
    ),
]
LedgerPlace = Annotated[
    str,
    typer.Option(
        "--ledger",
        metavar="FILE|URL",
        envvar="FUNDALLOC_LEDGER",
        help="The ledger: an SQLite file, or postgresql://user@host/database.",
    ),
]
By = Annotated[str, typer.Option("--by", metavar="NAME", help="Who says it; left out: the name of the login.")]


def drawn(formats: list[str], shown: object) -> list[str]:
    """The formats that are asked for; what only the page shows asks for it."""
    return formats if not shown or {"html", "pdf"} & set(formats) else [*formats, "html"]
