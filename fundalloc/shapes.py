"""Shapes: the outlines of regions from a GeoJSON file, reduced to what a map on a page can show."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fundalloc.ceilings import TABLE
from fundalloc.errors import Faults, InputError, did_you_mean
from fundalloc.intake import contents, json_of, unreadable
from fundalloc.language import say
from fundalloc.sources import Source

#: points are put on a grid of so many steps across the larger side of the map
STEPS = 2500
FILE = "map.geojson"

Ring = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Shapes:
    """The outlines of regions.

    polygons: by id, each a closed line of longitude and latitude (points x 2), and those of its holes.
    """

    polygons: Mapping[str, Sequence[Sequence[Ring]]]

    @cached_property
    def rings(self) -> Mapping[str, Sequence[Ring]]:
        """All closed lines of each region."""
        return {region: [ring for one in mine for ring in one] for region, mine in self.polygons.items()}

    @property
    def geojson(self) -> bytes:
        """The shapes as GeoJSON: a feature for each region, with its region_id."""
        features = [
            {
                "type": "Feature",
                "properties": {"region_id": region},
                "geometry": {"type": "MultiPolygon", "coordinates": [[ring.tolist()] for ring in rings]},
            }
            for region, rings in sorted(self.rings.items())
        ]
        text = json.dumps(
            {"type": "FeatureCollection", "features": features}, ensure_ascii=False, separators=(",", ":")
        )
        return text.encode() + b"\n"


def read_shapes(path: Path, ids: Sequence[str], names: Sequence[str]) -> tuple[Shapes, Source]:
    """The shapes of a GeoJSON file, and what was read.

    A property, or the id, of its features must hold the ids of the regions, or their names. Raises InputError with
    every fault.
    """
    try:
        content = contents(path, TABLE, say("Simplify the shapes."))
    except OSError as error:
        raise InputError([unreadable(error, str(path), say("Name a GeoJSON file with --geo."))]) from None
    source = Source(path.name, content)
    return parse_shapes(source, str(path), ids, names), source


def parse_shapes(source: Source, shown: str, ids: Sequence[str], names: Sequence[str] = ()) -> Shapes:
    """The shapes of what was read, reduced."""
    faults = Faults(shown)
    features = _features(source.content, faults)
    labels, wanted = _labelled(features, ids, names, faults)
    found: dict[str, list[list[Ring]]] = {}
    for feature, label in zip(features, labels, strict=True):
        if label in wanted:
            try:
                found.setdefault(wanted[label], []).extend(_polygons(feature.get("geometry")))
            except ValueError as error:
                faults.add(
                    say("is no polygon ({code_error}).", code_error=error),
                    say("Write Polygon or MultiPolygon."),
                    value=label,
                )
    lines = [ring for polygons in found.values() for one in polygons for ring in one]
    if not lines and not faults.found:
        faults.add(say("holds no polygon of any region."), say("Write Polygon or MultiPolygon."))
    faults.check()
    points = np.concatenate(lines)
    if not (np.abs(points) <= (360.0, 90.0)).all():
        faults.add(
            say("the coordinates are no longitudes and latitudes."),
            say("Save the file in degrees (WGS 84, EPSG:4326), as GeoJSON has it."),
        )
    faults.check()
    digits = _digits(points)
    return Shapes({region: _reduced(mine, digits) for region, mine in found.items() if mine})


def _features(content: bytes, faults: Faults) -> list[Mapping[str, Any]]:
    try:
        read = json_of(content)
    except ValueError:
        faults.add(say("is no GeoJSON text."), say("Save it as GeoJSON (UTF-8)."))
        faults.check()
    features = read.get("features") if isinstance(read, dict) else None
    if not isinstance(features, list) or not all(isinstance(f, dict) for f in features) or not features:
        topology = isinstance(read, dict) and "objects" in read
        faults.add(
            say("holds no features."),
            say("TopoJSON is not read: save it as GeoJSON." if topology else "Write a FeatureCollection."),
        )
        faults.check()
    return features  # type: ignore[return-value]


def _labelled(
    features: Sequence[Mapping[str, Any]], ids: Sequence[str], names: Sequence[str], faults: Faults
) -> tuple[list[str], dict[str, str]]:
    """What each feature is called, and the region of each such label: by the property that fits most regions."""
    stated = [f["properties"] if isinstance(f.get("properties"), dict) else {} for f in features]
    properties = dict.fromkeys(key for one in stated for key in one)
    found: tuple[int, list[str], dict[str, str]] = (0, [], {})
    known = {str(i): str(i) for i in ids}, dict(zip(names, ids, strict=bool(names)))
    columns = [[str(f.get("id", "")) for f in features]]
    columns += [[str(one.get(key, "")) for one in stated] for key in properties]
    for wanted in known:
        for labels in columns:
            fits = len(set(labels) & set(wanted))
            if fits > found[0]:
                found = fits, labels, wanted
    if not found[0]:
        faults.add(
            say("no property of its features holds the ids or the names of the regions."),
            say(
                "Add one with the ids, such as {code_id}. It has: {code_list}. {code_hint}",
                code_id=ids[0],
                code_list=", ".join(properties) or say("none"),
                code_hint=did_you_mean(str(ids[0]), columns[0]),
            ).strip(),
        )
    faults.check()
    return found[1], found[2]


def _polygons(geometry: Any) -> list[list[Ring]]:
    """The closed lines of each polygon. Raises ValueError, which says why, where it is none."""
    if geometry is None:
        return []
    if not isinstance(geometry, dict) or not {"type", "coordinates"} <= set(geometry):
        raise ValueError(say("it has no type or no coordinates"))
    kind, coordinates = geometry["type"], geometry["coordinates"]
    if kind not in ("Polygon", "MultiPolygon"):
        raise ValueError(say("it is a {code_kind}", code_kind=kind))
    try:
        found = [
            [np.array([point[:2] for point in line], dtype=float) for line in polygon]
            for polygon in ([coordinates] if kind == "Polygon" else coordinates)
        ]
    except (TypeError, ValueError, KeyError, IndexError, OverflowError):
        found = [[]]
    for rings in found:
        if not rings or any(r.ndim != 2 or r.shape[1] != 2 or not np.isfinite(r).all() for r in rings):
            raise ValueError(say("its points are not pairs of numbers"))
    return found


def _digits(points: Ring) -> int:
    """How many digits behind the point a map can show."""
    extent = float((points.max(axis=0) - points.min(axis=0)).max()) or 1.0
    return max(0, -int(np.floor(np.log10(extent / STEPS))))


def _reduced(polygons: Sequence[Sequence[Ring]], digits: int) -> list[list[Ring]]:
    """Polygons with rounded points, those that repeat each other left out; the largest stays, however small it is."""
    found = []
    for polygon in polygons:
        rings = []
        for ring in polygon:
            line = np.round(ring, digits)
            rings.append(line[np.append(True, (np.diff(line, axis=0) != 0).any(axis=1))])
        if len(rings[0]) > 3:
            found.append([ring for ring in rings if len(ring) > 3])
    return found or [[max((polygon[0] for polygon in polygons), key=len)]]
