"""Reports beside the tables: every figure is that of the CSV files, no word is a formula, the same bytes twice."""

from __future__ import annotations

import io
import json
import re
import subprocess
import sys
import zipfile
from decimal import Decimal

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from python_calamine import CalamineWorkbook
from xlsxwriter import Workbook

import fundalloc.report.formats as formats
from fundalloc import DifferenceError, Fund, InputError
from fundalloc.cli.app import run
from fundalloc.policy import parse_policy
from fundalloc.report.cells import LOOSE, Cells, amount_form, fits, places_of, table
from fundalloc.report.folder import read_rows
from fundalloc.report.legible import marked, shown
from fundalloc.report.workbook import OPTIONS
from fundalloc.verification import verify
from tests.funds import fund
from tests.hostile import hostile


@pytest.fixture(scope="module")
def demo(tmp_path_factory):
    """The demo round with both reports."""
    out = tmp_path_factory.mktemp("formats") / "out"
    assert run(["demo", "-o", str(out), "--format", "xlsx,md"]) == 0
    return out


@pytest.fixture(scope="module")
def bad(tmp_path_factory):
    out = tmp_path_factory.mktemp("formats") / "hostile"
    hostile().allocate().write(out, ("xlsx", "md"))
    return out


def sheet(out, name):
    """A sheet of the workbook, as texts and numbers."""
    book = CalamineWorkbook.from_filelike(io.BytesIO((out / "report.xlsx").read_bytes()))
    return book.get_sheet_by_name(name).to_python()


def same(cell, text):
    """Whether a cell of a workbook says what a cell of a CSV file says."""
    if text == "":
        return cell == ""
    try:
        number = Decimal(text)
    except ArithmeticError:
        return cell == text
    return Decimal(repr(cell)) == number if isinstance(cell, float) else cell == text


@pytest.mark.parametrize("folder", ["demo", "bad"])
@pytest.mark.parametrize("name", ["Allocation", "Rules", "Flags"])
def test_every_cell_of_the_workbook_is_that_of_the_csv(folder, name, request):
    out = request.getfixturevalue(folder)
    head, *rows = sheet(out, name)
    csv = read_rows(out, f"{name.lower()}.csv")
    assert [h.replace(" ", "_") for h in head] == list(csv[0])
    assert len(rows) == len(csv)
    for row, there in zip(rows, csv, strict=True):
        for cell, text in zip(row, there.values(), strict=True):
            assert same(cell, text), (cell, text)


@pytest.mark.parametrize("folder", ["demo", "bad"])
def test_steps_of_a_row_are_those_of_the_csv_and_add_up_to_the_amount(folder, request):
    out = request.getfixturevalue(folder)
    head, *rows = sheet(out, "Steps")
    amounts = {(r["region_id"], r["resource"]): Decimal(r["amount"]) for r in read_rows(out, "allocation.csv")}
    written = {}
    for row in rows:
        cells = {h: Decimal(repr(c)) for h, c in zip(head[3:-1], row[3:-1], strict=True) if c != ""}
        written |= {(row[0], row[2], name): value for name, value in cells.items()}
        assert sum(cells.values()) == Decimal(repr(row[-1])) == amounts.pop((row[0], row[2]))
    assert not amounts
    steps = read_rows(out, "steps.csv")
    assert written == {(s["region_id"], s["resource"], s["step"]): Decimal(s["amount"]) for s in steps}


def test_the_headline_of_the_workbook_is_that_of_the_summary(demo):
    rows = sheet(demo, "Summary")
    resources = json.loads((demo / "summary.json").read_text())["resources"]
    found = {row[0]: row[1:9] for row in rows if row[0] in resources}
    for name, one in resources.items():
        said = [one[k] for k in ("supply", "shared_out", "amounts", "regions", "take_part", "moved_by_rules")]
        said += [one["inequality"][when]["gini"] for when in ("before", "after")]
        assert [float(x) for x in said] == found[name]


def test_the_charts_show_the_largest_amounts(demo):
    rows = sheet(demo, "Summary")
    start = next(k for k, row in enumerate(rows) if row[0] == "Largest amounts of fund")
    mine = [r for r in read_rows(demo, "allocation.csv") if r["resource"] == "fund"]
    largest = sorted(mine, key=lambda r: -float(r["amount"]))[:15]
    assert [row[:2] for row in rows[start + 1 : start + 16]] == [
        [r["region_name"], float(r["amount"])] for r in largest
    ]
    with zipfile.ZipFile(demo / "report.xlsx") as book:
        charts = [n for n in book.namelist() if re.fullmatch(r"xl/charts/chart\d+\.xml", n)]
        assert len(charts) == 6
        assert "'Summary'!" in book.read(charts[0]).decode() or "Summary!" in book.read(charts[0]).decode()


@pytest.mark.parametrize("folder", ["demo", "bad"])
def test_no_cell_is_a_formula_or_a_link(folder, request):
    with zipfile.ZipFile(request.getfixturevalue(folder) / "report.xlsx") as book:
        for name in book.namelist():
            text = book.read(name).decode()
            if name.startswith("xl/worksheets/sheet"):
                assert "<f>" not in text and "<f " not in text and "hyperlink" not in text
            if name.startswith("xl/charts/chart"):
                assert {f.split("!")[0].strip("'") for f in re.findall(r"<c:f>(.*?)</c:f>", text)} == {"Summary"}
            assert "externalLink" not in name and "vbaProject" not in name


@pytest.mark.parametrize("folder", ["demo", "bad"])
def test_every_region_is_in_the_document_with_its_figures(folder, request):
    out = request.getfixturevalue(folder)
    lines = (out / "report.md").read_text(encoding="utf-8").splitlines()
    table = [re.split(r"(?<!\\)\|", line)[1:-1] for line in lines if line.startswith("| ")]
    cells = {(t[1].strip(), t[2].strip(), t[3].strip()) for t in table if len(t) == 8}
    for row in read_rows(out, "allocation.csv"):
        amounts = (f"{Decimal(row[k]):,f}" for k in ("entitlement", "amount"))
        assert (marked(row["region_id"]), *amounts) in cells


def test_hostile_words_are_text_in_the_document(bad):
    text = (bad / "report.md").read_text(encoding="utf-8")
    outside = re.sub(r"\\.", "", text)
    assert not re.search(r"<|\]\(|https?://|`code|\*\*bold", outside)
    assert [line for line in text.splitlines() if line.startswith("#")] == [
        '# =HYPERLINK("http\\://example.org","x"), round 2023'.replace("# =", "# \\="),
        "## What is shared out",
        "## Flags",
        '## fund ("=A1)',
        "## Rules",
        "## How to check",
    ]
    assert "\u202e" not in re.sub("\u2068[^\u2069]*\u2069", "", text)


@given(st.text(max_size=40))
def test_any_words_are_one_line_that_closes_what_it_opens(text):
    for line in (shown(text), marked(text)):
        assert len(line.splitlines()) <= 1
        depth = 0
        for c in line:
            depth += (c in "\u2066\u2067\u2068") - (c == "\u2069")
            assert depth >= 0
        assert depth == 0 and (not re.search("[\u202a-\u202e]", line) or line[-1] == "\u2069")
    assert not re.search(r"(?<!\\)(?:\\\\)*[<>|`*\[\]_#]", re.sub(r"\\.", "", marked(text)))


@given(st.integers(-(10**17), 10**17), st.integers(0, 6))
def test_a_number_in_a_cell_is_exact_or_stays_text(units, places):
    text = format(Decimal(units).scaleb(-places), "f")
    assert not fits(text) or Decimal(f"{Decimal(text):.16G}") == Decimal(text)
    assert fits(text) or len(text.strip("-0").replace(".", "")) > 15
    assert amount_form(places_of(text), "EUR").endswith('" EUR"')


DECIMALS = st.builds(lambda n, k: format(Decimal(n).scaleb(-k), "f"), st.integers(-(10**16), 10**16), st.integers(0, 4))


@settings(max_examples=25)
@given(st.lists(DECIMALS, min_size=1), st.lists(st.text(max_size=5)))
def test_numbers_and_words_read_back_from_a_workbook(numbers, words):
    words = [shown(w) for w in words] or ["=1"]
    columns = {"number": numbers[: len(words)], "word": words[: len(numbers)]}
    content = io.BytesIO()
    book = Workbook(content, OPTIONS)
    table(Cells(book), book.add_worksheet(), columns, {"number": LOOSE})
    book.close()
    content.seek(0)
    rows = CalamineWorkbook.from_filelike(content).get_sheet_by_index(0).to_python()[1:]
    assert all(same(row[0], n) and row[1] == w for row, n, w in zip(rows, *columns.values(), strict=True))


def test_a_number_too_long_for_a_spreadsheet_is_there_as_text(tmp_path):
    frame = pd.DataFrame({"id": ["A", "B"], "population": [1, 2]})
    told = {
        "format": 1,
        "fund": {"round": "1"},
        "regions": {"id": "id", "population": "population"},
        "resources": {
            "fund": {
                "supply": 90_000_000_000_000,
                "lot": 0.01,
                "criteria": [{"name": "people", "weight": 1, "measure": "population"}],
            }
        },
    }
    Fund(parse_policy(told), frame).allocate().write(tmp_path / "out", ("xlsx",))
    row = sheet(tmp_path / "out", "Allocation")[1]
    assert "30000000000000.00" in read_rows(tmp_path / "out", "allocation.csv")[0].values()
    assert 3e13 in row


@pytest.mark.parametrize("folder", ["demo", "bad"])
def test_reports_are_the_same_bytes_twice_and_verify(folder, request, tmp_path):
    out = request.getfixturevalue(folder)
    again = tmp_path / "again"
    if folder == "demo":
        assert run(["demo", "-o", str(again), "--format", "md", "--format", "xlsx"]) == 0
    else:
        hostile().allocate().write(again, ("md", "xlsx"))
    assert {p.name: p.read_bytes() for p in again.iterdir()} == {p.name: p.read_bytes() for p in out.iterdir()}
    assert set(json.loads((out / "summary.json").read_text())["files"]) >= {"report.xlsx", "report.md"}
    assert not any("Not verified" in sentence for sentence in verify(out).sentences)


def forge(out, name, content):
    """Puts another content into a folder, with its SHA-256 in the summary."""
    import hashlib

    (out / name).write_bytes(content)
    summary = json.loads((out / "summary.json").read_text(encoding="utf-8"))
    summary["files"][name] = hashlib.sha256(content).hexdigest()
    (out / "summary.json").write_text(json.dumps(summary), encoding="utf-8")


def test_a_forged_report_is_found(tmp_path):
    allocation = fund(2, 6).allocate()
    for name in ("report.md", "report.xlsx"):
        out = tmp_path / name
        allocation.write(out, ("md", "xlsx"))
        content = (out / name).read_bytes()
        forge(
            out, name, content + b" " if name == "report.md" else b"PK" + content
        )  # a program may read it all the same
        with pytest.raises(DifferenceError, match=name):
            verify(out)
    out = tmp_path / "cell"
    allocation.write(out, ("xlsx",))
    made = io.BytesIO()
    with zipfile.ZipFile(out / "report.xlsx") as old, zipfile.ZipFile(made, "w") as new:
        for item in old.namelist():
            new.writestr(item, old.read(item))
    forge(out, "report.xlsx", made.getvalue())
    verify(out)  # only compressed in another way
    with zipfile.ZipFile(out / "report.xlsx", "a") as more:
        more.writestr("xl/more.xml", "<x/>")
    forge(out, "report.xlsx", (out / "report.xlsx").read_bytes())
    with pytest.raises(DifferenceError, match=r"report\.xlsx is not the report"):
        verify(out)


def test_a_report_of_another_version_is_said_to_be_unverified(tmp_path):
    out = tmp_path / "out"
    fund(2, 6).allocate().write(out, ("xlsx", "md"))
    summary = json.loads((out / "summary.json").read_text())
    summary["versions"]["xlsxwriter"] = "0.1"
    (out / "summary.json").write_text(json.dumps(summary))
    assert verify(out).sentences[-1] == "Not verified: report.xlsx, which other versions of its tools drew."


def test_reports_that_nobody_asks_for_any_more_go(tmp_path):
    allocation = fund(2, 6).allocate()
    out = tmp_path / "out"
    allocation.write(out, ("xlsx", "md"))
    allocation.write(out)
    assert not list(out.glob("report*"))
    assert "xlsxwriter" not in json.loads((out / "summary.json").read_text())["versions"]


def test_formats_are_asked_for_by_name(tmp_path, capsys):
    assert formats.chosen(["md,xlsx", " csv , json", "md"]) == ("xlsx", "md")
    assert formats.chosen([]) == ()
    assert run(["demo", "-o", str(tmp_path / "out"), "--format", "xlxs,odt"]) == 2
    assert "'xlxs' is none of html, pdf, xlsx, md, csv, json." in capsys.readouterr().err
    assert not (tmp_path / "out").exists()
    with pytest.raises(InputError, match=r"'xlxs': is no format\. Did you mean xlsx\?"):
        fund(2, 6).allocate().write(tmp_path / "out", ("xlxs",))


def test_what_writes_reports_is_loaded_only_for_them(tmp_path):
    folder = tmp_path / "in"
    assert run(["new", str(folder)]) == 0
    code = (
        "import sys; from fundalloc.cli.app import run; "
        f"end = run(['allocate', {str(folder)!r}, '-q', '-o', {str(tmp_path / 'out')!r}]); "
        "heavy = {'jinja2', 'xlsxwriter', 'weasyprint', 'markupsafe', 'altair', 'vl_convert'}; "
        "print(end, sorted({m.split('.')[0] for m in sys.modules} & heavy), file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stderr.splitlines()[-1] == "0 []"
