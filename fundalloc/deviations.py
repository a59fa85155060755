"""Deviations: how far decided figures are from official ones, region by region and in distribution."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from decimal import Decimal
from functools import cached_property
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from fundalloc.candidates import Candidate, Past, decided, labelled
from fundalloc.comparison import sought, the_ledger
from fundalloc.files import read_table
from fundalloc.fund import Fund, as_table
from fundalloc.language import called, phrase, say
from fundalloc.problem import FloatArray
from fundalloc.report.formats import write_tables
from fundalloc.report.juxtaposed import listed
from fundalloc.report.sheets import TEXT, Sheet
from fundalloc.report.summary import FORMAT
from fundalloc.report.table import aligned
from fundalloc.report.texts import number
from fundalloc.report.words import money, signed
from fundalloc.reproduction import Published, Reproduction, matched
from fundalloc.tables import Table

if TYPE_CHECKING:
    import pandas as pd

    from fundalloc.ledger import Ledger

#: so many regions are named, the furthest first
LARGEST = 10
QUANTILES = (0.05, 0.25, 0.5, 0.75, 0.95)
#: official sums so many times ours, or a part so small of them, are perhaps in another unit
OTHER_UNIT = 500
WORDS = ("figure", "where", "within")
COLUMNS = (
    "region_id",
    "region_name",
    "resource",
    "figure",
    "where",
    "ours",
    "official",
    "difference",
    "percent",
    "tolerance",
    "within",
)
HEAD = (phrase("region"), phrase("ours"), phrase("official"), phrase("difference"), phrase("per cent"))


class Deviations:
    """Decided figures beside official ones: each difference, its distribution, and who is missing on which side."""

    def __init__(self, candidate: Candidate, official: Table, resource: str = "") -> None:
        self.candidate, self._official = candidate, official
        self.found: Reproduction = matched(candidate.allocation, official, resource)
        self._names = dict(zip(candidate.fund.regions.ids, candidate.fund.regions.names, strict=True))

    def __str__(self) -> str:
        """The largest deviations as a table, then the sentences."""
        return "\n\n".join([*self._tables(), "\n".join(self.sentences)])

    @cached_property
    def kinds(self) -> dict[tuple[str, str], list[Published]]:
        """The figures by resource and kind, such as amount, the regions sorted by id."""
        kinds: dict[tuple[str, str], list[Published]] = {}
        for one in sorted(self.found.figures, key=lambda f: (f.resource, f.figure, f.region)):
            kinds.setdefault((one.resource, one.figure), []).append(one)
        return kinds

    @cached_property
    def sheets(self) -> dict[str, Sheet]:
        """The tables by the name of their file: every figure, then those that only one side has."""
        rows = [
            {
                "region_id": f.region,
                "region_name": self._names[f.region],
                "resource": f.resource,
                "figure": f.figure,
                "where": "both",
                "ours": format(f.ours, "f"),
                "official": format(f.published, "f"),
                "difference": format(f.difference, "f"),
                "percent": number(percent(f)),
                "tolerance": "" if f.tolerance is None else format(f.tolerance, "f"),
                "within": "" if f.tolerance is None else "yes" if f.met else "no",
            }
            for figures in self.kinds.values()
            for f in figures
        ]
        for where, keys in (("only ours", self.found.not_published), ("only official", self.found.not_decided)):
            rows += [
                {"region_id": r, "region_name": self._names.get(r, ""), "resource": name, "where": where}
                for name, r in keys
            ]
        table = {name: [row.get(name, "") for row in rows] for name in COLUMNS}
        return {"deviations.csv": Sheet(table, frozenset({*TEXT, *WORDS}))}

    @property
    def table(self) -> pd.DataFrame:
        """One row per figure, as deviations.csv."""
        return self.sheets["deviations.csv"].frame()

    @cached_property
    def sentences(self) -> tuple[str, ...]:
        """How far the figures are apart, and who is missing on which side."""
        said = [_said(name, figure, figures) for (name, figure), figures in self.kinds.items()]
        said = said or [say("{code} has no figure of a region that was decided.", code=self._official.file)]
        for keys, one, many in (
            (
                self.found.not_published,
                phrase("{resource}: {count} is decided, but without an official figure: {regions}."),
                phrase("{resource}: {count} are decided, but without an official figure: {regions}."),
            ),
            (
                self.found.not_decided,
                phrase("{resource}: {count} is with an official figure, but not decided: {regions}."),
                phrase("{resource}: {count} are with an official figure, but not decided: {regions}."),
            ),
        ):
            for name in dict.fromkeys(name for name, _ in keys):
                mine = [self._names.get(r, r) for n, r in keys if n == name]
                words = one if len(mine) == 1 else many
                said.append(say(words, resource=name, count=len(mine), regions=listed(mine)))
        return tuple(said)

    @cached_property
    def summary(self) -> dict[str, Any]:
        """The distribution of each kind of figure, who is missing, versions and hashes, as summary.json."""
        fund, source = self.candidate.fund, self._official.source
        inputs = {**fund.inputs, "official": source}
        return {
            "fundalloc": {"format": FORMAT, "version": version("fundalloc")},
            "title": fund.policy.fund.title,
            "round": fund.round,
            "official": self._official.file,
            "figures": [
                {"resource": name, "figure": figure, **distribution(figures), "largest": self._largest(figures)}
                for (name, figure), figures in self.kinds.items()
            ],
            "only_ours": [{"resource": name, "region_id": r} for name, r in self.found.not_published],
            "only_official": [{"resource": name, "region_id": r} for name, r in self.found.not_decided],
            "sentences": list(self.sentences),
            "versions": {name: version(name) for name in ("fundalloc", "highspy", "numpy", "pyomo", "scipy")},
            "inputs": {name: {"file": s.file, "sha256": s.sha256} for name, s in sorted(inputs.items())},
            "settings": list(fund.settings),
        }

    def write(self, folder: str | Path, formats: Collection[str] = ()) -> None:
        """Writes deviations.csv and summary.json to a folder, whole or not at all.

        formats: "html" for a page beside them. Raises InputError where the folder holds files that fundalloc did not
        write.
        """
        write_tables(folder, self.sheets, self.summary, formats, ("deviations.html", self._page))

    def _page(self) -> bytes:
        from fundalloc.report.page.deviating import deviating
        from fundalloc.report.page.sides import sides_page

        return sides_page(deviating(self.summary, self.sentences, *(sheet.records() for sheet in self.sheets.values())))

    def _largest(self, figures: Sequence[Published]) -> list[dict[str, str]]:
        return [
            {
                "region_id": f.region,
                "region_name": self._names[f.region],
                "difference": format(f.difference, "f"),
                "percent": number(percent(f), 6),
            }
            for f in furthest(figures)[:LARGEST]
        ]

    def _tables(self) -> Iterator[str]:
        for (name, figure), figures in self.kinds.items():
            lines = [tuple(map(say, HEAD))]
            for f in furthest(figures)[:LARGEST]:
                part = percent(f)
                shown = f"{part:+.2f}" if np.isfinite(part) else "-"
                lines.append((self._names[f.region], money(f.ours), money(f.published), signed(f.difference), shown))
            title = say("{figure} of {resource}", figure=_figure(figure), resource=name)
            if len(figures) > LARGEST:
                title += say(", the {count} largest deviations of {all}", count=LARGEST, all=len(figures))
            yield f"{title}\n{aligned(lines, (0,))}"


def deviate(
    policy: Fund | str | Path,
    official: pd.DataFrame | Table | str | Path,
    resource: str = "",
    *,
    ledger: str | Path | Ledger | None = None,
    **options: Any,
) -> Deviations:
    """How far the figures of a policy or decided round are from official ones.

    policy: a fund, or what `compare` takes. official: region_id and amount, resource where there are several; or the
    columns of a file of expected figures (region_id, resource, figure, published, tolerance, sure). options: those of
    `load`. Raises InputError with every fault.
    """
    encoding = options.get("encoding", "utf-8")
    named = isinstance(official, str | Path)
    table = read_table(Path(official), encoding=encoding) if named else as_table(official, "official")  # type: ignore[arg-type]
    source = sought([policy], the_ledger(ledger), options)[0]
    label = labelled([source.inputs["policy"].file if isinstance(policy, Fund) else policy])[0]
    one = source.candidate(label) if isinstance(source, Past) else decided(source, label)
    return Deviations(one, table, resource)


def percent(one: Published) -> float:
    """The difference in per cent of the official figure; NaN where that is 0."""
    return float(100 * one.difference / abs(one.published)) if one.published else float("nan")


def furthest(figures: Sequence[Published]) -> list[Published]:
    """The figures, the largest deviation first; ties: the first id."""
    return sorted(figures, key=lambda f: (-f.deviation, f.region))


def distribution(figures: Sequence[Published]) -> dict[str, Any]:
    """Mean and median deviation, quantiles of the difference in per cent, and correlation."""
    gaps = np.array([float(f.deviation) for f in figures])
    parts = np.array([percent(f) for f in figures])
    parts = parts[np.isfinite(parts)]
    told = [f for f in figures if f.tolerance is not None]
    return {
        "count": len(figures),
        "ours": format(sum((f.ours for f in figures), Decimal(0)), "f"),
        "official": format(sum((f.published for f in figures), Decimal(0)), "f"),
        "equal": sum(not f.difference for f in figures),
        "mean_absolute": number(float(gaps.mean())),
        "median_absolute": number(float(np.median(gaps))),
        "largest_absolute": number(float(gaps.max())),
        "mean_absolute_percent": number(float(np.abs(parts).mean()) if len(parts) else np.nan),
        "percent_quantiles": {
            f"{100 * q:g}": number(float(np.quantile(parts, q)) if len(parts) else np.nan) for q in QUANTILES
        },
        "correlation": number(correlation(figures), 6),
        "within_tolerance": {"met": sum(f.met for f in told), "stated": len(told)} if told else None,
    }


def correlation(figures: Sequence[Published]) -> float:
    """Pearson's correlation of our figures with the official ones; NaN where either does not vary."""
    pair: FloatArray = np.array([[float(f.ours), float(f.published)] for f in figures])
    gap = pair - pair.mean(axis=0)
    size = np.sqrt((gap * gap).sum(axis=0)).prod()
    return float((gap[:, 0] * gap[:, 1]).sum() / size) if size > 0 else np.nan


def _figure(name: str) -> str:
    """What kind of figure it is, such as amount."""
    words = called(name.replace("_", " "))
    return words if words != name.replace("_", " ") else name


def _said(name: str, figure: str, figures: Sequence[Published]) -> str:
    told = distribution(figures)
    if told["equal"] == len(figures):
        return say(
            "{figure} of {resource}: all {count} figures are equal to the official ones.",
            figure=_figure(figure),
            resource=name,
            count=len(figures),
        )
    text = say(
        "{figure} of {resource}: {count} figures differ from the official ones by {mean:,.6g} on average, "
        "{median:,.6g} in the median",
        figure=_figure(figure),
        resource=name,
        count=len(figures),
        mean=float(told["mean_absolute"]),
        median=float(told["median_absolute"]),
    )
    if told["mean_absolute_percent"]:
        low, *_, high = told["percent_quantiles"].values()
        text += say(
            " ({mean:.2f} % on average; nine of ten from {low:+.2f} % to {high:+.2f} %)",
            mean=float(told["mean_absolute_percent"]),
            low=float(low),
            high=float(high),
        )
    if told["correlation"]:
        text += say("; correlation {value:.4f}", value=float(told["correlation"]))
    text = say("{sentence}.", sentence=text)
    if told["within_tolerance"]:
        text += say(
            " {met} of {stated} are within their tolerance.",
            met=told["within_tolerance"]["met"],
            stated=told["within_tolerance"]["stated"],
        )
    ours, official = float(told["ours"]), float(told["official"])
    if figure == "amount" and min(ours, official) > 0 and max(ours / official, official / ours) > OTHER_UNIT:
        text += say(" The sums are so far apart that the official figures seem to be in another unit.")
    return text
