"""Letters: every figure is that of the tables, names are only text, and they are written whole or not at all."""

from __future__ import annotations

import base64
import csv
import hashlib
import html.parser
import json
import re
import sys
import unicodedata
from decimal import Decimal
from pathlib import Path, PurePosixPath, PureWindowsPath
from urllib.parse import unquote

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fundalloc import Fund, InputError, replacing
from fundalloc.amending import amend
from fundalloc.cli.app import run
from fundalloc.notices import notices
from fundalloc.policy import parse_policy
from fundalloc.report.filenames import DEVICES, file_names
from fundalloc.report.folder import read_rows
from fundalloc.report.legible import marked, shown
from tests.funds import fund, policy, regions
from tests.hostile import HOSTILE, hostile
from tests.test_command_line import FLOOR, POLICY, REGIONS

NUMBER = re.compile(r"(?<![\w.])\d[\d,]*(?:\.\d+)?(?:e[+-]\d+)?")


class Page(html.parser.HTMLParser):
    """A letter as its reader sees it: text by section, rows of tables, and every tag with its attributes."""

    def __init__(self, text):
        super().__init__()
        self.tags, self.rows, self.sections, self.quiet, self.inside = [], [], [""], 0, False
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        self.quiet += tag in ("style", "title")
        if tag == "section":
            self.sections.append("")
        if tag == "tr":
            self.rows.append([])
            self.inside = True
        if tag in ("td", "th", "span") and self.inside:
            self.rows[-1].append("")
        if tag == "br":
            self.sections[-1] += "\n"

    def handle_endtag(self, tag):
        self.quiet -= tag in ("style", "title")
        self.inside &= tag != "tr"
        self.sections[-1] += " " if tag in ("td", "th", "p", "li", "b", "h1", "h2", "h3") else ""

    def handle_data(self, data):
        if not self.quiet:
            self.sections[-1] += data
            if self.inside and self.rows[-1]:
                self.rows[-1][-1] += data

    @property
    def text(self):
        return "\n".join(self.sections)


def page(folder, region):
    names = {row["region_id"]: row["html"] for row in read_rows(folder, "index.csv")}
    return Page((folder / names[region]).read_text(encoding="utf-8"))


def number(text):
    return Decimal(text.replace(",", ""))


@pytest.fixture(scope="module")
def demo(tmp_path_factory):
    """The demo round, and its letters in HTML and Markdown."""
    out = tmp_path_factory.mktemp("notices") / "out"
    assert run(["demo", "-o", str(out)]) == 0
    assert run(["notices", str(out), "--format", "html,md"]) == 0
    return out, out.with_name("out-notices")


@pytest.fixture(scope="module")
def bad(tmp_path_factory):
    """A round with hostile names, and its letters."""
    out = tmp_path_factory.mktemp("notices") / "out"
    hostile().allocate().write(out)
    notices(out, out.with_name("letters"), formats=("html", "md"))
    return out, out.with_name("letters")


@pytest.fixture
def small(tmp_path):
    """A round of three regions, with no history."""

    def write(more=""):
        (tmp_path / "policy.toml").write_text(POLICY + FLOOR + more, encoding="utf-8")
        (tmp_path / "regions.csv").write_text(REGIONS, encoding="utf-8")
        assert run(["allocate", str(tmp_path), "-o", str(tmp_path / "out"), "-q"]) == 0
        return tmp_path / "out"

    return write


@pytest.mark.parametrize("folders_", ["demo", "bad"])
def test_the_steps_of_a_letter_are_those_of_the_csv(folders_, request):
    out, letters = request.getfixturevalue(folders_)
    rows, steps = read_rows(out, "allocation.csv"), read_rows(out, "steps.csv")
    for region in {row["region_id"] for row in rows}:
        told = [r for r in page(letters, region).rows if len(r) == 3]
        parts = [r for r in rows if r["region_id"] == region and (Decimal(r["entitlement"]) or Decimal(r["amount"]))]
        names = {r["resource"] for r in parts}
        mine = [s for s in steps if s["region_id"] == region and s["resource"] in names]
        moved = [(name, number(amount)) for name, _, amount in told if amount[0] in "+-"]
        assert moved == [(shown(s["step"]), Decimal(s["amount"])) for s in mine]
        for what, key in (("entitlement", "entitlement"), ("amount", "amount"), ("target", "target")):
            found = [number(amount) for name, _, amount in told if name == what and amount[0] not in "+-"]
            right = [Decimal(r[key]) for r in parts]
            assert found == right if what == "amount" else set(found) <= set(right)


def allowed(out, row):
    """Every figure that a letter may hold on one amount, from the tables alone, without signs."""
    region, resource = row["region_id"], row["resource"]
    summary = json.loads((out / "summary.json").read_text(encoding="utf-8"))
    rows = read_rows(out, "allocation.csv")
    steps = [s for s in read_rows(out, "steps.csv") if (s["region_id"], s["resource"]) == (region, resource)]
    found = {abs(Decimal(s["amount"])) for s in steps} | {Decimal(summary["resources"][resource]["lot"])}
    money = ("entitlement", "target", "amount", "previous", "change", "arrears", "contribution", "net", "decided")
    found |= {abs(Decimal(row[k])) for k in money if row.get(k)}
    for kinds in ({"criterion"}, {"rule"}, {"arrears"}, {"claim"}):
        found.add(abs(sum((Decimal(s["amount"]) for s in steps if s["kind"] in kinds), Decimal(0))))
    places = {region, "all", row["province"]}
    bounds = [b for b in read_rows(out, "rules.csv") if b["place"] in places and b["resource"] == resource]
    found |= {round(Decimal(b[k]), 2) for b in bounds for k in ("low", "high", "value") if b[k]}
    found |= {Decimal(f"{100 * float(row[k]):.2f}") for k in ("share", "coverage") if row[k]}
    before = Decimal(row["previous"] or 0)
    found |= {abs(round(100 * (Decimal(row["amount"]) / before - 1), 2))} if before else set()
    same = [r for r in rows if r["resource"] == resource and (float(r["entitlement"]) or float(r["amount"]))]
    for peers in (same, [r for r in same if r["province"] == row["province"]]):
        above = sum(float(r["per_head"]) > float(row["per_head"]) for r in peers)
        found |= {Decimal(above + 1), Decimal(len(peers))}
    words = [s for rule in summary["rules"] for s in (rule["sentence"], rule["name"], rule["why"])]
    certificate = json.loads((out / "certificate.json").read_text(encoding="utf-8"))
    words.append(certificate["inputs"]["policy"]["text"])
    return found | {number(t) for text in words for t in NUMBER.findall(text)} | {Decimal(100)}


def test_every_figure_of_a_letter_is_one_of_the_tables(demo):
    out, letters = demo
    rows = read_rows(out, "allocation.csv")
    for region in ("CN-310000", "CN-341000", "CN-340100", "CN-330900", "CN-321200"):
        told = page(letters, region)
        for row in (r for r in rows if r["region_id"] == region):
            section = [s for s in told.sections if s.strip().startswith(f"{row['resource']}:")]
            if not section:
                assert f"You take no part in sharing {row['resource']}" in told.text and row["amount"] == "0"
                continue
            right = allowed(out, row)
            assert {number(n) for n in NUMBER.findall(section[0])} - right == set()
            (top,) = [r for r in told.rows if len(r) == 5 and r[0] == row["resource"]]
            heads = float(row["per_head"])
            assert number(NUMBER.findall(top[1])[0]) == Decimal(row["amount"])
            per, count = ([float(number(n)) for n in NUMBER.findall(top[2])] + [1.0])[:2]
            assert abs(per / count - heads) <= 0.005 / count + 1e-12
            assert row["coverage"] == "" or top[4] == f"{100 * float(row['coverage']):.2f} %"


def test_the_figures_about_a_region_are_those_of_its_data(demo):
    text = (Path(__file__).parent.parent / "data" / "yrd.csv").read_text(encoding="utf-8")
    rows = {r["region_id"]: r for r in csv.DictReader(text.splitlines()) if r["year"] == "2023"}
    for region, data in rows.items():
        told = dict(r for r in page(demo[1], region).rows if len(r) == 2)
        assert number(told["population"]) == Decimal(data["population_persons"])
        columns = [name for name in told if name in data]
        assert len(columns) >= 10
        for name in columns:
            assert data[name] == "" or number(told[name]) == Decimal(data[name])


def signed(sentence):
    """What a sentence of reasons adds up to."""
    listed = sentence.split("because ")[1].split(". What moves")[0]
    total = Decimal(0)
    for part in re.split(r", | and (?!rounding, )|(?<=before), ", listed):
        for n in NUMBER.findall(part):
            less = "takes off" in part or "take off" in part or re.search(r"takes? [\d,.]+ CNY off", part)
            total += -number(n) if less else number(n)
    return total


@pytest.mark.parametrize("seed", range(6))
def test_the_reasons_in_a_sentence_add_up_to_the_amount(seed, tmp_path):
    kinds = ({}, {"objective": {"kind": "leximin"}}, {"objective": {"kind": "alpha_fair"}})
    more = {"arrears": 0.5, "lot": (0.01, 1000)[seed % 2]}
    if seed == 5:
        more = {"lot": 1, "claims": {"measure": "need * 1e8", "rule": "talmud"}, "criteria": []}
    fund(seed, 9, fund=more, **kinds[seed % 3]).allocate().write(tmp_path / "out")
    notices(tmp_path / "out", tmp_path / "letters")
    for row in read_rows(tmp_path / "out", "allocation.csv"):
        text = page(tmp_path / "letters", row["region_id"]).text
        (sentence,) = re.findall(r"You receive [\d,.]+ CNY of fund because .*", text) or [""]
        assert signed(sentence) == Decimal(row["amount"]) if sentence else row["amount"] == "0"


def test_markdown_and_html_say_the_same_sentences(demo):
    _, letters = demo
    for row in read_rows(letters, "index.csv")[:10]:
        flat = re.sub(r"\\(.)", r"\1", (letters / row["md"]).read_text(encoding="utf-8"))
        for line in page(letters, row["region_id"]).text.splitlines():
            for sentence in re.findall(
                r"(?:You|Your|The rule|For more|In the last|After this) [^.]{10,}?\.(?!\d)", line
            ):
                assert sentence.strip() in flat or sentence.split(" CNY")[0] in flat


def test_hostile_words_are_only_text(bad):
    _, letters = bad
    tags = "html head meta title style body main header p h1 h2 h3 bdi br strong span div table thead tbody tr th td"
    known = {*tags.split(), "section", "ul", "li", "b", "code", "footer"}
    for row in read_rows(letters, "index.csv"):
        raw = (letters / row["html"]).read_bytes()
        assert b"<script" not in raw and b"<img" not in raw and b"\n\x00" not in raw
        told = Page(raw.decode())
        assert {tag for tag, _ in told.tags} <= known
        assert not [a for _, attrs in told.tags for a in attrs if a.startswith("on") or a in ("style", "src", "href")]
        for name in (row["region_id"], row["region_name"], HOSTILE[2], HOSTILE[0]):
            assert shown(name) in told.text
        plain = (letters / row["md"]).read_text(encoding="utf-8")
        assert marked(row["region_id"]) in plain and not re.search(r"<|\]\(|https?://", re.sub(r"\\.", "", plain))
    index = Page((letters / "index.html").read_text(encoding="utf-8"))
    links = [attrs["href"] for tag, attrs in index.tags if tag == "a"]
    assert sorted(unquote(link) for link in links) == sorted(f"./{r['html']}" for r in read_rows(letters, "index.csv"))


def test_a_letter_stands_alone_and_runs_nothing(demo):
    raw = (demo[1] / "CN-341000.html").read_text(encoding="utf-8")
    told = Page(raw)
    (rules,) = [a["content"] for t, a in told.tags if t == "meta" and a.get("http-equiv") == "Content-Security-Policy"]
    style = re.search(r"<style>(.*?)</style>", raw, re.S)[1]
    code = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    assert rules == f"default-src 'none'; style-src 'sha256-{code}'; base-uri 'none'; form-action 'none'"
    assert not re.search(r"url\(|@import|https?:|<script|<link", raw)


IDS = st.one_of(
    st.text(max_size=12), st.sampled_from([*HOSTILE, "con", "Con.txt", "a", "A", "ß", "SS", "...", "", "COM¹"])
)


@given(st.lists(IDS, unique=True, max_size=30))
def test_file_names_are_safe_everywhere_and_never_the_same(ids):
    ids = [unicodedata.normalize("NFC", i) for i in ids]
    ids = list(dict.fromkeys(ids))
    names = file_names(ids, ("index", "summary"))
    assert names == file_names(ids[::-1], ("index", "summary"))
    for name in names.values():
        assert name == PurePosixPath(name).name == PureWindowsPath(name).name and 0 < len(name.encode()) <= 120
        assert name[0] not in ".-" and name[-1] not in ". " and all(c.isalnum() or c in "-_.~" for c in name)
        assert name.split(".")[0].casefold() not in DEVICES
    for form in ("NFC", "NFD", "NFKC"):
        folded = {unicodedata.normalize(form, n.casefold()) for n in names.values()} | {"index", "summary"}
        assert len(folded) == len(names) + 2
    assert all(name == one or "~" in name for one, name in names.items())


def test_plain_ids_are_their_own_file_names():
    assert file_names(["CN-341000", "上海", "DE.BY_2"]) == {i: i for i in ("CN-341000", "上海", "DE.BY_2")}
    assert len(set(file_names(["a", "A", "a/", "a?"]).values())) == 4


def test_the_same_letters_twice_and_in_every_format(small):
    out = small()
    for name in ("one", "two"):
        notices(out, out.with_name(name), formats=("pdf", "md", "html"))
    one, two = ({p.name: p.read_bytes() for p in out.with_name(n).iterdir()} for n in ("one", "two"))
    assert one == two
    assert set(one) == {*(f"{r}.{f}" for r in "ABC" for f in ("html", "md", "pdf"))} | {
        "index.csv",
        "index.html",
        "summary.json",
    }
    summary = json.loads(one.pop("summary.json"))
    assert summary["files"] == {name: hashlib.sha256(content).hexdigest() for name, content in one.items()}
    assert one["A.pdf"].startswith(b"%PDF-") and not re.search(rb"/(JS|JavaScript|Launch|URI)\b", one["A.pdf"])


def test_letters_are_written_whole_or_not_at_all(small, monkeypatch):
    out = small()
    letters = out.with_name("letters")
    real = replacing._write

    def full(path, data):
        if path.name == "C.html":
            raise OSError(28, "No space left on device")
        real(path, data)

    monkeypatch.setattr(replacing, "_write", full)
    with pytest.raises(InputError, match="No space left"):
        notices(out, letters)
    assert not letters.exists()
    monkeypatch.undo()
    notices(out, letters)
    before = {p.name: p.read_bytes() for p in letters.iterdir()}
    monkeypatch.setattr(replacing, "_write", full)
    with pytest.raises(InputError, match="No space left"):
        notices(out, letters, regions=["C"])
    assert {p.name: p.read_bytes() for p in letters.iterdir()} == before


def test_nothing_of_somebody_else_and_no_round_is_touched(small):
    out = small()
    before = {p.name: p.read_bytes() for p in out.iterdir()}
    with pytest.raises(InputError, match="holds a round, not notices"):
        notices(out, out)
    assert {p.name: p.read_bytes() for p in out.iterdir()} == before
    mine = out.with_name("mine")
    mine.mkdir()
    (mine / "A.html").write_text("mine")
    with pytest.raises(InputError, match="did not write"):
        notices(out, mine)
    letters = out.with_name("letters")
    notices(out, letters, regions=["B"])
    (letters / "A.html").write_text("mine")
    with pytest.raises(InputError, match=r"A\.html.*is there already"):
        notices(out, letters)
    notices(out, letters, regions=["C"])
    assert {p.name for p in letters.iterdir()} == {"A.html", "C.html", "index.html", "index.csv", "summary.json"}
    assert (letters / "A.html").read_text() == "mine"


def test_regions_are_asked_for_by_id_or_name(small, capsys):
    out = small()
    assert run(["notices", str(out), "--region", "Bestadt", "--region", "A", "--region", "A"]) == 0
    assert "2 letters written to" in capsys.readouterr().err
    assert run(["notices", str(out), "-o", str(out / ".." / "other"), "--region", "Cestad", "--region", "zzz"]) == 3
    told = capsys.readouterr().err
    assert "2 faults found, nothing was written" in told
    assert "--region: 'Cestad': is no region of this round. Did you mean Cestadt, Bestadt, Astadt?" in told
    assert not out.with_name("other").exists()
    assert run(["notices", str(out), "--format", "docx"]) == 3
    assert run(["notices", str(out.with_name("nothing"))]) == 3


def test_letters_of_a_round_that_was_changed_are_not_written(small):
    out = small()
    text = (out / "allocation.csv").read_text()
    (out / "allocation.csv").write_text(text.replace("Astadt", "Xstadt"))
    with pytest.raises(InputError, match="its SHA-256 is another"):
        notices(out, out.with_name("letters"))


def test_the_policy_says_who_sends_and_how_to_object(small, capsys):
    out = small(
        '[notices]\nsender = "Board\\nStreet 1"\nobject = "Write to us."\ndeadline = "3 May"\nclosing = "Best"\n'
    )
    notices(out, out.with_name("letters"))
    told = page(out.with_name("letters"), "A").text
    for text in ("Board\nStreet 1", "Write to us.", "Your objection must have arrived by 3 May.", "Best\nBoard"):
        assert text in told
    assert hashlib.sha256((out / "certificate.json").read_bytes()).hexdigest() in told
    (out.parent / "policy.toml").write_text(POLICY + '[notices]\nsendr = "x"\n', encoding="utf-8")
    assert run(["check", str(out.parent)]) == 3
    assert "notices.sendr: is not a key of a policy. Did you mean sender?" in capsys.readouterr().err


def test_a_letter_without_a_word_in_the_policy_says_how_to_object_and_what_holds(small):
    out = small()
    notices(out, out.with_name("letters"))
    told = page(out.with_name("letters"), "C").text
    assert "If you think that a figure about you is wrong" in told and "fundalloc verify" in told
    assert "no record of the last round" in told
    assert "The rule “floor” holds your amount up: you are to get at least 360 EUR, and get 360 EUR." in told
    assert "The rules on single regions guarantee you at least 360 EUR (rule “floor”)." in told


def test_a_letter_says_what_events_have_changed(demo, tmp_path):
    events = tmp_path / "events.csv"
    events.write_text("region_id,resource,need,reason\nCN-341000,fund,1000000,Flood of July\n")
    amend(demo[0], events).write(tmp_path / "amended")
    notices(tmp_path / "amended", tmp_path / "letters", regions=["Huangshan"])
    told = page(tmp_path / "letters", "CN-341000").text
    assert "events add 1,000,000.00 CNY" in told and "Flood of July" in told
    assert "Before the events that came after the decision, your amount was 134,130,000 CNY." in told
    events.write_text("region_id,resource,returned,reason\nCN-341000,fund,400000,Help returned\n")
    amend(tmp_path / "amended", events).write(tmp_path / "again")
    notices(tmp_path / "again", tmp_path / "letters", regions=["Huangshan"])
    told = page(tmp_path / "letters", "CN-341000").text
    assert "earlier amendments add 1,000,000.00 CNY" in told and "events take off 400,000.00 CNY" in told


def test_pdf_without_its_package_is_said_with_what_to_do(small, monkeypatch):
    out = small()
    monkeypatch.setitem(sys.modules, "weasyprint", None)
    with pytest.raises(InputError, match=r'pip install "fundalloc\[pdf\]"'):
        notices(out, out.with_name("letters"), formats=("pdf",))
    assert not out.with_name("letters").exists()


def test_who_takes_no_part_is_told_so(tmp_path):
    frame = regions(np.random.default_rng(4), 8)
    Fund(parse_policy(policy([], fund={"where": "coast == 'east'"})), frame).allocate().write(tmp_path / "out")
    notices(tmp_path / "out", tmp_path / "letters")
    apart = [
        r for r in read_rows(tmp_path / "out", "allocation.csv") if r["entitlement"] == "0.00" and r["amount"] == "0.00"
    ]
    assert apart
    for row in apart:
        assert (
            "You take no part in sharing fund: it is for regions where coast == 'east'."
            in page(tmp_path / "letters", row["region_id"]).text
        )


def test_a_rule_on_a_group_named_like_a_region_is_no_rule_on_that_region(tmp_path):
    frame = regions(np.random.default_rng(4), 4)
    frame["state"] = frame["id"].iloc[0]
    rule = {"kind": "limit", "name": "all of it", "each": "state", "of": "share", "cap": 1.5}
    Fund(parse_policy(policy([rule])), frame).allocate().write(tmp_path / "out")
    notices(tmp_path / "out", tmp_path / "letters")
    told = page(tmp_path / "letters", frame["id"].iloc[0]).text
    assert "No rule holds your amount" in told and "The rules on single regions" not in told
