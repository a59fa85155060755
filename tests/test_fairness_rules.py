"""Inequality, progressive and link: against a second formulation by cvxpy, laws, and what is refused."""

from __future__ import annotations

import itertools
import warnings
from typing import Any

import cvxpy as cp
import numpy as np
import pandas as pd
import pytest

from fundalloc import ConflictError, Fund, InputError, audit, inequality
from fundalloc.findings import audit as audit_arrays
from fundalloc.policy import parse_policy
from fundalloc.rules import Curve, Rows
from tests.funds import CLARABEL, SUPPLY, history, policy, random_rules, regions

MEASURES = {
    "gini": inequality.gini,
    "hoover": inequality.hoover,
    "theil": inequality.theil,
    "ratio": inequality.ratio,
    "atkinson": lambda x, q: inequality.atkinson(x, q, 0.5),
    "atkinson 2": lambda x, q: inequality.atkinson(x, q, 2.0),
}


def keeps(measure: str, x: Any, q: np.ndarray, bound: float) -> list[Any]:
    """measure(x, q) <= bound for cvxpy, written from the definitions, each pair of units by itself."""
    p = q / q.sum()
    h, mean = cp.multiply(x, 1 / p), cp.sum(x)
    if measure == "gini":
        n = len(q)
        pairs = sum(p[i] * p[j] * cp.abs(h[i] - h[j]) for i in range(n) for j in range(i))
        return [pairs <= bound * cp.sum(x)] if n > 1 else []
    if measure == "hoover":
        return [cp.sum(cp.abs(x - p * cp.sum(x))) / 2 <= bound * cp.sum(x)]
    if measure == "theil":
        return [cp.sum(cp.rel_entr(x, p * cp.sum(x))) <= bound * cp.sum(x)]
    if measure == "ratio":
        return [cp.max(h) <= bound * cp.min(h)]
    power = 1 - (0.5 if measure == "atkinson" else 2.0)
    return [cp.pnorm(cp.multiply(p ** (1 / power), h), power) >= (1 - bound) * mean]


def ordered(x: Any, q: np.ndarray, by: np.ndarray) -> list[Any]:
    n = len(q)
    h = cp.multiply(x, q.sum() / q)
    return [h[i] >= h[j] for i in range(n) for j in range(n) if by[i] < by[j]]


def solved(found: Fund, more: Any) -> np.ndarray:
    """`nearest` under the linear rules of a fund and what `more` says, in shares."""
    one = found.problem.resources[0]
    n, total = found.problem.n, one.shared_out
    e = one.target / total
    d = np.maximum(e, 1e-6 * one.equal_share)
    x = cp.Variable(n)
    constraints = [x >= 0, cp.sum(x) == 1, *more(x)]
    for rows in found.rows:
        if isinstance(rows, Rows):
            m = rows.matrix.toarray()
            low, high = np.isfinite(rows.low), np.isfinite(rows.high)
            constraints += [m[low] @ x >= rows.low[low] / total] if low.any() else []
            constraints += [m[high] @ x <= rows.high[high] / total] if high.any() else []
    task = cp.Problem(cp.Minimize(cp.sum_squares(cp.multiply(x - e, 1 / np.sqrt(d)))), constraints)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        task.solve(solver=cp.CLARABEL, **CLARABEL)
    assert task.status in ("optimal", "optimal_inaccurate"), task.status
    return x.value * total


def base(seed: int) -> tuple[pd.DataFrame, pd.DataFrame, list[dict[str, Any]], np.ndarray]:
    """A random fund, and one allocation that keeps its rules."""
    rng = np.random.default_rng(seed)
    frame = regions(rng, int(rng.integers(3, 16))).sort_values("id", ignore_index=True)
    past = history(frame, rng)
    rules = [r for r in random_rules(frame, past, rng) if r["of"] != "entitlement"] if seed % 3 else []
    inside = Fund(parse_policy(policy(rules)), frame, past).allocate().decision.amounts
    return frame, past, rules, inside


def least(measure: str, frame: pd.DataFrame, past: pd.DataFrame, rules: list[dict[str, Any]], q: np.ndarray) -> float:
    """Some value of a measure that the rules allow: that of the allocation nearest to alike amounts per q."""
    alike = [{"name": "alike", "weight": 1, "measure": "basis"}]
    found = Fund(parse_policy(policy(rules, fund={"criteria": alike})), frame.assign(basis=q), past)
    return MEASURES[measure](found.allocate().decision.optimum.amounts, q)


@pytest.mark.parametrize("measure", MEASURES)
def test_inequality_agrees_with_the_definition_in_cvxpy(measure):
    bound_at = 0
    for seed in range(12):
        frame, past, rules, inside = base(seed)
        q = frame["population"].to_numpy(float)
        free, low = MEASURES[measure](inside, q), least(measure, frame, past, rules, q)
        bound = low + (0.05 + 0.8 * (seed % 4) / 4) * (free - low)
        if not (free - low > 1e-3 and np.isfinite(free)):
            continue
        rule = {"kind": "inequality", "name": "even", "measure": measure.split()[0], "at_most": bound}
        if measure == "atkinson 2":
            rule["aversion"] = 2
        found = Fund(parse_policy(policy([*rules, rule], fund={"lot": 0.0001})), frame, past)
        decision = found.allocate().decision
        x = decision.optimum.amounts
        assert MEASURES[measure](x, q) <= bound + 1e-9
        expected = solved(found, lambda v, q=q, bound=bound: keeps(measure, v, q, bound))
        assert np.abs(x - expected).max() <= 2e-4 * SUPPLY / len(q), seed
        bound_at += any(b.rows.rule == "even" and b.binds.any() for b in decision.bindings)
    assert bound_at >= 5


@pytest.mark.parametrize("pair", list(itertools.combinations(["ratio", "gini", "hoover", "theil", "atkinson"], 2)))
def test_two_measures_at_once_agree_with_their_definitions_in_cvxpy(pair):
    """Both bind: the second is tightened from what the first alone leaves; some regions have no entitlement."""
    both = 0
    for seed in range(4):
        frame = regions(np.random.default_rng(seed), 12, zeros=0.15 if seed % 2 else 0.0).sort_values("id")
        q = frame["population"].to_numpy(float)
        free = MEASURES[pair[0]](Fund(parse_policy(policy([])), frame).allocate().decision.optimum.amounts, q)
        first = {"kind": "inequality", "name": "first", "measure": pair[0]}
        first["at_most"] = 0.5 * free if pair[0] != "ratio" else 1 + 0.5 * min(free, 20.0)
        alone = Fund(parse_policy(policy([first])), frame).allocate().decision.optimum.amounts
        free = MEASURES[pair[1]](alone, q)
        second = {"kind": "inequality", "name": "second", "measure": pair[1]}
        second["at_most"] = 0.9 * free
        found = Fund(parse_policy(policy([first, second], fund={"lot": 0.0001})), frame)
        decision = found.allocate().decision
        x = decision.optimum.amounts
        bounds = [r["at_most"] for r in (first, second)]
        assert max(MEASURES[m](x, q) - b for m, b in zip(pair, bounds, strict=True)) <= 1e-9
        says = [lambda v, m=m, b=b, q=q: keeps(m, v, q, b) for m, b in zip(pair, bounds, strict=True)]
        e, d = found.problem.target, found.problem.softness
        closed = np.flatnonzero((e == 0) & (x == 0))
        says.append(lambda v, closed=closed: [v[closed] == 0] if len(closed) else [])
        expected = solved(found, lambda v, says=says: [c for say in says for c in say(v)])
        assert np.abs(x - expected).max() <= (5e-2 if seed % 2 else 1e-3) * SUPPLY / len(q), seed
        expected = np.maximum(expected, 0.0)
        expected *= x.sum() / expected.sum()
        for rule, m in zip((first, second), pair, strict=True):  # what Clarabel gives misses its bounds a little
            rule["at_most"] = max(rule["at_most"], MEASURES[m](expected, q))
        looser = Fund(parse_policy(policy([first, second], fund={"lot": 0.0001})), frame).allocate().decision
        ours, theirs = (float(((v - e) ** 2 / d).sum()) for v in (looser.optimum.amounts, expected))
        assert ours <= theirs * (1 + 1e-6), seed
        both += len({b.rows.rule for b in decision.bindings if b.binds.any()}) == 2
    assert both >= 2 or pair == ("theil", "atkinson"), "these two hardly differ: one of them binds"


@pytest.mark.parametrize("measure", MEASURES)
def test_inequality_among_groups_and_of_another_basis(measure):
    tried = 0
    for seed in range(8):
        frame, past, rules, inside = base(seed)
        groups, codes = np.unique(frame["state"], return_inverse=True)
        if len(groups) < 2:
            continue
        adds = np.eye(len(groups))[:, codes]
        frame["basis"] = frame["population"] * np.random.default_rng(seed).uniform(0.5, 2, len(frame))
        q = adds @ frame["basis"].to_numpy()
        alike = Fund(
            parse_policy(policy(rules, fund={"criteria": [{"name": "a", "weight": 1, "measure": "basis"}]})),
            frame,
            past,
        )
        low = MEASURES[measure](adds @ alike.allocate().decision.optimum.amounts, q)
        free = MEASURES[measure](adds @ inside, q)
        if not free - low > 1e-3:
            continue
        bound = (low + free) / 2
        rule = {
            "kind": "inequality",
            "name": "even",
            "measure": measure.split()[0],
            "at_most": bound,
            "each": "state",
            "of": "basis",
            "aversion": 2 if measure == "atkinson 2" else 0.5,
        }
        found = Fund(parse_policy(policy([*rules, rule], fund={"lot": 0.0001})), frame, past)
        x = found.allocate().decision.optimum.amounts
        expected = solved(found, lambda v, q=q, a=adds, bound=bound: keeps(measure, a @ v, q, bound))
        assert np.abs(x - expected).max() <= 2e-4 * SUPPLY / len(frame), seed
        tried += 1
    assert tried >= 3


def test_progressive_agrees_with_all_pairs_in_cvxpy():
    moved = 0
    for seed in range(16):
        frame, past, _, _ = base(3 * seed)
        frame["by"] = np.round(frame["need"] * (10 if seed % 2 else 1e6))
        q, by = frame["population"].to_numpy(float), frame["by"].to_numpy()
        rules = [{"kind": "limit", "name": "floor", "of": "head", "floor": 0.4 * SUPPLY / q.sum()}]
        rules.append({"kind": "progressive", "name": "order", "by": "by"})
        found = Fund(parse_policy(policy(rules, fund={"lot": 0.0001})), frame, past)
        decision = found.allocate().decision
        x = decision.optimum.amounts
        levels = x / q
        for i in range(len(q)):
            assert (levels[by > by[i]] <= levels[i] * (1 + 1e-9)).all()
        expected = solved(found, lambda v, q=q, by=by: ordered(v, q, by))
        assert np.abs(x - expected).max() <= 2e-4 * SUPPLY / len(q), seed
        moved += any(s.rule == "order" for s in decision.shifts)
    assert moved >= 12


def test_an_order_that_the_targets_keep_exactly_changes_nothing():
    for seed in range(8):
        frame, past, _, _ = base(seed)
        rule = {"kind": "progressive", "name": "order", "of": "entitlement", "by": "population"}
        rule["where"] = 'coast == "east"'
        free = Fund(parse_policy(policy([])), frame, past).allocate().decision.lots
        assert (Fund(parse_policy(policy([rule])), frame, past).allocate().decision.lots == free).all()


def test_several_convex_rules_hold_at_once():
    tried = 0
    for seed in range(6):
        frame, past, rules, inside = base(seed)
        q = frame["population"].to_numpy(float)
        lows = {m: least(m, frame, past, rules, q) for m in ("gini", "theil", "ratio")}
        bounds = {m: (low + MEASURES[m](inside, q)) / 2 for m, low in lows.items()}
        more = [{"kind": "inequality", "name": m, "measure": m, "at_most": b} for m, b in bounds.items()]
        if any(bounds[m] - lows[m] < 1e-3 for m in bounds):
            continue
        found = Fund(parse_policy(policy([*rules, *more], fund={"lot": 0.0001})), frame, past)
        x = found.allocate().decision.optimum.amounts
        expected = solved(found, lambda v, q=q, b=bounds: [k for m in b for k in keeps(m, v, q, b[m])])
        assert np.abs(x - expected).max() <= 5e-4 * SUPPLY / len(q), seed
        assert all(MEASURES[m](x, q) <= b + 1e-9 for m, b in bounds.items())
        tried += 1
    assert tried >= 3


def land(**more: Any) -> dict[str, Any]:
    return {
        "supply": 1200,
        "unit": "ha",
        "lot": 0.001,
        "criteria": [{"name": "people", "weight": 1, "measure": "population"}],
        **more,
    }


@pytest.mark.parametrize("of", ["share", "coverage", "amount"])
@pytest.mark.parametrize("each", ["region", "state"])
def test_a_link_holds_one_resource_in_step_with_another(of, each):
    frame, past, _, _ = base(3)
    number = {"share": 0.9, "coverage": 0.9 if each == "region" else 0.999, "amount": 0.9 * 1200 / SUPPLY}[of]
    rule = {"kind": "link", "name": "step", "resource": "land", "to": "fund", "of": of, "floor": number, "each": each}
    floor = {"kind": "limit", "name": "floor", "resource": "fund", "of": "head", "floor": 0.9}
    floor["floor"] *= (0.7 if each == "region" else 1.0) * SUPPLY / float(frame["population"].sum())
    found = Fund(parse_policy(policy([floor, rule], resources={"land": land()})), frame, past)
    decision = found.allocate().decision
    assert any(b.binds.any() for b in decision.bindings if b.rows.rule == "step")
    labels = frame["id" if each == "region" else each].to_numpy()
    x = pd.DataFrame({"fund": decision.optimum.amounts[: len(frame)], "land": decision.optimum.amounts[len(frame) :]})
    key = pd.DataFrame({r.name: r.entitlement for r in found.problem.resources})
    by, due = x.groupby(labels).sum(), key.groupby(labels).sum()
    if of == "share":
        by = by / x.sum()
    if of == "coverage":
        by = by / due
    assert (by["land"] >= number * by["fund"] * (1 - 1e-9)).all()
    assert np.isclose(by["land"], number * by["fund"], rtol=1e-7).any()


def test_a_list_of_resources_is_added_up():
    frame, past, _, _ = base(6)
    second = land(unit="CNY", supply=5_000_000)
    rule = {"kind": "limit", "name": "cap", "of": "head", "resource": ["fund", "land"], "cap": 28}
    rule["cap"] = 1.1 * (SUPPLY + 5_000_000) / float(frame["population"].sum())
    found = Fund(parse_policy(policy([rule], resources={"land": second})), frame, past)
    amounts = found.allocate().decision.amounts.reshape(2, -1).sum(axis=0)
    assert (amounts <= rule["cap"] * frame["population"] + 0.021).all()
    assert (np.abs(amounts - rule["cap"] * frame["population"]) < 0.1).any()
    with pytest.raises(InputError, match="adds up resources in CNY and ha"):
        _ = Fund(parse_policy(policy([rule], resources={"land": land()})), frame, past).allocate()


def test_or_nothing_is_the_loop_of_the_statute():
    for seed in range(12):
        rng = np.random.default_rng(seed)
        frame = regions(rng, int(rng.integers(5, 25))).sort_values("id", ignore_index=True)
        due = (frame["population"] * frame["need"]).to_numpy()
        floor = float(SUPPLY * rng.uniform(0.02, 0.12))
        rule = {"kind": "limit", "name": "minimum", "floor": floor, "or_nothing": True}
        found = Fund(parse_policy(policy([rule])), frame)
        allocation = found.allocate()
        left = set(range(len(due)))
        while True:
            total = sum(due[i] for i in left)
            amounts = {i: SUPPLY * due[i] / total for i in left}
            below = [i for i in left if amounts[i] < floor]
            if not below:
                break
            left.remove(min(below, key=lambda i: (amounts[i], due[i], frame["id"][i])))
        got = allocation.decision.amounts
        assert {i for i in range(len(due)) if got[i] > 0} == left
        assert all(abs(got[i] - amounts[i]) <= 0.02 and got[i] >= floor for i in left)
        steps = allocation.steps
        moved = steps[steps["step"] == "minimum"]["amount"]
        assert abs(moved.sum()) < 1e-6 and (len(left) == len(due)) == (not len(moved))
        assert audit(allocation.table[["region_id", "amount"]].assign(resource="fund"), found) == []


def test_what_is_decided_is_audited_clean_and_hurt_amounts_are_not():
    frame, past, _, inside = base(9)
    q = frame["population"].to_numpy(float)
    rules = [
        {"kind": "inequality", "name": "even", "measure": "gini", "at_most": 0.7 * MEASURES["gini"](inside, q)},
        {"kind": "progressive", "name": "order", "by": "1 - need", "where": "need > 0.3"},
    ]
    found = Fund(parse_policy(policy(rules)), frame, past)
    amounts = found.allocate().decision.amounts
    assert audit_arrays(found.problem, found.rows, amounts) == []
    hurt = amounts.copy()
    poor, rich = int(np.argmax(frame["need"])), int(np.argmin(np.where(frame["need"] > 0.3, frame["need"], 9)))
    hurt[rich] += hurt[poor]
    hurt[poor] = 0.0
    assert {f.rule for f in audit_arrays(found.problem, found.rows, hurt)} >= {"even", "order"}


def test_a_bound_below_the_least_possible_is_a_conflict_with_the_least_as_advice():
    frame, past, _, _ = base(9)
    q = frame["population"].to_numpy(float)
    hold = {"kind": "limit", "name": "hold", "of": "previous", "floor": 0.98}
    low = least("gini", frame, past, [hold], q)
    rule = {"kind": "inequality", "name": "even", "measure": "gini", "at_most": 0.2 * low}
    with pytest.raises(ConflictError) as caught:
        Fund(parse_policy(policy([hold, rule])), frame, past).allocate()
    assert set(caught.value.rules) == {"hold", "even"}
    raised = [w for w in caught.value.relaxations if 'cap of "even"' in w]
    number = float(raised[0].split(" to ")[1].split(",")[0])
    assert number <= low * 1.002
    decide = Fund(parse_policy(policy([hold, {**rule, "at_most": number}])), frame, past)
    assert decide.allocate().decision.lots.sum() == SUPPLY * 100


def test_an_order_that_bounds_forbid_is_a_conflict():
    frame, past, _, _ = base(9)
    first, last = frame.sort_values("need")["id"].iloc[[0, -1]]
    rules = [
        {"kind": "limit", "name": "cap", "of": "head", "cap": 1, "where": f'id == "{last}"'},
        {"kind": "limit", "name": "floor", "of": "head", "floor": 2, "where": f'id == "{first}"'},
        {"kind": "progressive", "name": "order", "by": "1 - need", "where": f'id == "{first}" or id == "{last}"'},
    ]
    with pytest.raises(ConflictError) as caught:
        Fund(parse_policy(policy(rules)), frame, past).allocate()
    assert set(caught.value.rules) == {"cap", "floor", "order"}


REFUSED = {
    "at_least": ({"kind": "inequality", "measure": "gini", "at_least": 0.1}, "half-way between them may not"),
    "p90p10": ({"kind": "inequality", "measure": "p90/p10", "at_most": 3}, "half-way between them may not"),
    "nothing left": ({"kind": "inequality", "measure": "gini", "at_most": 0}, "leaves no room"),
    "ratio of 1": ({"kind": "inequality", "measure": "ratio", "at_most": 1}, "a ratio is at least 1"),
    "all": ({"kind": "inequality", "measure": "gini", "at_most": 0.1, "each": "all"}, "nothing to compare"),
    "to itself": ({"kind": "link", "resource": "fund", "to": "fund", "floor": 1}, "to itself"),
    "to nowhere": ({"kind": "link", "resource": "fund", "to": "found", "floor": 1}, "Did you mean fund?"),
    "no by": ({"kind": "progressive"}, "rules.r.by"),
    "unknown by": ({"kind": "progressive", "by": "neet"}, "Did you mean need"),
    "unknown kind": ({"kind": "limits", "floor": 1}, "limit"),
    "nothing with cap": ({"kind": "limit", "floor": 1, "cap": 2, "or_nothing": True}, "a floor alone"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_cannot_be_is_refused_with_the_reason(name):
    rule, words = REFUSED[name]
    frame, past, _, _ = base(3)
    with pytest.raises(InputError) as caught:
        _ = Fund(parse_policy(policy([{"name": "r", **rule}])), frame, past).rows
    assert words in str(caught.value)


def test_curves_say_what_they_are():
    frame, past, _, _ = base(3)
    rule = {"kind": "inequality", "name": "even", "measure": "gini", "at_most": {"2020": 0.2, "2024": 0.1}}
    found = Fund(parse_policy(policy([rule])), frame, past)
    assert [type(r) for r in found.rows] == [Curve] and found.rows[0].at_most == 0.2
    text = "\n".join(found.describe())
    assert "the Gini coefficient of the amounts a head among regions is at most 0.2" in text
