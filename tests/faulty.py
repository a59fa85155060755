"""Faulty inputs of every kind: the files and the command that reads them; all else about them is in order."""

from __future__ import annotations

import io
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pandas as pd
import xlsxwriter

import fundalloc as fa
from fundalloc.policy import parse_policy

#: a command line, or what is done with the library
Deed = list[str] | Callable[[], Any]

POLICY = """
format = 1
fund = { title = "T", round = "2024" }
[regions]
file = "regions.csv"
id = "id"
name = "name"
round = "round"
groups = ["g"]
population = "population"
[history]
file = "history.csv"
[measures]
heads = "population * 2"
[resources.fund]
supply = 100
unit = "CNY"
lot = 0.01
criteria = [{ name = "need", weight = 1, measure = "need" }]
[[rules]]
kind = "limit"
name = "floor"
of = "head"
floor = 0.1
mode = "prefer"
"""
REGIONS = "round,id,name,g,population,need\n2023,a,A,x,1,2\n2023,b,B,y,2,3\n2024,a,A,x,1,2\n2024,b,B,y,2,3\n"
HISTORY = "round,region_id,resource,entitlement,amount\n2023,a,fund,40,40\n2023,b,fund,60,60\n"
FILES = {"policy.toml": POLICY, "regions.csv": REGIONS, "history.csv": HISTORY}
CHECK = ["check", "policy.toml"]
#: a policy with every section
FULL = """format = 1
[fund]
title = "T"
round = "2024"
reference = "r"
[regions]
file = "regions.csv"
id = "id"
name = "name"
names = { zh = "zh" }
round = "round"
groups = ["g"]
population = "population"
missing = { need = "last_round", gdp = 3 }
columns = { a_b = "a b" }
decimal = ","
thousands = "."
missing_marks = ["n/a"]
[history]
file = "h.csv"
mapping = "m.csv"
[measures]
one = "population * 2"
[indices.dev]
normalise = "minmax"
aggregate = "arithmetic"
weights = "given"
indicators = [{ name = "i", measure = "need", weight = 1, higher_is = "better", goalposts = [0, 1] }]
[resources.fund]
supply = { 2023 = 90, 2024 = 100.5 }
unit = "CNY"
lot = 0.01
reserve = 0.1
where = "population > 1"
rounding = "webster"
arrears = 0.5
contribution = "need"
value = "1"
criteria = [
    { name = "need", weight = 1, measure = "need", why = "w" },
    { name = "r", rate = { 2024 = 2 }, measure = "population" },
]
adjustments = [{ name = "adj", amounts = { a = 5 }, from = "2023", until = "2025", melts = 0.1, cap = 10, why = "w" }]
[resources.land]
supply = 10
lot = 1
claims = { measure = "need", rule = "talmud" }
[objective]
kind = "alpha_fair"
alpha = 2
[monitor]
coverage = 0.9
rounds = 3
allowance = 0.5
development = "need"
cliffs = 5
[[rules]]
kind = "limit"
name = "l"
mode = "require"
resource = "fund"
of = "head"
each = "g"
where = "need > 0"
floor = 0.5
cap = { 2024 = 2 }
over = 1
from = "2023"
until = "2025"
or_nothing = false
why = "w"
reference = "r"
[[rules]]
kind = "inequality"
name = "i"
measure = "gini"
at_most = 0.3
aversion = 1
each = "region"
[[rules]]
kind = "progressive"
name = "p"
by = "need"
[[rules]]
kind = "link"
name = "k"
resource = "fund"
to = "land"
of = "share"
floor = 0.9
cap = 1.1
[plan]
growth = { need = 0.1 }
supply = { fund = 0.02 }
goals = [{ name = "g", measure = "coverage", resource = "fund", each = "region", at_least = 0.9, through = ["l"] }]
[notices]
sender = "s"
deadline = "d"
[uncertainty]
need = 0.1
"""
#: values that most entries cannot have
ODD = ("x", -1, {"a": 1}, [])


def _syntax() -> Iterator[tuple[str, str]]:
    """Texts that are no TOML, one for each complaint of the parser."""
    yield from {
        "statement": "= 1",
        "newline": "a = 1 b = 2",
        "character": 'a = "x" # \x01',
        "string character": 'a = "\x01"',
        "twice": "[a.b]\n[a.b]",
        "overwritten": "a = 1\n[a.b]",
        "overwritten by an array": "a = 1\n[[a.b]]",
        "key twice": "a = 1\na = 2",
        "key below a value": "a = 1\na.b = 2",
        "inline overwritten": "a = { b = 1, b.c = 2 }",
        "frozen": "a = { b = 1 }\n[[a.c]]",
        "frozen key": "a = { b = 1 }\na.c = 2",
        "frozen inline": "a = { b = { c = 1 }, b.d = 2 }",
        "redefined": "[a.b]\n[a]\nb.c = 1",
        "bracket": "[a",
        "brackets": "[[a]",
        "equals": "a 1",
        "key part": "a.! = 1",
        "array": "a = [1 2]",
        "inline table": "a = { b = 1 c = 2 }",
        "inline twice": "a = { b = 1, b = 2 }",
        "escape": 'a = "\\q"',
        "escape over lines": 'a = """x \\ y"""',
        "hexadecimal": 'a = "\\u12"',
        "scalar": 'a = "\\ud800"',
        "open text": 'a = "x',
        "open lines": 'a = """x',
        "open literal": "a = 'x",
        "open literal lines": "a = '''x",
        "date": "a = 2023-02-30",
        "value": "a = @",
        "nothing": "a =",
        "long key": ".".join("a" * 30) + " = 1",
        "deep": "a = " + "[" * 5000,
        "long number": "a = " + "1" * 5000,
        "huge number": "a = 1e400",
        "huge power": "a = 1.0e9999999999999999999",
        "deep tables": "[" + ".".join("abcdefghijklmnopqrst") + "]\n[" + ".".join("abcdefghijklmnopqrstu") + ".v]",
        "half a character": 'a = "\\u0007"',
    }.items()


MEASURES = {
    "nothing": "",
    "unfinished": "population +",
    "unknown": "populaton",
    "function": "summ(population)",
    "arguments": "sum(population, 1)",
    "lag": "lag(population, 0)",
    "lag of a text": "lag(population, need)",
    "option": "sum(population, of = g)",
    "by a number": "sum(population, by = 3)",
    "by no group": "sum(population, by = need)",
    "text": "g",
    "text computed": "g + 1",
    "text compared": "g < 'x'",
    "no such label": "g == 'z'",
    "dot": "population.real",
    "list": "[population]",
    "brackets": "population[0]",
    "lambda": "lambda x: x",
    "if": "1 if population else 2",
    "walrus": "(a := 1)",
    "tuple": "population, need",
    "braces": "{1: 2}",
    "loop": "[x for x in need]",
    "f-text": "f'{need}'",
    "star": "sum(*need)",
    "await": "await need",
    "yield": "(yield)",
    "operator": "population % 2",
    "inverted": "~population",
    "in": "population in need",
    "true": "True",
    "bytes": "b'x'",
    "python word": "class + 1",
    "call of a call": "sum(need)(1)",
    "long": "1 + " * 5000 + "1",
    "deep": "-" * 300 + "need",
    "large": "1e999",
    "below zero": "0 - need",
    "no number": "need / (population - population)",
    "too large": "1e300 * need * 1e300",
    "zero": "0 * need",
    "entitlement": "entitlement",
    "itself": "key_of",
    "previous": "previous",
    "huge sum": "need * 1e308 / 2",
}


def _book(*rows: list[Any]) -> bytes:
    """A workbook with these rows; a text that begins with = is a formula that failed."""
    content = io.BytesIO()
    with xlsxwriter.Workbook(content, {"in_memory": True}) as book:
        sheet = book.add_worksheet()
        for k, row in enumerate(rows):
            for j, cell in enumerate(row):
                if isinstance(cell, str) and cell.startswith("="):
                    sheet.write_formula(k, j, cell, value="#DIV/0!")
                else:
                    sheet.write(k, j, cell)
    return content.getvalue()


SHEETS = {
    "text": b"no workbook",
    "nothing": b"",
    "cut": _book(["id"])[:700],
    "formula": _book(["id", "population", "need"], ["a", 1, "=1/0"], ["b", 2, 3]),
    "error value": _book(["id", "population", "need"], ["a", 1, "#N/A"], ["b", 2, 3]),
    "no rows": _book(["id", "population", "need"]),
    "cells": _book(["id", "population", "need"], ["a", "x", 1], ["b", -1, ""]),
    "no columns": _book(["id"], ["a"]),
}
TABLES = {
    "nothing": "",
    "no rows": "round,id,name,g,population,need\n",
    "no ids": "round,id,name,g,population,need\n2024,a,A,x,1,2\n2024,,B,y,2,3\n2024,a,C,y,2,3\n2024,,D,y,1,1\n",
    "alike": "round,id,name,g,population,need\n2024,ab,A,x,1,2\n2024,a\u200bb,B,y,2,3\n",
    "many without ids": "round,id,name,g,population,need\n" + "2024,,A,x,1,2\n" * 15,
    "no group": "round,id,name,g,population,need\n2024,a,A,,1,2\n",
    "no round": "round,id,name,g,population,need\n,a,A,x,1,2\n2024,b,A,x,1,2\n",
    "other round": "round,id,name,g,population,need\n2020,a,A,x,1,2\n",
    "no population": "round,id,name,g,population,need\n2024,a,A,x,,2\n2024,b,A,x,-3,2\n",
    "no column": "round,id,name,population,need\n2024,a,A,1,2\n",
    "cells": "round,id,name,g,population,need\n"
    '2024,a,A,x,5%,1\n2024,b,A,x,,x\n2024,c,A,x,-3,"1,234"\n2024,d,A,x,nan,N/A\n2024,e,A,x,1e999,7a\n'
    '2024,f,A,x,€5,8\n2024,g,A,x,"1.234,5",9\n2024,h,A,x,3,\n2024,i,A,x,12 345,4\n',
    "many cells": "round,id,name,g,population,need\n" + "".join(f"2024,r{k},A,x,1,q{k}\n" for k in range(20)),
    "many empty": "round,id,name,g,population,need\n" + "".join(f"2024,r{k},A,x,1,\n" for k in range(20)),
    "two ways": "round,id,name,g,population,need\n2024,a,A,x,1.234,1.234\n2024,b,A,x,1.234.567,2.222\n",
    "lines": "round,id,name,g,population,need\n2024\n2024,a,A,x,1,2,3,4\n",
    "many lines": "round,id,name,g,population,need\n" + "2024\n" * 20,
    "twice": "round,id,id,,need\n2024,a,b,x,1\n",
    "marks": "round,id,name,g,population,need\n2024,a\x01,A,x,1,2\n2024,b\x85,B,y,2,3\n",
    "many marks": "round,id,name,g,population,need\n" + "2024,a\x01,A,x,1,2\n" * 20,
    "open quotation mark": 'round,id,name,g,population,need\n2024,"a,A,x,1,2\n',
    "quotation mark inside": 'round,id,name,g,population,need\n2024,"a"b,A,x,1,2\n',
    "long cell": "round,id,name,g,population,need\n2024," + "a" * 140_000 + ",A,x,1,2\n",
    "wide": ",".join(f"c{k}" for k in range(17_000)) + "\n",
    "word": "round,id,name,g,population,need,sum\n2024,a,A,x,1,2,3\n",
    "packed": "indic,unit,geo\\time\t2020\nx,y,z\t1\n",
    "NUL": "round,id\0\n",
    "UTF-16": "round,id\n".encode("utf-16"),
    "Latin 1": "round,id,name\n2024,a,M\xfcller\n".encode("latin-1"),
}
HISTORIES = {
    "columns": "round,region,amount\n2023,a,1\n",
    "cells": "round,region_id,resource,entitlement,amount\n2023,a,fund,x,-4\n2023,b,fund,,5\n",
    "no ids": "round,region_id,resource,entitlement,amount\n2023,,fund,4,4\n",
    "twice": "round,region_id,resource,entitlement,amount\n2023,a,fund,4,4\n2023,a,fund,4,4\n",
}
MAPPINGS = {
    "columns": "round,region\n2024,a\n",
    "share": "round,region_id,becomes,share\n2024,a,b,2\n2024,b,a,x\n",
    "empty": "round,region_id,becomes,share\n,a,b,1\n2024,,b,1\n",
    "twice": "round,region_id,becomes,share\n2024,a,b,0.5\n2024,a,b,0.5\n",
    "sum": "round,region_id,becomes,share\n2024,a,a,0.5\n2024,a,b,0.4\n",
}
INDICATORS = {
    "columns": "round,id,neeed\n2025,a,3\n",
    "rounds": "round,id,need\n2040,a,3\n",
    "cells": "round,id,need\n2025,a,x\n",
    "no ids": "round,id,need\n2025,,3\n2025,a,1\n2025,a,2\n",
}
FIGURES = {
    "columns": "region,amount\na,1\n",
    "unknown": "region_id,resource,amount\nz,fund,1\na,land,2\n",
    "twice": "region_id,resource,amount\na,fund,1\na,fund,2\n",
    "empty": "region_id,resource,amount\na,fund,\nb,fund,x\n",
}


def _ring(*points: Any) -> str:
    return json.dumps(
        {
            "type": "FeatureCollection",
            "features": [
                {
                    "type": "Feature",
                    "properties": {"id": "a"},
                    "geometry": {"type": "Polygon", "coordinates": list(points)},
                }
            ],
        }
    )


SHAPES = {
    "no JSON": "{",
    "no features": '{"type": "FeatureCollection"}',
    "topology": '{"type": "Topology", "objects": {}}',
    "labels": _ring([[0, 0], [1, 1], [1, 0]]).replace('"a"', '"zz"'),
    "no labels": _ring([[0, 0], [1, 1], [1, 0]]).replace('{"id": "a"}', "{}"),
    "point": _ring([[0, 0]]).replace('"Polygon"', '"Point"'),
    "no pairs": _ring([["x", 0]]),
    "no list": _ring([1]),
    "no coordinates": _ring().replace('"coordinates"', '"at"'),
    "no polygon": _ring().replace('{"type": "Polygon", "coordinates": []}', "null"),
    "metres": _ring([[5e5, 4e6], [6e5, 4e6], [5e5, 5e6]]),
}
SETTINGS = {
    "no setting": "resources.fund.supply",
    "a value": "resources.fund.supply.x.y=1",
    "no item": "resources.fund.criteria.ned.weight=1",
    "unknown key": "resources.fund.suply=1",
    "weights": "resources.fund.criteria.need.weight=3",
    "below zero": "resources.fund.supply=-3",
    "lot": "resources.fund.lot=1e-300",
    "nobody": 'resources.fund.where="population > 99"',
    "supply": 'resources.fund.supply="need"',
    "no supply": "resources.fund.supply={2030=1}",
    "objective": "objective.kind=benefit",
    "value": 'resources.fund.value="0 - need"',
    "group": 'rules=[{kind="limit",name="r",each="nowhere",floor=0.1}]',
    "columns": 'regions.columns={need="gg", "class"="g", x="nothing"}',
    "missing": 'regions.missing={nothing="error"}',
    "round": "fund.round=",
    "claims": 'resources.fund.claims={measure="need"}',
    "claims below zero": 'resources.fund={supply=5,claims={measure="0-need"}}',
    "rates": 'resources.fund={supply=5,criteria=[{name="r",rate=9,measure="need"},{name="w",weight=1,measure="need"}]}',
    "rates of nothing": 'resources.fund={supply=5,criteria=[{name="r",rate=0,measure="need"}]}',
    "adjustment": 'resources.fund.adjustments=[{name="s",amounts={z=5},from="2024",until="2025",cap=9,why="w"}]',
    "adjustments": 'resources.fund.adjustments=[{name="s",amounts={a=-500},from="2024",until="2025",cap=1,why="w"}]',
    "melting": 'resources.fund.adjustments=[{name="s",amounts={a=1},from="2020a",until="2030",melts=1,cap=9,why="w"}]',
    "translations": 'translations.zh={nothing="x"}',
    "index": 'indices.i={normalise="share",indicators=[{name="n",measure="0-need",weight=1}]}',
    "goalposts": 'indices.i={normalise="goalposts",indicators=[{name="n",measure="need"}]}',
    "rising": 'indices.i={normalise="goalposts",indicators=[{name="n",measure="need",goalposts=[1,0]}]}',
    "weightless": 'indices.i={indicators=[{name="n",measure="need",weight=0}]}',
    "at least": 'rules=[{kind="inequality",name="r",measure="gini",at_least=0.3}]',
    "percentiles": 'rules=[{kind="inequality",name="r",measure="p90p10",at_most=2}]',
    "kind": 'rules=[{kind="limt",name="r"}]',
    "no kind": 'rules=[{name="r"}]',
    "all": 'rules=[{kind="inequality",name="r",measure="gini",at_most=0.3,each="all"}]',
    "itself": 'rules=[{kind="link",name="r",resource="fund",to="fund"}]',
    "over": 'rules=[{kind="limit",name="r",of="lag(need, 1)",floor=0.1,over=2}]',
    "bound": 'rules=[{kind="limit",name="r",of="0-need",floor=0.1}]',
    "or nothing": 'rules=[{kind="limit",name="r",floor=1,or_nothing=true,mode="prefer"}]',
}
OPTIONS = {
    "no policy": ["check", "nowhere.toml"],
    "no regions": [*CHECK, "--regions", "nowhere.csv"],
    "a folder": [*CHECK, "--regions", "."],
    "parquet": [*CHECK, "--regions", "x.parquet"],
    "encoding": [*CHECK, "--encoding", "nonsense"],
    "history": [*CHECK, "--history", "nowhere.csv"],
    "both": [*CHECK, "--history", "history.csv", "--ledger", "ledger.sqlite"],
    "geo": ["allocate", "policy.toml", "-o", "out", "--geo", "nowhere"],
    "since": ["allocate", "policy.toml", "-o", "out", "--format", "html", "--since", "1999"],
    "compared": ["compare", "nothing", "policy.toml"],
    "count": ["plan", "policy.toml", "--rounds", "0"],
    "growth": ["plan", "policy.toml", "--rounds", "2", "--growth", "need", "--growth", "nothing=0.1"],
    "rates": ["plan", "policy.toml", "--rounds", "2", "--growth", "need=-3", "--supply", "land=0.1"],
    "labels": ["plan", "policy.toml", "--rounds", "3", "--labels", "2024,2025"],
    "no names": ["plan", "policy.toml", "--rounds", "2", "--round", "x"],
    "order": ["plan", "policy.toml", "--rounds", "2", "--labels", "2020,2021"],
    "years": ["plan", "policy.toml", "--rounds", "2", "--growth", "need=0.1", "--labels", "2024,20240101"],
    "goal": ["plan", "policy.toml", "--rounds", "2", "--set", 'plan.goals=[{name="g",measure="nothing",at_least=1}]'],
    "goals": ["plan", "policy.toml", "--rounds", "2", "--set", 'plan.goals=[{name="g",measure="need",each="no"}]'],
    "through": [
        *["plan", "policy.toml", "--rounds", "2", "--set"],
        'plan.goals=[{name="g",measure="amount",at_least=1,through=["no"]}]',
    ],
}


def _fund(**columns: list[Any]) -> fa.Fund:
    raw = {
        "format": 1,
        "fund": {"round": "2024"},
        "regions": {"id": "id", "population": "population"},
        "resources": {"fund": {"supply": 10, "criteria": [{"name": "n", "weight": 1, "measure": "need"}]}},
    }
    frame = pd.DataFrame({"id": ["a", "b"], "population": [1.0, 2.0], "need": [1.0, 2.0]} | columns)
    return fa.Fund(parse_policy(raw), frame)


def _with(change: Callable[[Any], Any]) -> None:
    """A fund decided with a model that was changed."""
    import pyomo.environ as pyo

    fund = _fund()
    model = fund.model()
    amounts = list(model.amount.values())
    change((pyo, model, amounts))
    fund.allocate(model=model)


LIBRARY: dict[str, Callable[[], Any]] = {
    "frame with infinity": lambda: _fund(need=[1.0, float("inf")]).allocate(),
    "frame with a gap": lambda: _fund(need=[1.0, None]).allocate(),
    "frame with texts": lambda: _fund(need=["1", "x"]).allocate(),
    "frame without ids": lambda: _fund(id=["a", None]).allocate(),
    "frame with marks": lambda: _fund(id=["a", "b\x02"]).allocate(),
    "amounts": lambda: fa.audit(pd.DataFrame({"region_id": ["a", "z", "a"], "amount": [1, 2, 3]}), _fund()),
    "fixed": lambda: _with(lambda m: m[2][0].fix(1)),
    "variable": lambda: _with(lambda m: m[1].add_component("x", m[0].Var())),
    "square": lambda: _with(lambda m: m[1].add_component("x", m[0].Constraint(expr=m[2][0] ** 2 <= 1))),
    "objective": lambda: _with(lambda m: m[1].add_component("x", m[0].Objective(expr=m[2][0]))),
    "removed": lambda: _with(lambda m: m[1].del_component("nearest")),
    "binary": lambda: _with(lambda m: m[1].add_component("x", m[0].SOSConstraint(var=m[1].amount, sos=1))),
}


def cases() -> dict[str, tuple[dict[str, str | bytes], Deed]]:
    """The files and the deed of each case, by its name."""
    found: dict[str, tuple[dict[str, str | bytes], Deed]] = {}
    for name, text in _syntax():
        found[f"TOML: {name}"] = {"policy.toml": text}, CHECK
    found["TOML: Latin 1"] = {"policy.toml": b'a = "\xfc"'}, CHECK
    for name, text in MEASURES.items():
        stated = POLICY.replace('measure = "need"', f"measure = {json.dumps(text)}")
        stated = stated.replace('heads = "population * 2"', 'key_of = "key_of + 1"' if name == "itself" else "")
        if name == "previous":
            stated = stated.replace('[history]\nfile = "history.csv"\n', "")
        found[f"measure: {name}"] = {"policy.toml": stated}, CHECK
    for name, content in TABLES.items():
        found[f"CSV: {name}"] = {"regions.csv": content}, CHECK
    for name, book in SHEETS.items():
        plain = POLICY.replace('name = "name"\nround = "round"\ngroups = ["g"]\n', "").replace("regions.csv", "r.xlsx")
        found[f"XLSX: {name}"] = {"r.xlsx": book, "policy.toml": plain}, CHECK
    for name, text in HISTORIES.items():
        found[f"history: {name}"] = {"history.csv": text}, CHECK
    for name, text in MAPPINGS.items():
        mapped = POLICY.replace('file = "history.csv"', 'file = "history.csv"\nmapping = "m.csv"')
        found[f"mapping: {name}"] = {"m.csv": text, "policy.toml": mapped}, CHECK
    for name, text in INDICATORS.items():
        found[f"indicators: {name}"] = (
            {"i.csv": text},
            ["plan", "policy.toml", "--rounds", "2", "--indicators", "i.csv"],
        )
    for name, text in FIGURES.items():
        found[f"figures: {name}"] = {"f.csv": text}, ["compare", "policy.toml", "--against", "f.csv"]
        found[f"amounts: {name}"] = {"f.csv": text}, ["audit", "policy.toml", "f.csv"]
    for name, text in SHAPES.items():
        found[f"shapes: {name}"] = (
            {"map.geojson": text},
            ["allocate", "policy.toml", "-o", "out", "--geo", "map.geojson"],
        )
    for name, text in SETTINGS.items():
        found[f"setting: {name}"] = {}, [*CHECK, "--set", text]
    for name, arguments in OPTIONS.items():
        found[f"option: {name}"] = {"x.parquet": "x"}, arguments
    for name, deed in LIBRARY.items():
        found[f"library: {name}"] = {}, deed
    return found


def placed(folder: Path, files: dict[str, str | bytes]) -> None:
    """Writes the files of a case, and those that are in order."""
    for name, content in (FILES | files).items():
        (folder / name).write_bytes(content if isinstance(content, bytes) else content.encode())
