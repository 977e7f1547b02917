"""Made-up files in the form of real ones: what the simulator writes, moved to the years of each file, with ids of its own."""

from __future__ import annotations

import csv
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import duckdb
from paths import BINARY

#: The names of the real files: the city's whole file, a change feed of a year, and what the portal's API writes.
CITY = "chicago-2012-2017.csv.zst"
FEED = "chicago-hijackings-revisions.csv.zst"
SODA = "chicago-hijackings-soda-style.csv"

PORTAL_DATE, SODA_DATE = "%m/%d/%Y %I:%M:%S %p", "%Y-%m-%dT%H:%M:%S.000"


@dataclass(frozen=True)
class MadeUp:
    """What stands in for a real file: so many incidents, moved by so many weeks, with ids from `first_id` on."""

    make: Callable[[str, Path], None]
    incidents: int
    weeks_back: int
    first_id: int
    #: Of more that are simulated: those of a year and later, and of those each `every`th.
    simulated: int
    since: str = "1900"
    every: int = 1


@contextmanager
def simulated(made: MadeUp, beside: Path, date: str) -> Iterator[duckdb.DuckDBPyConnection]:
    """A database with the table `rows`: every simulated revision, moved and chosen, in the order of the file (`number`), with the
    moments `occurred` and `updated`."""
    written = beside.with_suffix(".simulated")
    command = [BINARY, "simulate", "--incidents", str(made.simulated), "--output", written]
    subprocess.run(command, check=True, capture_output=True)
    database = duckdb.connect()
    moved = lambda column: f"""strptime("{column}", '{PORTAL_DATE}') - INTERVAL {made.weeks_back * 7} DAY"""  # noqa: E731
    database.execute(
        f"""
        CREATE TABLE rows AS
        SELECT * REPLACE (
            ("ID"::BIGINT - 20000000 + {made.first_id})::VARCHAR AS "ID",
            strftime({moved("Date")}, '{date}') AS "Date",
            strftime({moved("Updated On")}, '{date}') AS "Updated On",
            year({moved("Date")})::VARCHAR AS "Year"
        ), {moved("Date")} AS occurred, {moved("Updated On")} AS updated
        FROM (SELECT *, row_number() OVER () AS number FROM read_csv($1, all_varchar = true, header = true, nullstr = ''))
        WHERE {moved("Date")} >= '{made.since}-01-01' AND ("ID"::BIGINT - 20000000) % {made.every} = 0
        """,
        [str(written)],
    )
    written.unlink()
    yield database
    database.close()


#: Of several revisions of an incident the newest.
NEWEST = 'SELECT * FROM rows QUALIFY row_number() OVER (PARTITION BY "ID" ORDER BY number DESC) = 1'


def portal_file(made: MadeUp, target: Path, order: str = "number", date: str = PORTAL_DATE) -> None:
    """The newest revision of each incident, as the portal exports it."""
    with simulated(made, target, date) as database:
        database.execute(
            f"COPY (SELECT * EXCLUDE (number, occurred, updated) FROM ({NEWEST}) ORDER BY {order} LIMIT {made.incidents})"
            f" TO '{target}' (HEADER, DELIMITER ',')"
        )


def city_file(name: str, target: Path) -> None:
    portal_file(MADE_UP[name], target, order="occurred DESC")


def sample_file(name: str, target: Path) -> None:
    portal_file(MADE_UP[name], target)


def sample_with_bom(name: str, target: Path) -> None:
    sample_file(name, target)
    target.write_bytes(b"\xef\xbb\xbf" + target.read_bytes())


#: The names of the portal's API that are not those of its export in lower case, with underscores.
RENAMED = {"latitude": "lat", "longitude": "lon"}


def with_soda_names(source: Path, target: Path) -> None:
    with source.open(newline="") as read, target.open("w", newline="") as written:
        rows, writer = csv.reader(read), csv.writer(written, lineterminator="\n")
        names = [name.lower().replace(" ", "_") for name in next(rows)]
        writer.writerow([RENAMED.get(name, name) for name in names])
        writer.writerows(rows)
    source.unlink()


def soda_file(name: str, target: Path) -> None:
    """As the portal's API writes it."""
    portal = target.with_suffix(".portal")
    portal_file(MADE_UP[name], portal, date=SODA_DATE)
    with_soda_names(portal, target)


#: The feed's first commit holds everything before it.
BEGIN, DELETED = "2022-02-01 16:51:46", "2022-12-24 12:00:00"


def feed_file(name: str, target: Path) -> None:
    """A change feed: insertions, updates, and every hundredth incident deleted at the end."""
    plain = target.with_suffix(".portal")
    stamp = "strftime(told_at, '%Y-%m-%dT%H:%M:%S') || '-06:00' AS feed_time, md5(told_at::VARCHAR)[:10] AS feed_commit"
    made = MADE_UP[name]
    with simulated(made, target, SODA_DATE) as database:
        database.execute(
            f"""
            COPY (
                WITH told AS (
                    SELECT *, greatest(updated, TIMESTAMP '{BEGIN}') AS told_at FROM rows WHERE updated < '{DELETED}'
                    QUALIFY row_number() OVER (PARTITION BY "ID", told_at ORDER BY number DESC) = 1
                ), changes AS (
                    SELECT *, if(row_number() OVER (PARTITION BY "ID" ORDER BY number) = 1, 'insert', 'update') AS op FROM told
                ), deletions AS (
                    SELECT * REPLACE (TIMESTAMP '{DELETED}' AS told_at), 'delete' AS op FROM told
                    WHERE ("ID"::BIGINT - {made.first_id}) % {made.every * 100} = 0
                    QUALIFY row_number() OVER (PARTITION BY "ID" ORDER BY number DESC) = 1
                )
                SELECT {stamp}, op, * EXCLUDE (number, occurred, updated, told_at, op)
                FROM (FROM changes UNION ALL FROM deletions) ORDER BY told_at, number
            ) TO '{plain}' (HEADER, DELIMITER ',')
            """
        )
    with_soda_names(plain, target)


#: Six years have 313 weeks. The simulator's year 2023 ends where each of these files does.
MADE_UP = {
    CITY: MadeUp(city_file, incidents=10**9, weeks_back=313, first_id=20_000_000, simulated=1_720_000, since="2012"),
    "chicago-2015-10-sample.csv": MadeUp(sample_file, incidents=999, weeks_back=426, first_id=10_000_000, simulated=1_200),
    "chicago-2024-sample-bom.csv": MadeUp(sample_with_bom, incidents=10_000, weeks_back=0, first_id=30_000_000, simulated=10_500),
    SODA: MadeUp(soda_file, incidents=8_185, weeks_back=0, first_id=40_000_000, simulated=1_500_000, every=180),
    FEED: MadeUp(feed_file, incidents=10**9, weeks_back=53, first_id=40_000_000, simulated=1_500_000, every=180),
}
