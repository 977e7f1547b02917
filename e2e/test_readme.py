"""The findings that README prints are what the API answers: each number there is read from its text and asked for."""

import re
from datetime import datetime

import duckdb
import h3
import pytest
from conftest import ROOT
from data import CITY, real
from outlines import Areas

#: As README writes small numbers.
WORDS = ["no", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten"]
NUMBER = r"(\S*\d)"
WORD = rf"({'|'.join(WORDS)})"
DATE = r"(\d+ \w+ \d{4})"
#: Every sentence with numbers, by what it is about. Their groups are the numbers.
SAYS = {
    "records": rf"records of {NUMBER} to {NUMBER}: {NUMBER} incidents",
    "profile": rf"names {NUMBER} categories; it joins the spellings of {NUMBER} in the file, which would be {NUMBER} pairs",
    "tests": rf"On {DATE} at {NUMBER}, Blotter tests {NUMBER} pairs of area and category in each of {WORD} windows",
    "unusual": rf"{WORD} pair is unusual: theft in the Loop, with {NUMBER} incidents in {NUMBER} hours where {NUMBER} were expected "
    rf"\(q = {NUMBER}\), and {NUMBER} in {WORD} days where {NUMBER} were expected",
    "year before": rf"On {DATE}, after the festival of that year, the same pair is first: {NUMBER} in {WORD} days where {NUMBER} were expected",
    "command": rf"blotter peaks --snapshots blotter-data/chicago/snapshots --at {NUMBER}",
    "why": rf"Of the {NUMBER} thefts, {NUMBER} are at one block where {NUMBER} were expected, {NUMBER} on park property and {NUMBER} by pocket-picking",
    "hot spots": rf"Of {NUMBER} mapped robberies in {NUMBER}, Gi\* finds {NUMBER} hexagons \(of {NUMBER}, about {NUMBER} km² each\) that differ from the "
    rf"city at {NUMBER} % confidence after correction for {NUMBER} tests. The strongest {WORD} are in the Loop",
    "emerging": rf"Of robberies from {NUMBER} to {NUMBER}, month by month: {NUMBER} hexagons are hot almost all the time, {NUMBER} become "
    rf"hotter, {NUMBER} are new. The answer also warns that single months have few robberies per hexagon",
}
LOOP, THEFT = "community_area:32", "THEFT"


def section() -> str:
    """What README finds, in one line and without emphasis."""
    text = (ROOT / "README.md").read_text().partition("## What it finds\n")[2].partition("\n## ")[0]
    return " ".join(text.replace("**", "").split())


def printed(about: str) -> list[str]:
    """The numbers that README prints of something."""
    found = re.search(SAYS[about], section(), re.IGNORECASE)
    assert found, f"README does not say `{SAYS[about]}`"
    return list(found.groups())


def day(text: str) -> datetime:
    return datetime.strptime(text, "%d %B %Y")


def word(number: int) -> str:
    return WORDS[number]


def short(q: float) -> str:
    """3.4e-6."""
    mantissa, _, exponent = f"{q:.1e}".partition("e")
    return f"{mantissa}e{int(exponent)}"


@pytest.fixture(scope="module")
def server(request):
    real(CITY, "README says what was found in it")
    # Only now: where the file is not there, nothing is loaded.
    return request.getfixturevalue("whole_city")


@pytest.fixture(scope="module")
def moment() -> str:
    """The moment of the peak."""
    date, hour, *_ = printed("tests")
    return f"{day(date):%Y-%m-%d}T{hour}"


def windows(server, at, **more):
    return {window["hours"]: window for window in server.json("/api/v1/peaks", at=at, **more)["windows"]}


def test_every_number_of_the_section_is_checked():
    left = section()
    for pattern in SAYS.values():
        left = re.sub(pattern, "", left, flags=re.IGNORECASE)
    assert not re.search(r"\d", left), left


def test_the_records(server):
    meta = server.meta()
    assert printed("records") == [meta["earliest"][:4], meta["data_as_of"][:4], f"{meta['incidents']['total']:,}"]


def test_what_the_tests_depend_on(server, moment):
    """The categories are those of the profile, which joins spellings of the file."""
    file = f"read_csv('{real(CITY, 'its spellings are counted')}', header = true, all_varchar = true)"
    spellings = duckdb.sql(f'SELECT count(DISTINCT "Primary Type") FROM {file}').fetchone()[0]
    categories = len(server.meta()["categories"])
    areas = windows(server, moment, limit=1)[24]["tests"] // categories
    assert printed("profile") == [str(categories), str(spellings), f"{areas * spellings:,}"]


def test_the_tests(server, moment):
    found = windows(server, moment, limit=1)
    (tests,) = {window["tests"] for window in found.values()}
    assert printed("tests")[2:] == [f"{tests:,}", word(len(found))]


def test_the_unusual_pair(server, moment):
    found = windows(server, moment, limit=10_000)
    unusual = {(peak["area"], peak["category"]) for window in found.values() for peak in window["peaks"] if peak["q"] <= 0.1}
    assert unusual == {("32", THEFT)}
    one_day, week = found[24]["peaks"][0], found[168]["peaks"][0]
    assert (one_day["area"], one_day["category"]) == (week["area"], week["category"]) == ("32", THEFT)
    expected = [one_day["observed"], 24, f"{one_day['expected']:.1f}", short(one_day["q"])]
    assert [each.lower() for each in printed("unusual")] == [
        word(len(unusual)), *map(str, expected), str(week["observed"]), word(168 // 24), f"{week['expected']:.1f}",
    ]  # fmt: skip


def test_the_year_before(server):
    date, *numbers = printed("year before")
    first = windows(server, f"{day(date):%Y-%m-%d}", limit=1)[168]["peaks"][0]
    assert (first["area"], first["category"]) == ("32", THEFT)
    assert numbers == [str(first["observed"]), word(168 // 24), f"{first['expected']:.1f}"]


def test_the_command_asks_for_that_moment(moment):
    assert printed("command") == [moment]


def test_the_explanation(server, moment):
    found = server.json("/api/v1/explain", area=LOOP, category=THEFT, window=24, at=moment)
    block, place, how = (found[kind]["parts"][0] for kind in ("blocks", "places", "descriptions"))
    assert (place["text"], how["text"]) == ("PARK PROPERTY", "POCKET-PICKING")
    parts = [found["observed"], block["observed"], f"{block['expected']:.1f}", place["observed"], how["observed"]]
    assert printed("why") == list(map(str, parts))


def test_the_hot_spots(server):
    numbers = printed("hot spots")
    year, confidence = int(numbers[1]), int(numbers[5])
    period = {"from": str(year), "to": str(year + 1)}
    found = server.json("/api/v1/hotspots", resolution=9, category="ROBBERY", confidence=confidence, **period)
    differ = [cell for cell in found["cells"] if cell["class"] != "not_significant"]
    area_km2 = sum(h3.cell_area(cell["cell"], unit="km^2") for cell in found["cells"]) / found["n"]
    outlines = Areas(real("chicago-community-areas.geojson.zst", "the outline of the Loop"), lambda properties: properties["area_numbe"])
    strongest = sorted(found["cells"], key=lambda cell: -cell["z"])
    latitudes, longitudes = zip(*(h3.cell_to_latlng(cell["cell"]) for cell in strongest), strict=True)
    codes = outlines.at(longitudes, latitudes)
    in_the_loop = next(number for number, code in enumerate(codes) if code != ["32"])
    assert numbers == [
        f"{found['mapped']:,}", str(year), str(len(differ)), f"{found['n']:,}", f"{area_km2:.1f}", str(confidence), f"{found['tests']:,}", word(in_the_loop),
    ]  # fmt: skip


def test_the_emerging_hot_spots(server):
    numbers = printed("emerging")
    first, last = map(int, numbers[:2])
    found = server.json("/api/v1/emerging", resolution=9, category="ROBBERY", step="month", **{"from": str(first), "to": str(last + 1)})
    counts = [found["patterns"].get(name, 0) for name in ("persistent_hot", "intensifying_hot", "new_hot")]
    assert numbers == list(map(str, [first, last, *counts]))
    assert found["caution"].startswith("seven cells together hold ")
