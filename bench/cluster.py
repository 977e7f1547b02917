"""Blotter's roles as processes on a real Kafka and a real S3 server, beside Spark; see `run.py`."""

from __future__ import annotations

import bisect
import json
import os
import re
import signal
import statistics
import subprocess
import sys
import threading
import time
import urllib.request
import uuid
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.append(str(ROOT / "e2e"))

from confluent_kafka import Consumer, TopicPartition  # noqa: E402
from confluent_kafka.admin import AdminClient, NewTopic  # noqa: E402
from services import spark  # noqa: E402
from services.registry import SERVICES  # noqa: E402
from services.s3 import ACCESS_KEY, BUCKET, SECRET_KEY  # noqa: E402

BINARY = ROOT / "target" / "release" / "blotter"
PARTITIONS = 4
#: Incidents of the simulated year before a simulated feed.
HISTORY = 250_000


@contextmanager
def servers(scratch: Path):
    """A broker and an S3 server on the same two cores."""
    running = []
    try:
        for name in ("kafka", "s3"):
            SERVICES[name].provision()
            service = SERVICES[name](scratch / name)
            running.append(service)
            service.start()
        yield running
    finally:
        for service in reversed(running):
            service.stop()


class Deployment:
    """Topics and a folder of the bucket of its own."""

    def __init__(self, kafka, s3, directory: Path):
        self.name = f"b{uuid.uuid4().hex[:10]}"
        self.servers, self.endpoint = f"127.0.0.1:{kafka.port}", f"http://127.0.0.1:{s3.port}"
        self.log, self.store = f"kafka://{self.servers}/{self.name}.", f"s3://{BUCKET}/{self.name}"
        self.local = directory / self.name
        self.environment = os.environ | {
            "AWS_ENDPOINT_URL": self.endpoint, "AWS_REGION": "us-east-1", "AWS_ACCESS_KEY_ID": ACCESS_KEY, "AWS_SECRET_ACCESS_KEY": SECRET_KEY,
        }  # fmt: skip

    def start(self, role: str, *arguments: object) -> subprocess.Popen:
        parts = {"log": ["--log", self.log], "store": ["--store", self.store]}
        needs = {"produce": ["log"], "count": ["log", "store"], "archive": ["log", "store"], "snapshot": ["store"], "fetch": ["store"], "serve": ["log"]}
        command = [BINARY, role, *[word for part in needs[role] for word in parts[part]], *arguments]
        return subprocess.Popen([str(word) for word in command], env=self.environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)

    def finish(self, *roles: subprocess.Popen) -> None:
        for role in roles:
            said, _ = role.communicate()
            if role.returncode:
                raise SystemExit(f"{role.args} failed:\n{said}")

    def messages(self, topic: str):
        """Every committed message of a topic: partition, offset, time in ms, key, value."""
        consumer = Consumer({"bootstrap.servers": self.servers, "group.id": uuid.uuid4().hex, "enable.auto.commit": False})
        name = f"{self.name}.{topic}"
        partitions = list(consumer.list_topics(name, 10).topics[name].partitions)
        ends = {partition: consumer.get_watermark_offsets(TopicPartition(name, partition), 10)[1] for partition in partitions}
        consumer.assign([TopicPartition(name, partition, 0) for partition in partitions])
        while any(ends[place.partition] > max(place.offset, 0) for place in consumer.position([TopicPartition(name, p) for p in partitions])):
            for message in consumer.consume(10_000, 0.2):
                yield message.partition(), message.offset(), message.timestamp()[1], message.key(), message.value()
        consumer.close()


def end(*processes: subprocess.Popen) -> None:
    for process in processes:
        process.send_signal(signal.SIGINT)
    for process in processes:
        process.communicate()


def load(scratch: Path, csv: Path, rounds: int, rows: int):
    """The real file, in the topic already, to counts and the archive on S3; beside Spark with the same topic and bucket."""
    spark.provision()
    ours, theirs = [], []
    with servers(scratch) as (kafka, s3):
        source = Deployment(kafka, s3, scratch)
        source.finish(source.start("produce", "--data", csv, "--partitions", PARTITIONS, "--until-caught-up"))
        for number in range(rounds):
            # The same topic for all: only what is derived from it is made anew.
            mine = Deployment(kafka, s3, scratch)
            mine.log, mine.name = source.log, source.name
            forget(source)
            began = time.perf_counter()
            mine.finish(mine.start("count", "--until-caught-up"), mine.start("archive", "--until-caught-up"))
            ours.append(rows / (time.perf_counter() - began))

            peer = scratch / f"spark-{number}"
            counts = f"spark-counts-{uuid.uuid4().hex[:8]}"
            admin = AdminClient({"bootstrap.servers": source.servers})
            admin.create_topics([NewTopic(counts, PARTITIONS, 1)])[counts].result()
            answer = spark.job(
                ROOT / "bench" / "spark_job.py", peer, servers=source.servers, topic=f"{source.name}.incidents", counts=counts, batch=rows,
                table=f"s3a://{BUCKET}/{counts}/incidents", checkpoints=str(peer / "checkpoints"), endpoint=source.endpoint, key=ACCESS_KEY, secret=SECRET_KEY,
                state="org.apache.spark.sql.execution.streaming.state.HDFSBackedStateStoreProvider",
            )  # fmt: skip
            assert answer["rows"] == rows, answer
            theirs.append(rows / answer["seconds"])
    median = statistics.median
    yield (
        f"Kafka (1 broker, {PARTITIONS} partitions, preloaded) → counts and Delta archive on S3, real file",
        f"{median(ours):,.0f} incidents/s",
        f"Spark {spark.VERSION} Structured Streaming: {median(theirs):,.0f}/s",
        f"{median(ours) / median(theirs):.1f}",
    )


def forget(deployment: Deployment) -> None:
    """The group's offsets, so that the next count begins anew."""
    admin = AdminClient({"bootstrap.servers": deployment.servers})
    group = f"{deployment.name}.count"
    try:
        admin.delete_consumer_groups([group])[group].result()
    except Exception as error:  # noqa: BLE001
        if "GROUP_ID_NOT_FOUND" not in str(error):
            raise


class Live:
    """When the live stream had reached which offsets."""

    def __init__(self, url: str):
        self.reached: list[tuple[int, list[int]]] = []
        self._answer = urllib.request.urlopen(urllib.request.Request(f"{url}/api/v1/live", headers={"Accept": "text/event-stream"}))
        threading.Thread(target=self._listen, daemon=True).start()

    def _listen(self) -> None:
        for line in self._answer:
            if line.startswith(b"id:"):
                now_ms = time.time_ns() // 1_000_000
                offsets = [int(part.split(b":")[1]) for part in line[3:].strip().split(b",")]
                self.reached.append((now_ms, offsets))


def live(scratch: Path, _csv: Path, _rounds: int, seconds: int):
    """Appended to Kafka → on the live stream, and how long a counter's death is felt."""
    with servers(scratch) as (kafka, s3):
        it = Deployment(kafka, s3, scratch)
        it.finish(it.start("produce", "--simulate", 1, "--seed", 7, "--until-caught-up"))
        roles = {role: it.start(role, *more) for role, *more in (
            ("archive",), ("snapshot", "--every", "20"), ("fetch", "--every", "20", "--to", it.local), ("serve", "--snapshots", it.local, "--listen", "127.0.0.1:0"))}
        counters = [it.start("count") for _ in range(2)]
        serve = roles["serve"]
        url = next(match.group(1) for line in serve.stdout if (match := re.search(r"(http://127\.0\.0\.1:\d+)", line)))
        wait_for_ready(url)
        stream = Live(url)
        produce = it.start("produce", "--simulate-rate", "1000", "--seed", "1")
        time.sleep(seconds / 2)
        # One counter is killed, and later comes back: a rebalance each.
        counters[1].kill()
        killed_ms = time.time_ns() // 1_000_000
        time.sleep(max(seconds / 4, 10))
        counters.append(it.start("count"))
        time.sleep(max(seconds / 4, 10))
        end(produce)
        time.sleep(2)
        end(*roles.values(), counters[0], counters[2])
        appended: dict[int, list[tuple[int, int]]] = {}
        for partition, offset, at_ms, _, _ in it.messages("incidents"):
            appended.setdefault(partition, []).append((offset, at_ms))
        progress: dict[int, list[tuple[int, int]]] = {}
        for partition, _, at_ms, key, value in it.messages("counts"):
            if key.startswith(b"progress/"):
                progress.setdefault(partition, []).append((json.loads(value)["next_offset"], at_ms))
    # What is produced at once, before the feed, is no live feed.
    times = sorted(at_ms for rows in appended.values() for _, at_ms in rows)
    live_ms = times[HISTORY] + 3000
    seen, counted, gaps = [], [], []
    for partition, rows in appended.items():
        reached = [offsets[partition] for _, offsets in stream.reached]
        said = sorted(progress[partition])
        for offset, at_ms in rows:
            if at_ms < live_ms:
                continue
            event = bisect.bisect_right(reached, offset)
            if event < len(reached):
                seen.append(stream.reached[event][0] - at_ms)
            total = bisect.bisect_right(said, (offset, 1 << 62))
            if total < len(said):
                counted.append(said[total][1] - at_ms)
                if at_ms >= killed_ms - 1000:
                    gaps.append(counted[-1])
    at = lambda values, share: sorted(values)[int((len(values) - 1) * share)]  # noqa: E731
    yield (
        f"Appended to Kafka → on the live stream, 1,000 incidents/s for {seconds} s, every role a process",
        f"p99 {at(seen, 0.99)} ms, median {at(seen, 0.5)} ms, worst {max(seen)} ms",
        f"{len(seen):,} incidents; archive, snapshots and two counters running",
        "",
    )
    yield (
        "… until counted, while one of two counters is killed and another joins",
        f"longest gap {max(gaps) / 1000:.1f} s; otherwise p99 {at(counted, 0.99)} ms, median {at(counted, 0.5)} ms",
        f"{len(counted):,} incidents",
        "",
    )


def wait_for_ready(url: str) -> None:
    while True:
        try:
            with urllib.request.urlopen(f"{url}/readyz", timeout=10):
                return
        except OSError:
            time.sleep(0.05)
