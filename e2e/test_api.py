"""The HTTP API as a stranger meets it: what it promises, and what it says when it is asked wrongly."""

import json
import re
import threading

import openapi_spec_validator
import pytest
from conftest import Server
from description import Description, Nonconforming


@pytest.fixture(scope="module")
def server(sample, tmp_path_factory):
    folder = tmp_path_factory.mktemp("api") / "blotter"
    server = Server("demo", "--listen", "127.0.0.1:0", "--dir", str(folder), "--data", str(sample("chicago-2015-10-sample.csv")))
    server.wait_for_address()
    server.wait_until_caught_up()
    yield server
    server.stop()


MOMENT = "the city's civil time, such as 2016, 2016-07, 2016-07-19 or 2016-07-19T13:45, or a moment with its offset"
BOX = "west,south,east,north in degrees, west ≤ east and south ≤ north"
LAYERS = "community_area, district, beat, ward"


@pytest.mark.parametrize(
    ("path", "named", "value", "detail"),
    [
        ("cells", "resolution", "12", "`resolution=12`: give an H3 resolution from 7 to 11"),
        ("cells", "resolution", "nine", "`resolution=nine`: give an H3 resolution from 7 to 11"),
        ("cells", "from", "yesterday", f"`from=yesterday`: give {MOMENT}"),
        ("cells", "from", "2016-02-30", f"`from=2016-02-30`: give {MOMENT}"),
        ("cells", "bbox", "1,2,3", f"`bbox=1,2,3`: give {BOX}"),
        ("cells", "bbox", "-87,42,-88,41", f"`bbox=-87,42,-88,41`: give {BOX}"),
        ("cells", "arrest", "maybe", "`arrest=maybe`: give true or false"),
        (
            "cells",
            "hour_of_week",
            "160-168",
            "`hour_of_week=160-168`: give hours from 0 (Monday at midnight) to 167, and ranges of them, such as 20-23,44-47",
        ),
        ("cells", "area", "32", "`area=32`: give LAYER:CODE, such as community_area:32"),
        ("cells", "area", "galaxy:1", f"there is no layer `galaxy`; there are: {LAYERS}"),
        (
            "cells",
            "colour",
            "red",
            "this address has no parameter `colour`; there are: "
            "resolution, from, to, category, area, arrest, domestic, bbox, hour_of_week, format",
        ),
        ("series", "by", "moon", f"there is no layer `moon`; there are: {LAYERS}"),
        ("series", "bucket", "fortnight", "`bucket=fortnight`: give hour, day, week, month or year"),
        ("incidents", "limit", "0", "`limit=0`: give a whole number from 1 to 1000"),
        ("incidents", "cursor", "???", "give the `next_cursor` of the page before"),
        ("hotspots", "confidence", "80", "`confidence=80`: give 90, 95 or 99"),
        ("peaks", "as", "told", "`as=told`: give known or said"),
        ("cells", "format", "xml", "`format=xml`: give json, arrow, geojson or csv"),
        ("meta", "format", "json", "this address has no parameter `format`; this address has no parameters"),
    ],
)
def test_a_wrong_parameter_is_named_with_what_is_right(server, path, named, value, detail):
    status, headers, body = server.get(f"/api/v1/{path}", **{named: value})
    assert (status, headers["content-type"]) == (400, "application/problem+json")
    expected = {"type": "about:blank", "title": "a parameter is wrong", "status": 400, "detail": detail, "parameter": named}
    assert json.loads(body) == expected


def test_unknown_paths_are_problems_too(server):
    status, headers, body = server.get("/api/v1/nothing")
    assert (status, headers["content-type"]) == (404, "application/problem+json")
    assert json.loads(body)["status"] == 404


#: All that the API answers, so that nothing leaves the document unnoticed.
PATHS = {
    "/api/v1/boundaries/{layer}",
    *(
        f"/api/v1/{name}"
        for name in (
            "backtest", "brief", "cells", "change", "density", "emerging", "episodes", "explain", "find", "hotspots", "hours",
            "incidents", "live", "meta", "peaks", "rejected", "series",
        )
    ),
}  # fmt: skip


def test_the_description_is_openapi(server):
    document = server.json("/openapi.json")
    assert document["openapi"].startswith("3.1")
    openapi_spec_validator.validate(document)
    assert {path for path in document["paths"] if path.startswith("/api/")} == PATHS


ANSWER = {"type": "object", "required": ["count"], "properties": {"count": {"type": "integer"}, "at": {"type": "string", "format": "date-time"}}}
DOCUMENT = {
    "openapi": "3.1.0",
    "paths": {
        "/api/count/{layer}": {
            "get": {
                "responses": {
                    "200": {"content": {"application/json": {"schema": {"$ref": "#/components/schemas/Answer"}}, "text/csv": {}}},
                    "304": {},
                    "4XX": {"$ref": "#/components/responses/Problem"},
                }
            }
        }
    },
    "components": {
        "schemas": {"Answer": ANSWER},
        "responses": {"Problem": {"content": {"application/problem+json": {"schema": {"required": ["title"]}}}}},
    },
}


@pytest.mark.parametrize(
    ("path", "status", "media_type", "body", "wrong"),
    [
        ("/api/count/beat", 200, "application/json", b'{"count": 1, "at": "2026-01-31T12:00:00Z"}', None),
        ("/api/count/beat", 200, "application/json; charset=utf-8", b'{"count": 1}', None),
        ("/api/count/beat", 200, "text/csv", b"whatever", None),
        ("/api/count/beat", 304, "", b"", None),
        ("/api/count/beat", 404, "application/problem+json", b'{"title": "none"}', None),
        ("/a/page", 200, "text/html", b"<html>", None),
        ("/api/count/beat", 200, "application/json", b'{"count": "1"}', "count: "),
        ("/api/count/beat", 200, "application/json", b'{"count": 1, "at": "yesterday"}', "at: "),
        ("/api/count/beat", 200, "application/json", b'{"count": NaN}', "NaN is not JSON"),
        ("/api/count/beat", 200, "text/plain", b"1", "text/plain, but"),
        ("/api/count/beat", 304, "", b"1", "a body that"),
        ("/api/count/beat", 404, "application/problem+json", b"{}", "title"),
        ("/api/count/beat", 500, "application/problem+json", b"{}", "lists 200, 304, 4XX"),
        ("/api/other", 200, "application/json", b"{}", "no such path"),
    ],
)
def test_an_answer_that_the_description_does_not_list_is_noticed(path, status, media_type, body, wrong):
    ask = lambda: Description(DOCUMENT).check("GET", path, status, {"content-type": media_type}, body)  # noqa: E731
    if wrong is None:
        return ask()
    with pytest.raises(Nonconforming, match=re.escape(wrong)):
        ask()


def test_health_and_metrics(server):
    for path in ("/healthz", "/readyz"):
        assert server.get(path)[0] == 200
    status, _, body = server.get("/metrics")
    assert status == 200
    assert b"blotter_incidents" in body


def test_many_readers_at_once(server):
    expect = server.json("/api/v1/series", by="category", bucket="year")
    answers, failures = [], []

    def ask():
        try:
            answers.append(server.json("/api/v1/series", by="category", bucket="year"))
        except Exception as error:  # noqa: BLE001 - told below
            failures.append(error)

    threads = [threading.Thread(target=ask) for _ in range(40)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failures
    assert all(answer == expect for answer in answers)
