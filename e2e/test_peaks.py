"""What is peaking: totals against DuckDB, the statistics against `scipy`, following against loading afresh, and the commands."""

import csv
import io
import json
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import duckdb
import pytest
from conftest import BINARY, run_to_end
from data import FEED
from scipy import stats

CHICAGO = ZoneInfo("America/Chicago")
UTC = ZoneInfo("UTC")
HOURS = [1, 6, 24, 168]
#: Everything that there is at a tick.
ALL = 10_000


@pytest.fixture(scope="module")
def server(whole_city):
    return whole_city


@pytest.fixture(scope="module")
def folder(whole_city):
    return whole_city.folder


@pytest.fixture(scope="module")
def incidents(city_database):
    """The file as DuckDB reads it: civil time, area and category of each incident that has an area."""
    database = duckdb.connect()
    database.execute(f"ATTACH '{city_database}' AS city (READ_ONLY)")
    database.execute("""
        CREATE TABLE incidents AS
        SELECT strptime("Date", '%m/%d/%Y %I:%M:%S %p') AS occurred_at, "Community Area" AS area,
            CASE
                WHEN "Primary Type" IN ('NON - CRIMINAL', 'NON-CRIMINAL (SUBJECT SPECIFIED)') THEN 'NON-CRIMINAL'
                WHEN "Primary Type" = 'CRIM SEXUAL ASSAULT' THEN 'CRIMINAL SEXUAL ASSAULT'
                ELSE "Primary Type"
            END AS category
        FROM city.raw
        WHERE "Community Area" NOT IN ('', '0')
    """)
    return database


def run(*arguments, code=0):
    """Runs a command to its end; what it said, and what it logged."""
    done = run_to_end(BINARY, *arguments, code=code, text=False)
    return done.stdout, done.stderr.decode()


def peaks(answer):
    """All peaks with the hours of their window."""
    return [(window["hours"], peak) for window in answer["windows"] for peak in window["peaks"]]


# A summer night, the two changes of the clocks, a year's end and the end of the data.
MOMENTS = ["2016-07-19T13:45", "2017-03-13T08:00", "2016-11-07", "2015-01-01", None]


@pytest.mark.parametrize("at", MOMENTS)
def test_totals_are_those_of_the_file(server, incidents, at):
    answer = server.json("/api/v1/peaks", limit=ALL, **({"at": at} if at else {}))
    end = datetime.fromisoformat(answer["at"])
    newest = incidents.execute("SELECT max(occurred_at) FROM incidents").fetchone()[0]
    asked = datetime.fromisoformat(at) if at else newest + timedelta(hours=1)
    assert end == asked.replace(minute=0, second=0, tzinfo=CHICAGO)
    assert [window["hours"] for window in answer["windows"]] == HOURS
    for window in answer["windows"]:
        assert window["standing"] == "ranked"
        begin = (end.astimezone(UTC) - timedelta(hours=window["hours"])).astimezone(CHICAGO)
        rows = incidents.execute(
            "SELECT area, category, count(*) FROM incidents WHERE occurred_at >= ? AND occurred_at < ? GROUP BY ALL",
            [begin.replace(tzinfo=None), end.astimezone(CHICAGO).replace(tzinfo=None)],
        ).fetchall()
        ours = {(peak["area"], peak["category"]): peak["observed"] for peak in window["peaks"]}
        assert {pair: count for pair, count in ours.items() if count} == {(a, c): count for a, c, count in rows}
        assert len(ours) == len(window["peaks"]) == window["tests"]
    # Tested is every area with every category of which anything had happened by then.
    areas, categories = incidents.execute(
        "SELECT count(DISTINCT area), count(DISTINCT category) FROM incidents WHERE occurred_at < ?",
        [end.astimezone(CHICAGO).replace(tzinfo=None)],
    ).fetchone()
    assert answer["tests"] == len(HOURS) * areas * categories


@pytest.mark.parametrize("at", ["2016-07-19T13:45", "2017-07-05"])
def test_surprise_is_what_scipy_says_it_is(server, at):
    answer = server.json("/api/v1/peaks", limit=ALL, at=at)
    every = peaks(answer)
    assert len(every) == answer["tests"]
    for hours, peak in every:
        observed, expected, dispersion = peak["observed"], peak["expected"], peak["dispersion"]
        assert expected > 0
        assert dispersion >= 1
        assert peak["ratio"] == pytest.approx(observed / expected, rel=1e-12)
        assert (peak["percent_more"] is None) == (expected < 5)
        if peak["percent_more"] is not None:
            assert peak["percent_more"] == pytest.approx((observed / expected - 1) * 100, rel=1e-9, abs=1e-9)
        assert (peak["surge_evidence"] is None) == (hours != 168)
    # Where the dispersion is hardly above 1, the two parametrisations lose digits differently.
    spread = [peak for _, peak in every if peak["dispersion"] > 1.01 and peak["observed"] > 0]
    assert len(spread) > 500
    p = stats.nbinom.sf(
        [peak["observed"] - 1 for peak in spread],
        [peak["expected"] / (peak["dispersion"] - 1) for peak in spread],
        [1 / peak["dispersion"] for peak in spread],
    )
    assert [peak["p"] for peak in spread] == pytest.approx(list(p), rel=1e-9, abs=1e-280)
    q = stats.false_discovery_control([peak["p"] for _, peak in every])
    assert [peak["q"] for _, peak in every] == pytest.approx(list(q), rel=1e-12)
    for window in answer["windows"]:
        order = [(peak["q"], peak["p"]) for peak in window["peaks"]]
        assert order == sorted(order)
    # An ordinary week holds about what was expected, city-wide and in the largest categories.
    week = answer["windows"][-1]["peaks"]
    assert sum(peak["observed"] for peak in week) == pytest.approx(sum(peak["expected"] for peak in week), rel=0.1)
    for category in ("THEFT", "BATTERY"):
        of = [peak for peak in week if peak["category"] == category]
        assert sum(peak["observed"] for peak in of) == pytest.approx(sum(peak["expected"] for peak in of), rel=0.2)


def test_filters_select_what_is_listed_and_not_what_is_tested(server):
    whole = server.json("/api/v1/peaks", limit=ALL)
    query = {"area": ["community_area:25", "community_area:32"], "category": ["theft", "BATTERY"]}
    some = server.json("/api/v1/peaks", **query)
    assert some["tests"] == whole["tests"]
    assert len(peaks(some)) == len(HOURS) * 4
    wanted = lambda peak: peak["area"] in ("25", "32") and peak["category"] in ("THEFT", "BATTERY")  # noqa: E731
    assert peaks(some) == [(hours, peak) for hours, peak in peaks(whole) if wanted(peak)]
    few = server.json("/api/v1/peaks", limit=3)
    assert [window["peaks"] for window in few["windows"]] == [window["peaks"][:3] for window in whole["windows"]]


def test_a_past_moment_is_answered_or_has_too_little_history(server):
    now = server.json("/api/v1/peaks")
    assert server.json("/api/v1/peaks", at=now["at"]) == now
    assert server.json("/api/v1/peaks", at="2016-07-19T13:00") == server.json("/api/v1/peaks", at="2016-07-19T18:30:00Z")
    early = server.json("/api/v1/peaks", at="2012-02-01")
    assert {window["standing"] for window in early["windows"]} == {"too_little_history"}
    assert (early["tests"], peaks(early)) == (0, [])
    assert peaks(server.json("/api/v1/peaks", at="1950")) == []


@pytest.mark.parametrize(
    ("parameters", "named"),
    [
        ({"at": "yesterday"}, "at"),
        ({"at": "2016-02-30"}, "at"),
        ({"at": "2018-01-01T01:00"}, "at"),
        ({"area": "beat:0111"}, "area"),
        ({"area": "25"}, "area"),
        ({"area": "community_area:99"}, "area"),
        ({"category": "JAYWALKING"}, "category"),
        ({"limit": "0"}, "limit"),
        ({"format": "shapefile"}, "format"),
        ({"from": "2016"}, "from"),
    ],
)
def test_a_wrong_parameter_is_named(server, parameters, named):
    status, headers, body = server.get("/api/v1/peaks", **parameters)
    problem = json.loads(body)
    assert status == 400, problem
    assert headers["content-type"] == "application/problem+json"
    assert problem["parameter"] == named


def test_arrow_and_csv_have_the_peaks_of_json(server):
    import pyarrow

    query = {"limit": 50, "at": "2016-07-19T13:00"}
    plain = server.json("/api/v1/peaks", **query)
    rows = [{"window_hours": hours, **peak} for hours, peak in peaks(plain)]
    _, headers, body = server.get("/api/v1/peaks", "application/vnd.apache.arrow.stream", **query)
    table = pyarrow.ipc.open_stream(body).read_all()
    assert table.to_pylist() == rows
    said = table.schema.metadata
    assert said[b"at"].decode() == plain["at"]
    assert json.loads(said[b"tests"]) == plain["tests"]
    assert json.loads(said[b"windows"]) == [
        {name: value for name, value in window.items() if name != "peaks"} for window in plain["windows"]
    ]
    offsets = ",".join(f"{part}:{next}" for part, next in plain["next_offsets"].items())
    assert headers["blotter-next-offsets"] == offsets
    _, headers, body = server.get("/api/v1/peaks", "text/csv", **query)
    assert (headers["content-type"], headers["blotter-next-offsets"]) == ("text/csv", offsets)
    for sheet, row in zip(csv.DictReader(io.StringIO(body.decode())), rows, strict=True):
        for name, value in row.items():
            if isinstance(value, str | None):
                assert sheet[name] == (value or "")
            else:
                assert float(sheet[name]) == value


QUESTIONS = [
    ("peaks", {"at": "2016-07-19T13:00", "category": ["THEFT", "ROBBERY"], "limit": "40"}),
    ("peaks", {}),
    ("hotspots", {"resolution": "8", "category": "ROBBERY", "from": "2017", "area": "community_area:25", "confidence": "99"}),
    ("hotspots", {"resolution": "7", "bbox": "-87.78,41.84,-87.66,41.92", "arrest": "true"}),
    ("hotspots", {"resolution": "8", "category": "BATTERY", "hour_of_week": "116-121,140-145"}),
    ("emerging", {"resolution": "8", "category": "BURGLARY", "step": "month", "domestic": "false"}),
]


@pytest.mark.parametrize(("command", "query"), QUESTIONS)
def test_a_command_says_what_the_api_says(server, folder, command, query):
    flags = []
    for name, values in query.items():
        for value in values if isinstance(values, list) else [values]:
            flags += [f"--{name.replace('_', '-')}", value]
    for form in ("json", "csv", "geojson"):
        status, _, body = server.get(f"/api/v1/{command}", format=form, **query)
        assert status == 200, body
        for asked in (["--snapshots", folder / "snapshots"], ["--server", server.url]):
            said, logged = run(command, *asked, *flags, "--format", form)
            assert said == (body if body.endswith(b"\n") else body + b"\n")
            assert logged == ""
    said, _ = run(command, "--snapshots", folder / "snapshots", *flags, "--rows", "5")
    assert run(command, "--server", f"{server.url}/", *flags, "--rows", "5")[0] == said
    lines = said.decode().splitlines()
    answer = server.json(f"/api/v1/{command}", **query)
    meta = server.meta()
    assert lines[0] == f"Chicago: data as of {meta['data_as_of']}, received {meta['received_at']}"
    assert lines[-1] == meta["profile"]["disclaimer"]
    if command == "peaks":
        assert f"n {meta['incidents']['total']} incidents, {answer['tests']} tests" in lines[1]
        shown = [line for line in lines if line.startswith("last ")]
        assert [line.split(":")[0] for line in shown] == ["last hour", "last 6 hours", "last 24 hours", "last 7 days"]
        rows = 40 if "limit" in query else 5
        happened = [[peak for peak in window["peaks"] if peak["observed"]][:rows] for window in answer["windows"]]
        assert len(lines) == 4 + sum(2 + bool(peaks) + len(peaks) for peaks in happened)
        for line, peaks in zip(shown, happened, strict=True):
            assert ("nothing unusual" in line) == all(peak["q"] > 0.1 for peak in peaks), line
    else:
        assert lines[1].startswith(f"n {answer['n']} cells (where incidents are, without outlines), ")
        if answer["caution"]:
            assert f"caution: {answer['caution']}" in lines
        assert f"{answer['mapped']} incidents mapped, {answer['unmapped']} not" in lines[1]
    if command == "hotspots":
        strongest = max(answer["cells"], key=lambda cell: abs(cell["z"] or 0))
        assert f"{answer['tests']} tests" in lines[1]
        first = lines[next(number for number, line in enumerate(lines) if line.startswith("cell ")) + 1]
        assert (strongest["cell"] in first) == (strongest["class"] != "not_significant")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["peaks", "--area", "community_area:99"], "there is no area `99`"),
        (["hotspots", "--city", "new-york-shootings"], "is of city `chicago`"),
        (["peaks", "--limit", "0"], "`limit=0`"),
        (["hotspots", "--resolution", "12"], "`resolution=12`"),
        (["emerging", "--step", "day"], "month or week"),
        (["peaks", "--area", "beat:0111"], "community_area"),
    ],
)
def test_a_command_says_what_is_wrong(server, folder, arguments, said):
    out, logged = run(*arguments, "--snapshots", folder / "snapshots", code=1)
    assert out == b""
    assert said in logged


def test_a_server_says_what_is_wrong(server):
    _, logged = run("hotspots", "--server", server.url, "--resolution", "12", code=1)
    assert "`resolution=12`: give an H3 resolution from 7 to 11" in logged


def test_a_command_without_a_snapshot_is_refused(tmp_path):
    _, logged = run("peaks", "--snapshots", tmp_path, code=1)
    assert "there is no snapshot" in logged


def test_following_revisions_gives_the_answer_of_a_fresh_load(blotter, sample, tmp_path):
    """The change feed of a year in some seconds, asked all the while; then the log and its snapshots, read anew."""
    folder, feed = tmp_path / "blotter", sample(FEED)
    server = blotter("demo", "--listen", "127.0.0.1:0", "--dir", folder, "--data", feed, "--speed", "4000000")
    server.wait_for_address()
    seen = {}
    live = None
    query = {"limit": ALL}

    def is_done(meta):
        answer = server.json("/api/v1/peaks", **query)
        seen[json.dumps(answer["next_offsets"])] = answer["tests"]
        return meta["caught_up"]

    server.wait_until(is_done, "caught up")
    assert len(seen) > 5, "it was not asked while it followed"
    _, _, live = server.get("/api/v1/peaks", **query)
    _, _, past = server.get("/api/v1/peaks", at="2021-07-01", **query)
    assert json.loads(past)["tests"] > 0
    server.stop()
    for snapshots in (folder / "snapshots", tmp_path):
        flags = ["--snapshots", snapshots, "--log", f"embedded:{folder / 'log'}", "--limit", ALL, "--format", "json"]
        assert run("peaks", *flags)[0] == live + b"\n"
        assert run("peaks", *flags, "--at", "2021-07-01")[0] == past + b"\n"
