"""Recording: decided rounds into the ledger, only if proven and on the ledger's past; and out again, byte for byte."""

from __future__ import annotations

import csv
import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from fundalloc import DifferenceError, InputError, Ledger, LedgerError, recording
from fundalloc.cli.app import run
from fundalloc.recording import record
from fundalloc.report.summary import sha256

POLICY = """
format = 1
[fund]
title = "Small fund"
round = "2022"
[regions]
file = "regions.csv"
id = "id"
name = "name"
population = "people"
[resources.fund]
supply = { "2022" = 1000, "2023" = 1050 }
unit = "EUR"
lot = 0.01
arrears = 0.5
criteria = [
  { name = "people", weight = 60, measure = "people" },
  { name = "need", weight = 40, measure = "need" },
]
[[rules]]
kind = "limit"
name = "pace"
of = "previous"
floor = 0.9
cap = 1.1
"""
REGIONS = "id,name,people,need\nA,Astadt,100,3\nB,Bestadt,200,5\nC,Cestadt,300,0.5\n"
PAST = """round,region_id,resource,entitlement,amount
2020,A,fund,250.5,200
2020,B,fund,450,500
2020,C,fund,300,300.25
2021,A,fund,250.5,260
2021,B,fund,450,400
2021,C,fund,300,340
"""


@pytest.fixture(scope="module")
def decided(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a policy, its past as a file and as a ledger, and the round 2022 decided on the file."""
    folder = tmp_path_factory.mktemp("fund")
    for name, content in (("policy.toml", POLICY), ("regions.csv", REGIONS), ("past.csv", PAST)):
        (folder / name).write_text(content, encoding="utf-8")
    assert run(["rounds", "--import", f"{folder}/past.csv", "--ledger", f"{folder}/l.sqlite", "--by", "Ada"]) == 0
    assert allocate(folder, "2022", "--history", f"{folder}/past.csv") == 0
    return folder


@pytest.fixture
def fund(decided: Path, tmp_path: Path) -> Path:
    """A copy of that folder, to be changed."""
    return Path(shutil.copytree(decided, tmp_path / "fund"))


def allocate(folder: Path, round_: str, *options: str) -> int:
    return run(["allocate", str(folder), "-o", f"{folder}/{round_}", "--round", round_, "--quiet", *options])


def book(fund: Path) -> Ledger:
    return Ledger(fund / "l.sqlite")


def at(fund: Path, command: str, *options: str) -> int:
    """A command on the ledger of a fund."""
    return run([command, *options, "--ledger", f"{fund}/l.sqlite"])


def test_the_past_of_the_ledger_is_that_of_the_file(fund):
    assert run(["allocate", str(fund), "-o", f"{fund}/other", "--quiet", "--ledger", f"{fund}/l.sqlite"]) == 0
    for name in ("allocation.csv", "steps.csv", "rules.csv"):
        assert (fund / "other" / name).read_bytes() == (fund / "2022" / name).read_bytes()
    inputs = json.loads((fund / "other" / "summary.json").read_bytes())["inputs"]
    assert inputs["history"]["file"] == f"ledger-{book(fund).head}.csv"
    with (fund / "other" / "allocation.csv").open(encoding="utf-8") as file:
        amounts = {row["region_id"]: float(row["amount"]) for row in csv.DictReader(file)}
    assert sum(amounts.values()) == pytest.approx(1000)
    assert amounts["C"] == pytest.approx(0.9 * 340)  # the rule on the last round's amount binds: the past is read


def test_rounds_after_rounds_rest_on_what_was_recorded(fund):
    assert at(fund, "record", f"{fund}/2022", "--by", "Ada", "--reason", "Board", "--quiet") == 0
    head = book(fund).head
    assert at(fund, "rounds", "--export", f"{fund}/exported.csv") == 0
    assert allocate(fund, "2023", "--history", f"{fund}/exported.csv") == 0
    by_file = (fund / "2023" / "allocation.csv").read_bytes()
    assert allocate(fund, "2023", "--ledger", f"{fund}/l.sqlite") == 0
    assert (fund / "2023" / "allocation.csv").read_bytes() == by_file
    assert f"ledger-{head}.csv" in (fund / "2023" / "summary.json").read_text(encoding="utf-8")
    assert at(fund, "record", f"{fund}/2023", "--by", "Ada", "--quiet") == 0
    assert at(fund, "rounds", "--verify", "--expect", head) == 0
    assert list(book(fund).standings()) == ["2020", "2021", "2022", "2023"]


def test_everything_that_decided_a_round_is_recorded(fund, place):
    ledger = Ledger(place, create=True)
    entry = record(fund / "2022", ledger, name="Ada", reason="Board")
    files = {path.name: path.read_bytes() for path in (fund / "2022").iterdir()}
    assert set(files) >= {"allocation.csv", "certificate.json", "summary.json", "steps.csv", "rules.csv", "flags.csv"}
    assert ledger.files(entry) == files
    assert (entry.kind, entry.round, entry.name, entry.reason) == ("decision", "2022", "Ada", "Board")
    inputs = json.loads(files["certificate.json"])["inputs"]
    assert (inputs["policy"]["text"], inputs["regions"]["text"]) == (POLICY, REGIONS)


def test_a_restored_round_has_the_same_bytes_and_verifies(fund, capsys):
    assert at(fund, "record", f"{fund}/2022", "--by", "Ada", "--quiet") == 0
    assert at(fund, "rounds", "--restore", "2022", "-o", f"{fund}/again") == 0
    assert "Check it: fundalloc verify" in capsys.readouterr().err
    first, again = ({p.name: p.read_bytes() for p in (fund / one).iterdir()} for one in ("2022", "again"))
    assert again == first
    assert run(["verify", f"{fund}/again"]) == 0
    assert at(fund, "rounds", "--restore", "2022", "-o", f"{fund}/again") == 3
    assert "is there already and not empty; nothing was changed" in capsys.readouterr().err
    assert at(fund, "rounds", "--restore", "1999", "-o", f"{fund}/none") == 7
    assert at(fund, "rounds", "--restore", "2022") == 2
    assert not (fund / "none").exists()
    assert at(fund, "rounds", "--restore", "2021", "-o", f"{fund}/old") == 0
    assert [p.name for p in (fund / "old").iterdir()] == ["history.csv"]
    assert "verify" not in capsys.readouterr().err.splitlines()[-1]


def test_no_file_leaves_the_folder_of_a_restored_round(tmp_path):
    ledger = Ledger(tmp_path / "l.sqlite", create=True)
    for name in ("../evil", "a/b", "/etc/evil", "c:\\evil", ".."):
        with pytest.raises(LedgerError, match="no name of a file"):
            ledger.append("decision", "1", name="a", reason="b", files={name: b"x"})
    assert ledger.entries() == ()


def refused(fund: Path, code: int, *options: str) -> None:
    """Recording 2022 ends with an exit code and leaves the ledger as it was."""
    before = book(fund).entries()
    assert at(fund, "record", f"{fund}/2022", "--by", "Ada", *options) == code
    assert book(fund).entries() == before
    assert book(fund).faults() == []


@pytest.mark.parametrize(
    "name", ["allocation.csv", "steps.csv", "rules.csv", "flags.csv", "certificate.json", "summary.json"]
)
@pytest.mark.parametrize("sealed", [False, True])
def test_a_folder_that_was_changed_is_not_recorded(fund, capsys, name, sealed):
    file = fund / "2022" / name
    content = file.read_bytes()
    if name == "certificate.json":
        changed = content.replace(b"Astadt", b"Bstadt", 1)
    elif name == "summary.json":
        changed = content.replace(b'"round": "2022"', b'"round": "2024"', 1)
    else:
        changed = content.replace(b"2", b"3", 1) if b"2" in content else content + b"x\n"
    assert changed != content
    file.write_bytes(changed)
    if sealed:
        summary = fund / "2022" / "summary.json"
        said = json.loads(summary.read_bytes())
        said["files"] = {one: sha256((fund / "2022" / one).read_bytes()) for one in said["files"]}
        summary.write_text(json.dumps(said), encoding="utf-8")
    refused(fund, 6)
    assert f"{fund}/2022" in capsys.readouterr().err


@pytest.mark.parametrize("name", ["allocation.csv", "certificate.json"])
def test_a_lost_file_is_a_difference(fund, name):
    (fund / "2022" / name).unlink()
    refused(fund, 6)


@pytest.mark.parametrize("listed", [None, 5, [], {}, {"../l.sqlite": "0"}, {"a\0b": "0"}, {".": "0"}])
def test_a_summary_that_lists_other_files_is_a_difference(fund, listed):
    summary = fund / "2022" / "summary.json"
    said = {**json.loads(summary.read_bytes()), "files": listed}
    summary.write_text(json.dumps(said), encoding="utf-8")
    refused(fund, 6)


def test_what_is_no_folder_of_a_round_is_faulty_input(fund):
    (fund / "2022" / "summary.json").unlink()
    refused(fund, 3)
    shutil.rmtree(fund / "2022")
    refused(fund, 3)


def test_files_that_change_while_they_are_read_are_not_recorded(fund, monkeypatch):
    other = ["allocate", str(fund), "-o", f"{fund}/other", "--quiet", "--ledger", f"{fund}/l.sqlite"]
    assert run(other) == 0

    def verify(folder: Path) -> None:
        shutil.copytree(fund / "other", folder, dirs_exist_ok=True)

    monkeypatch.setattr(recording, "verify", verify)
    before = book(fund).entries()
    with pytest.raises(InputError, match="was changed while it was read"):
        record(fund / "2022", book(fund), name="a", reason="b")
    assert book(fund).entries() == before


def test_files_that_are_not_those_of_the_summary_are_not_recorded_even_unverified(fund, monkeypatch):
    monkeypatch.setattr(recording, "verify", lambda folder: None)
    (fund / "2022" / "steps.csv").write_bytes(b"x")
    with pytest.raises(DifferenceError, match=r"steps\.csv is not the file that was decided"):
        record(fund / "2022", book(fund), name="a", reason="b")


def test_a_round_is_decided_once(fund, capsys):
    assert at(fund, "record", f"{fund}/2022", "--by", "Ada", "--quiet") == 0
    said = book(fund).entries()[-1].said()
    refused(fund, 7)
    assert f"Round 2022 is recorded already ({said}); nothing was recorded." in capsys.readouterr().err


def test_a_correction_stands_for_what_it_corrects(fund, capsys):
    refused(fund, 7, "--correct", "--reason", "a typo")
    assert "Round 2022 is not recorded" in capsys.readouterr().err
    assert at(fund, "record", f"{fund}/2022", "--by", "Ada") == 0
    assert at(fund, "approve", "2022", "--by", "Ben", "--reason", "minute 7") == 0
    refused(fund, 2, "--correct")
    assert at(fund, "record", f"{fund}/2022", "--by", "Cy", "--reason", "a typo", "--correct") == 0
    entry = book(fund).entries()[-1]
    assert (entry.kind, entry.about, entry.name, entry.reason) == ("correction", 3, "Cy", "a typo")
    assert book(fund).standing("2022").state == "draft"


WRONG = {
    "an amount": (PAST.replace("A,fund,250.5,260", "A,fund,250.5,250"), "round 2021, fund, A"),
    "an entitlement": (PAST.replace("C,fund,300,300.25", "C,fund,301,300.25"), "round 2020, fund, C"),
    "a region less": (PAST.replace("2021,B,fund,450,400\n", ""), "round 2021, fund, B"),
    "a region more": (PAST + "2020,D,fund,1,1\n", "round 2020, fund, D"),
    "a resource more": (PAST + "2020,A,land,1,1\n", "round 2020, land, A"),
    "a round less": ("".join(PAST.splitlines(keepends=True)[:4]), "round 2021, fund, A, B, C"),
    "a round more": (PAST + "2020.5,A,fund,100,0\n", "round 2020.5, fund, A"),
    "an adjustment": (
        "\n".join(f"{line},{'adjustment' if not k else 5}" for k, line in enumerate(PAST.splitlines())),
        "round 2020, fund, A, B, C",
    ),
}


@pytest.mark.parametrize("past", WRONG)
def test_a_round_that_was_decided_on_another_past_is_refused(fund, capsys, past):
    content, said = WRONG[past]
    (fund / "past.csv").write_text(content, encoding="utf-8")
    assert allocate(fund, "2022", "--history", f"{fund}/past.csv") == 0
    capsys.readouterr()
    refused(fund, 7)
    shown = capsys.readouterr().err
    assert f"Round 2022 was decided on another past than the ledger's: {said}" in shown
    assert "Decide it again with --ledger" in shown


def test_the_same_past_in_other_words_is_the_same(fund):
    rows = PAST.splitlines()
    (fund / "past.csv").write_text("\n".join([rows[0], *reversed(rows[1:])]) + "\n2022,A,fund,9,9\n", encoding="utf-8")
    assert allocate(fund, "2022", "--history", f"{fund}/past.csv") == 0
    assert at(fund, "record", f"{fund}/2022", "--by", "Ada", "--quiet") == 0


def test_rounds_before_the_first_of_the_ledger_are_not_its_own(fund):
    assert run(["record", f"{fund}/2022", "--ledger", f"{fund}/new.sqlite", "--by", "Ada", "--quiet"]) == 0


def test_a_past_that_changes_while_a_round_is_recorded_is_another_past(fund, monkeypatch):
    files = {"history.csv": b"region_id,resource,entitlement,amount\nA,fund,1,1\n"}
    plain = recording.verify

    def verify(folder: Path) -> None:
        plain(folder)
        Ledger(fund / "l.sqlite").append("correction", "2021", name="Eve", reason="meanwhile", files=files)

    monkeypatch.setattr(recording, "verify", verify)
    with pytest.raises(LedgerError, match="another past than the ledger's: round 2021"):
        record(fund / "2022", book(fund), name="a", reason="b")
    assert [e.kind for e in book(fund).entries()] == ["history", "history", "correction"]


def test_who_corrects_the_past_is_told_what_was_decided_on_it(fund, capsys):
    assert at(fund, "record", f"{fund}/2022", "--by", "Ada") == 0
    assert "Decided on what stood there before" not in capsys.readouterr().err
    assert allocate(fund, "2023", "--ledger", f"{fund}/l.sqlite") == 0
    assert at(fund, "record", f"{fund}/2023", "--by", "Ada", "--quiet") == 0
    capsys.readouterr()
    assert at(fund, "record", f"{fund}/2022", "--by", "Ada", "--correct", "--reason", "a typo") == 0
    assert "Decided on what stood there before: 2023." in capsys.readouterr().err


def test_the_states_of_a_round_and_who_and_why(fund, capsys):
    assert at(fund, "record", f"{fund}/2022", "--by", "Ada") == 0
    shown = capsys.readouterr()
    assert "Round 2022 is now: draft. Head: " in shown.out
    assert f"Next: fundalloc approve 2022 --by NAME --reason TEXT --ledger {fund}/l.sqlite" in shown.err
    for command, code, state in (
        ("publish", 7, "is draft"),
        ("approve", 0, "is now: approved"),
        ("approve", 7, "is approved"),
        ("publish", 0, "is now: published"),
        ("publish", 7, "is published"),
        ("approve", 7, "is published"),
    ):
        assert at(fund, command, "2022", "--by", "Ben", "--reason", f"{command} it") == code
        shown = capsys.readouterr()
        assert state in (shown.err if code else shown.out)
    assert [(e.kind, e.name, e.reason) for e in book(fund).standing("2022").entries] == [
        ("decision", "Ada", "decided"),
        ("approval", "Ben", "approve it"),
        ("publication", "Ben", "publish it"),
    ]
    assert at(fund, "approve", "1999", "--by", "Ben", "--reason", "x") == 7
    assert (
        "Round 1999 is not recorded; nothing was recorded. Recorded are: 2020, 2021, 2022." in capsys.readouterr().err
    )


@pytest.mark.parametrize(
    ("options", "code"),
    [
        (["--by", "Ben"], 2),
        (["--by", "Ben", "--reason", ""], 7),
        (["--by", "Ben", "--reason", " \t"], 7),
        (["--by", " ", "--reason", "x"], 7),
        (["--by", "\udcff", "--reason", "x"], 7),
        (["--reason", "x"], 0),
    ],
)
def test_who_and_why_are_required(fund, capsys, monkeypatch, options, code):
    monkeypatch.setattr("getpass.getuser", lambda: "login")
    before = len(book(fund).entries())
    assert at(fund, "approve", "2021", *options) == code
    assert "Traceback" not in capsys.readouterr().err
    assert len(book(fund).entries()) == before + (not code)
    assert code or book(fund).entries()[-1].name == "login"


@pytest.mark.parametrize("error", [KeyError, OSError, ImportError])
def test_nobody_is_logged_in(fund, monkeypatch, error):
    def nobody() -> str:
        raise error

    monkeypatch.setattr("getpass.getuser", nobody)
    assert at(fund, "approve", "2021", "--reason", "x") == 2


def test_json_is_all_that_is_printed(fund, capsys):
    for command in (
        ["record", f"{fund}/2022"],
        ["approve", "2022", "--reason", "x"],
        ["publish", "2022", "--reason", "x"],
    ):
        assert at(fund, *command, "--by", "Ada", "--json") == 0
        shown = capsys.readouterr()
        entry = book(fund).entries()[-1]
        assert json.loads(shown.out) == {**vars(entry), "files": dict(entry.files)}
        assert shown.err == ""
    assert at(fund, "rounds", "--json", "--verify", "--expect", book(fund).head) == 0
    said = json.loads(capsys.readouterr().out)
    assert said["head"] == book(fund).head
    assert [(one["round"], one["state"], one["entry"], len(one["entries"])) for one in said["rounds"]] == [
        ("2020", "draft", 1, 1),
        ("2021", "draft", 2, 1),
        ("2022", "published", 3, 3),
    ]
    for options in ([], ["--verify"], ["--export", f"{fund}/x.jsonl"]):
        assert at(fund, "rounds", *options, "--json") == 0
        json.loads(capsys.readouterr().out)


def test_quiet_says_nothing(fund, capsys):
    for command in (
        ["record", f"{fund}/2022"],
        ["approve", "2022", "--reason", "x"],
        ["publish", "2022", "--reason", "x"],
    ):
        assert at(fund, *command, "--by", "Ada", "--quiet") == 0
    assert at(fund, "rounds", "--quiet", "--verify") == 0
    shown = capsys.readouterr()
    assert (shown.out, shown.err) == ("", "")


def test_the_list_of_rounds_says_who_what_when_and_why(fund, capsys, monkeypatch):
    monkeypatch.setenv("FUNDALLOC_LEDGER", f"{fund}/l.sqlite")
    assert run(["record", f"{fund}/2022", "--by", "[bold]Ada", "--reason", "Board, 3 März", "--quiet"]) == 0
    assert run(["rounds"]) == 0
    shown = capsys.readouterr().out
    line = next(line for line in shown.splitlines() if line.startswith("2022"))
    entry = book(fund).entries()[-1]
    for said in ("draft", "3", "decision", "[bold]Ada", entry.at, "Board, 3 März"):
        assert said in line
    assert shown.splitlines()[-1] == f"Head: {entry.hash}"


def test_of_two_who_record_one_round_one_is_told_by_whom(fund, place):
    Ledger(place, create=True)
    command = [sys.executable, "-m", "fundalloc", "record", f"{fund}/2022", "--ledger", place, "--by"]
    started = [
        subprocess.Popen([*command, name], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        for name in ("Ada", "Ben")
    ]
    said = {done.returncode: words for done in started for words in [done.communicate()]}
    ledger = Ledger(place)
    (entry,) = ledger.entries()
    assert set(said) == {0, 7}
    assert entry.hash in said[0][0]
    assert f"Round 2022 is recorded already ({entry.said()}); nothing was recorded." in said[7][1]
    assert ledger.faults() == []


def test_an_approval_means_the_entry_that_was_read(tmp_path, capsys):
    place = str(tmp_path / "l.sqlite")
    book = Ledger(place, create=True)
    book.append("decision", "2023", name="A", reason="r")
    book.append("correction", "2023", name="B", reason="r")
    arguments = ["approve", "2023", "--reason", "read", "--by", "C", "--ledger", place, "--entry"]
    assert run([*arguments, "1"]) == 7
    assert "has changed in the meantime (entry 2, correction" in capsys.readouterr().err
    assert run([*arguments, "2"]) == 0
    assert book.standing("2023").state == "approved"


def test_a_folder_that_does_not_verify_makes_no_ledger(tmp_path):
    (tmp_path / "out").mkdir()
    assert run(["record", str(tmp_path / "out"), "--ledger", str(tmp_path / "l.sqlite")]) == 3
    assert not (tmp_path / "l.sqlite").exists()


def test_a_past_that_the_ledger_does_not_hold_is_told(tmp_path, capsys):
    place = str(tmp_path / "l.sqlite")
    assert run(["allocate", "models/yrd.toml", "--round", "2021", "-o", str(tmp_path / "21"), "--quiet"]) == 0
    assert run(["record", str(tmp_path / "21"), "--ledger", place, "--by", "A"]) == 0
    assert "round 2021 rests on 2020, which this ledger does not hold" in capsys.readouterr().err
    arguments = ["allocate", "models/yrd.toml", "--round", "2022", "--ledger", place, "-o", str(tmp_path / "22")]
    assert run(arguments) == 0
    assert "the policy's history has 2020, which the ledger does not hold" in capsys.readouterr().err
    assert run(["rounds", "--import", "data/yrd_history.csv", "--ledger", place, "--by", "A"]) == 0
    assert "2 rounds imported as history: 2020, 2022" in capsys.readouterr().err
    assert run(arguments) == 0
    said = capsys.readouterr().err
    assert "does not hold" not in said and "Round 2022 is recorded already (draft, entry 3, history" in said
    assert run(["rounds", "--ledger", place]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines[1:4]] == ["2020", "2021", "2022"]
    assert "decided before entry 2 on an earlier round" in " ".join(lines[2:4])


def test_an_import_with_other_amounts_than_recorded_is_refused(tmp_path, capsys):
    place, file = str(tmp_path / "l.sqlite"), tmp_path / "h.csv"
    text = "round,region_id,resource,entitlement,amount\n2020,A,fund,10,9\n"
    file.write_text(text, encoding="utf-8")
    assert run(["rounds", "--import", str(file), "--ledger", place, "--by", "A"]) == 0
    assert run(["rounds", "--import", str(file), "--ledger", place, "--by", "A"]) == 0
    assert "nothing imported" in capsys.readouterr().err
    file.write_text(text.replace("10,9", "10,8"), encoding="utf-8")
    assert run(["rounds", "--import", str(file), "--ledger", place, "--by", "A"]) == 7
    assert "recorded already" in capsys.readouterr().err
