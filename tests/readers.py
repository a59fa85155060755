"""Every reader of files and texts from outside, with sound input to begin from; each may only raise FundallocError."""

from __future__ import annotations

import hashlib
import io
import json
import shutil
import tempfile
import zipfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
import xlsxwriter

from fundalloc import DifferenceError, Fund, FundallocError, InputError, Ledger
from fundalloc.amounts import cells
from fundalloc.deviations import Deviations, decided
from fundalloc.events import read_events
from fundalloc.expressions import RESERVED, Expression
from fundalloc.files import parse_table
from fundalloc.history import read_history
from fundalloc.ledger.exchange import exported, imported
from fundalloc.numerals import STYLES
from fundalloc.policy import check_policy, parse_policy, policy_of, read_policy
from fundalloc.policy.file import override
from fundalloc.regions import read_regions
from fundalloc.roster import RegionsSection
from fundalloc.scope import Scope
from fundalloc.shapes import parse_shapes
from fundalloc.sources import Source
from fundalloc.succession import read_succession
from fundalloc.tables import Table
from fundalloc.verification import verify

HERE = Path(__file__).parent.parent
MODELS = sorted((HERE / "models").glob("*.toml"))
DATA = sorted((HERE / "data").glob("*.csv"))
YRD = RegionsSection(
    id="region_id", name="region_name", round="year", groups=("province",), population="population_persons"
)
MAPPING = (
    b"round,region_id,becomes,share\n2022,CN-320100,CN-320200,0.25\n2022,CN-320100,CN-310000,0.75\n2023,CN-340100,,\n"
)
EVENTS = (
    b"region_id,resource,need,returned,paid,supply,reason\nCN-310000,fund,1000,,,,flood\n"
    b"CN-320100,fund,,50,20,,left over\n,fund,,,,-5000,loss\n"
)

PLACE = "xl/worksheets/sheet1.xml"
SHAPES = json.dumps(
    {
        "type": "FeatureCollection",
        "features": [
            {
                "type": "Feature",
                "properties": {"code": code},
                "geometry": {"type": kind, "coordinates": [ring] if kind == "Polygon" else [[ring]]},
            }
            for code, kind in (("CN-310000", "Polygon"), ("CN-320100", "MultiPolygon"))
            for ring in [[[120, 30], [121, 30], [121, 31.5], [120, 30]]]
        ],
    }
).encode()


@dataclass(frozen=True)
class Reader:
    """One reader. read: takes bytes. seeds: sound input. words: what input of its kind is made of."""

    read: Callable[[bytes], object]
    seeds: Callable[[], Sequence[bytes]]
    words: Sequence[str] = ()


def table(content: bytes, name: str = "given.csv") -> Table:
    """The table of the content of a file."""
    return parse_table(Source(name, content), name)


def first_lines(file: Path, count: int) -> bytes:
    """The beginning of a file."""
    return b"".join(file.read_bytes().splitlines(keepends=True)[:count])


@cache
def few() -> bytes:
    """Six cities of the Yangtze River Delta in two rounds."""
    head, *rows = (HERE / "data" / "yrd.csv").read_bytes().splitlines(keepends=True)
    ids = (b"CN-310000", b"CN-320100", b"CN-320200", b"CN-330100", b"CN-340100", b"CN-340200")
    return b"".join([head, *(r for r in rows if r.startswith(ids) and (b",2022," in r or b",2023," in r))])


@cache
def small() -> Fund:
    """A fund of these cities."""
    entries = {
        "format": 1,
        "fund": {"title": "Six cities", "round": "2023"},
        "regions": YRD.model_dump(exclude_defaults=True),
        "resources": {
            "fund": {
                "supply": 1_000_000,
                "unit": "CNY",
                "lot": 1,
                "reserve": 0.1,
                "criteria": [{"name": "people", "weight": 1, "measure": "population"}],
            }
        },
        "rules": [{"kind": "limit", "name": "floor", "of": "share", "floor": 0.1}],
    }
    return Fund(parse_policy(entries), table(few(), "regions.csv"))


def every_number(found: Table) -> None:
    """Reads every column as numbers, in every style."""
    for column in found.header:
        for style in (None, *STYLES):
            try:
                found.numbers(column, style=style)
            except InputError:
                continue


def read_regions_file(content: bytes) -> None:
    """A regions file with all its columns in all its rounds."""
    found = read_regions(table(content), YRD, "2023", RESERVED)
    for round_ in (found, found.earlier(1)):
        for name in () if round_ is None else round_.columns:
            try:
                round_.column(name)
            except InputError:
                continue


def read_policy_of(content: bytes) -> None:
    """A policy with its checks."""
    policy = policy_of(content, "policy.toml")
    check_policy(policy, policy.fund.round, True)


def read_setting(content: bytes) -> None:
    """One KEY=VALUE over a shipped policy."""
    raw = read_policy(MODELS[0]).model_dump(by_alias=True, mode="json", exclude_none=True)
    parse_policy(override(raw, [content.decode(errors="surrogateescape")]))


def read_expression(content: bytes) -> None:
    """A measure, and its value over the six cities."""
    scope = small().problem.resources[0].scope
    Expression(content.decode(errors="surrogateescape"), "measures.x").evaluate(
        Scope(scope.regions, scope.definitions, scope.part)
    )


def read_spreadsheet(content: bytes) -> None:
    """An Excel file."""
    every_number(table(content, "given.xlsx"))


def read_official(content: bytes) -> None:
    """Official figures beside those of the six cities."""
    Deviations(small_candidate(), table(content))


@cache
def small_candidate() -> object:
    return decided(small(), "six")


@cache
def workbook() -> bytes:
    """The six cities as an Excel file."""
    content = io.BytesIO()
    with xlsxwriter.Workbook(content, {"in_memory": True}) as book:
        sheet = book.add_worksheet()
        for r, line in enumerate(few().decode().splitlines()):
            for c, cell in enumerate(line.split(",")):
                sheet.write(r, c, float(cell) if cell.replace(".", "", 1).isdigit() else cell)
    return content.getvalue()


@cache
def sheet() -> bytes:
    """The sheet of this file, as XML."""
    with zipfile.ZipFile(io.BytesIO(workbook())) as book:
        return book.read(PLACE)


def around(content: bytes) -> bytes:
    """An Excel file with another sheet."""
    out = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(workbook())) as book, zipfile.ZipFile(out, "w") as other:
        for name in book.namelist():
            other.writestr(name, content if name == PLACE else book.read(name))
    return out.getvalue()


@cache
def folder() -> dict[str, bytes]:
    """The files of the decided round of the six cities."""
    with tempfile.TemporaryDirectory() as place:
        small().allocate().write(place)
        return {file.name: file.read_bytes() for file in sorted(Path(place).iterdir())}


def read_folder(name: str, content: bytes) -> None:
    """A decided round in which one file is another, its SHA-256 in the summary put right."""
    files = {**folder(), name: content}
    if name != "summary.json":
        summary = json.loads(files["summary.json"])
        summary["files"][name] = hashlib.sha256(content).hexdigest()
        files["summary.json"] = json.dumps(summary).encode()
    with tempfile.TemporaryDirectory() as place:
        for one, text in files.items():
            (Path(place) / one).write_bytes(text)
        verify(place)


@cache
def lines() -> bytes:
    """A ledger with a history, a decided round and its approval, as JSON lines."""
    place = Path(tempfile.mkdtemp())
    try:
        book = Ledger(place / "ledger.sqlite", create=True)
        book.append("history", "2022", name="a", reason="b", files={"history.csv": first_lines(DATA[-1], 3)})
        book.append("decision", "2023", name="a", reason="b", files={"any.bin": bytes(range(256))})
        book.append("approval", "2023", name="a", reason="b")
        return b"".join(exported(book))
    finally:
        shutil.rmtree(place)


def read_lines(content: bytes) -> None:
    """An exported ledger, put into an empty one."""
    entries = imported(content, "all.jsonl")
    with tempfile.TemporaryDirectory() as place:
        Ledger(Path(place) / "ledger.sqlite", create=True).put(entries)


HISTORY = HERE / "data" / "yrd_history.csv"
NUMBERS = ("1.234,5", "1,234", "1e308", "1e-999", "nan", "-inf", "", '"', ";", "\t", "\r", "\x00", "\ufeff", "9" * 400)
SHEET = (
    '<c r="XFD1048576">',
    "<v>",
    "</c>",
    ' t="s"',
    ' t="e"',
    ' t="d"',
    ' s="1"',
    "<row",
    "<f>",
    "&#0;",
    "1e999",
    "<!DOCTYPE",
)
MEASURES = (
    "lag(",
    "average(",
    "sum(",
    "by=",
    "where(",
    "rank(",
    "**",
    " and ",
    "not ",
    "'x'",
    "population",
    "province",
)
KEYS = (
    "[",
    "]",
    "{",
    "}",
    "=",
    '"""',
    "'''",
    "\\u0000",
    "nan",
    "inf",
    "1e999",
    "0xff",
    "1979-05-27",
    "true",
    "#",
    "a.b.c",
)

READERS = {
    "policy": Reader(read_policy_of, lambda: [m.read_bytes() for m in MODELS], (*KEYS, *MEASURES)),
    "setting": Reader(
        read_setting, lambda: [b"resources.gst.supply=5e9", b'fund.title="x"', b"resources.gst.unit = 0.5"], KEYS
    ),
    "csv": Reader(lambda c: every_number(table(c)), lambda: [first_lines(d, 6) for d in DATA], NUMBERS),
    "regions": Reader(read_regions_file, lambda: [few()], NUMBERS),
    "xlsx": Reader(read_spreadsheet, lambda: [workbook()], ("PK\x03\x04", "PK\x01\x02", "xl/", ".xml")),
    "sheet": Reader(lambda c: read_spreadsheet(around(c)), lambda: [sheet()], SHEET),
    "history": Reader(lambda c: read_history(table(c), "2023"), lambda: [first_lines(HISTORY, 8)], NUMBERS),
    "mapping": Reader(lambda c: read_succession(table(c)), lambda: [MAPPING], NUMBERS),
    "events": Reader(
        lambda c: read_events(table(c), {"fund": small().regions.ids, "land": ()}), lambda: [EVENTS], NUMBERS
    ),
    "amounts": Reader(lambda c: cells(table(c), small().problem), lambda: [folder()["allocation.csv"]], NUMBERS),
    "official": Reader(
        read_official,
        lambda: [folder()["allocation.csv"], *(d.read_bytes() for d in DATA if "expected" in d.name)],
        NUMBERS,
    ),
    "ledger": Reader(read_lines, lambda: [lines()], ("null", "-1", "[]", "{}", "1e999", '"\\ud800"')),
    "certificate": Reader(
        lambda c: read_folder("certificate.json", c),
        lambda: [folder()["certificate.json"]],
        ("null", "-1", "[]", "1e999"),
    ),
    "summary": Reader(
        lambda c: read_folder("summary.json", c), lambda: [folder()["summary.json"]], ("null", "-1", "[]", "1e999")
    ),
    "shapes": Reader(
        lambda c: parse_shapes(Source("map.geojson", c), "map.geojson", small().regions.ids, small().regions.names),
        lambda: [SHAPES],
        ("null", "[]", "1e999", '"MultiPolygon"', "-180"),
    ),
    "expression": Reader(
        read_expression,
        lambda: [
            b"sum(gdp_cny_100m, by=province) / population",
            b"lag(gdp_cny_100m, 1) * 2 ** -1 if",
            b"round == 2023",
        ],
        MEASURES,
    ),
}


def reads(name: str, content: bytes) -> bool:
    """Whether a reader takes some bytes. Any other error than those of fundalloc goes up."""
    try:
        with np.errstate(all="ignore"):
            READERS[name].read(content)
    except (FundallocError, DifferenceError) as error:
        assert str(error), "an error has to say something"
        return False
    return True
