"""Faulty inputs of every kind are told in the language asked for, to the last word, and fault by fault."""

from __future__ import annotations

import ast
import copy
import re
import tomllib
import tomllib._parser
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from fundalloc.cli.app import run
from fundalloc.errors import InputError
from fundalloc.language import speaking
from fundalloc.policy import check_policy, parse_policy
from fundalloc.reported import KNOWN, reported
from tests.faulty import FULL, ODD, cases, placed
from tests.test_faults_in_chinese import english

CASES = cases()
CHINESE = re.compile("[\u4e00-\u9fff]")


def _said(name: str, language: str, folder: Path, capsys: pytest.CaptureFixture[str]) -> tuple[int, str]:
    """The exit code of a case, and what it says."""
    files, deed = CASES[name]
    placed(folder, files)
    if isinstance(deed, list):
        return run([*deed, "--lang", language]), capsys.readouterr().err
    with speaking(None if language == "en" else "zh"), pytest.raises(InputError) as caught:
        deed()
    return 3, str(caught.value)


@pytest.mark.parametrize("name", CASES)
def test_a_faulty_input_is_told_in_chinese_alone(name, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    code, own = _said(name, "en", tmp_path, capsys)
    ended, zh = _said(name, "zh", tmp_path, capsys)
    assert code == ended and code in (3, 7), own
    assert len(own.splitlines()) == len(zh.splitlines()), zh
    for one, other in zip(own.splitlines(), zh.splitlines(), strict=True):
        assert english(other) == [] and not CHINESE.search(one), other
        assert CHINESE.search(other) and (other.endswith(("。", "？")) or other.startswith("fundalloc: ")), other


def _ways(value: Any, way: tuple[str | int, ...] = ()) -> Iterator[tuple[str | int, ...]]:
    """The way to every entry of a policy."""
    named = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for step, inside in named:
        yield (*way, step)
        yield from _ways(inside, (*way, step))


def _faults(raw: dict[str, Any], language: str) -> list[str]:
    with speaking("zh" if language == "zh" else None):
        try:
            check_policy(parse_policy(raw, "p.toml"), "2024", True, "p.toml")
        except InputError as error:
            return str(error).splitlines()
    return []


@pytest.mark.parametrize("section", tomllib.loads(FULL))
def test_an_odd_value_anywhere_in_a_policy_is_told_in_chinese_alone(section):
    whole = tomllib.loads(FULL)
    found = 0
    for way in _ways({section: whole[section]}):
        for odd in (*ODD, None):
            raw = copy.deepcopy(whole)
            here: Any = raw
            for step in way[:-1]:
                here = here[step]
            if odd is None:
                del here[way[-1]]
            else:
                here[way[-1]] = odd
            own, zh = _faults(raw, "en"), _faults(raw, "zh")
            assert len(own) == len(zh), zh
            found += len(own)
            for one, other in zip(own, zh, strict=True):
                assert english(other) == [] and CHINESE.search(other) and other.endswith(("。", "？")), other
                assert not CHINESE.search(one), one
    assert found


def test_every_complaint_of_the_parser_of_toml_has_words():
    """What the parser can say, its values left out, is said in words of ours."""
    code = ast.parse(Path(tomllib._parser.__file__).read_text(encoding="utf-8"))
    calls = [n for n in ast.walk(code) if isinstance(n, ast.Call) and getattr(n.func, "id", "") == "suffixed_err"]
    texts = [
        "".join(str(part.value) if isinstance(part, ast.Constant) else "x" for part in text.values)
        if isinstance(text, ast.JoinedStr)
        else ast.literal_eval(text)
        for text in (call.args[2] for call in calls)
    ]
    assert len(texts) > 20
    with speaking("zh"):
        for text in texts:
            said = str(reported(text[:1].lower() + text[1:]))
            assert "原文" not in said and english(said) == [], text


def test_what_has_no_words_is_quoted():
    assert str(reported("no such thing")) == "no such thing"
    with speaking("zh"):
        assert str(reported("no such thing")) == "原文：“no such thing”"
    assert len(KNOWN) == len(set(KNOWN))
