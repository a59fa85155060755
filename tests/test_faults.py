"""Faults: kills, Ctrl-C, full and failing disks, several writers. All of it: `benchmarks/faults.py`."""

from __future__ import annotations

import contextlib
import os
import re
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from fundalloc import InputError, locks, replacing
from fundalloc.cli.app import run
from fundalloc.interrupts import shielded
from fundalloc.replacing import JOURNAL, NEW, OLD, PLAN, STAGED, claimed, reading
from fundalloc.report.folder import read_summary, write_folder, write_new

ROOT = Path(__file__).parent.parent
SUMMARY = {"fundalloc": {"format": 1}}
OLD_FILES, NEW_FILES = {"a.csv": b"old", "b.csv": b"old"}, {"a.csv": b"new", "c.csv": b"new"}


def content(folder: Path) -> dict[str, bytes]:
    return {p.name: p.read_bytes() for p in sorted(folder.iterdir()) if p.is_file()}


@pytest.fixture
def out(tmp_path):
    write_folder(tmp_path / "out", OLD_FILES, SUMMARY)
    return tmp_path / "out"


def benchmark(*options: str) -> str:
    done = subprocess.run(
        [sys.executable, str(ROOT / "benchmarks" / "faults.py"), *options],
        capture_output=True,
        text=True,
        check=False,
        cwd=ROOT,
    )
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout


def test_a_folder_is_whole_whatever_happens_at_any_call():
    kinds = "killed before,disk fails"
    said = benchmark("--parts", "steps", "--commands", "core", "--kinds", kinds)
    found = re.match(r"steps: core: (\d+) faults \(2 kinds\), every output whole: (\d+) finished by the next", said)
    assert found and int(found[1]) > 200 and int(found[2]) > 5


def test_commands_are_whole_whatever_happens_at_a_call():
    options = "--parts", "steps", "--commands", "allocate,export", "--kinds", "killed after", "--stride", "9"
    assert [int(count) > 5 for count in re.findall(r": (\d+) faults", benchmark(*options))] == [True, True]


def test_kills_and_writers_at_once():
    said = benchmark("--parts", "kills,writers", "--kills", "40")
    assert said.startswith("kills: 40 kills, ") and "writers: 8 at once, 200 folders written" in said


def test_a_cut_off_write_is_finished_by_whoever_reads(out, monkeypatch):
    def cut(folder: Path) -> None:
        replacing._move(folder / "summary.json", folder / JOURNAL / OLD / "summary.json")
        replacing._move(folder / JOURNAL / NEW / "a.csv", folder / "a.csv")
        raise SystemExit

    monkeypatch.setattr(replacing, "_advance", cut)
    with pytest.raises(SystemExit):
        write_folder(out, NEW_FILES, SUMMARY)
    monkeypatch.undo()
    assert "summary.json" not in content(out) and content(out)["a.csv"] == b"new" and content(out)["b.csv"] == b"old"
    with reading(out):
        assert set(read_summary(out)["files"]) == set(NEW_FILES)
    assert set(content(out)) == {*NEW_FILES, "summary.json"} and not (out / JOURNAL).exists()


def test_a_move_that_fails_is_taken_back(out, monkeypatch):
    before, real = content(out), Path.replace

    def failing(self: Path, target: Path) -> Path:
        if self.parent.name == NEW and self.name == "summary.json":
            raise OSError(5, "Input/output error")
        return real(self, target)

    monkeypatch.setattr(Path, "replace", failing)
    with pytest.raises(InputError, match=r"cannot be written \(Input/output error\)"):
        write_folder(out, NEW_FILES, SUMMARY)
    assert content(out) == before and len(list(out.iterdir())) == 3


def test_what_cannot_even_be_taken_back_is_said_and_finished_later(out, monkeypatch):
    real = Path.replace

    def failing(self: Path, target: Path) -> Path:
        if self.name == "summary.json" and self.parent.name in (NEW, OLD):
            raise OSError(5, "Input/output error")
        return real(self, target)

    monkeypatch.setattr(Path, "replace", failing)
    with pytest.raises(InputError, match="in part only"):
        write_folder(out, NEW_FILES, SUMMARY)
    monkeypatch.undo()
    with reading(out):
        assert content(out)["c.csv"] == b"new" and set(content(out)) == {*NEW_FILES, "summary.json"}


def test_traces_of_the_dead_go_and_nothing_else(out):
    (out / f"{STAGED}1").mkdir()
    (out / f"{STAGED}1" / NEW).write_bytes(b"x")
    (out / "mine.txt").write_bytes(b"mine")
    (out / ".hidden").mkdir()
    write_folder(out, NEW_FILES, SUMMARY)
    assert sorted(p.name for p in out.iterdir()) == [".hidden", "a.csv", "c.csv", "mine.txt", "summary.json"]


def test_a_foreign_file_in_the_way_and_a_folder_in_the_way_are_refused(out):
    before = content(out)
    (out / "c.csv").write_bytes(b"mine")
    with pytest.raises(InputError, match=r"c\.csv: is there already, and fundalloc did not write it"):
        write_folder(out, NEW_FILES, SUMMARY)
    (out / "c.csv").unlink()
    (out / "a.csv").unlink()
    (out / "a.csv").mkdir()
    with pytest.raises(InputError, match=r"a\.csv: is a folder; nothing was changed"):
        write_folder(out, NEW_FILES, SUMMARY)
    (out / "a.csv").rmdir()
    assert content(out) == {name: data for name, data in before.items() if name != "a.csv"}


def test_links_in_a_folder_are_replaced_and_not_followed(out, tmp_path):
    letter = tmp_path / "letter"
    letter.write_bytes(b"mine")
    for name in ("a.csv", "b.csv"):
        (out / name).unlink()
        (out / name).symlink_to(letter)
    write_folder(out, NEW_FILES, SUMMARY)
    assert letter.read_bytes() == b"mine"
    assert content(out)["a.csv"] == b"new" and not (out / "a.csv").is_symlink() and not (out / "b.csv").is_symlink()


def test_a_folder_may_be_a_link_or_where_somebody_works(out, tmp_path, monkeypatch):
    number = out.stat().st_ino
    (tmp_path / "link").symlink_to(out)
    write_folder(tmp_path / "link", NEW_FILES, SUMMARY)
    assert (tmp_path / "link").is_symlink() and content(out)["c.csv"] == b"new"
    monkeypatch.chdir(out)
    write_folder(Path(), OLD_FILES, SUMMARY)
    assert content(out)["b.csv"] == b"old" and out.stat().st_ino == number
    (tmp_path / "nowhere").symlink_to(tmp_path / "gone")
    with pytest.raises(InputError, match="is a link to nothing"):
        write_new(tmp_path / "nowhere", NEW_FILES)


@pytest.mark.parametrize("plan", ['{"new": ["../x"], "gone": []}', '{"new": [], "gone": []}', "[", '{"new": 1}', None])
def test_a_forged_journal_moves_nothing(out, tmp_path, plan):
    for part in (NEW, OLD):
        (out / JOURNAL / part).mkdir(parents=True)
    (tmp_path / "x").write_bytes(b"mine")
    (out / JOURNAL / "x").write_bytes(b"evil")
    if plan is not None:
        (out / JOURNAL / PLAN).write_text(plan)
    before = content(out)
    assert run(["verify", str(out)]) == 3
    assert content(out) == before and (tmp_path / "x").read_bytes() == b"mine"


def test_names_that_leave_the_folder_are_refused(tmp_path):
    with pytest.raises(InputError, match="is no name of a file"):
        write_new(tmp_path / "out", {"../x": b"x"})
    assert list(tmp_path.iterdir()) == []


def test_who_waits_too_long_is_told(out, monkeypatch):
    monkeypatch.setattr(locks, "PATIENCE", 0.05)
    with claimed(out):
        for work in (lambda: write_folder(out, NEW_FILES, SUMMARY), lambda: reading(out).__enter__()):
            with pytest.raises(InputError, match=r"another command has been at work there for 0\.05 s"):
                work()
    with reading(out), reading(out):
        pass


def test_a_folder_that_nobody_wrote_to_goes_again(tmp_path):
    with pytest.raises(ZeroDivisionError), claimed(tmp_path / "a" / "b"):
        assert (tmp_path / "a" / "b").is_dir()
        raise ZeroDivisionError
    assert list(tmp_path.iterdir()) == []


def test_signals_wait_until_they_are_let_through():
    done = []
    with pytest.raises(KeyboardInterrupt), shielded() as ask:
        ask()
        signal.raise_signal(signal.SIGINT)
        done.append("shielded")
        ask()
        done.append("never")
    with pytest.raises(KeyboardInterrupt), shielded():
        signal.raise_signal(signal.SIGINT)
        done.append("until the end")
    assert done == ["shielded", "until the end"]
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
    thread = threading.Thread(target=lambda: done.extend([0 for _ in [1] if not shielded().__enter__()()]))
    thread.start()
    thread.join()
    assert done[-1] == 0


def start(*arguments: str, **how) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "fundalloc", *arguments]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=ROOT, **how)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_command_ends_in_a_word(tmp_path, number):
    out = tmp_path / "out"
    out.mkdir()
    with claimed(out), start("new", str(out)) as process:  # it waits for us
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.communicate(timeout=2)
        process.send_signal(number)
        said = process.communicate()
    assert (process.returncode, *said) == (130, "", "fundalloc: interrupted\n")
    assert list(out.iterdir()) == []


@pytest.mark.parametrize(
    ("shell", "code", "said"),
    [
        ("schema > /dev/full", 3, "not all could be written to standard output (No space left on device)"),
        ("schema >&-", 3, "not all could be written to standard output (Bad file descriptor)"),
        ("schema | true", 0, ""),
        ("check nothing 2> /dev/full", 3, ""),
        ("check nothing 2>&1 | true", 3, ""),
        ("schema > /dev/null 2>&- <&-", 0, ""),
    ],
)
def test_streams_that_take_nothing(shell, code, said):
    command = f'set -o pipefail; "{sys.executable}" -m fundalloc {shell}'
    done = subprocess.run(["bash", "-c", command], capture_output=True, text=True, check=False, cwd=ROOT)
    assert (done.returncode, done.stderr) == (code, f"fundalloc: {said}\n" if said else "")


def test_letters_that_a_stream_does_not_know_are_written_as_numbers():
    code = "from fundalloc.cli.streams import careful; careful(); print('上海')"
    how = {**os.environ, "PYTHONIOENCODING": "ascii"}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT, env=how)
    assert done.stdout == "\\u4e0a\\u6d77\n"


def test_an_export_loses_no_line_of_what_is_there(tmp_path, capsys):
    place, file = str(tmp_path / "l.sqlite"), tmp_path / "all.jsonl"
    history = str(ROOT / "data" / "yrd_history.csv")
    assert run(["rounds", "--import", history, "--ledger", place, "--by", "Ada"]) == 0
    for _ in range(2):  # over an earlier export of the same
        assert run(["rounds", "--export", str(file), "--ledger", place]) == 0
    whole = file.read_bytes()
    file.write_bytes(whole.splitlines(keepends=True)[0])
    assert run(["rounds", "--export", str(file), "--ledger", place]) == 0 and file.read_bytes() == whole
    file.write_bytes(whole + b"mine\n")
    assert run(["rounds", "--export", str(file), "--ledger", place]) == 3
    assert "with lines that this ledger does not hold" in capsys.readouterr().err
    assert file.read_bytes() == whole + b"mine\n"
    assert run(["rounds", "--export", str(file), "--ledger", place, "--replace"]) == 0 and file.read_bytes() == whole
    assert sorted(p.name for p in tmp_path.iterdir()) == ["all.jsonl", "l.sqlite"]
