"""The cube's queries beside DuckDB and ClickHouse, on the same rows, two threads each, one after another.

    python bench/cube.py [--rounds N] [--filters N]

The peers are given what the cube has: the number of each incident's cell as a column of 16 bits, codes of eight bits for
categories and arrests, rows sorted by time, everything in memory (ClickHouse: a MergeTree without compression, in the page cache).
Months and hours of the week are asked in both ways, computed from the time and from columns of their own; the faster of
the four is what the cube is compared with. DuckDB's times are its caller's, ClickHouse's are its own.
"""

from __future__ import annotations

import argparse
import json
import random
import statistics
import subprocess
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PACKED = ROOT.parent / "shared" / "data" / "chicago-2012-2017.csv.zst"
BOX = (-87.95, 41.64, -87.52, 42.03)
SIMULATED = 10_000_000
QUERIES = ("cells of resolution 9", "month × category", "hour of the week × category")


def median(values):
    return statistics.median(values)


def staged(database, csv: Path, simulated: bool) -> None:
    """Table `staged`: the columns that the cube reads, sorted by time. Times in the spring gap move forward, as ours do."""
    database.execute(
        f"""
        CREATE OR REPLACE TABLE raw AS SELECT
            "ID" AS id, strptime("Date", '%m/%d/%Y %I:%M:%S %p') AS occurred_at, "Updated On" AS updated_on, "Primary Type" AS primary_type,
            "Arrest" AS arrest, "Domestic" AS domestic, "Community Area" AS community_area, "District" AS district,
            "Beat" AS beat, "Ward" AS ward, "Latitude"::DOUBLE AS latitude, "Longitude"::DOUBLE AS longitude
        FROM read_csv('{csv}', all_varchar = true, header = true, nullstr = '')
        """
    )
    if simulated:
        # Copies of the real incidents, three years earlier each, some hours and some ten metres beside.
        database.execute(
            f"""
            CREATE OR REPLACE TABLE raw AS
            WITH copies AS (
                SELECT *, hash(id, copy) AS chance FROM raw CROSS JOIN (SELECT unnest(range(6)) AS copy) ORDER BY copy LIMIT {SIMULATED}
            )
            SELECT row_number() OVER () AS id,
                   occurred_at - to_years((3 * copy)::INTEGER) + to_minutes((chance % 361)::INTEGER - 180) AS occurred_at,
                   updated_on, primary_type, arrest, domestic, community_area, district, beat, ward,
                   round(latitude + ((chance // 361) % 3)::INTEGER * 0.0001, 7) AS latitude,
                   round(longitude + ((chance // 1083) % 3)::INTEGER * 0.0001, 7) AS longitude
            FROM copies
            """
        )
    database.execute(
        """
        CREATE OR REPLACE TABLE staged AS
        SELECT id, timezone('America/Chicago', timezone('America/Chicago', occurred_at)) AS occurred_at, updated_on, primary_type, arrest, domestic,
            community_area, district, beat, ward, latitude, longitude
        FROM raw ORDER BY occurred_at, id
        """
    )
    database.execute("DROP TABLE raw")


def cells_of(database) -> list[int]:
    """Table `cells`: the number of the cell of each point inside the city, from 1 on; answers the cells by number."""
    import h3
    import pyarrow

    points = database.execute(
        f"""
        SELECT DISTINCT latitude, longitude FROM staged
        WHERE latitude BETWEEN {BOX[1]} AND {BOX[3]} AND longitude BETWEEN {BOX[0]} AND {BOX[2]}
        """
    ).fetchnumpy()
    numbers: dict[int, int] = {}
    latitudes, longitudes = points["latitude"].tolist(), points["longitude"].tolist()
    of_point = [
        numbers.setdefault(h3.str_to_int(h3.latlng_to_cell(latitude, longitude, 9)), len(numbers) + 1)
        for latitude, longitude in zip(latitudes, longitudes, strict=True)
    ]
    table = pyarrow.table({"latitude": latitudes, "longitude": longitudes, "cell": pyarrow.array(of_point, pyarrow.uint16())})
    database.register("cells_of_points", table)
    database.execute("CREATE OR REPLACE TABLE cells AS FROM cells_of_points")
    database.unregister("cells_of_points")
    return [0, *numbers]


def narrow(database) -> list[str]:
    """Table `incidents`: what the queries need, as narrow as it can be; answers the categories by code."""
    database.execute(
        """
        CREATE OR REPLACE TEMP TABLE named AS
        SELECT occurred_at, coalesce(cell, 0)::USMALLINT AS cell, (lower(arrest) = 'true')::UTINYINT AS arrest,
               CASE upper(trim(replace(primary_type, chr(160), ' ')))
                   WHEN 'NON - CRIMINAL' THEN 'NON-CRIMINAL'
                   WHEN 'NON-CRIMINAL (SUBJECT SPECIFIED)' THEN 'NON-CRIMINAL'
                   WHEN 'CRIM SEXUAL ASSAULT' THEN 'CRIMINAL SEXUAL ASSAULT'
                   ELSE upper(trim(replace(primary_type, chr(160), ' '))) END AS word
        FROM staged LEFT JOIN cells USING (latitude, longitude)
        """
    )
    words = [word for (word,) in database.execute("SELECT DISTINCT word FROM named ORDER BY word").fetchall()]
    codes = ", ".join(f"({code}, '{word}')" for code, word in enumerate(words))
    database.execute(
        f"""
        CREATE OR REPLACE TABLE incidents AS
        SELECT occurred_at::TIMESTAMP_S AS occurred_at, code::UTINYINT AS category, cell, arrest,
               (year(occurred_at) * 12 + month(occurred_at))::USMALLINT AS month,
               ((isodow(occurred_at) - 1) * 24 + hour(occurred_at))::UTINYINT AS hour_of_week
        FROM named JOIN (VALUES {codes}) AS codes(code, word) USING (word) ORDER BY occurred_at
        """
    )
    database.execute("DROP TABLE named")
    return words


class Ours:
    def __init__(self, incidents: Path, filters: Path):
        command = ["cargo", "build", "--release", "--quiet", "-p", "blotter-cube", "--example", "query_rate", "--message-format=json"]
        built = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True).stdout
        messages = [json.loads(line) for line in built.splitlines()]
        binary = next(message["executable"] for message in messages if message.get("target", {}).get("name") == "query_rate")
        self.process = subprocess.Popen([binary, incidents, filters], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def ask(self, command: str):
        assert self.process.stdin and self.process.stdout
        self.process.stdin.write(command + "\n")
        self.process.stdin.flush()
        return json.loads(self.process.stdout.readline())

    def end(self) -> None:
        self.process.communicate()


class DuckDb:
    computed = ("cell", "date_trunc('month', occurred_at), category", "(isodow(occurred_at) - 1) * 24 + hour(occurred_at), category")

    def __init__(self, database):
        self.database = database
        database.execute("SET threads = 2")

    def ask(self, sql: str) -> float:
        began = time.perf_counter()
        self.database.execute(sql)
        self.database.to_arrow_table()
        return (time.perf_counter() - began) * 1000


class ClickHouse:
    computed = ("cell", "toStartOfMonth(occurred_at), category", "(toDayOfWeek(occurred_at) - 1) * 24 + toHour(occurred_at), category")

    def __init__(self, folder: Path, parquet: Path):
        from chdb import session

        self.session = session.Session(str(folder))
        self.session.query("CREATE DATABASE bench ENGINE = Atomic")
        columns = ("occurred_at DateTime('UTC')", "category UInt8", "cell UInt16", "arrest UInt8", "month UInt16", "hour_of_week UInt8")
        written = ", ".join(f"{column} CODEC(NONE)" for column in columns)
        self.session.query(f"CREATE TABLE bench.incidents ({written}) ENGINE = MergeTree ORDER BY occurred_at")
        self.session.query(f"INSERT INTO bench.incidents SELECT * FROM file('{parquet}', Parquet)")
        self.session.query("OPTIMIZE TABLE bench.incidents FINAL")

    def ask(self, sql: str) -> float:
        answer = self.session.query(sql.replace("FROM incidents", "FROM bench.incidents") + " SETTINGS max_threads = 2", "Native")
        return answer.elapsed() * 1000


#: From columns of their own, in both dialects.
PRECOMPUTED = ("cell", "month, category", "hour_of_week, category")


#: From, to, categories, and whether only incidents with an arrest.
Filter = tuple[str, str, list[str], bool]


def random_filters(words: list[str], first_year: int, many: int) -> list[Filter]:
    """Any days, up to three categories; one in four has no period, one in four no category."""
    chance = random.Random(4)
    filters = []
    for _ in range(many):
        day = lambda: f"{chance.randrange(first_year, 2018)}-{chance.randrange(1, 13):02}-{chance.randrange(1, 29):02}"  # noqa: E731
        period = sorted((day(), day())) if chance.random() < 0.75 else ["", ""]
        filters.append((*period, chance.sample(words, chance.randrange(1, 4)) if chance.random() < 0.75 else [], False))
    return filters


def where_of(words: list[str], filter: Filter) -> str:
    first, last, categories, arrest = filter
    parts = ["true"]
    if first:
        parts += [f"occurred_at >= '{first} 00:00:00'", f"occurred_at < '{last} 00:00:00'"]
    if categories:
        parts.append(f"category IN ({', '.join(str(words.index(category)) for category in categories)})")
    if arrest:
        parts.append("arrest = 1")
    return " AND ".join(parts)


def check(ours: Ours, database, cells: list[int], words: list[str], filters) -> None:
    """Every answer of the cube is DuckDB's."""
    database.execute("CREATE OR REPLACE TEMP TABLE indexes AS SELECT unnest(range(len($1))) AS cell, unnest($1::UBIGINT[]) AS index", [cells])
    for answer, filter in zip(ours.ask("check"), filters, strict=True):
        where = where_of(words, filter)
        of_cells = database.execute(
            f"""
            SELECT count(*), coalesce(sum(n), 0), coalesce(sum(n * (index % 1000003)), 0)
            FROM (SELECT cell, count(*) AS n FROM incidents WHERE cell > 0 AND {where} GROUP BY 1) JOIN indexes USING (cell)
            """
        ).fetchone()
        expect = [list(of_cells)]
        for key in ("month", "hour_of_week"):
            counted = f"SELECT {key} AS key, category, count(*) AS n FROM incidents WHERE {where} GROUP BY ALL"
            expect.append(list(database.execute(f"SELECT count(*), coalesce(sum(n), 0), coalesce(sum(n * key), 0) FROM ({counted})").fetchone()))
        assert answer == [[int(number) for number in numbers] for numbers in expect], (filter, answer, expect)


def compare(scratch: Path, csv: Path, simulated: bool, rounds: int, many: int):
    import duckdb

    database = duckdb.connect(str(scratch / "staged.duckdb"))
    staged(database, csv, simulated)
    cells = cells_of(database)
    words = narrow(database)
    incidents, filters_file, parquet = scratch / "incidents.tsv", scratch / "filters.tsv", scratch / "incidents.parquet"
    database.execute(f"COPY (SELECT * REPLACE (strftime(occurred_at, '%Y-%m-%dT%H:%M:%S') AS occurred_at) FROM staged) TO '{incidents}' (DELIMITER '\t', HEADER false, QUOTE '')")
    database.execute(f"COPY (SELECT * REPLACE (occurred_at::TIMESTAMP AS occurred_at) FROM incidents) TO '{parquet}' (FORMAT parquet)")
    rows, first_year = database.execute("SELECT count(*), min(year(occurred_at)) FROM incidents").fetchone()
    memory_database = duckdb.connect()
    memory_database.execute("SET TimeZone = 'UTC'")
    memory_database.execute(f"CREATE TABLE incidents AS SELECT occurred_at::TIMESTAMP_S AS occurred_at, * EXCLUDE (occurred_at) FROM '{parquet}'")
    database.close()
    filters = random_filters(words, first_year, many)
    filters.insert(0, ("", "", [], True))
    lines = (f"{first}\t{last}\t{'|'.join(categories)}\t{'true' if arrest else ''}\n" for first, last, categories, arrest in filters)
    filters_file.write_text("".join(lines))
    filters.insert(0, ("", "", [], False))

    ours = Ours(incidents, filters_file)
    memory = ours.ask("memory")
    peers = {"DuckDB": DuckDb(memory_database), "ClickHouse": ClickHouse(scratch / "clickhouse", parquet)}
    check(ours, memory_database, cells, words, filters)
    took: dict[str, list[list[list[float]]]] = {}
    for round in range(rounds + 1):
        measured = {"cube": ours.ask("round")}
        for name, peer in peers.items():
            for way, keys in (("", peer.computed), (" (columns)", PRECOMPUTED)):
                measured[name + way] = [
                    [peer.ask(f"SELECT {key}, count(*) FROM incidents WHERE {where_of(words, filter)} GROUP BY ALL") for filter in filters]
                    for key in keys
                ]
        # The first round warms caches up.
        if round > 0:
            for name, times in measured.items():
                took.setdefault(name, []).append(times)
    live = ours.ask("live")
    ours.end()
    kind = "simulated" if simulated else "real"
    print(json.dumps({"kind": kind, "memory": memory, "live": live}), flush=True)

    def of(name: str, query: int, index: int) -> float:
        return median([times[query][index] for times in took[name]])

    for query, title in enumerate(QUERIES):
        unfiltered = {name: of(name, query, 0) for name in took}
        yield row(f"Cube, {title}, {rows:,} {kind} incidents", unfiltered)
        filtered = {name: median([of(name, query, index) for index in range(2, len(filters))]) for name in took}
        yield row(f"… under {many} random filters by category and period, median", filtered)
        yield row("… where someone was arrested: every row is read", {name: of(name, query, 1) for name in took})
    yield (
        f"Cube, live changes beside queries without a pause, {rows:,} {kind} incidents",
        f"{live['changes_per_s']:,} changes/s",
        f"{live['queries_per_s']:,} queries/s; filter columns {memory['filter_columns']} B, identity index {memory['identity_index']} B an incident",
        "",
    )


def row(what: str, times: dict[str, float]):
    peers = {name: took for name, took in times.items() if name != "cube"}
    ours = times["cube"]
    return (
        what,
        f"{ours:.3f} ms",
        ", ".join(f"{name} {took:.2f} ms" for name, took in peers.items()),
        f"{ours / min(peers.values()):.3f}",
    )


def cube(scratch: Path, csv: Path, rounds: int, many: int = 40):
    """Cells, months and hours of the week, real and simulated."""
    for simulated in (False, True):
        folder = scratch / f"cube-{simulated}"
        folder.mkdir()
        yield from compare(folder, csv, simulated, rounds, many)


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--rounds", type=int, default=5)
    arguments.add_argument("--filters", type=int, default=40)
    arguments.add_argument("--only", choices=["real", "simulated"])
    chosen = arguments.parse_args()
    with tempfile.TemporaryDirectory(prefix="blotter-bench-") as folder:
        csv = Path(folder) / "chicago.csv"
        subprocess.run(["zstd", "-q", "-d", str(PACKED), "-o", str(csv)], check=True)
        print("| what | Blotter | beside it, in the same run | ratio |\n| --- | --- | --- | --- |")
        for simulated in (False, True):
            if chosen.only in (None, "simulated" if simulated else "real"):
                part = Path(folder) / f"cube-{simulated}"
                part.mkdir()
                for line in compare(part, csv, simulated, chosen.rounds, chosen.filters):
                    print(f"| {' | '.join(line)} |", flush=True)


if __name__ == "__main__":
    main()
