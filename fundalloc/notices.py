"""Notices: one letter for each region of a decided round, in a folder of their own."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from fundalloc.certificate import CERTIFICATE, parsed
from fundalloc.errors import Fault, Faults, InputError
from fundalloc.expressions import Expression
from fundalloc.fund import Fund
from fundalloc.language import say
from fundalloc.loading import reopened
from fundalloc.policy import expressions
from fundalloc.replacing import reading
from fundalloc.report.filenames import file_names
from fundalloc.report.folder import (
    SUMMARY,
    check_writable,
    decided_files,
    read_summary,
    rows_of,
    told_as,
    told_otherwise,
    write_folder,
)
from fundalloc.report.formats import chosen
from fundalloc.report.letters.dossier import Dossier, dossier
from fundalloc.report.letters.letter import letter
from fundalloc.report.letters.sentences import figure
from fundalloc.report.summary import FORMAT, sha256
from fundalloc.report.texts import exact
from fundalloc.report.words import find_region, money
from fundalloc.retelling import retold
from fundalloc.tables import guarded

if TYPE_CHECKING:
    from fundalloc.report.letters.print import Press

#: what a letter can be, and in which formats
FORMATS = ("html", "md", "pdf")
TABLES = ("allocation.csv", "steps.csv", "rules.csv", "flags.csv")
#: names in the folder that are no letter
INDEX = "index"
TAKEN = (INDEX, "summary")


def notices(
    folder: str | Path,
    out: str | Path,
    *,
    regions: Sequence[str] = (),
    formats: Sequence[str] = ("html",),
) -> tuple[str, ...]:
    """Writes one letter for each region of a written round to a folder, all or none; the names of the letters.

    folder: what `allocate` or `amend` wrote. regions: ids or names; left out: all. formats: html, md, pdf. Raises
    InputError where a region or a format is not known, the folder is not as it was decided, or `out` holds anything
    but notices.
    """
    folder, out = Path(folder), Path(out)
    asked = chosen(formats, FORMATS)
    with reading(out):
        _check_place(out)
    with told_as(read_summary(folder)):
        files, letters, summary = _written(folder, asked, regions)
    write_folder(out, files, summary)
    return letters


def _written(
    folder: Path, asked: Sequence[str], regions: Sequence[str]
) -> tuple[dict[str, bytes], tuple[str, ...], dict[str, Any]]:
    """All files of the letters, the names of the letters, and the summary."""
    told = _dossier(folder)
    ids = _asked(told, regions)
    names = file_names(ids if not regions else told.amounts, TAKEN)
    files = dict(_letters(told, [(i, names[i]) for i in ids], asked))
    letters = tuple(files)
    files |= _indices(told, [(i, names[i]) for i in ids], asked)
    summary = {
        "fundalloc": {"format": FORMAT, "version": version("fundalloc")},
        "title": told.summary["title"],
        "round": told.summary["round"],
        "notices": {"letters": len(ids), "formats": list(asked), "certificate": told.certificate},
    }
    return files, letters, summary


def _check_place(out: Path) -> None:
    """A fault where the folder holds anything but notices: a round is never written over."""
    check_writable(out)
    if (out / SUMMARY).is_file() and "notices" not in read_summary(out):
        raise InputError(
            [
                Fault(
                    say("holds a round, not notices; nothing was changed."),
                    say("Name another folder with -o."),
                    file=str(out),
                )
            ]
        )


def _dossier(folder: Path) -> Dossier:
    """What a written round says, by region."""
    with reading(folder):
        summary = read_summary(folder)
        files = decided_files(folder, summary, (*TABLES, CERTIFICATE))
    certificate, inputs = parsed(files[CERTIFICATE], str(folder / CERTIFICATE))
    fund = reopened(inputs, str(certificate["round"]), [str(s) for s in certificate["settings"]])
    if told_otherwise(summary):
        again = retold(folder)
        summary = {**again.summary, "files": summary["files"]}
        tables = {name: again.sheets[name].records() for name in TABLES}
    else:
        tables = {name: rows_of(files[name].decode()) for name in TABLES}
    return dossier(fund.policy, summary, sha256(files[CERTIFICATE]), tables, _figures(fund))


def _figures(fund: Fund) -> dict[str, dict[str, str]]:
    """What the measures of the policy use of each region: columns of the data, and indices."""
    scope = fund.problem.resources[0].scope
    used: set[str] = {"population"} if fund.regions.counts_people else set()
    for _, text in expressions(fund.policy):
        used |= Expression(text).names
    columns = [
        name for name in (*fund.regions.columns, "population") if name in used and name not in fund.regions.texts
    ]
    found: dict[str, list[str]] = {}
    for name in dict.fromkeys(columns):
        found[name] = exact(np.asarray(fund.regions.column(name), dtype=float))
    for name in fund.policy.indices:
        values = np.asarray(Expression(name, f"indices.{name}").evaluate(scope.full or scope), dtype=float)
        found[say("index {name} (0 to 1)", name=name)] = [f"{v:.4f}" if np.isfinite(v) else "" for v in values.tolist()]
    return {
        region: {name: figure(texts[i]) for name, texts in found.items()} for i, region in enumerate(fund.regions.ids)
    }


def _asked(told: Dossier, regions: Sequence[str]) -> list[str]:
    """The ids of the regions that are asked for; every one that is not known is a fault."""
    faults, found = Faults(), []
    firsts = [rows[0] for rows in told.amounts.values()]
    for region in regions:
        with faults.collect("--region"):
            found.append(find_region(firsts, region))
    faults.check()
    return list(dict.fromkeys(found)) if regions else list(told.amounts)


def _letters(told: Dossier, names: Sequence[tuple[str, str]], asked: Sequence[str]) -> Iterator[tuple[str, bytes]]:
    """Each letter in each format, with the name of its file."""
    press = _press()
    for region, name in names:
        one = letter(region, told)
        if "html" in asked:
            yield f"{name}.html", press.html(one).encode()
        if "md" in asked:
            yield f"{name}.md", press.markdown(one).encode()
        if "pdf" in asked:
            yield f"{name}.pdf", press.pdf(one)


def _press() -> Press:
    from fundalloc.report.letters.print import Press

    return Press()


def _indices(told: Dossier, names: Sequence[tuple[str, str]], asked: Sequence[str]) -> dict[str, bytes]:
    """index.csv, and with pages index.html: which letter is whose."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(["region_id", "region_name", *asked])
    rows: list[dict[str, Any]] = []
    for region, name in names:
        first = told.amounts[region][0]
        words = (region, first["region_name"])
        safe = guarded(words)
        writer.writerow([*(safe[w] for w in words), *(f"{name}.{form}" for form in asked)])
        amounts = [money(row["amount"], row["unit"]) for row in told.amounts[region]]
        rows.append({"region": region, "name": first["region_name"], "file": f"{name}.html", "amounts": amounts})
    found = {"index.csv": out.getvalue().encode()}
    if "html" in asked:
        page = _press().index(told.summary["title"], told.summary["round"], list(told.summary["resources"]), rows)
        found["index.html"] = page.encode()
    return found
