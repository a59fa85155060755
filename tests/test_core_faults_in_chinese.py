"""What the core, `verify` and the ledger say is wholly in the language of the reader, whatever a round speaks."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

import fundalloc as fa
from fundalloc import DifferenceError, Fund, Ledger, LedgerError, SolverError, decision, solve
from fundalloc.arrays import check_finite
from fundalloc.certificate import read
from fundalloc.cli.app import run
from fundalloc.errors import InputError
from fundalloc.intake import json_of
from fundalloc.language import called, later, learn, say, speaking
from fundalloc.ledger.entries import Entry, broken
from fundalloc.ledger.exchange import exported, imported
from fundalloc.policy import parse_policy
from fundalloc.rounding import NoWholeLots, Real, whole_lots
from fundalloc.rules import Curve
from fundalloc.sources import Source
from fundalloc.system import assemble
from fundalloc.verification import verify
from tests.funds import policy, regions
from tests.test_faults_in_chinese import english
from tests.test_language import POLICY_IN_TWO, ROWS
from tests.test_ledger import filled
from tests.test_level_proofs import rewritten, valued
from tests.test_verification import WORDS, Folder, named, written

CHINESE = re.compile("[\u4e00-\u9fff]")


def told(do: Callable[[], object], kind: type[Exception]) -> dict[str | None, str]:
    """What an error says, in English and in Chinese; the second is wholly Chinese."""
    said = {}
    for language in (None, "zh"):
        with speaking(language), pytest.raises(kind) as caught:
            do()
            raise AssertionError("nothing was refused")
        with speaking(language):
            said[language] = str(caught.value)
    assert not CHINESE.search(said[None]), said
    assert CHINESE.search(said["zh"]) and english(said["zh"]) == [], said
    return said


@pytest.fixture(scope="module")
def folders(tmp_path_factory) -> Callable[..., Path]:
    """Published folders of funds by name and language; each is decided once."""
    known: dict[tuple[str, str | None], Path] = {}

    def at(name: str, language: str | None = None) -> Path:
        if (name, language) not in known:
            with speaking(language):
                known[name, language] = written(named(name), tmp_path_factory.mktemp("published") / "out")
        return known[name, language]

    return at


@pytest.mark.parametrize("name", WORDS)
def test_every_difference_is_said_in_both_languages(name, folders, tmp_path):
    source, falsify, words = WORDS[name]
    it = Folder(folders(source))
    falsify(it)
    folder = it.write(tmp_path / "false")
    said = told(lambda: verify(folder), DifferenceError)
    assert re.search(words, said[None])
    assert said["zh"].startswith(f"{folder}: ")


#: kinds of falsification that a round in Chinese is refused for too
SOME = (
    "objective",
    "yields",
    "fewer rows",
    "row",
    "target",
    "amount",
    "lots",
    "line",
    "more lines",
    "settings",
    "no text",
)


@pytest.mark.parametrize("name", SOME)
def test_a_round_in_chinese_is_refused_in_its_own_language_or_in_the_one_asked_for(name, folders, tmp_path, capsys):
    source, falsify, words = WORDS[name]
    it = Folder(folders(source, "zh"))
    assert it.summary["language"] == "zh"
    falsify(it)
    folder = str(it.write(tmp_path / "false"))
    said = []
    for arguments in ([], ["--lang", "zh"], ["--lang", "en"]):
        assert run(["verify", folder, *arguments]) == DifferenceError.exit_code
        said.append(capsys.readouterr().err)
    assert said[0] == said[1] != said[2]
    assert english(said[0].replace("fundalloc: ", "")) == [] and CHINESE.search(said[0])
    assert re.search(words, said[2])


def test_the_verdict_is_told_in_the_language_of_the_round_or_in_the_one_asked_for(folders, capsys):
    said = {}
    for language in (None, "zh"):
        for arguments in ([], ["--lang", "en"], ["--lang", "zh"]):
            assert run(["verify", str(folders("wish", language)), *arguments]) == 0
            both = capsys.readouterr()
            said[language, *arguments[1:]] = both.out, re.sub(r".*out|[\d.]+ s|[\d.]+ 秒", "", both.err)
    assert said[None,] == said[None, "en"] == said["zh", "en"]
    assert said["zh",] == said["zh", "zh"] == said[None, "zh"]
    assert said[None,][0].startswith("Proven: ")
    assert english(said["zh",][0]) == [] and "已核验" in said["zh",][1]


def test_what_is_stored_does_not_depend_on_who_verifies(tmp_path):
    """Another policy and its texts are known when a round is verified; what it stores is compared in its own."""
    (tmp_path / "p.toml").write_text(POLICY_IN_TWO)
    (tmp_path / "r.csv").write_text(ROWS)
    for language in (None, "en", "zh"):
        with speaking(language):
            fa.load(tmp_path / "p.toml").allocate().write(tmp_path / str(language), ["md"])
    for reader in (None, "en", "zh"):
        with speaking(reader):
            texts = {"argent": "another", "plancher": "another", "Pour tous.": "another", "EUR": "another"}
            learn({"en": texts, "zh": texts})
            for language in (None, "en", "zh"):
                verify(tmp_path / str(language))
            assert called("argent") == ("argent" if reader is None else "another")
    summary = json.loads((tmp_path / "zh" / "summary.json").read_text())
    summary["translations"] |= {"each region": "某地", "largest_remainder": "另一方法"}
    (tmp_path / "zh" / "summary.json").write_text(json.dumps(summary), encoding="utf-8")
    with pytest.raises(DifferenceError, match=r"summary\.json: translations 为 .*，而由输入得 \{\}"):
        verify(tmp_path / "zh")
    with speaking("zh"):
        with pytest.raises(DifferenceError):
            verify(tmp_path / "zh")
        assert called("each region") == "each region"  # nobody learns from a folder that was changed


def test_inputs_that_are_faulty_are_told_to_the_reader(tmp_path):
    """A certificate whose data cannot be used: the faults of the data, in the language of the reader."""
    for own in (None, "zh"):
        with speaking(own):
            written(named("limits"), tmp_path / "out")
        it = Folder(tmp_path / "out")
        content = json.loads(it.certificate["inputs"]["regions"]["text"])
        content["columns"]["population"][0] = -1.0
        it.certificate["inputs"]["regions"]["text"] = json.dumps(content)
        folder = it.write(tmp_path / "false")
        with speaking("en"), pytest.raises(DifferenceError, match="a population cannot be below 0") as caught:
            verify(folder)
        with speaking("zh"), pytest.raises(DifferenceError, match="人口不能小于 0") as other:
            verify(folder)
        assert english(str(other.value)) == [] and not CHINESE.search(str(caught.value))


def test_a_proof_of_levels_that_fails_is_told_in_both_languages(tmp_path):
    changes: dict[str, Callable[[Any], object]] = {
        "The proof settles ": lambda it: it["levels"].pop(),
        "Step 1 of the proof of the levels: ": lambda it: it["levels"][0].update(level=it["levels"][0]["level"] * 0.5),
        "its prices or its level are none": lambda it: it["levels"][0].update(gains=[[0, -1.0]]),
        "the two ends of its inequality do not meet": lambda it: it["levels"][0].update(gains=[[0, 1e9]]),
    }
    for words, change in changes.items():
        valued(3).allocate().write(tmp_path / "out")
        rewritten(tmp_path / "out", change)
        assert words in told(lambda: verify(tmp_path / "out"), DifferenceError)[None]


def test_prices_that_prove_too_little_are_told_in_both_languages(tmp_path):
    stated = policy([], fund={"value": "need"}, objective={"kind": "benefit"})
    Fund(parse_policy(stated), regions(np.random.default_rng(1), 5)).allocate().write(tmp_path / "out")
    rewritten(tmp_path / "out", lambda it: it.update(worth=[0.0]), "explained")
    said = told(lambda: verify(tmp_path / "out"), DifferenceError)[None]
    assert "the prices prove benefit only to" in said


def test_whole_lots_that_there_are_none_of_are_told_in_both_languages():
    none = np.zeros(2, dtype=np.int64)
    for total, low, high, words in (
        (1, none + 2, none + 1, "a region needs at least 2 and at most 1 lots"),
        (9, none, none + 1, "9 lots are shared out, but the bounds allow from 0 to 2"),
    ):
        lots = (Real.of(np.array([0.5, 0.5])), total, low, high, (), np.ones(2))
        assert told(lambda lots=lots: whole_lots(*lots), NoWholeLots)[None] == words


def test_a_sentence_that_is_put_off_speaks_the_language_in_which_it_is_shown():
    with speaking("zh"):
        error = ValueError(later("resource {code}", code="fund"))
        text = say("{code_name} is no JSON text ({code_error}).", code_name="x", code_error=error)
        assert (str(error), repr(error)) == ("资源 fund", "ValueError('资源 fund')")
        assert text == "x 不是 JSON 文本（资源 fund）。"
    assert (str(error), repr(error)) == ("resource fund", "ValueError('resource fund')")
    assert f"{later('the regions'):>12}" == " the regions"


def changed(content: dict[str, Any], **parts: object) -> dict[str, Any]:
    return {**content, **parts}


def test_faults_of_a_chain_are_told_in_both_languages(tmp_path):
    entries = filled(str(tmp_path / "l.sqlite")).entries()
    twice = replace(entries[1], number=len(entries) + 1, previous=entries[-1].hash, kind="decision").sealed()
    first = replace(twice, round="2030", about=None).sealed()
    about = replace(entries[-1], number=len(entries) + 1, previous=entries[-1].hash, about=77).sealed()
    unknown = replace(twice, kind="approval", round="1999").sealed()
    hurried = replace(twice, kind="publication", round="2030", number=len(entries) + 2, previous=first.hash).sealed()
    for chain, words in (
        (entries[1:], "follows entry 0: what stood between them is missing"),
        ((entries[0], entries[0]), "follows entry 1: it does not belong there"),
        ((replace(entries[0], previous="1" * 64).sealed(), *entries[1:]), "does not follow on the entry before it"),
        ((replace(entries[0], reason="another"), *entries[1:]), "was changed: its hash is not that of what it says"),
        ((*entries, twice), "cannot stand there: Round .* is recorded already"),
        ((*entries, about), "is about entry 77, which is not the one that held then|cannot stand there"),
        ((*entries, unknown), "cannot stand there: Round 1999 is not recorded[.]"),
        ((*entries, first, hurried), "cannot stand there: Round .* is .* [(]entry"),
    ):
        with speaking("zh"):
            zh = broken(chain)
        own = broken(chain)
        assert len(own) == len(zh) >= 1
        assert any(re.search(words, one) for one in own), own
        for one, other in zip(own, zh, strict=True):
            assert CHINESE.search(other) and english(re.sub(r"经办人 [^，]*", "", other)) == [], other
            assert "nothing was recorded" not in one and "未记录任何内容" not in other


def test_lines_that_are_no_entries_are_told_in_both_languages(tmp_path):
    book = filled(str(tmp_path / "l.sqlite"))
    line = json.loads(next(iter(exported(book))))
    entry = line["entry"]
    faulty = [
        changed(entry, more=1),
        changed(entry, number="1"),
        changed(entry, reason=None),
        changed(entry, kind="wish"),
        changed(entry, files=["a"]),
        changed(entry, files={"../a": "0"}),
        changed(entry, reason="\ud800"),
    ]
    for content in faulty:
        told(lambda content=content: Entry.of(content), ValueError)
    lines = [json.dumps({"entry": one, "files": {}}) for one in faulty[:6]]
    lines += ["{", "[]", "3", '{"entry": {}}', json.dumps(line | {"files": {"a": {"base64": "?"}}})]
    said = told(lambda: imported("\n".join(lines).encode(), "all.jsonl"), InputError)
    assert len(said[None].splitlines()) == len(said["zh"].splitlines()) >= len(lines)


def test_a_ledger_that_was_changed_is_refused_in_both_languages(tmp_path, capsys):
    import sqlite3
    from contextlib import closing

    file = tmp_path / "l.sqlite"
    filled(str(file))
    with closing(sqlite3.connect(file)) as connection:
        for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'").fetchall():
            connection.execute(f"DROP TRIGGER {name}")
        connection.execute("UPDATE fundalloc_contents SET content = x'00'")
        connection.execute("UPDATE fundalloc_entries SET reason = 'other' WHERE number = 2")
        connection.commit()
    said = []
    for arguments in ([], ["--lang", "zh"]):
        assert run(["rounds", "--verify", "--expect", "ab", "--ledger", str(file), *arguments]) == 7
        said.append(capsys.readouterr().err.replace(str(file), ""))
        assert run(["rounds", "--ledger", str(file), *arguments]) == 7
        said.append(capsys.readouterr().err.replace(str(file), ""))
    assert len(said[0].splitlines()) == len(said[2].splitlines()) > 8
    for one in said[2].splitlines() + said[3].splitlines():
        assert CHINESE.search(one) and english(one) == [], one
    assert "no entry has the hash ab: entries that were there" in said[0]
    with closing(sqlite3.connect(file)) as connection:
        connection.execute('UPDATE fundalloc_entries SET files = \'{"a" : "b"}\' WHERE number = 2')
        connection.commit()
    assert "in another way than a ledger does" in told(lambda: Ledger(file).entries(), LedgerError)[None]


def test_what_is_not_solved_is_told_in_both_languages(monkeypatch):
    one = np.ones(1)
    fine = {"curvature": one, "cost": one, "low": one, "high": one, "row_low": one, "row_high": one}
    for name in fine:
        arrays: Any = SimpleNamespace(**{**fine, name: one * np.nan}, matrix=SimpleNamespace(data=one))
        told(lambda arrays=arrays: check_finite(arrays), SolverError)
    for status in ("Time limit reached", "Primal infeasible or unbounded", "Some other end"):
        monkeypatch.setattr(solve, "run", lambda arrays, status=status, **_: (status, one))
        system = assemble(named("limits").problem, ())
        assert status in told(lambda system=system: solve.about_possible(system), SolverError)[None]


def test_hints_and_details_of_numbers_are_told_in_both_languages():
    for objective, rule in (("leximin", "gini"), ("alpha_fair", "gini")):
        problem = SimpleNamespace(objective=objective, value=np.ones(2))
        curves = [s for s in named(rule).rows if isinstance(s, Curve)]
        said = []
        for language in (None, "zh"):
            with speaking(language):
                said.append(decision._hint(problem, curves))  # type: ignore[arg-type]
        assert said[0].startswith(f" {objective} is hard beside rules on inequality") and english(said[1]) == []
        assert CHINESE.search(said[1])
    told(lambda: read(["1"]), TypeError)  # type: ignore[list-item]
    told(lambda: Source.of({"file": 3}), TypeError)  # type: ignore[dict-item]
    told(lambda: json_of(b"[" * 100_000), ValueError)


@pytest.mark.parametrize(("decided", "wrote"), [("zh", None), (None, "zh"), ("en", "zh")])
def test_a_round_is_written_in_the_language_in_which_it_was_decided(decided, wrote, tmp_path):
    (tmp_path / "p.toml").write_text(POLICY_IN_TWO)
    (tmp_path / "r.csv").write_text(ROWS)
    with speaking(decided):
        whole = fa.load(tmp_path / "p.toml").allocate()
        whole.write(tmp_path / "one", ["md"])
    with speaking(decided):
        allocation = fa.load(tmp_path / "p.toml").allocate()
    with speaking(wrote):
        allocation.write(tmp_path / "other", ["md"])
        assert str(allocation) == str(whole)
        assert allocation.explain("a") == whole.explain("a")
    verify(tmp_path / "other")
    for file in (tmp_path / "one").iterdir():
        assert file.read_bytes() == (tmp_path / "other" / file.name).read_bytes(), file.name


def test_a_fund_that_was_read_before_is_decided_in_the_language_that_is_spoken_then(tmp_path):
    (tmp_path / "p.toml").write_text(POLICY_IN_TWO)
    (tmp_path / "r.csv").write_text(ROWS)
    fund = fa.load(tmp_path / "p.toml")
    with speaking("en"):
        allocation = fund.allocate()
    allocation.write(tmp_path / "out")
    assert "500 EUR of money" in allocation.explain("a")
    with speaking("en"):
        verify(tmp_path / "out")


def test_policies_that_are_read_one_after_the_other_do_not_know_the_texts_of_each_other(tmp_path):
    untold = POLICY_IN_TWO.partition('"argent" = ')[0]
    for name, texts in (("a", '"argent" = "cash"\n"plancher" = "bottom"'), ("b", '"Pour tous." = "For all."')):
        (tmp_path / name).mkdir()
        (tmp_path / name / "policy.toml").write_text(f"{untold}{texts}\n")
        (tmp_path / name / "r.csv").write_text(ROWS)
    with speaking("en"):
        rounds = [fa.load(tmp_path / name).allocate() for name in ("a", "b")]
        for name, one in zip(("a", "b"), rounds, strict=True):
            one.write(tmp_path / name / "out", ["md"])
            verify(tmp_path / name / "out")
    assert "of cash" in rounds[0].explain("a") and "For all." not in rounds[0].explain("a")
    assert "of argent" in rounds[1].explain("a") and "For all." in rounds[1].explain("a")


@pytest.mark.parametrize("text", ["", "{", "[1", '{"a" 1}', "[1 2]", '"a', '"\x01"', '"\\x"', '"\\u12"', "1 2"])
def test_what_is_no_json_is_told_in_both_languages(text):
    with pytest.raises(ValueError) as caught:
        json.loads(text)
    assert told(lambda: json_of(text.encode()), ValueError)[None] == str(caught.value)


def test_a_certificate_that_is_no_json_is_told_in_both_languages(folders, tmp_path):
    folder = Folder(folders("limits")).write(tmp_path / "out")
    for content in (b"", b"[1", b"[" * 100_000, b"\xff", b"[]", b"{}", b'{"fundalloc": {"certificate": 9}}'):
        (folder / "certificate.json").write_bytes(content)
        assert "certificate.json" in told(lambda: verify(folder), DifferenceError)[None]
    (folder / "certificate.json").unlink()
    told(lambda: verify(folder), DifferenceError)
    (folder / "certificate.json").mkdir()
    told(lambda: verify(folder), DifferenceError)
