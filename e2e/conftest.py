"""Drives the real binary against real data, and asks others (DuckDB, Delta, a browser) whether it is right.

Every process is started on free loopback ports, ended by its id, and its log is read: an unexpected
warning or error line fails the test that caused it. Every answer is compared with the OpenAPI document.
`data.py` says where the data comes from, `schedule.py` what runs beside what.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import tempfile
import threading
import time
import urllib.error
import urllib.parse
import urllib.request
import weakref
from pathlib import Path

import data
import pytest
import reference
import schedule
from browser import ARGUMENTS, CHROMIUM, PATIENCE_MS, chromium, left, view, visit
from data import has_real, real
from description import Nonconforming, description
from paths import BINARY, ROOT
from services.service import wait_until, work_steps

__all__ = ["ARGUMENTS", "CHROMIUM", "PATIENCE_MS", "chromium", "left", "view", "visit"]

#: These run beside a Kubernetes node: `make test-deploy`.
collect_ignore = [] if "BLOTTER_TEST_NODE" in os.environ else ["kubernetes"]
#: Nothing is waited for longer than this without anything moving: a machine that is this slow has failed.
PATIENCE_S = 300
#: The tests' servers in Java live for minutes: what a second compilation would win, it costs.
os.environ.setdefault("JAVA_TOOL_OPTIONS", "-XX:TieredStopAtLevel=1")


def lower(headers) -> dict[str, str]:
    return {name.lower(): value for name, value in headers.items()}


def clean_environment() -> dict[str, str]:
    """The environment without what would configure Blotter."""
    return {name: value for name, value in os.environ.items() if not name.startswith(("BLOTTER_", "AWS_", "KAFKA_"))}


def wait_for_end(process: subprocess.Popen) -> None:
    """Gives up on a process that does nothing more and does not end."""
    words = " ".join(map(str, process.args))
    wait_until(lambda: process.poll() is not None, f"the end of `{words}`", progress=lambda: work_steps(process), patience_s=PATIENCE_S)


def run_to_end(*command, code: int = 0, env: dict[str, str] | None = None, said: str = "", text: bool = True) -> subprocess.CompletedProcess:
    """Runs a command until it ends by itself, with this exit code. `said`: its standard input. What it printed is bytes unless `text`."""
    with tempfile.TemporaryFile() as given, tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as error:
        given.write(said.encode())
        given.seek(0)
        process = subprocess.Popen(
            [str(part) for part in command], stdin=given, stdout=out, stderr=error, cwd=ROOT, env=clean_environment() | (env or {})
        )
        try:
            wait_for_end(process)
        finally:
            process.kill()
            process.wait()
        for file in (out, error):
            file.seek(0)
        printed = [file.read().decode() if text else file.read() for file in (out, error)]
    done = subprocess.CompletedProcess(process.args, process.returncode, *printed)
    assert done.returncode == code, f"{done.args}: {done.returncode}\n{done.stdout}\n{done.stderr}"
    assert ("panicked" if text else b"panicked") not in done.stderr, done.stderr
    return done


#: Those of this worker.
SERVERS: weakref.WeakSet[Server] = weakref.WeakSet()
#: So many of the last lines of each are shown where a test fails.
SHOWN_LINES = 60


def current_test() -> str:
    """Its name, as pytest says it to the processes of a test."""
    return os.environ.get("PYTEST_CURRENT_TEST", "").rpartition(" (")[0]


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
        self.test = current_test()
        SERVERS.add(self)
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
        """Gives up when nothing new has been said for a long time. The same words with other numbers are nothing new."""
        moved_at, said = time.monotonic(), set()
        seen = 0
        with self._changed:
            while True:
                for line in self.lines[seen:]:
                    if match := re.search(pattern, line):
                        return match
                    if (words := re.sub(r"\d+", "", line)) not in said:
                        said.add(words)
                        moved_at = time.monotonic()
                seen = len(self.lines)
                if self.process.poll() is not None and not self._reader.is_alive():
                    raise AssertionError(f"ended before it said {pattern!r}:\n{self.output}")
                if time.monotonic() - moved_at > PATIENCE_S:
                    raise AssertionError(f"never said {pattern!r}:\n{self.output}")
                self._changed.wait(0.2)

    def wait_for_address(self) -> str:
        self.url = self.wait_for_line(r"(http://127\.0\.0\.1:\d+)").group(1)
        return self.url

    def get(self, path: str, accept: str = "application/json", headers: dict[str, str] | None = None, **parameters) -> tuple[int, dict, bytes]:
        """Status, headers in lower case and body, which must be as the server's OpenAPI document describes them."""
        return self._ask(path, accept, headers, parameters)[0]

    def _ask(self, path: str, accept: str, headers: dict[str, str] | None, parameters: dict) -> tuple[tuple[int, dict, bytes], object]:
        """The same, and the value of a body of JSON that was compared with its schema."""
        query = urllib.parse.urlencode(parameters, doseq=True)
        address = f"{self.url}{path}{'?' + query if query else ''}"
        request = urllib.request.Request(address, headers={"Accept": accept} | (headers or {}))
        try:
            with urllib.request.urlopen(request, timeout=60) as answer:
                found = answer.status, lower(answer.headers), answer.read()
        except urllib.error.HTTPError as error:
            found = error.code, lower(error.headers), error.read()
        try:
            value = description(BINARY, self.url).check("GET", urllib.parse.urlsplit(address).path, *found)
        except Nonconforming as error:
            # Also where a thread of a test asks: whoever stops the server reports it.
            self.nonconforming.append(str(error))
            raise
        return found, value

    def json(self, path: str, **parameters):
        (status, _, body), value = self._ask(path, "application/json", None, parameters)
        assert status == 200, f"{path} {parameters}: {status} {body[:500]!r}"
        return json.loads(body) if value is None else value

    def meta(self):
        return self.json("/api/v1/meta")

    def wait_until(self, condition, what: str):
        """Asks `meta` until the condition holds, and returns that meta. Gives up when nothing has changed for a long time."""
        meta = moved = None
        began = moved_at = time.monotonic()
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
            # The interval of asking, not a hope: the condition decides. Who waits for long is not asked for often.
            time.sleep(min(0.05 + (time.monotonic() - began) / 100, 0.25))
        raise AssertionError(f"never {what}; last: {meta}\n{self.output}")

    def wait_until_caught_up(self):
        return self.wait_until(lambda meta: meta["caught_up"], "caught up")

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()

    def wait(self) -> int:
        """Its exit code. Gives up on a process that does nothing more and does not end."""
        wait_for_end(self.process)
        self._reader.join()
        return self.process.returncode

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


@pytest.fixture(scope="session", autouse=True)
def workshop(tmp_path_factory) -> data.Workshop:
    """Where files of data are made, once for all workers."""
    own = tmp_path_factory.getbasetemp()
    directory = (own.parent if "PYTEST_XDIST_WORKER" in os.environ else own) / "data"
    directory.mkdir(exist_ok=True)
    return data.Workshop(directory)


@pytest.fixture(scope="session")
def sample(workshop):
    """A real file by its name, or a made-up one of the same form."""
    return workshop.sample


@pytest.fixture(scope="session")
def city_csv(workshop) -> Path:
    """All incidents of six years: real ones, or as many made-up ones."""
    return workshop.city()


@pytest.fixture(scope="session")
def city_database(workshop, city_csv) -> Path:
    """These incidents as DuckDB reads them."""
    with workshop.making("city.duckdb") as (path, unfinished):
        if unfinished:
            reference.read(city_csv, unfinished)
    return path


def served(folder: Path, city_csv: Path, *arguments: str):
    """Serves all these incidents until the tests end. The last of its tests may have stopped it."""
    server = Server("demo", "--listen", "127.0.0.1:0", "--dir", str(folder), "--data", str(city_csv), *arguments)
    server.folder, server.outlined = folder, bool(arguments)
    try:
        server.wait_for_address()
        server.wait_until_caught_up()
        yield server
        if server.process.poll() is None:
            server.stop()
    finally:
        if server.process.poll() is None:
            server.kill()


@pytest.fixture(scope="session")
def whole_city(city_csv, tmp_path_factory):
    """The whole city, without outlines."""
    yield from served(tmp_path_factory.mktemp("city") / "blotter", city_csv)


#: The outlines of the real city: layer, and its part of the file's name.
OUTLINES = {"community_area": "community-areas", "district": "districts", "beat": "beats"}


@pytest.fixture(scope="session")
def outline_flags() -> list[str]:
    """The flags that name the outlines. Without outlines the test is skipped, before anything is loaded."""
    why = "the outlines of the city's areas are not simulated"
    return [f"--boundaries={layer}={real(f'chicago-{name}.geojson.zst', why)}" for layer, name in OUTLINES.items()]


@pytest.fixture(scope="session")
def outlined_load(outline_flags, request, workshop) -> Path:
    """The whole city with the outlines of its areas, loaded once for all workers: its folder, and beside it what the load said."""
    csv = request.getfixturevalue("city_csv")
    with workshop.making("outlined") as (path, unfinished):
        if unfinished:
            unfinished.mkdir()
            load = Server("demo", "--no-serve", "--until-caught-up", "--dir", str(unfinished / "blotter"), "--data", str(csv), *outline_flags)
            assert load.wait() == 0, load.output
            load.check_log()
            (unfinished / "said").write_text(load.output)
    return path


def copied(outlined_load: Path, folder: Path, city_csv: Path, *arguments: str):
    """Serves a copy of what was loaded."""
    shutil.copytree(outlined_load / "blotter", folder)
    yield from served(folder, city_csv, *arguments)


@pytest.fixture(scope="session")
def outlined_city(outlined_load, outline_flags, city_csv, tmp_path_factory):
    """The whole city, with the outlines of its areas."""
    yield from copied(outlined_load, tmp_path_factory.mktemp("outlined") / "blotter", city_csv, *outline_flags)


@pytest.fixture(scope="session")
def outlined_pages(outlined_load, outline_flags, city_csv, tmp_path_factory):
    """The same for the pages, which nobody stops."""
    yield from copied(outlined_load, tmp_path_factory.mktemp("pages") / "blotter", city_csv, *outline_flags)


@pytest.fixture(scope="session")
def any_city(request):
    """The whole city, with outlines where there are any."""
    return request.getfixturevalue("outlined_pages" if has_real() else "whole_city")


@pytest.fixture(scope="session")
def servers(tmp_path_factory):
    """A broker and an S3 server. Each test has topics and a folder of its own there."""
    from cluster import start

    directory = tmp_path_factory.mktemp("servers")
    started = []
    try:
        for name in ("kafka", "s3"):
            started.append(start(name, directory / name))
        yield started
    finally:
        for service in started:
            service.stop()


@pytest.fixture(scope="session")
def aws(servers):
    """Where the shared S3 server is, in the variables that everybody knows."""
    from services.s3 import ACCESS_KEY, SECRET_KEY

    _, s3 = servers
    return {
        "AWS_ENDPOINT_URL": f"http://127.0.0.1:{s3.port}",
        "AWS_REGION": "us-east-1",
        "AWS_ACCESS_KEY_ID": ACCESS_KEY,
        "AWS_SECRET_ACCESS_KEY": SECRET_KEY,
    }


@pytest.fixture(scope="session")
def spark(tmp_path_factory, aws):
    """The address of a Spark Connect server that reads the shared S3 server."""
    from sparks import started

    service = started(tmp_path_factory.mktemp("spark"), store=aws)
    yield f"spark://127.0.0.1:{service.port}"
    service.stop()


def pytest_collection_modifyitems(items):
    items.sort(key=lambda item: schedule.order(item.nodeid))


def pytest_xdist_make_scheduler(config, log):
    return schedule.Schedule(config, log)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item):
    """A test that fails shows what the servers said that it started, or that run."""
    report = yield
    item.has_failed = report.failed or getattr(item, "has_failed", False)
    if report.failed:
        for server in sorted(SERVERS, key=lambda server: server.process.pid):
            if server.test == item.nodeid or server.process.poll() is None:
                words = " ".join(map(str, server.process.args[1:]))
                report.sections.append((f"log of {BINARY.name} {words}", "\n".join(server.lines[-SHOWN_LINES:])))
    return report


def pytest_terminal_summary(terminalreporter):
    """What was skipped, once for each reason."""
    skipped: dict[str, list[str]] = {}
    for report in terminalreporter.stats.get("skipped", []):
        reason = report.longrepr[2].removeprefix("Skipped: ") if isinstance(report.longrepr, tuple) else str(report.longrepr)
        skipped.setdefault(reason, []).append(report.nodeid)
    if skipped:
        terminalreporter.section(f"{sum(map(len, skipped.values()))} tests were skipped")
        if not has_real():
            terminalreporter.write_line(f"Made-up data was loaded instead of real data, which is not in {data.DATA}.")
        for reason, tests in sorted(skipped.items()):
            terminalreporter.write_line(f"{len(tests)} skipped: {reason}")
            terminalreporter.write_line(f"    {', '.join(sorted({test.partition('[')[0].rpartition('/')[2] for test in tests}))}")
