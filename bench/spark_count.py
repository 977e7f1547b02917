"""Count by Spark: the real file at once, and a live feed; see `run.py`."""

from __future__ import annotations

import bisect
import itertools
import json
import statistics
import time
from pathlib import Path

from cluster import Deployment, end, forget, servers
from services.spark import VERSION
from services.spark.connect import SparkConnect

PARTITIONS = 4
RATE = 1000
#: A batch takes less.
PATIENCE_S = 30


def bench(scratch: Path, csv: Path, rounds: int, rows: int, seconds: int):
    SparkConnect.provision()
    with servers(scratch) as (kafka, s3):
        it = Deployment(kafka, s3, scratch)
        service = SparkConnect(scratch / "spark", store=it.environment)
        service.start()
        try:
            yield from at_once(it, f"spark://127.0.0.1:{service.port}", csv, rounds, rows)
            # Simulated and real incidents are never mixed.
            yield from live(Deployment(kafka, s3, scratch), f"spark://127.0.0.1:{service.port}", rows, seconds)
        finally:
            service.stop()


def at_once(it: Deployment, engine: str, csv: Path, rounds: int, rows: int):
    """The archive has all of it. The peer is the row `kafka`'s: Spark counts there without looking for revisions."""
    it.finish(it.start("produce", "--data", csv, "--partitions", PARTITIONS, "--until-caught-up"))
    it.finish(it.start("archive", "--until-caught-up"))
    rates: dict[str, list[float]] = {engine: [], "embedded": []}
    for _ in range(rounds):
        for name, found in rates.items():
            forget(it)
            began = time.perf_counter()
            it.finish(it.start("count", "--until-caught-up", "--engine", name))
            found.append(rows / (time.perf_counter() - began))
    spark, embedded = map(statistics.median, rates.values())
    yield (
        f"Count by Spark {VERSION} `local[2]` of the real file, from the archive on S3 to Kafka",
        f"{spark:,.0f} incidents/s",
        f"embedded engine, from Kafka to Kafka: {embedded:,.0f}/s",
        f"{spark / embedded:.2f}",
    )


def live(it: Deployment, engine: str, rows: int, seconds: int):
    """From Kafka's time of an incident to that of the total that counts it, behind a history as long as the real file."""
    feed = ("produce", "--simulate", rows, "--simulate-rate", RATE, "--partitions", PARTITIONS)
    for history in (feed, ("archive",), ("count",)):
        it.finish(it.start(*history, "--until-caught-up"))
    archive, count = it.start("archive"), it.start("count", "--engine", engine)
    began_ms = time.time_ns() // 1_000_000
    produce = it.start(*feed)
    # The first question takes longer than all later ones, and is not measured.
    time.sleep(PATIENCE_S + seconds)
    end(produce)
    # Until what was appended last is counted.
    time.sleep(PATIENCE_S)
    end(archive, count)
    progress: dict[int, list[tuple[int, int]]] = {}
    for partition, _, at_ms, key, value in it.messages("counts"):
        if key.startswith(b"progress/") and at_ms >= began_ms:
            progress.setdefault(partition, []).append((json.loads(value)["next_offset"], at_ms))
    for said in progress.values():
        said.sort()
    appended = [(partition, offset, at_ms) for partition, offset, at_ms, _, _ in it.messages("incidents") if at_ms >= began_ms]
    live_ms = began_ms + PATIENCE_S * 1000
    took = []
    for partition, offset, at_ms in appended:
        counted = bisect.bisect_right(progress[partition], (offset, 1 << 62))
        if at_ms >= live_ms:
            assert counted < len(progress[partition]), "everything is counted in the end"
            took.append(progress[partition][counted][1] - at_ms)
    took.sort()
    batches = sorted(
        later - sooner
        for said in progress.values()
        for (_, sooner), (_, later) in itertools.pairwise(each for each in said if each[1] >= live_ms)
    )
    at = lambda values, share: values[int((len(values) - 1) * share)] / 1000  # noqa: E731
    yield (
        f"… a live feed of {RATE:,} incidents/s for {seconds} s behind it: appended to Kafka → counted",
        f"p95 {at(took, 0.95):.1f} s, median {at(took, 0.5):.1f} s",
        f"{len(took):,} incidents; a batch: p95 {at(batches, 0.95):.1f} s; to hold: 10 s",
        "",
    )
