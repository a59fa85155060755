"""Measures: values against a second computation, missing cells, and text that must not get through."""

from __future__ import annotations

import math
import statistics
import time

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fundalloc import InputError
from fundalloc.errors import Faults
from fundalloc.expressions import RESERVED, Expression
from fundalloc.regions import read_regions
from fundalloc.roster import RegionsSection
from fundalloc.scope import Scope
from fundalloc.tables import Table

FRAME = pd.DataFrame(
    {
        "id": list("ABCDE") * 2,
        "year": ["2022"] * 5 + ["2023"] * 5,
        "state": ["N", "N", "S", "S", "S"] * 2,
        "people": [10.0, 20, 30, 40, 50, 11, 22, 33, 44, 55],
        "gdp": [5.0, 1, 4, 2, 3, 6, 2, 5, 2, 4],
        "hole": [1.0, 2, 3, 4, 5, 1, np.nan, 3, 4, 5],
    }
)
P, G = np.array([11.0, 22, 33, 44, 55]), np.array([6.0, 2, 5, 2, 4])
P0, G0 = np.array([10.0, 20, 30, 40, 50]), np.array([5.0, 1, 4, 2, 3])
NORTH = np.array([True, True, False, False, False])


def scope(definitions: dict[str, str] | None = None, round_: str = "2023") -> Scope:
    section = RegionsSection(id="id", round="year", groups=("state",), population="people")
    regions = read_regions(Table.from_frame(FRAME), section, round_, RESERVED)
    return Scope.of(regions, {n: Expression(t, f"measures.{n}") for n, t in (definitions or {}).items()})


def value(text: str, **more: object) -> np.ndarray:
    return Expression(text, "here").evaluate(scope(**more))


def by_state(f) -> np.ndarray:
    return np.where(NORTH, f(NORTH), f(~NORTH))


VALUES = {
    "gdp": G,
    "gdp + 2 * people": G + 2 * P,
    "-gdp ** 2": -(G**2),
    "(gdp - people) / 2 - 1": (G - P) / 2 - 1,
    "2 ** 3 ** 2": np.full(5, 512.0),
    "1_000 + 0x10": np.full(5, 1016.0),
    "gdp < 5": G < 5,
    "gdp <= 5": G <= 5,
    "gdp > 2": G > 2,
    "gdp >= 2": G >= 2,
    "gdp == 2": G == 2,
    "gdp != 2": G != 2,
    "2 < gdp <= 5": (G > 2) & (G <= 5),
    "gdp > 2 and people > 30": (G > 2) & (P > 30),
    "gdp > 5 or people > 50 or 0": (G > 5) | (P > 50),
    "not gdp == 2": G != 2,
    "not not gdp": np.ones(5),
    'state == "N"': NORTH,
    '"N" != state': ~NORTH,
    'id == "C"': np.arange(5) == 2,
    "minimum(gdp, 3)": np.minimum(G, 3),
    "maximum(0, gdp - 4)": np.maximum(0, G - 4),
    "clip(gdp, 3, 5)": np.clip(G, 3, 5),
    'where(state == "N", gdp, 0)': np.where(NORTH, G, 0),
    "log(gdp)": [math.log(x) for x in G],
    "exp(gdp)": [math.exp(x) for x in G],
    "sqrt(gdp)": [math.sqrt(x) for x in G],
    "abs(gdp - 5)": np.abs(G - 5),
    "sum(gdp)": np.full(5, 19.0),
    "mean(gdp)": np.full(5, statistics.mean(G)),
    "weighted_mean(gdp, people)": np.full(5, (G * P).sum() / 165),
    "min(gdp)": np.full(5, 2.0),
    "max(gdp)": np.full(5, 6.0),
    "median(gdp)": np.full(5, statistics.median(G)),
    "quantile(gdp, 0.3)": np.full(5, pd.Series(G).quantile(0.3)),
    "largest(gdp, 2)": np.full(5, 5.0),
    "smallest(gdp, 3)": np.full(5, 4.0),
    "rank(gdp)": [1, 4, 2, 4, 3],
    "sum(gdp, by=state)": by_state(lambda m: G[m].sum()),
    "mean(gdp, by=state)": by_state(lambda m: statistics.mean(G[m])),
    "weighted_mean(gdp, people, by=state)": by_state(lambda m: (G * P)[m].sum() / P[m].sum()),
    "min(gdp, by=state)": by_state(lambda m: G[m].min()),
    "max(gdp, by=state)": by_state(lambda m: G[m].max()),
    "median(gdp, by=state)": by_state(lambda m: statistics.median(G[m])),
    "quantile(gdp, 0.25, by=state)": by_state(lambda m: pd.Series(G[m]).quantile(0.25)),
    "largest(gdp, 2, by=state)": by_state(lambda m: sorted(G[m])[-2]),
    "smallest(gdp, 1, by=state)": by_state(lambda m: G[m].min()),
    "rank(gdp, by=state)": [1, 2, 1, 3, 2],
    "lag(gdp, 1)": G0,
    "gdp / lag(gdp, 1) - 1": G / G0 - 1,
    "lag(gdp / sum(gdp), 1)": G0 / 15,
    "average(gdp, 2)": (G + G0) / 2,
    "average(gdp, 9)": (G + G0) / 2,
    "population": P,
    "round - 2000": np.full(5, 23.0),
    "sum(people * (gdp > 2)) / sum(people)": np.full(5, (11 + 33 + 55) / 165),
}


@pytest.mark.parametrize("text", VALUES)
def test_a_measure_has_the_value_of_a_second_computation(text):
    assert value(text) == pytest.approx(np.asarray(VALUES[text], dtype=float), rel=1e-14)


def test_measures_may_use_each_other_in_any_order():
    assert value("a", definitions={"a": "b * 2", "b": "c + 1", "c": "gdp"}) == pytest.approx((G + 1) * 2)
    assert value("lag(a, 1)", definitions={"a": "gdp / sum(gdp)"}) == pytest.approx(G0 / 15)


def test_functions_over_regions_are_about_those_who_take_part():
    among = scope().among(~NORTH)
    assert Expression("sum(gdp)").evaluate(among).tolist() == [11] * 5
    assert Expression("gdp / sum(gdp)").evaluate(among)[2:].sum() == pytest.approx(1)
    assert Expression("rank(gdp)").evaluate(among)[2:].tolist() == [1, 3, 2]


def test_a_missing_cell_is_a_fault_only_where_it_is_used():
    faults = Faults()
    assert scope().finite(Expression("gdp", "m"), faults).tolist() == G.tolist()
    assert faults.found == []
    for text in (
        "hole",
        "sum(hole) + gdp",
        "hole * 0",
        "hole == hole",
        "hole > 1 or 1",
        "not hole",
        "maximum(hole, 9)",
    ):
        faults = Faults()
        scope().finite(Expression(text, "measures.m"), faults)
        (fault,) = faults.found
        assert (fault.line, fault.column) == (7, "hole"), text
        assert "B (B)" in fault.message and "measures.m" in fault.message and "last_round" in fault.remedy
    faults = Faults()
    assert scope().finite(Expression("where(id == 'B', 9, hole)", "m"), faults)[1] == 9
    scope(round_="2022").finite(Expression("hole", "m"), faults)
    scope().among(np.arange(5) != 1).finite(Expression("sum(hole)", "m"), faults)
    assert faults.found == []


@pytest.mark.parametrize("text", ["1 / (gdp - 6)", "log(gdp - 6)", "gdp / 0", "lag(gdp, 5)", "sqrt(gdp - 6 - 1)"])
def test_what_cannot_be_computed_names_the_region(text):
    faults = Faults()
    scope().finite(Expression(text, "measures.m"), faults)
    assert "A (A)" in faults.found[0].message
    assert (faults.found[0].key, faults.found[0].value) == ("measures.m", text)


UNKNOWN = {
    "gpd": '"gpd" is not known. Did you mean gdp',
    'state == "Nort"': 'no region has state "Nort"',
    "round_ + 1": '"round_" is not known',
}


@pytest.mark.parametrize("text", UNKNOWN)
def test_unknown_names_are_answered_with_the_nearest(text):
    with pytest.raises(InputError) as caught:
        scope().check([Expression(text, "rules.r.of")])
    assert UNKNOWN[text] in str(caught.value) and "rules.r.of" in str(caught.value)


def test_circles_are_named():
    for definitions, circle in (
        ({"a": "a + 1"}, "a -> a"),
        ({"a": "b", "b": "c", "c": "a"}, "a -> b -> c -> a"),
        ({"x": "a", "a": "b", "b": "a"}, "a -> b -> a"),
    ):
        with pytest.raises(InputError, match=circle):
            scope(definitions).check([])


def test_a_measure_never_hides_a_column():
    with pytest.raises(InputError, match="hides a column"):
        scope({"gdp": "people"}).check([])


REFUSED = {
    "gdp.real": "a dot behind a name",
    "().__class__.__bases__": "a dot behind a name",
    "gdp[0]": "square brackets",
    "__import__('os')": '"__import__" is no function',
    "eval('1')": '"eval" is no function',
    "open('x')": '"open" is no function',
    "(lambda: 1)()": "no function of measures",
    "lambda x: x": "lambda",
    "[x for x in gdp]": "a loop",
    "(x for x in gdp)": "a loop",
    "f'{gdp}'": "an f-text",
    "(a := 1)": ":=",
    "sum(*gdp)": "sum takes 1 value",
    "sum(**gdp)": "sum takes 1 value",
    "gdp if gdp else 1": "if ... else",
    "gdp, people": "a comma",
    "{1: 2}": "braces",
    "{1}": "braces",
    "gdp % 2": "operator %",
    "gdp // 2": "operator //",
    "gdp @ gdp": "operator @",
    "gdp & 1": "operator &",
    "~gdp": "operator ~",
    "gdp in people": "in and is",
    "gdp is people": "in and is",
    "True": "True and False",
    "None": "",
    "...": "",
    "b'x'": "",
    "1j": "",
    "import os": "cannot name a column",
    "gdp = 1": "no expression",
    "gdp +": "no expression",
    "": "no expression",
    "   ": "no expression",
    "gdp; people": "no expression",
    "gdp\n+ people )": "no expression",
    "\0": "no expression",
    "10 ** 400 * 1" + "0" * 400: "too large",
    "1e999": "too large",
    "1" + "0" * 400: "too large",
    "sum(gdp": "no expression",
    "sum()": "sum takes 1 value, not 0",
    "sum(gdp, people)": "sum takes 1 value, not 2",
    "clip(gdp, 1)": "clip takes 3 values, not 2",
    "sum(gdp, over=state)": "no option over",
    "log(gdp, by=state)": "no option by",
    "sum(gdp, by=state + 1)": "the name of a group column",
    "lag(gdp, gdp)": "a whole number of rounds",
    "lag(gdp, 0)": "a whole number of rounds",
    "lag(gdp, 1.5)": "a whole number of rounds",
    "average(gdp, -1)": "a whole number of rounds",
    "summ(gdp)": "Did you mean sum",
    "gdp + " * 500 + "gdp": "longer than",
    "(" * 300 + "1" + ")" * 300: "no expression",
    "-" * 300 + "1": "nested too deeply",
}


@pytest.mark.parametrize("text", REFUSED, ids=lambda t: t[:30].encode("unicode_escape").decode())
def test_what_measures_do_not_know_is_refused_in_words(text):
    start = time.monotonic()
    with pytest.raises(InputError) as caught:
        Expression(text, "measures.m")
    assert REFUSED[text] in str(caught.value) and "measures.m" in str(caught.value)
    assert time.monotonic() - start < 5


@pytest.mark.parametrize("text", ["state + 1", "-state", "sum(state)", 'state < "N"', "state == 1", "state", "'x'"])
def test_texts_only_compare_with_texts(text):
    with pytest.raises(InputError, match="text"):
        value(text)


def test_by_needs_a_group_column():
    with pytest.raises(InputError, match="is no group column"):
        value("sum(gdp, by=people)")


def test_powers_of_powers_end_quickly_and_are_no_number():
    faults = Faults()
    scope().finite(Expression("9 ** 9 ** 9 ** 9", "m"), faults)
    assert "an infinite number" in faults.found[0].message


@given(st.text(max_size=60))
@settings(max_examples=300)
def test_any_text_is_read_or_refused(text):
    try:
        expression = Expression(text, "m")
        scope().check([expression])
        expression.evaluate(scope())
    except InputError as error:
        assert str(error)


@given(st.lists(st.sampled_from([*"gdp()+-*/.,'\"<>=! 0123456789[]{}:lambdstr\n", "gdp", "sum(", " and "])))
@settings(max_examples=300)
def test_any_mixture_of_its_own_signs_is_read_or_refused(parts):
    test_any_text_is_read_or_refused.hypothesis.inner_test("".join(parts)[:200])


NUMBERS = st.one_of(
    st.sampled_from([("gdp", lambda i: G[i]), ("people", lambda i: P[i])]),
    st.integers(0, 9).map(lambda n: (str(n), lambda i: float(n))),
)


def combined(children):
    def binary(pair):
        op, (a, f), (b, g) = pair
        compute = {
            "+": lambda x, y: x + y,
            "-": lambda x, y: x - y,
            "*": lambda x, y: x * y,
            "<": lambda x, y: float(x < y),
            "==": lambda x, y: float(x == y),
            "and": lambda x, y: float(bool(x) and bool(y)),
            "or": lambda x, y: float(bool(x) or bool(y)),
        }[op]
        return f"({a} {op} {b})", lambda i: compute(f(i), g(i))

    def function(pair):
        name, (a, f), (b, g) = pair
        compute = {"minimum": min, "maximum": max}[name]
        return f"{name}({a}, {b})", lambda i: compute(f(i), g(i))

    def whole(pair):
        name, (a, f) = pair
        compute = {"sum": math.fsum, "max": max, "median": statistics.median}[name]
        return f"{name}({a})", lambda i: compute([f(k) for k in range(5)])

    return st.one_of(
        st.tuples(st.sampled_from(["+", "-", "*", "<", "==", "and", "or"]), children, children).map(binary),
        st.tuples(st.sampled_from(["minimum", "maximum"]), children, children).map(function),
        st.tuples(st.sampled_from(["sum", "max", "median"]), children).map(whole),
        children.map(lambda one: (f"(-{one[0]})", lambda i: -one[1](i))),
        children.map(lambda one: (f"(not {one[0]})", lambda i: float(not one[1](i)))),
    )


@given(st.recursive(NUMBERS, combined, max_leaves=12))
@settings(max_examples=200)
def test_random_expressions_have_the_value_of_a_plain_evaluator(tree):
    text, compute = tree
    expected = [float(compute(i)) for i in range(5)]
    assert value(text) == pytest.approx(expected, rel=1e-9, abs=1e-9)
