"""In which area of a GeoJSON file points lie, found without any of Blotter's code: even-odd, edge by edge, over sorted points."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import numpy


def features(path: Path) -> list[dict]:
    """Those of a file, plain or zst."""
    text = subprocess.run(["zstd", "-qdc", path], capture_output=True, check=True).stdout if path.suffix == ".zst" else path.read_bytes()
    return json.loads(text)["features"]


def rings(geometry: dict) -> list[numpy.ndarray]:
    parts = geometry["coordinates"] if geometry["type"] == "MultiPolygon" else [geometry["coordinates"]]
    return [numpy.array(ring, dtype=float)[:, :2] for part in parts for ring in part]


class Areas:
    """The areas of a layer by code, which `code` makes of a feature's properties. Several features can be parts of one."""

    def __init__(self, path: Path, code):
        self.rings: dict[str, list[numpy.ndarray]] = {}
        for feature in features(path):
            self.rings.setdefault(code(feature["properties"]), []).extend(rings(feature["geometry"]))

    def at(self, longitudes, latitudes) -> list[list[str]]:
        """The codes of the areas that contain each point."""
        longitudes, latitudes = numpy.asarray(longitudes, dtype=float), numpy.asarray(latitudes, dtype=float)
        order = numpy.argsort(latitudes, kind="stable")
        x, y = longitudes[order], latitudes[order]
        found: list[list[str]] = [[] for _ in x]
        for code, all_rings in self.rings.items():
            inside = numpy.zeros(len(x), dtype=bool)
            for ring in all_rings:
                for (x1, y1), (x2, y2) in zip(ring, numpy.roll(ring, -1, axis=0)):
                    begin, end = numpy.searchsorted(y, sorted((y1, y2)), side="left")
                    if begin < end:
                        inside[begin:end] ^= x[begin:end] < (x2 - x1) * (y[begin:end] - y1) / (y2 - y1) + x1
            for index in numpy.flatnonzero(inside):
                found[order[index]].append(code)
        return found
