"""The page for people: every figure is that of the files, nothing runs, nothing is loaded, names are text."""

from __future__ import annotations

import csv
import hashlib
import io
import json
import re
import shutil
import subprocess
import sys
import unicodedata
from collections import defaultdict
from decimal import Decimal
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fundalloc import ConflictError, DifferenceError, Fund, InputError, load
from fundalloc.cli.app import run
from fundalloc.expressions import Expression
from fundalloc.policy import parse_policy
from fundalloc.report.page import figures, rendering
from fundalloc.report.page.glossary import WORDS, glossary
from fundalloc.report.page.method import SHIFTS
from fundalloc.report.page.paper import on_paper
from fundalloc.report.words import per_heads
from fundalloc.retrospect import watched
from fundalloc.rules import Rows
from fundalloc.verification import verify
from tests.funds import history, policy, regions
from tests.pages import Element, Table, figure, read, tables
from tests.test_laws_of_rules import data, stated

CENT = Decimal("0.01")
STAGE = {
    "equal": "Equal share",
    "criterion": "Criteria",
    "arrears": "Arrears and adjustments",
    "rule": "Rules",
    "rounding": "Rounding",
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    out = tmp_path_factory.mktemp("page") / "out"
    load("models/yrd.toml").allocate().write(out, ["html"])
    return out


@pytest.fixture(scope="module")
def page(folder) -> Element:
    return read((folder / "report.html").read_bytes())


def rows(folder: Path, name: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO((folder / name).read_text(encoding="utf-8"), newline="")))


def named(page: Element, caption: str) -> Table:
    (found,) = [t for t in tables(page) if t.caption.startswith(caption)]
    return found


def resources(folder: Path) -> list[str]:
    return list(dict.fromkeys(row["resource"] for row in rows(folder, "allocation.csv")))


def rounded(text: str, digits: int, factor: float = 1.0) -> str:
    return f"{factor * float(text):.{digits}f}"


# Every figure is that of the files.


def test_the_tables_of_amounts_are_those_of_the_file(folder, page):
    numbers = {r["name"]: k for k, r in enumerate(json.loads((folder / "summary.json").read_text())["rules"], 1)}
    for resource in resources(folder):
        table = named(page, f"{resource.capitalize()}: what each region receives")
        mine = [row for row in rows(folder, "allocation.csv") if row["resource"] == resource]
        mine.sort(key=lambda row: (-Decimal(row["amount"]), row["region_id"]))
        assert table.column("Region") == [row["region_name"] for row in mine]
        for title, key in (("Amount", "amount"), ("Entitlement", "entitlement"), ("Target", "target")):
            if title in table.head or key != "target":
                assert [figure(t) for t in table.column(title)] == [Decimal(row[key]) for row in mine]
        for shown, row in zip(table.column("Coverage"), mine, strict=True):
            assert figure(shown) == (Decimal(rounded(row["coverage"], 2, 100)) if row["coverage"] else None)
        (heads,) = [t for t in table.head if re.fullmatch(r"A head|Per [\d,]+ heads", t)]
        count = int(re.sub(r"\D", "", heads) or 1)
        assert table.column(heads) == [f"{float(row['per_head']) * count:,.2f}" for row in mine]
        for shown, row in zip(table.column("Since last round"), mine, strict=True):
            change, *ratio = shown.split(" ", 1)
            assert figure(change) == Decimal(row["change"])
            before = Decimal(row["previous"])
            parts = [f"{100 * (Decimal(row['amount']) / before - 1):+.1f}"] if before else []
            assert [str(figure(r)) for r in ratio] == [str(Decimal(p)) for p in parts]
        if resource == "fund":
            for title, key in (("Pays in", "contribution"), ("Net", "net")):
                assert [figure(t) for t in table.column(title)] == [round(Decimal(row[key]), 2) for row in mine]
        moved: dict[str, list[tuple[Decimal, str]]] = defaultdict(list)
        for step in rows(folder, "steps.csv"):
            if step["kind"] == "rule" and step["resource"] == resource:
                moved[step["region_id"]].append((Decimal(step["amount"]), step["step"]))
        for title, most, sign in (("Rule that costs most", min, -1), ("Rule that helps most", max, 1)):
            for shown, row in zip(table.column(title) if moved else (), mine, strict=bool(moved)):
                amount, rule = most(moved[row["region_id"]])
                said = shown.split() if amount * sign > 0 else []
                assert [figure(said[0]), int(said[1])] == [amount, numbers[rule]] if said else shown == "–"


def test_the_totals_are_the_sums(folder, page):
    for resource in resources(folder):
        caption = f"{resource.capitalize()}: what each region receives"
        (element,) = [t for t in page.all("table") if t.all("caption")[0].text.startswith(caption)]
        total = [cell.text for cell in element.all("tfoot")[0].all("th", "td")]
        head = named(page, caption).head
        mine = [row for row in rows(folder, "allocation.csv") if row["resource"] == resource]
        for title, key in (("Amount", "amount"), ("Entitlement", "entitlement")):
            assert figure(total[head.index(title)]) == sum(Decimal(row[key]) for row in mine)
        table = tables(page.by_id(f"part{resources(folder).index(resource) + 1}"))[0]
        assert table.caption.startswith("By province")
        for label, shown in zip(table.column("Province"), table.column("Amount"), strict=True):
            assert figure(shown) == sum(Decimal(row["amount"]) for row in mine if row["province"] == label)


def test_the_stages_are_sums_of_steps_and_add_up_to_the_amounts(folder, page):
    for resource in resources(folder):
        table = named(page, f"{resource.capitalize()}: the steps of each amount")
        names = {row["region_name"]: row["region_id"] for row in rows(folder, "allocation.csv")}
        sums: dict[tuple[str, str], Decimal] = defaultdict(Decimal)
        for step in rows(folder, "steps.csv"):
            if step["resource"] == resource:
                sums[step["region_id"], STAGE[step["kind"]]] += Decimal(step["amount"])
        for k, name in enumerate(table.column("Region")):
            stages = {t: figure(table.column(t)[k]) for t in table.head if t in STAGE.values()}
            one = names[name]
            assert stages == {t: sums[one, t] for t in stages}
            assert {t for (i, t), v in sums.items() if i == one and v} <= set(stages)
            assert sum(v for v in stages.values() if v is not None) == figure(table.column("= Amount")[k])


def dossiers(folder: Path, page: Element) -> dict[str, Element]:
    by_name = {article.all("h3")[0].text: article for article in page.by_id("regions").all("article")}
    ids = {row["region_name"]: row["region_id"] for row in rows(folder, "allocation.csv")}
    return {ids[name]: article for name, article in by_name.items()}


def test_every_region_has_its_steps_in_figures_and_in_bars(folder, page):
    articles = dossiers(folder, page)
    allocation = rows(folder, "allocation.csv")
    assert set(articles) == {row["region_id"] for row in allocation}
    steps: dict[tuple[str, str], list[tuple[str, Decimal]]] = defaultdict(list)
    for step in rows(folder, "steps.csv"):
        steps[step["region_id"], step["resource"]].append((step["step"], Decimal(step["amount"])))
    for one, article in articles.items():
        mine = {row["resource"]: row for row in allocation if row["region_id"] == one}
        found = iter(t for t in tables(article) if not t.caption.startswith("Since round"))
        for resource, row in mine.items():
            if not any(amount for _, amount in steps[one, resource]):
                assert f"{resource.capitalize()}: nothing is due and nothing is given." in article.text
                continue
            table = next(found)
            names = [name.removeprefix("rule: ") for name in table.column("Step")]
            shown = list(zip(names, map(figure, table.column("Amount")), strict=True))
            totals = {"entitlement", "target", "amount"}
            assert [s for s in shown if s[0] not in totals] == steps[one, resource]
            assert all(value == Decimal(row[name]) for name, value in shown if name in totals)
            assert shown[-1] == ("amount", Decimal(row["amount"]))
            check_bars(table, shown, totals)
        assert next(found, None) is None


def test_the_causes_of_every_change_are_those_of_the_file(folder, page):
    articles = dossiers(folder, page)
    changes = rows(folder, "changes.csv")
    causes = list(changes[0])[6:]
    for resource in resources(folder):
        table = named(page, f"{resource.capitalize()}: the change of each amount")
        mine = {row["region_name"]: row for row in changes if row["resource"] == resource}
        moving = [cause for cause in causes if any(Decimal(row[cause] or 0) for row in mine.values())]
        assert sorted(table.column("Region")) == sorted(mine)
        for k, name in enumerate(table.column("Region")):
            shown = [figure(cell.text.split(" ")[0]) for cell in table.rows[k][1:]]
            row = mine[name]
            assert shown == [Decimal(row[c]) for c in ("before", "after", "change", *moving)]
            assert shown[0] + sum(shown[3:]) == shown[1]
    for one, article in articles.items():
        told = [t for t in tables(article) if t.caption.startswith("Since round 2022")]
        mine = [row for row in changes if row["region_id"] == one and Decimal(row["change"])]
        assert len(told) == len(mine)
        for table, row in zip(told, mine, strict=True):
            shown = [figure(text) for text in table.column("Amount")]
            assert shown[0] == Decimal(row["before"]) and shown[-1] == Decimal(row["after"])
            assert shown[1:-1] == [Decimal(row[c]) for c in causes if Decimal(row[c] or 0)]


def test_coverage_over_the_rounds_is_that_of_the_history_and_of_this_round(folder, page):
    past = list(csv.DictReader(io.StringIO(Path("data/yrd_history.csv").read_text(encoding="utf-8"))))
    now = [{**row, "round": "2023"} for row in rows(folder, "allocation.csv")]
    paid = {(r["resource"], r["region_id"], r["round"]): r for r in (*past, *now)}
    names = {row["region_name"]: row["region_id"] for row in now}
    for resource in resources(folder):
        table = named(page, f"{resource.capitalize()}: coverage round by round")
        assert table.head[1:5] == ["2020", "2021", "2022", "2023"]
        for k, name in enumerate(table.column("Region")):
            owed, behind = 0.0, 0
            for label in table.head[1:5]:
                row = paid.get((resource, names[name], label))
                due, amount = (float(row[c]) for c in ("entitlement", "amount")) if row else (0.0, 0.0)
                shown = table.column(label)[k]
                assert figure(shown) == (Decimal(f"{100 * amount / due:.1f}") if due else None)
                owed += due - amount
                behind = behind + 1 if due and amount < 0.95 * due else 0
            said = table.column("Behind for")[k]
            assert said.startswith(f"{behind} round") if behind else said == "–"
            (title,) = [t for t in table.head if t.startswith("Owed")]
            assert float(figure(table.column(title)[k])) == pytest.approx(owed, rel=1e-6, abs=0.02)


def test_the_caveats_name_who_stands_beside_a_threshold(page):
    fund = load("models/yrd.toml")
    development = Expression("development", "").evaluate(fund.problem.resources[0].scope)
    bound, spread = np.quantile(development, 0.4), 0.1 * development.std()
    names = dict(zip(fund.regions.names, (development - bound).tolist(), strict=True))
    (said,) = [
        li.text
        for li in page.by_id("caveats").all("li")
        if "a third for the less developed" in li.text and "threshold" in li.text
    ]
    within, outside = said.split("Just within: ")[1].split(". Just outside: ")
    assert set(within.split(", ")) == {n for n, gap in names.items() if -spread <= gap < 0}
    assert set(outside.removesuffix(".").split(", ")) == {n for n, gap in names.items() if 0 <= gap <= spread}


def test_a_watched_rule_that_is_missed_says_whether_it_could_be_required(folder, page):
    told = json.loads((folder / "summary.json").read_text())["looked"]["required"]
    assert list(told) == ["not behind over three rounds"]
    said = told["not behind over three rounds"]
    assert f"Could it be required? {said}" in page.by_id("rule7").text
    fund, allowed = load("models/yrd.toml"), {}
    for one in fund.rows:
        if isinstance(one, Rows) and one.mode == "require":
            for k, place in enumerate(one.places):
                if place in fund.regions.ids:
                    key = one.resource, place
                    allowed[key] = min(allowed.get(key, np.inf), one.high[k])
    short = set()
    for row in rows(folder, "rules.csv"):
        if row["rule"] == "not behind over three rounds" and row["low"]:
            least = allowed.get((row["resource"], row["place"]), np.inf)
            if least < float(row["low"]) * (1 - 1e-9):
                short.add(fund.regions.names[fund.regions.ids.index(row["place"])])
    assert short == {"Hefei", "Wuhu", "Ma'anshan", "Huaibei", "Hangzhou", "Shanghai"}
    assert all(f"{name} (" in said for name in short)
    for bound in (0.9199, 0.8251):  # what is advised for each resource can be kept, and a little more cannot
        assert f"{bound}" in said


@pytest.mark.parametrize(("resource", "floor"), [("fund", 0.919929), ("land", 0.825175)])
def test_the_least_change_that_is_advised_for_a_watched_rule_is_the_least(resource, floor):
    def decided(number):
        settings = ["rules.not behind over three rounds.mode=require"]
        settings += [f"rules.not behind over three rounds.resource={resource}"]
        settings += [f"rules.not behind over three rounds.floor={number}"]
        return load("models/yrd.toml", settings=settings).allocate()

    decided(floor)
    with pytest.raises(ConflictError):
        decided(floor + 2e-6)


def test_every_region_has_what_it_pays_in_and_what_is_unpaid(folder, page):
    articles = dossiers(folder, page)
    for row in rows(folder, "allocation.csv"):
        text = articles[row["region_id"]].text
        if row["contribution"]:
            assert f"It pays in {round(Decimal(row['contribution']), 2):,}".removesuffix(".00") in text
            assert f"net that is {round(Decimal(row['net']), 2):,}".removesuffix(".00") in text
        unpaid = Decimal(row["arrears"])
        if unpaid and any(Decimal(row[key]) for key in ("amount", "entitlement")):
            words = "leave unpaid" if unpaid > 0 else "have paid it ahead"
            assert f"{words}, of its entitlement: {abs(unpaid):,} {row['unit']}" in text


def check_bars(table: Table, shown: list[tuple[str, Decimal | None]], totals: set[str]) -> None:
    """The bars hang where the step before has ended, on one scale that begins at 0."""
    ends, now = [], Decimal(0)
    for name, value in shown:
        assert value is not None
        before, now = (Decimal(0), value) if name in totals else (now, now + value)
        ends.append((min(before, now), max(before, now)))
    most, least = max(b for _, b in ends), min(0, *(a for a, _ in ends))
    scale = 100 / float(most - least)
    for row, (low, high) in zip(table.rows, ends, strict=True):
        (rect,) = row[table.head.index("Picture")].all("rect")
        width = max(float(high - low) * scale, 0.5) if high > low else 0.0
        assert float(rect.attributes["width"]) == pytest.approx(width, abs=0.0051)
        left = min(float(low - least) * scale, 100 - width)
        assert float(rect.attributes["x"]) == pytest.approx(left, abs=0.0051)


def test_what_a_rule_gives_others_pay_and_both_are_the_steps(folder, page):
    allocation = rows(folder, "allocation.csv")
    names = {row["region_id"]: row["region_name"] for row in allocation}
    for k, resource in enumerate(resources(folder), 1):
        shifts: dict[str, dict[str, Decimal]] = defaultdict(dict)
        for step in rows(folder, "steps.csv"):
            if step["kind"] == "rule" and step["resource"] == resource:
                shifts[step["step"]][names[step["region_id"]]] = Decimal(step["amount"])
        cards = page.by_id(f"part{k}").all("article")
        assert {card.all("h4")[0].text for card in cards} == set(shifts)
        for card in cards:
            expected = shifts[card.all("h4")[0].text]
            found, sides = {}, []
            for side in card.all("div")[0].all("div"):
                moves = {li.all("span")[0].text: figure(li.all("b")[0].text) for li in side.all("li")}
                sides.append(sum(v for v in moves.values() if v is not None))
                found |= moves
                count = int(re.sub(r"\D", "", side.all("h5")[0].text))
                assert count == len(moves)
            assert found == {name: v for name, v in expected.items() if v}
            assert sides[0] == -sides[1]
            moved = re.search(r"It moves ([\d,.]+)", card.text)
            assert moved and Decimal(moved[1].rstrip(".").replace(",", "")) == sides[0]


def test_the_shifts_by_group_are_sums_of_steps(folder, page):
    table = named(page, "By province, in CNY: + receives")
    where = {row["region_id"]: row["province"] for row in rows(folder, "allocation.csv")}
    sums: dict[tuple[str, str], Decimal] = defaultdict(Decimal)
    for step in rows(folder, "steps.csv"):
        if step["kind"] == "rule" and step["resource"] == "fund":
            sums[where[step["region_id"]], step["step"]] += Decimal(step["amount"])
    for row in table.rows:
        label, *cells, total = (cell.text for cell in row)
        assert [figure(c) for c in cells] == [sums[label, rule] for rule in table.head[1:-1]]
        assert figure(total) == sum(sums[label, rule] for rule in table.head[1:-1])


def test_the_rules_say_what_the_files_say(folder, page):
    summary = json.loads((folder / "summary.json").read_text())
    names = {row["region_id"]: row["region_name"] for row in rows(folder, "allocation.csv")}
    places: dict[str, dict[tuple[str, str], dict[str, str]]] = defaultdict(dict)
    for row in rows(folder, "rules.csv"):
        place = {"all": "all regions together"}.get(row["place"], names.get(row["place"], row["place"]))
        places[row["rule"]][place, row["resource"]] = row
    for k, rule in enumerate(summary["rules"], 1):
        card = page.by_id(f"rule{k}")
        assert rule["sentence"] in card.text.replace(rule["sentence"].capitalize()[:1], rule["sentence"][:1])
        assert rule["why"] in card.text
        assert all(price["words"] in card.text for price in rule["price"])
        for resource, moved in rule["moved"].items():
            if float(moved):
                said = re.search(rf"Moves ([\d,.]+) \w+ of {resource}", card.text)
                assert said and figure(said[1]) == Decimal(moved)
        found = tables(card)
        if not found:
            assert rule["binding"] == 0 and rule["mode"] != "watch"
            continue
        missed = "watched" in card.text
        assert len(found[0].rows) == (11 if missed else rule["binding"])
        for row in found[0].rows:
            place, resource, *figures_ = (cell.text for cell in row)
            theirs = places[rule["name"]][place, resource]
            assert missed or theirs["binding"] == "yes"
            for shown, key in zip(figures_, ("low", "value", "high"), strict=True):
                value = figure(shown)
                digits = CENT if rule["kind"] == "limit" else Decimal("1e-8")
                assert (value is None) == (theirs[key] == "")
                assert value is None or abs(value - Decimal(theirs[key])) <= digits / 2


def test_the_headline_is_that_of_the_summary(folder, page):
    summary = json.loads((folder / "summary.json").read_text())
    glance = page.by_id("glance")
    tiles = {(k, dt.text): dt.parent for k, dl in enumerate(glance.all("dl")) for dt in dl.all("dt")}
    for k, (name, facts) in enumerate(summary["resources"].items()):
        assert f"{Decimal(facts['amounts']):,} {facts['unit']}" in tiles[k, f"{name} shared out"].text
        assert f"{Decimal(facts['moved_by_rules']):,} {facts['unit']}" in tiles[k, "moved by rules"].text
        ginis = [f"{float(facts['inequality'][when]['gini']):.3f}" for when in ("before", "after")]
        assert " → ".join(ginis) in tiles[k, "Gini per head"].text
        mine = [row for row in rows(folder, "allocation.csv") if row["resource"] == name and row["coverage"]]
        last = min(mine, key=lambda row: (float(row["coverage"]), row["region_id"]))
        shown = tiles[k, "lowest coverage"].text
        assert rounded(last["coverage"], 1, 100) in shown and last["region_name"] in shown
    text = page.by_id("part1").text
    for when in ("before", "after"):
        assert f"Gini {float(summary['resources']['fund']['inequality'][when]['gini']):.4f}" in text


def test_flags_stand_on_top_with_their_messages_and_by_their_regions(folder, page):
    flags = rows(folder, "flags.csv")
    order = [one.attributes.get("id") for one in page.all("section")]
    assert order[:3] == ["glance", "flags", "part1"]
    items = [li.text for li in page.by_id("flags").all("li")]
    articles = dossiers(folder, page)
    for flag in flags:
        assert sum(item.startswith(flag["message"]) for item in items) == 1
        assert flag["message"] in articles[flag["subject"]].text
    fund = load("models/yrd.toml")
    seen = [flag for one in watched(fund, fund.allocate().decision).values() for flag in one.flags]
    others = [item for item in items if not any(item.startswith(flag["message"]) for flag in flags)]
    assert len(items) == len(flags) + len(others)
    about = {(flag.subject, flag.resource) for flag in seen if flag.severity != "info"}
    assert len(others) == len(about)
    for one, _ in about:
        mine = [flag.message for flag in seen if flag.subject == one]
        assert any(message in articles[one].text and any(message in item for item in others) for message in mine)


def test_the_sentences_are_those_of_explain(folder, page):
    allocation = load("models/yrd.toml").allocate()
    articles = dossiers(folder, page)
    mine: dict[str, list[dict[str, str]]] = defaultdict(list)
    for row in rows(folder, "allocation.csv"):
        mine[row["region_id"]].append(row)
    for one, article in articles.items():
        for row, block in zip(mine[one], allocation.explain(one).split("\n\n"), strict=True):
            said = next(line.strip() for line in block.splitlines() if line.startswith("  That is "))
            if Decimal(row["amount"]):
                count = {"fund": 1, "land": 10_000, "training": 10_000}[row["resource"]]  # alike for all regions
                head = f"{float(row['per_head']) * count:,.2f} {row['unit']} {per_heads(count)}"
                assert f"That is {head}; {said.split('; ', 1)[1]}" in article.text


def test_the_hashes_are_those_of_the_files(folder, page):
    summary = json.loads((folder / "summary.json").read_text())
    table = named(page, "Inputs and files")
    said = dict(zip(table.column("File"), table.column("SHA-256"), strict=True))
    files = {p.name: hashlib.sha256(p.read_bytes()).hexdigest() for p in folder.iterdir()}
    assert summary["files"] == {name: h for name, h in files.items() if name != "summary.json"}
    inputs = {source["file"]: source["sha256"] for source in summary["inputs"].values()}
    assert said == inputs | {n: h for n, h in files.items() if n not in ("summary.json", "report.html")}
    assert all(f"{name} {number}" in page.text for name, number in summary["versions"].items())


# What runs, what is loaded, who can read it.


def check_harmless(content: bytes) -> Element:
    page = read(content)
    for one in page.all():
        assert one.tag not in ("script", "iframe", "object", "embed", "link", "img", "form", "base", "foreignobject")
        for name, value in one.attributes.items():
            assert not name.startswith("on") and name not in ("src", "srcset", "style", "action", "formaction")
            assert "http" not in value or name in ("xmlns", "http-equiv", "aria-label") or one.tag == "meta"
            assert name not in ("href", "xlink:href") or value.startswith("#")
    (style,) = page.all("style")
    assert not re.search(r"url\(|@import|expression|</", style.text)
    metas = [one.attributes for one in page.all("meta")]
    assert metas[1]["http-equiv"] == "Content-Security-Policy"
    assert metas[1]["content"].startswith("default-src 'none'; style-src 'unsafe-inline'; img-src data:")
    return page


def test_nothing_runs_and_nothing_is_loaded(folder):
    check_harmless((folder / "report.html").read_bytes())


def test_landmarks_headings_captions_and_names_of_pictures(page):
    assert page.all("html")[0].attributes["lang"] == "en"
    assert [len(page.all(tag)) for tag in ("h1", "main", "header", "footer", "nav", "title")] == [1, 1, 1, 1, 1, 1]
    levels = [int(one.tag[1]) for one in page.all("h1", "h2", "h3", "h4", "h5", "h6")]
    assert levels[0] == 1 and all(b <= a + 1 for a, b in pairwise(levels))
    for table in page.all("table"):
        assert table.all("caption")[0].text
        assert all(th.attributes.get("scope") in ("col", "row") for th in table.all("th"))
        assert all(th.text for th in table.all("th"))
    for svg in page.all("svg"):
        picture = svg.attributes
        assert (
            picture.get("aria-hidden") == "true"
            or svg.parent.parent.attributes.get("aria-hidden") == "true"
            or (picture["role"] == "img" and picture["aria-label"])
        )
    ids = [one.attributes["id"] for one in page.all() if "id" in one.attributes]
    assert len(ids) == len(set(ids))
    links = {one.attributes["href"][1:] for one in page.all("a")}
    assert links <= set(ids)
    named_by = {one.attributes["aria-labelledby"] for one in page.all() if "aria-labelledby" in one.attributes}
    assert named_by <= set(ids)


def luminance(colour: str) -> float:
    digits = colour[1:] if len(colour) == 7 else "".join(c * 2 for c in colour[1:])
    parts = [int(digits[k : k + 2], 16) / 255 for k in (0, 2, 4)]
    linear = [p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one: str, other: str) -> float:
    light, dark = sorted((luminance(one), luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


@pytest.mark.parametrize("scheme", [0, 1], ids=["light", "dark"])
def test_texts_and_bars_stand_out(scheme):
    style = (rendering.TEMPLATES / "style.css").read_text(encoding="utf-8")
    blocks = re.findall(r":root \{(.*?)\}", style, flags=re.DOTALL)
    colours = {}
    for block in blocks[: scheme + 1]:
        colours |= dict(re.findall(r"--([\w-]+): (#[0-9a-f]{3,6});", block))
    for ink in ("ink", "muted", "accent"):
        for ground in ("paper", "wash"):
            assert contrast(colours[ink], colours[ground]) >= 4.5, (ink, ground)
    assert contrast(colours["good-ink"], colours["good-wash"]) >= 4.5
    assert contrast(colours["warn-ink"], colours["warn-wash"]) >= 4.5
    assert contrast(colours["band"], "#ffffff") >= 7 and contrast(colours["band"], "#b9d3e6") >= 4.5
    for fill in ("key", "due", "rule", "sum", "get", "give", "much-below", "much-above"):
        assert contrast(colours[fill], colours["paper"]) >= 3, fill


# Hostile names.

HOSTILE = [
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    '=HYPERLINK("http://evil.example")',
    "\u202eexe.tnuoma",
    "x" * 300,
    "two\nlines",
    "{{ 7 * 7 }}{% raw %}",
    "[/red]",
    "' onmouseover='alert(1)",
    "</style></svg><script>alert(1)</script>",
    "&lt;b&gt;&amp;",
    "漢字\u200bと\u2066かな",
    "be\u2028ll",
]


def hostile(order: np.ndarray | None = None) -> Fund:
    rng = np.random.default_rng(7)
    frame = regions(rng, len(HOSTILE))
    frame["name"] = HOSTILE
    frame["state"] = ["<i>S</i>" if k % 2 else '"><b onload=x>' for k in range(len(frame))]
    frame["longitude"], frame["latitude"] = rng.uniform(5, 9, len(frame)), rng.uniform(40, 44, len(frame))
    past = history(frame, rng)
    if order is not None:
        frame = frame.iloc[order]
    bad = '<script>alert("rule")</script>'
    rules = [
        {"kind": "limit", "name": bad, "of": "previous", "floor": 0.98, "why": bad, "reference": "</p>" + bad},
        {"kind": "limit", "name": "watched </td>", "of": "entitlement", "floor": 1.0, "mode": "watch"},
    ]
    entries = policy(rules, fund={"unit": "<u>€</u>", "lot": 1})
    entries["fund"] |= {"title": '</title><script>alert(1)</script>"', "reference": "<img src=x>"}
    entries["resources"]["fund"]["criteria"] = [
        {"name": "</th><script>", "weight": 1, "measure": "population * need", "why": bad}
    ]
    return Fund(parse_policy(entries), frame, past)


def made(fund: Fund, folder: Path) -> bytes:
    fund.allocate().write(folder, ["html"])
    return (folder / "report.html").read_bytes()


def test_hostile_names_are_text_everywhere(tmp_path):
    content = made(hostile(), tmp_path / "out")
    page = check_harmless(content)
    shown = {re.sub(r"\s+", " ", str(figures.visible(name))) for name in HOSTILE}
    assert set(named(page, "Fund: what each region receives").column("Region")) == shown
    assert set(named(page, "Fund: the steps of each amount").column("Region")) == shown
    assert {a.all("h3")[0].text for a in page.by_id("regions").all("article")} == shown
    assert "[U+202E]exe.tnuoma" in shown and "漢字[U+200B]と[U+2066]かな" in shown and "be[U+2028]ll" in shown
    assert page.all("title")[0].text == '</title><script>alert(1)</script>", round 2023'
    labels = [one.text for one in page.all("svg") if "map" in one.attributes.get("class", "")]
    assert "<script>alert(1)</scrip…" in labels[0] and "{{ 7 * 7 }}{% raw %}" in labels[0]
    hidden = re.compile(
        "[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u061c\u200b\u200e\u200f\u202a-\u202e\u2060-\u2069\ufeff]"
    )
    assert not hidden.search(content.decode())


@given(st.text(max_size=40))
def test_no_text_is_lost_and_none_hides_anything(text):
    shown = str(figures.visible(text))
    assert not {unicodedata.category(c) for c in shown if c not in "\n\t\u200c\u200d"} & {"Cc", "Cf", "Zl", "Zp"}
    again = re.sub(r"\[U\+([0-9A-F]{4,6})\]", lambda m: chr(int(m[1], 16)), shown)
    assert [a for a in again if not a.isspace()] == [a for a in text if not a.isspace()]


# The same input gives the same bytes.


def test_the_same_bytes_twice_and_from_rows_in_another_order(tmp_path):
    first = made(hostile(), tmp_path / "a")
    assert made(hostile(), tmp_path / "b") == first

    def but_for_hashes(content: bytes) -> str:
        return re.sub(r"[0-9a-f]{64}", "", content.decode())

    order = np.random.default_rng(3).permutation(len(HOSTILE))
    assert but_for_hashes(made(hostile(order), tmp_path / "c")) == but_for_hashes(first)


# Verification.


def test_a_page_is_verified_with_its_round(folder):
    assert verify(folder).gap == 0


def test_a_page_that_says_otherwise_is_found(folder, tmp_path):
    out = tmp_path / "out"
    shutil.copytree(folder, out)
    content = (out / "report.html").read_bytes().replace(b"1,368,100,000", b"1,368,200,000", 1)
    (out / "report.html").write_bytes(content)
    summary = json.loads((out / "summary.json").read_text())
    summary["files"]["report.html"] = hashlib.sha256(content).hexdigest()
    (out / "summary.json").write_text(json.dumps(summary))
    with pytest.raises(DifferenceError, match=r"report\.html, line \d+"):
        verify(out)


def test_a_page_of_other_tools_is_not_claimed_to_be_proven(folder, tmp_path):
    out = tmp_path / "out"
    shutil.copytree(folder, out)
    summary = json.loads((out / "summary.json").read_text())
    summary["versions"]["altair"] = "1.0"
    (out / "summary.json").write_text(json.dumps(summary))
    assert verify(out).sentences[-1] == "Not verified: report.html, which other versions of its tools drew."
    assert "Not verified" not in " ".join(verify(folder).sentences)


# Many regions.


def test_with_many_regions_only_those_that_stand_out_have_sections_and_the_page_says_so(tmp_path):
    rng = np.random.default_rng(5)
    frame = regions(rng, 420)
    past = history(frame, rng)
    rules = [{"kind": "limit", "name": "watched", "of": "entitlement", "floor": 1.05, "mode": "watch"}]
    fund = Fund(parse_policy(policy(rules, fund={"lot": 50})), frame, past)
    allocation = fund.allocate()
    allocation.write(tmp_path / "out", ["html"])
    page = check_harmless((tmp_path / "out" / "report.html").read_bytes())
    allocated = rows(tmp_path / "out", "allocation.csv")
    order = sorted(allocated, key=lambda row: (float(row["change"]), row["region_id"]))
    flagged = list(dict.fromkeys(f.subject for f in allocation.flags))[:100]
    assert len(flagged) == 100
    expected = {row["region_name"] for row in order[:10] + order[-10:]}
    expected |= {row["region_name"] for row in allocated if row["region_id"] in flagged}
    assert {a.all("h3")[0].text for a in page.by_id("regions").all("article")} == expected
    assert f"{len(expected)} of 420 regions have a section here" in page.text
    blocks = [t for t in tables(page) if "what each region receives" in t.caption]
    assert [t.caption.split(",")[1].strip(" :").split(":")[0] for t in blocks] == sorted(set(frame["state"]))
    amounts = {name: figure(a) for t in blocks for name, a in zip(t.column("Region"), t.column("Amount"), strict=True)}
    assert amounts == {row["region_name"]: Decimal(row["amount"]) for row in allocated}
    assert all(t.column("Amount") == sorted(t.column("Amount"), key=figure, reverse=True) for t in blocks)


def test_a_fund_of_one_region_without_people_has_a_page(tmp_path):
    entries = policy([], fund={"criteria": [{"name": "need", "weight": 1, "measure": "need"}]})
    del entries["regions"]["population"]
    frame = regions(np.random.default_rng(1), 1).drop(columns="population")
    page = check_harmless(made(Fund(parse_policy(entries), frame), tmp_path / "out"))
    assert named(page, "Fund: what each region receives").column("Amount") == ["20,000,000"]
    assert "A head" not in named(page, "Fund: what each region receives").head


VARIANTS: dict[str, dict[str, Any]] = {
    "open supply": {
        "supply": "open",
        "criteria": [{"name": "rate", "rate": 2.5, "measure": "population * need"}],
    },
    "claims": {"criteria": [], "claims": {"measure": "population * 1000", "rule": "talmud"}},
    "rates that are scaled": {"criteria": [{"name": "rate", "rate": 3, "measure": "population"}]},
    "part of the regions": {"where": "coast == 'east'"},
    "paying in": {"contribution": "need * 1000", "arrears": 0.5, "reserve": 0.125},
    "adjusted": {
        "adjustments": [
            {"name": "opening", "measure": "where(need > 0.5, 1000, 0)", "from": "2023", "until": "2025", "cap": 1e6}
            | {"why": "A step towards the new key."}
        ]
    },
}


@pytest.mark.parametrize("name", VARIANTS)
def test_every_kind_of_key_has_a_page_whose_steps_add_up(name, tmp_path):
    rng = np.random.default_rng(2)
    frame = regions(rng, 9)
    rules = [{"kind": "limit", "name": "floor", "of": "head", "floor": 1}]
    found = Fund(parse_policy(policy(rules, fund=VARIANTS[name])), frame, history(frame, rng))
    page = check_harmless(made(found, tmp_path / "out"))
    table = named(page, "Fund: the steps of each amount")
    assert len(table.rows) == 9
    for row in table.rows:
        *stages, amount = (figure(cell.text) for cell in row[2:])
        assert sum(v for v in stages if v is not None) == amount
    written = {row["region_name"]: row for row in rows(tmp_path / "out", "allocation.csv")}
    listed = named(page, "Fund: what each region receives")
    for title, key in (("Amount", "amount"), ("Entitlement", "entitlement"), ("Target", "target")):
        if title in listed.head:
            assert [figure(t) for t in listed.column(title)] == [
                Decimal(written[n][key]) for n in listed.column("Region")
            ]
    assert verify(tmp_path / "out").sentences[0].startswith("Proven: ")


def test_a_preferred_rule_that_yields_says_where_and_by_how_much(tmp_path):
    more = {"kind": "limit", "name": "more than there is", "of": "entitlement", "floor": 1.1, "mode": "prefer"}
    frame = regions(np.random.default_rng(6), 8)
    page = check_harmless(made(Fund(parse_policy(policy([more])), frame), tmp_path / "out"))
    summary = json.loads((tmp_path / "out" / "summary.json").read_text())
    places = rows(tmp_path / "out", "rules.csv")
    yielding = {r["name"] for r in summary["rules"] if r["conceded"]}
    assert yielding
    for k, rule in enumerate(summary["rules"], 1):
        if rule["name"] in yielding:
            (table,) = tables(page.by_id(f"rule{k}"))
            assert table.caption == "Where it has to yield"
            given = [r for r in places if r["rule"] == rule["name"] and float(r["concession"] or 0) > 0]
            digits = 2 if rule["kind"] == "limit" else 8
            shown = [figure(text) for text in table.column("Yields by")]
            assert shown == [Decimal(f"{float(r['concession']):.{digits}f}") for r in given]
            assert any(
                r["severity"] == "warning" and r["code"] == "conceded" for r in rows(tmp_path / "out", "flags.csv")
            )


@pytest.mark.parametrize("objective", ["", "alpha_fair", "market", "leximin", "benefit"])
def test_every_objective_has_a_page_that_is_verified(objective, tmp_path):
    page = check_harmless(made(Fund(parse_policy(stated("limit", objective=objective)), *data(1)), tmp_path / "out"))
    summary = json.loads((tmp_path / "out" / "summary.json").read_text())
    assert SHIFTS[summary["accounting"]] in page.by_id("caveats").text
    verify(tmp_path / "out")


def test_an_amended_round_has_a_page(tmp_path):
    from fundalloc.amending import amend

    load("models/yrd.toml").allocate().write(tmp_path / "out")
    events = tmp_path / "events.csv"
    events.write_text("region_id,resource,need,reason\nCN-341000,fund,50000000,flood\n")
    amend(tmp_path / "out", events).write(tmp_path / "new", ["html"])
    page = check_harmless((tmp_path / "new" / "report.html").read_bytes())
    table = named(page, "Fund: what each region receives")
    decided = {
        row["region_name"]: row["decided"]
        for row in rows(tmp_path / "new", "allocation.csv")
        if row["resource"] == "fund"
    }
    assert {n: figure(t) for n, t in zip(table.column("Region"), table.column("Decided before"), strict=True)} == {
        name: Decimal(text) for name, text in decided.items()
    }


# The command line.


def test_the_page_is_written_where_it_is_asked_for(tmp_path, capfd):
    out = tmp_path / "out"
    assert run(["allocate", "models/pakistan_nfc7_2010.toml", "-o", str(out), "-q", "--format", "csv,html"]) == 0
    assert (out / "report.html").is_file()
    assert run(["allocate", "models/pakistan_nfc7_2010.toml", "-o", str(out), "-q", "--format", "json"]) == 0
    assert not (out / "report.html").exists()
    with pytest.raises(InputError, match="is no format"):
        load("models/pakistan_nfc7_2010.toml").allocate().write(out, ["doc"])
    assert run(["allocate", "models/pakistan_nfc7_2010.toml", "-o", str(out), "-q", "--format", "html,doc"]) == 2
    assert "'doc' is none of html, pdf, xlsx, md, csv, json." in capfd.readouterr().err


@pytest.fixture(scope="module")
def changed_policy(tmp_path_factory) -> tuple[Path, Path]:
    """A round before, decided by another policy, and a history that records it."""
    folder = tmp_path_factory.mktemp("since")
    earlier = load("models/yrd.toml", round="2022", settings=["rules.pace of change.cap=1.05"]).allocate()
    earlier.write(folder / "2022")
    past = [row for row in csv.reader(io.StringIO(Path("data/yrd_history.csv").read_text())) if row[0] < "2022"]
    head = next(csv.reader(io.StringIO(Path("data/yrd_history.csv").read_text())))
    new = [{**row, "round": "2022"} for row in rows(folder / "2022", "allocation.csv")]
    with (folder / "history.csv").open("w", newline="") as file:
        csv.writer(file).writerows([head, *past, *([row.get(name, "") for name in head] for row in new)])
    return folder / "2022", folder / "history.csv"


def test_a_round_of_another_policy_is_compared_where_its_folder_is_named(changed_policy, tmp_path, capsys):
    earlier, past = changed_policy
    asked = ["allocate", "models/yrd.toml", "-q", "--history", str(past), "-o"]
    assert run([*asked, str(tmp_path / "alone"), "--format", "html"]) == 0
    text = (tmp_path / "alone" / "report.html").read_text(encoding="utf-8")
    assert "Why the amounts changed is not told here: " in text and not (tmp_path / "alone" / "changes.csv").exists()
    assert run([*asked, str(tmp_path / "told"), "--since", str(earlier)]) == 0
    verify(tmp_path / "told")
    assert any(Decimal(row["rules"]) for row in rows(tmp_path / "told", "changes.csv"))
    text = (tmp_path / "told" / "report.html").read_text(encoding="utf-8")
    assert "&#34;pace of change&#34; changed: " in text
    asked[asked.index("--history") + 1] = "data/yrd_history.csv"
    assert run([*asked, str(tmp_path / "other"), "--since", str(earlier)]) == 3
    assert "is not the round that the history records" in capsys.readouterr().err
    assert not (tmp_path / "other").exists()


def test_causes_that_do_not_add_up_are_found(folder, tmp_path):
    for column, place in (("data", 1), ("before", 2), ("after", 40), ("change", 100)):
        out = tmp_path / column
        shutil.copytree(folder, out)
        table = list(csv.reader(io.StringIO((out / "changes.csv").read_text(encoding="utf-8"), newline="")))
        cell = table[place][table[0].index(column)]
        table[place][table[0].index(column)] = str(Decimal(cell) + CENT)
        with (out / "changes.csv").open("w", newline="", encoding="utf-8") as file:
            csv.writer(file, lineterminator="\n").writerows(table)
        told = json.loads((out / "summary.json").read_text(encoding="utf-8"))
        told["files"]["changes.csv"] = hashlib.sha256((out / "changes.csv").read_bytes()).hexdigest()
        (out / "summary.json").write_text(json.dumps(told), encoding="utf-8")
        with pytest.raises(DifferenceError, match=r"changes\.csv: the change of CN-\d+ in \w+ does not add up\."):
            verify(out)


def test_the_first_round_and_many_regions_say_nothing_of_changes(tmp_path):
    load("models/pakistan_nfc7_2010.toml").allocate().write(tmp_path / "first", ["html"])
    text = (tmp_path / "first" / "report.html").read_text(encoding="utf-8")
    assert "What changed" not in text and "left behind" not in text
    assert json.loads((tmp_path / "first" / "summary.json").read_text())["looked"]["unknown"]


def test_the_page_on_paper(tmp_path):
    allocation = load("models/pakistan_nfc7_2010.toml").allocate()
    allocation.write(tmp_path / "out", ["pdf"])
    content = (tmp_path / "out" / "report.pdf").read_bytes()
    assert content.startswith(b"%PDF") and len(content) > 20_000
    assert "Not verified: report.pdf, which depends on the fonts of a machine." in verify(tmp_path / "out").sentences
    allocation.write(tmp_path / "page", ["html"])
    paper = on_paper((tmp_path / "page" / "report.html").read_text(encoding="utf-8"))
    assert "var(--" not in paper and "color-mix" not in paper


def test_what_draws_pages_is_loaded_for_them_only(tmp_path):
    tools = "{'altair', 'jinja2', 'vl_convert', 'markupsafe'}"
    code = (
        "import sys; from fundalloc.cli.app import run; "
        f"end = run(['allocate', 'models/yrd.toml', '-q', '-o', {str(tmp_path / 'out')!r}]); "
        f"print(end, sorted({{m.split('.')[0] for m in sys.modules}} & {tools}), file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stderr.splitlines()[-1] == "0 []"


# Figures and words.


def test_figures_in_words_and_digits():
    assert [figures.short(v) for v in ("19000000000", "2101536939.16", "268.22", "0", "-1234567", "12.5", "1e13")] == [
        "19 billion",
        "2.1 billion",
        "268",
        "0",
        "−1.23 million",
        "12.50",
        "10 trillion",
    ]
    assert figures.exact("1234567.89") == "1,234,567<small>.89</small>"
    assert [figures.exact(v) for v in ("1234.50", "-7.00", "")] == ["1,234.50", "−7", "–"]
    assert [figures.change(v) for v in ("5", "-5", "0.00", "")] == ["+5", "−5", "0", "–"]
    assert [figures.plain(v) for v in ("0.109999917054537", "")] == ["0.10999992", "–"]


@given(st.decimals(allow_nan=False, allow_infinity=False, min_value=-(10**15), max_value=10**15, places=4))
def test_printed_figures_say_what_they_are_of(value):
    assert figure(re.sub("<.*?>", "", figures.exact(value))) == value


def test_words_are_explained_where_they_are_used():
    found = dict(glossary("The indices and criteria; a floor binds. Lorenz curves."))
    assert set(found) == {"index", "criterion", "floor", "binds", "Lorenz"}
    assert found["floor"] == WORDS["floor"]
    assert glossary("flooring, mostly keyed") == []
