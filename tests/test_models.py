"""The shipped models: published figures reproduced, the demo policy bites, the data are what they say."""

from __future__ import annotations

import csv
import importlib.util
import re
from decimal import Decimal
from functools import cache
from pathlib import Path

import pytest

from fundalloc import Allocation, load
from fundalloc.cli.app import run
from fundalloc.reproduction import in_words, reproduction
from fundalloc.shipped import model, models, shipped

ROOT = Path(__file__).parent.parent
NAMES = [m.name for m in models()]
PUBLISHED = [m.name for m in models() if m.expected is not None]


@cache
def decided(name: str) -> Allocation:
    return load(model(name).file).allocate()


def test_what_is_shipped():
    assert NAMES == ["australia_gst_2022_23", "pakistan_nfc7_2010", "western_balkans_2024", "yrd"]
    assert [n for n in NAMES if n not in PUBLISHED] == ["yrd"]
    assert all(m.about for m in models())


def test_a_checkout_uses_its_own_folders():
    assert (shipped("models"), shipped("data")) == (ROOT / "models", ROOT / "data")


@pytest.mark.parametrize("name", PUBLISHED)
def test_published_figures_are_reproduced_within_their_tolerance(name):
    figures = reproduction(decided(name), model(name).expected)
    sure = [f for f in figures if f.sure]
    assert len(sure) >= 4
    assert [f for f in sure if not f.met] == []
    assert f"{len(sure)} of {len(sure)} within tolerance" in in_words(figures)


@pytest.mark.parametrize("name", PUBLISHED)
def test_tolerances_are_tight(name):
    for figure in reproduction(decided(name), model(name).expected):
        assert figure.tolerance <= figure.published * Decimal("0.005")


def test_pakistan_by_hand():
    with (shipped("data") / "pakistan_nfc7_2010.csv").open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    weights = {"population": 82, "poverty": Decimal("10.3"), "revenue": 5, "inverse_density": Decimal("2.7")}
    sums = {c: sum(Decimal(r[f"{c}_share_pct"]) for r in rows) for c in weights}
    table = decided("pakistan_nfc7_2010").sheets["allocation.csv"].columns
    ours = dict(zip(table["region_id"], map(Decimal, table["share"]), strict=True))
    for row in rows:
        share = sum(w * Decimal(row[f"{c}_share_pct"]) / sums[c] for c, w in weights.items()) / 100
        assert abs(ours[row["region_id"]] - share) < Decimal("1e-6")


def test_every_enforced_rule_of_the_demo_binds_and_moves_money():
    rules = decided("yrd").summary["rules"]
    enforced = [r for r in rules if r["mode"] != "watch"]
    assert len(enforced) >= 5
    for rule in enforced:
        assert rule["in_force"] and rule["binding"] > 0, rule["name"]
        assert any(Decimal(v) > 0 for v in rule["moved"].values()), rule["name"]


def test_every_enforced_rule_of_the_demo_changes_amounts_when_it_is_left_out():
    found = load(model("yrd").file)
    every = decided("yrd").decision.amounts
    for rule in found.policy.rules:
        if rule.mode != "watch":
            fewer = found.policy.model_copy(update={"rules": tuple(r for r in found.policy.rules if r != rule)})
            without = type(found)(fewer, found._table, found.past).allocate().decision.amounts
            assert (without != every).any(), rule.name


def test_the_filled_cell_of_yancheng_is_flagged():
    flags = [f for f in decided("yrd").flags if f.code == "filled"]
    assert [(f.subject, f.value) for f in flags] == [("CN-320900", 102222.0)]


def test_the_demo_data_hold_41_cities_in_4_rounds_and_no_co2():
    with (shipped("data") / "yrd.csv").open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 164 and {r["year"] for r in rows} == {"2020", "2021", "2022", "2023"}
    assert len({r["region_id"] for r in rows}) == 41
    assert not [c for c in rows[0] if "co2" in c.casefold()]


def test_the_shipped_history_is_what_this_tool_decides():
    spec = importlib.util.spec_from_file_location("make_yrd_history", ROOT / "data" / "make_yrd_history.py")
    made = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(made)
    text = made.history().to_csv(index=False, lineterminator="\n")
    assert text == (ROOT / "data" / "yrd_history.csv").read_text(encoding="utf-8")


def test_every_input_is_described():
    described = (ROOT / "data" / "README.md").read_text(encoding="utf-8")
    for file in (ROOT / "data").glob("*.csv"):
        assert file.stem.removesuffix(".expected") in described


def test_the_readme_shows_what_the_demo_prints(tmp_path, capsys):
    assert run(["demo", "-o", str(tmp_path / "out")]) == 0
    assert run(["explain", str(tmp_path / "out"), "Huangshan"]) == 0
    printed = {" ".join(line.split()) for line in capsys.readouterr().out.splitlines()}
    blocks = re.findall(r"```text\n(.*?)```", (ROOT / "README.md").read_text(encoding="utf-8"), flags=re.DOTALL)
    shown = {" ".join(line.split()) for block in blocks for line in block.splitlines()} - {"...", ""}
    assert len(shown) > 25
    assert shown - printed == set()


def test_the_first_policy_of_the_readme_works(tmp_path):
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    policy = re.search(r"```toml\n(.*?)```", readme, flags=re.DOTALL)[1]
    (tmp_path / "policy.toml").write_text(policy, encoding="utf-8")
    (tmp_path / "regions.csv").write_text("id,people,gdp\nA,100,900\nB,300,9000\nC,50,5000\n", encoding="utf-8")
    assert run(["check", str(tmp_path)]) == 0
    assert run(["allocate", str(tmp_path), "-o", str(tmp_path / "out"), "--quiet"]) == 0
