"""Measures Blotter beside its peers, in the same run, and writes the table of bench/README.md.

    python bench/run.py [--only NAME ...] [--rounds N] [--write]

Each figure is the median of several rounds, A B A B …, because machines are shared and noisy.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import re
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.parse
import urllib.request
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
BINARY = ROOT / "target" / "release" / "blotter"
PACKED = ROOT.parent / "shared" / "data" / "chicago-2012-2017.csv.zst"
REAL_ROWS = 1_718_685


def median(values):
    return statistics.median(values)


def run(*command, **options) -> str:
    return subprocess.run([str(word) for word in command], check=True, capture_output=True, text=True, **options).stdout


class Demo:
    """`blotter demo` with its peak memory."""

    def __init__(self, folder: Path, *arguments):
        self.process = subprocess.Popen(
            [str(BINARY), "demo", "--dir", str(folder), "--listen", "127.0.0.1:0", *map(str, arguments)],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        self.lines: list[str] = []

    def until(self, pattern: str) -> re.Match[str]:
        assert self.process.stdout
        for line in self.process.stdout:
            self.lines.append(line)
            if match := re.search(pattern, line):
                return match
        raise SystemExit("blotter ended early:\n" + "".join(self.lines))

    def peak_mib(self) -> float:
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        return int(re.search(r"VmHWM:\s+(\d+)", status).group(1)) / 1024

    def end(self, how=signal.SIGINT) -> None:
        self.process.send_signal(how)
        self.process.communicate()


def json_of(url: str):
    with urllib.request.urlopen(url, timeout=60) as answer:
        return json.load(answer), answer.headers


def wait_for(url: str, condition):
    while True:
        try:
            answer, _ = json_of(url)
            if condition(answer):
                return answer
        except OSError:
            pass
        time.sleep(0.01)


def load(scratch: Path, csv: Path, rounds: int):
    """CSV → durable log → counts and Delta, beside DuckDB's COPY to Parquet."""
    import duckdb

    ours, theirs, peaks = [], [], []
    for _ in range(rounds):
        folder = scratch / "load"
        demo = Demo(folder, "--no-serve", "--data", csv)
        seconds = float(demo.until(r"counted and archived after ([\d.]+) s").group(1))
        peaks.append(demo.peak_mib())
        demo.end()
        ours.append(REAL_ROWS / seconds)
        shutil.rmtree(folder)

        target = scratch / "peer.parquet"
        database = duckdb.connect(config={"threads": 2})
        began = time.perf_counter()
        database.execute(f"COPY (SELECT * FROM read_csv('{csv}', all_varchar = true)) TO '{target}' (FORMAT parquet, COMPRESSION zstd)")
        theirs.append(REAL_ROWS / (time.perf_counter() - began))
        target.unlink()
    yield (
        "Real file, CSV → durable log → hourly counts and Delta archive",
        f"{median(ours):,.0f} incidents/s (peak {median(peaks):,.0f} MiB)",
        f"DuckDB `COPY` CSV → Parquet zstd alone: {median(theirs):,.0f}/s",
        f"{median(ours) / median(theirs):.2f}",
    )


def cells(scratch: Path, csv: Path, rounds: int):
    """Cells at resolution 9 under random filters, and how long a start takes."""
    folder = scratch / "cells"
    demo = Demo(folder, "--data", csv)
    url = demo.until(r"(http://[\d.:]+)").group(1)
    meta = wait_for(f"{url}/api/v1/meta", lambda meta: meta["caught_up"])
    chance = random.Random(9)
    districts = [area["code"] for layer in meta["layers"] if layer["name"] == "district" for area in layer["areas"]]
    server, whole = [], []
    database = peer_of_cells(csv)
    peer = []
    for _ in range(300):
        first = chance.randrange(0, 60)
        last = chance.randrange(first + 1, 73)
        month = lambda number: f"{2012 + number // 12}-{number % 12 + 1:02}-01"  # noqa: E731
        query = [("resolution", "9"), ("from", month(first)), ("to", month(last))]
        where = [f"occurred_at >= '{month(first)}'", f"occurred_at < '{month(last)}'"]
        if categories := chance.sample(meta["categories"], chance.randrange(0, 4)):
            query += [("category", category) for category in categories]
            where.append("category IN (" + ", ".join(f"'{category}'" for category in categories) + ")")
        if chance.random() < 0.3:
            query.append(("arrest", arrest := chance.choice(["true", "false"])))
            where.append(f"arrest = {arrest}")
        if chance.random() < 0.2:
            query.append(("area", f"district:{(district := chance.choice(districts))}"))
            where.append(f"district = '{district}'")
        began = time.perf_counter()
        _, headers = json_of(f"{url}/api/v1/cells?{urllib.parse.urlencode(query)}")
        whole.append((time.perf_counter() - began) * 1000)
        server.append(float(re.search(r"total;dur=([\d.]+)", headers["Server-Timing"]).group(1)))
        began = time.perf_counter()
        database.execute(f"SELECT cell, count(*) FROM incidents WHERE cell IS NOT NULL AND {' AND '.join(where)} GROUP BY 1")
        database.fetch_arrow_table()
        peer.append((time.perf_counter() - began) * 1000)
    p95 = lambda values: sorted(values)[int(len(values) * 0.95)]  # noqa: E731
    yield (
        "`cells` at resolution 9, 300 random filters over 1.7 M incidents, p95",
        f"{p95(server):.1f} ms (median {median(server):.1f} ms)",
        f"DuckDB, cells precomputed: {p95(peer):.1f} ms (median {median(peer):.1f} ms); ours as a client in Python sees it: {p95(whole):.1f} ms",
        f"{p95(server) / p95(peer):.2f}",
    )
    demo.end()
    seconds = []
    for _ in range(rounds):
        took, demo = ready_after(folder, csv)
        seconds.append(took)
        demo.end()
    yield ("Start on 1.7 M incidents until `readyz`, after a clean stop", f"{median(seconds):.2f} s", "", "")
    shutil.rmtree(folder)
    seconds = []
    for _ in range(rounds):
        demo = Demo(folder, "--data", csv)
        # All of the log, and no snapshot yet: the longest way back.
        demo.until("counted and archived")
        demo.end(signal.SIGKILL)
        took, demo = ready_after(folder, csv)
        seconds.append(took)
        demo.end()
        shutil.rmtree(folder)
    yield ("… after kill -9 before the first snapshot", f"{median(seconds):.2f} s", "", "")


def statistics_of_places(scratch: Path, csv: Path, rounds: int):
    """The statistics as the API answers them, under random filters; Gi* beside esda's on the same cells and neighbours."""
    import esda
    import h3
    import numpy
    from libpysal.weights import W

    demo = Demo(scratch / "statistics", "--data", csv)
    url = demo.until(r"(http://[\d.:]+)").group(1)
    meta = wait_for(f"{url}/api/v1/meta", lambda meta: meta["caught_up"])
    chance = random.Random(4)

    def month(number):
        return f"{2012 + number // 12}-{number % 12 + 1:02}-01"

    def filters():
        first = chance.randrange(0, 60)
        query = [("from", month(first)), ("to", month(chance.randrange(first + 1, 73)))]
        return query + [("category", category) for category in chance.sample(meta["categories"], chance.randrange(0, 4))]

    def ask(path, query):
        """The answer; and how long the statistics took, and all of it, in ms."""
        answer, headers = json_of(f"{url}/api/v1/{path}?{urllib.parse.urlencode(query)}")
        said = dict(re.findall(r"(\w+);dur=([\d.]+)", headers["Server-Timing"]))
        return answer, float(said["cube"]), float(said["total"])

    def gi_star(answer):
        """esda's scores and threshold, without the making of its weights, in ms."""
        counts = {cell["cell"]: cell["count"] for cell in answer["cells"]}
        neighbors = {cell: [other for other in h3.grid_ring(cell, 1) if other in counts] for cell in counts}
        weights = W(neighbors, id_order=list(counts), silence_warnings=True)
        x = numpy.array(list(counts.values()), dtype=float)
        began = time.perf_counter()
        local = esda.G_Local(x, weights, transform="B", star=True, permutations=0)
        esda.fdr(local.p_norm * 2, 0.1)
        return (time.perf_counter() - began) * 1000

    for _ in range(3):
        ask("hotspots", [("resolution", "9")])
        ask("peaks", [])
    asked, peer = [], []
    for number in range(100):
        answer, *took = ask("hotspots", [("resolution", "9"), *(filters() if number else [])])
        asked.append(took)
        if number < 3 * rounds:
            peer.append(gi_star(answer))
    largest = lambda values: sorted(values)[int(len(values) * 0.95)]  # noqa: E731

    def figures(asked):
        mine, whole = zip(*asked, strict=True)
        return f"median {median(mine):.1f} ms, p95 {largest(mine):.1f} ms (with JSON {median(whole):.1f} ms)"

    yield (
        f"Gi* and q of {answer['n']:,} cells at resolution 9, 100 random filters over 1.7 M incidents",
        figures(asked),
        f"esda `G_Local` and `fdr`, given counts and weights: {median(peer):.1f} ms",
        f"{median(ours for ours, _ in asked) / median(peer):.2f}",
    )
    asked = [ask("density", [("bandwidth_m", "400"), *(filters() if number else [])])[1:] for number in range(60)]
    yield ("Kernel density, 400 m on a 100 m grid, 60 random filters", figures(asked), "", "")
    asked = []
    for number in range(20):
        categories = [("category", category) for category in chance.sample(meta["categories"], chance.randrange(0, 4))]
        asked.append(ask("emerging", [("resolution", "9"), ("step", "month"), *(categories if number else [])])[1:])
    yield ("Emerging hot spots over 72 months at resolution 9, 20 random filters", figures(asked), "", "")
    moments = [f"201{chance.randrange(5, 8)}-{chance.randrange(1, 13):02}-15T{chance.randrange(24):02}:00" for _ in range(60)]
    answers = [ask("peaks", [("at", moment)]) for moment in moments]
    yield (
        f"A tick of peaks: {median(answer['tests'] for answer, _, _ in answers):,.0f} tests, at 60 moments of 2015 to 2017",
        figures([took for _, *took in answers]),
        "",
        "",
    )
    demo.end()


def peer_of_cells(csv: Path):
    """The same incidents in DuckDB, in memory, sorted by time, with narrow types and the cell of each."""
    sys.path.append(str(ROOT / "e2e"))
    import h3
    from reference import Reference

    database = Reference(csv).db
    database.execute("SET threads = 2")
    points = database.execute("SELECT DISTINCT latitude, longitude FROM incidents WHERE mapped").fetchall()
    rows = [(latitude, longitude, h3.str_to_int(h3.latlng_to_cell(latitude, longitude, 9))) for latitude, longitude in points]
    import pyarrow

    table = pyarrow.table({name: values for name, values in zip(("latitude", "longitude", "cell"), zip(*rows, strict=True), strict=True)})
    database.register("cells", table)
    words = {name: f"{name}s" for name in ("category", "district")}
    for name, kind in words.items():
        database.execute(f"CREATE TYPE {kind} AS ENUM (SELECT DISTINCT {name} FROM incidents WHERE {name} IS NOT NULL)")
    database.execute(
        "CREATE TABLE narrow AS SELECT occurred_at, category::categorys AS category, district::districts AS district, arrest, cell::UBIGINT AS cell"
        " FROM incidents LEFT JOIN cells USING (latitude, longitude) ORDER BY occurred_at"
    )
    database.execute("DROP TABLE incidents; ALTER TABLE narrow RENAME TO incidents")
    return database


def ready_after(folder: Path, csv: Path) -> tuple[float, Demo]:
    began = time.perf_counter()
    demo = Demo(folder, "--data", csv)
    url = demo.until(r"(http://[\d.:]+)").group(1)
    while True:
        try:
            with urllib.request.urlopen(f"{url}/readyz", timeout=60):
                return time.perf_counter() - began, demo
        except OSError:
            time.sleep(0.005)


def simulated(scratch: Path, _csv: Path, _rounds: int):
    """Ten million simulated incidents."""
    folder = scratch / "simulated"
    count = 10_000_000
    demo = Demo(folder, "--no-serve", "--simulate", count)
    seconds = float(demo.until(r"counted and archived after ([\d.]+) s").group(1))
    alone = demo.peak_mib()
    demo.end()
    shutil.rmtree(folder)
    demo = Demo(folder, "--simulate", count)
    url = demo.until(r"(http://[\d.:]+)").group(1)
    wait_for(f"{url}/api/v1/meta", lambda meta: meta["caught_up"])
    with_serve = demo.peak_mib()
    demo.end()
    shutil.rmtree(folder)
    yield (
        "10 M simulated incidents → durable log → counts and archive",
        f"{count / seconds:,.0f} incidents/s",
        f"peak memory {alone:,.0f} MiB; with snapshot and serve, to caught up, {with_serve:,.0f} MiB",
        "",
    )


def live(scratch: Path, _csv: Path, _rounds: int):
    """From the append call to the first live event that covers it."""
    seconds = os.environ.get("BLOTTER_BENCH_LIVE_SECONDS", "600")
    out = run("cargo", "run", "--release", "--quiet", "-p", "blotter", "--example", "live_latency", "--", scratch / "live", seconds, "1000", cwd=ROOT)
    answer = json.loads(out.splitlines()[-1])
    yield (
        f"Append → live event, 1,000 incidents/s for {seconds} s, archive and snapshots running",
        f"p99 {answer['p99_ms']:.1f} ms, median {answer['p50_ms']:.1f} ms, worst {answer['max_ms']:.1f} ms",
        f"{answer['events']:,} incidents, {answer['commits']} commits of the archive, {answer['snapshots']} snapshots",
        "",
    )


def cube(scratch: Path, csv: Path, rounds: int):
    """The cube's queries, without HTTP, beside DuckDB and ClickHouse."""
    sys.path.insert(0, str(ROOT / "bench"))
    import cube

    yield from cube.cube(scratch, csv, rounds)


def overload(scratch: Path, csv: Path, _rounds: int):
    """Cheap questions beside strangers and heavy ones, and peaks for many."""
    sys.path.insert(0, str(ROOT / "bench"))
    import overload

    yield from overload.run(scratch, csv, Demo, wait_for)


def living(scratch: Path, _csv: Path, rounds: int):
    """What a deployment costs while it lives, see living.py."""
    import living as deployment

    yield from deployment.cost(BINARY, scratch, 600)
    yield from deployment.growth(BINARY, scratch, 600)
    yield from deployment.start(BINARY, scratch, 365, max(rounds, 7))


def snapshot(scratch: Path, csv: Path, rounds: int):
    from snapshot import bench

    yield from bench(scratch, csv, rounds)


def spark_count(scratch: Path, csv: Path, rounds: int):
    """Count by Spark, at once and live."""
    from spark_count import bench

    yield from bench(scratch, csv, rounds, REAL_ROWS, int(os.environ.get("BLOTTER_BENCH_KAFKA_SECONDS", "120")))


def kafka(scratch: Path, csv: Path, rounds: int):
    """On Kafka and S3, beside Spark."""
    import cluster

    yield from cluster.load(scratch, csv, rounds, REAL_ROWS)


def kafka_live(scratch: Path, csv: Path, rounds: int):
    """From Kafka to the live stream, and past the death of a counter."""
    import cluster

    yield from cluster.live(scratch, csv, rounds, int(os.environ.get("BLOTTER_BENCH_KAFKA_SECONDS", "120")))


def soak(_scratch: Path, _csv: Path, _rounds: int):
    """An hour of failures and kills, see soak.py. Its directories are its own; those of a failed soak stay."""
    import soak as hour

    yield from hour.side_by_side(["--duration", os.environ.get("BLOTTER_BENCH_SOAK_SECONDS", "3600")])


BENCHES = {
    "load": load,
    "cells": cells,
    "cube": cube,
    "statistics": statistics_of_places,
    "simulated": simulated,
    "live": live,
    "overload": overload,
    "living": living,
    "snapshot": snapshot,
    "spark_count": spark_count,
    "kafka": kafka,
    "kafka_live": kafka_live,
    # The last: it takes longest, and ends the run if it finds a fault.
    "soak": soak,
}


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--only", nargs="*", choices=list(BENCHES), default=list(BENCHES))
    arguments.add_argument("--rounds", type=int, default=3)
    arguments.add_argument("--write", action="store_true", help="write the table into bench/README.md")
    chosen = arguments.parse_args()
    if chosen.write and set(chosen.only) != set(BENCHES):
        sys.exit("--write replaces the whole table: give it without --only, or put the rows that are printed into bench/README.md")
    if not PACKED.exists():
        sys.exit(f"the real data is not here: {PACKED}")
    rows = []
    with tempfile.TemporaryDirectory(prefix="blotter-bench-") as folder:
        scratch = Path(folder)
        csv = scratch / "chicago-2012-2017.csv"
        run("zstd", "-q", "-d", PACKED, "-o", csv)
        for name in chosen.only:
            for row in BENCHES[name](scratch, csv, chosen.rounds):
                rows.append(row)
                print(" | ".join(row), flush=True)
    table = ["| what | Blotter | beside it, in the same run | ratio |", "| --- | --- | --- | --- |"]
    table += [f"| {' | '.join(row)} |" for row in rows]
    print("\n" + "\n".join(table))
    if chosen.write:
        readme = ROOT / "bench" / "README.md"
        text = readme.read_text()
        begin, end = "<!-- begin -->", "<!-- end -->"
        before, after = text.split(begin)[0], text.split(end)[1]
        readme.write_text(before + begin + "\n" + "\n".join(table) + "\n" + end + after)


if __name__ == "__main__":
    main()
