"""Kernel density against the definition: a direct sum over the incidents of the file, on PROJ's plane."""

import csv
import io
import json
from datetime import datetime

import numpy
import pyproj
import pytest
from reference import Reference

CITY = {"west": -87.95, "south": 41.64, "east": -87.52, "north": 42.03}


@pytest.fixture(scope="module")
def server(whole_city):
    return whole_city


@pytest.fixture(scope="module")
def file(city_database):
    return Reference(city_database).db


def in_the_city(file, category):
    """Time, latitude and longitude of what lies in the city."""
    rows = file.execute(
        """SELECT strptime("Date", '%m/%d/%Y %I:%M:%S %p'), "Latitude"::DOUBLE, "Longitude"::DOUBLE
           FROM raw WHERE "Primary Type" = $1 AND "Latitude" IS NOT NULL""",
        [category],
    ).fetchall()
    return [row for row in rows if CITY["south"] <= row[1] <= CITY["north"] and CITY["west"] <= row[2] <= CITY["east"]]


def direct(points, grid, bandwidth_m):
    """The sum over all points, for every cell: point by point, over the square of cells around it."""
    east, north = pyproj.Transformer.from_pipeline(grid["projection"]).transform(points[:, 1], points[:, 0])
    (west_m, south_m), side = grid["origin_m"], grid["cell_m"]
    values = numpy.zeros((grid["height"], grid["width"]))
    x = west_m + (numpy.arange(grid["width"]) + 0.5) * side
    y = south_m + (numpy.arange(grid["height"]) + 0.5) * side
    reach = int(bandwidth_m / side) + 2
    for at, up in zip(east, north, strict=True):
        column, row = int((at - west_m) // side), int((up - south_m) // side)
        columns = slice(max(column - reach, 0), max(column + reach + 1, 0))
        rows = slice(max(row - reach, 0), max(row + reach + 1, 0))
        squared = ((x[columns] - at) ** 2)[None, :] + ((y[rows] - up) ** 2)[:, None]
        values[rows, columns] += numpy.where(squared < bandwidth_m**2, (1 - squared / bandwidth_m**2) ** 2, 0)
    return values * 3 / (numpy.pi * (bandwidth_m / 1000) ** 2)


QUERIES = [
    ({"category": "HOMICIDE"}, 400, 100),
    ({"category": "BURGLARY", "from": "2016-01-01", "to": "2017-01-01"}, 1000, 250),
    ({"category": "THEFT", "from": "2015-07-01", "to": "2015-10-01", "bbox": "-87.70,41.85,-87.60,41.95"}, 150, 50),
]


@pytest.mark.parametrize(("query", "bandwidth_m", "grid_m"), QUERIES, ids=["homicide", "burglary-per-year", "theft-in-a-box"])
def test_density_is_the_direct_sum(server, file, query, bandwidth_m, grid_m):
    answer = server.json("/api/v1/density", bandwidth_m=bandwidth_m, grid_m=grid_m, **query)
    chosen = in_the_city(file, query["category"])
    years = None
    if "from" in query:
        begin, end = datetime.fromisoformat(query["from"]), datetime.fromisoformat(query["to"])
        chosen = [row for row in chosen if begin <= row[0] < end]
        # The moments, not the civil dates: a change of the clocks between them counts.
        years = answer["years"]
        assert years == pytest.approx((end - begin).days / 365.25, abs=1.1 / 24 / 365.25)
    if "bbox" in query:
        west, south, east, north = map(float, query["bbox"].split(","))
        chosen = [row for row in chosen if south <= row[1] <= north and west <= row[2] <= east]
    assert answer["mapped"] == len(chosen) > 100
    grid = answer["grid"]
    values = numpy.array(answer["values"]).reshape(grid["height"], grid["width"])
    expect = direct(numpy.array([row[1:] for row in chosen]), grid, bandwidth_m) / (years or 1)
    # At the very edge of a bandwidth the last bits of a distance are all that there is.
    assert numpy.allclose(values, expect, rtol=1e-9, atol=1e-9 * expect.max())
    assert answer["greatest"] == values.max()
    assert answer["unit"] == ("incidents per km² and year" if years else "incidents per km²")
    # What is summed over the area is what there is.
    total = values.sum() * (grid_m / 1000) ** 2 * (years or 1)
    assert total == pytest.approx(len(chosen), rel=0.02)


def test_the_grid_is_the_citys_whatever_is_selected(server):
    one = server.json("/api/v1/density", category="ARSON")
    other = server.json("/api/v1/density", bbox="-87.65,41.87,-87.62,41.89", bandwidth_m=800)
    assert one["grid"] == other["grid"]
    corners = one["grid"]["corners"]
    assert corners[0][0] <= CITY["west"] and corners[0][1] <= CITY["south"]
    assert corners[2][0] >= CITY["east"] and corners[2][1] >= CITY["north"]
    assert "0" in one["next_offsets"]


def test_empty_selection_is_zero_and_not_nan(server):
    answer = server.json("/api/v1/density", category="HOMICIDE", to="2011-01-01")
    assert answer["greatest"] == 0
    assert set(answer["values"]) == {0}


def test_arrow_csv_and_geojson_have_the_density_of_json(server):
    query = {"category": "HOMICIDE", "from": "2016-01-01", "to": "2017-01-01", "grid_m": 400}
    plain = server.json("/api/v1/density", **query)
    grid = plain["grid"]
    filled = {number: value for number, value in enumerate(plain["values"]) if value}
    import pyarrow

    _, headers, body = server.get("/api/v1/density", "application/vnd.apache.arrow.stream", **query)
    table = pyarrow.ipc.open_stream(body).read_all()
    assert {row["row"] * grid["width"] + row["column"]: row["density"] for row in table.to_pylist()} == filled
    assert json.loads(table.schema.metadata[b"grid"]) == grid
    assert headers["blotter-next-offsets"] == ",".join(f"{part}:{next}" for part, next in plain["next_offsets"].items())

    status, headers, body = server.get("/api/v1/density", "text/csv", **query)
    assert (status, headers["content-type"]) == (200, "text/csv")
    sheet = list(csv.DictReader(io.StringIO(body.decode())))
    assert {int(row["row"]) * grid["width"] + int(row["column"]): float(row["density"]) for row in sheet} == filled

    status, headers, body = server.get("/api/v1/density", format="geojson", **query)
    assert (status, headers["content-type"]) == (200, "application/geo+json")
    map_ = json.loads(body)
    assert map_["next_offsets"] == plain["next_offsets"]
    assert len(map_["features"]) == len(filled)
    for feature, row in zip(map_["features"], sheet, strict=True):
        ring = feature["geometry"]["coordinates"][0]
        assert len(ring) == 5 and ring[0] == ring[-1]
        longitudes, latitudes = zip(*ring, strict=True)
        assert min(longitudes) < float(row["longitude"]) < max(longitudes)
        assert min(latitudes) < float(row["latitude"]) < max(latitudes)


@pytest.mark.parametrize(
    ("parameters", "named"),
    [
        ({"bandwidth_m": "0"}, "bandwidth_m"),
        ({"bandwidth_m": "-400"}, "bandwidth_m"),
        ({"bandwidth_m": "nan"}, "bandwidth_m"),
        ({"bandwidth_m": "inf"}, "bandwidth_m"),
        ({"bandwidth_m": "wide"}, "bandwidth_m"),
        ({"grid_m": "0"}, "grid_m"),
        ({"grid_m": "1"}, "grid_m"),
        ({"grid_m": "50", "bandwidth_m": "1001"}, "grid_m"),
        ({"from": "2016-01-01", "to": "2015-01-01"}, "from"),
        ({"from": "2016-01-01", "to": "2016-01-01"}, "to"),
        ({"resolution": "9"}, "resolution"),
        ({"format": "pdf"}, "format"),
    ],
)
def test_a_wrong_parameter_is_named(server, parameters, named):
    status, headers, body = server.get("/api/v1/density", **parameters)
    problem = json.loads(body)
    assert status == 400, problem
    assert headers["content-type"] == "application/problem+json"
    assert problem["parameter"] == named


def test_an_unchanged_answer_is_304_in_each_format(server):
    query = "/api/v1/density?category=ARSON&grid_m=500"
    tags = set()
    for accept in ("application/json", "text/csv", "application/geo+json"):
        _, headers, _ = server.get(query, accept)
        tags.add(headers["etag"])
        assert server.get(query, accept, {"If-None-Match": headers["etag"]})[0] == 304
    assert len(tags) == 3
