"""How the code is kept: layers, one place for each tool, one public surface, light start."""

from __future__ import annotations

import ast
import inspect
import subprocess
import sys
from pathlib import Path

import pytest

import fundalloc
from fundalloc.cli.app import HOMES

PACKAGE = Path(fundalloc.__file__).parent
LAYERS = (
    "postponed sparse language errors ceilings characters reported intake interrupts locks replacing flags rounds "
    "sources draws inequality holding pooling numerals tables workbooks spreadsheets files roster regions history "
    "succession ledger aggregates orders influence shapes taken beside ondemand",
    "foreign expressions scope indices likeness problem",
    "rules objectives utility arrears accounts adjustments arrival claims key entitlements events amendment "
    "goals growth outlook letterhead uncertainty",
    "policy system findings monitors posed thresholds",
    "program arrays dual highs solve optimum polish equations whole exact attempts bending standing tangents gains "
    "soft level_prices level_proofs value_proofs levels squares pieces interior faces unfolding ends curved_levels "
    "concessions elimination alpha_fair worths benefit market curved_market choice multipliers evenest shifts",
    "decided lots reasons conflicts lowest yielding concession_prices prices shapley accounting rounding remarks",
    "decision assured explain certificate differences cliffs contrasts spreads",
    "report shipped",
    "allocation fund loading amounts reproduction rebuilding grounds proving verdict verification recording amending "
    "monitoring "
    "causes mixtures change cause_words change_words precedent planned horizon projection notices candidates "
    "comparison weights lottery sensitivity deviations courses retrospect earlier looking requiring reissuing blame "
    "batching "
    "retelling",
    "cli",
)
LEVEL = {name: k for k, names in enumerate(LAYERS) for name in names.split()}
ONE_PLACE = {
    "pyomo": {"program"},
    "highspy": {"highs"},
    "typer": {"cli"},
    "rich": {"cli"},
    "jinja2": {"report"},
    "altair": {"report"},
    "vl_convert": {"report"},
    "xlsxwriter": {"report"},
    "weasyprint": {"report"},
    "scipy.sparse": {"sparse"},
}
FILES = sorted(PACKAGE.rglob("*.py"))


def module(file: Path) -> str:
    """The name of a module or package right under fundalloc that a file belongs to."""
    return file.relative_to(PACKAGE).parts[0].removesuffix(".py")


def imported(file: Path) -> set[str]:
    """Every module that a file imports, inside functions too."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {name.name for name in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{file}: relative import"
            found.add(str(node.module))
            found |= {f"{node.module}.{name.name}" for name in node.names}
    return found


def test_every_module_has_a_layer():
    assert {module(f) for f in FILES} - {"__init__", "__main__"} == set(LEVEL)


@pytest.mark.parametrize("file", FILES, ids=lambda f: str(f.relative_to(PACKAGE)))
def test_imports_run_downwards_only(file):
    if module(file) in ("__init__", "__main__"):
        return
    own = module(file)
    for name in imported(file):
        parts = name.split(".")
        if parts[0] == "fundalloc" and len(parts) > 1 and parts[1] != own:
            assert LEVEL[parts[1]] <= LEVEL[own], f"{own} imports {parts[1]}"


def test_no_circles():
    uses = {name: set() for name in LEVEL}
    for file in FILES:
        if module(file) in LEVEL:
            parts = [n.split(".") for n in imported(file)]
            uses[module(file)] |= {p[1] for p in parts if p[0] == "fundalloc" and len(p) > 1} - {module(file)}
    while uses:
        free = [name for name, needs in uses.items() if not needs & set(uses)]
        assert free, f"a circle among {sorted(uses)}"
        for name in free:
            del uses[name]


@pytest.mark.parametrize("tool", ONE_PLACE)
def test_every_tool_has_one_place(tool):
    users = {module(f) for f in FILES if any(tool in (n, n.split(".")[0]) for n in imported(f))}
    assert users == ONE_PLACE[tool]


def test_files_are_not_long():
    assert [f.name for f in FILES if len(f.read_text(encoding="utf-8").splitlines()) > 310] == []


def test_the_public_surface():
    assert fundalloc.__all__ == [
        "Allocation",
        "Comparison",
        "ConflictError",
        "Deviations",
        "DifferenceError",
        "Fault",
        "Finding",
        "Flag",
        "Fund",
        "FundallocError",
        "InputError",
        "Ledger",
        "LedgerError",
        "Plan",
        "Policy",
        "Sensitivity",
        "SolverError",
        "amend",
        "audit",
        "batch",
        "changes",
        "compare",
        "deviate",
        "load",
        "monitor",
        "plan",
        "record",
        "shake",
    ]
    assert set(fundalloc.__all__) == set(dir(fundalloc))
    for name in fundalloc.__all__:
        assert getattr(fundalloc, name).__name__ == name
    with pytest.raises(AttributeError, match="no attribute 'Allocations'"):
        _ = fundalloc.Allocations


def test_the_names_of_the_library():
    names = {"table", "steps", "rules", "flags", "summary", "sheets", "explain", "write", "decision", "policy"}
    assert {n for n in vars(fundalloc.Allocation) if not n.startswith("_")} | {"decision", "policy"} == names
    assert {n for n in vars(fundalloc.Fund) if not n.startswith("_")} == {
        "regions",
        "history",
        "problem",
        "rows",
        "at",
        "describe",
        "model",
        "allocate",
        "tables",
        "inputs",
    }


def test_public_docstrings():
    for name in fundalloc.__all__:
        thing = getattr(fundalloc, name)
        assert thing.__doc__ and not thing.__doc__.startswith(f"{name}("), name
        for part, member in vars(thing).items() if inspect.isclass(thing) else []:
            if not part.startswith("_") and callable(member):
                assert member.__doc__, f"{name}.{part}"


def loaded(*arguments: str) -> set[str]:
    """The modules that a command has loaded at its end, in a process of its own; it has to end well."""
    code = (
        "import sys; from fundalloc.cli.app import run; end = run(sys.argv[1:]); "
        "print(end, *sys.modules, file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", code, *arguments], capture_output=True, text=True, check=True)
    end, *modules = done.stderr.splitlines()[-1].split()
    assert end == "0"
    return set(modules)


@pytest.mark.parametrize(
    "arguments",
    [
        ["--help"],
        ["--version"],
        ["schema"],
        ["allocate", "--help"],
        ["check", "--help"],
        ["plan", "--help"],
        ["notices", "--help"],
        ["compare", "--help"],
        ["batch", "--help"],
    ],
)
def test_help_version_and_schema_load_neither_pandas_nor_pyomo(arguments):
    assert not loaded(*arguments) & {"pandas", "pyomo", "highspy"}


@pytest.mark.parametrize("name", HOMES)
def test_a_command_loads_no_other_one(name):
    modules = loaded(name, "--help")
    assert {home for home in HOMES.values() if f"fundalloc.cli.{home}" in modules} == {HOMES[name]}


def test_the_main_job_does_not_load_pandas(tmp_path):
    assert "pandas" not in loaded("demo", "-o", str(tmp_path / "out"))


def test_the_main_job_does_not_load_the_large_modules_that_others_ask_for(tmp_path):
    code = (
        "import sys, fundalloc.loading; early = [m for m in ('scipy.stats', 'numpy.f2py') if m in sys.modules]; "
        "from scipy.stats import norm; from scipy.spatial.distance import euclidean; import scipy.integrate; "
        "import pyomo.common.dependencies as d, numpy as np, numpy.testing as t; t.assert_equal(np.testing, t); "
        "print(early, np.f2py.__name__, norm.cdf(0.0), "
        "d.scipy.stats.norm.cdf(0.0), d.scipy.integrate.quad(lambda x: x, 0, 2)[0])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[] numpy.f2py 0.5 0.5 2.0\n"


def test_a_postponed_module_is_there_when_it_is_asked_for_inside_the_block():
    code = (
        "import sys; from fundalloc.postponed import postponed\n"
        "with postponed('json', 'xml.dom'):\n"
        "    import json, xml.dom\n"
        "    from xml.dom.minidom import parseString\n"
        "    assert json.dumps([1]) == '[1]'\n"
        "assert 'json' in sys.modules and sys.modules['json'].loads('2') == 2\n"
        "import xml\n"
        "with postponed('xml.sax'):\n"
        "    from xml import sax\n"
        "assert 'sax' not in vars(xml) and sax.make_parser()\n"
        "import xml.sax; assert 'make_parser' in vars(xml.sax)\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
