"""A city of one's own: what a profile can say, on the real binary."""

import subprocess

import pytest
from conftest import BINARY
from playwright.sync_api import expect

PROFILE = """
slug = "springfield"
name = "Springfield"
time_zone = "America/Chicago"
disclaimer = "Made up."
bounding_box = { west = -90.4, south = 38.5, east = -90.1, north = 38.8 }
date_formats = ["%m/%d/%Y %H%M"]
missing = ["REDACTED", "-1"]
projection = "+proj=tmerc +lat_0=35.8333333333333 +lon_0=-90.5 +k=0.999933333333333 +x_0=250000 +y_0=0 +datum=NAD83 +units=us-ft"

[columns]
id = ["Report"]
occurred_at = ["Day"]
occurred_time = ["Time"]
category = ["Offense"]
block = ["Address"]
x = ["X"]
y = ["Y"]
"""
#: With what is right: the time, and latitude and longitude (by PROJ 9.5.1).
ROWS = {
    "R1,1/5/2019,100,Theft,1 EXAMPLE ST,908297.3,1018623.0": ("2019-01-05T01:00:00", 38.6306549, -90.1916297),
    "R2,1/5/2019,5,Theft,REDACTED,903995.7,1014255.0": ("2019-01-05T00:05:00", 38.6186996, -90.2067368),
    "R3,1/6/2019,2330,NULL,N/A,-1.0,-1.0": ("2019-01-06T23:30:00", None, None),
    "R4,1/6/2019,NULL,Robbery,2 EXAMPLE ST,0,0": ("2019-01-06T00:00:00", None, None),
}


@pytest.fixture
def springfield(tmp_path):
    """A profile and a file."""
    city, file = tmp_path / "springfield.toml", tmp_path / "reports.csv"
    # R4 has no time of day: the second format reads it.
    city.write_text(PROFILE.replace('["%m/%d/%Y %H%M"]', '["%m/%d/%Y %H%M", "%m/%d/%Y"]'))
    file.write_text("Report,Day,Time,Offense,Address,X,Y\n" + "".join(f"{row}\n" for row in ROWS))
    return city, file


def test_a_city_in_feet_without_areas_is_on_the_map(demo, view, springfield):
    city, file = springfield
    server = demo("--city", city, "--data", file)
    meta = server.wait_until_caught_up()
    assert meta["incidents"] == {"total": 4, "mapped": 2, "unmapped": 2}
    assert [(layer["name"], layer["areas"]) for layer in meta["layers"]] == [("city", [{"code": "ALL", "name": "Springfield"}])]
    incidents = {each["id"]: each for each in server.json("/api/v1/incidents")["incidents"]}
    for row, (time, latitude, longitude) in ROWS.items():
        incident = incidents[row.split(",")[0]]
        assert incident["occurred_at"].startswith(time), incident
        found = incident["latitude"], incident["longitude"]
        assert found == (latitude, longitude) if latitude is None else found == pytest.approx((latitude, longitude), abs=1e-7)
    assert [incidents[f"R{number}"]["block"] for number in range(1, 5)] == ["1 EXAMPLE ST", None, None, "2 EXAMPLE ST"]
    assert incidents["R3"]["category"] == "UNKNOWN"
    page = view(server)
    expect(page.get_by_test_id("total")).to_contain_text("4")
    page.close()


@pytest.mark.parametrize(
    ("right", "wrong", "expected"),
    [
        ('projection = "+proj=tmerc', 'projection = "+proj=feet', ["line 9", "EPSG:26916"]),
        ('x = ["X"]\n', "", ["`columns.x`, `columns.y` and `projection` together"]),
        ('["%m/%d/%Y %H%M"]', '["MM/dd/yyyy HHmm"]', ["`%m/%d/%Y %H%M`"]),
        ("missing = ", "mising = ", ["line 8", "mising"]),
    ],
)
def test_a_profile_that_cannot_be_used_says_what_to_change(tmp_path, right, wrong, expected):
    assert right in PROFILE
    city = tmp_path / "springfield.toml"
    city.write_text(PROFILE.replace(right, wrong, 1))
    command = [BINARY, "demo", "--city", city, "--simulate", "10", "--dir", tmp_path / "x"]
    refused = subprocess.run(command, capture_output=True, text=True, check=False)
    assert refused.returncode != 0 and not (tmp_path / "x" / "log").exists()
    for words in expected:
        assert words in refused.stderr, refused.stderr
