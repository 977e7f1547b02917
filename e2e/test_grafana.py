"""Each panel of `deploy/grafana` asks its question of the real database after a load, and gets the numbers of Blotter's API.

Grafana itself does not run: no package registry has it. Its macros and variables are put in as its documentation says, and KairosDB's
request is built as the plugin builds it from a panel.
"""

from __future__ import annotations

import csv
import itertools
import json
import math
import re
import shutil
import time
import urllib.parse
import urllib.request
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cluster import simulated, start
from conftest import BINARY, ROOT, Server, run_to_end
from services.prometheus import Prometheus
from services.service import Unavailable, wait_until
from sinks import total_in_kairosdb

DASHBOARDS = ROOT / "deploy" / "grafana" / "dashboards"
PORTAL_DATE = "%m/%d/%Y %I:%M:%S %p"
#: More than three months, so that what is usual can be learned.
INCIDENTS = 90_000
#: What is peaking for the panels of peaks.
MOST_Q = 0.05
#: So long KairosDB may take to show the peaks after the counts.
SHOWN_S = 60
EVERYTHING = (datetime(2000, 1, 1, tzinfo=UTC), datetime(2100, 1, 1, tzinfo=UTC))


def dashboard(name: str) -> dict:
    return json.loads((DASHBOARDS / f"{name}.json").read_text())


def panel(name: str, title: str) -> dict:
    """The panel whose title begins so."""
    (found,) = [panel for panel in dashboard(name)["panels"] if panel["title"].startswith(title)]
    return found


def titles(name: str) -> list[str]:
    return [panel["title"].partition(":")[0] for panel in dashboard(name)["panels"]]


def substituted(text: str, values: dict[str, str]) -> str:
    """Grafana replaces `$name`; a name that nobody gives is an error."""
    return re.sub(r"\$(\w+)", lambda match: values[match[1]], text)


def seconds(moment: str) -> int:
    return int(datetime.fromisoformat(moment).timestamp())


class Loaded:
    """A city that was loaded twice, the second time with one hour more, and the databases that have it."""

    def __init__(self, folder: Path, influxdb, kairosdb):
        self.influxdb, self.kairosdb, self.folder = influxdb, kairosdb, folder / "city"
        first, second = surges(folder)
        sinks = [f"--sink=influxdb://127.0.0.1:{influxdb.port}/crimes", f"--sink=kairosdb://127.0.0.1:{kairosdb.port}"]
        data = ["--data", first]
        load = ["demo", "--no-serve", "--until-caught-up", "--dir", self.folder]
        run_to_end(BINARY, *load, *data, *sinks)
        data += ["--data", second]
        run_to_end(BINARY, *load, *data, *sinks)
        # For roles of their own: the embedded log belongs to one process.
        shutil.copytree(self.folder, folder / "copy")
        self.copy = folder / "copy"
        self.server = Server("demo", "--listen", "127.0.0.1:0", "--dir", str(self.folder), *map(str, data))
        self.server.wait_for_address()
        self.server.wait_until_caught_up()
        self.ticks = self.published()
        self.wait_for_kairosdb()

    def wait_for_kairosdb(self) -> None:
        """It shows a moment later what it has acknowledged."""
        total, shown = self.server.meta()["incidents"]["total"], 0

        def has_all() -> bool:
            nonlocal shown
            shown = total_in_kairosdb(self.kairosdb.port, "chicago")
            return shown == total

        wait_until(has_all, "KairosDB shows all incidents", progress=lambda: shown)

    def published(self) -> list[tuple[int, int, dict]]:
        """Time, window and peak of all that both ticks listed."""
        newest = self.server.json("/api/v1/peaks", **{"as": "said"})
        before = datetime.fromisoformat(newest["at"]) - timedelta(hours=1)
        ticks = [newest, self.server.json("/api/v1/peaks", at=before.isoformat(), **{"as": "said"})]
        assert ticks[0]["at"] != ticks[1]["at"]
        return [(seconds(tick["at"]), window["hours"], peak) for tick in ticks for window in tick["windows"] for peak in window["peaks"]]

    def by_type(self) -> dict[str, dict[int, int]]:
        answer = self.server.json("/api/v1/series", by="category", bucket="hour")
        starts = [seconds(bucket) for bucket in answer["buckets"]]
        return {
            line["key"]: {at: count for at, count in zip(starts, line["counts"], strict=True) if count} for line in answer["series"]
        }

    def by_area(self) -> dict[str, int]:
        answer = self.server.json("/api/v1/series", by="community_area", bucket="year")
        return {line["key"] or "": sum(line["counts"]) for line in answer["series"]}

    def peaking(self) -> list[tuple[int, int, dict]]:
        found = [each for each in self.ticks if each[2]["q"] <= MOST_Q]
        assert len({at for at, _, _ in found}) == 2, "each tick has a peak"
        return found

    def by_window(self) -> dict[tuple[int, str], int]:
        counts: dict[tuple[int, str], int] = {}
        for at, hours, _ in self.peaking():
            counts[at, str(hours)] = counts.get((at, str(hours)), 0) + 1
        return counts

    def pair(self) -> tuple[dict[str, str], dict[int, tuple[int, float]]]:
        """The variables of the pair that peaks most, and its observed and expected at each tick."""
        _, hours, most = min(self.peaking(), key=lambda each: each[2]["q"])
        chosen = {"area": most["area"], "category": most["category"], "window": str(hours)}
        found = {
            at: (peak["observed"], peak["expected"])
            for at, of_window, peak in self.ticks
            if (of_window, peak["area"], peak["category"]) == (hours, most["area"], most["category"])
        }
        assert found
        return chosen, found

    def influx(self, query: str, **variables: str) -> list[dict]:
        """The series of a question, with its time range and macros as Grafana puts them in."""
        begin, end = (int(moment.timestamp() * 1000) for moment in EVERYTHING)
        if "$__interval" in query:
            # A database answers an interval of empty hours too: only those of the data.
            begin, end = self.hours()
        macros = {"timeFilter": f"time >= {begin}ms and time <= {end}ms", "__interval": "1h", "city": "chicago"}
        parameters = {"db": "crimes", "epoch": "s", "q": substituted(query, macros | variables)}
        address = f"http://127.0.0.1:{self.influxdb.port}/query?{urllib.parse.urlencode(parameters)}"
        (result,) = json.load(urllib.request.urlopen(address, timeout=60))["results"]
        assert "error" not in result, result
        return result.get("series", [])

    def hours(self) -> tuple[int, int]:
        """Milliseconds of the first hour and of a day after the last."""
        buckets = self.server.json("/api/v1/series", by="category", bucket="hour")["buckets"]
        return seconds(buckets[0]) * 1000, (seconds(buckets[-1]) + 86_400) * 1000

    def kairos(self, target: dict, **variables: str) -> list[dict]:
        """The results of a question as the plugin builds it from a panel, whose interval is an hour."""
        query = target["query"]
        replaced = {"city": "chicago"} | variables
        metric = {
            "name": query["metricName"],
            "tags": {name: [substituted(value, replaced) for value in values] for name, values in query["tags"].items()},
            "aggregators": [aggregated(aggregator) for aggregator in query["aggregators"]],
        }
        if query["groupBy"]["tags"]:
            metric["group_by"] = [{"name": "tag", "tags": query["groupBy"]["tags"]}]
        begin, end = self.hours()
        body = json.dumps({"start_absolute": begin, "end_absolute": end, "metrics": [metric]}).encode()
        address = f"http://127.0.0.1:{self.kairosdb.port}/api/v1/datapoints/query"
        request = urllib.request.Request(address, body, {"Content-Type": "application/json"})
        (answer,) = json.load(urllib.request.urlopen(request, timeout=60))["queries"]
        return [result for result in answer["results"] if result["values"]]


def aggregated(aggregator: dict) -> dict:
    """An aggregator of a request: sampling is a part of its own, and may be the panel's interval."""
    found: dict = {"name": aggregator["name"]}
    automatic = aggregator.get("autoValueSwitch", {"enabled": False})
    for parameter in aggregator["parameters"]:
        value = parameter["value"]
        if automatic["enabled"] and parameter["type"] in automatic["dependentParameters"]:
            value = {"sampling": 1, "sampling_unit": "hours"}[parameter["type"]]
        if parameter["type"].startswith("sampling"):
            found.setdefault("sampling", {})[parameter["name"]] = value
        else:
            found[parameter["name"]] = value
    return found


def surges(folder: Path) -> tuple[Path, Path]:
    """A simulated city that ends with a surge of one kind in one area, and an hour later one of another kind in another."""
    path = simulated(folder, INCIDENTS)
    with path.open(newline="") as file:
        rows = list(csv.DictReader(file))
    newest = max(datetime.strptime(row["Date"], PORTAL_DATE) for row in rows).replace(minute=0)
    numbers = itertools.count(1)

    def surge(category: str, area: str, hour: datetime) -> list[dict]:
        model = next(row for row in rows if (row["Primary Type"], row["Community Area"]) == (category, area))
        return [
            model | {"ID": str(90_000_000 + number), "Case Number": f"ZZ{number:06}", "Date": hour.strftime(PORTAL_DATE), "Updated On": hour.strftime(PORTAL_DATE)}
            for number in itertools.islice(numbers, 40)
        ]  # fmt: skip

    def write(name: str, content: list[dict]) -> Path:
        with (folder / name).open("w", newline="") as file:
            writer = csv.DictWriter(file, rows[0].keys())
            writer.writeheader()
            writer.writerows(content)
        return folder / name

    hour = newest + timedelta(hours=1)
    return write("first.csv", rows + surge("THEFT", "32", hour)), write("second.csv", surge("BATTERY", "25", hour + timedelta(hours=1)))


@pytest.fixture(scope="module")
def loaded(tmp_path_factory):
    folder = tmp_path_factory.mktemp("grafana")
    services = []
    try:
        for name in ("influxdb", "kairosdb"):
            services.append(start(name, folder / name))
        found = Loaded(folder, *services)
        yield found
        found.server.stop()
    finally:
        for service in services:
            service.stop()


def test_dashboards_and_provisioning_name_each_other():
    yaml = pytest.importorskip("yaml")
    provisioning = DASHBOARDS.parent / "provisioning"
    sources = [yaml.safe_load(path.read_text())["datasources"] for path in (provisioning / "datasources").iterdir()]
    provided = {source["uid"]: source["type"] for ones in sources for source in ones}
    for path in DASHBOARDS.iterdir():
        for each in json.loads(path.read_text())["panels"]:
            for source in [each["datasource"], *(target["datasource"] for target in each["targets"])]:
                assert provided[source["uid"]] == source["type"], each["title"]
    # A credential is a variable of Grafana's environment.
    for source in itertools.chain(*sources):
        assert all(value.startswith("$") for value in source.get("secureJsonData", {}).values())


# ----- InfluxDB ------------------------------------------------------------------------------------


def influx_panel(title: str) -> str:
    (target,) = panel("crimes-influxdb", title)["targets"]
    return target["query"]


def influx_rows(series: list[dict]) -> list[dict]:
    return [dict(zip(one["columns"], row, strict=True)) | one.get("tags", {}) for one in series for row in one["values"]]


def check_influx_by_type(loaded: Loaded, query: str) -> None:
    found = {
        one["tags"]["category"]: {at: count for at, count in one["values"] if count} for one in loaded.influx(query)
    }
    assert found == loaded.by_type()


def check_influx_by_area(loaded: Loaded, query: str) -> None:
    assert {row["area"]: row["incidents"] for row in influx_rows(loaded.influx(query))} == loaded.by_area()


def check_influx_peaking(loaded: Loaded, query: str) -> None:
    rows = influx_rows(loaded.influx(query))
    columns = ("time", "area", "category", "window", "observed", "expected", "q")
    assert [row["time"] for row in rows] == sorted((row["time"] for row in rows), reverse=True), "the newest first"
    expected = {
        (at, peak["area"], peak["category"], str(hours), peak["observed"], peak["expected"], peak["q"]) for at, hours, peak in loaded.peaking()
    }
    assert {tuple(row[name] for name in columns) for row in rows} == expected and len(rows) == len(expected)


def check_influx_by_window(loaded: Loaded, query: str) -> None:
    rows = influx_rows(loaded.influx(query))
    assert {(row["time"], row["window"]): row["count"] for row in rows} == loaded.by_window()


def check_influx_pair(loaded: Loaded, query: str) -> None:
    chosen, expected = loaded.pair()
    rows = influx_rows(loaded.influx(query, **chosen))
    assert {row["time"]: (row["observed"], row["expected"]) for row in rows if row["observed"] is not None} == expected


def check_influx_newest_hour(loaded: Loaded, query: str) -> None:
    (row,) = influx_rows(loaded.influx(query))
    assert row["time"] == max(at for hours in loaded.by_type().values() for at in hours)


INFLUX = {
    "Crimes by type over time": check_influx_by_type,
    "Crimes by area": check_influx_by_area,
    "What is peaking": check_influx_peaking,
    "Peaks by window": check_influx_by_window,
    "Observed and expected": check_influx_pair,
    "Newest hour of the data": check_influx_newest_hour,
}


def test_influxdb_s_panels_are_all_checked():
    assert titles("crimes-influxdb") == list(INFLUX)


@pytest.mark.parametrize("title", INFLUX)
def test_influxdb_panel_has_the_numbers_of_the_api(loaded, title):
    INFLUX[title](loaded, influx_panel(title))


def test_influxdb_variables_offer_what_is_there(loaded):
    variables = {each["name"]: each for each in dashboard("crimes-influxdb")["templating"]["list"]}
    offered = {
        name: {row["value"] for row in influx_rows(loaded.influx(variables[name]["query"]["query"]))} for name in ("city", "area", "category")
    }
    listed = [peak for _, _, peak in loaded.ticks]
    assert offered == {
        "city": {"chicago"},
        "area": {peak["area"] for peak in listed if peak["area"]},
        "category": {peak["category"] for peak in listed},
    }
    chosen, _ = loaded.pair()
    assert chosen["window"] in variables["window"]["query"].split(",")
    assert {str(hours) for _, hours, _ in loaded.ticks} == set(variables["window"]["query"].split(","))


# ----- KairosDB ------------------------------------------------------------------------------------


def tag(result: dict, name: str) -> str:
    return result["tags"].get(name, [""])[0]


def grouped(result: dict, name: str) -> str:
    (group,) = [group["group"] for group in result["group_by"] if group["name"] == "tag"]
    return group.get(name, "")


def check_kairos_by_type(loaded: Loaded, targets: list[dict]) -> None:
    found = {
        grouped(result, "category"): {at // 1000: count for at, count in result["values"] if count} for result in loaded.kairos(targets[0])
    }
    assert found == loaded.by_type()


def check_kairos_by_area(loaded: Loaded, targets: list[dict]) -> None:
    assert panel("crimes-kairosdb", "Crimes by area")["transformations"] == [{"id": "reduce", "options": {"reducers": ["sum"]}}]
    found = {grouped(result, "area"): sum(count for _, count in result["values"]) for result in loaded.kairos(targets[0])}
    assert found == loaded.by_area()


def check_kairos_peaking(loaded: Loaded, targets: list[dict]) -> None:
    found = {
        (at // 1000, grouped(result, "area"), grouped(result, "category"), grouped(result, "window"), q)
        for result in loaded.kairos(targets[0])
        for at, q in result["values"]
    }
    assert found == {(at, peak["area"], peak["category"], str(hours), peak["q"]) for at, hours, peak in loaded.peaking()}


def check_kairos_by_window(loaded: Loaded, targets: list[dict]) -> None:
    found = {(at // 1000, grouped(result, "window")): count for result in loaded.kairos(targets[0]) for at, count in result["values"]}
    assert found == loaded.by_window()


def check_kairos_pair(loaded: Loaded, targets: list[dict]) -> None:
    chosen, expected = loaded.pair()
    for place, target in enumerate(targets):
        (result,) = loaded.kairos(target, **chosen)
        assert {at // 1000: value for at, value in result["values"]} == {at: numbers[place] for at, numbers in expected.items()}


KAIROS = {
    "Crimes by type over time": check_kairos_by_type,
    "Crimes by area": check_kairos_by_area,
    "What is peaking": check_kairos_peaking,
    "Peaks by window": check_kairos_by_window,
    "Observed and expected": check_kairos_pair,
}


def test_kairosdb_s_panels_are_all_checked():
    assert titles("crimes-kairosdb") == list(KAIROS)


@pytest.mark.parametrize("title", KAIROS)
def test_kairosdb_panel_has_the_numbers_of_the_api(loaded, title):
    """The peaks may be shown a moment later than the counts, so it is asked again."""
    until = time.monotonic() + SHOWN_S
    while True:
        try:
            return KAIROS[title](loaded, panel("crimes-kairosdb", title)["targets"])
        except (AssertionError, ValueError):
            if time.monotonic() > until:
                raise
            time.sleep(0.5)  # the interval of asking


# ----- Prometheus ----------------------------------------------------------------------------------

#: A panel's `$__rate_interval` is at least four scrapes; this is what the tests put in.
RATE_S = 20
#: Scrapes that are waited for.
SCRAPES = 6


class Scraped:
    """Roles of their own, each scraped, and the raw samples at one moment."""

    def __init__(self, prometheus: Prometheus):
        self.prometheus = prometheus
        # Prometheus counts in milliseconds.
        self.at = round(time.time(), 3)

    def panel(self, title: str) -> dict[str, dict[tuple, float]]:
        """By the panel's targets: the value of each series, by its labels."""
        found = {}
        for target in panel("operations", title)["targets"]:
            expression = substituted(target["expr"], {"__rate_interval": f"{RATE_S}s"})
            found[target["refId"]] = {tuple(sorted(labels.items())): value for labels, value in self.prometheus.query(expression, self.at)}
        return found

    def raw(self, metric: str) -> list[tuple[dict[str, str], float]]:
        return self.prometheus.query(metric, self.at)

    def most(self, metric: str, *names: str) -> dict[tuple, float]:
        """The greatest value by these labels."""
        found: dict[tuple, float] = {}
        for labels, value in self.raw(metric):
            key = tuple(sorted((name, labels[name]) for name in names if name in labels))
            found[key] = max(value, found.get(key, -math.inf))
        return found

    def rates(self, metric: str, range_s: float, *names: str) -> dict[tuple, float]:
        """Increase per second from the raw samples, summed by these labels."""
        parameters = {"query": f"{metric}[{range_s}s]", "time": str(self.at)}
        address = f"http://127.0.0.1:{self.prometheus.port}/api/v1/query?{urllib.parse.urlencode(parameters)}"
        found: dict[tuple, float] = {}
        for each in json.load(urllib.request.urlopen(address, timeout=60))["data"]["result"]:
            samples = [(at, float(value)) for at, value in each["values"]]
            if len(samples) > 1:
                key = tuple(sorted((name, each["metric"][name]) for name in names if name in each["metric"]))
                found[key] = found.get(key, 0.0) + increase(samples, self.at - range_s, self.at) / range_s
        return found


def increase(samples: list[tuple[float, float]], begin: float, end: float) -> float:
    """Of a counter without resets, extrapolated to a range as Prometheus documents it: to its ends where the samples reach near
    them, else by half an interval, and never below zero."""
    (first_at, first), (last_at, last) = samples[0], samples[-1]
    covered, gained = last_at - first_at, last - first
    mean = covered / (len(samples) - 1)
    before, after = first_at - begin, end - last_at
    if gained > 0:
        before = min(before, covered * first / gained)
    reached = covered + sum(gap if gap < 1.1 * mean else mean / 2 for gap in (before, after))
    return gained * reached / covered


@pytest.fixture(scope="module")
def scraped(loaded, tmp_path_factory):
    try:
        Prometheus.provision()
    except Unavailable as why:
        pytest.skip(f"prometheus: {why}")
    folder = tmp_path_factory.mktemp("operations")
    prometheus = Prometheus(folder / "prometheus")
    ops = ["--ops-listen", "127.0.0.1:0"]
    servers: dict[str, Server] = {}
    try:
        prometheus.start()
        commands = {
            "produce": ["produce", "--log", f"embedded:{folder}/log", "--simulate", "100", "--simulate-rate", "50", *ops],
            "detect": ["detect", "--log", f"embedded:{loaded.copy}/log", f"--sink=influxdb://127.0.0.1:{loaded.influxdb.port}/again", *ops],
            "snapshot": ["snapshot", "--store", f"file://{loaded.copy}/store", "--every", "1", *ops],
        }
        for role, command in commands.items():
            servers[role] = Server(*command)
            servers[role].wait_for_address()
        running = servers | {"serve": loaded.server}
        for _ in range(5):
            loaded.server.json("/api/v1/series")
        prometheus.scrape({f"blotter-{role}": server.url.removeprefix("http://") for role, server in running.items()})
        often = f"count(count_over_time(up[1h]) >= {SCRAPES})"
        wait_until(lambda: [value for _, value in prometheus.query(often)] == [len(running)], "all are scraped", prometheus.process)
        written = "blotter_sink_points_total"
        wait_until(lambda: any(value for _, value in prometheus.query(written)), "the sink has points", servers["detect"].process)
        yield Scraped(prometheus)
    finally:
        for server in servers.values():
            if server.process.poll() is None:
                server.stop()
        prometheus.stop()


def only(found: dict[str, dict[tuple, float]]) -> dict[tuple, float]:
    (one,) = found.values()
    return one


def check_incidents(scraped: Scraped, loaded: Loaded, found: dict) -> None:
    incidents = loaded.server.meta()["incidents"]
    assert only(found) == {(("state", state),): incidents[state] for state in ("mapped", "unmapped")}


def check_rejected(scraped: Scraped, loaded: Loaded, found: dict) -> None:
    assert only(found) == {(): loaded.server.meta()["rejected"]}


def check_sources_that_fail(scraped: Scraped, loaded: Loaded, found: dict) -> None:
    assert only(found) == {(): sum(source["state"] == "failing" for source in loaded.server.meta()["sources"])}


def check_not_ready(scraped: Scraped, loaded: Loaded, found: dict) -> None:
    assert only(found) == {(): sum(value == 0 for _, value in scraped.raw("blotter_ready"))}


def check_source_health(scraped: Scraped, loaded: Loaded, found: dict) -> None:
    sources = loaded.server.meta()["sources"]
    assert {labels[0][1] for labels in found["A"]} == {source["name"] for source in sources} and len(sources) == 2
    for (((_, name),), age) in found["A"].items():
        (at,) = [seconds(source["last_success_at"]) for source in sources if source["name"] == name]
        assert scraped.at - age == pytest.approx(at, abs=1)
    assert found["B"] == {(("source", source["name"]),): float(source["state"] == "failing") for source in sources}


def check_notices(scraped: Scraped, loaded: Loaded, found: dict) -> None:
    expected: dict[tuple, float] = {}
    for source in loaded.server.meta()["sources"]:
        for notice in source["notices"]:
            key = (("kind", notice["kind"]), ("source", source["name"]))
            expected[key] = expected.get(key, 0) + 1
    assert only(found) == expected


def check_lag(scraped: Scraped, loaded: Loaded, found: dict) -> None:
    expected: dict[tuple, float] = {}
    for labels, value in scraped.most("blotter_lag_records", "role", "sink", "partition").items():
        key = tuple(pair for pair in labels if pair[0] != "partition")
        expected[key] = expected.get(key, 0) + value
    assert only(found) == expected
    assert {dict(key)["role"] for key in expected} == {"count", "detect", "serve", "snapshot"}


def check_produced(scraped: Scraped, loaded: Loaded, found: dict) -> None:
    rates = only(found)
    assert rates == pytest.approx(scraped.rates("blotter_produced_total", RATE_S, "topic"))
    assert rates[(("topic", "incidents"),)] > 0


def check_sinks(scraped: Scraped, loaded: Loaded, found: dict) -> None:
    assert found["A"] == pytest.approx(scraped.rates("blotter_sink_points_total", RATE_S, "sink"))
    assert found["B"] == pytest.approx(scraped.rates("blotter_sink_failures_total", RATE_S, "sink"))
    assert len(found["A"]) == 1


def check_restarts(scraped: Scraped, loaded: Loaded, found: dict) -> None:
    expected = {key: rate * 3600 for key, rate in scraped.rates("blotter_restarts_total", 3600, "job", "instance").items()}
    assert only(found) == pytest.approx(expected) and len(expected) == 3


def check_snapshots(scraped: Scraped, loaded: Loaded, found: dict) -> None:
    success = scraped.most("blotter_last_success_timestamp_seconds", "job")
    assert only(found) == pytest.approx({key: scraped.at - at for key, at in success.items()}, abs=0.01)
    assert list(success) == [(("job", "blotter-snapshot"),)] and scraped.at - next(iter(success.values())) < 60


def check_time_to_answer(scraped: Scraped, loaded: Loaded, found: dict) -> None:
    rates = scraped.rates("blotter_http_request_seconds_bucket", RATE_S, "le")
    bounds = sorted((float(dict(key)["le"]), rate) for key, rate in rates.items())
    rank, below, start = 0.95 * bounds[-1][1], 0.0, 0.0
    assert rank > 0
    for bound, rate in bounds:
        if rate >= rank:
            expected = start if math.isinf(bound) else start + (bound - start) * (rank - below) / (rate - below)
            break
        below, start = rate, bound
    assert only(found) == pytest.approx({(): expected})


OPERATIONS = {
    "Incidents": check_incidents,
    "Rejected records": check_rejected,
    "Sources that fail": check_sources_that_fail,
    "Roles that are not ready": check_not_ready,
    "Source health": check_source_health,
    "Source notices": check_notices,
    "Pipeline lag": check_lag,
    "Records produced": check_produced,
    "Points to sinks": check_sinks,
    "Restarts": check_restarts,
    "Age of the newest snapshot check": check_snapshots,
    "Time to answer": check_time_to_answer,
}


def test_prometheus_panels_are_all_checked():
    assert titles("operations") == list(OPERATIONS)


@pytest.mark.parametrize("title", OPERATIONS)
def test_prometheus_panel_has_the_numbers_of_the_roles(scraped, loaded, title):
    OPERATIONS[title](scraped, loaded, scraped.panel(title))
