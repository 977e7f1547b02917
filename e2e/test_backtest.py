"""Backtests against rankings made anew for each week, from the counts and z scores that the API gives for its period."""

import json
from datetime import date, timedelta

import h3
import numpy
import pyproj
import pytest


@pytest.fixture(scope="module")
def server(whole_city):
    return whole_city


def inside(scores, week, flagged):
    """Incidents of the week in the cells with the greatest scores; of equal ones the first."""
    order = numpy.lexsort((numpy.arange(len(scores)), -scores))
    return int(week[order[:flagged]].sum())


def bounds(scores, week, flagged):
    """The same where scores that are equal but for rounding may be ranked either way: at least and at most."""
    threshold = numpy.sort(scores)[-flagged]
    near = numpy.abs(scores - threshold) <= 1e-9 * abs(threshold)
    sure = (scores > threshold) & ~near
    among, left = numpy.sort(week[near]), flagged - int(sure.sum())
    return int(week[sure].sum() + among[:left].sum()), int(week[sure].sum() + among[len(among) - left :].sum())


QUERIES = [
    {"resolution": 9, "category": "THEFT", "weeks": 3, "training_weeks": 8},
    {"resolution": 8, "category": ["BURGLARY", "ROBBERY"], "weeks": 2, "training_weeks": 4, "share": 0.1, "bandwidth_m": 1500},
    {"resolution": 9, "weeks": 1, "training_weeks": 2, "share": 0.02, "bbox": "-87.70,41.85,-87.60,41.95"},
]


@pytest.mark.parametrize("query", QUERIES, ids=["theft", "two-categories", "box"])
def test_each_week_is_predicted_from_the_weeks_before(server, query):
    end = date(2016, 10, 3)  # a Monday
    training, weeks = query["training_weeks"], query["weeks"]
    begin = end - timedelta(weeks=training + weeks)
    answer = server.json("/api/v1/backtest", **query, **{"from": str(begin), "to": str(end)})
    mondays = [end - timedelta(weeks=weeks - number) for number in range(weeks)]
    assert answer["weeks"] == [str(monday) for monday in mondays]
    names = ("category", "bbox", "resolution")
    selection = {name: value for name, value in query.items() if name in names}

    def counted(first, last):
        cells = server.json("/api/v1/hotspots", **selection, **{"from": str(first), "to": str(last)})["cells"]
        z = [-numpy.inf if cell["z"] is None else cell["z"] for cell in cells]
        return [cell["cell"] for cell in cells], numpy.array([cell["count"] for cell in cells]), numpy.array(z)

    share, hits, best, incidents = query.get("share", 0.05), {"gi_star": [], "count": []}, [], []
    for number, monday in enumerate(mondays):
        cells, week, _ = counted(monday, monday + timedelta(weeks=1))
        _, past, z = counted(monday - timedelta(weeks=training), monday)
        flagged = max(1, round(share * len(cells)))
        assert (answer["n"], answer["flagged"]) == (len(cells), flagged)
        incidents.append(int(week.sum()))
        best.append(inside(week.astype(float), week, flagged))
        hits["gi_star"].append(inside(z, week, flagged))
        hits["count"].append(inside(past.astype(float), week, flagged))
        # The kernel between the cells' middles, on PROJ's plane around the city.
        points = numpy.array([h3.cell_to_latlng(cell) for cell in cells])
        plane = pyproj.Transformer.from_pipeline(f"+proj=tmerc +lat_0={points[:, 0].mean()} +lon_0={points[:, 1].mean()} +k=1 +ellps=WGS84")
        x, y = plane.transform(points[:, 1], points[:, 0])
        squared = ((x[:, None] - x) ** 2 + (y[:, None] - y) ** 2) / query.get("bandwidth_m", 400) ** 2
        density = numpy.where(squared < 1, (1 - squared) ** 2, 0) @ past
        least, most = bounds(density, week, flagged)
        assert least <= answer["methods"][1]["hits"][number] <= most
        assert most - least < 0.2 * most
    assert answer["incidents"] == incidents
    assert answer["best"] == best
    assert sum(incidents) > 0
    assert [method["method"] for method in answer["methods"]] == ["gi_star", "density", "count"]
    for method in answer["methods"]:
        if method["method"] in hits:
            assert method["hits"] == hits[method["method"]]
        rate = sum(method["hits"]) / sum(incidents)
        assert method["hit_rate"] == pytest.approx(rate, rel=1e-12)
        assert method["pai"] == pytest.approx(rate / (answer["flagged"] / answer["n"]), rel=1e-12)
        assert method["pei_star"] == pytest.approx(sum(method["hits"]) / sum(best), rel=1e-12)
        assert 0 <= method["pei_star"] <= 1


def test_both_methods_predict_better_than_chance(server):
    answer = server.json("/api/v1/backtest", resolution=9, category="THEFT")
    assert len(answer["weeks"]) == 12
    assert all(method["pai"] > 2 for method in answer["methods"]), answer["methods"]
    assert "0" in answer["next_offsets"]


def test_rates_of_no_incidents_are_null(server):
    answer = server.json("/api/v1/backtest", category="GAMBLING", area="community_area:9")
    assert set(answer["incidents"]) == {0}
    assert all((method["hit_rate"], method["pai"], method["pei_star"]) == (None, None, None) for method in answer["methods"])


def test_arrow_and_csv_have_the_methods_of_json(server):
    import pyarrow

    _, _, body = server.get("/api/v1/backtest", "application/vnd.apache.arrow.stream", category="THEFT", weeks=4)
    _, _, sheet = server.get("/api/v1/backtest", category="THEFT", weeks=4, format="csv")
    rows = pyarrow.ipc.open_stream(body).read_all().to_pylist()
    assert sheet.decode().splitlines() == [",".join(rows[0]), *(",".join(map(str, row.values())) for row in rows)]
    answer = server.json("/api/v1/backtest", category="THEFT", weeks=4)
    assert pyarrow.ipc.open_stream(body).read_all().to_pylist() == [
        method | {"hits": sum(method["hits"]), "incidents": sum(answer["incidents"])} for method in answer["methods"]
    ]


@pytest.mark.parametrize(
    ("parameters", "named"),
    [
        ({"share": "0"}, "share"),
        ({"share": "1.5"}, "share"),
        ({"share": "nan"}, "share"),
        ({"share": "some"}, "share"),
        ({"weeks": "0"}, "weeks"),
        ({"weeks": "2.5"}, "weeks"),
        ({"training_weeks": "0"}, "training_weeks"),
        ({"weeks": "300", "training_weeks": "300"}, "weeks"),
        ({"from": "2016-01-01", "to": "2016-03-01"}, "weeks"),
        ({"bandwidth_m": "0"}, "bandwidth_m"),
        ({"resolution": "12"}, "resolution"),
        ({"bbox": "-87.5301,41.6501,-87.53,41.6502"}, "bbox"),
        ({"from": "2016-01-01", "to": "2015-01-01"}, "from"),
        ({"step": "month"}, "step"),
    ],
)
def test_a_wrong_parameter_is_named(server, parameters, named):
    status, headers, body = server.get("/api/v1/backtest", **parameters)
    problem = json.loads(body)
    assert status == 400, problem
    assert headers["content-type"] == "application/problem+json"
    assert problem["parameter"] == named
