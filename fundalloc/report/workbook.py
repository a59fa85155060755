"""The workbook: a round as report.xlsx, with formats, filters and charts, and no formula."""

from __future__ import annotations

import datetime
import io
from collections.abc import Collection, Mapping, Sequence
from typing import Any

from xlsxwriter import Workbook
from xlsxwriter.worksheet import Worksheet

from fundalloc.language import called, phrase, say, spoken, typeset
from fundalloc.report.cells import LOOSE, PERCENT, PLAIN, SMALL, Cells, amount_form, places_of, table
from fundalloc.report.outcome import Outcome
from fundalloc.report.sheets import Sheet
from fundalloc.report.words import MODES, all_called

#: nothing that is read in a cell is more than a number or a text, and nothing on the disk is needed
OPTIONS = {
    "in_memory": True,
    "strings_to_formulas": False,
    "strings_to_urls": False,
    "strings_to_numbers": False,
    "nan_inf_to_errors": False,
}
#: the same bytes whenever it is written
MADE = datetime.datetime(2000, 1, 1)
#: bars of a chart, its height in rows of the sheet, and for how many resources there are charts
BARS, HEIGHT, CHARTS = 15, 19, 6
HEADLINES = (
    phrase("resource"),
    phrase("supply"),
    phrase("shared out"),
    phrase("amounts"),
    phrase("regions"),
    phrase("take part"),
    phrase("moved by rules"),
    phrase("Gini by the key"),
    phrase("Gini after the rules"),
)
SHEETS = (phrase("Summary"), phrase("Allocation"), phrase("Steps"), phrase("Rules"), phrase("Flags"))
SHARES = ("share", "coverage")
AMOUNTS = ("entitlement", "target", "amount", "previous", "change", "arrears", "decided", "adjustment", "contribution")
MONEY = (*AMOUNTS, "net")


def workbook(outcome: Outcome) -> bytes:
    """report.xlsx: Summary with charts, Allocation, Steps, Rules and Flags."""
    content = io.BytesIO()
    book = Workbook(content, OPTIONS)
    book.set_properties(
        {"title": called(outcome.summary["title"]), "subject": outcome.summary["round"], "created": MADE}
    )
    cells = Cells(book)
    sheets = {name: book.add_worksheet(say(name)) for name in SHEETS}
    allocation = outcome.sheets["allocation.csv"]
    _summary(cells, sheets["Summary"], outcome)
    table(
        cells,
        sheets["Allocation"],
        _titled(_spoken(allocation.columns, allocation.words)),
        _titled(_amounts(allocation)),
        frozen=2,
    )
    steps = pivoted(outcome)
    units = outcome.summary["resources"]
    forms = {
        name: [amount_form(places_of(t), units[r]["unit"]) for t, r in zip(texts, steps["resource"], strict=True)]
        for name, texts in list(steps.items())[3:]
    }
    table(cells, sheets["Steps"], _titled(_spoken(steps, {"resource"})), _titled(forms), frozen=3)
    rules = outcome.sheets["rules.csv"]
    numbers = dict.fromkeys(("low", "value", "high", "slack", "concession"), LOOSE)
    table(
        cells,
        sheets["Rules"],
        _titled(_spoken(rules.columns, rules.words)),
        _titled({**numbers, "shadow_price": SMALL}),
        frozen=1,
    )
    flags = outcome.sheets["flags.csv"]
    values = {n: [LOOSE if "." in t else PLAIN for t in flags.columns[n]] for n in ("value", "threshold")}
    table(cells, sheets["Flags"], _titled(_spoken(flags.columns, flags.words)), _titled(values))
    book.close()
    return content.getvalue()


def _titled(columns: Mapping[str, Any]) -> dict[str, Any]:
    """Columns under their names as words; a group may be named like one of them."""
    titles = {name: called(name.replace("_", " ")) for name in columns}
    twice = {t for t in titles.values() if list(titles.values()).count(t) > 1}
    return {name if titles[name] in twice else titles[name]: values for name, values in columns.items()}


def _spoken(columns: Mapping[str, Sequence[str]], words: Collection[str]) -> dict[str, Sequence[str]]:
    """Columns with their words in the language that is spoken; names of regions are in it already."""
    if spoken() is None:
        return dict(columns)
    return {
        name: [all_called(text) for text in texts]
        if name in words and name not in ("region_id", "region_name")
        else texts
        for name, texts in columns.items()
    }


def _amounts(sheet: Sheet) -> dict[str, Sequence[str] | str]:
    """The number formats of allocation.csv."""
    units = sheet.columns["unit"]
    forms: dict[str, Sequence[str] | str] = dict.fromkeys(SHARES, PERCENT)
    for name in MONEY:
        if name in sheet.columns:
            forms[name] = [amount_form(places_of(t), u) for t, u in zip(sheet.columns[name], units, strict=True)]
    forms["per_head"] = LOOSE
    return {name: form for name, form in forms.items() if name not in sheet.words}


def pivoted(outcome: Outcome) -> dict[str, list[str]]:
    """The steps with one row for each resource and region, one column for each step; they add up to the amount."""
    steps, allocation = outcome.sheets["steps.csv"].columns, outcome.sheets["allocation.csv"].columns
    pairs = list(dict.fromkeys(zip(steps["step"], steps["kind"], strict=True)))
    names = [name for name, _ in pairs]
    taken = {"region id", "region name", "resource", "amount"}
    titles = {p: f"{p[0]} ({p[1]})" if names.count(p[0]) > 1 or p[0] in taken else p[0] for p in pairs}
    place = {k: i for i, k in enumerate(zip(allocation["resource"], allocation["region_id"], strict=True))}
    count = len(place)
    columns: dict[str, list[str]] = {
        "region id": list(allocation["region_id"]),
        "region name": list(allocation["region_name"]),
        "resource": list(allocation["resource"]),
    }
    gifts = [k for k, region in enumerate(steps["region_id"]) if not region]
    of_fund = {r: count + i for i, r in enumerate(dict.fromkeys(steps["resource"][k] for k in gifts))}
    for name, text in zip(columns, ("", say("the fund itself"), ""), strict=True):
        columns[name] += [text or r for r in of_fund] if name != "region id" else [""] * len(of_fund)
    for pair in pairs:
        columns[titles[pair]] = [""] * (count + len(of_fund))
    for region, resource, step, kind, amount in zip(*steps.values(), strict=True):
        row = place[resource, region] if region else of_fund[resource]
        columns[titles[step, kind]][row] = amount
    columns["amount"] = [*allocation["amount"], *("" for _ in of_fund)]
    return columns


def _summary(cells: Cells, sheet: Worksheet, outcome: Outcome) -> None:
    """Headline figures, charts, rules, and the sums to check by."""
    summary = outcome.summary
    sheet.set_column(0, 0, 34)
    sheet.set_column(1, 8, 19)
    cells.word(sheet, 0, 0, called(summary["title"]) or say("Untitled fund"), bold=True, font_size=16)
    cells.word(sheet, 1, 0, say("Round {round}", round=summary["round"]), font_size=12)
    cells.word(sheet, 2, 0, called(summary["reference"]))
    row = _resources(cells, sheet, 4, summary["resources"])
    shown = list(summary["resources"])[:CHARTS]
    first = row + 1
    row = first + HEIGHT * len(shown)
    row = _rules(cells, sheet, row + 1, summary["rules"])
    row = _hashes(cells, sheet, row + 1, summary)
    for k, name in enumerate(shown):
        row = _charts(cells, sheet, outcome, name, (first + HEIGHT * k, row + 1))


def _head(cells: Cells, sheet: Worksheet, row: int, titles: Sequence[str]) -> int:
    for k, title in enumerate(titles):
        cells.word(sheet, row, k, title, bold=True, text_wrap=True, bottom=1, bg_color="#E8EEF4")
    return row + 1


def _resources(cells: Cells, sheet: Worksheet, row: int, resources: Mapping[str, Any]) -> int:
    row = _head(cells, sheet, row, tuple(map(say, HEADLINES)))
    for name, one in resources.items():
        cells.word(sheet, row, 0, called(name), bold=True)
        for k, what in ((1, "supply"), (2, "shared_out"), (3, "amounts"), (6, "moved_by_rules")):
            if one[what] == "open":
                cells.word(sheet, row, k, say("open"), align="right")
            else:
                cells.figure(sheet, row, k, one[what], amount_form(places_of(one[what]), one["unit"]))
        for k, what in ((4, "regions"), (5, "take_part")):
            cells.figure(sheet, row, k, str(one[what]), PLAIN)
        for k, when in ((7, "before"), (8, "after")):
            cells.figure(sheet, row, k, one["inequality"][when]["gini"], "0.0000")
        row += 1
    return row


def _rules(cells: Cells, sheet: Worksheet, row: int, rules: Sequence[Mapping[str, Any]]) -> int:
    if not rules:
        return row
    row = _head(
        cells, sheet, row, (say("rule"), say("mode"), say("binds at places"), say("of places"), say("in words"))
    )
    for rule in rules:
        cells.word(sheet, row, 0, called(rule["name"]), bold=True, text_wrap=True)
        cells.word(sheet, row, 1, say(MODES[rule["mode"]]) if rule["in_force"] else say("not in force"))
        cells.figure(sheet, row, 2, str(rule["binding"]), PLAIN)
        cells.figure(sheet, row, 3, str(rule["places"]), PLAIN)
        cells.word(sheet, row, 4, _said(rule))
        row += 1
    return row


def _said(rule: Mapping[str, Any]) -> str:
    sentence = say("{sentence}.", sentence=rule["sentence"])
    return typeset(f"{sentence} {called(rule['why'])}") if rule["why"] else sentence


def _hashes(cells: Cells, sheet: Worksheet, row: int, summary: Mapping[str, Any]) -> int:
    row = _head(cells, sheet, row, (say("file"), "SHA-256"))
    inputs = {one["file"]: one["sha256"] for one in summary["inputs"].values()}
    for name, code in {**inputs, **summary["files"]}.items():
        cells.word(sheet, row, 0, name)
        cells.word(sheet, row, 1, code, font_name="Courier New")
        row += 1
    cells.word(sheet, row, 0, f"fundalloc {summary['fundalloc']['version']}")
    return row + 1


def _charts(cells: Cells, sheet: Worksheet, outcome: Outcome, name: str, rows: tuple[int, int]) -> int:
    """Two charts of a resource at the first row, and what they show from the second row on."""
    at, row = rows
    c = outcome.sheets["allocation.csv"].columns
    unit = outcome.summary["resources"][name]["unit"]
    mine = [k for k, resource in enumerate(c["resource"]) if resource == name]
    largest = sorted(mine, key=lambda k: (-float(c["amount"][k]), c["region_id"][k]))[:BARS]
    lowest = sorted((k for k in mine if c["coverage"][k]), key=lambda k: (float(c["coverage"][k]), c["region_id"][k]))
    for k, (title, what, which, form) in enumerate(
        (
            (say("Largest amounts of {resource}", resource=name), "amount", largest, ""),
            (say("Lowest amounts by entitlement, {resource}", resource=name), "coverage", lowest[:BARS], PERCENT),
        )
    ):
        if not which:
            continue
        cells.word(sheet, row, 0, title, bold=True, bottom=1)
        for i, one in enumerate(which, 1):
            text = c[what][one]
            cells.word(sheet, row + i, 0, c["region_name"][one])
            cells.figure(sheet, row + i, 1, text, form or amount_form(places_of(text), unit))
        span = (row + 1, row + len(which))
        chart = cells.book.add_chart({"type": "bar"})
        series: dict[str, Any] = {"categories": [sheet.name, span[0], 0, span[1], 0], "gap": 40}
        series |= {"values": [sheet.name, span[0], 1, span[1], 1], "fill": {"color": ("#2F6690", "#81A4BD")[k]}}
        chart.add_series(series)
        chart.set_title({"name": title, "overlay": False, "name_font": {"size": 12}})
        chart.set_legend({"none": True})
        chart.set_y_axis({"reverse": True, "major_gridlines": {"visible": False}})
        chart.set_x_axis({"num_format": form or PLAIN, "major_gridlines": {"visible": True, "line": {"color": "#DDD"}}})
        chart.set_size({"width": 620, "height": HEIGHT * 20 - 20})
        sheet.insert_chart(at, 0 if k == 0 else 4, chart, {"object_position": 2})
        row += len(which) + 2
    return row
