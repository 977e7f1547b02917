"""The API against its own OpenAPI document, by Schemathesis, on a simulated city: what the document allows is accepted, what it
does not allow is refused, and every answer is one that it describes.

The document is the served one. A client learns from `meta` which categories, areas and layers there are, and so does this test.
What no schema can say (rules between parameters, and what the data hold) is said in `breaks_a_rule`: only there a 400 for data
that fit the schema is right, and then it names the parameter.
"""

from __future__ import annotations

import calendar
import json
import socket
import urllib.parse

import pytest
import schemathesis
from hypothesis import HealthCheck, settings
from schemathesis.checks import CHECKS
from schemathesis.openapi.checks import RejectedPositiveData

from conftest import Server

#: Generated requests of each operation, beside those that go through the bounds of every parameter.
EXAMPLES = 25
#: It never ends, so it is tested by itself.
LIVE = "/api/v1/live"


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    directory = tmp_path_factory.mktemp("schemathesis") / "blotter"
    server = Server("demo", "--listen", "127.0.0.1:0", "--dir", str(directory), "--simulate", "20000")
    try:
        server.wait_for_address()
        server.wait_until_caught_up()
        yield server
        server.stop()
    finally:
        if server.process.poll() is None:
            server.kill()


def with_words(document: dict, meta: dict) -> dict:
    """The document with the words that `meta` lists."""
    parameters = document["components"]["parameters"]
    layers = [layer["name"] for layer in meta["layers"]]
    areas = {layer["name"]: [f"{layer['name']}:{area['code']}" for area in layer["areas"]][:40] for layer in meta["layers"]}
    primary = next(layer["name"] for layer in meta["layers"] if layer["primary"])
    parameters["category"]["schema"]["items"]["enum"] = meta["categories"]
    parameters["area"]["schema"]["items"]["enum"] = [area for some in areas.values() for area in some]
    by_name = {
        path: {parameter.get("name"): parameter for parameter in operations["get"].get("parameters", [])}
        for path, operations in document["paths"].items()
    }
    by_name["/api/v1/series"]["by"]["schema"]["enum"] = ["none", "category", *layers]
    by_name["/api/v1/peaks"]["area"]["schema"]["items"]["enum"] = areas[primary]
    return document


@pytest.fixture(scope="module")
def document(server):
    raw = with_words(server.json("/openapi.json"), server.meta())
    schema = schemathesis.openapi.from_dict(raw)
    schema.config.update(base_url=server.url)
    return schema.exclude(path=LIVE)


schema = schemathesis.pytest.from_fixture("document")


def is_no_day(text: str) -> bool:
    """A day that its month does not have."""
    if len(text) < 10:
        return False
    year, month, day = int(text[:4]), int(text[5:7]), int(text[8:10])
    return day > calendar.monthrange(max(year, 4), month)[1] if year >= 4 else day > 28


def breaks_a_rule(path: str, query: dict, problem: dict) -> bool:
    """Whether a question that fits the schema breaks a rule that it cannot say, of the parameter that the problem names."""
    named = problem.get("parameter")
    text = {name: value if isinstance(value, str) else str(value) for name, value in query.items()}
    period = "from" in text or "to" in text
    match named:
        case "from" | "to" | "at" if is_no_day(text.get(named, "")):
            return True
        case "from" | "to":
            # Later than the other, or the same moment.
            return "from" in text and "to" in text
        case "at":
            # After the data's end.
            return path.endswith("/peaks") and text["at"] >= "20"
        case "as":
            # Nothing may have been said yet.
            return text["as"] == "said"
        case "bbox":
            west, south, east, north = map(float, text["bbox"].split(","))
            # Or no cell's middle lies in it.
            return west > east or south > north or path.rsplit("/", 1)[1] in ("hotspots", "emerging", "backtest")
        case "hour_of_week":
            ranges = [part.split("-") for part in text["hour_of_week"].split(",") if "-" in part]
            return any(int(first) > int(last) for first, last in ranges)
        case "grid_m":
            return float(text.get("bandwidth_m", 400)) > 20 * float(text.get("grid_m", 100))
        case "bandwidth_m":
            # A kernel so wide over so many cells of the map that a backtest would take minutes.
            return path.endswith("/backtest")
        case "step":
            # The period has too few of them.
            return path.endswith("/emerging") and period
        case "weeks":
            # The data of the period have fewer.
            return path.endswith("/backtest") and (period or int(text.get("weeks", 12)) + int(text.get("training_weeks", 52)) > 52)
        case "resolution" | "bucket":
            # More numbers than one answer holds.
            return "more than the" in problem["detail"]
    return False


@schemathesis.hook
def filter_failure(context, failure, case, response) -> bool:
    if not isinstance(failure, RejectedPositiveData) or response.status_code != 400:
        return True
    return not breaks_a_rule(case.path, dict(case.query or {}), json.loads(response.content))


@schema.parametrize()
@settings(max_examples=EXAMPLES, derandomize=True, deadline=None, database=None, suppress_health_check=list(HealthCheck))
def test_every_answer_is_as_the_document_says(case):
    case.call_and_validate(timeout=60)


def test_all_checks_are_on(document):
    assert all(document.config.checks.get_by_name(name=name).enabled for name in CHECKS.get_all_names())


def request(server, *lines: str) -> tuple[int, dict[str, str], bytes]:
    """A request as these lines and nothing else; status, headers and the beginning of the body."""
    address = urllib.parse.urlsplit(server.url)
    with socket.create_connection((address.hostname, address.port), timeout=60) as connection:
        connection.sendall("\r\n".join([*lines, "", ""]).encode())
        answer = b""
        while b"\r\n\r\n" not in answer or len(answer) < answer.index(b"\r\n\r\n") + 10:
            received = connection.recv(65536)
            if not received:
                break
            answer += received
    head, _, body = answer.partition(b"\r\n\r\n")
    status, *headers = head.decode().split("\r\n")
    pairs = (header.split(":", 1) for header in headers)
    return int(status.split()[1]), {name.lower(): value.strip() for name, value in pairs}, body


def test_the_live_stream_is_as_the_document_says(server):
    host = f"Host: {urllib.parse.urlsplit(server.url).netloc}"
    status, headers, body = request(server, f"GET {LIVE} HTTP/1.1", host)
    assert (status, headers["content-type"]) == (200, "text/event-stream")
    assert b"event: change" in body or b"event:change" in body, body
    status, headers, _ = request(server, f"GET {LIVE}?unknown=1 HTTP/1.1", host)
    assert (status, headers["content-type"]) == (400, "application/problem+json")
    for method in ("POST", "PUT", "DELETE", "PATCH"):
        status, headers, _ = request(server, f"{method} {LIVE} HTTP/1.1", host, "Content-Length: 0")
        assert (status, headers["allow"]) == (405, "GET, HEAD"), method


@pytest.mark.parametrize(
    ("hosts", "expect"),
    [
        (["localhost"], 200),
        (["127.0.0.1:1"], 200),
        (["[::1]"], 200),
        ([], 400),
        (["localhost", "localhost"], 400),
        (["evil.example"], 421),
        (["localhost.evil.example"], 421),
    ],
)
@pytest.mark.parametrize("path", ["/healthz", "/api/v1/meta", "/"])
def test_a_server_on_the_loopback_answers_to_its_own_names_only(server, path, hosts, expect):
    status, headers, body = request(server, f"GET {path} HTTP/1.1", *(f"Host: {host}" for host in hosts), "Connection: close")
    assert status == expect, body
    if expect == 421:
        assert headers["content-type"] == "application/problem+json"
        assert b"--allow-host" in body
