"""Chinese of the ledger, of the shipped models and of the processes of a lottery; what is stored is as ever."""

from __future__ import annotations

import re
from concurrent.futures import ThreadPoolExecutor

import pandas as pd
import pytest

from fundalloc import Fund, Ledger, SolverError, lottery, shake
from fundalloc.change import Round
from fundalloc.cli.app import run
from fundalloc.language import say, speaking
from fundalloc.policy import parse_policy
from tests.test_language import POLICY_IN_TWO, ROWS, english

HISTORY = "round,region_id,resource,entitlement,amount\n2024,a,argent,500,600\n2024,b,argent,500,400\n"
#: the places of texts that people wrote: why, and by whom
WRITTEN = re.compile(r"imported from h\.csv|in council|Mr Li|--by NAME --reason TEXT --ledger \S+")


@pytest.fixture
def small(tmp_path, monkeypatch):
    """A folder with a decided round, to work in."""
    (tmp_path / "p.toml").write_text(POLICY_IN_TWO)
    (tmp_path / "r.csv").write_text(ROWS)
    (tmp_path / "h.csv").write_text(HISTORY)
    monkeypatch.chdir(tmp_path)
    assert run(["allocate", "p.toml", "-o", "out"]) == 0
    return tmp_path


#: what is done in the ledger `book`, and how each ends
DONE = [
    (["rounds", "--import", "h.csv", "--by", "Mr Li"], 0),
    (["record", "out", "--by", "Mr Li", "--reason", "in council"], 0),
    (["record", "out", "--by", "Mr Li"], 7),
    (["record", "out", "--by", "Mr Li", "--reason", "in council", "--correct"], 0),
    (["publish", "2025", "--by", "Mr Li", "--reason", "in council"], 7),
    (["approve", "2025", "--by", "Mr Li", "--reason", "in council", "--entry", "2"], 7),
    (["approve", "2025", "--by", "Mr Li", "--reason", " "], 7),
    (["approve", "2025", "--by", "Mr Li", "--reason", "in council"], 0),
    (["approve", "2026", "--by", "Mr Li", "--reason", "in council"], 7),
    (["publish", "2025", "--by", "Mr Li", "--reason", "in council"], 0),
    (["rounds", "--verify"], 0),
    (["rounds", "--export", "all.jsonl"], 0),
    (["rounds", "--export", "amounts.csv"], 0),
    (["rounds", "--import", "amounts.csv"], 0),
    (["rounds", "--restore", "2025", "-o", "again"], 0),
    (["rounds", "--restore", "2024", "-o", "before"], 0),
    (["rounds", "--restore", "2023", "-o", "never"], 7),
    (["rounds", "--upgrade"], 0),
    (["rounds"], 0),
]


def told(arguments, end, capsys):
    assert run(arguments) == end, arguments
    both = capsys.readouterr()
    return both.out + both.err


def test_the_commands_of_the_ledger_leave_no_english(small, capsys):
    said = {}
    for arguments, end in DONE:
        text = told([*arguments, "--ledger", "book.sqlite", "--lang", "zh"], end, capsys)
        assert english(WRITTEN.sub("·", text)) == [], text
        assert re.search("[\u4e00-\u9fff]", text), arguments
        said[" ".join(arguments)] = text
    assert "2025 轮次现为：草案" in said["record out --by Mr Li --reason in council"]
    assert re.search(r"2025 +已公布 +3 +更正 +Mr Li", said["rounds"])
    assert f"最新哈希：{Ledger('book.sqlite').head}" in said["rounds"]
    entries = [(one.kind, one.reason) for one in Ledger("book.sqlite").entries()]
    assert entries[0] == ("history", "imported from h.csv")
    assert [kind for kind, _ in entries[1:]] == ["decision", "correction", "approval", "publication"]


def test_a_ledger_says_in_english_what_it_always_said(small, capsys):
    said = [told([*arguments, "--ledger", "book.sqlite"], end, capsys) for arguments, end in DONE]
    entries = [(one.at, one.hash) for one in Ledger("book.sqlite").entries()]
    assert said[1].startswith(
        f"book.sqlite: entry 2, decision of round 2025 by Mr Li on {entries[1][0]}. "
        f"Round 2025 is now: draft. Head: {entries[1][1]}\n"
    )
    assert said[4] == (
        f"fundalloc: book.sqlite: Round 2025 is draft (entry 3, correction of round 2025 by Mr Li on {entries[2][0]}); "
        "nothing was recorded. Approve it first.\n"
    )
    assert said[10] == f"book.sqlite: 5 entries, every hash fits. Head: {entries[4][1]}\n"


def test_the_shipped_models_are_told_in_chinese(capsys):
    lines = told(["models", "--lang", "zh"], 0, capsys).splitlines()
    assert [line for line in lines if english(line.replace("new DIR", ""))] == []
    assert len([line for line in lines if re.match(r"\w+：[\u4e00-\u9fff]", line)]) == 4


def test_processes_of_a_lottery_give_reasons_in_the_language_that_is_spoken(monkeypatch):
    def never(problem, statements):
        raise SolverError(say("The optimum could not be proven, nor that there is none; nothing was written."))

    def threads(workers, context, begin, given):  # a new thread knows no more of the language than a new process
        return ThreadPoolExecutor(1, initializer=begin, initargs=given)

    raw = {
        "format": 1,
        "fund": {"title": "Tiny", "round": "2023"},
        "regions": {"id": "id", "name": "id", "population": "people"},
        "resources": {
            "fund": {
                "supply": 9,
                "unit": "EUR",
                "lot": 1,
                "criteria": [{"name": name, "weight": 50, "measure": name} for name in ("people", "1")],
            }
        },
    }
    frame = pd.DataFrame({"id": ["A", "B"], "people": [1, 2]})
    fund = Fund(parse_policy(raw), frame)
    decided = fund.allocate()
    base = Round(fund, decided.decision.lots.astype(float), decided.decision.lots)
    monkeypatch.setattr(lottery, "decide", never)
    monkeypatch.setattr("concurrent.futures.ProcessPoolExecutor", threads)
    found = []
    for jobs in (1, 2):
        monkeypatch.setattr(lottery, "_OWN", [])
        with speaking("zh"):
            found.append(shake(base, draws=3, jobs=jobs).draws.reasons["unproven"])
    assert found[0] == found[1]
    assert english(found[1]) == []
