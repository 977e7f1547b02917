"""A small base map as one PMTiles file: the lake, two streets and two names of Chicago, at zooms 0 to 10."""

from __future__ import annotations

import gzip
import math
from pathlib import Path

import mapbox_vector_tile
import numpy
import shapely
from pmtiles.tile import Compression, TileType, zxy_to_tileid
from pmtiles.writer import write
from shapely.geometry import LineString, Point, box
from shapely.geometry.base import BaseGeometry

#: West, south, east, north.
BOUNDS = (-88.0, 41.6, -87.4, 42.1)
MAX_ZOOM = 10
RADIUS_M = 6_378_137
#: Steps of a tile's side.
EXTENT = 4096
NAME, ATTRIBUTION = "A few streets", '<a href="https://www.openstreetmap.org/copyright">© Some mappers</a>'
#: By layer: geometries in degrees, and what is known of each; under the names of Protomaps' basemaps.
LAYERS: dict[str, list[tuple[BaseGeometry, dict[str, str]]]] = {
    "water": [(box(-87.6, 41.6, -87.4, 42.1), {"kind": "lake"})],
    "roads": [
        (LineString([(-87.65, 41.6), (-87.65, 42.1)]), {"kind": "highway", "name": "North-south Highway"}),
        (LineString([(-88.0, 41.88), (-87.6, 41.88)]), {"kind": "highway", "name": "East-west Highway"}),
    ],
    "places": [
        (Point(-87.63, 41.88), {"kind": "locality", "name": "Chicago"}),
        (Point(-87.69, 42.04), {"kind": "locality", "name": "Evanston"}),
    ],
}


def mercator(longitude, latitude):
    """In metres, as tiles are cut."""
    return RADIUS_M * math.radians(longitude), RADIUS_M * math.asinh(math.tan(math.radians(latitude)))


def projected(geometry: BaseGeometry) -> BaseGeometry:
    return shapely.transform(geometry, lambda points: numpy.array([mercator(*point) for point in points]))


def edges(zoom: int, x: int, y: int) -> tuple[float, float, float, float]:
    """Those of a tile, in metres."""
    half, side = math.pi * RADIUS_M, 2 * math.pi * RADIUS_M / 2**zoom
    return x * side - half, half - (y + 1) * side, (x + 1) * side - half, half - y * side


def in_tile(geometry: BaseGeometry, bounds: tuple[float, float, float, float]) -> BaseGeometry:
    """In the steps of a tile, from its south-western corner."""
    west, south, east, north = bounds
    return shapely.transform(geometry, lambda points: numpy.round((points - (west, south)) / (east - west, north - south) * EXTENT))


def tile(zoom: int, x: int, y: int) -> bytes:
    """A vector tile; empty where nothing is."""
    bounds = edges(zoom, x, y)
    layers = []
    for name, things in LAYERS.items():
        parts = [(in_tile(projected(geometry).intersection(box(*bounds)), bounds), properties) for geometry, properties in things]
        features = [{"geometry": part, "properties": properties} for part, properties in parts if not part.is_empty]
        if features:
            layers.append({"name": name, "features": features})
    return mapbox_vector_tile.encode(layers) if layers else b""


def numbers(zoom: int) -> list[tuple[int, int]]:
    """The tiles that the bounds reach into."""

    def number(longitude, latitude):
        x, y = mercator(longitude, latitude)
        return tuple(int((0.5 + sign * metres / (2 * math.pi * RADIUS_M)) * 2**zoom) for sign, metres in ((1, x), (-1, y)))

    west, south, east, north = BOUNDS
    (left, top), (right, bottom) = number(west, north), number(east, south)
    return [(x, y) for x in range(left, right + 1) for y in range(top, bottom + 1)]


def write_basemap(path: Path) -> Path:
    tiles = {zxy_to_tileid(zoom, x, y): tile(zoom, x, y) for zoom in range(MAX_ZOOM + 1) for x, y in numbers(zoom)}
    header = {"tile_type": TileType.MVT, "tile_compression": Compression.GZIP, "center_zoom": 9}
    header |= {f"{name}_e7": round(degrees * 1e7) for name, degrees in zip(("min_lon", "min_lat", "max_lon", "max_lat"), BOUNDS, strict=True)}
    header |= {"center_lon_e7": -876_500_000, "center_lat_e7": 418_800_000}
    fields = {name: {"kind": "String"} | ({} if name == "water" else {"name": "String"}) for name in LAYERS}
    metadata = {"name": NAME, "attribution": ATTRIBUTION, "vector_layers": [{"id": name, "fields": fields[name]} for name in LAYERS]}
    with write(path) as file:
        for number in sorted(tiles):
            if tiles[number]:
                file.write_tile(number, gzip.compress(tiles[number], mtime=0))
        file.finalize(header, metadata)
    return path
