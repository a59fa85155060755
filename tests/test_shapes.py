"""Shapes of regions from GeoJSON: read, reduced, drawn and published."""

from __future__ import annotations

import json
import re
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fundalloc import InputError, load
from fundalloc.cli.app import run
from fundalloc.shapes import FILE, parse_shapes, read_shapes
from fundalloc.sources import Source
from fundalloc.verification import verify

IDS = ("A", "B")
SQUARE = [[0, 0], [1, 0], [1, 1], [0, 1], [0, 0]]


def feature(label: object, geometry: object, key: str = "code") -> dict[str, object]:
    return {"type": "Feature", "properties": {"note": "x", key: label}, "geometry": geometry}


def polygon(*rings: object) -> dict[str, object]:
    return {"type": "Polygon", "coordinates": list(rings)}


def moved(by: float) -> list[list[float]]:
    return [[x + by, y] for x, y in SQUARE]


def text(*features: object) -> bytes:
    return json.dumps({"type": "FeatureCollection", "features": list(features)}).encode()


def parsed(content: bytes, ids=IDS, names=("Anton", "Berta")):
    return parse_shapes(Source("map.json", content), "map.json", ids, names)


def faults(content: bytes) -> str:
    with pytest.raises(InputError) as caught:
        parsed(content)
    return str(caught.value)


def test_the_property_that_fits_most_regions_names_them():
    both = [feature("A", polygon(SQUARE)), feature("B", polygon(moved(2))), feature("Z", polygon(moved(4)))]
    assert set(parsed(text(*both)).polygons) == {"A", "B"}
    named = [feature("Berta", polygon(SQUARE), "name"), feature("Anton", polygon(moved(2)), "name")]
    found = parsed(text(*named))
    assert set(found.polygons) == {"A", "B"} and found.rings["B"][0].max() == 1
    by_id = [{"type": "Feature", "id": "B", "properties": None, "geometry": polygon(SQUARE)}]
    assert set(parsed(text(*by_id)).polygons) == {"B"}


def test_holes_and_several_polygons_stay():
    hole = [[0.4, 0.4], [0.6, 0.4], [0.6, 0.6], [0.4, 0.4]]
    several = {"type": "MultiPolygon", "coordinates": [[SQUARE, hole], [moved(3)]]}
    (one, other) = parsed(text(feature("A", several))).polygons["A"]
    assert [len(ring) for ring in one] == [5, 4] and [len(ring) for ring in other] == [5]


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"{", "is no GeoJSON text."),
        (b"[" * 100_000, "is no GeoJSON text."),
        (b'{"type": "Topology", "objects": {}}', "TopoJSON is not read"),
        (b'{"features": []}', "holds no features."),
        (text(feature("Q", polygon(SQUARE))), "no property of its features holds the ids or the names of the regions."),
        (text(feature("A", {"type": "Point", "coordinates": [0, 0]})), "is no polygon (it is a Point)"),
        (text(feature("A", polygon([[0, "x"]]))), "is no polygon"),
        (text(feature("A", polygon([[0, float("nan")], [1, 1]]))), "is no polygon"),
        (text(feature("A", {"type": "Polygon"})), "is no polygon"),
        (text(feature("A", None)), "holds no polygon of any region."),
        (text(feature("A", polygon([[400000, 5000000], [400001, 5000000], [400001, 5000001]]))), "EPSG:4326"),
    ],
)
def test_what_cannot_be_drawn_is_refused(content, said):
    assert said in faults(content)


def test_a_missing_file_is_a_fault(tmp_path):
    with pytest.raises(InputError, match="No such file"):
        read_shapes(tmp_path / "no.geojson", IDS, IDS)


points = st.lists(st.tuples(st.floats(-179, 179), st.floats(-85, 85)), min_size=4, max_size=12)


@settings(max_examples=60)
@given(one=points, other=points)
def test_reducing_moves_no_point_by_more_than_a_step_and_what_is_published_is_read_as_the_same(one, other):
    first = parsed(text(feature("A", polygon(one)), feature("B", polygon(other))))
    all_ = np.array([*one, *other])
    extent = (all_.max(axis=0) - all_.min(axis=0)).max() or 1.0
    for region, given_ in (("A", one), ("B", other)):
        assert region in first.polygons
        for ring in first.rings[region]:
            for point in ring:
                assert np.abs(np.array(given_) - point).max(axis=1).min() <= extent / 2000
    again = parse_shapes(Source(FILE, first.geojson), FILE, IDS)
    assert again.geojson == parse_shapes(Source(FILE, again.geojson), FILE, IDS).geojson


@pytest.fixture(scope="module")
def drawn(tmp_path_factory):
    folder = tmp_path_factory.mktemp("geo")
    fund = load("models/yrd.toml")
    ids = fund.regions.ids
    squares = [
        feature(i, polygon([[x + 118 + (k % 7), y + 28 + (k // 7)] for x, y in SQUARE])) for k, i in enumerate(ids[:-1])
    ]
    (folder / "map.json").write_bytes(text(*squares, feature("elsewhere", polygon(SQUARE))))
    assert run(["allocate", "models/yrd.toml", "-o", str(folder / "out"), "--geo", str(folder / "map.json"), "-q"]) == 0
    return folder / "out", ids


def test_the_page_draws_every_shape_in_the_colour_of_its_coverage(drawn):
    folder, ids = drawn
    page = (folder / "report.html").read_text(encoding="utf-8")
    maps = re.findall(r'<svg [^>]*class="chart map areas">(.*?)</svg>', page, re.S)
    assert len(maps) == 3 and all(one.count("<path") == len(ids) - 1 for one in maps)
    assert page.count("1 regions have no shape in the file.") == 3
    rows = (folder / "allocation.csv").read_text(encoding="utf-8").splitlines()
    place = rows[0].split(",").index("coverage")
    low = [row for row in rows if ",fund," in row and row.split(",")[place] and float(row.split(",")[place]) < 0.9]
    assert maps[0].count("var(--much-below)") == len(low) > 0


def test_the_published_shapes_are_read_by_verify_and_not_claimed(drawn):
    folder, _ = drawn
    assert "Not verified: map.geojson, the shapes of the regions." in verify(folder).sentences
    told = json.loads((folder / "summary.json").read_text(encoding="utf-8"))
    assert told["geo"]["file"] == "map.json" and FILE in told["files"]


def test_shapes_that_are_faulty_write_nothing(tmp_path, capsys):
    (tmp_path / "map.json").write_bytes(b"{}")
    out = tmp_path / "out"
    assert run(["allocate", "models/yrd.toml", "-o", str(out), "--geo", str(tmp_path / "map.json"), "-q"]) == 3
    assert "holds no features." in capsys.readouterr().err and not out.exists()


def test_without_places_and_shapes_the_map_is_tiles(tmp_path):
    content = Path("data/yrd.csv").read_text(encoding="utf-8").replace("longitude", "east").replace("latitude", "north")
    (tmp_path / "regions.csv").write_text(content, encoding="utf-8")
    load("models/yrd.toml", regions=tmp_path / "regions.csv").allocate().write(tmp_path / "out", ["html"])
    page = (tmp_path / "out" / "report.html").read_text(encoding="utf-8")
    assert page.count('<ul class="mosaic">') == 4 + 4 + 3  # the provinces that take part in each
    assert page.count("One tile for each region that takes part.") == 3
