"""Languages: the catalogue is complete and keeps its places; a round in Chinese is wholly Chinese, and verifies."""

from __future__ import annotations

import csv
import json
import re
import tomllib
from itertools import chain
from pathlib import Path

import pytest

import fundalloc as fa
from fundalloc.cli.app import run
from fundalloc.errors import DifferenceError, InputError
from fundalloc.language import (
    LANGUAGES,
    called,
    catalogue,
    learn,
    listed,
    padded,
    say,
    speaking,
    spoken,
    typeset,
    width,
    wrapped,
)
from fundalloc.notices import notices
from fundalloc.report.folder import read_rows
from fundalloc.report.page.entries import STAGES
from fundalloc.retelling import retold
from fundalloc.verification import verify
from tests.sentences import PACKAGE, in_code, in_help, in_templates, marks, places

POLICY = Path("models/yrd.toml").resolve()
SAID = {**in_code(), **in_templates(), **in_help()}
#: what stays as it is in every language: words of formulas and options, names of methods, files and commands
KEPT = re.compile(
    r"https?://\S+|--?[a-z]+|\b(?:fundalloc(?: \w+)*|FOLDER|SHA|Shapley|CRITIC|alpha_fair|leximin|nearest|benefit|alpha"
    r"|clip|mean|gini|head|kind|inequality|measure|of|at_most|weighted_mean\(x, population\)|largest_remainder"
    r"|[A-Z]{2}|CN-\d{6}|[\w-]+\.(?:csv|json|html|md|xlsx|toml))\b"
)
WORDS = re.compile(r"[A-Za-z][A-Za-z'’]+(?:[ ,]+[A-Za-z][A-Za-z'’]+)+")


@pytest.mark.parametrize("language", [one for one in LANGUAGES if one != "en"])
def test_every_sentence_has_a_translation_with_the_same_places_and_marks(language):
    sentences, _ = catalogue(language)
    assert sorted(set(SAID) - set(sentences)) == []
    assert sorted(set(sentences) - set(SAID)) == []
    for sentence, text in sentences.items():
        assert text.strip(), sentence
        assert places(text) == places(sentence), sentence
        assert marks(text) == marks(sentence), sentence


@pytest.mark.parametrize("language", [one for one in LANGUAGES if one != "en"])
def test_no_sentence_stands_twice(language):
    files = sorted((PACKAGE / "languages" / language).iterdir())
    tables = [tomllib.loads(f.read_text(encoding="utf-8")) for f in files]
    stated = [key for table in tables for name, entries in table.items() if name != "names" for key in entries]
    assert len(stated) == len(set(stated))
    assert sum(name == "names" for table in tables for name in table) == 1


def test_english_is_the_sentence_itself():
    assert say("{who} gets {bounds}", who="a", bounds="b") == "a gets b"
    assert called("rounding") == "rounding"
    assert spoken() is None


def test_a_language_ends_with_its_block():
    with speaking("zh"):
        assert spoken() == "zh"
        with speaking(None):
            assert called("rounding") == "rounding"
        learn({"zh": {"fund": "资金"}})
        with speaking("zh"):
            assert called("fund") == "资金"
        assert called("fund + land") == "资金 + land"
        assert called("rounding") == "取整"
        assert say("{amount} of {resource}", amount="3", resource="fund") == "资金 3"
        assert say("Reference: {reference}", reference="fund") == "依据：资金"
        assert say("  each region pays in {code}", code="fund") == "  各地区缴款 fund"
        assert listed(["a", "b", "c"]) == "a、b、c"
        assert typeset("好。 又，  好") == "好。又，  好"
    assert called("fund") == "fund"
    assert (padded("上海", 6), padded("ab", 6, right=True)) == ("上海  ", "    ab")
    with pytest.raises(ValueError, match="is none of en, zh"), speaking("fr"):
        pass


def test_an_unknown_language_is_wrong_usage(tmp_path, capsys):
    assert run(["demo", "-o", str(tmp_path / "out"), "--lang", "fr"]) == 2
    assert "is none of en, zh" in capsys.readouterr().err


def test_lines_are_cut_where_they_may_be():
    text = "决定一个轮次：各地区获得多少（report.html），附说明。 [默认：utf-8] resources.fund.supply"
    for columns in (24, 31, 40, 80, 200):
        lines = wrapped(text, columns)
        assert "".join(lines).replace(" ", "") == text.replace(" ", "")
        assert max(map(width, lines)) <= columns
        assert [line for line in lines if line[0] in "。，：）] " or line[-1] in "（[ "] == []
        for word in ("（report.html），", "[默认：utf-8]", "resources.fund.supply"):
            assert any(word in line for line in lines), (columns, word)
    assert wrapped("one  two three", 8) == ["one two", "three"]
    assert wrapped("abcdefg 上海", 3) == ["abc", "def", "g", "上", "海"]
    assert wrapped("", 8) == []


@pytest.fixture(scope="module")
def rounds(tmp_path_factory):
    """The Yangtze River Delta, decided in its own words and in Chinese: two folders."""
    folder = tmp_path_factory.mktemp("rounds")
    fa.load(POLICY).allocate().write(folder / "own", ["md"])
    with speaking("zh"):
        fa.load(POLICY).allocate().write(folder / "zh", ["md", "xlsx", "html"])
    return folder


def english(text: str) -> list[str]:
    """Two English words or more in a row that are no name, code or formula."""
    return WORDS.findall(KEPT.sub("·", re.sub(r"<(style|code)\b.*?</\1>|<[^>]*>", "·", text, flags=re.DOTALL)))


def test_the_tables_differ_in_words_alone(rounds):
    for name in ("allocation.csv", "steps.csv", "rules.csv"):
        own, zh = (read_rows(rounds / one, name) for one in ("own", "zh"))
        changed = {column for a, b in zip(own, zh, strict=True) for column in a if a[column] != b[column]}
        assert changed == ({"region_name"} if name == "allocation.csv" else set())
    data = (POLICY.parent.parent / "data" / "yrd.csv").read_text(encoding="utf-8")
    names = {row["region_id"]: row["region_name_zh"] for row in csv.DictReader(data.splitlines())}
    assert all(row["region_name"] == names[row["region_id"]] for row in read_rows(rounds / "zh", "allocation.csv"))
    own, zh = (json.loads((rounds / one / "summary.json").read_text()) for one in ("own", "zh"))
    assert set(zh) - set(own) == {"language", "translations", "looked"}  # only one of them has a page
    assert (zh["language"], zh["title"]) == ("zh", own["title"])


def test_a_round_in_chinese_is_wholly_chinese(rounds):
    assert english((rounds / "zh" / "report.md").read_text()) == []
    page = (rounds / "zh" / "report.html").read_text()
    assert english(page) == []
    assert [label for label in re.findall(r'aria-label="([^"]*)"', page) if english(label)] == []
    assert '<html lang="zh-CN">' in page and "190 亿" in page
    assert re.search(r"<text[^>]*>人口累计比重（由少到多）</text>", page)
    assert '<bdi class="other">Huangshan</bdi> · <bdi>CN-341000</bdi>' in page
    for row in read_rows(rounds / "zh", "flags.csv"):
        assert english(row["message"]) == [], row
    summary = json.loads((rounds / "zh" / "summary.json").read_text())
    for rule in summary["rules"]:
        assert english(rule["sentence"]) == [] and english(" ".join(p["words"] for p in rule["price"])) == []


def test_letters_and_explanations_in_chinese_are_wholly_chinese(rounds, tmp_path, capsys):
    notices(rounds / "zh", tmp_path / "letters", formats=["html", "md"])
    for file in (tmp_path / "letters").glob("*.*"):
        if file.suffix in (".html", ".md"):
            assert english(file.read_text()) == [], file.name
    assert '<html lang="zh-CN">' in (tmp_path / "letters" / "index.html").read_text()
    for arguments in (
        ["explain", str(rounds / "zh"), "黄山市", "--since", "2022"],
        ["check", str(POLICY), "--lang", "zh"],
    ):
        assert run(arguments) == 0
        said = capsys.readouterr()
        assert "资金" in said.out
        lines = [line for line in said.out.splitlines() if " = " not in line]  # formulas stay
        assert english("\n".join(lines)) == []


def test_a_round_in_chinese_verifies_and_a_changed_word_is_found(rounds, tmp_path):
    verify(rounds / "zh")
    for file in (rounds / "zh").iterdir():
        (tmp_path / file.name).write_bytes(file.read_bytes())
    summary = json.loads((tmp_path / "summary.json").read_text())
    (tmp_path / "summary.json").write_text(json.dumps({**summary, "language": "en"}, ensure_ascii=False))
    with pytest.raises(DifferenceError):
        verify(tmp_path)
    (tmp_path / "summary.json").write_text(json.dumps({**summary, "language": "xx"}, ensure_ascii=False))
    with pytest.raises(DifferenceError, match="none of en, zh"):
        verify(tmp_path)


def test_a_round_is_told_in_another_language_as_if_it_had_been_decided_in_it(rounds, tmp_path, capsys):
    with speaking("zh"):
        again = retold(rounds / "own")
        for name, sheet in again.sheets.items():
            assert sheet.csv() == (rounds / "zh" / name).read_bytes()
        told = again.explain("CN-341000")
    assert run(["explain", str(rounds / "zh"), "CN-341000"]) == 0
    assert capsys.readouterr().out == told + "\n"
    assert run(["explain", str(rounds / "own"), "黄山市", "--lang", "zh"]) == 0
    assert capsys.readouterr().out == told + "\n"
    assert run(["explain", str(rounds / "own"), "CN-341000"]) == 0
    own = capsys.readouterr().out
    assert run(["explain", str(rounds / "zh"), "CN-341000", "--lang", "en"]) == 0
    assert capsys.readouterr().out == own
    for one, folder in (("zh", rounds / "zh"), ("other", rounds / "own")):
        assert run(["notices", str(folder), "-o", str(tmp_path / one), "--lang", "zh", "--region", "CN-341000"]) == 0
    letters = [(tmp_path / one / "CN-341000.html").read_text() for one in ("zh", "other")]
    clean = [re.sub(r"<code>[0-9a-f]{64}</code>|[\d,]+ 元由", "", text) for text in letters]
    assert clean[0] == clean[1]


def test_what_is_said_is_forgotten_after_a_command(rounds, capsys):
    assert run(["explain", str(rounds / "own"), "CN-341000", "--lang", "zh"]) == 0
    assert run(["explain", str(rounds / "own"), "CN-341000"]) == 0
    assert "Huangshan (CN-341000) gets" in capsys.readouterr().out


POLICY_IN_TWO = """
format = 1
fund = { title = "Fonds", round = "2025" }
regions = { file = "r.csv", id = "id", name = "nom", names = { en = "name" }, groups = ["g"], population = "people" }
[resources.argent]
supply = 1000
unit = "EUR"
lot = 1
criteria = [ { name = "personnes", weight = 1, measure = "people", why = "Pour tous." } ]
[[rules]]
kind = "limit"
name = "plancher"
of = "head"
floor = 40
[translations.en]
"argent" = "money"
"personnes" = "people"
"Pour tous." = "For all."
"plancher" = "floor"
"nord" = "north"
"""
ROWS = "id,nom,name,g,people\na,Un,One,nord,10\nb,Deux,,sud,10\n"


def test_a_policy_in_another_language_says_its_words_in_english(tmp_path, capsys):
    (tmp_path / "p.toml").write_text(POLICY_IN_TWO)
    (tmp_path / "r.csv").write_text(ROWS)
    plain, english_ = tmp_path / "plain", tmp_path / "english"
    assert run(["allocate", str(tmp_path / "p.toml"), "-o", str(plain)]) == 0
    assert run(["allocate", str(tmp_path / "p.toml"), "-o", str(english_), "--lang", "en"]) == 0
    capsys.readouterr()
    assert run(["explain", str(english_), "One"]) == 0
    said = capsys.readouterr().out
    assert "One (a) gets 500 EUR of money" in said and "For all." in said
    assert [row["region_name"] for row in read_rows(english_, "allocation.csv")] == ["One", "Deux"]
    assert run(["explain", str(plain), "Un"]) == 0
    assert "Un (a) gets 500 EUR of argent" in capsys.readouterr().out
    verify(english_)
    verify(plain)


def test_what_is_proven_is_said_with_the_words_of_the_policy_in_the_language_that_is_spoken(tmp_path):
    """A plain round, verified in English: the preferred rule is called as the policy translates it."""
    wish = POLICY_IN_TWO.replace('name = "plancher"', 'name = "plancher"\nmode = "prefer"').replace("= 40", "= 60")
    (tmp_path / "p.toml").write_text(wish)
    (tmp_path / "r.csv").write_text(ROWS)
    assert run(["allocate", str(tmp_path / "p.toml"), "-o", str(tmp_path / "out")]) == 0
    said = " ".join(verify(tmp_path / "out").sentences)
    with speaking("en"):
        english_ = " ".join(verify(tmp_path / "out").sentences)
    assert "What preferred rules concede (plancher)" in said
    assert english_ == said.replace("(plancher)", "(floor)")


def test_a_batch_decides_each_fund_in_the_language_that_is_asked_for(tmp_path, capsys):
    funds, out = tmp_path / "funds", tmp_path / "out"
    for name in ("a", "b"):
        (funds / name).mkdir(parents=True)
        policy = POLICY_IN_TWO if name == "a" else POLICY_IN_TWO.partition("[translations.en]")[0]
        (funds / name / "policy.toml").write_text(policy)
        (funds / name / "r.csv").write_text(ROWS)
    told = []
    for arguments in ([], ["--lang", "en"], ["--lang", "zh", "--jobs", "2"], ["--lang", "zh"]):
        assert run(["batch", str(funds), "-o", str(out), *arguments]) == 0
        told.append([json.loads((out / name / "summary.json").read_text()) for name in ("a", "b")])
    assert [[one.get("language") for one in both] for both in told] == [
        [None, None],
        ["en", None],
        ["zh", "zh"],
        ["zh", "zh"],
    ]
    assert told[2] == told[3]
    assert [both[0]["rules"][0]["sentence"] for both in told[1:3]] == [
        "each region gets at least 40 EUR a head",
        "各地区所得不低于人均 40 欧元",
    ]
    for name in ("a", "b"):
        verify(out / name)


def test_translations_of_unknown_texts_and_name_columns_are_faults(tmp_path):
    (tmp_path / "r.csv").write_text(ROWS)
    wrong = POLICY_IN_TWO.replace('"plancher" = "floor"', '"planchr" = "floor"').replace('"nord" =', '"nort" =')
    (tmp_path / "p.toml").write_text(wrong)
    with pytest.raises(InputError) as error:
        fa.load(tmp_path / "p.toml").describe().__next__()
    said = [str(fault) for fault in error.value.faults]
    assert len(said) == 2
    assert all("translations.en" in one for one in said)
    assert "Did you mean plancher" in said[0] and "nord" in said[1]
    (tmp_path / "p.toml").write_text(POLICY_IN_TWO.replace('names = { en = "name" }', 'names = { en = "nam" }'))
    with pytest.raises(InputError, match="the file has no such column"):
        fa.load(tmp_path / "p.toml").describe().__next__()
    (tmp_path / "p.toml").write_text(POLICY_IN_TWO.replace("[translations.en]", "[translations.fr]"))
    with pytest.raises(InputError, match="translations"):
        fa.load(tmp_path / "p.toml")


def test_every_name_that_the_package_gives_a_step_is_translated(rounds):
    """Steps, kinds and codes of the tables of the demo have a Chinese name, from us or from the policy."""
    with speaking("zh"):
        learn(tomllib.loads(POLICY.read_text(encoding="utf-8"))["translations"])
        steps = read_rows(rounds / "own", "steps.csv")
        for word in set(chain.from_iterable((row["step"], row["kind"]) for row in steps)):
            assert called(word) != word, word


def test_the_stages_of_the_page_have_names():
    with speaking("zh"):
        assert [stage for stage in set(STAGES.values()) if called(stage) == stage] == []
