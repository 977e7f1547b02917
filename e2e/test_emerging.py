"""Emerging hot spots against Gi* asked step by step, `pymannkendall`, and the definitions written once more."""

import csv
import io
import json
from datetime import date, timedelta

import pymannkendall
import pytest
from data import has_real


@pytest.fixture(scope="module")
def server(whole_city):
    return whole_city


def ends(steps, step):
    """Where each step ends."""
    begins = [date.fromisoformat(begin) for begin in steps]
    if step == "week":
        return [begin + timedelta(days=7) for begin in begins]
    return [date(begin.year + begin.month // 12, begin.month % 12 + 1, 1) for begin in begins]


def pattern(heat, rising):
    """`heat` has h, c or . for each step; `rising` is 1, -1 or 0. After ArcGIS Pro's definitions."""
    hot, cold = {"h": ("h", "c"), "c": ("c", "h")}.get(heat[-1], ("", ""))
    if not hot:
        for letter, name in (("h", "hot"), ("c", "cold")):
            if heat.count(letter) >= 0.9 * len(heat):
                return f"historical_{name}"
        return "not_detected"
    name, rising = ("hot", rising) if hot == "h" else ("cold", -rising)
    if heat.count(hot) >= 0.9 * len(heat):
        return f"{('persistent', 'intensifying', 'diminishing')[rising]}_{name}"
    before = heat.rstrip(hot)
    if hot not in before:
        return f"{'new' if len(heat) - len(before) == 1 else 'consecutive'}_{name}"
    return f"{'oscillating' if cold in before else 'sporadic'}_{name}"


QUERIES = [
    {"resolution": 8, "category": "BURGLARY"},
    {"resolution": 7, "category": ["THEFT", "BATTERY"], "confidence": 99, "from": "2014-01-15", "to": "2016-12-20"},
    # Most months have none: steps that are not defined.
    {"resolution": 8, "category": "PUBLIC INDECENCY"},
    {"resolution": 8, "category": "ROBBERY", "step": "week", "from": "2017-05-01", "to": "2017-08-28", "confidence": 95},
    {"resolution": 9, "category": "NARCOTICS", "bbox": "-87.78,41.84,-87.66,41.92", "from": "2016-06-01", "to": "2017-06-01"},
]


@pytest.mark.parametrize("query", QUERIES, ids=["burglary", "cut-off", "rare", "weeks", "box"])
def test_histories_are_those_of_each_step_by_itself(server, query):
    answer = server.json("/api/v1/emerging", **query)
    step = query.get("step", "month")
    assert answer["step"] == step
    series = {cell["cell"]: [] for cell in answer["cells"]}
    counts = dict.fromkeys(series, 0)
    last = {}
    others = {name: value for name, value in query.items() if name not in ("step", "from", "to")}
    for begin, end in zip(answer["steps"], ends(answer["steps"], step), strict=True):
        period = {"from": max(begin, query.get("from", begin)), "to": min(str(end), query.get("to", str(end)))}
        cells = server.json("/api/v1/hotspots", **others, **period)["cells"]
        assert [cell["cell"] for cell in cells] == list(series)
        last = {}
        for cell in cells:
            counts[cell["cell"]] += cell["count"]
            if cell["z"] is not None:
                heat = cell["class"][0] if cell["class"].startswith(("hot", "cold")) else "."
                series[cell["cell"]].append((cell["z"], heat))
                last[cell["cell"]] = (cell["z"], cell["q"])
    alpha = 1 - query.get("confidence", 90) / 100
    seen = {}
    for cell in answer["cells"]:
        history = series[cell["cell"]]
        heat = "".join(letter for _, letter in history)
        assert cell["count"] == counts[cell["cell"]]
        assert (cell["steps"], cell["hot_steps"], cell["cold_steps"]) == (len(heat), heat.count("h"), heat.count("c"))
        assert (cell["z"], cell["q"]) == last.get(cell["cell"], (None, None))
        if len(history) < 10:
            assert (cell["pattern"], cell["trend_s"], cell["trend_z"], cell["trend_p"]) == (None, None, None, None)
            continue
        test = pymannkendall.original_test([z for z, _ in history])
        assert cell["trend_s"] == test.s
        assert cell["trend_z"] == pytest.approx(test.z, rel=1e-9, abs=1e-12)
        assert cell["trend_p"] == pytest.approx(test.p, rel=1e-9, abs=1e-12)
        rising = 0 if cell["trend_p"] > alpha + 1e-12 else (1 if test.s > 0 else -1)
        assert cell["pattern"] == (pattern(heat, rising) if cell["cell"] in last else None), heat
        if cell["pattern"]:
            seen[cell["pattern"]] = seen.get(cell["pattern"], 0) + 1
    assert answer["patterns"] == seen
    if query["category"] == "PUBLIC INDECENCY":
        steps = {cell["steps"] for cell in answer["cells"]}
        assert steps == {45} if has_real() else max(steps) < 72
    if "bbox" not in query:
        assert sum(counts.values()) == answer["mapped"]
    if query["category"] == "BURGLARY":
        assert len(answer["steps"]) == 72
        # The simulator's burglaries move less.
        assert len(seen) >= (5 if has_real() else 3), seen


def test_undefined_statistics_are_null_and_not_nan(server):
    answer = server.json("/api/v1/emerging", resolution=8, category="GAMBLING", area="community_area:9")
    assert answer["n"] > 100
    assert len(answer["steps"]) == 72
    assert answer["patterns"] == {}
    assert {(cell["pattern"], cell["z"], cell["q"], cell["trend_z"], cell["steps"]) for cell in answer["cells"]} == {
        (None, None, None, None, 0)
    }


@pytest.mark.parametrize(
    ("parameters", "named"),
    [
        ({"step": "day"}, "step"),
        ({"from": "2016-01-01", "to": "2016-10-01"}, "step"),
        ({"from": "2031-01-01"}, "step"),
        ({"from": "2016-01-01", "to": "2015-01-01"}, "from"),
        ({"resolution": "6"}, "resolution"),
        ({"resolution": "11", "step": "week"}, "resolution"),
        ({"confidence": "80"}, "confidence"),
        ({"bandwidth_m": "400"}, "bandwidth_m"),
        ({"format": "shp"}, "format"),
    ],
)
def test_a_wrong_parameter_is_named(server, parameters, named):
    status, headers, body = server.get("/api/v1/emerging", **parameters)
    problem = json.loads(body)
    assert status == 400, problem
    assert headers["content-type"] == "application/problem+json"
    assert problem["parameter"] == named


@pytest.mark.parametrize("path", ["/api/v1/emerging", "/api/v1/hotspots"])
def test_arrow_csv_and_geojson_have_the_cells_of_json(server, path):
    import h3
    import pyarrow

    query = {"resolution": 8, "category": "ROBBERY", "from": "2017-01-01"}
    plain = server.json(path, **query)
    _, headers, body = server.get(path, "application/vnd.apache.arrow.stream", **query)
    table = pyarrow.ipc.open_stream(body).read_all()
    without_middle = lambda rows: [{name: value for name, value in row.items() if name not in ("latitude", "longitude")} for row in rows]  # noqa: E731
    assert without_middle(table.to_pylist()) == plain["cells"]
    assert json.loads(table.schema.metadata[b"next_offsets"]) == plain["next_offsets"]
    offsets = ",".join(f"{part}:{next}" for part, next in plain["next_offsets"].items())
    assert headers["blotter-next-offsets"] == offsets

    _, headers, body = server.get(path, "text/csv", **query)
    assert (headers["content-type"], headers["blotter-next-offsets"]) == ("text/csv", offsets)
    sheet = list(csv.DictReader(io.StringIO(body.decode())))
    for row, cell in zip(sheet, plain["cells"], strict=True):
        for name, value in cell.items():
            if isinstance(value, str | None):
                assert row[name] == (value or "")
            else:
                assert float(row[name]) == value

    status, headers, body = server.get(path, "application/geo+json;q=0.9, text/html", **query)
    assert (status, headers["content-type"]) == (200, "application/geo+json")
    assert body == server.get(path, format="geojson", **query)[2]
    drawn = json.loads(body)
    assert drawn["type"] == "FeatureCollection"
    assert {name: drawn[name] for name in plain if name != "cells"} == {
        name: value for name, value in plain.items() if name != "cells"
    }
    assert without_middle(feature["properties"] for feature in drawn["features"]) == plain["cells"]
    feature = drawn["features"][0]
    ring = feature["geometry"]["coordinates"][0]
    assert ring[0] == ring[-1]
    expect = [(lng, lat) for lat, lng in h3.cell_to_boundary(feature["properties"]["cell"])]
    assert [tuple(corner) for corner in ring[:-1]] == [pytest.approx(corner, abs=1e-7) for corner in expect]
