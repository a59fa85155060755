"""Faults and refusals speak the language of the reader: none is written that is not said, none tried is English."""

from __future__ import annotations

import re
from pathlib import Path

import pandas as pd
import pytest

import fundalloc as fa
from fundalloc.cli.app import run
from fundalloc.errors import Fault, InputError, did_you_mean
from fundalloc.language import speaking
from fundalloc.policy import parse_policy
from tests.funds import policy
from tests.sentences import unsaid

#: keys, files, columns, options, quoted texts, what is to be written, and words of the system stay as they are
CODE = re.compile(
    r"'[^']*'|\"[^\"]*\"|“[^”]*”|\[[^\]]*\]|--?[a-z]+(?: [A-Z]+)?|\w+\.\w[\w.]*|\w+ = \S+|[a-z]+_[a-z_]+"
    r"|No such file or directory|\b(?:and or not|JSON Schema|in 和 is|UTF-8|fundalloc(?: \w+)*)\b"
)
ENGLISH = re.compile(r"[A-Za-z]{2,} +[A-Za-z]{2,}")


def english(text: str) -> list[str]:
    """Two English words in a row that are no code."""
    return ENGLISH.findall(CODE.sub("·", text))


def test_every_text_of_a_fault_is_said():
    assert unsaid() == []


FAULTY = {
    "unknown key": {"fnd": 1},
    "missing": {"regions": {}},
    "no number": {"regions": {"id": 3}, "objective": {"kind": "fairest"}},
    "bad rules": {
        "rules": [
            {"kind": "limit", "name": "a", "each": "nowhere", "floor": -1},
            {"kind": "limit", "name": "a", "floor": 2, "cap": 1},
            {"kind": "limit", "name": "b"},
            {"kind": "inequality", "name": "c", "measure": "p90p10", "at_most": 1},
            {"kind": "inequality", "name": "d", "measure": "ratio", "at_most": 0.5},
            {"kind": "limit", "name": "e", "of": "previous", "floor": 0.9},
        ]
    },
    "bad measures": {
        "measures": {
            "one": "population +",
            "two": "nothing_known",
            "three": "lag(population, 0)",
            "four": "[population]",
            "five": "exec(1)",
            "six": "two + six",
        }
    },
}


@pytest.mark.parametrize("entry", FAULTY)
def test_faults_of_a_policy_are_wholly_chinese(entry):
    raw = policy([]) | FAULTY[entry]
    frame = pd.DataFrame({"id": ["a", "b"], "population": [1.0, 2.0]})
    said = {}
    for language in (None, "zh"):
        with speaking(language), pytest.raises(InputError) as caught:
            fa.Fund(parse_policy(raw), frame).allocate()
        said[language] = str(caught.value).splitlines()
    assert len(said[None]) == len(said["zh"])
    for one, other in zip(said[None], said["zh"], strict=True):
        assert english(other) == [], other
        assert re.search("[\u4e00-\u9fff]", other), other
        assert one != other


DATA = {
    "no rows": "id,population\n",
    "no ids": "id,population,need\na,x,1\nb,,2\na,3,4\n,5,6\n",
    "cells": 'id,population,need\na,5%,1\nb,,x\nc,-3,"1,234"\nd,nan,N/A\ne,1e999,7a\nf,€5,8\ng,"1.234,5",9\n',
    "two ways": "id,population,need\na,1.234,1.234\nb,1.234.567,2\n",
    "lines": "id,population,need\na,1\nb,2,3,4\n",
    "twice": "id,id,\na,1,2\n",
    "marks": "id,population,need\na\x01,1,2\n",
    "quotes": 'id,population,need\na,"1,2\n',
}
STATED = """
format = 1
[fund]
title = "T"
round = "2024"
[regions]
file = "regions.csv"
id = "id"
population = "population"
[resources.fund]
supply = 100
unit = "CNY"
lot = 0.01
criteria = [{ name = "need", weight = 1, measure = "need" }]
"""


@pytest.mark.parametrize("entry", DATA)
def test_faults_of_data_are_wholly_chinese(entry, tmp_path, capsys):
    (tmp_path / "policy.toml").write_text(STATED)
    (tmp_path / "regions.csv").write_text(DATA[entry])
    assert run(["check", str(tmp_path)]) == 3
    own = capsys.readouterr().err.replace(str(tmp_path), "")
    assert run(["check", str(tmp_path), "--lang", "zh"]) == 3
    zh = capsys.readouterr().err.replace(str(tmp_path), "")
    assert len(own.splitlines()) == len(zh.splitlines())
    assert english(zh) == [] and english(own), zh
    for one, other in zip(own.splitlines(), zh.splitlines(), strict=True):
        assert one != other and re.search("[\u4e00-\u9fff]", other) and not other.endswith("."), other


COMMANDS = [
    ["check", "nowhere"],
    ["allocate", "policy.toml", "--set", "resources.fund.suply"],
    ["allocate", "policy.toml", "--set", "resources.fund.supply.x.y=1"],
    ["allocate", "policy.toml", "--regions", "nowhere.csv"],
    ["allocate", "policy.toml", "--encoding", "nonsense"],
    ["explain", "."],
    ["verify", "."],
    ["rounds", "--ledger", "nowhere.sqlite"],
    ["compare", "policy.toml", "--resource", "fund"],
    ["models", "nothing"],
    ["batch", "nowhere", "-o", "out"],
    ["plan", "policy.toml", "--rounds", "0"],
    ["monitor", "policy.toml"],
]


@pytest.mark.parametrize("arguments", COMMANDS, ids=" ".join)
def test_refusals_of_commands_are_wholly_chinese(arguments, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    Path("policy.toml").write_text(STATED)
    Path("regions.csv").write_text("id,population,need\na,1,2\nb,3,4\n")
    end = run(arguments)
    own = capsys.readouterr().err
    assert run([*arguments, "--lang", "zh"]) == end != 0
    zh = capsys.readouterr().err
    assert english(zh) == [] and own != zh, zh


def test_a_fault_says_where_it_is():
    one = Fault("m", "r", file="f.csv", line=3, column="c", value="v")
    assert str(one) == "f.csv, line 3, column c: 'v': m r"
    with speaking("zh"):
        assert str(one) == "f.csv，第 3 行，c 列：'v'：m r"
        assert did_you_mean("ab", ["abc"]) == "是否指 abc？"
        assert did_you_mean("zz", ["abc", "d"]) == "可用的有：abc, d。"
