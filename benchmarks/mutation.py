"""Mutates single places of the core and counts the mutants that the tests find.

    python benchmarks/mutation.py [modules] [--sample 40] [--seed 1] [--budget 20] [--only FILE]

The tests that concern a module run on a copy, those that found most first, then those named like it, then the fastest,
as many as take no more seconds than the budget. A mutant that hangs is found. --only: survivors as printed, which alone
are tried again.
"""

from __future__ import annotations

import argparse
import ast
import compileall
import difflib
import importlib
import itertools
import json
import os
import random
import shutil
import signal
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

MEASURES = ["curves", "fairness_rules", "pooling", "exact", "laws_of_rules", "verification"]
RULES = ["rules", "fairness_rules", "preferred_rules", "laws_of_rules", "prices", "conflicts", "rounding"]
STATED = ["base", "comparison", "inequality", "limit", "link", "places", "progressive", "rows"]
TESTS = {f"rules/{name}": RULES for name in STATED}
TESTS |= {f"rules/{name}": MEASURES for name in ("curve", "kinked", "ratio", "smooth", "spread")}
TESTS |= {name: ["verification"] for name in ("certificate", "verification", "differences", "rebuilding")}
TESTS |= {name: ["rounding", "exact", "laws", "verification"] for name in ("rounding", "lots")}
TESTS |= {name: ["exact", "verification"] for name in ("exact", "equations")}
TESTS |= {name: ["key", "arrears", "rounding", "command_line"] for name in ("entitlements", "key")}
MONITOR = "alerts balance convergence course coverage disparity drift figures growth net phrases remedy trend watched"
TESTS |= {f"monitors/{name}": ["monitor", "monitor_alarms"] for name in MONITOR.split()}
TESTS["indices"] = ["indices"]
TESTS["polish"] = ["program", "exact", "laws", "fairness_rules", "prices", "laws_of_rules"]
#: these take minutes
SLOW = "every_objective"
ARGUMENTS = ["-x", "-q", "-n0", "-p", "no:cacheprovider", "-W", "ignore::pytest.PytestAssertRewriteWarning"]
HEAVY = "pytest numpy pandas scipy.sparse.linalg scipy.optimize pyomo.environ highspy cvxpy hypothesis pydantic"
SIGNS = "Lt:LtE GtE|LtE:Lt Gt|Gt:GtE LtE|GtE:Gt Lt|Eq:NotEq|NotEq:Eq|Is:IsNot|IsNot:Is|In:NotIn|NotIn:In|And:Or|Or:And"
SIGNS += "|Add:Sub|Sub:Add|Mult:Div|Div:Mult|FloorDiv:Mult|Pow:Mult|Mod:Mult|MatMult:Mult|BitAnd:BitOr|BitOr:BitAnd"
SWAPS = {
    one: [getattr(ast, o)() for o in rest.split()] for one, _, rest in (s.partition(":") for s in SIGNS.split("|"))
}
NAMES = {"min": "max", "any": "all", "floor": "ceil", "minimum": "maximum", "argmin": "argmax", "nanmin": "nanmax"}
NAMES |= {b: a for a, b in NAMES.items()} | {"abs": ""}


def changed(node, **fields):
    """A copy of a node with other fields, as text."""
    return f"({ast.unparse(type(node)(**{**dict(ast.iter_fields(node)), **fields}))})"


def others(node):
    """What could stand in place of a node."""
    match node:
        case ast.Compare(ops=[sign]):
            return [changed(node, ops=[o]) for o in SWAPS[type(sign).__name__]]
        case ast.BinOp(op=sign) | ast.BoolOp(op=sign):
            return [changed(node, op=o) for o in SWAPS.get(type(sign).__name__, [])]
        case ast.UnaryOp(op=ast.Not() | ast.USub() | ast.Invert(), operand=one):
            return [f"({ast.unparse(one)})"]
        case ast.IfExp(body=one, orelse=two):
            return [f"({ast.unparse(one)})", f"({ast.unparse(two)})"]
        case ast.Constant(value=bool() as value):
            return [str(not value)]
        case ast.Constant(value=int() | float() as value):
            return [repr(value + 1 if value in (0, 1) else value * 2)]
        case ast.Name(id=name) if name in NAMES:
            return [NAMES[name]]
        case ast.Attribute(value=of, attr=name) if name in NAMES:
            return [f"{ast.unparse(of)}.{NAMES[name]}"]
        case ast.Return(value=ast.expr()):
            return ["return None"]
        case ast.AugAssign() | ast.Raise() | ast.Continue() | ast.Break() | ast.Expr(value=ast.Call()):
            return ["pass"]
    return []


def places(node):
    """The nodes that may change: no annotations, decorators, texts or messages."""
    yield node
    for name, value in ast.iter_fields(node):
        if name in ("annotation", "returns", "decorator_list") or isinstance(node, ast.JoinedStr):
            continue
        for child in value if isinstance(value, list) else [value]:
            if isinstance(child, ast.AST):
                yield from places(child)


def mutants(text):
    """Every mutant of a source, as text."""
    raw = text.encode()
    starts = list(itertools.accumulate((len(line) + 1 for line in raw.split(b"\n")), initial=0))
    for node in places(ast.parse(text)):
        for other in others(node):
            a, b = starts[node.lineno - 1] + node.col_offset, starts[node.end_lineno - 1] + node.end_col_offset
            yield (raw[:a] + other.encode() + raw[b:]).decode()


def shown(module, text, mutant):
    """The lines that differ, behind their place."""
    found = list(difflib.unified_diff(text.splitlines(), mutant.splitlines(), n=0, lineterm=""))[2:]
    line = found[0].split()[1].split(",")[0].strip("-")
    return f"{module}:{line}: " + " ".join(f"{x[0]} {x[1:].strip()}" for x in found if x[0] in "+-")


class Watch:
    """Puts tests in order, leaves out those beyond the seconds to spend, and writes down which failed.

    word: the tests that have it in their name go before others.
    """

    def __init__(self, word, known, killers, budget):
        self.word, self.known, self.killers, self.budget = word, known, killers, budget
        self.seconds, self.failed = {}, None

    def pytest_collection_modifyitems(self, items):
        items.sort(key=lambda i: (-self.killers[i.nodeid], self.word not in i.nodeid, self.known.get(i.nodeid, 0)))
        spent = itertools.accumulate(self.known.get(i.nodeid, 0) for i in items)
        items[:] = [i for i, s in zip(items, spent, strict=True) if s <= self.budget and SLOW not in i.nodeid]

    def pytest_runtest_logreport(self, report):
        self.seconds[report.nodeid] = self.seconds.get(report.nodeid, 0) + report.duration
        if report.failed and not self.failed:
            self.failed = report.nodeid


def tested(tree, names, watch, timeout):
    """Runs tests in a process of their own: the first that failed, and the seconds of each."""
    out = tree / "found.json"
    out.unlink(missing_ok=True)
    files = [f for f in (f"tests/test_{name}.py" for name in names) if (tree / f).exists()]
    child = os.fork()
    if child == 0:
        os.setsid()
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        os.dup2(1, 2)
        os.chdir(tree)
        sys.path.insert(0, str(tree))
        status = importlib.import_module("pytest").main([*ARGUMENTS, *files], [watch])
        out.write_text(json.dumps([watch.failed or (f"exit {status}" if status else None), watch.seconds]))
        os._exit(0)
    end = time.monotonic() + timeout
    while os.waitpid(child, os.WNOHANG) == (0, 0):
        if time.monotonic() > end:
            os.killpg(child, signal.SIGKILL)
            os.waitpid(child, 0)
            return "timeout", {}
        time.sleep(0.02)
    return json.loads(out.read_text()) if out.exists() else ("crash", {})


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("modules", nargs="*", default=list(TESTS), metavar="module")
    parser.add_argument("--sample", type=int, default=40)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--budget", type=float, default=20.0)
    parser.add_argument("--only", type=Path)
    asked = parser.parse_args()
    os.environ |= {"PYTHONDONTWRITEBYTECODE": "1", "OPENBLAS_NUM_THREADS": "1"}
    for name in HEAVY.split():
        importlib.import_module(name)
    only = set(asked.only.read_text().splitlines()) if asked.only else None
    tree = Path(tempfile.mkdtemp())
    leave = shutil.ignore_patterns(".*", "__pycache__", "out", "dist", "build")
    shutil.copytree(Path(__file__).parents[1], tree, dirs_exist_ok=True, ignore=leave)
    os.environ["PYTHONPATH"] = str(tree)
    compileall.compile_dir(tree / "fundalloc", quiet=1)
    failed, known = tested(
        tree, sorted({t for m in asked.modules for t in TESTS[m]}), Watch("", {}, Counter(), 1e9), 1800
    )
    assert failed is None, failed
    for module in asked.modules:
        file = tree / f"fundalloc/{module}.py"
        text, killers, survivors = file.read_text(encoding="utf-8"), Counter(), []
        drawn = sorted({m for m in mutants(text) if m != text and (only is None or shown(module, text, m) in only)})
        drawn = random.Random(f"{asked.seed} {module}").sample(drawn, min(asked.sample, len(drawn)))
        for mutant in drawn:
            for cached in (file.parent / "__pycache__").glob(f"{file.stem}.*.pyc"):
                cached.unlink()
            file.write_text(mutant, encoding="utf-8")
            watch = Watch(file.stem, known, killers, asked.budget)
            killer, _ = tested(tree, TESTS[module], watch, 3 * asked.budget + 20)
            if killer is None:
                survivors.append(shown(module, text, mutant))
            elif "::" in killer:
                killers[killer] += 1
        file.write_text(text, encoding="utf-8")
        print(
            f"# {module}: {len(drawn)} mutants, {len(drawn) - len(survivors)} found", *survivors, sep="\n", flush=True
        )
    shutil.rmtree(tree)


if __name__ == "__main__":
    main()
