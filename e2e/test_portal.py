"""The demo without `--data`: the city's portal where it answers, what was loaded before where it does not, else a simulation."""

import csv
import json
import re
import threading
import urllib.parse
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from conftest import ROOT
from data import SODA


class Portal(ThreadingHTTPServer):
    """As much of SODA as a backfill asks: a count, and pages after a key. Every row is within the last twelve months."""

    def __init__(self, rows):
        super().__init__(("127.0.0.1", 0), Handler)
        self.rows = sorted(rows, key=lambda row: (row[":updated_at"], row[":id"]))
        self.tokens = set()
        self.throttled = 1
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
        self.server.tokens.add(self.headers.get("X-App-Token"))
        where = query.get("$where", "")
        if "count(*)" in query.get("$select", ""):
            return self.answer(200, [{"count": str(len(self.server.rows))}])
        if where and self.server.throttled:
            self.server.throttled -= 1
            return self.answer(429, {"message": "slow down"})
        rows = self.server.rows
        if after := re.search(r":updated_at > '([^']*)' OR \(:updated_at = '[^']*' AND :id > '([^']*)'", where):
            rows = [row for row in rows if (row[":updated_at"], row[":id"]) > after.groups()]
        self.answer(200, rows[: int(query.get("$limit", "1000"))])

    def answer(self, status, value):
        body = json.dumps(value).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


@pytest.fixture
def portal(sample):
    with sample(SODA).open(newline="") as file:
        rows = [
            {name: value for name, value in row.items() if value and not name.startswith(":")}
            | {":id": f"row-{number:05}", ":updated_at": f"2024-01-0{1 + number % 3}T00:00:00.000Z"}
            for number, row in enumerate(csv.DictReader(file))
        ]
    server = Portal(rows)
    yield server
    server.close()


def profile(tmp_path, address):
    text = (ROOT / "cities" / "chicago.toml").read_text().replace("data.cityofchicago.org\"\ndataset", f"{address}\"\ndataset")
    assert address in text
    path = tmp_path / "city.toml"
    path.write_text(text)
    return path


def test_without_the_portal_the_data_loaded_earlier_are_served(demo, blotter, portal, tmp_path, monkeypatch):
    city = profile(tmp_path, portal.address)
    server = demo("--city", city, expect=("; retrying",))
    # The first page is throttled: it is asked for again.
    meta = server.wait_until_caught_up()
    ids = {row["id"] for row in portal.rows}
    assert meta["incidents"]["total"] == len(ids)
    assert not meta["simulated"]
    asked = f"{portal.address}/resource/ijzp-q8t2.json"
    failed = f"the source failed; retrying error={asked}?…: HTTP status 429: too many requests retry_in_s=1"
    assert [line.partition("WARN ")[2] for line in server.lines if "WARN" in line] == [failed]
    assert any(line.endswith(f"INFO the source answers again source={asked}") for line in server.lines)
    server.stop()
    # Without the portal the same directory shows what it holds, and simulates nothing.
    portal.close()
    server = demo("--city", city, expect=("; retrying",))
    meta = server.wait_until(lambda meta: meta["incidents"]["total"] > 0, "serving the data loaded earlier")
    assert meta["incidents"]["total"] == len(ids)
    assert not meta["simulated"]
    assert "serving the data loaded earlier" in server.output
    server.stop()


def test_without_a_portal_it_simulates_and_says_so(demo, tmp_path):
    city = profile(tmp_path, "http://localhost:9")
    server = demo("--city", city)
    meta = server.wait_until_caught_up()
    assert meta["simulated"]
    assert meta["incidents"]["total"] > 100_000
    assert "simulating instead" in server.output
    assert "*** simulated data" in server.output
    server.stop()
