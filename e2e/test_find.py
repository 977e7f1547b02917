"""One box that finds areas, categories, blocks and case numbers: against DuckDB."""

import json

import pytest
from reference import Reference


@pytest.fixture(scope="module")
def server(whole_city):
    """Once the first snapshot is loaded: blocks and case numbers are found in it."""
    whole_city.wait_until(lambda _: find(whole_city, "x")["searched"], "the snapshot is loaded")
    return whole_city


@pytest.fixture(scope="module")
def reference(city_database):
    found = Reference(city_database)
    found.db.execute('CREATE TABLE texts AS SELECT "ID" AS id, "Block" AS block, "Case Number" AS number FROM raw')
    return found


def find(server, text, **more):
    return server.json("/api/v1/find", q=text, **more)


def test_an_area_is_found_by_name_and_by_code(server):
    meta = server.meta()
    layer = next(layer for layer in meta["layers"] if layer["primary"])
    area = next(area for area in layer["areas"] if area["name"] != area["code"])
    expect = {"layer": layer["name"], "title": layer["title"], **area}
    for text in (area["name"], area["name"].lower(), f" {area['name'].upper()} "):
        assert find(server, text)["areas"][0] == expect
    assert expect in find(server, area["code"])["areas"]


def test_a_category_is_found_by_a_part_of_its_name(server):
    assert find(server, "theft")["categories"][:1] == ["THEFT"]
    assert "MOTOR VEHICLE THEFT" in find(server, "theft")["categories"]


def test_a_block_is_found_with_its_middle(server, reference):
    block, count = reference.db.execute("SELECT block, count(*) FROM texts GROUP BY 1 ORDER BY 2 DESC, 1 LIMIT 1").fetchone()
    latitude, longitude = reference.db.execute(
        "SELECT avg(latitude), avg(longitude) FROM incidents JOIN texts USING (id) WHERE block = $1 AND mapped", [block]
    ).fetchone()
    found = find(server, block.lower())
    first = found["blocks"][0]
    assert (first["block"], first["incidents"]) == (block, count)
    assert (first["latitude"], first["longitude"]) == pytest.approx((latitude, longitude), abs=1e-9)
    assert found["searched"] == reference.total()
    street = block.split(" ", 1)[1]
    blocks = find(server, street, limit=50)["blocks"]
    assert len(blocks) > 1 and all(street in one["block"].upper() for one in blocks)


def test_an_incident_is_found_by_its_case_number(server, reference):
    identity, number = reference.db.execute("SELECT id, number FROM texts WHERE length(number) > 6 ORDER BY id LIMIT 1").fetchone()
    for text in (number, number.lower()):
        (incident,) = [one for one in find(server, text)["incidents"] if one["id"] == identity]
        assert incident["case_number"] == number
    assert find(server, f"{number}9")["incidents"] == []


def test_an_unknown_text_finds_nothing(server):
    found = find(server, "no such thing anywhere")
    assert found["areas"] == found["categories"] == found["blocks"] == found["incidents"] == []


@pytest.mark.parametrize(
    ("wrong", "parameter", "detail"),
    [
        ({}, "q", "`q` is missing: give a text to find"),
        ({"q": " "}, "q", "`q= `: give 1 to 100 characters to find"),
        ({"q": "x" * 101}, "q", f"`q={'x' * 101}`: give 1 to 100 characters to find"),
        ({"q": "x", "limit": 51}, "limit", "`limit=51`: give a whole number from 1 to 50"),
    ],
)
def test_wrong_parameters_are_refused(server, wrong, parameter, detail):
    status, _, body = server.get("/api/v1/find", **wrong)
    problem = json.loads(body)
    assert (status, problem["parameter"], problem["detail"]) == (400, parameter, detail)
