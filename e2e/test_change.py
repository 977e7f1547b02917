"""What changed between two periods, and at which hours of the week incidents happen: against DuckDB and `scipy`."""

import json

import pytest
from reference import HOUR_OF_WEEK, Reference
from scipy import stats


@pytest.fixture(scope="module")
def server(whole_city):
    return whole_city


@pytest.fixture(scope="module")
def reference(city_database):
    return Reference(city_database)


PERIODS = [
    # The half year before, which is as long.
    ({"from": "2016-07", "to": "2017"}, ("2015-12-30T00:00", "2016-07-01"), {}),
    # The same months of the year before, of one category.
    ({"from": "2017-06", "to": "2017-09", "before_from": "2016-06", "before_to": "2016-09"}, ("2016-06-01", "2016-09-01"), {"category": "ROBBERY"}),
    # A month and a year.
    ({"from": "2017-08", "to": "2017-09", "before_from": "2016", "before_to": "2017"}, ("2016-01-01", "2017-01-01"), {}),
]


@pytest.mark.parametrize("resolution", [8, 9])
@pytest.mark.parametrize(("asked", "before", "filters"), PERIODS)
def test_cells_are_compared_as_r_compares_them(server, reference, asked, before, filters, resolution):
    found = server.json("/api/v1/change", resolution=resolution, confidence=95, **asked, **filters)
    of = f"category = '{filters['category']}'" if filters else "true"
    spans = [(found["from"], found["to"]), (found["before_from"], found["before_to"])]
    counts = []
    for begin, end in [(spans[0][0], spans[0][1]), before]:
        begin, end = begin[:16], end[:16]
        counts.append(reference.cells(resolution, f"{of} AND occurred_at >= '{begin}' AND occurred_at < '{end}'"))
    assert found["before_from"][:10] == before[0][:10] and found["before_to"][:10] == before[1][:10]
    now, then = counts
    assert {cell["cell"]: cell["count"] for cell in found["cells"] if cell["count"]} == now
    assert {cell["cell"]: cell["before"] for cell in found["cells"] if cell["before"]} == then
    assert (found["mapped"], found["before_mapped"]) == (sum(now.values()), sum(then.values()))
    share = found["days"] / (found["days"] + found["before_days"])
    for cell in found["cells"][::7]:
        expect = stats.binomtest(cell["count"], cell["count"] + cell["before"], share).pvalue
        assert cell["p"] == pytest.approx(max(expect, 1e-300), rel=1e-9)
        assert cell["difference"] == cell["count"] - cell["before"]
    q = stats.false_discovery_control([cell["p"] for cell in found["cells"]])
    assert [cell["q"] for cell in found["cells"]] == pytest.approx(q, rel=1e-9)
    assert found["tests"] == len(found["cells"]) <= found["n"]
    for cell in found["cells"]:
        rate, rate_before = cell["count"] / found["days"], cell["before"] / found["before_days"]
        significant = "more" if rate > rate_before else "fewer"
        assert cell["class"] == (significant if cell["q"] <= 0.05 else "same")
    for name in ("more", "fewer"):
        assert found[name] == sum(cell["class"] == name for cell in found["cells"])


@pytest.mark.parametrize(
    ("asked", "parameter", "detail"),
    [
        ({"to": "2017"}, "from", "`from` is missing: a change is one between two periods, so give both ends of one"),
        ({"from": "2017"}, "to", "`to` is missing: a change is one between two periods, so give both ends of one"),
        (
            {"from": "2016", "to": "2017", "before_from": "2016", "before_to": "2015"},
            "before_from",
            "`before_from` is not before `before_to`",
        ),
    ],
)
def test_wrong_periods_are_refused(server, asked, parameter, detail):
    status, _, body = server.get("/api/v1/change", **asked)
    problem = json.loads(body)
    assert (status, problem["parameter"], problem["detail"]) == (400, parameter, detail)


@pytest.mark.parametrize("filters", [{}, {"category": "ROBBERY", "from": "2015", "to": "2016"}, {"area": "community_area:25"}])
def test_hours_are_those_of_the_file(server, reference, filters):
    wheres = ["true"]
    if "category" in filters:
        wheres += ["category = 'ROBBERY'", "occurred_at >= '2015-01-01'", "occurred_at < '2016-01-01'"]
    if "area" in filters:
        wheres.append("community_area = '25'")
    where = " AND ".join(wheres)
    (line,) = server.json("/api/v1/hours", **filters)["lines"]
    expect = dict(reference.db.execute(f"SELECT {HOUR_OF_WEEK}, count(*) FROM incidents WHERE {where} GROUP BY 1").fetchall())
    assert line["counts"] == [expect.get(hour, 0) for hour in range(168)]
    by_category = server.json("/api/v1/hours", by="category", **filters)["lines"]
    assert [sum(column) for column in zip(*(each["counts"] for each in by_category), strict=True)] == line["counts"]
