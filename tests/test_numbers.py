"""Extreme numbers: a round is decided rightly and verified, or refused; never anything else."""

from __future__ import annotations

import warnings
from decimal import Decimal
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from fundalloc import ConflictError, Fund, SolverError
from fundalloc.policy import parse_policy
from fundalloc.verification import verify
from tests.extremes import CLASSES, Extreme, Maker, broken, missed
from tests.funds import policy, regions
from tests.test_second_checker import rejected

#: by class of fund how many are tried, and how many of them may be refused as not proven
TRIED = {
    "bare": (60, 0),
    "few": (12, 3),
    "places": (24, 1),
    "tight": (8, 1),
    "equal": (8, 1),
    "beyond": (5, 3),
    "scarce": (12, 2),
    "wild": (30, 2),
}


def ended(it: Extreme, folder: Path) -> str:
    """How a round ends, all that is decided or refused checked: proven, impossible or refused."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        try:
            found = it.fund.allocate()
        except SolverError:
            return "refused"
        except ConflictError:
            assert it.hidden is None
            return "impossible"
        assert it.hidden is not None
        assert broken(it, found) == ""
        found.write(folder)
        verdict = verify(folder)
    assert not rejected(folder)
    assert verdict.gap is not None
    assert verdict.gap <= 1e-9
    return "proven"


@pytest.mark.parametrize("name", TRIED)
def test_it_is_decided_and_verified_or_refused(name, tmp_path):
    count, most = TRIED[name]
    ends = [ended(CLASSES[name](seed), tmp_path / "out") for seed in range(count)]
    assert ends.count("refused") <= most, ends
    assert ("impossible" in ends) == (name in ("beyond", "wild"))
    assert ("proven" in ends) == (name != "beyond")


@pytest.mark.parametrize("seed", [3])
def test_three_hundred_limits(seed, tmp_path):
    """Crossing groups of up to eight regions, all limits with a hundredth to spare."""
    it = Maker(seed, most=8)
    it.slack = 0.01
    for _ in range(300):
        it.around(it.some())
    assert ended(it.done(), tmp_path / "out") == "proven"


def test_the_optimum_is_no_farther_than_any_allocation_that_keeps_the_rules():
    """Against the hidden allocation and those half way to it: the distance grows on the way."""
    compared = 0
    for name in ("few", "places", "scarce"):
        for seed in range(10):
            it = CLASSES[name](seed)
            try:
                decision = it.fund.allocate().decision
            except SolverError:
                continue
            problem = decision.problem
            ids = {region: k for k, region in enumerate(it.frame["id"])}
            hidden = [it.hidden[ids[region]] * it.lot for region in problem.regions.ids]
            if any(h and not wants for h, wants in zip(hidden, problem.wants.tolist(), strict=True)):
                continue  # who has no target is left out where the rules can be kept so
            best = [Fraction(v) for v in decision.optimum.amounts.tolist()]
            pull = [Fraction(v) * it.total * it.lot for v in problem.softness.tolist()]
            centre = [Fraction(v) for v in problem.centre.tolist()]
            parts = [
                ((b - e) / d * (h - b), (b + e) / d * (h + b + e))
                for b, e, d, h in zip(best, centre, pull, hidden, strict=True)
                if d
            ]
            assert sum(p for p, _ in parts) >= -sum(size for _, size in parts) / 10**9, (name, seed)
            compared += 1
    assert compared >= 20


def test_the_other_solver_would_see_what_is_hidden():
    """The judge of what is possible sees what is possible by construction, and what is not."""
    for seed in range(12):
        assert missed(CLASSES["tight"](seed)) <= 1e-9
        it = CLASSES["beyond"](seed)
        if it.total <= 10**5:
            assert missed(it) >= 1e-7


@pytest.mark.parametrize("seed", [1017, 1021, 1032, 2009])
def test_one_lot_too_much_among_billions_of_millions_is_never_decided(seed):
    it = CLASSES["beyond"](seed)
    assert it.total > 10**15
    with pytest.raises((ConflictError, SolverError)):
        it.fund.allocate()


@pytest.mark.parametrize("supply", ["291.80", "0.10", "20.5", "90071992547409.91", "1E+3", "1000"])
def test_a_decimal_keeps_its_digits_in_the_published_policy(supply, tmp_path):
    frame = regions(np.random.default_rng(1), 4)
    found = Fund(parse_policy(policy([], fund={"supply": Decimal(supply), "lot": Decimal("0.01")})), frame).allocate()
    found.write(tmp_path / "out")
    assert verify(tmp_path / "out").gap == 0
    written = map(Decimal, found.sheets["allocation.csv"].columns["amount"])
    assert sum(written) == Decimal(supply)


@pytest.mark.parametrize(("name", "seed"), [("places", 66), ("tight", 119), ("places", 130)])
def test_multipliers_that_explain_are_published(name, seed, tmp_path):
    """Evener ones that explain no more would give steps that lead nowhere."""
    assert ended(CLASSES[name](seed), tmp_path / "out") == "proven"


@pytest.mark.parametrize(("name", "seed"), [("few", 126), ("scarce", 34), ("equal", 8), ("equal", 18)])
def test_one_region_and_bounds_that_meet_are_proven_exactly(name, seed, tmp_path):
    it = CLASSES[name](seed)
    it.fund.allocate().write(tmp_path / "out")
    assert verify(tmp_path / "out").gap == 0


@pytest.mark.parametrize(("name", "seed"), [("few", 13), ("places", 69), ("tight", 93)])
def test_steps_too_large_to_be_counted_are_refused(name, seed):
    with pytest.raises(SolverError, match="their steps cannot be counted"):
        CLASSES[name](seed).fund.allocate()


@pytest.mark.parametrize(("name", "seed"), [("tight", 140)])
def test_multipliers_beyond_all_floats_end_a_climb(name, seed, tmp_path):
    assert ended(CLASSES[name](seed), tmp_path / "out") == "proven"


@pytest.mark.parametrize("seed", range(3))
def test_several_resources_in_step(seed, tmp_path):
    """A fund of billions beside posts by the dozen; a link, and limits over both."""
    rng = np.random.default_rng(seed)
    frame = regions(rng, 12).assign(need=10 ** rng.uniform(-3, 0, 12))
    posts = {
        "supply": int(rng.integers(1, 40)),
        "unit": "posts",
        "lot": 1,
        "criteria": [{"name": "people", "weight": 1, "measure": "population"}],
    }
    rules = [
        {"kind": "limit", "name": "cap", "of": "share", "cap": 0.6},
        {"kind": "link", "name": "step", "resource": "posts", "to": "fund", "of": "share", "cap": 1e6},
        {"kind": "limit", "name": "both", "each": "coast", "of": "entitlement", "floor": 0.9},
    ]
    entries = policy(rules, fund={"supply": 10**13, "lot": Decimal("0.01")}, resources={"posts": posts})
    found = Fund(parse_policy(entries), frame).allocate()
    found.write(tmp_path / "out")
    assert verify(tmp_path / "out").gap == 0
    table = found.table
    for name, supply in (("fund", 10**13), ("posts", posts["supply"])):
        assert sum(map(Fraction, map(str, table.loc[table["resource"] == name, "amount"]))) == supply
