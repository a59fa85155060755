"""Why did it change, with adjustments, amendments and a ledger between the rounds."""

from __future__ import annotations

import numpy as np
import pandas as pd

from fundalloc import Fund, Ledger, load
from fundalloc.amending import amend
from fundalloc.change import changes
from fundalloc.change_words import why_changed
from fundalloc.cli.app import run
from fundalloc.policy import parse_policy
from fundalloc.precedent import recorded
from fundalloc.recording import record
from tests.funds import policy, regions


def test_an_adjustment_is_told_with_the_arrears_and_with_nothing_else():
    agreed = {"name": "agreed", "from": "2023", "until": "2025", "cap": 1e6, "why": "Agreed.", "melts": 0.5}
    rng = np.random.default_rng(3)
    data = regions(rng, 6)
    given = {"amounts": {str(data["id"][0]): 600_000}, **agreed}
    plain = Fund(parse_policy(policy([])), data)
    adjusted = Fund(parse_policy(policy([], fund={"adjustments": [given]})), data)
    later = Fund(parse_policy(policy([], fund={"adjustments": [given]})), data, round="2024")
    for old, new, share in ((plain, adjusted, 1.0), (adjusted, later, -0.5)):
        change = changes(old, new)
        assert change.differs == ("arrears",)
        expected = share * adjusted.problem.resources[0].adjustment
        assert np.abs(change.parts["fund"]["arrears"] / 100 - expected).max() <= 0.01
        others = [cause for cause in change.causes if cause not in ("arrears", "rounding")]
        assert not any(change.parts["fund"][cause].any() for cause in others)
        assert "adjustments outside the key" in why_changed(change, str(data["id"][0]))


def test_an_amendment_is_a_cause_of_its_own(tmp_path):
    data = regions(np.random.default_rng(3), 6)
    Fund(parse_policy(policy([], fund={"reserve": 0.1})), data).allocate().write(tmp_path / "out")
    events = pd.DataFrame([(str(data["id"][0]), 1000.5, "flood")], columns=["region_id", "need", "reason"])
    amend(tmp_path / "out", events).write(tmp_path / "new")
    change = changes(recorded(tmp_path / "out"), recorded(tmp_path / "new"))
    place = change.ids.index(str(data["id"][0]))
    assert change.parts["fund"]["amendment"].tolist() == [100_050 * (k == place) for k in range(6)]
    assert all(not part.any() for cause, part in change.parts["fund"].items() if cause != "amendment")
    back = changes(recorded(tmp_path / "new"), recorded(tmp_path / "out"))
    assert (back.parts["fund"]["amendment"] == -change.parts["fund"]["amendment"]).all()
    assert "what events after the decision changed in 2023" in why_changed(change, str(data["id"][0]))


def test_the_earlier_round_is_found_in_a_ledger(tmp_path, capsys):
    ledger = Ledger(tmp_path / "l.sqlite", create=True)
    load("models/yrd.toml", round="2021", settings=["resources.fund.supply=18.5e9"]).allocate().write(tmp_path / "21")
    record(tmp_path / "21", ledger, name="A", reason="decided")
    load("models/yrd.toml", round="2022", ledger=ledger).allocate().write(tmp_path / "22")
    arguments = ["explain", str(tmp_path / "22"), "Huangshan", "--since", "2021"]
    assert run(arguments) == 3
    assert "was not decided by this policy" in capsys.readouterr().err
    assert run([*arguments, "--ledger", str(tmp_path / "l.sqlite")]) == 0
    said = capsys.readouterr().out
    assert "what is shared out grew from 17,575,000,000 to 18,430,000,000 CNY" in said
    assert run([*arguments[:-1], "1999", "--ledger", str(tmp_path / "l.sqlite")]) == 7
