"""Drives the real binary against real data, and asks others (DuckDB, Delta, a browser) whether it is right.

Every process is started on free loopback ports, ended by its id, and its log is read: an unexpected
warning or error line fails the test that caused it.
"""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import threading
import time
import urllib.error
import urllib.parse
import urllib.request
from pathlib import Path

import pytest
from description import Nonconforming, description
from playwright.sync_api import Page, sync_playwright

ROOT = Path(__file__).resolve().parent.parent
#: Optimised like a release, with debug assertions and overflow checks.
BINARY = ROOT / "target" / "checked" / "blotter"
DATA = ROOT.parent / "shared" / "data"
#: No wait takes longer: a machine that is this slow has failed.
PATIENCE_S = 300


def lower(headers) -> dict[str, str]:
    return {name.lower(): value for name, value in headers.items()}


def clean_environment() -> dict[str, str]:
    """The environment without what would configure Blotter."""
    return {name: value for name, value in os.environ.items() if not name.startswith(("BLOTTER_", "AWS_", "KAFKA_"))}


class Server:
    """One `blotter` process."""

    def __init__(
        self,
        *arguments: str,
        expect: tuple[str, ...] = (),
        env: dict[str, str] | None = None,
        prefix: tuple[str, ...] = (),
    ):
        self.expect = expect
        self.lines: list[str] = []
        self.nonconforming: list[str] = []
        self.process = subprocess.Popen(
            [*prefix, str(BINARY), *arguments],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            env=clean_environment() | (env or {}),
            cwd=ROOT,
        )
        self._changed = threading.Condition()
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()
        self.url = ""

    def _read(self) -> None:
        assert self.process.stdout
        for line in self.process.stdout:
            with self._changed:
                self.lines.append(line.rstrip("\n"))
                self._changed.notify_all()
        with self._changed:
            self._changed.notify_all()

    @property
    def output(self) -> str:
        return "\n".join(self.lines)

    def wait_for_line(self, pattern: str) -> re.Match[str]:
        deadline = time.monotonic() + PATIENCE_S
        seen = 0
        with self._changed:
            while True:
                for line in self.lines[seen:]:
                    if match := re.search(pattern, line):
                        return match
                seen = len(self.lines)
                if self.process.poll() is not None and not self._reader.is_alive():
                    raise AssertionError(f"ended before it said {pattern!r}:\n{self.output}")
                if time.monotonic() > deadline:
                    raise AssertionError(f"never said {pattern!r}:\n{self.output}")
                self._changed.wait(0.2)

    def wait_for_address(self) -> str:
        self.url = self.wait_for_line(r"(http://127\.0\.0\.1:\d+)").group(1)
        return self.url

    def get(self, path: str, accept: str = "application/json", headers: dict[str, str] | None = None, **parameters) -> tuple[int, dict, bytes]:
        """Status, headers in lower case and body, which must be as the server's OpenAPI document describes them."""
        query = urllib.parse.urlencode(parameters, doseq=True)
        address = f"{self.url}{path}{'?' + query if query else ''}"
        request = urllib.request.Request(address, headers={"Accept": accept} | (headers or {}))
        try:
            with urllib.request.urlopen(request, timeout=60) as answer:
                found = answer.status, lower(answer.headers), answer.read()
        except urllib.error.HTTPError as error:
            found = error.code, lower(error.headers), error.read()
        try:
            description(BINARY, self.url).check("GET", urllib.parse.urlsplit(address).path, *found)
        except Nonconforming as error:
            # Also where a thread of a test asks: whoever stops the server reports it.
            self.nonconforming.append(str(error))
            raise
        return found

    def json(self, path: str, **parameters):
        status, _, body = self.get(path, **parameters)
        assert status == 200, f"{path} {parameters}: {status} {body[:500]!r}"
        return json.loads(body)

    def meta(self):
        return self.json("/api/v1/meta")

    def wait_until(self, condition, what: str):
        """Asks `meta` until the condition holds, and returns that meta. Gives up when nothing has changed for a long time."""
        meta = moved = None
        moved_at = time.monotonic()
        while time.monotonic() - moved_at < PATIENCE_S:
            if self.process.poll() is not None:
                raise AssertionError(f"ended while waiting until {what}:\n{self.output}")
            try:
                meta = self.meta()
            except (urllib.error.URLError, ConnectionError):
                meta = None
            if meta and condition(meta):
                return meta
            if meta and (now := (meta["next_offsets"], meta["snapshot"]["version"])) != moved:
                moved, moved_at = now, time.monotonic()
            time.sleep(0.05)  # the interval of asking, not a hope: the condition decides
        raise AssertionError(f"never {what}; last: {meta}\n{self.output}")

    def wait_until_caught_up(self):
        return self.wait_until(lambda meta: meta["caught_up"], "caught up")

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()

    def wait(self) -> int:
        code = self.process.wait(timeout=PATIENCE_S)
        self._reader.join()
        return code

    def stop(self) -> None:
        """Ctrl-C, and a clean end."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGINT)
        assert self.wait() == 0, self.output
        self.check_log()

    def check_log(self) -> None:
        bad = [
            line
            for line in self.lines
            if re.search(r"\b(WARN|ERROR)\b|panicked", line) and not any(re.search(e, line) for e in self.expect)
        ]
        assert not bad, "unexpected in the log:\n" + "\n".join(bad)
        assert not self.nonconforming, "not as the OpenAPI document describes:\n" + "\n".join(self.nonconforming)


@pytest.fixture
def blotter():
    """Starts processes; ends what is left of them."""
    started: list[Server] = []

    def start(
        *arguments: str,
        expect: tuple[str, ...] = (),
        env: dict[str, str] | None = None,
        prefix: tuple[str, ...] = (),
    ) -> Server:
        server = Server(*map(str, arguments), expect=expect, env=env, prefix=prefix)
        started.append(server)
        return server

    yield start
    for server in started:
        if server.process.poll() is None:
            server.process.kill()
        server.process.wait()


@pytest.fixture
def demo(blotter, tmp_path):
    """Starts `blotter demo` on a free port."""

    def start(*arguments: str, dir: Path | None = None, expect: tuple[str, ...] = ()) -> Server:
        server = blotter("demo", "--listen", "127.0.0.1:0", "--dir", dir or tmp_path / "blotter", *arguments, expect=expect)
        server.wait_for_address()
        return server

    return start


def shared(name: str) -> Path:
    path = DATA / name
    if not path.exists():
        pytest.skip(f"the real data is not here: {path}")
    return path


@pytest.fixture(scope="session")
def real_csv(tmp_path_factory) -> Path:
    """The real file, decompressed."""
    packed = shared("chicago-2012-2017.csv.zst")
    plain = tmp_path_factory.mktemp("real") / "chicago-2012-2017.csv"
    subprocess.run(["zstd", "-q", "-d", str(packed), "-o", str(plain)], check=True)
    return plain


CHROMIUM = os.environ.get("CHROMIUM", "/usr/bin/chromium")
#: No first-run chatter, no calls to anyone: the page must be readable with no internet.
ARGUMENTS = [
    "--no-sandbox",
    "--no-first-run",
    "--disable-quic",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
PATIENCE_MS = 60_000


@pytest.fixture(scope="session")
def chromium():
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        yield browser
        browser.close()


@pytest.fixture
def visit(chromium):
    """Opens the page and waits until it has drawn; what it complains about fails the test."""
    contexts, complaints = [], []

    def open_page(server: Server, query: str = "", scheme="light", width=1440, height=900) -> Page:
        context = chromium.new_context(
            color_scheme=scheme, viewport={"width": width, "height": height}, reduced_motion="reduce", locale="en-US"
        )
        contexts.append(context)
        page = context.new_page()
        page.on("console", lambda message: complaints.append(message.text) if message.type == "error" else None)
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on(
            "request",
            lambda request: None
            if request.url.startswith((server.url, "data:", "blob:"))
            else complaints.append(f"asked elsewhere: {request.url}"),
        )
        page.goto(f"{server.url}/{query}")
        page.wait_for_selector("html[data-ready=true]", timeout=PATIENCE_MS)
        return page

    open_page.complaints = complaints
    yield open_page
    for context in contexts:
        context.close()
    assert not complaints
