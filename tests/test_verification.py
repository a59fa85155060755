"""Verification: what was decided is verified from its folder, and whatever is falsified in it is found."""

from __future__ import annotations

import csv
import hashlib
import io
import json
import random
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from fundalloc import DifferenceError, Fund, load, verification
from fundalloc.exact import gap
from fundalloc.policy import parse_policy
from fundalloc.tangents import attempt
from fundalloc.verification import verify
from tests.funds import fund, policy, regions
from tests.test_laws_of_rules import OBJECTIVES, RULES, data, stated

MODELS = sorted(Path("models").glob("*.toml"))


def written(found: Fund, folder: Path) -> Path:
    found.allocate().write(folder)
    return folder


@pytest.mark.parametrize("block", range(4))
def test_random_funds_are_verified_exactly(block, tmp_path):
    for seed in range(block * 25, block * 25 + 25):
        n = int(np.random.default_rng(seed).integers(1, 80))
        folder = written(fund(seed, n, zeros=0.3 * (seed % 4 == 1), tiny=0.3 * (seed % 4 == 2)), tmp_path / "out")
        assert verify(folder).gap == 0


@pytest.mark.parametrize("seed", range(3))
def test_large_random_funds_are_verified_exactly(seed, tmp_path):
    n = 1000 + 1000 * seed
    assert verify(written(fund(seed, n, tiny=0.3 * (seed == 2)), tmp_path / "out")).gap == 0


@pytest.mark.parametrize("model", MODELS, ids=lambda m: m.stem)
def test_every_shipped_model_is_verified(model, tmp_path):
    verdict = verify(written(load(model), tmp_path / "out"))
    assert verdict.gap == 0
    assert verdict.sentences[0].startswith("Proven: ")


@pytest.mark.parametrize("name", RULES)
def test_every_rule_is_verified(name, tmp_path):
    for seed in range(2):
        folder = written(Fund(parse_policy(stated(name)), *data(seed)), tmp_path / "out")
        assert verify(folder).gap == 0


@pytest.mark.parametrize("objective", OBJECTIVES)
def test_every_objective_is_verified_for_what_it_claims(objective, tmp_path):
    for name in ("limit", "or_nothing", "link", *(["hoover"] if objective == "leximin" else [])):
        folder = written(Fund(parse_policy(stated(name, objective=objective)), *data(0)), tmp_path / "out")
        verdict = verify(folder)
        same = objective == "leximin" and name in ("limit", "or_nothing")  # it is `nearest` there
        assert (verdict.gap == 0) == (same or objective in ("alpha_fair", "alpha 4"))
        assert ("Not proven: that no others" in verdict.sentences[0]) == (verdict.gap is None)


def test_no_solver_is_loaded(tmp_path):
    folder = written(fund(1, 12), tmp_path / "out")
    code = (
        "import sys; from fundalloc.cli.app import run; "
        f"end = run(['verify', {str(folder)!r}]); "
        "print(end, sorted({m.split('.')[0] for m in sys.modules} & {'pandas', 'pyomo', 'highspy'}), file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stderr.splitlines()[-1] == "0 []"
    assert len(done.stdout.splitlines()) == 3


def test_where_no_exact_optimum_is_found_weak_duality_proves_the_amounts(tmp_path, monkeypatch):
    monkeypatch.setattr("fundalloc.exact.ROWS", 0)
    nearly = 0
    for seed in range(12):
        verdict = verify(written(fund(seed, 30), tmp_path / "out"))
        assert verdict.gap is not None
        assert verdict.gap <= 1e-9
        nearly += verdict.gap > 0
    assert nearly >= 6


def test_the_gap_is_that_of_weak_duality():
    """Against a computation in floats of the primal and the dual value at multipliers that are off."""
    for seed in range(12):
        found = fund(seed, 12)
        tried = attempt(found.problem, found.rows)
        assert tried.proven
        assert gap(tried.system, tried.optimum) <= 1e-9
        off = replace(tried.optimum, supplies=tried.optimum.supplies + 1e-9)
        system, problem = tried.system, found.problem
        pull = problem.softness * problem.size
        force = off.supplies[0] + system.matrix.T @ off.rows
        best = np.clip(problem.centre + pull * force, system.low, system.high)
        total = problem.resources[0].shared_out
        bounds = np.where(off.rows > 0, system.row_low, np.where(off.rows < 0, system.row_high, 0.0))
        dual = ((best - problem.centre) ** 2 / (2 * pull)).sum() + off.supplies[0] * (total - best.sum())
        dual += float(off.rows @ (bounds - system.matrix @ best))
        primal = ((tried.optimum.amounts - problem.centre) ** 2 / (2 * pull)).sum()
        assert float(gap(system, off)) * max(primal, 1e-12 * total) >= (primal - dual) * (1 - 1e-9)


# Falsifications. Whoever falsifies a folder also writes the hashes anew, so that only what is said can betray it.


class Folder:
    """A published folder in memory, to be falsified and written whole."""

    def __init__(self, source: Path) -> None:
        self.files = {p.name: p.read_bytes() for p in source.iterdir()}
        self.certificate = json.loads(self.files["certificate.json"])
        self.summary = json.loads(self.files["summary.json"])

    def rows(self, name: str) -> list[list[str]]:
        return list(csv.reader(io.StringIO(self.files[name].decode(), newline="")))

    def put(self, name: str, rows: list[list[str]]) -> None:
        text = io.StringIO(newline="")
        csv.writer(text, lineterminator="\n").writerows(rows)
        self.files[name] = text.getvalue().encode()

    def write(self, folder: Path) -> Path:
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir()
        for name, entry in self.certificate["inputs"].items():
            entry["sha256"] = hashlib.sha256(entry["text"].encode()).hexdigest()
            self.summary["inputs"][name]["sha256"] = entry["sha256"]
        self.files["certificate.json"] = json.dumps(self.certificate).encode()
        self.summary["files"] = {
            n: hashlib.sha256(c).hexdigest() for n, c in sorted(self.files.items()) if n != "summary.json"
        }
        self.files["summary.json"] = json.dumps(self.summary).encode()
        for name, content in self.files.items():
            (folder / name).write_bytes(content)
        return folder


Falsify = Callable[[Folder, random.Random], bool]


def lot_moved(it: Folder, rng: random.Random) -> bool:
    """A lot from one region to another, in the table; half the time in the certificate too."""
    rows = it.rows("allocation.csv")
    column, resource = rows[0].index("amount"), rows[0].index("resource")
    one, two = rng.sample([r for r in rows[1:] if r[resource] == rows[1][resource]], 2)
    lot = float(it.certificate["resources"][0]["lot"])
    places = len(it.certificate["resources"][0]["lot"].partition(".")[2])
    one[column], two[column] = (f"{float(r[column]) + d * lot:.{places}f}" for r, d in ((one, 1), (two, -1)))
    it.put("allocation.csv", rows)
    if rng.random() < 0.5:
        lots = it.certificate["lots"][0]
        a, b = (it.certificate["regions"].index(r[0]) for r in (one, two))
        lots[a], lots[b] = lots[a] + 1, lots[b] - 1
    return True


def input_changed(it: Folder, rng: random.Random) -> bool:
    """A digit of a number that the key reads."""
    entry = it.certificate["inputs"]["regions"]
    if entry["form"] == "json":
        content = json.loads(entry["text"])
        column = rng.choice([c for c in ("need", "population") if c in content["columns"]])
        cells = content["columns"][column]
        k = rng.choice([k for k, v in enumerate(cells) if float(v) > 0])
        cells[k] = repr(float(cells[k]) * (1 + 10.0 ** -rng.randint(1, 5)))
        entry["text"] = json.dumps(content)
        return True
    rows = list(csv.reader(io.StringIO(entry["text"], newline="")))
    here = [k for k, r in enumerate(rows) if str(it.certificate["round"]) in r]
    k, column = rng.choice(here), rows[0].index("population_persons")
    rows[k][column] = str(int(rows[k][column]) + 10 ** rng.randint(2, 5))
    text = io.StringIO(newline="")
    csv.writer(text, lineterminator="\n").writerows(rows)
    entry["text"] = text.getvalue()
    return True


def _policy(it: Folder, change: Callable[[dict[str, Any]], bool]) -> bool:
    entry = it.certificate["inputs"]["policy"]
    if entry["form"] != "json":
        return False
    content = json.loads(entry["text"])
    done = change(content)
    entry["text"] = json.dumps(content)
    return done


def rule_dropped(it: Folder, rng: random.Random) -> bool:
    def change(content: dict[str, Any]) -> bool:
        if not content.get("rules"):
            return False
        content["rules"].pop(rng.randrange(len(content["rules"])))
        return True

    return _policy(it, change)


def rule_weakened(it: Folder, rng: random.Random) -> bool:
    def change(content: dict[str, Any]) -> bool:
        named = [(r, k) for r in content.get("rules", []) for k in ("floor", "cap", "at_most") if k in r]
        if not named:
            return False
        rule, key = rng.choice(named)
        rule[key] = rule[key] * (1 - 10.0 ** -rng.randint(1, 6) * (1 if key == "floor" else -1))
        return True

    return _policy(it, change)


def key_changed(it: Folder, rng: random.Random) -> bool:
    def change(content: dict[str, Any]) -> bool:
        one = next(iter(content["resources"].values()))
        one["criteria"] = [{"name": "another", "weight": 1, "measure": f"population * (need + 1e-{rng.randint(1, 6)})"}]
        return True

    return _policy(it, change)


def multiplier_wrong(it: Folder, rng: random.Random) -> bool:
    where = rng.choice([it.certificate["optimum"], it.certificate["explained"]])
    name = rng.choice(["multipliers", "supplies"])
    numbers = where[name]
    if numbers is None:
        return False
    most = max(abs(v) for v in [*where["multipliers"], *where["supplies"], 0.0])
    used = [k for k, v in enumerate(numbers) if abs(v) > 1e-6 * most]  # what is less is float noise
    if not used:
        return False
    k = rng.choice(used)
    # of a row without a free cell any multiplier that is large enough proves the optimum: there only signs can be wrong
    less = [-1, 0] if where is it.certificate["optimum"] else [-1, 0, 0.5, 1 + 10.0 ** -rng.randint(1, 5)]
    numbers[k] *= rng.choice(less)
    return True


def step_changed(it: Folder, rng: random.Random) -> bool:
    """One step more, another of the same region less, so that its sum stays right."""
    rows = it.rows("steps.csv")
    one = rng.choice(rows[1:])
    others = [r for r in rows[1:] if r[:2] == one[:2] and r is not one]
    if not others:
        return False
    other = rng.choice(others)
    one[4], other[4] = f"{float(one[4]) + 0.01:.2f}", f"{float(other[4]) - 0.01:.2f}"
    it.put("steps.csv", rows)
    return True


def table_changed(it: Folder, rng: random.Random) -> bool:
    """Any cell of any table."""
    name = rng.choice(["allocation.csv", "steps.csv", "rules.csv", "flags.csv"])
    rows = it.rows(name)
    if len(rows) < 2:
        return False
    row = rng.choice(rows[1:])
    column = rng.randrange(len(row))
    row[column] = {"": "1", "1": "0"}.get(row[column], row[column] + "1")
    it.put(name, rows)
    return True


def round_swapped(it: Folder, rng: random.Random) -> bool:
    """Another label; or history as if of another round."""
    if "history" in it.certificate["inputs"] and rng.random() < 0.5:
        entry = it.certificate["inputs"]["history"]
        before, entry["text"] = entry["text"], entry["text"].replace('"2022"', '"2024"')
        return bool(entry["text"] != before)
    other = str(rng.randint(1900, 2020))
    if it.certificate["inputs"]["regions"]["form"] == "file":
        it.certificate["round"] = it.summary["round"] = other
    else:  # regions without rounds: the same decision under another label is a right one
        rng.choice([it.certificate, it.summary])["round"] = other
    return True


def program_changed(it: Folder, rng: random.Random) -> bool:
    """A bound, weight, target or factor of the program, by as little as one part in 1e10."""
    rows = [r for r in it.certificate["rows"] if r.get("factors")]
    if rows and rng.random() < 0.5:
        numbers = rng.choice(rows)["factors"]
    else:
        numbers = it.certificate["resources"][0][rng.choice(["centre", "weight", "low", "high", "entitlement"])]
    used = [k for k, v in enumerate(numbers) if v]
    if not used:
        return False
    k = rng.choice(used)
    fair = it.certificate["objective"]["kind"] == "alpha_fair"  # whose weights are checked to 1e-6
    numbers[k] *= 1 + 10.0 ** -rng.randint(1, 5 if fair else 10)
    return True


def summary_changed(it: Folder, rng: random.Random) -> bool:
    one = rng.choice(list(it.summary["resources"].values()))
    key = rng.choice([k for k, v in one.items() if isinstance(v, str)])
    one[key] += "1"
    return True


def amounts_off(it: Folder, rng: random.Random) -> bool:
    """The optimum itself moved a little from one region to another, in all that the certificate says of it."""
    amounts = it.certificate["optimum"]["amounts"]
    a, b = rng.sample([k for k in range(len(it.certificate["regions"])) if amounts[k]], 2)
    move = 10.0 ** -rng.randint(2, 6) * (amounts[a] + amounts[b])
    amounts[a], amounts[b] = amounts[a] + move, amounts[b] - move
    return True


def proof_dropped(it: Folder, rng: random.Random) -> bool:
    """A weaker claim in place of a proof: no multipliers, or none that are exact, so that amounts could be any."""
    optimum, explained = it.certificate["optimum"], it.certificate["explained"]
    if rng.random() < 0.5:
        optimum["exact"] = False
        return True
    optimum["multipliers"] = optimum["supplies"] = None
    explained["accounting"] = it.summary["accounting"] = "order"
    explained["cells"] = [0.0] * len(optimum["amounts"])
    explained["shifts"] = []
    return True


FALSE: list[Falsify] = [
    proof_dropped,
    lot_moved,
    input_changed,
    rule_dropped,
    rule_weakened,
    key_changed,
    multiplier_wrong,
    step_changed,
    table_changed,
    round_swapped,
    program_changed,
    summary_changed,
    amounts_off,
]


def published(tmp_path: Path) -> Iterator[Path]:
    """Folders of several policies."""
    yield written(fund(7, 25), tmp_path / "limits")
    for name in ("gini", "theil", "progressive", "prefer", "all at once", "or_nothing"):
        yield written(Fund(parse_policy(stated(name)), *data(1)), tmp_path / name)
    yield written(load("models/yrd.toml"), tmp_path / "yrd")
    frame = regions(np.random.default_rng(4), 15)
    floor = [{"kind": "limit", "name": "floor", "of": "head", "floor": 30}]
    yield written(Fund(parse_policy(policy(floor, objective={"kind": "alpha_fair"})), frame), tmp_path / "fair")


@pytest.mark.parametrize("falsify", FALSE, ids=lambda f: f.__name__)
def test_every_falsification_is_found(falsify, tmp_path):
    tried = 0
    for folder in published(tmp_path):
        before = Folder(folder)
        verify(Folder(folder).write(tmp_path / "same"))
        for seed in range(8):
            it = Folder(folder)
            if not falsify(it, random.Random(seed)):
                continue
            said = (before.certificate, before.summary, before.files)
            assert (it.certificate, it.summary, it.files) != said
            with pytest.raises(DifferenceError):
                verify(it.write(tmp_path / "false"))
                raise AssertionError((folder.name, seed))
            tried += 1
    assert tried >= 40


def test_what_is_no_certificate_is_said(tmp_path):
    folder = written(fund(7, 10), tmp_path / "out")
    for content in (b"", b"[]", b"{}", b'{"fundalloc": {"certificate": 9}}', b"\xff"):
        (folder / "certificate.json").write_bytes(content)
        with pytest.raises(DifferenceError, match=r"certificate\.json"):
            verify(folder)
    (folder / "certificate.json").unlink()
    with pytest.raises(DifferenceError, match="cannot be read"):
        verify(folder)


def test_the_command_says_the_first_difference_and_ends_with_six(tmp_path, capfd):
    from fundalloc.cli.app import run

    folder = written(fund(7, 10), tmp_path / "out")
    assert run(["verify", str(folder)]) == 0
    assert capfd.readouterr().out.startswith("Proven: ")
    assert run(["verify", str(folder), "--json"]) == 0
    assert json.loads(capfd.readouterr().out)["gap"] == 0
    it = Folder(folder)
    lot_moved(it, random.Random(3))
    assert run(["verify", str(it.write(tmp_path / "false"))]) == 6
    assert "follow from the optimum" in capfd.readouterr().err


def test_the_module_names_what_it_does_not_check():
    assert verification.UNCHECKED == ("versions", "fundalloc", "files")
