"""A portal of the Socrata kind for `soak.py`: its data set grows, is revised and loses rows, and it fails at a third of the requests.

What happens to the data set depends on the seed alone. A *tick* is one second: its rows appear together, with the same `:updated_at`.

Blotter asks a portal every 5 minutes and compares one of 13 months every 15 minutes. An hour would see few of these. So the portal
keeps the clock of the process that asks: each page of changes takes almost 5 minutes of that clock (`e2e/clock.c`), and the
next poll comes after `poll_s`. The clock begins in the past and stays there, because records from the future are rejected.
"""

from __future__ import annotations

import bisect
import json
import random
import re
import struct
import subprocess
import threading
import time
import urllib.parse
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import islice
from pathlib import Path
from zoneinfo import ZoneInfo

ROOT = Path(__file__).resolve().parent.parent
DATASET = "ijzp-q8t2"
CITY_TIME = ZoneInfo("America/Chicago")
FIRST_ID = 10_000_000

#: Rows that are there at the beginning. They occurred in the days before the clock's beginning.
HISTORY = 20_000
HISTORY_DAYS = 90
#: For each new row, so many earlier rows are revised, deleted, and listed again after a deletion.
REVISED, DELETED, RESTORED = 0.05, 0.002, 0.0005
#: One of so many revisions moves the incident to another day.
MOVED = 50
#: The portal's clock passes so fast for occurrences: they stay behind the clock of the process, which runs faster.
OCCURRENCE_SPEED = 20
#: Pauses of `blotter produce` between two polls.
POLL_EVERY_S = 300

#: `id in ('1', '2')`, or `id = '1' OR id = '2'`.
BY_IDS = re.compile(r"id in ?\((?:'\d+'(?:, ?)?)+\)|id = '\d+'(?: OR id = '\d+')*", re.IGNORECASE)
FAILING_SHARE = 1 / 3
FAILURES = ("500", "503", "202", "429", "closed", "html", "cut JSON", "cut body")

CATEGORIES = (
    ("THEFT", "OVER $500", "0810", 22), ("BATTERY", "SIMPLE", "0460", 18), ("CRIMINAL DAMAGE", "TO VEHICLE", "1320", 11),
    ("NARCOTICS", "POSS: CRACK", "2027", 9), ("ASSAULT", "SIMPLE", "0560", 8), ("BURGLARY", "FORCIBLE ENTRY", "0610", 6),
    ("MOTOR VEHICLE THEFT", "AUTOMOBILE", "0910", 6), ("ROBBERY", "STRONGARM - NO WEAPON", "0320", 4), ("ARSON", "AGGRAVATED", "1025", 1),
)  # fmt: skip
PLACES = ("STREET", "RESIDENCE", "APARTMENT", "SIDEWALK", "ALLEY")


class Clock:
    """The wall clock of the processes that have its variables: that of the machine and an offset of whole seconds."""

    def __init__(self, directory: Path, offset_s: int):
        library, self._file = directory / "clock.so", directory / "clock"
        subprocess.run(["cc", "-O1", "-shared", "-fPIC", "-o", library, ROOT / "e2e" / "clock.c", "-ldl"], check=True)
        self.variables = {"LD_PRELOAD": str(library), "CLOCK_OFFSET_FILE": str(self._file)}
        self.offset_s = 0
        self._file.write_bytes(bytes(8))
        self.move(offset_s)

    def move(self, seconds: int) -> None:
        self.offset_s = min(self.offset_s + seconds, 0)
        with self._file.open("r+b", buffering=0) as file:
            file.write(struct.pack("=q", self.offset_s))


@dataclass(slots=True)
class Row:
    number: int
    revision: int
    updated_us: int
    occurred: datetime
    listed: bool = True

    @property
    def row_id(self) -> str:
        """In another order than the rows appear."""
        return f"row-{self.number * 2_654_435_761 % 2**32:08x}"

    @property
    def month(self) -> str:
        return self.occurred.strftime("%Y-%m")


class DataSet:
    """What the portal holds, and the order in which it changed."""

    def __init__(self, seed: int, rate: int, begins: datetime):
        self.seed, self.rate = seed, rate
        self.begins = begins.astimezone(CITY_TIME).replace(tzinfo=None)
        self.rows: list[Row] = []
        self.months: dict[str, dict[str, Row]] = {}
        self.revised = self.deleted = self.restored = 0
        self.ticks = 0
        self._chance = random.Random(f"{seed}/changes")
        self._gone: list[Row] = []
        #: (`:updated_at`, `:id`, row) of each change, in order. An entry is out of date if the row has changed again.
        self._changes: list[tuple[int, str, Row]] = []
        first = int(begins.timestamp()) * 1_000_000
        self._publish([self._new(first, begun=False) for _ in range(HISTORY)])

    @property
    def listed(self) -> int:
        return len(self.rows) - len(self._gone)

    def tick(self, at_us: int) -> None:
        """One second of changes."""
        self.ticks += 1
        changed = {}
        for _ in range(self.rate):
            if self._chance.random() < REVISED:
                row = self._chance.choice(self.rows)
                if row.listed:
                    self._revise(row, at_us)
                    changed[row.number] = row
            if self._chance.random() < DELETED:
                row = self._chance.choice(self.rows)
                # A row that changes and goes within one second never was so for anyone.
                if row.listed and row.number not in changed:
                    self._delete(row)
            if self._gone and self._chance.random() < RESTORED:
                self._restore(self._gone.pop(self._chance.randrange(len(self._gone))))
            row = self._new(at_us, begun=True)
            changed[row.number] = row
        self._publish(list(changed.values()))

    def after(self, key: tuple[int, str]):
        """The listed rows behind a key, in the order of changes."""
        place = bisect.bisect_right(self._changes, key, key=lambda change: change[:2])
        for at_us, _, row in self._changes[place:]:
            if row.listed and row.updated_us == at_us:
                yield row

    def by_city_ids(self, ids: list[str]) -> list[Row]:
        """The listed rows of these ids."""
        rows = (self.rows[number] for number in sorted(int(id_) - FIRST_ID for id_ in ids) if number < len(self.rows))
        return [row for row in rows if row.listed]

    def fields(self, row: Row, select: str) -> dict:
        """A row as the portal answers it."""
        short = {":id": row.row_id, ":updated_at": as_instant(row.updated_us), "id": str(FIRST_ID + row.number)}
        if "*" not in select:
            return {name: value for name, value in short.items() if name in select.split(",")}
        fixed, changing = random.Random(f"{self.seed}/{row.number}"), random.Random(f"{self.seed}/{row.number}/{row.revision}")
        area = 1 + int(fixed.triangular(0, 77, 25))
        # A few blocks of each area have most of its incidents.
        block = min(int(fixed.expovariate(0.2)), 60)
        category, description, code, _ = changing.choices(CATEGORIES, [category[3] for category in CATEGORIES])[0]
        latitude = 41.68 + 0.003 * (area % 11) * 9 + 0.001 * (block % 8)
        longitude = -87.83 + 0.02 * (area // 11) + 0.0015 * (block // 8)
        return short | {
            "case_number": f"JS{row.number:07}",
            "date": row.occurred.strftime("%Y-%m-%dT%H:%M:%S.000"),
            "block": f"{block:03}XX N AREA {area:02} ST",
            "iucr": code,
            "primary_type": category,
            "description": description,
            "location_description": fixed.choice(PLACES),
            "arrest": changing.random() < 0.2,
            "domestic": fixed.random() < 0.15,
            "beat": f"{area:02}{1 + block % 4}{1 + block % 3}",
            "district": f"{1 + area % 25:03}",
            "ward": str(1 + area % 50),
            "community_area": str(area),
            # Not every revision says that it is one.
            "updated_on": (self.begins + timedelta(minutes=row.revision - row.revision % 3)).strftime("%Y-%m-%dT%H:%M:%S.000"),
            "latitude": f"{latitude:.9f}",
            "longitude": f"{longitude:.9f}",
            "location": {"latitude": f"{latitude:.9f}", "longitude": f"{longitude:.9f}"},
        }

    def _new(self, at_us: int, begun: bool) -> Row:
        now = self.begins + timedelta(seconds=OCCURRENCE_SPEED * self.ticks)
        # Half of the incidents become known at once, the others late.
        late = not begun or self._chance.random() < 0.5
        ago = self._chance.uniform(0, HISTORY_DAYS * 86_400) if late else self._chance.uniform(0, OCCURRENCE_SPEED)
        row = Row(len(self.rows), 0, at_us, (now - timedelta(seconds=ago)).replace(microsecond=0))
        self.rows.append(row)
        self.months.setdefault(row.month, {})[row.row_id] = row
        return row

    def _revise(self, row: Row, at_us: int) -> None:
        row.revision += 1
        row.updated_us = at_us
        self.revised += 1
        if self._chance.randrange(MOVED) == 0:
            del self.months[row.month][row.row_id]
            row.occurred -= timedelta(days=self._chance.randrange(1, 40))
            self.months.setdefault(row.month, {})[row.row_id] = row

    def _delete(self, row: Row) -> None:
        row.listed = False
        del self.months[row.month][row.row_id]
        self._gone.append(row)
        self.deleted += 1

    def _restore(self, row: Row) -> None:
        """Listed again, as it was: its `:updated_at` is the old one."""
        row.listed = True
        self.months[row.month][row.row_id] = row
        self.restored += 1

    def _publish(self, rows: list[Row]) -> None:
        self._changes += sorted((row.updated_us, row.row_id, row) for row in rows)


def as_instant(us: int) -> str:
    return datetime.fromtimestamp(us / 1e6, UTC).strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3] + "Z"


def micros(instant: str) -> int:
    return round(datetime.fromisoformat(instant).timestamp() * 1e6)


class Portal(ThreadingHTTPServer):
    """The data set behind HTTP. It grows until `stop_growing`, and fails while `failing`."""

    daemon_threads = True

    def __init__(self, directory: Path, seed: int, rate: int, duration_s: int, poll_s: int):
        super().__init__(("127.0.0.1", 0), Handler)
        self.page_takes_s = POLL_EVERY_S - poll_s
        # Twice what the pages will take, and two days for the end.
        self.clock = Clock(directory, -2 * 86_400 - 2 * duration_s * (self.page_takes_s // poll_s + 1))
        self.data = DataSet(seed, rate, datetime.fromtimestamp(self.now_us() / 1e6, UTC))
        self.failing = False
        self.requests = self.failed = 0
        self.misunderstood: list[str] = []
        self.lock = threading.Lock()
        self._chance = random.Random(f"{seed}/failures")
        self._grows_since: float | None = None
        self.profile = directory / "city.toml"
        text = (ROOT / "cities" / "chicago.toml").read_text()
        address = f"http://localhost:{self.server_address[1]}"
        self.profile.write_text(re.sub(r'(\[portal\]\ndomain = )"[^"]*"', rf'\1"{address}"', text))
        threading.Thread(target=self.serve_forever, daemon=True).start()

    def now_us(self) -> int:
        return time.time_ns() // 1000 + self.clock.offset_s * 1_000_000

    def start_growing(self) -> None:
        with self.lock:
            self._grows_since = time.monotonic()

    def stop_growing(self) -> None:
        with self.lock:
            self.grow()
            self._grows_since = None

    def close(self) -> None:
        self.shutdown()
        self.server_close()

    def grow(self) -> None:
        """Brings the data set up to now. The caller has the lock."""
        if self._grows_since is None:
            return
        now_us, passed = self.now_us(), time.monotonic() - self._grows_since
        for tick in range(self.data.ticks, int(passed)):
            # As an answer shows it: in milliseconds.
            self.data.tick((now_us - int((passed - tick - 1) * 1e6)) // 1000 * 1000)

    def failure(self) -> str | None:
        """How the next request fails, if it does."""
        self.requests += 1
        if not self.failing or self._chance.random() >= FAILING_SHARE:
            return None
        self.failed += 1
        return self._chance.choice(FAILURES)

    def answer(self, query: dict[str, str]) -> list[dict]:
        """The rows of a query. The caller has the lock. Raises `ValueError` for an unknown query."""
        data = self.data
        select, order, limit = query.pop("$select"), query.pop("$order", ""), int(query.pop("$limit", "1000"))
        where = query.pop("$where", "")
        ids = [query.pop("id")] if "id" in query else re.findall(r"'(\d+)'", where) if re.fullmatch(BY_IDS, where) else None
        if ids is not None and not query:
            return [data.fields(row, select) for row in data.by_city_ids(ids)[:limit]]
        if query:
            raise ValueError("unknown parameters")
        if "count(*)" in select:
            return [{"count": str(data.listed)}]
        if not where and not order:
            return [data.fields(row, select) for row in islice(data.after((0, "")), limit)]
        if order == ":updated_at,:id":
            return self._page(where, select, limit)
        month = re.fullmatch(r"date >= '([^']*)' AND date < '([^']*)'(?: AND :id > '([^']*)')?", where)
        if order != ":id" or not month:
            raise ValueError("unknown filter")
        (first, last), after = month.groups()[:2], month.group(3) or ""
        found = sorted((row_id, row) for row_id, row in data.months.get(first[:7], {}).items() if row_id > after)
        if any(not first <= row.occurred.isoformat() < last for _, row in found):
            raise ValueError("the period is not a month of the data set")
        return [data.fields(row, select) for _, row in found[:limit]]

    def _page(self, where: str, select: str, limit: int) -> list[dict]:
        after = re.fullmatch(r"date >= '[^']*'(?: AND \(:updated_at > '([^']*)' OR \(:updated_at = '\1' AND :id > '([^']*)'\)\))?", where)
        if not after:
            raise ValueError("unknown filter")
        key = (micros(after.group(1)), after.group(2)) if after.group(1) else (0, "")
        return [self.data.fields(row, select) for row in islice(self.data.after(key), limit)]


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        address = urllib.parse.urlparse(self.path)
        query = dict(urllib.parse.parse_qsl(address.query))
        is_page = query.get("$order") == ":updated_at,:id"
        portal: Portal = self.server
        with portal.lock:
            failure = portal.failure()
            portal.grow()
            try:
                if address.path != f"/resource/{DATASET}.json":
                    raise ValueError("unknown address")
                rows = portal.answer(query) if failure is None or "cut" in failure else []
            except (ValueError, KeyError) as error:
                portal.misunderstood.append(f"{urllib.parse.unquote(self.path)}: {error!r}")
                return self.say(400, b"[]")
            if is_page and failure is None:
                portal.clock.move(portal.page_takes_s)
        body = json.dumps(rows).encode()
        match failure:
            case "500" | "503" | "202":
                self.say(int(failure), b"")
            case "429":
                self.say(429, b"slow down", {"Retry-After": "2"})
            case "closed":
                self.close_connection = True
            case "html":
                self.say(200, b"<html><body>Under maintenance</body></html>", {"Content-Type": "text/html"})
            case "cut JSON":
                self.say(200, body[: len(body) // 2])
            case "cut body":
                self.close_connection = True
                self.say(200, body[: len(body) // 2], {"Content-Length": str(len(body))})
            case None:
                self.say(200, body)

    def say(self, status: int, body: bytes, headers: dict[str, str] | None = None) -> None:
        self.send_response(status)
        for name, value in ({"Content-Type": "application/json", "Content-Length": str(len(body))} | (headers or {})).items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def handle_one_request(self):
        try:
            super().handle_one_request()
        except ConnectionError:
            self.close_connection = True  # The process was killed meanwhile.

    def log_message(self, *_):
        pass
