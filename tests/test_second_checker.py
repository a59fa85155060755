"""A second checker that shares no code with the package agrees with `fundalloc verify` in all that it checks."""

from __future__ import annotations

import ast
import random
import runpy
import subprocess
import sys
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from fundalloc import Fund, load
from fundalloc.policy import parse_policy
from fundalloc.verification import verify
from tests.funds import SUPPLY, fund, history, policy, regions
from tests.test_grounds import wishes
from tests.test_laws_of_rules import OBJECTIVES, RULES, data, stated
from tests.test_verification import FALSE, MODELS, Folder, published, written

SCRIPT = Path("examples/check_certificate.py")
main = runpy.run_path(str(SCRIPT))["main"]
METHODS = ("webster", "huntington_hill", "jefferson", "adams")

#: what the script does not look at: most must be computed again from the inputs, the rest would take more lines
#: (share, change, net, and of the summary unit, lot and shared_out)
UNSEEN = {
    "certificate.inputs.policy.text",
    "certificate.inputs.regions.text",
    "certificate.inputs.history.text",
    # a weaker claim, for which the amounts have to be as near as floats come
    "certificate.optimum.exact",
    "certificate.explained.multipliers",
    "certificate.explained.supplies",
    # of the program: what moves no amount, such as a bound that does not hold or a weight of an amount at its bound
    "certificate.resources.low",
    "certificate.resources.high",
    "certificate.resources.weight",
    "certificate.resources.entitlement",
    "certificate.rows.factors",
    *(f"summary.resources.*.{k}" for k in ("unit", "lot", "supply", "reserve", "shared_out", "moved_by_rules")),
    *(f"allocation.csv: {k}" for k in ("region_name", "state", "coast", "province", "unit", "share", "per_head")),
    *(f"allocation.csv: {k}" for k in ("coverage", "previous", "change", "arrears", "held_by", "contribution", "net")),
    *(f"rules.csv: {k}" for k in ("rule", "kind", "mode", "place", "resource", "low", "value", "high", "slack")),
    *(f"rules.csv: {k}" for k in ("binding", "shadow_price", "concession")),
    *(f"flags.csv: {k}" for k in ("round", "severity", "code", "subject", "resource", "value", "threshold", "message")),
}
#: the kinds of falsification of which some stay unseen, and those of which all do
PARTLY = {"proof_dropped", "multiplier_wrong", "table_changed", "round_swapped", "program_changed", "summary_changed"}
NEVER = {"input_changed", "rule_dropped", "rule_weakened", "key_changed"}


def rejected(folder: Path) -> bool:
    try:
        main(folder)
    except SystemExit as end:
        assert end.code == 6
        return True
    return False


def differences(one: Folder, other: Folder) -> set[str]:
    """Where two folders differ, hashes aside: columns of tables, entries of the certificate and the summary."""
    found = set()
    for name in (n for n in one.files if n.endswith(".csv")):
        (header, *rows), (_, *others) = one.rows(name), other.rows(name)
        for row, changed in zip(rows, others, strict=True):
            found |= {f"{name}: {c}" for c, a, b in zip(header, row, changed, strict=True) if a != b}
    pairs = [("certificate", one.certificate, other.certificate), ("summary", one.summary, other.summary)]
    while pairs:
        path, a, b = pairs.pop()
        if isinstance(a, dict) and isinstance(b, dict):
            named = path == "summary.resources"  # whose keys are names
            pairs += [(f"{path}.{'*' if named else k}", a[k], b[k]) for k in a if k not in ("sha256", "files")]
        elif isinstance(a, list) and isinstance(b, list):
            pairs += [(path, x, y) for x, y in zip(a, b, strict=True)]
        elif a != b:
            found.add(path)
    return found


def test_it_is_short_and_needs_the_standard_library_alone():
    text = SCRIPT.read_text(encoding="utf-8")
    assert len(text.splitlines()) < 200
    names = {n.name for node in ast.walk(ast.parse(text)) if isinstance(node, ast.Import) for n in node.names}
    names |= {str(node.module) for node in ast.walk(ast.parse(text)) if isinstance(node, ast.ImportFrom)}
    assert {n.partition(".")[0] for n in names} <= sys.stdlib_module_names


@pytest.mark.parametrize("model", MODELS, ids=lambda m: m.stem)
def test_shipped_models_are_accepted(model, tmp_path):
    assert not rejected(written(load(model), tmp_path / "out"))


@pytest.mark.parametrize("block", range(2))
def test_random_funds_are_accepted(block, tmp_path):
    for seed in range(block * 16, block * 16 + 16):
        n = int(np.random.default_rng(seed).integers(1, 80))
        folder = written(fund(seed, n, zeros=0.3 * (seed % 4 == 1), tiny=0.3 * (seed % 4 == 2)), tmp_path / "out")
        assert not rejected(folder), seed


def test_a_large_fund_is_accepted(tmp_path):
    assert not rejected(written(fund(2, 3000, tiny=0.3), tmp_path / "out"))


def test_all_rules_and_objectives_are_accepted_for_what_they_claim(tmp_path, capfd):
    for name in RULES:
        assert not rejected(written(Fund(parse_policy(stated(name)), *data(0)), tmp_path / "out")), name
    assert "no optimum is checked" not in capfd.readouterr().out
    for objective in OBJECTIVES:
        for name in ("limit", "link"):
            folder = written(Fund(parse_policy(stated(name, objective=objective)), *data(0)), tmp_path / "out")
            assert not rejected(folder), (objective, name)
            assert ("no optimum is checked" in capfd.readouterr().out) == (verify(folder).gap is None)


@pytest.mark.parametrize("seed", [*range(0, 200, 10), 3, 17, 18, 21, 55, 104, 192, 194])
def test_what_preferred_rules_come_to_is_accepted(seed, tmp_path, capfd):
    """Bounds that were given way to meet to the last digit: rows follow from others, and hardly anything is free."""
    folder = written(wishes(seed), tmp_path / "out")
    assert not rejected(folder)
    assert ("exact optimum" in capfd.readouterr().out) == (verify(folder).gap == 0) == (seed != 3)


TAKEN: dict[str, list[dict[str, Any]]] = {
    "floors": [{"name": "hold", "floor": 1}],
    "caps": [{"name": "hold", "cap": 1}],
    "both": [{"name": "hold", "floor": 1, "cap": 1}],
    "twice": [{"name": "hold", "floor": 1}, {"name": "again", "floor": 1}],
    "states": [{"name": "hold", "each": "state", "floor": 1}],
    "states as before": [{"name": "hold", "each": "state", "floor": 1, "cap": 1}],
    "states and coasts": [
        {"name": "hold", "each": "state", "floor": 1},
        {"name": "coast", "each": "coast", "floor": 1},
    ],
    "floors in caps": [{"name": "hold", "floor": 1}, {"name": "state", "each": "state", "cap": 1}],
    "a wish beside": [{"name": "hold", "floor": 1}, {"name": "share", "of": "share", "cap": 0.1, "mode": "prefer"}],
}


@pytest.mark.parametrize("name", TAKEN)
def test_rules_that_take_all_that_there_is_are_exact_for_both(name, tmp_path, capfd):
    """Everybody is to have what it had, to the cent, and no more cents are there."""
    for seed in range(4):
        rng = np.random.default_rng(seed)
        frame = regions(rng, 12, zeros=0.2 * (seed % 3 == 0))
        past = history(frame, rng)
        rules = [{"kind": "limit", "of": "previous", **rule} for rule in TAKEN[name]]
        cents = round(sum(map(Fraction, past["amount"].map(str))) * 100)
        found = Fund(parse_policy(policy(rules, fund={"supply": cents / 100})), frame, past)
        folder = written(found, tmp_path / "out")
        assert verify(folder).gap == 0
        assert not rejected(folder)
        assert "exact optimum" in capfd.readouterr().out


def test_all_ways_to_round_and_to_supply_are_accepted(tmp_path):
    rules = [
        {"kind": "limit", "name": "states", "each": "state", "of": "entitlement", "floor": 0.97},
        {"kind": "limit", "name": "cap", "of": "share", "cap": 0.3},
    ]
    rate = [{"name": "a", "rate": 10, "measure": "population * need"}]
    heads = [{"kind": "limit", "name": "floor", "of": "head", "floor": 20}]
    narrow = [{"kind": "limit", "name": "floor", "of": "share", "floor": 0.03, "cap": 0.3}]
    cases = [
        *((rules, {"rounding": method, "supply": supply, "lot": 1}) for method in METHODS for supply in (60, 5000)),
        (narrow, {"supply": 100, "lot": 10}),  # no whole lots keep it
        (heads, {"supply": "open", "criteria": rate}),
        (heads, {"supply": "open", "criteria": rate, "lot": 1000, "rounding": "webster"}),
        (heads, {"arrears": 0.5}),
        (heads, {"lot": 0.0001}),  # of which doubles do not hold the last digits
        ([], {"supply": 2 * SUPPLY, "criteria": rate, "reserve": 0.03, "where": "coast == 'east'"}),
    ]
    for given, more in cases:
        assert not rejected(written(Fund(parse_policy(policy(given, fund=more)), *data(1)), tmp_path / "out")), more


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    return list(published(tmp_path_factory.mktemp("published")))


@pytest.mark.parametrize("falsify", FALSE, ids=lambda f: f.__name__)
def test_what_is_falsified_is_found_unless_it_is_listed(falsify, folders, tmp_path):
    tried, unseen = 0, set()
    for folder in folders:
        for seed in range(6):
            it = Folder(folder)
            if falsify(it, random.Random(seed)):
                tried += 1
                if not rejected(it.write(tmp_path / "false")):
                    missed = differences(Folder(folder), it)
                    same_label = {"certificate.round", "summary.round"}  # of both, as if decided for another round
                    assert missed <= UNSEEN or missed == same_label, (folder.name, seed, missed)
                    unseen.add((folder, seed))
    assert tried >= 30
    assert bool(unseen) == (falsify.__name__ in PARTLY | NEVER)
    assert (len(unseen) == tried) == (falsify.__name__ in NEVER)


def test_where_equations_are_too_many_weak_duality_decides(tmp_path, monkeypatch, capfd):
    monkeypatch.setattr("fundalloc.exact.ROWS", 0)
    near = 0
    for seed in range(6):
        folder = written(fund(seed, 30), tmp_path / "out")
        exact = Folder(folder).certificate["optimum"]["exact"]
        assert not rejected(folder)
        near += "to 1e-9" in capfd.readouterr().out
        it = Folder(folder)
        supplies = it.certificate["optimum"]["supplies"]

        def refused(change: float, many: int) -> bool:
            monkeypatch.setitem(main.__globals__, "MANY", many)
            it.certificate["optimum"]["supplies"] = [v * (1 + change) for v in supplies]  # noqa: B023
            return rejected(it.write(tmp_path / "false"))  # noqa: B023

        assert refused(1e-3, 400) and (exact or refused(1e-3, -1))
        # of more equations less is asked
        assert exact or any(refused(change, 400) and not refused(change, -1) for change in (1e-6, 1e-5, 1e-4))
    assert near >= 3


def test_the_command_says_what_it_found(tmp_path):
    folder = written(fund(7, 10), tmp_path / "out")
    for content, code in ((None, 0), (b"[]", 6), (b'{"fundalloc": {"certificate": 9}}', 6), (b"\xff", 6)):
        if content is not None:
            (folder / "certificate.json").write_bytes(content)
        done = subprocess.run([sys.executable, "-I", SCRIPT, folder], capture_output=True, text=True, check=False)
        assert done.returncode == code
        assert ("Not checked" in done.stdout) == (code == 0)
        assert done.stderr.startswith("Difference: ") == (code == 6)
        assert len(done.stderr.splitlines()) == (code == 6)
