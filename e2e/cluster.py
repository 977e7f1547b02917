"""Blotter as a cluster runs it: every role a process of its own on a real Kafka and a real S3 server.

What a run comes to is compared with a run on the embedded log and a directory: another log, another store, one role after
the other, the same state.
"""

from __future__ import annotations

import json
import uuid
from datetime import datetime
from pathlib import Path

import duckdb
import pyarrow.parquet as parquet
import pytest
from confluent_kafka import Consumer, KafkaError, TopicPartition
from conftest import BINARY, Server, run_to_end
from deltalake import DeltaTable
from services.registry import SERVICES
from services.s3 import ACCESS_KEY, BUCKET, SECRET_KEY
from services.service import Service, Unavailable


def start(server: str | type[Service], directory: Path, **options) -> Service:
    """Provisions and starts a server; the test is skipped where it cannot be had."""
    kind = SERVICES[server] if isinstance(server, str) else server
    try:
        kind.provision()
    except Unavailable as why:
        pytest.skip(f"{kind.name}: {why}")
    service = kind(directory, **options)
    service.start()
    return service


class Cluster:
    """One deployment: a prefix of topics, a folder of the bucket. `kafka_port` and `s3_port`: those of a proxy."""

    def __init__(self, directory: Path, kafka_port: int, s3_port: int, sinks: tuple[str, ...] = ()):
        self.sinks = sinks
        name = f"t{uuid.uuid4().hex[:12]}"
        self.directory = directory
        self.log = f"kafka://127.0.0.1:{kafka_port}/{name}."
        self.prefix = f"{name}."
        self.store = f"s3://{BUCKET}/{name}"
        self.aws = {
            "AWS_ENDPOINT_URL": f"http://127.0.0.1:{s3_port}",
            "AWS_REGION": "us-east-1",
            "AWS_ACCESS_KEY_ID": ACCESS_KEY,
            "AWS_SECRET_ACCESS_KEY": SECRET_KEY,
        }
        self.local = directory / "snapshots"

    def arguments(self, role: str) -> list[str]:
        """Where a role finds its parts."""
        log, store = ["--log", self.log], ["--store", self.store]
        return {
            "produce": [*log],
            "count": [*log, *store],
            "detect": [*log, *(f"--sink={url}" for url in self.sinks)],
            "online": [*log, *store, *(f"--sink={url}" for url in self.sinks)],
            "archive": [*log, *store],
            "snapshot": [*store],
            "fetch": [*store, "--to", str(self.local)],
            "serve": [*log, "--snapshots", str(self.local), "--listen", "127.0.0.1:0"],
            "counts": [*log],
            "rejected": [*log],
            "peaks": [*log, "--snapshots", str(self.local)],
        }[role]

    def run(self, role: str, *arguments) -> str:
        """Runs a role to its end."""
        return run_to_end(BINARY, role, *self.arguments(role), *arguments, env=self.aws).stdout

    def spawn(self, blotter, role: str, *arguments, expect: tuple[str, ...] = ()) -> Server:
        """Starts a role."""
        return blotter(role, *self.arguments(role), *arguments, expect=expect, env=self.aws)

    def table(self) -> DeltaTable:
        options = self.aws | {"AWS_ALLOW_HTTP": "true", "AWS_CONDITIONAL_PUT": "etag"}
        return DeltaTable(f"{self.store}/incidents", storage_options=options)


class Embedded:
    """The same roles on the embedded log and a directory."""

    def __init__(self, directory: Path):
        self.directory = directory
        self.local = directory / "snapshots"

    def arguments(self, role: str) -> list[str]:
        log, store = ["--log", f"embedded:{self.directory}/log"], ["--store", f"file://{self.directory}/store"]
        return {
            "produce": [*log],
            "count": [*log, *store],
            "detect": [*log],
            "archive": [*log, *store],
            "snapshot": [*store],
            "fetch": [*store, "--to", str(self.local)],
            "counts": [*log],
            "rejected": [*log],
            "peaks": [*log, "--snapshots", str(self.local)],
        }[role]

    run = Cluster.run
    aws: dict[str, str] = {}
    sinks: tuple[str, ...] = ()

    def table(self) -> DeltaTable:
        return DeltaTable(str(self.directory / "store" / "incidents"))


def published(cluster: Cluster, kafka_port: int) -> list[dict]:
    """Every message of topic `peaks`, as any consumer reads it."""
    consumer = Consumer({"bootstrap.servers": f"127.0.0.1:{kafka_port}", "group.id": "reader", "enable.partition.eof": True})
    consumer.assign([TopicPartition(f"{cluster.prefix}peaks", 0, 0)])
    found = []
    while not (error := (message := consumer.poll(30)).error()):
        said = json.loads(message.value())
        # The hour that it ends in; a tick with an alert is kept beside the last of its hour.
        hour, _, alert = message.key().decode().partition("/")
        assert datetime.fromisoformat(hour) == datetime.fromisoformat(said["at"])
        assert alert == (said["alerts"][0]["id"] if said["alerts"] else "")
        found.append(said)
    assert error.code() == KafkaError._PARTITION_EOF, error
    consumer.close()
    return found


def finish(deployment) -> None:
    """Every role once more, until nothing is left to do."""
    for role in ("count", "detect", "archive", "snapshot", "fetch"):
        deployment.run(role, "--until-caught-up")


def totals(deployment) -> dict[str, int]:
    """The counts: zero and never said are the same."""
    lines = deployment.run("counts").splitlines()[1:]
    return {line.rsplit(",", 1)[0]: int(line.rsplit(",", 1)[1]) for line in lines if not line.endswith(",0")}


def rejects(deployment) -> list[tuple[str, str]]:
    """Reason and bytes of every rejected record; each key once."""
    rows = [json.loads(line) for line in deployment.run("rejected", "--format", "json").splitlines()]
    assert len({row["key"] for row in rows}) == len(rows)
    return sorted((row["reason"], row["text"] if row["text"] is not None else row["base64"]) for row in rows)


def archived(deployment) -> list[tuple]:
    """Every record of the archive by content; exactly one row for each place in the log."""
    rows = deployment.table().to_pyarrow_table(columns=["id", "partition", "offset", "content_hash", "observed_at"])
    db = duckdb.connect()
    db.register("rows", rows)
    twice = db.execute('SELECT "partition", "offset", count(*) FROM rows GROUP BY 1, 2 HAVING count(*) > 1').fetchall()
    assert not twice, f"rows that are there twice: {twice[:5]}"
    return db.execute("SELECT id, content_hash, observed_at FROM rows ORDER BY ALL").fetchall()


def winners(deployment) -> list[tuple]:
    """The content of the fetched snapshot: the winning revision of each incident."""
    pointer = max(int(folder.name) for folder in deployment.local.iterdir() if folder.name.isdigit())
    folder = deployment.local / str(pointer)
    manifest = json.loads((folder / "manifest.json").read_text())
    files = [parquet.read_table(folder / file["path"]) for file in manifest["files"]]
    db = duckdb.connect()
    rows = []
    for file in files:
        db.register("rows", file)
        rows += db.execute('SELECT * EXCLUDE ("partition", "offset") FROM rows').fetchall()
    assert len(rows) == manifest["rows"]
    return sorted(rows, key=lambda row: row[0])


def said(deployment) -> tuple[str, list]:
    """What was said last of peaks, which must be what is known now of them."""
    last, known = (json.loads(deployment.run("peaks", "--format", "json", "--limit", "25", *more)) for more in (["--as", "said"], []))
    assert last["next_offsets"] == known["next_offsets"]
    assert (last["at"], last["windows"]) == (known["at"], known["windows"])
    return last["at"], last["windows"]


def state(deployment) -> dict:
    """All that a run comes to."""
    return {
        "totals": totals(deployment),
        "rejects": rejects(deployment),
        "archive": archived(deployment),
        "winners": winners(deployment),
        "said": said(deployment),
    }


def assert_same(found: dict, expected: dict) -> None:
    """Says what differs without printing all that does not."""
    for what, value in expected.items():
        if found[what] != value:
            mine, theirs = (set(map(str, each.items() if isinstance(each, dict) else each)) for each in (found[what], value))
            raise AssertionError(
                f"{what}: {len(found[what])} against {len(value)}; only here: {sorted(mine - theirs)[:3]}; missing: {sorted(theirs - mine)[:3]}"
            )


def simulated(directory: Path, incidents: int, seed: int = 1) -> Path:
    """A file of made-up incidents."""
    path = directory / f"simulated-{incidents}-{seed}.csv"
    run_to_end(BINARY, "simulate", "--incidents", incidents, "--seed", seed, "--output", path)
    return path
