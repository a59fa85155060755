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
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from fundalloc import DifferenceError, Fund, load, verification
from fundalloc.differences import Differs
from fundalloc.policy import parse_policy
from fundalloc.proving import fits
from fundalloc.rounding import NoWholeLots
from fundalloc.tangents import attempt
from fundalloc.verification import verify
from fundalloc.whole import gap
from tests.funds import SUPPLY, fund, policy, regions
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
    for name in ("limit", "or_nothing", "link", "hoover", "gini of groups", "theil"):
        folder = written(Fund(parse_policy(stated(name, objective=objective)), *data(0)), tmp_path / "out")
        verdict = verify(folder)
        same = objective == "leximin" and name in ("limit", "or_nothing")  # it is `nearest` there
        exact = same or objective in ("alpha_fair", "alpha 4")
        assert (verdict.gap == 0) == exact
        said = {"market": "sum of utilities", "benefit": "total value"}.get(objective, "" if exact else "(leximin)")
        assert said in verdict.sentences[0] and "that no others" not in verdict.sentences[0]
        some = objective.startswith("leximin") and name == "theil"  # no rows that touch it would be enough
        assert ("Not proven" in verdict.sentences[0]) == some


def test_neither_a_solver_nor_what_found_the_amounts_is_loaded(tmp_path):
    folder = written(fund(1, 12), tmp_path / "out")
    code = (
        "import sys; from fundalloc.cli.app import run; "
        f"end = run(['verify', {str(folder)!r}]); "
        "loaded = {m.removeprefix('fundalloc.').split('.')[0] for m in sys.modules}; "
        "print(end, sorted(loaded & set('pandas pyomo highspy dual polish solve program'.split())), file=sys.stderr)"
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


def test_rows_that_are_missed_count_in_the_gap_whatever_their_side():
    for seed in range(12):
        made = fund(seed, 12)
        tried = attempt(made.problem, made.rows)
        optimum, system = tried.optimum, tried.system
        total = system.problem.resources[0].shared_out
        pull = system.problem.softness * system.problem.size
        for factor in (0.999, 1.001):
            x = optimum.amounts * factor
            bounds = np.where(optimum.rows > 0, system.row_low, np.where(optimum.rows < 0, system.row_high, 0.0))
            missed = abs(optimum.supplies[0] * (x.sum() - total))
            missed += np.abs(optimum.rows * np.where(optimum.rows, system.matrix @ x - bounds, 0.0)).sum()
            distance = ((x - system.problem.centre) ** 2 / (2 * pull)).sum()
            found = float(gap(system, replace(optimum, amounts=x)))
            assert found * max(distance, 1e-12 * total) >= missed * (1 - 1e-9)
            assert found > 1e-9


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
    plain = it.certificate["optimum"]["multipliers"] is not None
    fair = plain and it.certificate["objective"]["kind"] == "alpha_fair"  # whose weights are checked to 1e-6
    least = 5 if fair else 10 if plain else 8  # rows that touch curves may ask for 1e-9 of themselves more
    numbers[k] *= 1 + 10.0 ** -rng.randint(1, least)
    return True


def summary_changed(it: Folder, rng: random.Random) -> bool:
    one = rng.choice(list(it.summary["resources"].values()))
    key = rng.choice([k for k, v in one.items() if isinstance(v, str)])
    one[key] += "1"
    return True


def amounts_off(it: Folder, rng: random.Random) -> bool:
    """The optimum itself moved a little from one region to another, in all that the certificate says of it."""
    amounts = it.certificate["optimum"]["amounts"]
    some = [k for k in range(len(it.certificate["regions"])) if amounts[k]]
    if len(some) < 2:
        return False
    a, b = rng.sample(some, 2)
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


@pytest.mark.parametrize("objective", ["benefit", "market", "leximin", "leximin of regions"])
def test_falsified_rounds_of_other_objectives_are_found(objective, tmp_path):
    tried = 0
    for name in ("gini", "theil", "link"):
        folder = written(Fund(parse_policy(stated(name, objective=objective)), *data(1)), tmp_path / name)
        verify(Folder(folder).write(tmp_path / "same"))
        for falsify in (
            f for f in FALSE if f not in (proof_dropped, multiplier_wrong)
        ):  # these have tests of their own
            for seed in range(3):
                it = Folder(folder)
                if falsify(it, random.Random(seed)):
                    with pytest.raises(DifferenceError):
                        verify(it.write(tmp_path / "false"))
                        raise AssertionError((name, falsify.__name__, seed))
                    tried += 1
    assert tried >= 80


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
    assert verification.UNCHECKED == ("versions", "fundalloc", "files", "looked", "geo")


WISH: list[dict[str, Any]] = [
    {"kind": "limit", "name": "cap", "each": "all", "where": "coast == 'east'", "of": "share", "cap": 0.3},
    {
        "kind": "limit",
        "name": "wish",
        "each": "all",
        "where": "coast == 'east'",
        "of": "share",
        "floor": 0.6,
        "mode": "prefer",
    },
]


EVEN = {"kind": "inequality", "name": "even", "measure": "hoover", "at_most": 0.001, "mode": "prefer"}


def named(name: str) -> Fund:
    """A fund by the name of a rule, or of an objective beside a rule."""
    if name == "limits":
        return fund(7, 12)
    if name == "wish":
        return Fund(parse_policy(policy(WISH)), data(1)[0])
    if name == "even":
        return Fund(parse_policy(policy([WISH[0], EVEN])), data(1, 5)[0])
    rule, _, objective = name.partition(" by ")
    return Fund(parse_policy(stated(rule, objective=objective)), *data(1))


@pytest.mark.parametrize("name", ["all at once", "gini of groups", "wish", "limit by benefit"])
def test_the_certificate_is_the_program_in_numbers(name, tmp_path):
    allocation, objective = named(name).allocate(), " by " in name
    allocation.write(tmp_path)
    text = (tmp_path / "certificate.json").read_text(encoding="utf-8")
    said, decision = json.loads(text), allocation.decision
    system, problem, n = decision.system, decision.problem, decision.problem.n
    assert len(text.splitlines()) == len(said) + 2
    assert list(said["inputs"]) == sorted(said["inputs"])

    def same(numbers: list[float | None], right: np.ndarray) -> bool:
        return numbers == [float(v) if np.isfinite(v) else None for v in right]

    for r, (one, resource) in enumerate(zip(said["resources"], problem.resources, strict=True)):
        block = slice(r * n, (r + 1) * n)
        assert (one["name"], one["lots"], one["size"]) == (resource.name, resource.lots, problem.size[r * n])
        assert same(one["entitlement"], resource.entitlement)
        assert same(one["centre"], problem.centre[block]) and same(one["weight"], problem.softness[block])
        assert same(one["low"], system.low[block]) and same(one["high"], system.high[block])
        assert said["lots"][r] == decision.lots[block].tolist()
    for k, row in enumerate(said["rows"]):
        factors = np.zeros(problem.cells)
        factors[row["cells"]] = row.get("factors", 1.0)
        assert factors.tolist() == system.matrix[[k]].toarray()[0].tolist()
        assert ("factors" in row) == bool((factors[row["cells"]] != 1).any())
        assert same([row["low"], row["high"]], np.array([system.row_low[k], system.row_high[k]]))
        owner, place = system.origin[k]
        assert (row["rule"], row["place"]) == (system.rows[owner].rule, system.rows[owner].places[place])
        assert row["nested"] == system.nested[k]
        assert ("touches" in row) == (system.rows[owner].curve is not None)
    assert said["choices"]["shares"] == "".join(str(int(v)) for v in system.shares)
    assert (said["optimum"]["multipliers"] is None) == (said["optimum"]["supplies"] is None) == objective
    explained = said["explained"]
    assert (explained["cells"] is None) == (explained["shifts"] is None) == (not objective)
    assert same(explained["multipliers"], decision.prices.rows)
    if objective:
        assert same(explained["cells"], decision.prices.cells)
        assert [s["rule"] for s in explained["shifts"]] == [s.rule for s in decision.shifts]
    left = {(s.rule, s.resource): s for s in decision.kept}
    for one in said["choices"]["yielded"]:
        which = one["rule"], one["resource"]
        assert same(one["concessions"], decision.concessions[which])
        assert same(one["high"], left[which].high) and same(one["low"], left[which].low)
    assert bool(said["choices"]["yielded"]) == (name == "wish")


# Each kind of difference is said in its own words.


@pytest.fixture(scope="module")
def folders(tmp_path_factory) -> Callable[[str], Path]:
    """Published folders of funds by name; each is decided once."""
    known: dict[str, Path] = {}

    def at(name: str) -> Path:
        if name not in known:
            known[name] = written(named(name), tmp_path_factory.mktemp("published") / "out")
        return known[name]

    return at


def _scaled(numbers: list[float], factor: float, k: int | None = None) -> None:
    k = next(k for k, v in enumerate(numbers) if v) if k is None else k
    numbers[k] *= factor


def off(part: str, numbers: str, by: float) -> Callable[[Folder], None]:
    """The first number of a part of the certificate, off by a part of itself."""
    return lambda it: _scaled(it.certificate[part][numbers], 1 + by)


def _another_bound(it: Folder) -> None:
    """The policy allows more than the row of the certificate."""
    text = it.certificate["inputs"]["policy"]
    content = json.loads(text["text"])
    content["rules"][0]["at_most"] = 0.13
    text["text"] = json.dumps(content)


def _another_alpha(it: Folder) -> None:
    text = it.certificate["inputs"]["policy"]
    content = json.loads(text["text"])
    content["objective"]["alpha"] = it.certificate["objective"]["alpha"] = it.summary["alpha"] = 2.0
    text["text"] = json.dumps(content)


def _unlike(it: Folder) -> None:
    amounts = it.certificate["optimum"]["amounts"]
    amounts[:14] = [sum(amounts[:14]), *[0.0] * 13]


def _lot(it: Folder, cell: int, more: int) -> None:
    it.certificate["lots"][0][cell] += more


def _priced(it: Folder, rule: int, number: object) -> None:
    it.summary["rules"][rule]["price"] = number


def _stricter(it: Folder) -> None:
    it.certificate["choices"]["yielded"][0]["low"] = [SUPPLY * 0.7]


#: one number, and another one
OTHERWISE = r"differ: (\S+) is published, (?!\1 )\S+ is right"
WORDS: dict[str, tuple[str, Callable[[Folder], object], str]] = {
    "version": ("limits", lambda it: it.certificate["fundalloc"].update(certificate=2), "written by another version"),
    "objective": ("limits", lambda it: it.certificate["objective"].update(kind="leximin"), "the objective: .*leximin"),
    "alpha": ("limits", lambda it: it.certificate["objective"].update(alpha=7.0), "the objective: .*7"),
    "regions": ("limits", lambda it: it.certificate["regions"].reverse(), "the regions: .* is published"),
    "out": ("limits", lambda it: it.certificate["choices"].update(out=[0]), "gets nothing that no or_nothing rule"),
    "more out": (
        "or_nothing",
        lambda it: it.certificate["choices"]["out"].append(20),
        "gets nothing that no or_nothing rule",
    ),
    "less out": ("or_nothing", lambda it: it.certificate["choices"]["out"].pop(), "other regions take part|the low of"),
    "yields": (
        "limits",
        lambda it: it.certificate["choices"]["yielded"].append({"rule": "floor", "resource": "fund"}),
        "rules yield that are not preferred",
    ),
    "stricter": ("wish", _stricter, "yields to stricter bounds"),
    "left out": (
        "wish",
        lambda it: [it.certificate["choices"]["yielded"][0].pop(side) for side in ("low", "high")],
        'the preferred rule ".*" is left out, but it has a bound',
    ),
    "measure left out": (
        "prefer",
        lambda it: it.certificate["choices"]["yielded"].append(
            {"rule": "r1", "resource": "fund", "concessions": [0.0]}
        ),
        'the preferred rule "r1" is left out, but it has a bound',
    ),
    "shares": ("limits", lambda it: it.certificate["choices"].update(shares="0" * 12), "other regions take part"),
    "by hand": ("limits", lambda it: it.certificate["rows"][0].update(rule="mine"), r"by hand.*\['mine'\]"),
    "fewer rows": ("limits", lambda it: it.certificate["rows"].pop(), "the number of rows"),
    "row": ("link", lambda it: it.certificate["rows"][0].update(low=1.0), 'row 0 of the rule "r0": the low is'),
    "place": ("link", lambda it: it.certificate["rows"][2].update(place="X"), 'row 2 of the rule "r0": the place is'),
    "entry": ("link", lambda it: it.certificate["rows"][0].pop("low"), "row 0 .* is not described as it should be"),
    "factor": ("link", lambda it: _scaled(it.certificate["rows"][1]["factors"], 1 + 1e-11), "row 1 .*: the factors is"),
    "target": (
        "limits",
        lambda it: _scaled(it.certificate["resources"][0]["centre"], 1 + 1e-11, 3),
        "resource fund: the centre of R0+[0-9]+ is",
    ),
    "a cap that nobody states": (
        "wish",
        lambda it: it.certificate["resources"][0]["high"].__setitem__(2, 5.0),
        "resource fund: the high of R.* is 5, but the inputs give inf",
    ),
    "no cap": (
        "wish",
        lambda it: it.certificate["rows"][0].update(high=None),
        'row 0 of the rule "cap": the high is None',
    ),
    "lot": ("limits", lambda it: it.certificate["resources"][0].update(lots=3), "the lots is 3, but the inputs give"),
    "no proof": (
        "limits",
        lambda it: it.certificate["optimum"].update(multipliers=None, supplies=None),
        "the multipliers of nearest are missing",
    ),
    "no proof possible": (
        "limit by benefit",
        lambda it: it.certificate["optimum"].update(multipliers=[], supplies=[]),
        "the multipliers of benefit prove nothing there",
    ),
    "not exact": (
        "limits",
        lambda it: it.certificate["optimum"].update(exact=False),
        "do not lead to the optimum that",
    ),
    "exactness": (
        "limits",
        lambda it: it.certificate["optimum"].update(exact=None),
        "whether the optimum is exact is not said",
    ),
    "amount": ("limits", off("optimum", "amounts", 1e-9), f"the amounts of the exact optimum {OTHERWISE}"),
    "multiplier": (
        "limits",
        off("optimum", "multipliers", 1e-9),
        f"multipliers of the rows of the exact optimum {OTHERWISE}",
    ),
    "price of the total": (
        "limits",
        off("optimum", "supplies", 1e-9),
        f"multipliers of the totals of the exact optimum {OTHERWISE}",
    ),
    "missed": ("limit by benefit", _unlike, 'before rounding miss the rule "r0"'),
    "row beyond its curve": ("gini", _another_bound, 'the row of the rule "r0" asks for more than the rule'),
    "weights": ("limit by alpha_fair", _another_alpha, "not those of the utility at these amounts"),
    "lots": (
        "limits",
        lambda it: (_lot(it, 4, 1), _lot(it, 5, -1)),
        r"R00004 has \d+ lots of fund, but \d+ follow from",
    ),
    "explained": ("limits", off("explained", "multipliers", 1e-6), "published multipliers do not explain"),
    "explained total": (
        "limits",
        off("explained", "supplies", 1e-6),
        "published multipliers do not explain",
    ),
    "line": (
        "limits",
        lambda it: it.put("steps.csv", it.rows("steps.csv")[:-1]),
        r"steps.csv, line \d+: '' is published, but 'R",
    ),
    "line of rules": (
        "limits",
        lambda it: it.put("rules.csv", it.rows("rules.csv")[:-1]),
        r"rules.csv, line \d+: '' is published, but '",
    ),
    "line of amounts": (
        "limits",
        lambda it: it.put("allocation.csv", it.rows("allocation.csv")[:-1]),
        r"allocation.csv, line \d+: '' is published, but 'R",
    ),
    "more lines": (
        "limits",
        lambda it: it.put("steps.csv", [*it.rows("steps.csv"), ["x"]]),
        r"steps.csv, line \d+: 'x' is published, but '' follows",
    ),
    "summary": (
        "limits",
        lambda it: it.summary["resources"]["fund"].update(unit="EUR"),
        "summary.json: resources.fund.unit is 'EUR', but the inputs give 'CNY'",
    ),
    "more in the summary": ("limits", lambda it: it.summary.update(more=1), "summary.json: more is 1, but .* None"),
    "another rule": ("limits", lambda it: it.summary["rules"].reverse(), r"summary.json: rules\[0\].name is"),
    "fewer rules": ("limits", lambda it: it.summary["rules"].pop(), r"summary.json: rules is \["),
    "settings": ("limits", lambda it: it.certificate["settings"].append("x"), "x"),
    "round": ("limits", lambda it: it.summary.update(round="1999"), "summary.json: round is '1999'"),
    "no text": ("limits", lambda it: it.certificate.pop("lots"), r"certificate.json is not as it should be \(KeyError"),
}


@pytest.mark.parametrize("name", WORDS)
def test_the_first_difference_is_named(name, folders, tmp_path):
    source, falsify, words = WORDS[name]
    it = Folder(folders(source))
    falsify(it)
    with pytest.raises(DifferenceError, match=words):
        verify(it.write(tmp_path / "false"))


def test_where_no_whole_lots_follow_from_the_optimum_that_is_the_difference(folders, monkeypatch):
    def none(*_):
        raise NoWholeLots("9 lots are too many")

    monkeypatch.setattr(verification, "lots_of", none)
    with pytest.raises(DifferenceError, match="no whole lots follow from the optimum: 9 lots are too many"):
        verify(folders("limits"))


def test_the_hashes_of_inputs_and_files_are_those_of_what_is_there(folders, tmp_path):
    source = folders("limits")
    for file, change, words in (
        ("certificate.json", lambda c: c["inputs"]["regions"].update(sha256="0"), "the regions in certificate.json"),
        ("summary.json", lambda c: c["inputs"]["history"].update(sha256="0"), "the history in certificate.json"),
        ("summary.json", lambda c: c["inputs"]["policy"].update(file="other"), "the policy in certificate.json"),
        ("summary.json", lambda c: c["files"].update({"steps.csv": "0"}), "other files or SHA-256 sums"),
        ("summary.json", lambda c: c["files"].pop("certificate.json"), "other files or SHA-256 sums"),
    ):
        folder = tmp_path / "out"
        shutil.rmtree(folder, ignore_errors=True)
        shutil.copytree(source, folder)
        content = json.loads((folder / file).read_bytes())
        change(content)
        (folder / file).write_text(json.dumps(content), encoding="utf-8")
        if file == "certificate.json":
            summary = json.loads((folder / "summary.json").read_bytes())
            summary["files"][file] = hashlib.sha256((folder / file).read_bytes()).hexdigest()
            (folder / "summary.json").write_text(json.dumps(summary), encoding="utf-8")
        with pytest.raises(DifferenceError, match=words):
            verify(folder)


LEFT = {
    "even": "that preferred rules had to yield as far as they did",
    "limit by benefit": "how much of the distance each rule accounts for",
    "limits": "the prices of rules in summary.json, which take the solver",
}


@pytest.mark.parametrize("name", LEFT)
def test_what_is_not_proven_is_said_where_it_is_so_and_only_there(name, folders):
    verdict = verify(folders(name))
    said = verdict.sentences[1]
    assert said.startswith("Not proven: that the published inputs are true")
    assert [other for other, words in LEFT.items() if words in said and other != "limits"] == [name] * (
        name != "limits"
    )
    assert (LEFT["limits"] in said) == any(r["price"] for r in Folder(folders(name)).summary["rules"])
    assert "whole lots keep" not in said
    assert "as strict as their rows" not in said
    assert verdict.cells == len(Folder(folders(name)).certificate["optimum"]["amounts"])
    assert ("exactly, in fractions" in verdict.sentences[0]) == (verdict.gap == 0)


def test_regions_without_a_target_that_are_left_a_part_and_caps_that_lots_cannot_keep_are_said(tmp_path):
    frame = regions(np.random.default_rng(3), 8).assign(need=[0.0, *[1.0] * 7], coast=["west", *["east"] * 7])
    alone = {"kind": "limit", "name": "west", "where": "need == 0", "floor": 5}
    group = {"kind": "limit", "name": "coasts", "each": "coast", "floor": 5, "cap": SUPPLY - 10}
    for rule, part in ((alone, False), (group, True)):
        frame = frame.assign(coast=["west", "west", *["east"] * 6], need=[0.0, 0.0 if part else 1.0, *[1.0] * 6])
        said = verify(written(Fund(parse_policy(policy([rule])), frame), tmp_path / "out")).sentences[1]
        assert ("without a target had to be left a part" in said) == part
    caps = policy([{"kind": "limit", "name": "cap", "cap": 350}], fund={"supply": 1000, "lot": 100})
    frame = regions(np.random.default_rng(3), 3).assign(need=1.0, population=10)
    for supply, missed in ((1000, True), (900, False)):
        caps["resources"]["fund"]["supply"] = supply
        said = verify(written(Fund(parse_policy(caps), frame), tmp_path / "out")).sentences[1]
        assert ("that no whole lots keep all limits exactly" in said) == missed


FIVE = regions(np.random.default_rng(4), 5).assign(need=[0.0, 0.4, 0.5, 0.6, 0.9])
HEADS: dict[str, Any] = {"kind": "limit", "name": "floor", "of": "head", "floor": 30}


@pytest.mark.parametrize("alpha", [1.0, 3.0])
def test_the_weights_of_alpha_fair_are_what_a_coverage_gives_way_to_a_force(alpha, tmp_path):
    """(target - amount) / (coverage^-alpha - 1), of which less than a millionth may be missing."""
    caps = {**HEADS, "name": "cap", "of": "entitlement", "floor": 0, "cap": 0.9, "where": "need == 0.4"}
    made = Fund(parse_policy(policy([HEADS, caps], objective={"kind": "alpha_fair", "alpha": alpha})), FIVE)
    folder = written(made, tmp_path / "out")
    assert verify(folder).gap == 0
    said = Folder(folder).certificate
    amounts, (one,) = np.array(said["optimum"]["amounts"]), said["resources"]
    target, weight = np.array(one["entitlement"]), np.array(one["weight"])
    covered = amounts[1:] / target[1:]
    assert target[0] == 0 and np.abs(covered - 1).min() > 1e-3 and np.ptp(covered) > 0.01
    assert weight[1:] == pytest.approx((target - amounts)[1:] / (covered**-alpha - 1), rel=1e-9)
    problem = made.problem
    for cell in range(5):
        for part, found in ((2e-7, False), (-2e-7, False), (5e-6, True), (-5e-6, True)):
            off = problem.leaning(weight * (1 + part * (np.arange(5) == cell)))
            with pytest.raises(Differs, match="not those of the utility") if found else nullcontext():
                fits(off, amounts)


@pytest.mark.parametrize(
    ("kind", "values", "rule", "proven"),
    [
        ("nearest", None, HEADS, True),
        ("leximin", None, HEADS, True),
        ("leximin", None, {"kind": "inequality", "measure": "hoover", "at_most": 0.3}, False),
        ("leximin", [1, 1, 1, 1, 1], HEADS, False),
        ("alpha_fair", None, HEADS, True),
        ("alpha_fair", [0, 0, 0, 0, 2], HEADS, False),
        ("alpha_fair", [2, 0, 0, 0, 0], HEADS, True),
        ("alpha_fair", [0, 0, 0, 0, 0], HEADS, True),
        ("benefit", [0, 0, 0, 0, 2], HEADS, False),
        ("benefit", [2, 0, 0, 0, 0], HEADS, False),
        ("benefit", [0, 0, 0, 0, 0], HEADS, True),
    ],
)
def test_multipliers_prove_what_is_of_single_amounts_or_worth_nothing_to_anybody(kind, values, rule, proven, tmp_path):
    """Who has no target is worth nothing to alpha_fair, which compares coverage, but something to benefit."""
    stated = policy([{**rule, "name": "rule"}], objective={"kind": kind}, fund={"value": "worth"} if values else {})
    verdict = verify(written(Fund(parse_policy(stated), FIVE.assign(worth=values or 0)), tmp_path / "out"))
    assert (verdict.gap == 0) == proven and (verdict.gap is None) == (not proven)


def test_differences_are_found_in_numbers_lists_and_lines():
    from fundalloc.differences import Differs, entries, entry, lines, same

    same("x", [1], [1])
    entry("x", {"a": [1.0, None], "b": 2.0, "c": "t"}, {"a": [1.0 + 1e-13, None], "b": 2.0 + 1e-12, "c": "t"}, None)
    entry("x", {"a": 0}, {"a": 0}, None)
    lines("x", b"a\nb", b"a\nb")
    entries("x", {"a": [1, {"b": None}]}, {"a": [1, {"b": None}]})
    for check, words in (
        (lambda: same("x", 1, 2), "x: 2 is published, but the inputs give 1"),
        (lambda: entry("x", {"a": 1}, {"a": 1, "b": 1}, None), "x is not described"),
        (lambda: entry("x", {"a": [1.0, 2.0]}, {"a": [1.0, 2.0 + 1e-11]}, ["A", "B"]), "the a of B is 2, but"),
        (lambda: entry("x", {"a": [1.0, None]}, {"a": [1.0, 3.0]}, None), "the a is 3, but the inputs give inf"),
        (lambda: entry("x", {"a": [1.0]}, {"a": [1.0, 2.0]}, None), r"the a is \[1.0, 2.0\]"),
        (lambda: entry("x", {"a": 1.0}, {"a": 1.0 + 1e-11}, None), "the a is 1.00000000001"),
        (lambda: entry("x", {"a": 1.0}, {"a": 1.0 + 1.5e-12}, None), "the a is 1.0000000000015"),
        (lambda: entry("x", {"a": [1.0]}, {"a": [1.0 + 1.5e-12]}, ["A"]), "the a of A is 1, but"),
        (lambda: entry("x", {"a": -1.0}, {"a": -2.0}, None), "the a is -2.0, but the inputs give -1.0"),
        (lambda: entry("x", {"a": 1.0}, {"a": "1.0"}, None), "the a is '1.0'"),
        (lambda: entry("x", {"a": 1}, {"a": 1 + 1e-13}, None), "the a is 1.0"),
        (lambda: lines("x", b"a\nb", b"a\nc"), "x, line 2: 'c' is published, but 'b' follows"),
        (lambda: lines("x", b"a\nb", b"a"), r"x, line 2: '\(nothing\)' is published, but 'b'"),
        (lambda: lines("x", b"a", b"a\nb"), r"x, line 2: 'b' is published, but '\(nothing\)'"),
        (lambda: entries("x", {"a": [1, 2]}, {"a": [1, 3]}), r"x\.a\[1\] is 3, but the inputs give 2"),
        (lambda: entries("x", [1, 2], [1]), r"x is \[1\], but"),
        (lambda: entries("x", {"a": 1}, {"b": 1}), "x is {'b': 1}, but"),
        (lambda: entries("x", [1], {"b": 1}), "x is {'b': 1}, but"),
    ):
        with pytest.raises(Differs, match=words):
            check()
