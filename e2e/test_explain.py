"""Why something is peaking: every part against DuckDB and `scipy`, and the parts add up."""

import json
from datetime import datetime, timedelta

import pytest
from data import real
from reference import Reference
from scipy import stats

#: The weekend of a festival, and pairs with a year of fewer than 3,000 incidents.
EXPLAINED = [
    ("32", "THEFT", 24, "2017-08-06T06:00"),
    ("25", "ROBBERY", 168, "2016-07-19T13:00"),
    ("29", "HOMICIDE", 6, "2015-01-01"),
    ("8", "BURGLARY", 1, "2014-05-05T05:00"),
]
KINDS = {"blocks": "Block", "places": "Location Description", "descriptions": "Description"}


@pytest.fixture(scope="module")
def server(whole_city):
    return whole_city


@pytest.fixture(scope="module")
def reference(city_database):
    found = Reference(city_database)
    texts = ", ".join(f"coalesce(\"{column}\", '') AS {kind}" for kind, column in KINDS.items())
    found.db.execute(f'CREATE TABLE texts AS SELECT "ID" AS id, {texts} FROM raw')
    return found


def ask(server, area, category, window, at):
    return server.json("/api/v1/explain", area=f"community_area:{area}", category=category, window=window, at=at)


def of(reference, area, category, begin, end, what, tail=""):
    return reference.db.execute(
        f"""SELECT {what} FROM incidents JOIN texts USING (id)
            WHERE community_area = $1 AND category = $2 AND occurred_at >= $3 AND occurred_at < $4 {tail}""",
        [area, category, begin, end],
    ).fetchall()


@pytest.mark.parametrize(("area", "category", "window", "at"), EXPLAINED)
def test_the_explanation_has_the_figures_of_the_peak(server, area, category, window, at):
    found = ask(server, area, category, window, at)
    peaks = server.json("/api/v1/peaks", at=at, area=f"community_area:{area}", category=category, limit=10_000)
    (peak,) = next(each["peaks"] for each in peaks["windows"] if each["hours"] == window)
    for name in ("observed", "expected", "dispersion", "p", "q", "percent_more"):
        assert found[name] == peak[name]
    assert (found["at"], found["area"], found["category"], found["window_hours"]) == (peaks["at"], area, category, window)


@pytest.mark.parametrize(("area", "category", "window", "at"), EXPLAINED)
def test_parts_add_up_to_the_peak(server, area, category, window, at):
    found = ask(server, area, category, window, at)
    assert sum(hour["observed"] for hour in found["hours"]) == found["observed"]
    assert sum(hour["expected"] for hour in found["hours"]) == pytest.approx(found["expected"], rel=1e-14)
    for kind in KINDS:
        parts, others = found[kind]["parts"], found[kind]["others"]
        assert sum(part["observed"] for part in parts) + others["observed"] == found["observed"]
        assert sum(part["expected"] for part in parts) + others["expected"] == pytest.approx(found["expected"], rel=1e-14)
    steps = max(1, window // found["course"]["step_hours"])
    assert sum(found["course"]["observed"][-steps:]) == found["observed"]
    assert sum(found["course"]["expected"][-steps:]) == pytest.approx(found["expected"], rel=1e-12)


@pytest.mark.parametrize(("area", "category", "window", "at"), EXPLAINED)
def test_parts_are_those_of_the_file(server, reference, area, category, window, at):
    found = ask(server, area, category, window, at)
    end = datetime.fromisoformat(at)
    begin = end - timedelta(hours=window)
    ids = [row[0] for row in of(reference, area, category, begin, end, "id")]
    assert sorted(incident["id"] for incident in found["incidents"]) == sorted(ids)[:100] or len(ids) > 100
    assert (found["observed"], found["unread"]) == (len(ids), 0)
    by_hour = dict(of(reference, area, category, begin, end, "hour(occurred_at), count(*)", "GROUP BY 1"))
    assert {hour["hour"]: hour["observed"] for hour in found["hours"] if hour["observed"]} == by_hour
    # Hours before the change of a clock would lie an hour beside.
    year_before = begin - timedelta(hours=365 * 24)
    year = of(reference, area, category, year_before, begin, "count(*)")[0][0]
    for kind in KINDS:
        now = dict(of(reference, area, category, begin, end, f"upper({kind}), count(*)", "GROUP BY 1"))
        listed = {part["text"].upper(): part for part in found[kind]["parts"]}
        assert {text: part["observed"] for text, part in listed.items()} == {text: now[text] for text in listed}
        assert found[kind]["learned_from"] == min(year, 3000)
        if year > 3000:
            continue
        before = dict(of(reference, area, category, year_before, begin, f"upper({kind}), count(*)", "GROUP BY 1"))
        for text, part in listed.items():
            assert part["expected"] == pytest.approx(found["expected"] * before.get(text, 0) / year, rel=1e-9, abs=1e-12)
            share = (before.get(text, 0) + 0.5) / (year + 1)
            assert part["p"] == pytest.approx(stats.binom.sf(part["observed"] - 1, found["observed"], share), rel=1e-9)
        more = {text for text, count in now.items() if count > found["expected"] * before.get(text, 0) / year}
        assert len(listed) == min(10, len(more)) and set(listed) <= more


def test_the_explanation_of_a_festival_names_its_park_and_pickpockets(server):
    """Nobody told it: pickpockets, at the gates of a park."""
    real("chicago-2012-2017.csv.zst", "a festival of a real city is looked for")
    found = ask(server, "32", "THEFT", 24, "2017-08-06T06:00")
    assert (found["observed"], found["standing"]) == (103, "ranked")
    assert [found[kind]["parts"][0]["text"] for kind in KINDS] == ["003XX E RANDOLPH ST", "PARK PROPERTY", "POCKET-PICKING"]
    assert found["blocks"]["parts"][0]["observed"] == 79


def test_a_course_is_that_of_the_file(server, reference):
    course = ask(server, "32", "THEFT", 24, "2017-08-06T06:00")["course"]
    end = datetime(2017, 8, 6, 6)
    assert (course["step_hours"], len(course["observed"])) == (1, 336)
    begin = end - timedelta(hours=336)
    assert course["from"].startswith(begin.isoformat())
    by_hour = dict(of(reference, "32", "THEFT", begin, end, "date_trunc('hour', occurred_at), count(*)", "GROUP BY 1"))
    assert course["observed"] == [by_hour.get(begin + timedelta(hours=hour), 0) for hour in range(336)]
    for low, expected, high in zip(course["low"], course["expected"], course["high"], strict=True):
        assert low <= high and expected > 0


def test_courses_end_with_the_peak(server):
    plain = server.json("/api/v1/peaks", limit=5, at="2017-08-06T06:00")
    found = server.json("/api/v1/peaks", limit=5, course=12, at="2017-08-06T06:00")
    for window in found["windows"]:
        for peak in window["peaks"]:
            course = peak.pop("course")
            assert (course["step_hours"], len(course["observed"])) == (window["hours"], 12)
            assert course["observed"][-1] == peak["observed"]
            assert course["expected"][-1] == pytest.approx(peak["expected"], rel=1e-12)
    assert found == plain
    # The seven days before are the window of then.
    before = server.json("/api/v1/peaks", limit=1, at="2017-07-30T06:00", area="community_area:32", category="THEFT")
    week = server.json("/api/v1/peaks", limit=1, course=2, at="2017-08-06T06:00", area="community_area:32", category="THEFT")
    assert week["windows"][3]["peaks"][0]["course"]["observed"][0] == before["windows"][3]["peaks"][0]["observed"]


@pytest.mark.parametrize(
    ("wrong", "parameter", "detail"),
    [
        ({}, "area", "`area` is missing: give LAYER:CODE"),
        ({"area": "community_area:32"}, "category", "`category` is missing: give a category"),
        ({"area": ["community_area:32", "community_area:33"], "category": "THEFT"}, "area", "`area` is given more than once: give LAYER:CODE"),
        ({"area": "district:001", "category": "THEFT"}, "area", "hourly counts have areas of the layer `community_area` only"),
        ({"area": "community_area:32", "category": "THEFT", "window": "12"}, "window", "`window=12`: give 1, 6, 24 or 168"),
    ],
)
def test_wrong_questions_are_refused(server, wrong, parameter, detail):
    status, _, body = server.get("/api/v1/explain", **wrong)
    assert status == 400
    problem = json.loads(body)
    assert (problem["parameter"], problem["detail"]) == (parameter, detail)


def test_too_little_history_is_404(server):
    status, _, body = server.get("/api/v1/explain", area="community_area:32", category="THEFT", at="2012-02-01")
    detail = "there is too little history before then to say what is expected: fewer than eight weeks"
    assert (status, json.loads(body)) == (404, {"type": "about:blank", "title": "not found", "status": 404, "detail": detail})


@pytest.mark.parametrize(
    ("wrong", "parameter", "detail"),
    [
        ({"course": 5, "limit": 101}, "limit", "`limit=101`: with `course`, give a limit of at most 100"),
        ({"course": 61}, "course", "`course=61`: give a whole number from 0 to 60"),
        (
            {"course": 5, "as": "said"},
            "course",
            "courses are computed from what is known today: leave `course` out, or give `as=known`",
        ),
    ],
)
def test_wrong_courses_are_refused(server, wrong, parameter, detail):
    status, _, body = server.get("/api/v1/peaks", **wrong)
    problem = json.loads(body)
    assert (status, problem["parameter"], problem["detail"]) == (400, parameter, detail)
