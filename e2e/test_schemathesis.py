"""The API against the OpenAPI document that it serves, by Schemathesis, on a simulated city: what the document allows is accepted,
what it does not allow is refused, and every answer is one that it describes. All checks are on; the same requests are made in
every run. `schemathesis_rules.py` says what the document cannot.
"""

from __future__ import annotations

import socket
import subprocess
import sys
import urllib.parse
from pathlib import Path

import pytest

from conftest import Server, clean_environment
from services.service import cpu_steps, wait_until

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


def test_every_answer_is_as_the_document_says(server, tmp_path):
    environment = clean_environment() | {
        "SCHEMATHESIS_HOOKS": "schemathesis_rules",
        "BLOTTER_URL": server.url,
        "PYTHONPATH": str(Path(__file__).parent),
    }
    command = [sys.executable, "-m", "schemathesis.cli", "run", f"{server.url}/openapi.json", "--exclude-path", LIVE]
    bounds = ["--checks", "all", "--mode", "all", "--max-examples", str(EXAMPLES), "--continue-on-failure"]
    same = ["--seed", "1", "--generation-deterministic", "--request-timeout", "60"]
    said = tmp_path / "said"
    with said.open("w") as file:
        run = subprocess.Popen(
            [*command, *bounds, *same, "--no-color"], env=environment, cwd=Path(__file__).parent, stdout=file, stderr=subprocess.STDOUT
        )
    try:
        wait_until(lambda: run.poll() is not None, "the end of schemathesis", progress=lambda: (cpu_steps(run), cpu_steps(server.process)))
    finally:
        run.kill()
    assert run.wait() == 0, said.read_text()


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
