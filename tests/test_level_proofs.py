"""Proofs of leximin: they hold for what is decided, for nothing else, and a folder without one claims nothing."""

from __future__ import annotations

import json
import re
from dataclasses import replace

import numpy as np
import pytest

from fundalloc import DifferenceError, Fund
from fundalloc.choice import chosen
from fundalloc.gains import raising
from fundalloc.level_proofs import THERE, _Steps, first_steps, proven_levels
from fundalloc.policy import parse_policy
from fundalloc.report.summary import sha256
from fundalloc.verification import verify
from tests.funds import policy, regions

SEEDS = range(40)


def valued(seed):
    """A fund of two resources that regions value differently, under limits and groups that cross."""
    rng = np.random.default_rng(seed)
    n = int(rng.integers(4, 15))
    spread = 1 + seed % 3
    data = regions(rng, n).assign(v1=np.exp(spread * rng.normal(size=n)), v2=np.exp(spread * rng.normal(size=n)))
    state = np.arange(n) % 3
    data["state"], data["room"] = [f"S{k}" for k in state], np.array([0.7, 0.95, 3.0])[state]
    rules = [
        {"kind": "limit", "name": "states", "each": "state", "of": "entitlement * room", "cap": 1},
        {"kind": "limit", "name": "coasts", "each": "coast", "of": "entitlement", "floor": 0.8, "resource": "fund"},
        {"kind": "limit", "name": "cap", "of": "entitlement", "cap": float(rng.uniform(2, 4)), "resource": "fund"},
    ]
    land = {
        "supply": 1000,
        "lot": 0.01,
        "value": "v2",
        "criteria": [{"name": "p", "weight": 1, "measure": "population"}],
    }
    stated = policy(rules, fund={"value": "v1"}, objective={"kind": "leximin"}, resources={"land": land})
    return Fund(parse_policy(stated), data)


def attempt(fund):
    nobody = np.zeros(fund.problem.cells, dtype=bool)
    return chosen(fund.problem, fund.rows, whole=True, closed=False, out=nobody)


def said(tried, amounts=None, proofs=None):
    amounts = tried.optimum.amounts if amounts is None else amounts
    levels = tried.chosen.levels
    levels = levels if proofs is None else replace(levels, steps=proofs)
    found = proven_levels(tried.system, raising(tried.system), amounts, levels)
    return "" if found is None else str(found)


@pytest.fixture(scope="module")
def attempts():
    found = [attempt(valued(seed)) for seed in SEEDS]
    return [t for t in found if t.proven and t.chosen.levels is not None]


@pytest.fixture(scope="module")
def tries(attempts):
    """Those whose proof settles all levels."""
    return [t for t in attempts if t.chosen.levels.settled == len(raising(t.system).due)]


def test_nearly_all_random_funds_have_a_proof(attempts, tries):
    assert len(tries) >= 0.8 * len(SEEDS)
    assert all(said(t) == "" for t in attempts) and len(attempts) > len(tries)
    assert sum(len(t.chosen.levels.steps) > 2 for t in tries) >= 5


def test_where_a_step_does_not_hold_those_before_it_prove_some_levels(attempts, tries):
    for one in tries:
        steps, count = one.chosen.levels.steps, one.chosen.levels.settled
        wrong = replace(steps[-1], level=steps[-1].level * 1.01)
        found = first_steps(one.system, raising(one.system), one.optimum.amounts, (*steps[:-1], wrong))
        assert found is None if len(steps) == 1 else found.steps == steps[:-1] and 0 < found.settled < count
        if found is not None:
            assert proven_levels(one.system, raising(one.system), one.optimum.amounts, found) is None


def test_no_other_amounts_are_proven_by_it(tries):
    """A hundredth of one amount given to another region lowers or raises a level that has to be where it is."""
    rng = np.random.default_rng(1)
    for one in tries:
        amounts = one.optimum.amounts.copy()
        n = one.system.problem.n
        i, j = rng.choice(n, 2, replace=False)
        moved = 0.01 * amounts[i] + 1.0
        amounts[i] -= moved
        amounts[j] += moved
        assert said(one, amounts)


def test_no_step_can_be_left_out_nor_moved(tries):
    for one in tries:
        proofs = one.chosen.levels.steps
        assert "of the levels, not" in said(one, proofs=proofs[:-1]) or len(proofs) == 1
        for k, proof in enumerate(proofs):
            for factor in (0.99, 1.01):
                moved = (*proofs[:k], replace(proof, level=proof.level * factor), *proofs[k + 1 :])
                assert said(one, proofs=moved) or not proof.rows.any()
        swapped = tuple(replace(p, rows=-p.rows) for p in proofs)
        assert said(one, proofs=swapped) or not any(p.rows.any() for p in proofs)


def test_only_what_is_dearer_than_noise_settles_a_row(tries):
    """A row at a bound, with a price that is next to nothing, stays free between its bounds."""
    noisy = 0
    for one in tries:
        gains, amounts = raising(one.system), one.optimum.amounts
        for side in (1.0, -1.0):
            plain, noise = (_Steps(one.system, gains, amounts) for _ in range(2))
            first = one.chosen.levels.steps[0]
            values, reach = plain.rows @ amounts, THERE * (abs(plain.rows) @ plain.scale)
            at = values <= plain.row_low + reach if side > 0 else values >= plain.row_high - reach
            open_ = (plain.row_low < plain.row_high) & (first.rows == 0)
            noisy += int((at & open_).sum())
            prices = np.where(at & open_, side * 1e-30 * np.abs(first.rows).max(), first.rows)
            assert plain.take(first) is None and noise.take(replace(first, rows=prices)) is None
            assert np.array_equal(plain.row_low, noise.row_low) and np.array_equal(plain.row_high, noise.row_high)
    assert noisy > 10


def test_a_priced_row_stays_at_the_bound_that_its_price_is_of(tries):
    held = 0
    for one in tries:
        taken = _Steps(one.system, raising(one.system), one.optimum.amounts)
        low, high = taken.row_low.copy(), taken.row_high.copy()
        for step in one.chosen.levels.steps:
            assert taken.take(step) is None
            for k in np.flatnonzero((taken.row_low == taken.row_high) & (low < high)):
                held += 1
                assert taken.row_low[k] == (low[k] if step.rows[k] > 0 else high[k]) and step.rows[k] != 0
            low, high = taken.row_low.copy(), taken.row_high.copy()
    assert held > 10


def test_prices_of_other_rows_are_refused(tries):
    one = tries[0]
    first, *others = one.chosen.levels.steps
    wrong = (replace(first, rows=np.zeros(1)), *others)
    assert "prices of other rows" in said(one, proofs=wrong)
    below = (replace(first, gains=first.gains - 1), *others)
    assert "are none" in said(one, proofs=below)


def rewritten(folder, change, part="optimum"):
    """The folder with its certificate changed and all hashes made to fit."""
    certificate = json.loads((folder / "certificate.json").read_bytes())
    change(certificate[part])
    content = json.dumps(certificate).encode()
    (folder / "certificate.json").write_bytes(content)
    summary = json.loads((folder / "summary.json").read_bytes())
    summary["files"]["certificate.json"] = sha256(content)
    (folder / "summary.json").write_text(json.dumps(summary), encoding="utf-8")


def test_a_folder_is_verified_and_a_changed_proof_is_found(tmp_path):
    valued(3).allocate().write(tmp_path / "out")
    sentence = verify(tmp_path / "out").sentences[0]
    assert "no region can be raised without lowering one that is no better off (leximin)" in sentence
    rewritten(tmp_path / "out", lambda it: it["levels"].pop())
    with pytest.raises(DifferenceError, match=r"settles \d+ of the levels, not \d+"):
        verify(tmp_path / "out")
    valued(3).allocate().write(tmp_path / "out")
    rewritten(tmp_path / "out", lambda it: it["levels"][0].update(level=it["levels"][0]["level"] * 0.5))
    with pytest.raises(DifferenceError, match=r"Step 1 of the proof of the levels.*\((-?[\d.e-]+) of them") as caught:
        verify(tmp_path / "out")
    part = re.search(r"\((-?[\d.e-]+) of them is left", str(caught.value))
    assert part and 1e-6 < abs(float(part[1])) < 1
    valued(3).allocate().write(tmp_path / "out")
    rewritten(tmp_path / "out", lambda it: it.update(levels=None))
    assert "Not proven: that no others are better for leximin" in verify(tmp_path / "out").sentences[0]
