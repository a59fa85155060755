"""Twenty rounds of the Yangtze River Delta: decided, recorded, amended after a flood, watched, and held to theory."""

from __future__ import annotations

import csv
import io

import numpy as np
import pandas as pd
import pytest

from fundalloc import Ledger, load, plan
from fundalloc.amending import amend
from fundalloc.arrears import claimable
from fundalloc.cli.app import run
from fundalloc.ledger.past import past
from fundalloc.monitoring import monitor_ledger
from fundalloc.recording import record
from fundalloc.verification import verify

YEARS = [str(year) for year in range(2020, 2040)]
FLOOD, SHOCK = "2031", "2035"
RHO = 0.25


def indicators(folder):
    """The real data of 2020 to 2023, and from then on growth of each city's own, with a slump of one province."""
    data = pd.read_csv("data/yrd.csv")
    rng = np.random.default_rng(20)
    rows = [data]
    last = data[data["year"] == 2023]
    last = last.fillna(
        data[data["year"] == 2022].set_index("region_id").reindex(last["region_id"]).set_axis(last.index)
    )
    money = [c for c in data.columns if c.endswith("_cny_100m")]
    pace = dict(zip(last["region_id"], rng.normal(0.05, 0.01, len(last)), strict=True))
    for year in YEARS[4:]:
        new = last.copy()
        new["year"] = int(year)
        growth = last["region_id"].map(pace) + rng.normal(0, 0.01, len(last))
        growth -= 0.15 * ((year == SHOCK) & (last["province"] == "Zhejiang"))
        for column in money:
            new[column] = (last[column] * (1 + growth)).round(4)
        new["gdp_real_growth_pct"] = (100 * growth).round(2)
        new["population_persons"] = (last["population_persons"] * (1 + rng.normal(0, 0.004, len(last)))).round()
        rows.append(new)
        last = new
    path = folder / "regions.csv"
    pd.concat(rows).to_csv(path, index=False)
    return path


def supplies():
    """A supply that grows by 2 % a round, but for a bad year now and then."""
    entries = ", ".join(f'"{y}" = {round(18e9 * 1.02**k * (0.97 if k % 7 == 6 else 1))}' for k, y in enumerate(YEARS))
    return f"resources.fund.supply={{ {entries} }}"


SETTINGS = [supplies(), 'rules."pace of change".mode=prefer']


@pytest.fixture(scope="module")
def story(tmp_path_factory):
    folder = tmp_path_factory.mktemp("rounds")
    ledger = Ledger(folder / "l.sqlite", create=True)
    given = {
        "regions": indicators(folder),
        "ledger": ledger,
        "settings": [supplies(), 'rules."pace of change".mode=prefer'],
    }
    for year in YEARS:
        out = folder / year
        load("models/yrd.toml", round=year, **given).allocate().write(out)
        record(out, ledger, name="Fund office", reason=f"round {year}")
        if year == FLOOD:
            events = pd.DataFrame(
                [("CN-341000", "fund", 90_000_000, 100_000_000, "flood of July")],
                columns=["region_id", "resource", "need", "paid", "reason"],
            )
            out = folder / "amended"
            amend(folder / year, events).write(out)
            record(out, ledger, name="Fund office", reason="flood")
        ledger.append("approval", year, name="Council", reason="approved in session")
        ledger.append("publication", year, name="Gazette", reason="printed")
    return folder, ledger


def table(ledger):
    rows = csv.DictReader(io.StringIO(past(ledger).content.decode()))
    frame = pd.DataFrame(rows)
    frame["adjustment"] = frame["adjustment"].replace("", "0")
    return frame.astype({"entitlement": float, "amount": float, "adjustment": float})


def test_every_round_is_in_the_ledger_and_every_hash_fits(story):
    folder, ledger = story
    assert list(ledger.standings()) == YEARS and ledger.faults() == []
    assert {one.state for one in ledger.standings().values()} == {"published"}
    assert ledger.standing(FLOOD).entry.kind == "amendment"
    assert run(["rounds", "--ledger", str(folder / "l.sqlite"), "--verify", "--expect", ledger.entries()[5].hash]) == 0
    assert verify(folder / "amended").gap == 0


def test_the_flood_moved_nobody_else_and_is_not_taken_back_later(story):
    folder, ledger = story
    rows = table(ledger)
    amended = rows[(rows["round"] == FLOOD) & (rows["resource"] == "fund")].set_index("region_id")
    before = pd.read_csv(folder / FLOOD / "allocation.csv").query("resource == 'fund'").set_index("region_id")
    moved = amended["amount"] - before["amount"]
    assert moved[moved != 0].to_dict() == {"CN-341000": 90_000_000}
    assert amended["adjustment"][amended["adjustment"] != 0].to_dict() == {"CN-341000": 90_000_000}


def test_balances_keep_to_the_bound_of_theory_and_accounts_at_their_limit_are_told(story):
    """Replayed from what was published: |B| <= max(|B0|, delta / rho) for all, until some account meets its limit."""
    _, ledger = story
    rows = table(ledger).query("resource == 'fund'")
    ids = sorted(rows["region_id"].unique())
    wide = rows.pivot_table(index="round", columns="region_id", values=["entitlement", "amount", "adjustment"])
    key = wide["entitlement"][ids].to_numpy()
    paid = (wide["amount"][ids] - wide["adjustment"][ids]).to_numpy()
    everyone = np.ones(len(ids), dtype=bool)
    unpaid, delta = np.zeros(len(ids)), np.zeros(len(ids))
    held = free = 0
    for t in range(len(YEARS)):
        due = claimable(unpaid, key[t], everyone)
        held += bool((np.abs(due) >= key[t] * (1 - 1e-9)).any())
        if not held:
            assert (np.abs(due) <= delta / RHO + 1).all()  # to one yuan: the published entitlements are rounded
            free += 1
        unpaid += key[t] - paid[t]
        delta = np.maximum(delta, np.abs(paid[t] - key[t] - RHO * due))
    assert free >= 5 and held
    last = np.abs(claimable(unpaid, key[-1], everyone)) >= key[-1] * (1 - 1e-9)
    flags = {f.subject for f in monitor_ledger(ledger).flags if f.code == "limit" and f.resource == "fund"}
    assert {i for i, at in zip(ids, last, strict=True) if at} <= flags


def test_the_monitor_agrees_with_the_published_figures(story):
    _, ledger = story
    found = monitor_ledger(ledger)
    sheet = found.sheets["series.csv"]
    rows = table(ledger).query("resource == 'fund'").set_index(["round", "region_id"])
    mine = [dict(zip(sheet.columns, row, strict=True)) for row in sheet.rows()]
    mine = [r for r in mine if r["kind"] == "region" and r["resource"] == "fund"]
    assert len(mine) == len(rows) == 20 * 41
    accounts = ((rows["entitlement"] - rows["amount"] + rows["adjustment"]).unstack().cumsum()).stack()
    for one in mine:
        at = one["round"], one["subject"]
        coverage = (rows["amount"][at] - rows["adjustment"][at]) / rows["entitlement"][at]
        assert float(one["coverage"]) == pytest.approx(coverage, rel=1e-9)
        assert float(one["account"]) == pytest.approx(accounts[at], rel=1e-9, abs=1)


def test_the_plan_goes_on_where_the_ledger_ends(story):
    folder, ledger = story
    given = {"regions": folder / "regions.csv", "ledger": ledger, "settings": SETTINGS, "whole": True}
    found = plan(load("models/yrd.toml", **given), 2, growth={"gdp_cny_100m": 0.05}, supply={"fund": 0.02})
    assert found.asked == ("2040", "2041") and [one.round for one in found.projected] == ["2040", "2041"]
    before = table(ledger).query("round == '2039' and resource == 'land'").set_index("region_id")["amount"]
    first = found.table.query("resource == 'land'").iloc[:41].set_index("region_id")["amount"]
    assert len(first) == 41 and first.sum() == before.sum() == 12_000
