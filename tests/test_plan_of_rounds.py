"""Plans with adjustments, mergers and a ledger before them."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd

from fundalloc import Fund, Ledger, load, plan
from fundalloc.cli.app import run
from fundalloc.policy import parse_policy
from fundalloc.recording import record
from tests.funds import policy, regions

AGREED = {"name": "agreed", "from": "2023", "until": "2026", "melts": 0.5, "cap": 1e6, "why": "Agreed."}


def amounts(table, round_):
    return table[table["round"].astype(str) == round_].set_index("region_id")["amount"].to_dict()


def test_adjustments_melt_in_the_plan_and_are_not_paid_back_by_arrears():
    data = regions(np.random.default_rng(3), 6)
    given = {"amounts": {"R00000": 600_000}, **AGREED}
    past = pd.DataFrame(
        [("2022", "R00000", "other", 1, 1)], columns=["round", "region_id", "resource", "entitlement", "amount"]
    )
    entries = policy([], fund={"adjustments": [given], "arrears": 0.5}, history={})
    found = plan(Fund(parse_policy(entries), data, past), 3).table
    plain = Fund(parse_policy(policy([])), data).allocate().table.set_index("region_id")["amount"]
    key = plain["R00000"] / plain.sum()
    for label, left in (("2023", 600_000), ("2024", 300_000), ("2025", 0)):
        assert abs(amounts(found, label)["R00000"] - plain["R00000"] - left * (1 - key)) <= 0.03


def test_a_merger_to_come_is_planned():
    data = regions(np.random.default_rng(3), 6)
    past = Fund(parse_policy(policy([])), data).allocate().table.assign(round="2022")
    past.loc[past["region_id"] == "R00001", "region_id"] = "OLD"
    mapping = pd.DataFrame([("2023", "OLD", "R00001")], columns=["round", "region_id", "becomes"])
    rule = {"kind": "limit", "name": "hold", "of": "previous", "floor": 1, "where": "id == 'R00001'"}
    columns = ["round", "region_id", "resource", "entitlement", "amount"]
    fund = Fund(parse_policy(policy([rule], history={})), data, past[columns], mapping=mapping)
    found = plan(fund, 2)
    before = float(past.set_index("region_id")["amount"]["OLD"])
    assert amounts(found.table, "2024")["R00001"] >= amounts(found.table, "2023")["R00001"] >= before


def test_a_plan_goes_on_from_the_ledger(tmp_path, capsys):
    where = str(tmp_path / "l.sqlite")
    ledger = Ledger(where, create=True)
    load("models/yrd.toml").allocate().write(tmp_path / "out")
    record(tmp_path / "out", ledger, name="A", reason="decided")
    out = str(tmp_path / "plan")
    assert run(["plan", "models/yrd.toml", "--rounds", "2", "--ledger", where, "-o", out, "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["rounds"]["projected"] == ["2024", "2025"]
    table = pd.read_csv(tmp_path / "plan" / "plan.csv")
    assert sorted(set(table["round"])) == [2024, 2025]
    first = table[(table["round"] == 2024) & (table["resource"] == "land")].set_index("region_id")["amount"]
    last = pd.read_csv(tmp_path / "out" / "allocation.csv").query("resource == 'land'").set_index("region_id")["amount"]
    assert ((first / last) <= 1.1 + 0.05).all()  # pace of change, from the recorded round, to whole hectares
