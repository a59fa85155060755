"""The pictures of the page: what is drawn is what the figures say."""

from __future__ import annotations

import json
import re
from decimal import Decimal
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from fundalloc import Fund, load
from fundalloc.policy import parse_policy
from tests.funds import policy, regions
from tests.pages import Element, figure, read
from tests.test_report import dossiers, made, named, rows


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    out = tmp_path_factory.mktemp("pictures") / "out"
    load("models/yrd.toml").allocate().write(out, ["html"])
    return out


@pytest.fixture(scope="module")
def page(folder) -> Element:
    return read((folder / "report.html").read_bytes())


def charts(page: Element, kind: str) -> list[Element]:
    return [svg for svg in page.all("svg") if svg.attributes.get("class", "") == f"chart {kind}"]


def bubbles(chart: Element) -> list[tuple[float, float, float]]:
    """Places and radii, in the order in which they are drawn."""
    found = []
    for one in chart.all("path"):
        x, y = re.findall(r"[\d.]+", one.attributes["transform"])
        found.append((float(x), float(y), float(re.findall(r"[\d.]+", one.attributes["d"])[0])))
    return found


def test_the_area_of_a_bubble_is_the_amount_and_its_place_that_of_the_region(folder, page):
    allocation = rows(folder, "allocation.csv")
    places = {r["region_id"]: r for r in rows(Path("data"), "yrd.csv") if r["year"] == "2023"}
    for resource, chart in zip(("fund", "land", "training"), charts(page, "map"), strict=True):
        mine = [r for r in allocation if r["resource"] == resource and Decimal(r["entitlement"])]
        mine.sort(key=lambda r: (-Decimal(r["amount"]), r["region_id"]))
        drawn = bubbles(chart)
        amounts = np.array([float(r["amount"]) for r in mine])
        assert np.array([r for _, _, r in drawn]) ** 2 / drawn[0][2] ** 2 == pytest.approx(
            amounts / amounts[0], rel=2e-3
        )
        assert drawn[0][2] == pytest.approx(27, abs=0.01)
        for k, name in enumerate(("longitude", "latitude")):
            there = [float(places[r["region_id"]][name]) for r in mine]
            slope = np.polyfit(there, [spot[k] for spot in drawn], 1)
            assert np.polyval(slope, there) == pytest.approx(np.array([spot[k] for spot in drawn]), abs=0.02)
            assert (slope[0] > 0) == (name == "longitude")
        shades = {"much-below": 0.9, "below": 0.98, "level": 1.02, "above": 1.1, "much-above": np.inf}
        for row, one in zip(mine, chart.all("path"), strict=True):
            shade = next(s for s, bound in shades.items() if float(row["coverage"]) < bound)
            assert one.attributes["fill"] == f"var(--{shade})"
        assert chart.attributes["role"] == "img" and resource in chart.attributes["aria-label"]


def test_the_area_beside_a_lorenz_curve_is_the_gini(folder, page):
    summary = json.loads((folder / "summary.json").read_text())
    for facts, chart in zip(summary["resources"].values(), charts(page, "lorenz"), strict=True):
        even, *curves = [np.array(re.findall(r"[\d.]+", one.attributes["d"]), float) for one in chart.all("path")[:3]]
        assert even.tolist() == [0, 360, 360, 0]
        for when, curve in zip(("before", "after"), curves, strict=True):
            x, y = curve[0::2] / 360, 1 - curve[1::2] / 360
            assert (np.diff(x) >= 0).all() and (np.diff(y) >= 0).all()
            area = sum((b - a) * (c + d) / 2 for (a, b), (c, d) in zip(pairwise(x), pairwise(y), strict=True))
            assert 1 - 2 * area == pytest.approx(float(facts["inequality"][when]["gini"]), abs=2e-4)


def test_the_ladder_leads_from_the_equal_share_to_the_amount_on_one_scale(folder, page):
    people = {
        r["region_id"]: float(r["population_persons"]) for r in rows(Path("data"), "yrd.csv") if r["year"] == "2023"
    }
    ids = {r["region_name"]: r["region_id"] for r in rows(folder, "allocation.csv")}
    for resource in ("fund", "land", "training"):
        table = named(page, f"{resource.capitalize()}: the steps of each amount")
        seen, there = [], []
        for row in table.rows:
            found = row[1].all("path")
            if not found:
                assert figure(row[-1].text) == 0
                continue
            start, end = (float(re.findall(r"[\d.]+", one.attributes["d"])[0]) for one in found)
            rounding = float(figure(row[table.head.index("Rounding")].text) or 0)
            head = people[ids[row[0].text]]
            seen += [start, end]
            there += [float(figure(row[2].text) or 0) / head, (float(figure(row[-1].text) or 0) - rounding) / head]
            bars = [(float(b.attributes["x"]), float(b.attributes["width"])) for b in row[1].all("rect")]
            joined = {round(start, 1), round(end, 1)}
            assert all(min(abs(p - j) for x, w in bars for p in (x, x + w)) <= 0.5 for j in joined)
        scale = np.polyfit(there, seen, 1)
        assert np.polyval(scale, there) == pytest.approx(np.array(seen), abs=0.01)
        assert np.ptp(seen[0::2]) < 0.02


def test_ranks_are_counted_from_the_top_among_all_and_within_the_group(folder, page):
    articles = dossiers(folder, page)
    allocation = rows(folder, "allocation.csv")
    for row in allocation:
        mine = [r for r in allocation if r["resource"] == row["resource"] and r["coverage"]]
        near = [r for r in mine if r["province"] == row["province"]]
        if not row["coverage"]:
            continue
        for column, words in (("per_head", "mount a head"), ("coverage", "coverage")):
            better, nearer = (sum(float(r[column]) > float(row[column]) for r in some) for some in (mine, near))
            said = f"{words}: place {better + 1} of {len(mine)} from the top"
            if len(near) > 1:
                said += f", {nearer + 1} of {len(near)} in {row['province']}"
            spread = [float(r[column]) for r in mine]
            told = max(spread) - min(spread) > 0.001 * max(spread)
            close = [float(r[column]) for r in near]
            if told and (len(near) == 1 or max(close) - min(close) > 0.001 * max(close)):
                assert said in articles[row["region_id"]].text


@pytest.mark.parametrize("east", [[178.0, -179.0, 179.5, -177.5], [5.0, 6.0, 7.0, 8.0]])
def test_a_map_is_drawn_across_the_date_line(east, tmp_path):
    frame = regions(np.random.default_rng(4), 4).sort_values("id")
    frame["longitude"], frame["latitude"], frame["population"], frame["need"] = east, [1.0, 2.0, 3.0, 4.0], 1000, 1.0
    page = read(made(Fund(parse_policy(policy([])), frame), tmp_path / "out"))
    (chart,) = charts(page, "map")
    across = [x for x, _, _ in bubbles(chart)]
    assert np.corrcoef(across, [e + 360 if e < 0 else e for e in east])[0, 1] == pytest.approx(1, abs=1e-4)
    assert all(0 < x < 620 for x in across)


def test_without_coordinates_there_is_no_map_and_the_page_does_not_speak_of_one(tmp_path):
    page = read(made(Fund(parse_policy(policy([])), regions(np.random.default_rng(4), 5)), tmp_path / "out"))
    assert charts(page, "map") == [] and len(charts(page, "lorenz")) == 1
    assert "bubble" not in page.text
