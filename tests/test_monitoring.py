"""Monitoring: the rounds of a ledger and of a history are read alike, and what is flagged can be acted on."""

from __future__ import annotations

import csv
import json

import numpy as np
import pandas as pd
import pytest

from fundalloc import Fund, InputError, Ledger, load
from fundalloc.cli.app import run
from fundalloc.monitoring import monitor, monitor_ledger
from fundalloc.policy import parse_policy
from fundalloc.recording import record, record_history
from tests.funds import policy

COLUMNS = ["round", "region_id", "resource", "entitlement", "amount"]


def rounds(paid, years=range(2020, 2024)):
    """Rounds in which A to D are due 100 each; `paid` by region."""
    return pd.DataFrame([(str(y), i, "fund", 100, a) for y in years for i, a in paid.items()], columns=COLUMNS)


def regions(ids="ABCD", years=range(2020, 2024)):
    rows = [
        (str(y), i, i, "S", "east", 1000 * (1 + k), 1.0, 10 * (1 + k), 5 + k) for y in years for k, i in enumerate(ids)
    ]
    return pd.DataFrame(rows, columns=["year", "id", "name", "state", "coast", "population", "need", "levy", "income"])


def fund(history, ids="ABCD", **more):
    entries = policy([], history={}, **more)
    entries["regions"]["round"] = "year"
    entries["fund"]["round"] = "2023"
    return Fund(parse_policy(entries), regions(ids), history)


def records(found, name="measures.csv"):
    sheet = found.sheets[name]
    return [dict(zip(sheet.columns, row, strict=True)) for row in sheet.rows()]


def measured(found, subject, **where):
    return next(r for r in records(found) if r["subject"] == subject)


def test_who_is_behind_for_long_is_told_with_the_remedy():
    found = monitor(fund(rounds({"A": 90, "B": 103, "C": 103, "D": 104}), fund={"arrears": 0.5}))
    codes = {(f.code, f.subject) for f in found.flags}
    assert {("behind", "A"), ("account", "A")} <= codes
    text = next(f.message for f in found.flags if f.code == "behind")
    assert "less than 95 % of its entitlement to fund for 4 rounds in a row, since 2020 (90 % in 2023)" in text
    assert measured(found, "A")["rounds_behind"] == "4" and measured(found, "A")["account"] == "40"


def test_a_balanced_fund_is_silent():
    assert monitor(fund(rounds({"A": 99, "B": 101, "C": 100, "D": 100}))).flags == ()


def test_net_position_and_convergence_take_the_indicators_of_each_round():
    more = {"fund": {"contribution": "levy"}, "monitor": {"development": "income"}}
    found = monitor(fund(rounds(dict.fromkeys("ABCD", 100)), **more))
    assert [measured(found, i)["net"] for i in "ABCD"] == [str(4 * (100 - 10 * k)) for k in (1, 2, 3, 4)]
    income = np.array([5, 6, 7, 8])
    assert float(measured(found, "all")["variation"]) == pytest.approx(income.std() / income.mean(), rel=1e-9)


def test_a_merger_is_followed_and_who_left_is_named():
    past = rounds({"A": 80, "B": 120, "C": 90, "X": 110})
    mapping = pd.DataFrame([("2023", "X", "D")], columns=["round", "region_id", "becomes"])
    one = fund(past)
    found = monitor(Fund(one.policy, one._table, past, mapping=mapping))
    assert measured(found, "D")["rounds"] == "3"
    assert {r["subject"] for r in records(found) if r["kind"] == "region"} == {*"ABCDX"}
    assert {r["subject"] for r in records(monitor(one)) if r["kind"] == "region"} == set("ABCX")


def test_a_rule_behind_a_flag_is_named():
    cap = {"kind": "limit", "name": "cap on A", "where": "id == 'A'", "of": "amount", "cap": 10}
    entries = policy([cap], history={}, fund={"supply": 400, "criteria": [{"name": "e", "weight": 1, "measure": "1"}]})
    entries["regions"]["round"] = "year"
    found = monitor(Fund(parse_policy(entries), regions(), rounds({"A": 10, "B": 130, "C": 130, "D": 130})))
    said = next(f.message for f in found.flags if f.subject == "A")
    assert said.endswith("In 2023 these rules took most from it (CNY): cap on A -90.")


def test_a_limit_that_withholds_for_good_is_said():
    past = rounds({"A": 60, "B": 110, "C": 115, "D": 115}, range(2010, 2024))
    found = monitor(fund(past, fund={"arrears": 0.5}))
    flag = next(f for f in found.flags if f.code == "limit" and f.subject == "A")
    assert flag.severity == "alarm" and measured(found, "A")["at_limit"] == "yes"
    assert "lost" in flag.message or "does not count" in flag.message


def test_a_ledger_is_watched_like_a_history(tmp_path):
    ledger = Ledger(tmp_path / "l.sqlite", create=True)
    record_history("data/yrd_history.csv", ledger, name="A", reason="before")
    load("models/yrd.toml", ledger=ledger).allocate().write(tmp_path / "out")
    record(tmp_path / "out", ledger, name="A", reason="decided")
    ours = monitor_ledger(ledger)
    theirs = monitor(load("models/yrd.toml", ledger=ledger, whole=True))
    assert ours.rounds == ("2020", "2021", "2022", "2023") and ours.head == ledger.head
    assert ours.flags == theirs.flags and len(ours.flags) > 10
    assert {n: s.csv() for n, s in ours.sheets.items()} == {n: s.csv() for n, s in theirs.sheets.items()}
    other = Ledger(tmp_path / "h.sqlite", create=True)
    record_history("data/yrd_history.csv", other, name="A", reason="before")
    with pytest.raises(InputError, match="holds no decided round"):
        monitor_ledger(other)


def test_the_command(tmp_path, capsys):
    out = tmp_path / "out"
    assert run(["monitor", "models/yrd.toml", "-o", str(out)]) == 0
    said = capsys.readouterr().out
    assert "3 rounds, 2020 to 2022" in said and "Hefei has received less than 95 %" in said
    for sentence in ("a third for the less developed -46,347,911", "an arrears rate of 0.35 (now 0.25)"):
        assert sentence in said
    with (out / "flags.csv").open(newline="") as file:
        flags = list(csv.DictReader(file))
    assert {f["code"] for f in flags} >= {"behind", "drift", "account", "cliff"} and {f["round"] for f in flags} == {
        "2022"
    }
    summary = json.loads((out / "summary.json").read_bytes())
    assert summary["what"] == "monitor" and set(summary["files"]) == {
        "flags.csv",
        "measures.csv",
        "series.csv",
        "splits.csv",
    }
    assert run(["monitor", "models/yrd.toml", "--strict", "--quiet"]) == 10
    assert run(["monitor", "models/yrd.toml", "--json"]) == 0
    assert len(json.loads(capsys.readouterr().out)["flags"]) == len(flags)
    assert run(["monitor", "--ledger", str(tmp_path / "none.sqlite")]) == 7
    assert run(["monitor", "models/pakistan_nfc7_2010.toml"]) == 3
    assert "no history to watch" in capsys.readouterr().err


def test_a_round_decided_before_an_earlier_one_changed_is_told(tmp_path):
    ledger = Ledger(tmp_path / "l.sqlite", create=True)
    for year in ("2021", "2022"):
        load("models/yrd.toml", round=year, ledger=ledger).allocate().write(tmp_path / year)
        record(tmp_path / year, ledger, name="A", reason="decided")
    assert "stale_round" not in {f.code for f in monitor_ledger(ledger).flags}
    other = load("models/yrd.toml", round="2021", ledger=ledger, settings=["resources.fund.supply=18.5e9"])
    other.allocate().write(tmp_path / "other")
    record(tmp_path / "other", ledger, name="A", reason="a slip", correct=True)
    flag = next(f for f in monitor_ledger(ledger).flags if f.code == "stale_round")
    assert flag.subject == "2022" and "before entry 3 changed a round before it" in flag.message
