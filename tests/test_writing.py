"""Writing: whole or not at all, exact numbers, the same bytes, a summary that can be checked."""

from __future__ import annotations

import csv
import hashlib
import io
import json
from decimal import Decimal

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fundalloc import InputError, replacing
from fundalloc.cli.app import run
from fundalloc.report.folder import read_rows, read_summary, write_folder
from fundalloc.report.sheets import Sheet
from fundalloc.report.texts import decimal, decimals, exact, number
from fundalloc.report.words import heads, money, per_heads, percent, signed
from tests.funds import fund


def content(folder):
    return {p.name: p.read_bytes() for p in sorted(folder.iterdir())}


@pytest.fixture(scope="module")
def allocation():
    return fund(1, 12).allocate()


def test_the_summary_holds_the_hash_of_every_file_and_input(allocation, tmp_path):
    allocation.write(tmp_path / "out")
    files = content(tmp_path / "out")
    summary = json.loads(files.pop("summary.json"))
    assert summary["files"] == {name: hashlib.sha256(data).hexdigest() for name, data in files.items()}
    assert set(summary["inputs"]) == {"policy", "regions", "history"}
    assert all(len(source["sha256"]) == 64 for source in summary["inputs"].values())
    assert summary["status"] == "optimal" and summary["versions"]["highspy"] == "1.15.1"
    assert "seconds" not in summary


def test_columns_of_the_files_are_those_of_the_contract(allocation):
    heads_ = {name: list(sheet.columns) for name, sheet in allocation.sheets.items()}
    plain = "entitlement,target,amount,share,per_head,coverage,previous,change,arrears,held_by"
    assert heads_ == {
        "allocation.csv": f"region_id,region_name,state,coast,resource,unit,{plain}".split(","),
        "steps.csv": ["region_id", "resource", "step", "kind", "amount"],
        "rules.csv": [
            "rule",
            "kind",
            "mode",
            "place",
            "resource",
            "low",
            "value",
            "high",
            "slack",
            "binding",
            "shadow_price",
            "concession",
        ],
        "flags.csv": ["round", "severity", "code", "subject", "resource", "value", "threshold", "message"],
    }


def test_an_old_folder_is_replaced_whole(allocation, tmp_path):
    out = tmp_path / "out"
    allocation.write(out)
    first = content(out)
    write_folder(out, {"other.csv": b"x\n"}, {"fundalloc": {"format": 1}})
    assert set(content(out)) == {"other.csv", "summary.json"}
    allocation.write(out)
    assert content(out) == first


def test_a_write_that_fails_leaves_no_trace(allocation, tmp_path, monkeypatch):
    out = tmp_path / "out"
    allocation.write(out)
    before = content(out)
    real = replacing._write

    def full(path, data):
        if path.name == "rules.csv":
            raise OSError(28, "No space left on device")
        real(path, data)

    monkeypatch.setattr(replacing, "_write", full)
    with pytest.raises(InputError, match="No space left on device"):
        allocation.write(out)
    assert content(out) == before


@pytest.mark.parametrize("there", ["file", "foreign folder", "foreign summary"])
def test_nothing_of_somebody_else_is_touched(allocation, tmp_path, there):
    out = tmp_path / "out"
    if there == "file":
        out.write_text("mine")
    else:
        out.mkdir()
        name = "summary.json" if there == "foreign summary" else "letter.txt"
        (out / name).write_text('{"mine": 1}')
    with pytest.raises(InputError):
        allocation.write(out)
    assert out.read_text() == "mine" if there == "file" else len(content(out)) == 1


def test_a_file_named_in_a_forged_summary_outside_the_folder_is_left_alone(allocation, tmp_path):
    out, letter = tmp_path / "out", tmp_path / "letter.txt"
    letter.write_text("mine")
    allocation.write(out)
    summary = json.loads((out / "summary.json").read_text())
    summary["files"]["../letter.txt"] = "0"
    (out / "summary.json").write_text(json.dumps(summary))
    allocation.write(out)
    assert letter.read_text() == "mine"


def test_what_was_written_reads_back(allocation, tmp_path):
    allocation.write(tmp_path / "out")
    rows = read_rows(tmp_path / "out", "allocation.csv")
    assert [r["amount"] for r in rows] == list(allocation.sheets["allocation.csv"].columns["amount"])
    assert read_summary(tmp_path / "out")["round"] == "2023"
    with pytest.raises(InputError, match="is missing in the folder"):
        read_rows(tmp_path / "out", "nothing.csv")
    (tmp_path / "out" / "summary.json").write_text('{"fundalloc": {"format": 99}}')
    with pytest.raises(InputError, match="another version"):
        read_summary(tmp_path / "out")


def test_the_frames_hold_numbers(allocation):
    table = allocation.table
    assert table["amount"].dtype == float and table["amount"].sum() == pytest.approx(20_000_000)
    assert table["held_by"].map(type).eq(str).all()
    assert list(allocation.steps.columns) == list(allocation.sheets["steps.csv"].columns)
    assert set(allocation.rules["binding"]) <= {"yes", "no"}


@given(st.lists(st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x00"), max_size=8), min_size=1))
def test_csv_of_any_words_reads_back_but_for_the_guard(words):
    data = Sheet({"word": words, "n": ["1"] * len(words)}, frozenset({"word"})).csv().decode()
    rows = list(csv.reader(io.StringIO(data, newline="")))
    for (cell, _), word in zip(rows[1:], words, strict=True):
        assert cell.removeprefix("'") == word.removeprefix("'") and not cell.startswith(("=", "+", "-", "@"))


@given(st.lists(st.text(st.sampled_from("ab =+-@,\"'\t\r\n\x0b\u2028"), max_size=4), min_size=1, max_size=4))
def test_words_are_guarded_and_quoted_where_they_must_be_and_nowhere_else(words):
    def cell(word):
        kept = f"'{word}" if word[:1] in set("=+-@\t\r") else word
        must = kept != kept.strip() or any(mark in kept for mark in '",\r\n')
        return '"' + kept.replace('"', '""') + '"' if must else kept

    text = Sheet({"word": words}, frozenset({"word"})).csv().decode()
    assert text == "".join(f"{line}\n" for line in ["word", *map(cell, words)])


@given(st.lists(st.integers(-(10**15), 10**15), min_size=1), st.sampled_from(["0.01", "1", "0.0001", "25", "10000"]))
def test_amounts_are_exact_decimal_texts(units, unit):
    texts = decimals(np.array(units), Decimal(unit))
    assert [Decimal(t) for t in texts] == [u * Decimal(unit) for u in units]
    assert all("e" not in t.casefold() for t in texts)
    assert [decimal(u, Decimal(unit)) for u in units[:1]] == [format(units[0] * Decimal(unit), "f")]


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_numbers_that_are_handed_on_read_back_exactly(value):
    assert float(exact(np.array([value]))[0]) == value
    assert float(number(value, 17)) == value


def test_what_is_no_number_is_an_empty_cell():
    assert [number(v) for v in (float("nan"), float("inf"), -float("inf"), 0.0, -0.0)] == ["", "", "", "0", "0"]


def test_words_for_amounts():
    assert (money("1234567.50", "EUR"), money("", "EUR"), signed("-3"), signed("4.5")) == (
        "1,234,567.50 EUR",
        "-",
        "-3",
        "+4.5",
    )
    assert (percent("0.98765"), percent("")) == ("98.77 %", "-")
    assert (heads(["0.0004", "0.002"]), heads(["12", ""]), heads([])) == (1000, 1, 1)
    assert (per_heads(1), per_heads(1000)) == ("a head", "per 1,000 heads")


def test_what_is_of_another_kind_is_never_replaced(tmp_path, capsys):
    policy, out = "models/pakistan_nfc7_2010.toml", tmp_path / "out"
    commands = {
        "a round": ["allocate", policy, "-q"],
        "a comparison": ["compare", policy, policy, "-q"],
        "a sensitivity": ["compare", policy, "--draws", "5", "-q"],
        "deviations": ["compare", policy, "--against", "data/pakistan_nfc7_2010.expected.csv", "-q"],
    }
    for there, first in commands.items():
        place = out / there.replace(" ", "-")
        assert run([*first, "-o", str(place)]) == 0
        before = {file.name: file.read_bytes() for file in place.iterdir()}
        for wanted, second in commands.items():
            end = run([*second, "-o", str(place)])
            told = capsys.readouterr().err
            assert end == (0 if wanted == there else 3)
            assert wanted == there or f"holds {there}, not {wanted}; nothing was changed." in told
            assert {file.name: file.read_bytes() for file in place.iterdir()} == before
