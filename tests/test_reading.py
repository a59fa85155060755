"""What files say: tables, regions, histories and rounds as they are read."""

from __future__ import annotations

import codecs
import csv
import datetime
import hashlib
import io
import unicodedata
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import xlsxwriter
from hypothesis import example, given, settings
from hypothesis import strategies as st

from fundalloc.errors import Fault, InputError
from fundalloc.expressions import RESERVED
from fundalloc.files import read_table
from fundalloc.history import History, read_history
from fundalloc.numerals import NumberStyle
from fundalloc.regions import Regions, read_regions
from fundalloc.roster import RegionsSection
from fundalloc.rounds import at, in_force, in_order
from fundalloc.tables import Table

COMPOSED, DECOMPOSED = "caf\u00e9", "cafe\u0301"
HISTORY = "round,region_id,resource,entitlement,amount\n"
GERMAN = NumberStyle(",", ".")


def read(folder: Path, content: str | bytes, name: str = "regions.csv", **more: Any) -> Table:
    path = folder / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return read_table(path, shown=name, **more)


def regions(folder: Path, content: str, round_: str = "", **section: Any) -> Regions:
    return read_regions(read(folder, content), RegionsSection(**{"id": "id", **section}), round_, RESERVED)


def past(folder: Path, content: str, before: str) -> History:
    return read_history(read(folder, content, "history.csv"), before)


def workbook(rows: list[list[Any]], row: int = 0, column: int = 0) -> bytes:
    content = io.BytesIO()
    with xlsxwriter.Workbook(content, {"in_memory": True}) as book:
        sheet = book.add_worksheet()
        dated = book.add_format({"num_format": "yyyy-mm-dd"})
        for r, cells in enumerate(rows, row):
            for c, cell in enumerate(cells, column):
                if isinstance(cell, str):
                    sheet.write_string(r, c, cell)
                elif isinstance(cell, datetime.date):
                    sheet.write_datetime(r, c, cell, dated)
                elif cell is not None:
                    sheet.write(r, c, cell)
    return content.getvalue()


def faults(call: Any, *args: Any, **more: Any) -> tuple[Fault, ...]:
    with pytest.raises(InputError) as caught:
        call(*args, **more)
    return caught.value.faults


def one(call: Any, *args: Any, **more: Any) -> Fault:
    (fault,) = faults(call, *args, **more)
    return fault


def cells(table: Table) -> dict[str, list[str]]:
    return {name: table.text(name).tolist() for name in table.header}


# files and encodings


@pytest.mark.parametrize("mark", [b"", codecs.BOM_UTF8])
@pytest.mark.parametrize("encoding", ["utf-8", "UTF8", "utf_8", "utf-8-sig"])
def test_utf_8_is_read_with_and_without_its_mark(tmp_path, mark, encoding):
    table = read(tmp_path, mark + "id,上海\nZürich,1\n".encode(), encoding=encoding)
    assert cells(table) == {"id": ["Zürich"], "上海": ["1"]}


@pytest.mark.parametrize(
    ("encoding", "text"),
    [
        ("cp1252", "Zürich €"),
        ("gb18030", "上海市"),
        ("utf-16", "上海 Zürich"),
        ("utf-16-le", "Zürich"),
        ("big5", "台北"),
    ],
)
def test_another_encoding_is_read_where_it_is_named(tmp_path, encoding, text):
    assert cells(read(tmp_path, f"id,x\n{text},1\n".encode(encoding), encoding=encoding)) == {"id": [text], "x": ["1"]}


@pytest.mark.parametrize(("encoding", "text"), [("cp1252", "Zürich"), ("gb18030", "上海市"), ("latin-1", "Córdoba")])
def test_another_encoding_is_never_guessed(tmp_path, encoding, text):
    fault = one(read, tmp_path, f"id,x\na,1\n{text},2\nb,3\n".encode(encoding))
    assert (fault.file, fault.line) == ("regions.csv", 3)
    assert "utf-8" in fault.message
    assert "--encoding cp1252" in fault.remedy


@pytest.mark.parametrize("encoding", ["ascii", "gb18030", "cp1252"])
def test_a_wrong_encoding_names_itself_and_the_line(tmp_path, encoding):
    fault = one(read, tmp_path, b"id,x\na,1\n\nb\x81,2\n", encoding=encoding)
    assert fault.line == 4
    assert encoding in fault.message


def test_utf_16_text_read_as_utf_8_names_the_remedy(tmp_path):
    assert "--encoding utf-16" in one(read, tmp_path, "id,x\na,1\n".encode("utf-16")).remedy


@pytest.mark.parametrize("encoding", ["klingon", "hex", ""])
def test_an_unknown_encoding_is_named(tmp_path, encoding):
    fault = one(read, tmp_path, "id\na\n", encoding=encoding)
    assert fault.value == encoding
    assert "--encoding cp1252" in fault.remedy


def test_nul_characters_are_no_text(tmp_path):
    assert "no text file" in one(read, tmp_path, b"id,x\na,\0\n").message


def test_a_missing_file_a_folder_and_parquet_are_faults(tmp_path):
    fault = one(read_table, tmp_path / "nowhere.csv")
    assert fault.file == str(tmp_path / "nowhere.csv")
    assert "no such file" in fault.message
    assert "folder" in one(read_table, tmp_path).message
    assert "CSV or XLSX" in one(read, tmp_path, b"PAR1", "regions.parquet").remedy


def test_the_hash_is_that_of_the_bytes(tmp_path):
    content = codecs.BOM_UTF8 + b"id;x\r\na;1\r\n"
    assert read(tmp_path, content).source.sha256 == hashlib.sha256(content).hexdigest()


# rows and cells


@pytest.mark.parametrize(
    ("delimiter", "name"), [(",", "comma"), (";", "semicolon"), ("\t", "tab"), ("|", "vertical bar")]
)
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_the_delimiter_of_the_header_is_found_and_said(tmp_path, delimiter, name, end):
    others = "".join({",", ";", "|"} - {delimiter})
    rows = [["id", "x,,, y;;; z|||", "note"], ["a", "1", others * 3], ["b", "2", ""]]
    rows[0][1] = f'"{rows[0][1]}"'
    table = read(tmp_path, end.join(delimiter.join(row) for row in rows) + end)
    assert table.delimiter == delimiter
    assert table.form == f"2 rows, columns separated by {name}"
    assert cells(table) == {"id": ["a", "b"], "x,,, y;;; z|||": ["1", "2"], "note": [others * 3, ""]}
    assert table.lines.tolist() == [2, 3]


@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_quoted_cells_hold_delimiters_quotes_and_lines_and_later_lines_keep_their_numbers(tmp_path, end):
    text = end.join(["id,note,x", 'a,"one, two",1', 'b,"three', "", 'four ""five""",2', "c,six,abc", ""])
    table = read(tmp_path, text)
    assert cells(table)["note"] == ["one, two", f'three{end}{end}four "five"', "six"]
    assert table.lines.tolist() == [2, 3, 6]
    assert one(table.numbers, "x").line == 6


def test_blank_lines_are_left_out_and_do_not_shift_line_numbers(tmp_path):
    table = read(tmp_path, "\n\nid,x\n\na,1\n,\n\nb,abc\n\n")
    assert table.header == ("id", "x")
    assert cells(table) == {"id": ["a", "b"], "x": ["1", "abc"]}
    assert table.lines.tolist() == [5, 8]
    assert one(table.numbers, "x").line == 8


def test_every_ragged_line_is_named(tmp_path):
    found = faults(read, tmp_path, "id,x,y\na,1\nb,1,2\nc,1,2,3\n\nd,1,2,,\ne\n")
    assert [f.line for f in found] == [2, 4, 7]
    assert [f.message.split(",")[0] for f in found] == ["has 2 cells", "has 4 cells", "has 1 cell"]
    assert all("names 3 columns" in f.message and "delimiters and quotation marks" in f.remedy for f in found)


def test_ragged_lines_beyond_ten_are_counted(tmp_path):
    found = faults(read, tmp_path, "id,x\n" + "a\n" * 25)
    assert [f.line for f in found[:-1]] == list(range(2, 12))
    assert "15 more lines" in found[-1].message


def test_an_unclosed_quotation_mark_is_named_with_its_line(tmp_path):
    fault = one(read, tmp_path, 'id,x\na,"1\n2"\nb,2\n"c,3\nd,4\ne,5\n')
    assert fault.line == 5
    assert "never closed" in fault.message
    assert '""' in fault.remedy


@pytest.mark.parametrize(
    ("content", "line"),
    [('id,name\na,"foo\nb,"bar\nc,x\n', 2), ('id,name\na,"foo\nb,"bar"\n', 2), ('id,name\na,"foo"x\n', 2)],
)
def test_a_quoted_cell_never_swallows_a_line_in_silence(tmp_path, content, line):
    assert one(read, tmp_path, content).line == line


def test_a_quotation_mark_inside_a_cell_is_text(tmp_path):
    assert cells(read(tmp_path, 'id,name\na,5" pipe\n'))["name"] == ['5" pipe']


def test_the_delimiter_is_found_behind_a_quoted_name_of_several_lines(tmp_path):
    assert read(tmp_path, '"a\nb";c\n1;2\n').header == ("a\nb", "c")


@pytest.mark.parametrize("encoding", ["utf-16-le", "gb18030", "utf-8"])
def test_a_byte_order_mark_is_no_part_of_the_first_name(tmp_path, encoding):
    assert read(tmp_path, "\ufeffid,x\na,1\n".encode(encoding), encoding=encoding).header == ("id", "x")


def test_the_greek_question_mark_is_no_semicolon(tmp_path):
    assert cells(read(tmp_path, "id;x\na\u037e;1\n"))["x"] == ["1"]


def test_a_line_of_spaces_is_blank(tmp_path):
    assert cells(read(tmp_path, "id,x\n   \n  ,\na,1\n"))["id"] == ["a"]


@pytest.mark.parametrize("content", [b"", codecs.BOM_UTF8, b"\n\n\r\n", b",,\n,,\n"])
def test_an_empty_file_is_a_fault(tmp_path, content):
    assert "is empty" in one(read, tmp_path, content).message


def test_a_header_alone_is_a_table_without_rows_but_no_regions(tmp_path):
    table = read(tmp_path, "id,x\n")
    assert table.header == ("id", "x")
    assert table.numbers("x").tolist() == []
    assert "one row for each region" in one(regions, tmp_path, "id,x\n").remedy


def test_columns_that_stand_twice_or_have_no_name_are_all_named(tmp_path):
    found = faults(read, tmp_path, f"id,x, x ,,{COMPOSED},,{DECOMPOSED}\na,1,2,3,4,,5\n")
    assert [(f.line, f.value) for f in found] == [(1, "x"), (1, None), (1, COMPOSED)]
    assert "column 4" in found[1].message
    assert all(f.remedy for f in found)


def test_a_column_without_name_and_cells_is_left_out(tmp_path):
    assert cells(read(tmp_path, "id,,x,\na, ,1,\n")) == {"id": ["a"], "x": ["1"]}


def test_cells_and_names_are_trimmed_and_composed(tmp_path):
    table = read(tmp_path, f" id ,\u00a0{DECOMPOSED}\n  a\t,{DECOMPOSED} \n")
    assert cells(table) == {"id": ["a"], COMPOSED: [COMPOSED]}


def test_text_that_was_kept_from_being_a_formula_reads_as_it_was(tmp_path):
    table = read(tmp_path, "id,x,note\n'=a,'-1,'quoted'\n@b,-2,it's\n")
    assert cells(table) == {"id": ["=a", "@b"], "x": ["-1", "-2"], "note": ["'quoted'", "it's"]}
    assert table.numbers("x").tolist() == [-1, -2]


# numbers


@pytest.mark.parametrize(
    ("text", "value"),
    [("0", 0), ("-1234.5", -1234.5), ("+7", 7), (".5", 0.5), ("5.", 5), ("1e3", 1000), ("2.5E-3", 0.0025), ("007", 7)],
)
def test_plain_numbers_are_read(tmp_path, text, value):
    assert read(tmp_path, f"id,x\na,{text}\n").numbers("x").tolist() == [value]


@pytest.mark.parametrize(
    ("text", "remedy"),
    [
        ("12.000,5", 'decimal = "," and thousands = "."'),
        ("-1.234.567", 'decimal = "," and thousands = "."'),
        ("1,234", 'decimal = "," (1.234) or thousands = "," (1234)'),
        ("1\u00a0234,5", 'decimal = "," and thousands = " "'),
        ("1,5", 'decimal = ","'),
        ("1,234.5", 'thousands = ","'),
        ("1,234,567", 'thousands = ","'),
        ("1 234", 'thousands = " "'),
        ("1'234'567", 'thousands = "\'"'),
        ("50 %", "Write the number alone"),
        ("€ 50", "Write the number alone"),
        ("50k", "Write the number alone"),
        ("NaN", "leave the cell empty"),
        ("-inf", "leave the cell empty"),
        ("Infinity", "leave the cell empty"),
        ("1e999", "Write a smaller number"),
        ("-" + "9" * 400, "Write a smaller number"),
        ("n/a", 'missing_marks = ["n/a"]'),
        ("..", 'missing_marks = [".."]'),
        ("—", 'missing_marks = ["—"]'),
        ("abc", "Write a number such as 1234.5"),
        ("0x1F", "Write a number such as 1234.5"),
        ("1 2", "Write a number such as 1234.5"),
        ("１２", "Write a number such as 1234.5"),
    ],
)
def test_a_cell_that_is_no_number_names_its_place_and_a_remedy(tmp_path, text, remedy):
    fault = one(read(tmp_path, f"id;x\na;1\n\nb;{text}\n").numbers, "x", style=NumberStyle())
    assert str(fault).startswith(f"regions.csv, line 4, column x: {text!r}: ")
    assert fault.message
    assert remedy in fault.remedy


def test_points_between_thousands_are_a_fault_beside_numbers_that_look_plain(tmp_path):
    table = read(tmp_path, "id,x\na,1.234\nb,1.234.567\nc,5.678\n")
    fault = one(table.numbers, "x", style=NumberStyle())
    assert (fault.line, fault.value) == (3, "1.234.567")
    assert "1.234" in fault.message


@pytest.mark.parametrize(
    ("text", "style", "value"),
    [
        ("12.000,5", GERMAN, 12000.5),
        ("1.234.567", GERMAN, 1234567),
        ("1.234", GERMAN, 1234),
        ("-1234,25", GERMAN, -1234.25),
        (",5", GERMAN, 0.5),
        ("1,5e3", GERMAN, 1500),
        ("1,5", NumberStyle(","), 1.5),
        ("1,234", NumberStyle(","), 1.234),
        ("1,234.5", NumberStyle(".", ","), 1234.5),
        ("1,234,567", NumberStyle(".", ","), 1234567),
        ("1234567.5", NumberStyle(".", ","), 1234567.5),
        ("1 234,5", NumberStyle(",", " "), 1234.5),
        ("+1'234'567.5", NumberStyle(".", "'"), 1234567.5),
    ],
)
def test_a_stated_style_is_read(tmp_path, text, style, value):
    assert read(tmp_path, f"id;x\na;{text}\n").numbers("x", style=style).tolist() == [value]


@pytest.mark.parametrize(
    ("text", "style"),
    [
        ("12.34", GERMAN),
        ("1.2345", GERMAN),
        ("1234.567", GERMAN),
        ("1,234.5", GERMAN),
        (".123", GERMAN),
        ("1.5", NumberStyle(",")),
        ("1.234,5", NumberStyle(",")),
        ("1,23", NumberStyle(".", ",")),
        ("1,234,56", NumberStyle(".", ",")),
        ("1,,234", NumberStyle(".", ",")),
        ("1.5,234", NumberStyle(".", ",")),
        ("12 34", NumberStyle(".", " ")),
    ],
)
def test_a_number_that_does_not_fit_the_stated_style_is_a_fault(tmp_path, text, style):
    fault = one(read(tmp_path, f"id;x\na;{text}\n").numbers, "x", style=style)
    assert (fault.line, fault.column, fault.value) == (2, "x", text)


def test_missing_marks_and_empty_cells_are_missing_and_nothing_else_is(tmp_path):
    style = NumberStyle(missing_marks=("n/a", " .. ", DECOMPOSED, "0"))
    table = read(tmp_path, f"id,x\na,n/a\nb,..\nc,{COMPOSED}\nd,\ne,0\nf,1\n")
    assert np.array_equal(table.numbers("x", style=style), [np.nan] * 5 + [1], equal_nan=True)
    table = read(tmp_path, "id,x\na,N/A\nb,n/a\nc,-\n")
    assert [f.value for f in faults(table.numbers, "x", style=style)] == ["N/A", "-"]


def test_all_cells_of_a_column_that_are_no_numbers_are_named_and_beyond_ten_counted(tmp_path):
    table = read(tmp_path, "id,x\n" + "".join(f"r{k},{'bad' if k % 2 else k}\n" for k in range(40)))
    found = faults(table.numbers, "x")
    assert [f.line for f in found[:-1]] == list(range(3, 23, 2))
    assert (found[-1].column, found[-1].file) == ("x", "regions.csv")
    assert "10 more cells" in found[-1].message


def test_numbers_of_some_rows_say_nothing_about_the_others(tmp_path):
    table = read(tmp_path, "id,x\na,abc\nb,2\nc,n/a\nd,4\n")
    assert table.numbers("x", np.array([3, 1])).tolist() == [4, 2]
    assert one(table.numbers, "x", np.array([1, 2])).line == 4


# spreadsheets and frames

SHEET = [
    ["id", "year", "x", "y", "paid"],
    ["a", 2022, 1, 0.1, "12.5"],
    ["b", 2022, -2.5, 1e-9, ""],
    ["c", 2023, 123456789012, 1234567.25, "-3"],
]


def as_csv(rows: list[list[Any]]) -> str:
    text = io.StringIO()
    csv.writer(text).writerows(rows)
    return text.getvalue()


def test_a_spreadsheet_and_a_csv_file_of_the_same_content_read_the_same(tmp_path):
    sheet, plain = read(tmp_path, workbook(SHEET), "regions.xlsx"), read(tmp_path, as_csv(SHEET))
    assert sheet.header == plain.header == ("id", "year", "x", "y", "paid")
    assert sheet.lines.tolist() == plain.lines.tolist() == [2, 3, 4]
    for name, column in zip(SHEET[0][1:], list(zip(*SHEET[1:], strict=True))[1:], strict=True):
        expected = [np.nan if v == "" else float(v) for v in column]
        assert np.array_equal(sheet.numbers(name), expected, equal_nan=True)
        assert np.array_equal(plain.numbers(name), expected, equal_nan=True)
    for name in ("id", "year"):
        assert sheet.text(name).tolist() == plain.text(name).tolist()
    assert sheet.form == "3 rows"


def test_whole_numbers_dates_and_truth_in_a_spreadsheet_are_plain_text(tmp_path):
    rows = [[2022, "when", "eu", "id"], [1.5, datetime.date(2023, 4, 1), True, 11], [2.0, None, False, 310000]]
    table = read(tmp_path, workbook(rows), "regions.xlsx")
    assert cells(table) == {
        "2022": ["1.5", "2"],
        "when": ["2023-04-01", ""],
        "eu": ["1", "0"],
        "id": ["11", "310000"],
    }
    assert table.numbers("eu").tolist() == [1, 0]
    assert one(table.numbers, "when").value == "2023-04-01"


def test_rows_of_a_spreadsheet_keep_their_numbers_wherever_it_starts(tmp_path):
    rows = [["id", " x ", DECOMPOSED], ["a", 1, None], [None, None, None], [" ", "", None], ["b", "abc", 3]]
    table = read(tmp_path, workbook(rows, row=3, column=2), "regions.xlsx")
    assert cells(table) == {"id": ["a", "b"], "x": ["1", "abc"], COMPOSED: ["", "3"]}
    assert table.lines.tolist() == [5, 8]
    assert str(one(table.numbers, "x")).startswith("regions.xlsx, line 8, column x: 'abc': ")


@pytest.mark.parametrize("error", ["#DIV/0!", "#REF!", "#NAME?", "#N/A", "#VALUE!"])
def test_every_error_text_of_a_spreadsheet_is_a_fault(tmp_path, error):
    rows = [["id", "x"], ["a", error], ["b", 2], ["c", error]]
    found = faults(read, tmp_path, workbook(rows, row=2, column=1), "regions.xlsx")
    assert [(f.file, f.line, f.column, f.value) for f in found] == [("regions.xlsx", k, "x", error) for k in (4, 6)]
    assert all("Repair" in f.remedy for f in found)


def test_text_in_a_spreadsheet_that_begins_with_an_apostrophe_is_left_alone(tmp_path):
    table = read(tmp_path, workbook([["id", "x"], ["'=a", "=b"], ["'n", "-1"]]), "regions.xlsx")
    assert cells(table) == {"id": ["'=a", "'n"], "x": ["=b", "-1"]}


@pytest.mark.parametrize("name", ["regions.xlsx", "regions.XLSX", "regions.xls", "regions.ods"])
@pytest.mark.parametrize("content", [b"", b"id,x\na,1\n", b"PK\x03\x04 broken"])
def test_a_broken_spreadsheet_is_a_fault(tmp_path, name, content):
    fault = one(read, tmp_path, content, name)
    assert fault.file == name
    assert "XLSX or CSV" in fault.remedy


def test_a_spreadsheet_without_cells_is_empty(tmp_path):
    assert "is empty" in one(read, tmp_path, workbook([]), "regions.xlsx").message


def test_a_frame_reads_as_the_file_with_the_same_cells(tmp_path):
    frame = pd.DataFrame(
        {
            " id ": ["a", DECOMPOSED, " c "],
            "x": [1.5, np.nan, 3],
            "n": pd.array([1, None, 2**40], dtype="Int64"),
            "eu": [True, False, True],
            "text": ["1.5", None, "n/a"],
        }
    )
    table = Table.from_frame(frame)
    plain = read(tmp_path, f"id,x,n,eu,text\na,1.5,1,1,1.5\n{COMPOSED},,,0,\nc,3,{2**40},1,n/a\n")
    assert cells(table) == cells(plain)
    for name, expected in (("x", [1.5, np.nan, 3]), ("n", [1, np.nan, 2**40]), ("eu", [1, 0, 1])):
        assert np.array_equal(table.numbers(name), expected, equal_nan=True)
        assert np.array_equal(plain.numbers(name), expected, equal_nan=True)
    assert one(table.numbers, "text").value == "n/a"


def test_an_infinite_number_in_a_frame_is_a_fault_with_its_row():
    table = Table.from_frame(pd.DataFrame({"id": ["a", "b"], "x": [1, -np.inf]}), "amounts")
    assert str(one(table.numbers, "x")).startswith("amounts, line 2, column x: '-inf': is not a finite number.")
    assert table.numbers("x", np.array([0])).tolist() == [1]


def test_frames_with_columns_that_are_equal_after_trimming_or_have_no_name_are_refused():
    found = faults(Table.from_frame, pd.DataFrame([[1, 2, 3]], columns=["x", "x ", ""]), "regions")
    assert [f.value for f in found] == ["x", None]


def test_the_hash_of_a_frame_changes_with_every_cell():
    frame = pd.DataFrame({"id": ["a", "b"], "x": [1.0, 2.0]})
    others = [frame.assign(x=[1.0, 2.5]), frame.rename(columns={"x": "y"}), frame.iloc[::-1], frame.iloc[:1]]
    hashes = {Table.from_frame(f).source.sha256 for f in [frame, frame.copy(), *others]}
    assert len(hashes) == 5


# regions


def test_regions_are_sorted_by_id_and_so_are_their_columns(tmp_path):
    found = regions(
        tmp_path,
        "id,title,state,pop,x\nc,Gamma,S1,30,3\na,Alpha,S2,10,1\nb,Beta,S1,20,2\n",
        name="title",
        groups=["state"],
        population="pop",
    )
    assert found.ids == ("a", "b", "c")
    assert found.names == ("Alpha", "Beta", "Gamma")
    assert found.groups["state"].tolist() == ["S2", "S1", "S1"]
    assert found.population.tolist() == found.column("population").tolist() == found.column("pop").tolist()
    assert found.population.tolist() == [10, 20, 30]
    assert found.column("x").tolist() == [1, 2, 3]
    assert found.column("state").tolist() == ["S2", "S1", "S1"]
    assert set(found.texts) == {"id", "title", "state"}
    assert set(found.columns) == {"pop", "population", "x"}
    assert found.flags == []
    assert found.cell("x", 1) == {"file": "regions.csv", "line": 4, "column": "x"}


def test_without_a_name_the_id_is_the_name_and_without_population_there_is_none(tmp_path):
    found = regions(tmp_path, "id,x\nb,1\na,2\n")
    assert found.names == ("a", "b")
    assert found.population is None
    assert found.rounds == ()
    assert found.earlier(1) is None


@pytest.mark.parametrize("again", ["a", " a ", "\u00a0a"])
def test_ids_that_are_equal_after_trimming_are_one_region(tmp_path, again):
    fault = one(regions, tmp_path, f"id,x\na,1\nb,2\n{again},3\n")
    assert (fault.file, fault.line, fault.column, fault.value) == ("regions.csv", 4, "id", "a")
    assert "line 2" in fault.message


def test_ids_that_are_equal_after_composing_are_one_region_and_an_empty_id_is_none(tmp_path):
    found = faults(regions, tmp_path, f"id,x\n{COMPOSED},1\n{DECOMPOSED},2\n ,3\n")
    assert [(f.line, f.value) for f in found] == [(3, COMPOSED), (4, "")]


def test_ids_beyond_ten_that_are_not_unique_are_counted(tmp_path):
    found = faults(regions, tmp_path, "id,x\n" + "a,1\n" * 31)
    assert [f.line for f in found[:-1]] == list(range(3, 13))
    assert "20 more rows" in found[-1].message


def test_a_region_may_stand_in_every_round_but_only_once(tmp_path):
    content = "id,year,x\na,2022,1\na,2023,2\nb,2022,3\nb,2022,4\n"
    assert regions(tmp_path, content, "2023", round="year").ids == ("a",)
    fault = one(regions, tmp_path, content, "2022", round="year")
    assert (fault.line, fault.value) == (5, "b")


def test_a_missing_round_names_those_of_the_file(tmp_path):
    fault = one(regions, tmp_path, "id,year\na,2023\na,2021\na,2022\n", "2024", round="year")
    assert (fault.file, fault.column, fault.value) == ("regions.csv", "year", "2024")
    assert "2021, 2022, 2023" in fault.message
    assert "--round" in fault.remedy


def test_empty_groups_and_faulty_populations_are_all_named_at_once(tmp_path):
    content = "id,state,pop\na,S1,10\nb,,20\nc,S1,-5\nd,S2,\ne, ,0\n"
    found = faults(regions, tmp_path, content, groups=["state"], population="pop")
    assert sorted((f.line, f.column) for f in found) == [(3, "state"), (4, "pop"), (5, "pop"), (6, "state")]
    by_line = {f.line: f for f in found}
    assert by_line[4].value == "-5"
    assert "below 0" in by_line[4].message
    assert "missing" in by_line[5].message
    assert all(f.file == "regions.csv" and f.remedy for f in found)


def test_a_population_that_is_no_number_stands_beside_the_other_faults(tmp_path):
    found = faults(regions, tmp_path, "id,state,pop\na,,10\nb,S,abc\n", groups=["state"], population="pop")
    assert [(f.line, f.column) for f in found] == [(2, "state"), (3, "pop")]


def test_numbers_follow_the_stated_style(tmp_path):
    content = "id;x;pop\na;1.234,5;1.000\nb;k.A.;2.000.000\n"
    found = regions(tmp_path, content, population="pop", decimal=",", thousands=".", missing_marks=["k.A."])
    assert found.column("x")[0] == 1234.5
    assert found.where_missing("x").tolist() == [False, True]
    assert found.population.tolist() == [1000, 2_000_000]


def test_an_empty_cell_is_missing_and_no_fault_until_it_is_used(tmp_path):
    found = regions(tmp_path, "id,x\na,1\nb,\n")
    assert np.array_equal(found.column("x"), [1, np.nan], equal_nan=True)
    assert found.where_missing("x").tolist() == [False, True]
    assert found.flags == []


def test_last_round_fills_with_the_latest_value_before_and_flags_it(tmp_path):
    content = (
        "id,year,x\na,9,1\na,10,\na,11,\nb,9,2\nb,10,3\nb,11,\nc,9,4\nc,10,5\nc,11,6\nd,11,\na,12,99\nd,12,99\ne,11,7\n"
    )
    found = regions(tmp_path, content, "11", round="year", missing={"x": "last_round"})
    assert np.array_equal(found.column("x"), [1, 3, 6, np.nan, 7], equal_nan=True)
    assert [(f.severity, f.code, f.subject, f.value) for f in found.flags] == [
        ("warning", "filled", "a", 1),
        ("warning", "filled", "b", 3),
    ]
    assert "value of 9" in found.flags[0].message
    assert "value of 10" in found.flags[1].message


def test_group_median_fills_with_the_median_of_the_first_group_and_flags_it(tmp_path):
    content = "id,state,coast,x\na,S,e,1\nb,S,e,\nc,S,w,2\nd,S,w,10\ne,T,e,\nf,U,w,4\ng,U,e,7\nh,U,w,\n"
    found = regions(tmp_path, content, groups=["state", "coast"], missing={"x": "group_median"})
    assert np.array_equal(found.column("x"), [1, 2, 2, 10, np.nan, 4, 7, 5.5], equal_nan=True)
    assert [(f.subject, f.value) for f in found.flags] == [("b", 2), ("h", 5.5)]
    assert "median of S" in found.flags[0].message
    assert "median of U" in found.flags[1].message


def test_group_median_without_groups_is_the_median_of_all(tmp_path):
    found = regions(tmp_path, "id,x\na,1\nb,\nc,5\nd,9\ne,100\n", missing={"x": "group_median"})
    assert found.column("x").tolist() == [1, 7, 5, 9, 100]
    assert "median of all" in found.flags[0].message


@pytest.mark.parametrize("number", [0, -1.5, 250])
def test_a_number_fills_and_is_flagged(tmp_path, number):
    found = regions(tmp_path, "id,x,y\na,1,\nb,,\nc,n/a,3\n", missing={"x": number}, missing_marks=["n/a"])
    assert found.column("x").tolist() == [1, number, number]
    assert np.isnan(found.column("y")).tolist() == [True, True, False]
    assert [(f.code, f.subject, f.value) for f in found.flags] == [("filled", "b", number), ("filled", "c", number)]


def test_only_columns_that_are_used_raise_flags_and_each_cell_one(tmp_path):
    found = regions(tmp_path, "id,x,y\na,,\nb,1,1\n", missing={"x": 0, "y": 0})
    assert found.flags == []
    found.column("x")
    found.column("x")
    assert [f.subject for f in found.flags] == ["a"]


def test_a_missing_population_may_be_filled_like_any_column(tmp_path):
    found = regions(tmp_path, "id,pop\na,10\nb,\n", population="pop", missing={"pop": 7})
    assert found.population.tolist() == [10, 7]
    assert [f.subject for f in found.flags] == ["b"]


@pytest.mark.parametrize("key", ["gdp", "GDP (100m yuan)"])
def test_a_column_that_is_no_identifier_is_used_by_its_new_name(tmp_path, key):
    content = "id,GDP (100m yuan)\na,1\nb,\n"
    assert regions(tmp_path, content).columns == ()
    found = regions(tmp_path, content, columns={"gdp": "GDP (100m yuan)"}, missing={key: 5})
    assert found.columns == ("gdp",)
    assert found.column("gdp").tolist() == [1, 5]
    assert found.cell("gdp", 1) == {"file": "regions.csv", "line": 3, "column": "GDP (100m yuan)"}
    bad = regions(tmp_path, "id,GDP (100m yuan)\na,x1\n", columns={"gdp": "GDP (100m yuan)"})
    assert one(bad.column, "gdp").column == "GDP (100m yuan)"


@pytest.mark.parametrize("word", ["class", "None", "sum", "rank", "previous", "entitlement", "round", "population"])
def test_a_word_of_the_measure_language_names_a_column_only_under_another_name(tmp_path, word):
    fault = one(regions, tmp_path, f"id,{word}\na,3\n")
    assert (fault.file, fault.value) == ("regions.csv", word)
    assert f'columns = {{ {word}_ = "{word}" }}' in fault.remedy
    assert regions(tmp_path, f"id,{word}\na,3\n", columns={f"{word}_": word}).column(f"{word}_").tolist() == [3]


def test_columns_that_mean_what_their_name_says_need_no_other(tmp_path):
    found = regions(tmp_path, "id,round,population\na,1,5\n", "1", round="round", population="population")
    assert found.column("population").tolist() == [5]


@pytest.mark.parametrize("name", ["class", "rank", "gdp per head", "2x", ""])
def test_a_new_name_must_be_an_identifier_that_measures_do_not_know(tmp_path, name):
    fault = one(regions, tmp_path, "id,x\na,3\n", columns={name: "x"})
    assert fault.key == f"regions.columns.{name}"
    assert fault.remedy


def test_columns_that_the_file_does_not_have_are_all_named_with_the_nearest(tmp_path):
    found = faults(
        regions,
        tmp_path,
        "region_id,province,people,students\na,1,2,3\n",
        id="regionid",
        name="region_title",
        round="year",
        groups=["provnce"],
        population="poeple",
        columns={"s": "student"},
        missing={"studnts": 0},
    )
    said = {f.key: (f.value, f.message) for f in found}
    assert {k: v for k, (v, _) in said.items()} == {
        "regions.id": "regionid",
        "regions.name": "region_title",
        "regions.round": "year",
        "regions.groups": "provnce",
        "regions.population": "poeple",
        "regions.columns.s": "student",
        "regions.missing": "studnts",
    }
    for key, near in {
        "regions.id": "region_id",
        "regions.groups": "province",
        "regions.population": "people",
        "regions.columns.s": "students",
        "regions.missing": "students",
    }.items():
        assert f"Did you mean {near}" in said[key][1]
    assert "Known are: people, province, region_id, students." in said["regions.round"][1]


def test_each_round_has_its_own_numbers(tmp_path):
    content = "id,year,x\na,2021,abc\na,2022,2\nb,2022,3\nb,2023,5\na,2023,4\nc,2023,6\n"
    now = regions(tmp_path, content, "2023", round="year")
    assert now.rounds == ("2021", "2022", "2023")
    assert now.column("x").tolist() == [4, 5, 6]
    before = now.earlier(1)
    assert (before.round, before.ids) == ("2022", ("a", "b", "c"))
    assert np.array_equal(before.column("x"), [2, 3, np.nan], equal_nan=True)
    assert before.rounds == ("2021", "2022")
    fault = one(now.earlier(2).column, "x")
    assert (fault.line, fault.value) == (2, "abc")
    assert before.earlier(1).round == "2021"
    assert now.earlier(3) is None


def test_later_rounds_of_the_file_are_not_earlier_ones(tmp_path):
    found = regions(tmp_path, "id,year,x\na,8,1\na,9,2\na,10,3\n", "9", round="year")
    assert found.rounds == ("8", "9")
    assert found.earlier(1).column("x").tolist() == [1]
    assert found.earlier(2) is None


def test_faults_of_another_round_do_not_matter_now(tmp_path):
    content = "id,year,state,pop\na,1,,x\na,1,S,-1\na,2,S,5\n"
    assert regions(tmp_path, content, "2", round="year", groups=["state"], population="pop").population.tolist() == [5]


# history


def test_the_rounds_before_are_read_in_order_and_later_ones_left_out(tmp_path):
    content = HISTORY + "10,a,fund,5,6\n9,a,fund,3,4\n9,b,fund,7,0\n9,a,land,1,2\n11,a,fund,8,8\n12,a,fund,9,9\n"
    found = past(tmp_path, content, "11")
    nan = np.nan
    assert found.rounds == ("9", "10")
    entitlements, amounts, adjustments = found.of("fund", ("b", "a", "c"))
    assert np.array_equal(entitlements, [[7, 3, nan], [nan, 5, nan]], equal_nan=True)
    assert np.array_equal(amounts, [[0, 4, nan], [nan, 6, nan]], equal_nan=True)
    assert np.array_equal(adjustments, [[0, 0, nan], [nan, 0, nan]], equal_nan=True)
    assert np.array_equal(found.of("land", ("a",))[1], [[2], [nan]], equal_nan=True)
    assert np.isnan(found.of("energy", ("a", "b"))).all() and found.of("energy", ("a", "b"))[0].shape == (2, 2)
    assert found.sha256 == hashlib.sha256(content.encode()).hexdigest()


@pytest.mark.parametrize("content", [HISTORY, HISTORY + "2023,a,fund,1,1\n2024,a,fund,1,1\n"])
def test_a_history_without_a_round_before_has_no_rounds(tmp_path, content):
    found = past(tmp_path, content, "2023")
    assert found.rounds == ()
    assert [one.shape for one in found.of("fund", ("a", "b"))] == [(0, 2)] * 3


def test_rounds_that_are_text_are_ordered_as_text(tmp_path):
    content = HISTORY + "2023-Q2,a,f,1,2\n2022-Q4,a,f,1,1\n2023-Q4,a,f,1,4\n2023-Q1,a,f,1,3\n"
    found = past(tmp_path, content, "2023-Q3")
    assert found.rounds == ("2022-Q4", "2023-Q1", "2023-Q2")
    assert found.of("f", ("a",))[1].tolist() == [[1], [3], [2]]


def test_missing_columns_of_a_history_are_all_named_with_the_nearest(tmp_path):
    found = faults(past, tmp_path, "round,region,resource,entitlment\n1,a,f,1\n", "2")
    assert [f.column for f in found] == ["region_id", "entitlement", "amount"]
    assert "Did you mean region" in found[0].message
    assert "Did you mean entitlment" in found[1].message
    assert all(f.file == "history.csv" and "round, region_id, resource" in f.remedy for f in found)


@pytest.mark.parametrize("column", ["entitlement", "amount"])
@pytest.mark.parametrize(("text", "what"), [("-1", "below 0"), ("", "empty"), ("abc", "no number"), ("inf", "finite")])
def test_a_faulty_number_of_a_history_is_named(tmp_path, column, text, what):
    row = "2,b,fund," + (f"{text},5" if column == "entitlement" else f"5,{text}")
    fault = one(past, tmp_path, HISTORY + f"1,a,fund,5,5\n\n{row}\n", "3")
    assert (fault.file, fault.line, fault.column, fault.value) == ("history.csv", 4, column, text)
    assert what in fault.message
    assert fault.remedy


@pytest.mark.parametrize("row", [",a,fund,1,1", "1,,fund,1,1", "1,a,,1,1"])
def test_a_record_without_round_region_or_resource_is_a_fault(tmp_path, row):
    fault = one(past, tmp_path, HISTORY + f"1,b,fund,1,1\n{row}\n", "2")
    assert fault.line == 3
    assert "cannot be empty" in fault.message


def test_records_that_stand_twice_and_other_faults_are_all_named_at_once(tmp_path):
    content = HISTORY + "1,a,f,1,1\n1,a,g,1,1\n2,a,f,1,1\n1, a ,f,2,2\n1,b,f,-1,x\n1,,f,1,1\n1,c,f,1,-2\n"
    found = faults(past, tmp_path, content, "3")
    assert sorted((f.line, f.column) for f in found) == [
        (5, "region_id"),
        (6, "amount"),
        (6, "entitlement"),
        (7, ""),
        (8, "amount"),
    ]
    twice = next(f for f in found if f.line == 5)
    assert twice.value == "a"
    assert "round 1 and resource f" in twice.message


def test_an_empty_history_has_nothing_for_any_region():
    assert History.empty().rounds == ()
    assert [one.shape for one in History.empty().of("fund", ("a",))] == [(0, 1)] * 3


# rounds


@pytest.mark.parametrize(
    ("labels", "ordered"),
    [
        (["10", "9", "100"], ("9", "10", "100")),
        (["2", "-1", "1.5"], ("-1", "1.5", "2")),
        (["10", "9", "9b"], ("10", "9", "9b")),
        (["2023-Q2", "2022-Q3"], ("2022-Q3", "2023-Q2")),
        (["5", "5", "4"], ("4", "5")),
        ([], ()),
    ],
)
def test_rounds_are_ordered_as_numbers_if_all_are_else_as_text(labels, ordered):
    assert in_order(labels) == ordered
    assert in_order(reversed(labels)) == ordered


@given(st.sets(st.integers(-10_000, 10_000)), st.randoms(use_true_random=False))
@settings(max_examples=50)
def test_whole_numbers_are_ordered_by_size(numbers, random):
    labels = [str(n) for n in numbers]
    random.shuffle(labels)
    assert in_order(labels) == tuple(str(n) for n in sorted(numbers))


@given(st.dictionaries(st.integers(0, 120), st.integers(), max_size=8), st.integers(0, 120))
@settings(max_examples=150)
@example({2023: 1, 2025: 2}, 2024)
@example({9: 1, 10: 2, 100: 3}, 11)
def test_the_latest_entry_not_after_the_round_holds(table, now):
    past_rounds = [r for r in table if r <= now]
    expected = table[max(past_rounds)] if past_rounds else None
    assert at({str(r): v for r, v in table.items()}, str(now)) == expected


def test_a_plain_value_holds_in_every_round_and_text_rounds_are_compared_as_text():
    assert at(5.0, "2023") == 5.0
    table = {"2022-Q4": 1, "2023-Q2": 2}
    assert [at(table, r) for r in ("2022-Q3", "2022-Q4", "2023-Q1", "2023-Q2", "2024")] == [None, 1, 1, 2, 2]


@given(st.integers(0, 120), st.none() | st.integers(0, 120), st.none() | st.integers(0, 120))
@settings(max_examples=150)
@example(10, 9, 100)
@example(9, 9, 9)
@example(9, 10, None)
def test_a_round_is_in_force_between_its_ends_and_at_them(now, first, last):
    expected = (first is None or first <= now) and (last is None or now <= last)
    ends = [None if end is None else str(end) for end in (first, last)]
    assert in_force(str(now), *ends) is expected


# any file

ODD = st.text(st.sampled_from(list("ab1,;\t|\"'\n\r =-.%\u00e9\u0301\u2028\x85\x1c\0#")), max_size=60).map(str.encode)


@given(st.one_of(st.binary(max_size=80), ODD), st.sampled_from(["utf-8", "cp1252", "gb18030", "utf-16", "utf-7"]))
@settings(max_examples=500)
@example(b'"', "utf-8")
@example(b'id,"x\n"\n"', "utf-8")
@example(b"\xff\xfe\x00", "utf-16")
def test_any_bytes_read_or_are_refused(tmp_path, content, encoding):
    try:
        table = read(tmp_path, content, encoding=encoding)
    except InputError as error:
        assert error.faults
        assert all(f.file == "regions.csv" and f.message for f in error.faults)
        return
    assert len(set(table.header)) == len(table.header)
    assert (np.diff(table.lines) > 0).all()
    for name in table.header:
        assert len(table.text(name)) == len(table.lines)
        try:
            values = table.numbers(name)
        except InputError as error:
            assert all(f.column == name for f in error.faults)
        else:
            assert not np.isinf(values).any()


@cache
def some_workbook() -> bytes:
    return workbook([*SHEET, ["d", datetime.date(2023, 1, 1), True, None, "text"]])


@given(st.lists(st.tuples(st.integers(0, 10**6), st.integers(0, 255)), max_size=12), st.integers(0, 10**6))
@settings(max_examples=200)
def test_a_damaged_spreadsheet_reads_or_is_refused(tmp_path, hits, length):
    content = bytearray(some_workbook())
    for place, byte in hits:
        content[place % len(content)] = byte
    if length % 4 == 0:
        del content[length % len(content) :]
    try:
        table = read(tmp_path, bytes(content), "regions.xlsx")
    except InputError as error:
        assert all(f.file == "regions.xlsx" and f.message for f in error.faults)
    else:
        assert table.source.sha256 == hashlib.sha256(content).hexdigest()


printable = st.text(
    st.one_of(
        st.sampled_from(list(",;|\"'=+-@ \n\u0301\u00e9")),
        st.characters(exclude_categories=["Cc", "Cs"]),
    ),
    max_size=8,
)


@given(
    st.integers(1, 4).flatmap(lambda n: st.lists(st.lists(printable, min_size=n, max_size=n), max_size=6)),
    st.sampled_from(",;\t|"),
    st.sampled_from(["utf-8", "utf-8-sig", "gb18030", "utf-16"]),
    st.sampled_from([csv.QUOTE_MINIMAL, csv.QUOTE_ALL]),
    st.sampled_from(["\n", "\r\n"]),
)
@settings(max_examples=250)
@example([["'=x", " 'y", "''"]], ",", "utf-8", csv.QUOTE_MINIMAL, "\n")
@example([[DECOMPOSED, "a\nb", 'a"b']], ";", "utf-8-sig", csv.QUOTE_MINIMAL, "\r\n")
def test_a_table_of_text_written_as_csv_reads_the_same(tmp_path, rows, delimiter, encoding, quoting, end):
    header = ["id", *(f"c{k}" for k in range(len(rows[0]) if rows else 1))]
    text = io.StringIO(newline="")
    writer = csv.writer(text, delimiter=delimiter, quoting=quoting, lineterminator=end)
    writer.writerows([header, *([f"r{k}", *row] for k, row in enumerate(rows))])
    table = read(tmp_path, text.getvalue().encode(encoding), encoding=encoding)

    def expected(cell: str) -> str:
        cell = unicodedata.normalize("NFC", cell)
        return (cell[1:] if cell[:1] == "'" and cell[1:2] in tuple("=+-@") else cell).strip()

    assert table.header == tuple(header)
    assert table.delimiter == delimiter
    assert table.text("id").tolist() == [f"r{k}" for k in range(len(rows))]
    for k, name in enumerate(header[1:]):
        assert table.text(name).tolist() == [expected(row[k]) for row in rows]
    line, starts = 2, []
    for row in rows:
        starts.append(line)
        line += 1 + sum(cell.count("\n") for cell in row)
    assert table.lines.tolist() == starts


@given(st.lists(st.floats(allow_nan=False, allow_infinity=False), min_size=1, max_size=20))
@settings(max_examples=150)
@example([5e-324, -0.0, 1.7976931348623157e308, 0.1 + 0.2, 1e22, 2.0**53 + 1])
def test_any_finite_number_reads_back_to_the_last_bit(tmp_path, numbers):
    content = "id,x\n" + "".join(f"r{k},{x!r}\n" for k, x in enumerate(numbers))
    values = read(tmp_path, content).numbers("x")
    assert values.tobytes() == np.array(numbers, dtype=float).tobytes()
    frame = pd.DataFrame({"id": [f"r{k}" for k in range(len(numbers))], "x": numbers})
    assert Table.from_frame(frame).numbers("x").tobytes() == values.tobytes()


@given(
    st.lists(st.decimals(-(10**12), 10**12, places=3), min_size=1, max_size=10),
    st.sampled_from([(",", "."), (",", " "), (".", ","), (".", "'"), (",", ""), (".", "")]),
)
@settings(max_examples=100)
@example([Decimal("1234567.500"), Decimal("-0.001")], (",", "."))
def test_numbers_written_in_any_style_read_the_same(tmp_path, numbers, marks):
    decimal, thousands = marks
    texts = [f"{x:,f}".translate({ord(","): thousands, ord("."): decimal}) for x in numbers]
    table = read(tmp_path, "id;x\n" + "".join(f"r{k};{text}\n" for k, text in enumerate(texts)))
    assert table.numbers("x", style=NumberStyle(decimal, thousands)).tolist() == [float(x) for x in numbers]


# what must never pass in silence


def test_a_failed_formula_is_a_fault_and_never_an_empty_cell(tmp_path):
    content = io.BytesIO()
    with xlsxwriter.Workbook(content, {"in_memory": True}) as book:
        sheet = book.add_worksheet("Ärea & co")
        sheet.write_row(0, 0, ["id", "x"])
        sheet.write_row(1, 0, ["a", 1])
        sheet.write_string(2, 0, "b")
        sheet.write_formula(2, 1, "=1/0", None, "#DIV/0!")
        sheet.write_formula(3, 1, "=1+1", None, 2)
        sheet.write_string(3, 0, "#A")
        book.add_worksheet("other").write_formula(0, 0, "=1/0", None, "#DIV/0!")
    fault = one(read, tmp_path, content.getvalue(), "regions.xlsx")
    assert (fault.column, fault.value) == ("B3", "#DIV/0!")


def test_text_of_a_spreadsheet_is_composed_like_that_of_a_csv(tmp_path):
    assert cells(read(tmp_path, workbook([["id"], [DECOMPOSED]]), "regions.xlsx"))["id"] == [COMPOSED]


def test_an_empty_round_is_a_fault(tmp_path):
    fault = one(regions, tmp_path, "id,y,x\na,9,1\na,10,1\nb,9,2\nb,,2\n", "10", round="y")
    assert (fault.line, fault.column, fault.message) == (5, "y", "the round is empty.")


def test_all_faults_of_the_rows_come_at_once(tmp_path):
    content = "id,g,p\na,,1\nb,G,x\nc,G,-12345678\nd,G,\n"
    found = faults(regions, tmp_path, content, groups=("g",), population="p")
    assert [(f.line, f.column, f.value) for f in found] == [
        (2, "g", None),
        (3, "p", "x"),
        (4, "p", "-12345678"),
        (5, "p", None),
    ]
    found = faults(past, tmp_path, "round,region_id,resource,entitlement,amount\n1,a,f,,1\n1,b,f,1,\n1,c,f,-1,x\n", "2")
    assert sorted((f.line, f.column) for f in found) == [
        (2, "entitlement"),
        (3, "amount"),
        (4, "amount"),
        (4, "entitlement"),
    ]


def test_one_mark_cannot_mean_two_things():
    with pytest.raises(ValueError, match=r'decimal and thousands are both "\."'):
        RegionsSection(id="id", thousands=".")


@pytest.mark.parametrize(("text", "style"), [("0.123", GERMAN), ("0,123", NumberStyle(thousands=","))])
def test_no_group_of_thousands_begins_with_a_zero(tmp_path, text, style):
    fault = one(read(tmp_path, f"id;x\na;{text}\n").numbers, "x", style=style)
    assert "does not fit" in fault.message


def test_a_new_name_never_hides_a_column(tmp_path):
    fault = one(regions, tmp_path, "id,gdp,GDP (m)\na,1,2\n", columns={"gdp": "GDP (m)"})
    assert "a column of the file already" in fault.message


def test_a_cell_that_is_filled_in_an_earlier_round_is_flagged_too(tmp_path):
    now = regions(tmp_path, "id,y,x\na,1,\na,2,5\n", "2", round="y", missing={"x": 7})
    assert now.earlier(1).column("x").tolist() == [7]
    assert [(f.code, f.subject, f.value) for f in now.flags] == [("filled", "a", 7.0)]
    assert "in 1 is missing" in now.flags[0].message


def test_the_population_may_be_filled_by_its_own_name(tmp_path):
    now = regions(tmp_path, "id,pop\na,\nb,3\n", population="pop", missing={"population": 5})
    assert now.population.tolist() == [5, 3]
    assert "pop of a is missing; 5 is used" in now.flags[0].message
