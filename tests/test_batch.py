"""Batches: each job as if it were alone, whatever becomes of the others, and the same bytes however it came to be."""

from __future__ import annotations

import base64
import csv
import hashlib
import io
import json
import os
import random
import signal
import subprocess
import sys
import unicodedata
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

import fundalloc as fa
from fundalloc.batching import jobs as finding
from fundalloc.batching import work
from fundalloc.batching.alone import LOCK, alone
from fundalloc.batching.jobs import Job, jobs_in
from fundalloc.batching.tally import counts
from fundalloc.batching.work import Options, done
from fundalloc.cli.app import run
from fundalloc.language import speaking
from fundalloc.report.page import rendering
from fundalloc.report.page.overview import overview
from tests.pages import read
from tests.test_faults_in_chinese import english

POLICY = """
format = 1
fund = { title = "Small fund", round = "2023" }
regions = { file = "data/regions.csv", id = "id", name = "name", population = "people" }
history = { file = "data/past.csv" }
[resources.fund]
supply = 1000
unit = "EUR"
lot = 0.01
criteria = [ { name = "need", weight = 1, measure = "need" } ]
"""
RULE = '[[rules]]\nkind = "limit"\nname = "{}"\nof = "{}"\nfloor = {}\n'
WATCHED = RULE.format("watched", "head", 3) + 'mode = "watch"\n'
REGIONS = "id,name,people,need\nA,Ästadt,100,3\nB,Bestadt,200,5\nC,Cestadt,300,0.5\n"
PAST = "round,region_id,resource,entitlement,amount\n2022,A,fund,500,400\n2022,B,fund,300,300\n2022,C,fund,100,200\n"
#: what stands in a folder in which no batch has come to its end
MARK = '{"fundalloc": {"format": 1}, "batch": null, "files": {}}'
ROUND = {"allocation.csv", "steps.csv", "rules.csv", "flags.csv", "certificate.json", "summary.json"}


@pytest.fixture
def funds(tmp_path):
    """A folder of policies, with the data that they share in a folder below it."""
    data = tmp_path / "funds" / "data"
    data.mkdir(parents=True)
    (data / "regions.csv").write_text(REGIONS, encoding="utf-8")
    (data / "past.csv").write_text(PAST, encoding="utf-8")
    for k in range(4):
        (data.parent / f"f{k}.toml").write_text(POLICY.replace("1000", str(1000 + k)), encoding="utf-8")
    return data.parent


def tree(folder: Path) -> dict[str, bytes]:
    """Every file below a folder but traces of what was killed."""
    files = [p for p in folder.rglob("*") if p.is_file()]
    return {str(p.relative_to(folder)): p.read_bytes() for p in files if not p.name.startswith(".")}


def rows(out: Path) -> dict[str, dict[str, str]]:
    text = (out / "batch.csv").read_text(encoding="utf-8")
    return {row["job"]: row for row in csv.DictReader(io.StringIO(text, newline=""))}


def one(funds: Path, out: Path, name: str = "f0", **options: object):
    """The result of one job, in this process."""
    (job,) = (job for job in jobs_in(funds)[0] if job.name == name)
    return done(job, out, Options(**options))


# What comes out.


def test_a_folder_for_each_as_allocate_writes_it_and_one_summary(funds, tmp_path, capsys):
    out = tmp_path / "out"
    (funds / "f3.toml").unlink()
    (funds / "own").mkdir()
    (funds / "own" / "policy.toml").write_text(POLICY.replace("data/", "../data/") + WATCHED, encoding="utf-8")
    assert run(["batch", str(funds), "-o", str(out), "--jobs", "2", "--format", "html", "--json"]) == 0
    shown = capsys.readouterr()
    lines = [json.loads(line) for line in shown.out.splitlines()]
    assert {path.name for path in out.iterdir()} == {"f0", "f1", "f2", "own", "batch.csv", "batch.html", "summary.json"}
    assert run(["allocate", str(funds / "own"), "-o", str(tmp_path / "alone"), "--format", "html", "--quiet"]) == 0
    assert tree(out / "own") == tree(tmp_path / "alone")
    table, manifest = rows(out), json.loads((out / "summary.json").read_bytes())
    for name, row in table.items():
        assert (row["status"], row["exit_code"], row["output"], row["fault"]) == ("decided", "0", "current", "")
        assert row["regions"] == "3" and row["folder"] == name
        lines_of = io.StringIO((out / name / "allocation.csv").read_text("utf-8"))
        amount = sum(float(line["amount"]) for line in csv.DictReader(lines_of))
        assert row["amounts"] == f"fund {amount:.2f} EUR"
        listed = manifest["jobs"][name]
        assert listed["files"] == {n: hashlib.sha256(c).hexdigest() for n, c in tree(out / name).items()}
        assert row["sha256"] == listed["files"]["summary.json"]
        policy = funds / ("own/policy.toml" if name == "own" else f"{name}.toml")
        hashes = [hashlib.sha256(p.read_bytes()).hexdigest() for p in (funds / "data/past.csv", policy)]
        assert [listed["inputs"][n]["sha256"] for n in ("history", "policy")] == hashes
    assert {n: hashlib.sha256((out / n).read_bytes()).hexdigest() for n in ("batch.csv", "batch.html")} == manifest[
        "files"
    ]
    assert int(table["own"]["flags"]) > 0 == int(table["f0"]["flags"])
    assert {x["job"] for x in lines[:-1]} == set(table) and all(x["event"] == "job" for x in lines[:-1])
    assert lines[-1] | {"seconds": 0} == {
        "event": "batch", "jobs": 4, "decided": 4, "failed": 0, "flagged": 1, "gone": 0, "exit_code": 0,
        "unchanged": 0, "notes": [], "seconds": 0,
    }  # fmt: skip
    assert "[4/4]" in shown.err and "4 decided, 0 unchanged, 0 failed" in shown.err
    assert run(["verify", str(out / "f1"), "--quiet"]) == 0


BROKEN = {
    "toml": (POLICY + "x =", 3, "is not valid TOML"),
    "missing": (POLICY.replace("regions.csv", "none.csv"), 3, "none.csv: there is no such file"),
    "faulty": (POLICY.replace("lot = 0.01", "lot = -1\nreserve = 2"), 3, "lot"),
    "conflict": (POLICY + RULE.format("too much", "head", 9), 4, "too much"),
}


def test_a_bad_job_never_stops_the_rest_and_its_fault_is_told(funds, tmp_path, capsys):
    out = tmp_path / "out"
    for name, (text, _, _) in BROKEN.items():
        (funds / f"{name}.toml").write_text(text, encoding="utf-8")
    before = one(funds, out, "f0")
    kept = tree(out / "f0")
    (funds / "f0.toml").write_text(POLICY + "x =", encoding="utf-8")
    assert before.status == "decided"
    (out / "summary.json").write_text(MARK, encoding="utf-8")
    assert run(["batch", str(funds), "-o", str(out), "--quiet", "--strict"]) == 8
    shown = capsys.readouterr()
    assert shown.out == "" and len(shown.err.splitlines()) == 5 and "[4/8]" not in shown.err.split("conflict")[0]
    table = rows(out)
    for name, (_, code, words) in BROKEN.items():
        row = table[name]
        assert (row["status"], row["exit_code"], row["output"]) == ("failed", str(code), "none")
        assert words in row["fault"] and "\n" not in row["fault"] and words in shown.err
        assert not (out / name).exists()
    assert int(table["faulty"]["faults"]) == 2
    assert len(json.loads((out / "summary.json").read_bytes())["jobs"]["faulty"]["faults"]) == 2
    assert (table["f0"]["status"], table["f0"]["output"]) == ("failed", "earlier") and tree(out / "f0") == kept
    assert table["f1"]["status"] == "decided"
    page = read((out / "batch.html").read_bytes())
    assert "still holds an earlier decision" in page.by_id("failed").text and "4 decided" not in page.text


def test_flags_count_where_strict_says_so(funds, tmp_path):
    assert one(funds, tmp_path / "out", strict=True).exit_code == 0
    (funds / "f0.toml").write_text(POLICY + WATCHED, encoding="utf-8")
    assert one(funds, tmp_path / "out").exit_code == 0
    again = one(funds, tmp_path / "out", strict=True)
    assert (again.exit_code, again.status, again.fresh) == (10, "decided", False)
    bad = replace(again, status="failed", exit_code=3)
    assert [counts(many)["exit_code"] for many in ([], [again], [again, bad])] == [0, 10, 8]


ERRORS = {
    "bug": (ZeroDivisionError("by 0"), 1, "this is a bug in fundalloc (ZeroDivisionError in test_batch.py, line"),
    "memory": (MemoryError(), 1, "not enough memory"),
    "solver": (fa.SolverError("No proven answer."), 5, "No proven answer."),
}


@pytest.mark.parametrize("name", ERRORS)
def test_whatever_a_job_raises_is_its_result(funds, tmp_path, monkeypatch, name):
    error, code, words = ERRORS[name]

    def load(*args: object, **options: object) -> None:
        raise error

    monkeypatch.setattr(work, "load", load)
    result = one(funds, tmp_path / "out")
    assert (result.status, result.exit_code, result.count) == ("failed", code, 1) and words in result.fault
    assert result.inputs["policy"]["sha256"] == hashlib.sha256((funds / "f0.toml").read_bytes()).hexdigest()


# What is unchanged is left alone.

CHANGES = {
    "policy": lambda funds, out: (funds / "f0.toml").write_text(POLICY.replace("1000", "1001"), encoding="utf-8"),
    "regions": lambda funds, out: (funds / "data/regions.csv").write_text(REGIONS + "D,D,1,1\n", encoding="utf-8"),
    "history": lambda funds, out: (funds / "data/past.csv").write_text(PAST.replace("500", "501"), encoding="utf-8"),
    "file changed": lambda funds, out: (out / "f0/steps.csv").write_bytes(b"x"),
    "file lost": lambda funds, out: (out / "f0/rules.csv").unlink(),
    "certificate": lambda funds, out: (out / "f0/certificate.json").write_text("{}", encoding="utf-8"),
    "summary": lambda funds, out: (out / "f0/summary.json").unlink(),
    "trace of a kill": lambda funds, out: (out / "f0/.fundalloc-0123456789abcdef").mkdir(),
}
ASKED = {
    "round": {"round": "2024"},
    "settings": {"settings": ("resources.fund.supply=1001",)},
    "encoding": {"encoding": "cp1252"},
    "formats": {"formats": ("md",)},
}


@pytest.mark.parametrize("name", [*CHANGES, *ASKED, "version", "nothing"])
def test_a_job_is_decided_again_where_anything_has_changed_and_only_there(funds, tmp_path, monkeypatch, name):
    out = tmp_path / "out"
    assert one(funds, out).fresh
    when = {p: p.stat().st_mtime_ns for p in (out / "f0").iterdir()}
    if name == "version":
        monkeypatch.setattr(work, "versions", lambda tools: dict.fromkeys(tools, "0"))
    if name in CHANGES:
        CHANGES[name](funds, out)
    if name == "summary":
        assert "did not write" in one(funds, out).fault
        return
    again = one(funds, out, **ASKED.get(name, {}))
    assert again.status == "decided" and again.fresh == (name != "nothing")
    if name == "nothing":
        assert {p: p.stat().st_mtime_ns for p in (out / "f0").iterdir()} == when
        return
    monkeypatch.undo()
    new = tmp_path / "new"
    assert one(funds, new, **ASKED.get(name, {})).fresh and tree(new / "f0") == tree(out / "f0")


# However it came to be: processes, kills, interruptions.

START = [sys.executable, "-c", "import sys; from fundalloc.cli.app import run; sys.exit(run(sys.argv[1:]))"]


def started(funds: Path, out: Path) -> subprocess.Popen[str]:
    """A batch in a group of processes of its own."""
    command = [*START, "batch", str(funds), "-o", str(out), "--jobs", "2", "--json"]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True)


def whole(out: Path) -> None:
    """Every folder is that of one decision, or not there."""
    for summary in out.glob("*/summary.json"):
        listed = json.loads(summary.read_bytes())["files"]
        assert set(listed) == ROUND - {"summary.json"}
        for name, sha256 in listed.items():
            assert hashlib.sha256((summary.parent / name).read_bytes()).hexdigest() == sha256


def test_the_same_bytes_whatever_the_processes_and_after_kills_and_an_interruption(funds, tmp_path):
    (funds / "broken.toml").write_text("x", encoding="utf-8")
    (funds / "watched.toml").write_text(POLICY + WATCHED, encoding="utf-8")
    for k in range(4, 12):
        (funds / f"f{k}.toml").write_text(POLICY.replace("1000", str(1000 + k)), encoding="utf-8")
    assert fa.batch(funds, tmp_path / "3", jobs=3).exit_code == 8
    out, rng = tmp_path / "cut", random.Random(7)
    for way in ("all killed", "first process killed", "Ctrl-C"):
        with started(funds, out) as process:
            lines = [process.stdout.readline() for _ in range(rng.randrange(1, 4))]
            assert all(json.loads(line)["event"] == "job" for line in lines)
            if way == "all killed":
                os.killpg(process.pid, signal.SIGKILL)
            else:
                process.send_signal(signal.SIGINT if way == "Ctrl-C" else signal.SIGKILL)
            process.communicate()  # its end is that of the last process that could write there
        assert process.returncode == (130 if way == "Ctrl-C" else -signal.SIGKILL)
        whole(out)
        assert not (out / "batch.csv").exists()
    made = fa.batch(funds, out, jobs=1)
    assert 0 < sum(result.status == "decided" and not result.fresh for result in made.results) < 13
    assert tree(out) == tree(tmp_path / "3")
    assert not (out / LOCK).exists()


def test_a_process_that_the_system_kills_is_a_failed_job(funds, tmp_path, monkeypatch):
    doomed = "import os, fundalloc.batching.work as work\nold = work.load\ndef load(policy, **options):\n" + (
        "    os.kill(os.getpid(), 9) if policy.stem == 'f1' else os._exit(3) if policy.stem == 'f2' else None\n"
        "    return old(policy, **options)\nwork.load = load\n"
    )
    (tmp_path / "sitecustomize.py").write_text(doomed, encoding="utf-8")
    root = Path(fa.__file__).parents[1]
    monkeypatch.setenv("PYTHONPATH", f"{tmp_path}{os.pathsep}{root}")
    made = fa.batch(funds, tmp_path / "out")
    ends = {result.name: (result.status, result.exit_code) for result in made.results}
    assert ends == {"f0": ("decided", 0), "f1": ("failed", 137), "f2": ("failed", 3), "f3": ("decided", 0)}
    assert "memory ran out" in made.results[1].fault and "code 3" in made.results[2].fault


def test_two_batches_do_not_write_to_one_folder(funds, tmp_path, capsys):
    out = tmp_path / "out"
    out.mkdir()
    (out / "summary.json").write_text(MARK, encoding="utf-8")
    with alone(out):
        assert run(["batch", str(funds), "-o", str(out)]) == 3
    assert "another batch is writing to this folder" in capsys.readouterr().err
    assert list(out.iterdir()) == [out / "summary.json"]
    with alone(out):
        pass
    assert not (out / LOCK).exists()


# What is a job, and what it is called.


def test_a_job_that_disappears_leaves_its_folder_and_is_told(funds, tmp_path, capsys):
    out = tmp_path / "out"
    for k in (1, 2):
        (funds / f"f{k}.toml").unlink()
    assert run(["batch", str(funds), "-o", str(out), "--quiet"]) == 0
    kept = tree(out / "f3")
    (funds / "f3.toml").unlink()
    for _ in range(2):
        assert run(["batch", str(funds), "-o", str(out)]) == 0
        assert "1 folder of an earlier job that is gone left as it was: f3." in capsys.readouterr().err
        assert tree(out / "f3") == kept
        assert rows(out)["f3"] == rows(out)["f3"] | {
            "status": "gone",
            "output": "earlier",
            "exit_code": "",
            "file": "f3.toml",
        }
        assert list(rows(out)) == ["f0", "f3"]


def test_one_policy_decides_every_table(funds, tmp_path, capsys):
    tables, out = tmp_path / "tables", tmp_path / "out"
    tables.mkdir()
    (tables / "past.csv").write_text(PAST, encoding="utf-8")
    policy = tables / "policy.toml"
    policy.write_text(POLICY.replace("data/", ""), encoding="utf-8")
    (tables / "other.toml").write_text("", encoding="utf-8")
    (tables / "regions.csv").write_text(REGIONS, encoding="utf-8")
    (tables / "south.CSV").write_text(REGIONS.replace("0.5", "5"), encoding="utf-8")
    (tables / ".hidden.csv").write_text("", encoding="utf-8")
    (tables / "readme.txt").write_text("", encoding="utf-8")
    found, notes = jobs_in(tables, policy)
    assert [(job.name, job.regions) for job in found] == [
        ("regions", tables / "regions.csv"),
        ("south", tables / "south.CSV"),
    ]
    assert len(notes) == 1 and "1 policy was left out (other.toml)" in notes[0]
    assert [job.file for job in jobs_in(tables)[0]] == ["other.toml", "policy.toml"]
    assert "1 table that no policy names was left out (south.CSV)" in jobs_in(tables)[1][0]
    options = ["--policy", str(policy), "-o", str(out), "--set", "resources.fund.supply=90"]
    assert run(["batch", str(tables), *options]) == 0
    shown = capsys.readouterr()
    assert "other.toml" in shown.err and "90.00 EUR" in shown.out
    south = tmp_path / "south"
    fa.load(policy, regions=tables / "south.CSV", settings=["resources.fund.supply=90"]).allocate().write(south)
    assert tree(south) == tree(out / "south")
    policy.write_text("format = 2", encoding="utf-8")
    before = tree(out)
    assert run(["batch", str(tables), *options]) == 3 and tree(out) == before


def refused(out: Path, folder: Path, words: str, **options: object) -> None:
    with pytest.raises(fa.InputError, match=words):
        fa.batch(folder, out, **options)


def test_where_there_is_nothing_to_decide_or_no_place_for_it(funds, tmp_path):
    out, bare = tmp_path / "out", tmp_path / "bare"
    bare.mkdir()
    refused(out, bare, "holds no policy")
    refused(out, tmp_path / "none", "no such folder")
    refused(out, funds / "f0.toml", "is a file")
    refused(out, bare, "holds no regions file", policy=funds / "f0.toml")
    (bare / "a.csv").write_text(REGIONS, encoding="utf-8")
    refused(out, bare, "1 table and no policy.*--policy FILE")
    refused(out, funds, "from 1 to", jobs=0)
    refused(out, funds, "is no format", formats=["htm"])
    refused(funds, funds, "among its own inputs")
    refused(bare, funds, "did not write")
    assert not out.exists() and [p.name for p in bare.iterdir()] == ["a.csv"]
    fa.load(funds / "f0.toml").allocate().write(out)
    before = tree(out)
    refused(out, funds, "no batch; nothing was changed")
    assert tree(out) == before


HOSTILE = (
    "=cmd|calc", "<script>alert(1)<", "a\nb", "\u202eabc", "CON", "north", "North", "x" * 240, "batch.csv",
    "summary.json", "Z\u00fcrich", "Zu\u0308rich", "a..", " ", "&amp;", "{{ 7 * 7 }}", "[bold]", "%2e%2e", "-o",
)  # fmt: skip


def test_hostile_names_are_names_and_no_more(funds, tmp_path, capsys):
    for k in range(4):
        (funds / f"f{k}.toml").unlink()
    text = POLICY.replace("Small fund", "<b>&")
    for name in HOSTILE:
        (funds / f"{name}.toml").write_text(text, encoding="utf-8")
    (funds / os.fsdecode(b"\xff.toml")).write_text(text, encoding="utf-8")
    os.mkfifo(funds / "pipe.toml")
    (funds / "dangling.toml").symlink_to("nowhere")
    out = tmp_path / "out"
    assert run(["batch", str(funds), "-o", str(out), "--json"]) == 8
    shown = capsys.readouterr()
    lines = [json.loads(line) for line in shown.out.splitlines()]
    assert {line["job"] for line in lines[:-1] if line["status"] == "failed"} == {"\ufffd", "pipe", "dangling"}
    assert len(shown.err.splitlines()) == len(HOSTILE) + 4 and "\u202e" not in shown.err.replace("\u2068\u202eabc", "")
    folders = [line["folder"] for line in lines[:-1]]
    assert len({unicodedata.normalize("NFKC", name).casefold() for name in folders}) == len(HOSTILE) + 3
    decided = {line["folder"] for line in lines[:-1] if line["status"] == "decided"}
    assert {p.name for p in out.iterdir()} == decided | {"batch.csv", "batch.html", "summary.json"}
    assert {p.name for p in tmp_path.iterdir()} == {"funds", "out"}
    cells = [
        cell for row in csv.reader(io.StringIO((out / "batch.csv").read_text("utf-8"), newline="")) for cell in row
    ]
    assert not any(cell.startswith(("=", "+", "-", "@")) for cell in cells) and "'=cmd|calc" in cells
    page = read((out / "batch.html").read_bytes())
    links = [a.attributes["href"] for a in page.all("a") if not a.attributes["href"].startswith("#")]
    assert len(links) == len(HOSTILE) and all(
        link.startswith("./") and (out / link).is_file() for link in links if "%" not in link
    )
    assert "<script>alert(1)<" in page.text and "{{ 7 * 7 }}" in page.text and "[U+202E]" in page.text


def test_the_page_runs_nothing_loads_nothing_and_can_be_read_aloud(funds, tmp_path):
    (funds / "broken.toml").write_text("x", encoding="utf-8")
    results = [done(job, tmp_path / "out", Options()) for job in jobs_in(funds)[0]]
    stated = {
        "policy": None,
        "history": {"file": "past.csv", "sha256": "0"},
        "formats": [],
        "round": "",
        "settings": [],
    }
    content = overview(counts(results), results, stated, {"fundalloc": "0"})
    page = read(content)
    for element in page.all():
        assert element.tag not in ("script", "iframe", "object", "embed", "link", "img", "form", "base", "svg")
        assert not {"style", "src"} & set(element.attributes)
        assert not any(name.startswith("on") for name in element.attributes)
    (style,) = page.all("style")
    inside = content.decode().partition("<style>")[2].partition("</style>")[0]
    code = base64.b64encode(hashlib.sha256(inside.encode()).digest()).decode()
    assert page.all("meta")[1].attributes["content"].startswith(f"default-src 'none'; style-src 'sha256-{code}';")
    assert rendering.style().strip() == inside.strip() and style.text
    assert [len(page.all(tag)) for tag in ("h1", "main", "header", "footer", "nav", "title")] == [1, 1, 1, 1, 1, 1]
    ids = {e.attributes["id"] for e in page.all() if "id" in e.attributes}
    links = [a.attributes["href"] for a in page.all("a")]
    assert {link[1:] for link in links if link.startswith("#")} <= ids
    assert {link for link in links if not link.startswith("#")} == {f"./f{k}/allocation.csv" for k in range(4)}
    assert all(
        t.all("caption")[0].text and all("scope" in th.attributes for th in t.all("th")) for t in page.all("table")
    )


@given(st.sets(st.text(st.characters(exclude_characters="/\0", exclude_categories=["Cs"]), min_size=1, max_size=8)))
def test_every_job_has_a_folder_of_its_own_right_in_the_output(names):
    entries = [Path("in", f"{name}.toml") for name in sorted(names)]
    found = list(finding._jobs(entries, None))
    assert len({job.name for job in found}) == len(found) == len(names)
    folders = [unicodedata.normalize("NFKC", job.folder).casefold() for job in found]
    assert len({*folders, *finding.TAKEN}) == len(folders) + len(finding.TAKEN)
    assert all(Path(job.folder).name == job.folder and not job.folder.startswith(".") for job in found)
    assert found == list(finding._jobs(entries, None)) and all(isinstance(job, Job) for job in found)


# In Chinese.

DOOMED = """
import os
import fundalloc.batching.work as work

old = work.load


def load(policy, **options):
    if policy.stem == "killed":
        os.kill(os.getpid(), 9)
    if policy.stem == "ended":
        os._exit(3)
    if policy.stem == "bug":
        raise ZeroDivisionError("by 0")
    if policy.stem == "memory":
        raise MemoryError
    return old(policy, **options)


work.load = load
"""
#: what the faults of each job say in Chinese
REASONS = {
    "killed": "（信号 9），多因内存耗尽。",
    "ended": "作此决定的进程提前结束（退出码 3）。",
    "bug": "这是 fundalloc 的程序错误（ZeroDivisionError，位于 sitecustomize.py 第 14 行：by 0）。",
    "memory": "内存不足。减小 --jobs 可少用内存。",
    "clash": "可行的办法：",
    "pipe": "pipe.toml：pipe.toml 不是可以读取的文件。",
    "\ufffd": "\ufffd.toml：文件名不是 UTF-8 文本。请改名。",
}


def test_why_jobs_fail_and_what_is_left_out_is_told_in_chinese(funds, tmp_path, monkeypatch, capsys):
    (tmp_path / "sitecustomize.py").write_text(DOOMED, encoding="utf-8")
    monkeypatch.setenv("PYTHONPATH", f"{tmp_path}{os.pathsep}{Path(fa.__file__).parents[1]}")
    for k in range(4):
        (funds / f"f{k}.toml").unlink()
    for name in ("killed", "ended", "bug", "memory"):
        (funds / f"{name}.toml").write_text(POLICY, encoding="utf-8")
    (funds / "clash.toml").write_text(POLICY + RULE.format("high", "head", 2), encoding="utf-8")
    os.mkfifo(funds / "pipe.toml")
    (funds / os.fsdecode(b"\xff.toml")).write_text(POLICY, encoding="utf-8")
    (funds / "loose.csv").write_text("", encoding="utf-8")
    out = tmp_path / "out"
    assert run(["batch", str(funds), "-o", str(out), "--jobs", "2", "--lang", "zh"]) == 8
    shown = capsys.readouterr().err
    faults = {one["job"]: one["faults"] for one in json.loads((out / "summary.json").read_bytes())["jobs"].values()}
    assert set(faults) == set(REASONS)
    for name, texts in faults.items():
        assert any(REASONS[name] in text for text in texts), texts
        assert [text for text in texts if english(text)] == []
        assert rows(out)[name]["fault"] == texts[0]
    assert "1 个数据表未被任何政策引用，未予处理（loose.csv）" in shown
    assert english(shown) == []
    with speaking("zh"):
        (funds / "data" / "policy.toml").write_text("", encoding="utf-8")
        (note,) = jobs_in(funds / "data", funds / "bug.toml")[1]
        assert note.startswith("1 项政策未予处理（policy.toml）") and english(note) == []
