"""Indices: normalisations, weights and aggregates against hand-computed and published formulas."""

from __future__ import annotations

import math
import statistics

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from fundalloc import InputError
from fundalloc.expressions import RESERVED
from fundalloc.indices import Index, IndexResult
from fundalloc.regions import read_regions
from fundalloc.roster import RegionsSection
from fundalloc.scope import Scope
from fundalloc.tables import Table

DATA = {"a": [1.0, 2, 4, 5], "b": [10.0, 40, 30, 20], "c": [3.0, 1, 1, 2]}


def compute(data: dict[str, list[float]], **fields: object) -> IndexResult:
    count = len(next(iter(data.values())))
    frame = pd.DataFrame({"id": [f"R{i:03d}" for i in range(count)], **data})
    scope = Scope.of(read_regions(Table.from_frame(frame), RegionsSection(id="id"), "", RESERVED), {})
    indicators = fields.pop("indicators", None) or [{"name": name, "measure": name} for name in data]
    return Index(indicators=indicators, **fields).compute(scope, "indices.x")


def u(x: list[float], better: bool = True, **fields: object) -> list[float]:
    side = "better" if better else "worse"
    found = compute({"x": x}, indicators=[{"name": "x", "measure": "x", "higher_is": side}], **fields)
    return found.normalised[:, 0].tolist()


X = [1.0, 2, 4, 5]
MEAN, DEVIATION = 3.0, statistics.pstdev(X)
NORMALISED = {
    "minmax": ([0, 0.25, 0.75, 1], [1, 0.75, 0.25, 0]),
    "zscore": ([0.5 + (x - MEAN) / DEVIATION / 6 for x in X], [0.5 - (x - MEAN) / DEVIATION / 6 for x in X]),
    "rank": ([0, 1 / 3, 2 / 3, 1], [1, 2 / 3, 1 / 3, 0]),
    "share": ([1 / 12, 2 / 12, 4 / 12, 5 / 12], [11 / 12, 10 / 12, 8 / 12, 7 / 12]),
    "distance": ([0.2, 0.4, 0.8, 1], [1, 0.5, 0.25, 0.2]),
}


@pytest.mark.parametrize("method", NORMALISED)
def test_normalisations_by_hand(method):
    better, worse = NORMALISED[method]
    assert u(X, normalise=method) == pytest.approx(better, rel=1e-14)
    assert u(X, better=False, normalise=method) == pytest.approx(worse, rel=1e-14)


def test_goalposts_are_clipped_and_may_differ_by_indicator():
    assert u(X, normalise={"goalposts": (2, 4)}) == [0, 0, 1, 1]
    assert u(X, better=False, normalise={"goalposts": (1, 5)}) == [1, 0.75, 0.25, 0]
    indicators = [
        {"name": "a", "measure": "a", "goalposts": (0, 10)},
        {"name": "b", "measure": "b", "goalposts": (0, 100)},
    ]
    found = compute(DATA, normalise="goalposts", indicators=indicators)
    assert found.normalised.tolist() == [[0.1, 0.1], [0.2, 0.4], [0.4, 0.3], [0.5, 0.2]]


def test_equal_ranks_share_the_better_place():
    assert u([7.0, 7, 3, 1], normalise="rank") == pytest.approx([1, 1, 1 / 3, 0])
    assert u([7.0, 7, 3, 1], better=False, normalise="rank") == pytest.approx([1 / 3, 1 / 3, 2 / 3, 1])


def test_a_zscore_is_clipped_at_three_standard_deviations():
    assert u([0.0] * 99 + [1.0], normalise="zscore")[-1] == 1


def test_the_three_weightings_that_are_computed():
    matrix = np.array([[0, 0, 1], [0.25, 1, 0], [0.75, 2 / 3, 0], [1, 1 / 3, 0.5]])
    assert compute(DATA, weights="equal").weights == pytest.approx([1 / 3] * 3)
    entropy = []
    for column in matrix.T:
        p = column / column.sum()
        entropy.append(1 + sum(q * math.log(q) for q in p if q > 0) / math.log(4))
    assert compute(DATA, weights="entropy").weights == pytest.approx(np.array(entropy) / sum(entropy), rel=1e-12)
    critic = [
        statistics.pstdev(column) * sum(1 - statistics.correlation(column, other) for other in matrix.T.tolist())
        for column in matrix.T.tolist()
    ]
    assert compute(DATA, weights="critic").weights == pytest.approx(np.array(critic) / sum(critic), rel=1e-12)
    given_weights = [{"name": n, "measure": n, "weight": w} for n, w in (("a", 1), ("b", 2), ("c", 5))]
    assert compute(DATA, indicators=given_weights).weights == pytest.approx([1 / 8, 2 / 8, 5 / 8])


def test_a_weight_that_is_left_out_is_one():
    indicators = [{"name": "a", "measure": "a"}, {"name": "b", "measure": "b", "weight": 3}]
    assert compute(DATA, indicators=indicators).weights == pytest.approx([1 / 4, 3 / 4])


def test_arithmetic_and_geometric_means():
    indicators = [{"name": "a", "measure": "a", "weight": 1}, {"name": "b", "measure": "b", "weight": 3}]
    a, b = np.array([0, 0.25, 0.75, 1]), np.array([0, 1, 2 / 3, 1 / 3])
    assert compute(DATA, indicators=indicators).values == pytest.approx((a + 3 * b) / 4)
    found = compute(DATA, indicators=indicators, aggregate="geometric").values
    assert found == pytest.approx(a**0.25 * b**0.75)


def test_an_index_is_a_value_for_each_region_and_its_flags():
    frame = pd.DataFrame({"id": ["A", "B"], "a": [1.0, 2.0], "b": [3.0, 3.0]})
    scope = Scope.of(read_regions(Table.from_frame(frame), RegionsSection(id="id"), "", RESERVED), {})
    one = Index(indicators=[{"name": name, "measure": name} for name in "ab"])
    values, flags = one.result(scope, "indices.x")
    whole = one.compute(scope, "indices.x")
    assert values.tolist() == whole.values.tolist() and [f.code for f in flags] == [f.code for f in whole.flags] != []


def test_an_index_and_its_indicators_do_not_change():
    one = Index(indicators=[{"name": "a", "measure": "a"}])
    for part, name, value in ((one, "weights", "critic"), (one.indicators[0], "measure", "b")):
        with pytest.raises(ValidationError, match="frozen"):
            setattr(part, name, value)


@given(
    st.lists(st.tuples(st.floats(40, 85), st.floats(2, 18), st.floats(500, 90_000)), min_size=2, max_size=9),
)
@settings(max_examples=60)
def test_the_human_development_index_as_the_united_nations_write_it(people):
    life, school, income = (list(column) for column in zip(*people, strict=True))
    indicators = [
        {"name": "life", "measure": "life", "goalposts": (20, 85)},
        {"name": "school", "measure": "school", "goalposts": (0, 18)},
        {"name": "income", "measure": "log(income)", "goalposts": (math.log(100), math.log(75_000))},
    ]
    found = compute(
        {"life": life, "school": school, "income": income},
        indicators=indicators,
        normalise="goalposts",
        aggregate="geometric",
        weights="given",
    )
    if found.flags:
        return
    for k in range(len(people)):
        wealth = min(1.0, math.log(income[k] / 100) / math.log(750))
        hdi = ((life[k] - 20) / 65 * school[k] / 18 * wealth) ** (1 / 3)
        assert found.values[k] == pytest.approx(hdi, rel=1e-12)


METHODS = st.sampled_from(["minmax", "zscore", "rank", "share", "distance"])
WEIGHTS = st.sampled_from(["given", "equal", "entropy", "critic"])
MEANS = st.sampled_from(["arithmetic", "geometric"])
COLUMNS = st.integers(1, 8).flatmap(
    lambda n: st.lists(st.lists(st.floats(0, 1e6), min_size=n, max_size=n), min_size=1, max_size=4)
)


@given(COLUMNS, METHODS, WEIGHTS, MEANS)
@settings(max_examples=200)
def test_every_index_lies_between_0_and_1_and_weights_add_up(columns, method, weights, mean):
    data = {f"x{k}": column for k, column in enumerate(columns)}
    found = compute(data, normalise=method, weights=weights, aggregate=mean)
    assert ((found.values >= 0) & (found.values <= 1)).all()
    assert (found.weights >= 0).all()
    assert found.weights.sum() == pytest.approx(float(found.weights.any()))


@given(COLUMNS, st.sampled_from(["minmax", "zscore", "rank", "share", "distance"]), WEIGHTS)
@settings(max_examples=80)
def test_the_unit_of_an_indicator_and_the_order_do_not_matter(columns, method, weights):
    data = {f"x{k}": [round(v) for v in column] for k, column in enumerate(columns)}
    plain = compute(data, normalise=method, weights=weights).values
    scaled = compute({n: [8 * v for v in c] for n, c in data.items()}, normalise=method, weights=weights).values
    turned = compute(dict(reversed(data.items())), normalise=method, weights=weights).values
    backwards = compute({n: c[::-1] for n, c in data.items()}, normalise=method, weights=weights).values
    assert scaled == pytest.approx(plain, abs=1e-9)
    assert turned == pytest.approx(plain, abs=1e-9)
    assert backwards[::-1] == pytest.approx(plain, abs=1e-9)


@given(st.lists(st.floats(0, 100), min_size=3, max_size=8), st.floats(0, 50))
def test_a_better_value_never_lowers_a_region_among_others(values, more):
    data = {"x": [0.0, 1000.0, *values], "y": [1.0, 2.0, *values[::-1]]}
    better = {**data, "x": [0.0, 1000.0, values[0] + more, *values[1:]]}
    assert compute(better).values[2] >= compute(data).values[2] - 1e-12


def test_a_constant_indicator_gets_weight_0_and_a_flag():
    for weights in ("given", "equal", "entropy", "critic"):
        found = compute({"a": X, "b": [7.0] * 4}, weights=weights)
        assert found.weights.tolist() == [1, 0]
        assert [(f.code, f.subject) for f in found.flags] == [("constant", "indices.x")]
        assert "b of indices.x is the same for every region" in found.flags[0].message
        assert found.values == pytest.approx([0, 0.25, 0.75, 1])


def test_all_constant_is_the_middle_and_one_region_is_no_warning():
    found = compute({"a": [3.0] * 4})
    assert found.values.tolist() == [0.5] * 4 and len(found.flags) == 1
    alone = compute({"a": [3.0]})
    assert alone.values.tolist() == [0.5] and alone.flags == []


FAULTS = {
    "weights all 0": ({"indicators": [{"name": "a", "measure": "a", "weight": 0}]}, "the weights are all 0"),
    "goalposts missing": ({"normalise": "goalposts"}, "has no goalposts"),
    "goalposts fall": ({"normalise": {"goalposts": (4, 4)}}, "must rise"),
    "no indicator": ({"indicators": ()}, "at least 1 item"),
    "negative weight": ({"indicators": [{"name": "a", "measure": "a", "weight": -1}]}, "greater than or equal to 0"),
}


@pytest.mark.parametrize("name", FAULTS)
def test_a_faulty_index_is_refused(name):
    fields, words = FAULTS[name]
    with pytest.raises(ValidationError, match=words):
        Index(**{"indicators": [{"name": "a", "measure": "a"}], **fields})


@pytest.mark.parametrize("method", ["share", "distance"])
def test_values_below_0_cannot_be_shares_or_distances(method):
    with pytest.raises(InputError, match=f"below 0 for some region, which {method} cannot normalise"):
        compute({"a": [-1.0, 2.0]}, normalise=method)


def test_missing_and_infinite_values_name_the_region():
    with pytest.raises(InputError, match="R001"):
        compute({"a": [1.0, math.nan, 2.0]})
    with pytest.raises(InputError, match="an infinite number for R002"):
        compute({"a": [1.0, 2.0, 0.0]}, indicators=[{"name": "a", "measure": "1 / a"}])
