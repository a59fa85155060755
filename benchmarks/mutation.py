"""Mutates single places of the core and counts the mutants that the tests find.

    python benchmarks/mutation.py [modules] [--sample 40] [--seed 1 2] [--budget 20] [--only FILE]

The tests that concern a module run on a copy, those that reach the changed statement first, of these the fastest (one
that found k mutants counts as k + 1 times as fast), as many as take no more seconds of the processor than the budget.
A mutant that hangs is found. --only: survivors as printed, which alone are tried again.
"""

from __future__ import annotations

import argparse
import ast
import builtins
import compileall
import difflib
import importlib
import itertools
import json
import os
import random
import resource
import shutil
import signal
import sys
import tempfile
import time
from collections import Counter, defaultdict
from pathlib import Path

MEASURES = ["curves", "fairness_rules", "objectives_beside_curves", "pooling", "exact", "laws_of_rules", "verification"]
RULES = ["rules", "fairness_rules", "preferred_rules", "laws_of_rules", "prices", "conflicts", "rounding"]
STATED = ["base", "comparison", "inequality", "limit", "link", "places", "progressive", "rows"]
TESTS = {f"rules/{name}": RULES for name in STATED}
TESTS |= {f"rules/{name}": MEASURES for name in ("curve", "kinked", "ratio", "smooth", "spread")}
TESTS |= {name: ["verification"] for name in ("certificate", "differences", "rebuilding")}
TESTS["verification"] = ["verification", "beside", "grounds", "language"]
TESTS |= {name: ["rounding", "lots", "exact", "laws", "verification"] for name in ("rounding", "lots")}
TESTS |= {name: ["exact", "verification"] for name in ("exact", "equations", "whole")}
TESTS |= {
    name: ["value_proofs", "level_proofs", "verification"] for name in ("value_proofs", "level_proofs", "proving")
}
TESTS |= {name: ["key", "arrears", "rounding", "command_line"] for name in ("entitlements", "key")}
MONITOR = "alerts balance convergence course coverage disparity drift figures growth net phrases remedy trend watched"
TESTS |= {f"monitors/{name}": ["monitor", "monitor_alarms"] for name in MONITOR.split()}
TESTS["indices"] = ["indices"]
TESTS["polish"] = ["polish", "program", "exact", "laws", "fairness_rules", "prices", "laws_of_rules"]
#: these take minutes
SLOW = "every_objective"
#: what takes so many times the seconds of the processor by the clock hangs, however busy the machine is
PATIENCE = 20
#: what pytest ends with where there is nothing to run
NO_TESTS = 5
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


def places(node, line=0):
    """The nodes that may change, behind the line of their statement: no annotations, decorators, texts or messages."""
    line = node.lineno if isinstance(node, ast.stmt) else line
    yield line, node
    for name, value in ast.iter_fields(node):
        if name in ("annotation", "returns", "decorator_list") or isinstance(node, ast.JoinedStr):
            continue
        for child in value if isinstance(value, list) else [value]:
            if isinstance(child, ast.AST):
                yield from places(child, line)


def mutants(text):
    """Every mutant of a source, as text, and the line of the statement that is changed."""
    raw = text.encode()
    starts = list(itertools.accumulate((len(line) + 1 for line in raw.split(b"\n")), initial=0))
    for line, node in places(ast.parse(text)):
        for other in others(node):
            a, b = starts[node.lineno - 1] + node.col_offset, starts[node.end_lineno - 1] + node.end_col_offset
            yield (raw[:a] + other.encode() + raw[b:]).decode(), line


def marked(module, text):
    """A source that puts each statement of its functions that is reached into the set `reached` of builtins."""
    tree = ast.parse(text)
    for block in [n for f in ast.walk(tree) if isinstance(f, ast.FunctionDef) for n in ast.walk(f)]:
        for field in ("body", "orelse", "finalbody"):
            if isinstance(found := getattr(block, field, None), list) and "reached" not in ast.unparse(found[:1]):
                marks = [ast.parse(f"reached.add(({module!r}, {s.lineno}))").body[0] for s in found]
                setattr(block, field, [x for pair in zip(marks, found, strict=True) for x in pair])
    at = sum(isinstance(n, ast.Expr) or getattr(n, "module", "") == "__future__" for n in tree.body[:2])
    tree.body.insert(at, ast.parse("reached = __import__('builtins').__dict__.setdefault('reached', set())").body[0])
    return ast.unparse(ast.fix_missing_locations(tree))


def shown(module, text, mutant):
    """The lines that differ, behind their place."""
    found = list(difflib.unified_diff(text.splitlines(), mutant.splitlines(), n=0, lineterm=""))[2:]
    line = found[0].split()[1].split(",")[0].strip("-")
    return f"{module}:{line}: " + " ".join(f"{x[0]} {x[1:].strip()}" for x in found if x[0] in "+-")


class Watch:
    """Puts tests in order, leaves out those beyond the seconds to spend, and writes down what happened.

    reaching: the tests that go before others.
    """

    def __init__(self, reaching, known, killers, budget):
        self.reaching, self.known, self.killers, self.budget = reaching, known, killers, budget
        self.seconds, self.reached, self.failed = {}, {}, None

    def pytest_collection_modifyitems(self, items):
        quick = {i: self.known.get(i.nodeid, 0) / (1 + self.killers[i.nodeid]) for i in items}
        items.sort(key=lambda i: (i.nodeid not in self.reaching, quick[i]))
        left, some = self.budget, []
        for item in items:
            if SLOW not in item.nodeid and (seconds := self.known.get(item.nodeid, 0)) <= left:
                left -= seconds
                some.append(item)
        items[:] = some

    def pytest_runtest_logstart(self, nodeid):
        self.seconds[nodeid] = -sum(os.times()[:4])

    def pytest_runtest_logreport(self, report):
        if report.failed and not self.failed:
            self.failed = report.nodeid

    def pytest_runtest_logfinish(self, nodeid):
        self.seconds[nodeid] += sum(os.times()[:4])
        places = vars(builtins).get("reached", set())
        self.reached[nodeid] = sorted(places)
        places.clear()


def tested(tree, names, watch, timeout):
    """Runs tests in a process of their own: the first that failed, the seconds of each, and what each reached."""
    out = tree / "found.json"
    out.unlink(missing_ok=True)
    files = [f for f in (f"tests/test_{name}.py" for name in names) if (tree / f).exists()]
    child = os.fork()
    if child == 0:
        os.setsid()
        resource.setrlimit(resource.RLIMIT_CPU, (timeout, timeout))
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        os.dup2(1, 2)
        os.chdir(tree)
        sys.path.insert(0, str(tree))
        status = importlib.import_module("pytest").main([*ARGUMENTS, *files], [watch])
        failed = watch.failed or (f"exit {status}" if status not in (0, NO_TESTS) else None)
        out.write_text(json.dumps([failed, watch.seconds, watch.reached]))
        os._exit(0)
    end = time.monotonic() + PATIENCE * timeout
    while os.waitpid(child, os.WNOHANG) == (0, 0):
        if time.monotonic() > end:
            os.killpg(child, signal.SIGKILL)
            os.waitpid(child, 0)
            return "timeout", {}, {}
        time.sleep(0.02)
    return json.loads(out.read_text()) if out.exists() else ("crash", {}, {})


def reached(tree, modules, names):
    """Runs tests as they are: the seconds of each, and which reach a statement of the modules."""
    texts = {m: (tree / f"fundalloc/{m}.py").read_text(encoding="utf-8") for m in modules}
    for module, text in texts.items():
        (tree / f"fundalloc/{module}.py").write_text(marked(module, text), encoding="utf-8")
    compileall.compile_dir(tree / "fundalloc", quiet=1)
    failed, known, found = tested(tree, names, Watch((), {}, Counter(), 1e9), 1800)
    assert failed is None, failed
    for module, text in texts.items():
        (tree / f"fundalloc/{module}.py").write_text(text, encoding="utf-8")
    compileall.compile_dir(tree / "fundalloc", quiet=1)
    reaching = defaultdict(set)
    for test, there in found.items():
        for module, line in there:
            reaching[module, line].add(test)
    return known, reaching


def measured(tree, module, seed, known, reaching, asked, only):
    """Tries mutants of a module: how many, and those that survive, as they are printed."""
    file = tree / f"fundalloc/{module}.py"
    text, killers, survivors = file.read_text(encoding="utf-8"), Counter(), []
    lines = {m: at for m, at in mutants(text) if m != text and (only is None or shown(module, text, m) in only)}
    drawn = random.Random(f"{seed} {module}").sample(sorted(lines), min(asked.sample, len(lines)))
    for mutant in drawn:
        for cached in (file.parent / "__pycache__").glob(f"{file.stem}.*.pyc"):
            cached.unlink()
        file.write_text(mutant, encoding="utf-8")
        watch = Watch(reaching[module, lines[mutant]], known, killers, asked.budget)
        killer, *_ = tested(tree, TESTS[module], watch, int(3 * asked.budget) + 20)
        if killer is None:
            survivors.append(shown(module, text, mutant))
        elif "::" in killer:
            killers[killer] += 1
    file.write_text(text, encoding="utf-8")
    return len(drawn), survivors


def copied():
    """A copy of the code and its tests, on the path."""
    os.environ |= {"PYTHONDONTWRITEBYTECODE": "1", "OPENBLAS_NUM_THREADS": "1"}
    for name in HEAVY.split():
        importlib.import_module(name)
    tree = Path(tempfile.mkdtemp())
    leave = shutil.ignore_patterns(".*", "__pycache__", "out", "dist", "build")
    shutil.copytree(Path(__file__).parents[1], tree, dirs_exist_ok=True, ignore=leave)
    os.environ["PYTHONPATH"] = str(tree)
    return tree


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("modules", nargs="*", default=list(TESTS), metavar="module")
    parser.add_argument("--sample", type=int, default=40)
    parser.add_argument("--seed", type=int, nargs="+", default=[1])
    parser.add_argument("--budget", type=float, default=20.0)
    parser.add_argument("--only", type=Path)
    asked = parser.parse_args()
    only = set(asked.only.read_text().splitlines()) if asked.only else None
    tree = copied()
    known, reaching = reached(tree, asked.modules, sorted({t for m in asked.modules for t in TESTS[m]}))
    for module, seed in itertools.product(asked.modules, asked.seed):
        count, survivors = measured(tree, module, seed, known, reaching, asked, only)
        found = f"{count} mutants, {count - len(survivors)} found"
        print(f"# {module}, seed {seed}: {found}", *survivors, sep="\n", flush=True)
    shutil.rmtree(tree)


if __name__ == "__main__":
    main()
