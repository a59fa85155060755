"""Proofs of values: no other allocation has a greater total value or sum of utilities; prices prove nothing else."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest
from scipy.optimize import linprog

from fundalloc import DifferenceError, Fund
from fundalloc.choice import chosen
from fundalloc.gains import raising, weighed
from fundalloc.objectives import utility
from fundalloc.policy import parse_policy
from fundalloc.system import overreach, sound
from fundalloc.value_proofs import lacks, proven, slopes
from fundalloc.verification import verify
from tests.test_laws_of_rules import RULES, data, stated
from tests.test_level_proofs import rewritten
from tests.test_objectives_beside_curves import fund

OBJECTIVES = ("benefit", "market")
CURVES = ("gini", "theil", "ratio", "two of one resource", "prefer", "progressive", "progressive groups")


def decided(name, objective, seed=0):
    return Fund(parse_policy(stated(name, objective=objective)), *data(seed)).allocate()


def priced(decision):
    return -decision.worth, decision.prices.rows


@pytest.mark.parametrize("objective", OBJECTIVES)
@pytest.mark.parametrize("name", RULES)
def test_every_optimum_is_proven(name, objective):
    decision = decided(name, objective).decision
    assert proven(decision.system, decision.optimum.amounts, priced(decision))
    assert lacks(decision.system, decision.optimum.amounts, priced(decision)) <= 1e-10


def test_beside_an_order_where_somebody_has_no_target():
    decision = decided("progressive", "market", seed=1).decision
    assert (decision.problem.target <= 0).any()
    assert proven(decision.system, decision.optimum.amounts, priced(decision))


def greatest(system, value):
    """The greatest value * amounts under the rows of a system, by a program of its own."""
    size = system.problem.size
    total = np.zeros((len(system.supplies), len(size)))
    for k, r in enumerate(system.supplies):
        total[k, system.problem.block(r)] = size[system.problem.block(r)]
    out = [system.problem.resources[r].shared_out for r in system.supplies]
    matrix = system.matrix.toarray() * size
    high, low = np.isfinite(system.row_high), np.isfinite(system.row_low)
    found = linprog(
        -(value * size),
        np.vstack([matrix[high], -matrix[low]]),
        np.concatenate([system.row_high[high], -system.row_low[low]]),
        total,
        out,
        np.column_stack([system.low, np.minimum(system.high, size)]) / size[:, None],
    )
    assert found.status == 0
    return -found.fun, found.x * size


@pytest.mark.parametrize("name", ["limit", "link", "list"])
@pytest.mark.parametrize("objective", OBJECTIVES)
def test_no_prices_prove_more_than_is_so(name, objective):
    """Whatever prices are stated, an allocation lacks no less than what it is short of the best one."""
    rng = np.random.default_rng(5)
    decision = decided(name, objective, seed=2).decision
    system, best, right = decision.system, decision.optimum.amounts, priced(decision)
    problem = system.problem
    value, whole = slopes(system, best)
    for k in range(60):
        corner = greatest(system, rng.normal(size=len(value)) * value)[1]
        amounts = best + rng.choice([1e-6, 1e-3, 1.0]) * (corner - best)
        prices = tuple(p * rng.choice([0, 1, 1, 2], len(p)) * rng.choice([1, 1, -1], len(p)) for p in right)
        prices = right if k % 3 == 0 else prices
        if objective == "benefit":
            short = (greatest(system, value)[0] - float(value @ amounts)) / float(value @ amounts)
        else:
            gains = raising(system)
            weight = weighed(problem, gains)
            levels = [np.asarray(gains.matrix @ x) / gains.due for x in (best, amounts)]
            one, other = (float(weight @ utility(level, problem.alpha)) for level in levels)
            short = (one - other) / whole if np.isfinite(other) else np.inf
        assert lacks(system, amounts, prices) >= short - 1e-12
        assert short <= (2e-6 if objective == "benefit" else 2e-8) or not proven(system, amounts, prices)


def test_prices_of_other_rows_and_missing_ones_prove_nothing():
    decision = decided("limit", "benefit").decision
    system, amounts, (supplies, rows) = decision.system, decision.optimum.amounts, priced(decision)
    assert lacks(system, amounts, (supplies, rows[1:])) == np.inf
    assert lacks(system, amounts, (supplies[1:], rows)) == np.inf
    assert lacks(system, amounts, (supplies * np.nan, rows)) > 1e-3
    assert not proven(system, amounts, (supplies * np.nan, rows))
    other = replace(system, problem=replace(system.problem, objective="leximin"))
    assert not proven(other, amounts, (supplies, rows))


def test_a_region_whose_coverage_is_next_to_nothing_proves_nothing():
    """There its utility is no longer the one that is meant."""
    decision = decided("limit", "market").decision
    gains = raising(decision.system)
    amounts = decision.optimum.amounts.copy()
    assert slopes(decision.system, amounts)[1] == pytest.approx(weighed(decision.problem, gains).sum())
    amounts[gains.matrix[[0]].indices] *= 1e-9
    assert slopes(decision.system, amounts)[1] == 0.0
    assert lacks(decision.system, amounts, priced(decision)) == np.inf


@pytest.mark.parametrize("measures", [("gini",), ("hoover",), ("ratio",), ("theil",), ("atkinson", "gini")])
@pytest.mark.parametrize("objective", ["benefit", "alpha_fair", "leximin"])
def test_rows_that_touch_curves_ask_for_no_more_than_these(measures, objective):
    found = fund(4, measures, values=objective != "leximin", more=1, objective={"kind": objective})
    decision = found.allocate().decision
    beyond = dict(overreach(decision.system))
    assert sound(decision.system) and beyond and all(b <= 1e-9 for b in beyond.values())
    if objective == "leximin":
        assert decision.levels is not None and decision.levels.settled >= 1
    else:
        assert proven(decision.system, decision.optimum.amounts, priced(decision))
    less = [1e-6 * (abs(r.matrix) @ decision.optimum.amounts) for r in decision.system.rows]
    rows = (replace(r, high=r.high - d) if r.curve else r for r, d in zip(decision.system.rows, less, strict=True))
    assert not sound(replace(decision.system, rows=tuple(rows)))


KINKED = ("gini", "gini of groups", "hoover", "ratio", "progressive", "progressive groups", "prefer", "all at once")


@pytest.mark.parametrize("name", [*KINKED, "theil"])
def test_levels_beside_curves_are_proven_all_of_them_beside_kinks(name, tmp_path):
    """As many rows as it takes touch a curve, and to everybody else they are one rule at one place."""
    several = 0
    for seed in range(2):
        allocation = decided(name, "leximin", seed)
        allocation.write(tmp_path / "out")
        verify(tmp_path / "out")
        decision, count = allocation.decision, len(raising(allocation.decision.system).due)
        assert decision.levels.settled == count if name in KINKED else 0 < decision.levels.settled < count
        touching = [(r.rule, r.resource) for r in decision.system.rows if r.curve is not None]
        several += len(touching) > len(set(touching))
        bound = [(b.rows.rule, b.rows.resource) for b in decision.bindings if b.rows.curve is not None]
        assert len(bound) == len(set(bound)) and set(bound) == set(touching)
        binding = allocation.rules.query("kind in ('inequality', 'progressive')").query("binding == 'yes'")
        summary = {r["name"]: r["binding"] for r in allocation.summary["rules"]}
        assert all(summary[rule] == count for rule, count in binding["rule"].value_counts().items())
    assert (several > 0) == (name in ("gini", "hoover", "ratio", "progressive", "prefer", "all at once"))


@pytest.mark.parametrize("measure", ["gini", "hoover", "ratio", "theil", "atkinson"])
def test_the_shadow_price_of_a_cap_on_inequality_is_what_a_little_more_of_it_is_worth(measure):
    """The total value is decided again with the cap a little looser."""
    found = fund(4, (measure,), values=True, more=1, objective={"kind": "benefit"})
    allocation = found.allocate()
    rules = allocation.rules.set_index("rule")
    price, bound = float(rules.loc["even 0", "shadow_price"]), float(rules.loc["even 0", "high"])
    problem = found.problem

    def total(more):
        moved = [s.moved(0.0, more) if s.rule == "even 0" else s for s in found.rows]
        return float(problem.value @ chosen(problem, moved, whole=False).optimum.amounts)

    step = 1e-5 * bound
    slope = (total(step) - total(-step)) / (2 * step)
    assert price < 0 and -price == pytest.approx(slope, rel=2e-5)


@pytest.mark.parametrize("objective", OBJECTIVES)
@pytest.mark.parametrize("name", CURVES)
def test_a_folder_is_verified_and_wrong_prices_are_found(name, objective, tmp_path):
    allocation = decided(name, objective)
    allocation.write(tmp_path / "out")
    words = "greater total value" if objective == "benefit" else "greater sum of utilities"
    verdict = verify(tmp_path / "out")
    assert words in verdict.sentences[0] and verdict.gap is None
    assert "is divided by nearest" in verdict.sentences[1]
    explained = json.loads((tmp_path / "out/certificate.json").read_bytes())["explained"]
    for part in ("multipliers", "worth"):
        for k in np.flatnonzero(np.array([v or 0.0 for v in explained[part]])).tolist():
            changed = [*explained[part][:k], explained[part][k] * 1.01, *explained[part][k + 1 :]]
            whole = {**explained, part: changed}
            rewritten(tmp_path / "out", lambda it, whole=whole: it.update(whole), "explained")
            with pytest.raises(DifferenceError):
                verify(tmp_path / "out")
    rewritten(tmp_path / "out", lambda it: it.update(explained), "explained")
    rewritten(tmp_path / "out", lambda it: it.update(priced=False))
    said = verify(tmp_path / "out").sentences
    assert "Not proven: that no others are better" in said[0] and "divided by nearest" not in said[1]


def test_what_is_said_to_be_proven_has_to_be(tmp_path):
    """Other objectives have no such prices, and a folder cannot claim some that are not there."""
    decided("gini", "benefit").write(tmp_path / "out")
    rewritten(tmp_path / "out", lambda it: it.update(worth=[None] * len(it["worth"])), "explained")
    with pytest.raises(DifferenceError, match="the prices prove benefit only to"):
        verify(tmp_path / "out")
    decided("link", "leximin").write(tmp_path / "out")
    before = verify(tmp_path / "out").sentences
    rewritten(tmp_path / "out", lambda it: it.update(priced=True))
    assert verify(tmp_path / "out").sentences == before
