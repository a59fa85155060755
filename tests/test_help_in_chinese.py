"""The command line speaks Chinese too: help, wrong usage, interruptions; in English it says what typer says."""

from __future__ import annotations

import os
import re
import subprocess
import sys

import pytest
import typer
from typer.core import TyperCommand, TyperGroup

from fundalloc.cli import usage
from fundalloc.cli.app import app, run
from fundalloc.cli.asking import asked
from fundalloc.language import say, speaking, width
from tests.test_faults_in_chinese import english

WHOLE = typer.main.get_command(app)
CHINESE = re.compile("[\u4e00-\u9fff]")
#: wrong command lines, and the last line of what typer says of each, as it has always been
WRONG = {
    ("allocat",): "No such command 'allocat'. Did you mean 'allocate'?",
    ("zzz",): "No such command 'zzz'.",
    ("no'such",): 'No such command "no\'such".',
    ("--vers",): "No such option: --vers (Possible options: --version)",
    ("allocate",): "Missing argument 'POLICY'.",
    ("allocate", "p.toml"): "Missing option '-o' / '--out'.",
    ("compare",): "Missing argument 'A [B ...]'.",
    ("plan", "p", "--rouds", "1"): "No such option: --rouds (Possible options: --out, --round, --rounds)",
    ("check", "p", "-z"): "No such option: -z",
    ("check", "a", "b", "c\nd"): "Got unexpected extra argument(s) (b c\\x0ad)",
    ("models", "x"): "Got unexpected extra argument(s) (x)",
    ("allocate", "p", "--out"): "Option '--out' requires an argument.",
    ("allocate", "p", "--quiet=1", "-o", "x"): "Option '--quiet' does not take a value.",
    ("plan", "p", "--rounds", "two"): "Invalid value for '--rounds': Input should be a valid integer, unable to parse "
    "string as an integer",
    ("plan", "p", "--rounds", "9" * 5000): "Invalid value for '--rounds': Unable to parse input string as an integer, "
    "exceeded maximum size",
    (
        "plan",
        "p",
        "--rounds",
        "\udcff",
    ): "Invalid value for '--rounds': Input should be a valid string, unable to parse raw data as a unicode string",
    ("compare", "p", "--shake", "a: b"): "Invalid value for '--shake': Input should be a valid number, unable to parse "
    "string as a number",
    ("allocate", "p", "-o", "x", "--format", "doc"): "Invalid value for '--format': 'doc' is none of html, pdf, xlsx, "
    "md, csv, json.",
    ("check", "p", "--lang", "fr"): "Invalid value for '--lang' (env var: 'FUNDALLOC_LANG'): 'fr' is none of en, zh.",
    ("record", "out", "--correct"): "Invalid value: a correction needs a reason: --reason TEXT",
    ("rounds", "--restore", "2024"): "Invalid value: --restore ROUND needs a folder: -o OUT",
}
#: the same page, wherever its language is named
PLACES = [
    ["--lang", "zh", "allocate", "--help"],
    ["allocate", "--lang", "zh", "--help"],
    ["allocate", "--help", "--lang", "zh"],
    ["allocate", "--help", "--lang=zh"],
    ["allocate", "--lang", "en", "--help", "--lang", "zh"],
]


@pytest.fixture(autouse=True)
def terminal(monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.delenv("FUNDALLOC_LANG", raising=False)


def page(capsys, name: str, *more: str) -> str:
    """The help of a command, or with "" of the program."""
    assert run([*filter(None, [name]), "--help", *more]) == 0
    shown = capsys.readouterr()
    assert shown.err == ""
    return shown.out


def parts(shown: str) -> dict[str, list[str]]:
    """The parts of a page by their titles: what is listed, a line for each."""
    return {text.partition("\n")[0]: text.splitlines()[1:] for text in shown.split("\n\n")[2:]}


def starts(lines: list[str]) -> set[int]:
    """The columns where the meanings begin, beside the names and in the lines that go on."""
    return {width(re.match(r"  (?:\S.*?)?  +(?=\S)", line)[0]) for line in lines}


@pytest.mark.parametrize("name", ["", *WHOLE.commands])
def test_help_is_wholly_chinese(name, capsys, monkeypatch):
    own, zh = page(capsys, name), page(capsys, name, "--lang", "zh")
    assert english(own) and english(zh) == [], zh
    assert zh.startswith(f"用法：fundalloc {name}".strip()) and CHINESE.search(zh.split("\n\n")[1])
    titles = {"Arguments:": "参数：", "Options:": "选项：", "Commands:": "命令："}
    assert list(parts(zh)) == [titles[title] for title in parts(own)]
    for mine, theirs in zip(parts(own).values(), parts(zh).values(), strict=True):
        names = [re.match(r"  (\S.*?)(?:  |$)", line)[1] for line in mine if line[2] != " "]
        assert [re.match(r"  (\S.*?)(?:  |$)", line)[1] for line in theirs if line[2] != " "] == names
        assert all(CHINESE.search(line) for line in theirs if line[2] != " ")
    flat = " ".join(own.split())
    assert flat.count("required]") == zh.count("[必填]")
    assert flat.count("env var: ") == zh.count("[环境变量：FUNDALLOC_")
    assert re.findall(r"default: ([^];]*)", flat) == re.findall(r"\[默认：([^]]*)\]", zh)
    monkeypatch.setenv("COLUMNS", "72")
    narrow = page(capsys, name, "--lang", "zh")
    assert set(re.findall(r"[!-~]+", narrow)) == set(re.findall(r"[!-~]+", zh))  # no word is broken
    for columns, shown in ((72, narrow), (80, zh)):
        lines = shown.splitlines()
        assert max(map(width, lines)) <= columns - 2
        assert [line for line in lines if line.lstrip()[:1] in tuple("。，；：）]")] == []
        assert [lines for lines in parts(shown).values() if len(starts(lines)) != 1] == []


@pytest.mark.parametrize("name", ["", *WHOLE.commands])
def test_help_in_english_is_that_of_typer(name, capsys):
    context = WHOLE.make_context("fundalloc", ["x"], resilient_parsing=True)
    command = WHOLE
    if name:
        command = WHOLE.commands[name]
        context = typer.Context(command, parent=context, info_name=name)
    own = (TyperCommand if name else TyperGroup).get_help(command, context)
    assert page(capsys, name) == page(capsys, name, "--lang", "en") == own + "\n"
    assert own.startswith(f"Usage: fundalloc {name}".strip())


def test_help_is_the_same_wherever_its_language_is_named(capsys, monkeypatch):
    told = []
    for arguments in PLACES:
        assert run(arguments) == 0
        told.append(capsys.readouterr().out)
    own = page(capsys, "allocate")
    monkeypatch.setenv("FUNDALLOC_LANG", "zh")
    assert {*told, page(capsys, "allocate")} == {told[0]} != {own}
    assert page(capsys, "allocate", "--lang", "en") == own
    assert run([]) == 2
    shown = capsys.readouterr()
    assert (shown.out, shown.err) == ("", page(capsys, ""))


@pytest.mark.parametrize("arguments", WRONG, ids=lambda a: " ".join(a)[:40].encode("ascii", "replace").decode())
def test_wrong_usage_is_told_in_the_language_that_is_asked_for(arguments, capsys, monkeypatch):
    assert run([*arguments]) == 2
    own = capsys.readouterr().err
    name = " ".join(["fundalloc", *(one for one in arguments[:1] if one in WHOLE.commands)])
    head = f"Usage: {name} [^\\n]*\nTry '{name} --help' for help\\.\n\n"
    if WRONG[arguments].startswith("Option "):  # typer has forgotten by then which command it was
        head = ""
    assert re.fullmatch(f"{head}Error: {re.escape(WRONG[arguments])}\n", own)
    monkeypatch.setenv("FUNDALLOC_LANG", "zh")
    assert run([*arguments]) == 2
    zh = capsys.readouterr().err
    assert len(zh.splitlines()) == len(own.splitlines())
    for line in zh.splitlines():
        assert english(line) == [] and (CHINESE.search(line) or line == ""), line
    assert re.search("^错误：", zh, flags=re.MULTILINE)
    quoted = set(re.findall(r"'([^']*)'", WRONG[arguments])) - {"FUNDALLOC_LANG"}
    assert all(one in zh for one in quoted)
    monkeypatch.delenv("FUNDALLOC_LANG")
    if arguments[-1] not in ("--out", "fr"):  # the one takes what follows for its value, the other is the language
        assert run([*arguments, "--lang", "zh"]) == 2
        assert capsys.readouterr().err == zh
    assert run([*arguments]) == 2
    assert capsys.readouterr().err == own


def test_a_language_without_a_command_is_wrong_usage(capsys):
    assert run(["--lang", "zh"]) == 2
    zh = capsys.readouterr().err
    assert zh.startswith("用法：fundalloc [OPTIONS] COMMAND [ARGS]...\n") and zh.endswith("\n错误：缺少命令。\n")
    assert run(["--lang", "en"]) == 2
    assert capsys.readouterr().err.endswith("\n\nError: Missing command.\n")
    assert run(["schema", "--lang", "fr"]) == run(["--lang", "fr", "schema"]) == 2
    shown = capsys.readouterr()
    assert shown.out == "" and shown.err.count("Invalid value for '--lang': 'fr' is none of en, zh.\n") == 2


def test_every_sentence_on_usage_is_one_that_is_said(capsys, monkeypatch):
    """None of them is about what typer never says, and what it says in other words than these is told as it is."""
    said = set()

    def noted(sentence: str, **values: str) -> str:
        said.add(sentence)
        return say(sentence, **values)

    monkeypatch.setattr(usage, "say", noted)
    monkeypatch.setenv("FUNDALLOC_LANG", "zh")
    for arguments in [*WRONG, ("--lang", "zh"), ("rounds", "--help"), ("allocate", "--help")]:
        run([*arguments])
    assert said == set(usage.SENTENCES)
    with speaking("zh"):
        assert usage.retold("Nothing that anybody says.") == "Nothing that anybody says."
        assert usage.retold("Error: Option '-x' is strange.") == "错误：Option '-x' is strange."


def test_the_language_of_a_command_line(monkeypatch):
    assert asked([]) is None
    assert asked(["check", "--lang", "zh"]) == asked(["--lang=zh", "check"]) == "zh"
    assert asked(["check", "--lang", "zh", "--lang=en"]) == "en"
    assert asked(["check", "--lang", "zh", "--lang"]) == asked(["check", "--lang=zh", "--lang", "fr"]) == "zh"
    assert asked(["explain", "out", "--", "--lang", "zh"]) is None
    monkeypatch.setenv("FUNDALLOC_LANG", "zh")
    assert asked(["check"]) == asked(["check", "--lang", "fr"]) == "zh"
    assert asked(["check", "--lang", "en"]) == "en"
    monkeypatch.setenv("FUNDALLOC_LANG", "fr")
    assert asked(["check"]) is None


def test_an_interruption_and_a_bug_are_told_in_chinese(tmp_path, monkeypatch, capsys):
    def stop(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    def fail(*_: object, **__: object) -> None:
        raise ZeroDivisionError("oops")

    arguments = ["allocate", str(tmp_path), "-o", str(tmp_path / "out"), "--lang", "zh"]
    monkeypatch.setattr("fundalloc.loading.load", stop)
    assert run(arguments) == 130
    assert capsys.readouterr().err == "fundalloc: 已中断\n"
    monkeypatch.setattr("fundalloc.loading.load", fail)
    assert run(arguments) == 1
    assert english(capsys.readouterr().err.splitlines()[-1]) == []


EARLY = """
import sys

class Stop:
    def find_spec(self, name, *more):
        if name == "fundalloc.cli.app":
            raise KeyboardInterrupt

sys.meta_path.insert(0, Stop())
from fundalloc.cli import main
main()
"""


@pytest.mark.parametrize(("arguments", "word"), [(["check"], "interrupted"), (["check", "--lang", "zh"], "已中断")])
def test_an_interruption_before_the_command_line_is_read(arguments, word):
    done = subprocess.run([sys.executable, "-c", EARLY, *arguments], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (130, "", f"fundalloc: {word}\n")


def test_what_standard_output_did_not_take_is_told_in_chinese():
    command = f'"{sys.executable}" -m fundalloc schema > /dev/full'
    how = {**os.environ, "FUNDALLOC_LANG": "zh"}
    done = subprocess.run(["bash", "-c", command], capture_output=True, text=True, check=False, env=how)
    assert (done.returncode, done.stderr) == (3, "fundalloc: 未能全部写入标准输出（No space left on device）\n")
