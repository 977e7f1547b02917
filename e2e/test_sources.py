"""Sources that fail, lie or change: the map stays, and says so in the terminal, in `meta`, in the metrics and on the page."""

import json
import re
import threading
import urllib.parse
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from conftest import BINARY, ROOT, run_to_end

CASES = Path(__file__).with_name("cases")


def case(name):
    """A made-up miniature of what a city publishes."""
    return CASES / name


class Portal(ThreadingHTTPServer):
    """As much of SODA as paging asks; `failure` is answered instead of rows while it is set."""

    def __init__(self, rows):
        super().__init__(("127.0.0.1", 0), Handler)
        self.rows = rows
        self.failure = None
        threading.Thread(target=self.serve_forever, daemon=True).start()

    @property
    def address(self):
        return f"http://localhost:{self.server_address[1]}"

    def close(self):
        self.shutdown()
        self.server_close()


class Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        query = dict(urllib.parse.parse_qsl(urllib.parse.urlparse(self.path).query))
        # Whether it is there at all is asked with a limit of one, and it is.
        if self.server.failure and query.get("$limit") != "1":
            status, body = self.server.failure
            return self.answer(status, body)
        rows = sorted(self.server.rows, key=lambda row: (row[":updated_at"], row[":id"]))
        if "count(*)" in query.get("$select", ""):
            return self.answer(200, json.dumps([{"count": str(len(rows))}]))
        where = query.get("$where", "")
        if after := re.search(r":updated_at > '([^']*)' OR \(:updated_at = '[^']*' AND :id > '([^']*)'", where):
            rows = [row for row in rows if (row[":updated_at"], row[":id"]) > after.groups()]
        elif asked := re.findall(r":id = '([^']*)'", where):
            rows = [row for row in rows if row[":id"] in asked]
        self.answer(200, json.dumps(rows[: int(query.get("$limit", "1000"))]))

    def answer(self, status, body):
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body.encode())))
        self.end_headers()
        self.wfile.write(body.encode())

    def log_message(self, *_):
        pass


def chicago_row(number):
    return {
        ":id": f"row-{number:04}",
        ":updated_at": "2026-01-02T00:00:00.000Z",
        "id": str(13_000_000 + number),
        "case_number": f"JH{number:06}",
        "date": f"2025-12-{1 + number % 28:02}T10:{number % 60:02}:00.000",
        "primary_type": "THEFT",
        "latitude": "41.9",
        "longitude": "-87.7",
    }


def profile(tmp_path, address, city="chicago"):
    text = (ROOT / "cities" / f"{city}.toml").read_text()
    text = re.sub(r'(\[portal\]\ndomain = )"[^"]*"', rf'\1"{address}"', text)
    assert address in text
    path = tmp_path / "city.toml"
    path.write_text(text)
    return path


@pytest.fixture
def portal():
    server = Portal([chicago_row(number) for number in range(40)])
    yield server
    server.close()


def source_of(meta):
    (source,) = meta["sources"]
    return source


FAILURES = [(202, ""), (403, "no"), (404, "nothing"), (500, "oops"), (200, "<html>"), (200, "{}")]


def test_whatever_the_portal_answers_the_map_stays_and_says_since_when_it_fails(demo, portal, tmp_path):
    city = profile(tmp_path, portal.address)
    server = demo("--city", city)
    meta = server.wait_until_caught_up()
    assert meta["incidents"]["total"] == 40
    assert source_of(meta)["state"] == "following"
    assert source_of(meta)["last_success_at"]
    server.stop()
    for failure in FAILURES:
        portal.failure = failure
        server = demo("--city", city, expect=("; retrying",))
        # What was loaded before is read while the source is tried: either may come first.
        meta = server.wait_until(
            lambda meta: meta["incidents"]["total"] == 40 and source_of(meta)["state"] == "failing", "the source fails"
        )
        assert not meta["caught_up"]
        assert source_of(meta)["failing_since"] and source_of(meta)["why"]
        text = server.get("/metrics")[2].decode()
        assert re.search(r'blotter_source_failing\{source="socrata-localhost[^"]*"\} 1', text), text
        assert "blotter_source_last_success_timestamp_seconds{" in text
        portal.failure = None
        meta = server.wait_until(lambda meta: meta["caught_up"], "the source answers again")
        assert source_of(meta)["state"] == "following" and source_of(meta)["failing_since"] is None
        server.stop()


def test_a_data_set_published_anew_has_the_same_incidents_after_a_restart(demo, portal, tmp_path):
    texts = json.loads(case("socrata_republish_new_row_ids.json").read_text())
    portal.rows = texts["before"]
    city = profile(tmp_path, portal.address, "new-york-shootings")
    server = demo("--city", city)
    server.wait_until(lambda meta: meta["incidents"]["total"] == 3, "three incidents")
    server.stop()
    portal.rows = texts["after"]
    server = demo("--city", city)
    # The new rows have been read when the log holds more than three records.
    server.wait_until(lambda meta: sum(meta["next_offsets"].values()) > 3, "the new rows are read")
    assert server.meta()["incidents"]["total"] == 3
    server.stop()


def test_one_placeholder_of_1900_stretches_no_chart(demo):
    server = demo("--data", case("placeholder_1900.csv"))
    meta = server.wait_until_caught_up()
    assert meta["incidents"]["total"] == 4
    assert meta["earliest"].startswith("2024-02-04")
    assert meta["outliers"]["early"]["incidents"] == 1
    assert meta["outliers"]["early"]["first"].startswith("1900-01-01")
    assert server.json("/api/v1/series", bucket="month")["buckets"] == ["2024-02-01", "2024-03-01"]
    assert len(server.json("/api/v1/series", bucket="hour")["buckets"]) < 2000
    # Who asks for 1900 sees it.
    asked = server.json("/api/v1/series", bucket="year", **{"from": "1900-01-01", "to": "1901-01-01"})
    assert asked["series"][0]["counts"] == [1]
    server.stop()


def test_missing_columns_and_points_outside_the_city_are_named(demo):
    for name, kind, text in [
        ("next_year_no_coords.csv", "missing_columns", "latitude (`Latitude` or `lat`)"),
        ("swapped_latlon.csv", "outside_city", "latitude and longitude are exchanged"),
        ("positive_lon.csv", "outside_city", "the sign of a coordinate is lost"),
    ]:
        server = demo("--data", case(name))
        meta = server.wait_until_caught_up()
        (notice,) = [notice for notice in source_of(meta)["notices"] if notice["kind"] == kind]
        assert text in notice["text"]
        server.wait_for_line(re.escape(text))
        server.stop()


def test_ids_that_a_spreadsheet_rounded_are_refused(blotter, tmp_path):
    server = blotter(
        "demo", "--city", case("profile_case_trap.toml"), "--data", case("excel_ids.csv"), "--dir", tmp_path / "x",
        "--listen", "127.0.0.1:0", expect=("2.02E",),
    )
    server.wait_for_line(r"5 of 6 rows have the id of another incident \(for example `2\.02E\+16`\)")
    assert server.wait() == 1


def run(*arguments) -> str:
    return run_to_end(BINARY, *arguments).stdout


def test_the_running_server_lists_what_was_rejected(demo):
    server = demo("--data", case("keyed_reason.csv"), "--city", "new-york-shootings")
    meta = server.wait_until_caught_up()
    assert (meta["incidents"]["total"], meta["incidents"]["mapped"], meta["rejected"]) == (2, 1, 2)
    answer = server.json("/api/v1/rejected", limit=1)
    assert "no key" in answer["rejected"][0]["reason"]
    older = server.json("/api/v1/rejected", before=answer["next_before"])
    assert "is not a date in a known format" in older["rejected"][0]["reason"]
    assert older["next_before"] is None
    # As the terminal advises it, while the map holds the log.
    advice = server.wait_for_line(r"see `blotter (rejected[^`]*)`").group(1)
    text = run(*advice.split(), "--city", "new-york-shootings")
    assert "2 rejected" in text and "2020.01.05" in text
    assert "2 rejected" in run("rejected", "--server", server.url)
    server.stop()
    # And from the log when nobody runs.
    assert "2 rejected" in run(*advice.split(), "--city", "new-york-shootings")


HEADER = "ID,Case Number,Date,Primary Type,Latitude,Longitude"


def write(path, ids):
    rows = [f"{number},JH{number},02/{1 + number % 28:02}/2024 10:05:00 PM,THEFT,41.9,-87.7" for number in ids]
    path.write_text("\n".join([HEADER, *rows]) + "\n")


def test_a_file_that_was_replaced_by_a_smaller_one_says_what_it_lacks_and_is_the_truth_when_asked(demo, tmp_path):
    path = tmp_path / "crimes.csv"
    write(path, range(1, 101))
    server = demo("--data", path)
    assert server.wait_until_caught_up()["incidents"]["total"] == 100
    server.stop()
    write(path, range(16, 101))
    server = demo("--data", path)
    meta = server.wait_until_caught_up()
    assert meta["incidents"]["total"] == 100
    notices = {notice["kind"]: notice["text"] for notice in source_of(meta)["notices"]}
    assert "lacks 15 of the 100 incidents" in notices["vanished_rows"]
    server.wait_for_line("start with --replace to delete them")
    server.stop()
    server = demo("--data", path, "--replace")
    server.wait_until(lambda meta: meta["incidents"]["total"] == 85, "what the file lacks is deleted")
    server.stop()
    # Much at once needs a confirmation.
    write(path, range(81, 101))
    server = demo("--data", path, "--replace")
    meta = server.wait_until_caught_up()
    assert meta["incidents"]["total"] == 85
    assert source_of(meta)["state"] == "held"
    server.stop()
    server = demo("--data", path, "--replace", "--confirm-deletions")
    server.wait_until(lambda meta: meta["incidents"]["total"] == 20, "the operator has confirmed it")
    server.stop()


def test_a_file_that_is_gone_fails_alone_and_the_map_stays(demo, tmp_path):
    paths = [tmp_path / "a.csv", tmp_path / "b.csv"]
    write(paths[0], range(1, 11))
    write(paths[1], range(11, 21))
    data = [argument for path in paths for argument in ("--data", path)]
    server = demo(*data)
    assert server.wait_until_caught_up()["incidents"]["total"] == 20
    server.stop()
    paths[0].unlink()
    write(paths[1], range(11, 26))
    server = demo(*data, expect=("; retrying",))
    # A source's state is written after its rows.
    server.wait_until(
        lambda meta: meta["incidents"]["total"] == 25 and sorted(source["state"] for source in meta["sources"]) == ["ended", "failing"],
        "the other file is read, and this one fails",
    )
    write(paths[0], range(1, 13))
    server.wait_until(lambda meta: meta["caught_up"], "the file is back")
    server.stop()
