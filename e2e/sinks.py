"""What the databases of time series hold, asked of them directly, in the words of `blotter counts`."""

from __future__ import annotations

import json
import time
import urllib.parse
import urllib.request
from datetime import UTC, datetime

Points = dict[str, int]
#: By time, window, area and category: observed, expected and q.
Peaks = dict[tuple[int, str, str, str], tuple[float, float, float]]


def _key(at_s: int, area: str, category: str) -> str:
    at = datetime.fromtimestamp(at_s, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    quoted = [f'"{word}"' if "," in word else word for word in (area, category)]
    return ",".join([at, *quoted])


def in_influxdb(port: int, database: str, **login: str) -> Points:
    query = login | {"db": database, "epoch": "s", "q": "SELECT \"count\" FROM crimes GROUP BY area, category"}
    answer = json.load(urllib.request.urlopen(f"http://127.0.0.1:{port}/query?{urllib.parse.urlencode(query)}", timeout=60))
    points: Points = {}
    for series in answer["results"][0].get("series", []):
        for at, count in series["values"]:
            key = _key(at, series["tags"]["area"], series["tags"]["category"])
            assert key not in points, f"{key} is there twice"
            points[key] = count
    return {key: count for key, count in points.items() if count}


def _ask_kairosdb(port: int, city: str, name: str = "crimes", **how: object) -> list[dict]:
    """Its answer about all points of a city's metric."""
    metric = {"name": name, "tags": {"city": [city]}, **how}
    query = {"start_absolute": -4_000_000_000_000, "end_absolute": 4_000_000_000_000, "metrics": [metric]}
    request = urllib.request.Request(
        f"http://127.0.0.1:{port}/api/v1/datapoints/query", json.dumps(query).encode(), {"Content-Type": "application/json"}
    )
    return json.load(urllib.request.urlopen(request, timeout=60))["queries"][0]["results"]


def in_kairosdb(port: int, city: str) -> Points:
    points: Points = {}
    for result in _ask_kairosdb(port, city, group_by=[{"name": "tag", "tags": ["area", "category"]}]):
        tags = {name: values[0] for name, values in result["tags"].items()}
        for at_ms, count in result["values"]:
            key = _key(at_ms // 1000, tags.get("area", ""), tags.get("category", ""))
            assert key not in points, f"{key} is there twice"
            points[key] = count
    return {key: count for key, count in points.items() if count}


def number_in_kairosdb(port: int, city: str) -> int:
    """So many points it holds: one number, where all of them would be megabytes."""
    count = {"name": "count", "sampling": {"value": 300, "unit": "years"}}
    return sum(value for result in _ask_kairosdb(port, city, aggregators=[count]) for _, value in result["values"])


def total_in_kairosdb(port: int, city: str) -> int:
    """The sum of all counts it holds."""
    total = {"name": "sum", "sampling": {"value": 300, "unit": "years"}}
    return sum(value for result in _ask_kairosdb(port, city, aggregators=[total]) for _, value in result["values"])


def published_peaks(ticks: list[dict]) -> Peaks:
    """The peaks that a sink must hold after these messages of topic `peaks`. A later message of the same hour overwrites the earlier."""
    peaks: Peaks = {}
    for tick in ticks:
        at = int(datetime.fromisoformat(tick["at"]).timestamp())
        for window in tick["windows"] + tick.get("unlisted", []):
            for peak in window["peaks"]:
                key = (at, str(window["hours"]), peak["area"], peak["category"])
                peaks[key] = (peak["observed"], peak["expected"], peak["q"])
    return peaks


def peaks_in_influxdb(port: int, database: str) -> Peaks:
    query = {"db": database, "epoch": "s", "q": 'SELECT observed, expected, q FROM peaks GROUP BY "window", area, category'}
    answer = json.load(urllib.request.urlopen(f"http://127.0.0.1:{port}/query?{urllib.parse.urlencode(query)}", timeout=60))
    return {
        (at, *(series["tags"][tag] for tag in ("window", "area", "category"))): tuple(numbers)
        for series in answer["results"][0].get("series", [])
        for at, *numbers in series["values"]
    }


def peaks_in_kairosdb(port: int, city: str) -> Peaks:
    found: list[dict[tuple[int, str, str, str], float]] = []
    for name in ("observed", "expected", "q"):
        numbers = {}
        for result in _ask_kairosdb(port, city, f"peaks.{name}", group_by=[{"name": "tag", "tags": ["window", "area", "category"]}]):
            tags = tuple(result["tags"][tag][0] for tag in ("window", "area", "category")) if result["values"] else ()
            numbers |= {(at_ms // 1000, *tags): number for at_ms, number in result["values"]}
        found.append(numbers)
    observed, expected, q = found
    # A number that is missing in one metric is shown as missing.
    return {key: (observed.get(key), expected.get(key), q.get(key)) for key in observed.keys() | expected.keys() | q.keys()}


def assert_points(read, expected: Points | Peaks) -> None:
    """The points are the counts. A database may show a moment later what it has acknowledged, so it is asked again, until what it
    shows has not changed for a minute."""

    def shown() -> Points | Peaks | None:
        try:
            return read()
        except OSError:
            # A database that has just come up may still refuse.
            return None

    before, moved_at = None, time.monotonic()
    while (found := shown()) != expected and time.monotonic() - moved_at < 60:
        if found != before:
            before, moved_at = found, time.monotonic()
        time.sleep(0.5)  # the interval of asking
    found = read() if found is None else found
    wrong = [(key, found.get(key), expected.get(key)) for key in found.keys() | expected.keys() if found.get(key) != expected.get(key)]
    assert not wrong, f"{len(wrong)} of {len(expected)} points are wrong: {sorted(wrong)[:5]}"
