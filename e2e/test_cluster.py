"""The roles as separate processes on Kafka and S3 come to what they come to on one machine."""

import csv
import json
import random
import re
import urllib.request
from datetime import datetime

import pytest
from cluster import Cluster, Embedded, assert_same, finish, simulated, start, state, totals
from confluent_kafka import Producer
from conftest import ROOT, run_to_end
from services import spark
from services.s3 import ACCESS_KEY, SECRET_KEY
from services.service import Unavailable, need, wait_until
from sinks import assert_points, in_influxdb, in_kairosdb


@pytest.fixture
def cluster(servers, tmp_path):
    kafka, s3 = servers
    return Cluster(tmp_path, kafka.port, s3.port)


@pytest.fixture(scope="module")
def influxdb(tmp_path_factory):
    service = start("influxdb", tmp_path_factory.mktemp("influxdb"))
    yield service
    service.stop()


@pytest.fixture(scope="module")
def kairosdb(tmp_path_factory):
    service = start("kairosdb", tmp_path_factory.mktemp("kairosdb"))
    yield service
    service.stop()


def embedded(tmp_path, *data) -> Embedded:
    deployment = Embedded(tmp_path / "embedded")
    for file in data:
        deployment.run("produce", "--data", file, "--until-caught-up")
    finish(deployment)
    return deployment


def test_roles_in_processes_give_the_state_of_one_machine(cluster, blotter, tmp_path):
    data = simulated(tmp_path, 40_000)
    serve = cluster.spawn(blotter, "serve")
    followers = [cluster.spawn(blotter, role, *more) for role, *more in (
        ["count"], ["archive"], ["snapshot", "--every", "1"], ["fetch", "--every", "1"])]
    produce = cluster.spawn(blotter, "produce", "--data", data)
    serve.wait_for_address()
    meta = serve.wait_until_caught_up()
    expect = embedded(tmp_path, data)
    assert meta["incidents"]["total"] == len(state(expect)["winners"])
    newest = serve.json("/api/v1/incidents", limit=50)["incidents"]
    assert len(newest) == 50 and newest[0]["occurred_at"] >= newest[-1]["occurred_at"]
    for process in [produce, *followers, serve]:
        process.stop()
    finish(cluster)
    assert_same(state(cluster), state(expect))


def test_spark_reads_the_archive(cluster, servers, tmp_path):
    try:
        spark.provision()
    except Unavailable as why:
        pytest.skip(f"spark: {why}")
    cluster.run("produce", "--data", simulated(tmp_path, 5_000), "--until-caught-up")
    cluster.run("archive", "--until-caught-up")
    # A second commit, to be read together with the first.
    cluster.run("produce", "--data", simulated(tmp_path, 1_000, seed=2), "--until-caught-up")
    cluster.run("archive", "--until-caught-up")
    found = spark.job(
        ROOT / "e2e" / "spark_reads.py", tmp_path / "spark", table=f"{cluster.store.replace('s3://', 's3a://')}/incidents",
        endpoint=f"http://127.0.0.1:{servers[1].port}", key=ACCESS_KEY, secret=SECRET_KEY,
    )  # fmt: skip
    columns = ["id", "partition", "offset", "content_hash", "areas", "year"]
    ours = cluster.table().to_pyarrow_table(columns=columns).to_pylist()
    rows = [[row["id"], row["partition"], row["offset"], str(row["content_hash"]), row["areas"]["community_area"]] for row in ours]
    assert found["rows"] == sorted(rows) and len(rows) > 6_000
    assert found["years"] == sorted({row["year"] for row in ours})
    assert found["versions"] == cluster.table().version() + 1


def test_the_demo_on_a_cluster(cluster, blotter, demo, tmp_path):
    data = simulated(tmp_path, 20_000)
    arguments = ["--data", data, "--log", cluster.log, "--store", cluster.store]
    server = blotter("demo", "--listen", "127.0.0.1:0", "--dir", tmp_path / "a", *arguments, env=cluster.aws)
    server.wait_for_address()
    together = server.wait_until_caught_up()
    server.stop()
    alone = demo("--data", data)
    expected = alone.wait_until_caught_up()
    alone.stop()
    for figure in ("incidents", "rejected", "data_as_of", "categories", "simulated"):
        assert together[figure] == expected[figure], figure


def test_the_sinks_have_what_is_counted(cluster, blotter, influxdb, kairosdb, tmp_path):
    data = simulated(tmp_path, 20_000)
    cluster.sinks = (f"influxdb://127.0.0.1:{influxdb.port}/crimes", f"kairosdb://127.0.0.1:{kairosdb.port}")
    online = cluster.spawn(blotter, "online", "--ops-listen", "127.0.0.1:0")
    cluster.run("produce", "--data", data, "--until-caught-up")
    metrics = online.wait_for_line(r"http://\S+/metrics")[0]

    def lag() -> int:
        lines = [line for line in urllib.request.urlopen(metrics).read().decode().splitlines() if line.startswith("blotter_lag_records{")]
        assert {"count", "detect"} == {re.search(r'role="(\w+)"', line)[1] for line in lines}
        # Four partitions each: what is counted, what each of two sinks has, what is said of peaks; and the peaks that each sink has.
        assert len(lines) == 4 * 4 + 2
        return sum(int(line.rsplit(" ", 1)[1]) for line in lines)

    wait_until(lambda: lag() == 0, "counted and sent", progress=lag)
    expected = totals(cluster)
    assert sum(expected.values()) == 20_000
    assert_points(lambda: in_influxdb(influxdb.port, "crimes"), expected)
    assert_points(lambda: in_kairosdb(kairosdb.port, "chicago"), expected)
    # Corrected, one hour later: what they said of the hours before becomes less.
    corrected = tmp_path / "corrected.csv"
    with data.open() as source, corrected.open("w") as target:
        header = source.readline()
        target.write(header)
        date, updated = (header.rstrip("\n").split(",").index(name) for name in ("Date", "Updated On"))
        for line in list(source)[:300]:
            fields = next(csv.reader([line]))
            fields[date] = fields[date][:11] + ("05:00:00 AM" if "04:" in fields[date] else "04:00:00 AM")
            fields[updated] = "01/01/2030 12:00:00 AM"
            csv.writer(target).writerow(fields)
    cluster.run("produce", "--data", corrected, "--until-caught-up")
    wait_until(lambda: lag() == 0, "the corrections are counted and sent", progress=lag)
    expected_then = totals(cluster)
    assert expected_then != expected and sum(expected_then.values()) == 20_000
    assert_points(lambda: in_influxdb(influxdb.port, "crimes"), expected_then)
    assert_points(lambda: in_kairosdb(kairosdb.port, "chicago"), expected_then)
    online.stop()
    # From the beginning again: every point is what it was.
    before = in_influxdb(influxdb.port, "crimes")
    assert "0 points" in cluster.run("detect", "--until-caught-up")
    assert in_influxdb(influxdb.port, "crimes") == before


def test_the_demo_feeds_a_sink(demo, influxdb, tmp_path):
    data = simulated(tmp_path, 5_000)
    server = demo("--data", data, "--sink", f"influxdb://127.0.0.1:{influxdb.port}/demo", "--until-caught-up")
    assert server.wait() == 0
    points = in_influxdb(influxdb.port, "demo")
    assert sum(points.values()) == 5_000


def garbage(number: int) -> tuple[bytes, bytes, str]:
    """Key, value, and a word of the reason."""
    good = {"id": f"g{number}", "occurred_at": "2017-03-12T12:00:00", "category": "THEFT"}
    key = f"chicago/g{number}".encode()
    kinds = [
        (key, b"not JSON at all", "JSON"),
        (key, b"\xff\xfe\x00", "UTF-8"),
        (key, json.dumps(good | {"id": number}).encode(), "JSON"),
        (key, json.dumps(good | {"arrest": "perhaps"}).encode(), "JSON"),
        (key, json.dumps(good | {"occurred_at": "2017-02-30T12:00:00"}).encode(), "2017-02-30"),
        (key, json.dumps(good | {"category": "x" * 300_000}).encode(), "longest accepted"),
        (key, b"[" * 100_000, "JSON"),
        (b"another", json.dumps(good).encode(), "key"),
        (key, json.dumps(good | {"latitude": 41.9}).encode(), "both or neither"),
    ]
    return kinds[number % len(kinds)]


def test_garbage_is_rejected_once_and_the_rest_is_counted(cluster, blotter, tmp_path):
    data = simulated(tmp_path, 20_000)
    expect = embedded(tmp_path, data)
    # The topics are made by the first role that comes.
    followers = [cluster.spawn(blotter, role, expect=(r"records rejected",)) for role in ("count", "archive")]
    serve = cluster.spawn(blotter, "serve")
    cluster.run("produce", "--data", data, "--until-caught-up")
    servers = cluster.log.removeprefix("kafka://").split("/")[0]
    producer = Producer({"bootstrap.servers": servers, "partitioner": "murmur2_random", "message.max.bytes": 8 << 20})
    bad = [garbage(number) for number in range(200)]
    for key, value, _ in bad:
        producer.produce(f"{cluster.prefix}incidents", key=key, value=value)
    assert producer.flush(60) == 0
    serve.wait_for_address()
    serve.wait_until(lambda meta: meta["rejected"] == len(bad), "all of the garbage is seen")
    for process in [*followers, serve]:
        assert process.process.poll() is None, process.output
        process.stop()
    finish(cluster)
    found, expected = state(cluster), state(expect)
    reasons = found.pop("rejects")
    expected.pop("rejects")
    assert_same(found, expected)
    assert len(reasons) == len(bad)
    for word in {word for _, _, word in bad}:
        assert sum(word in reason for reason, _ in reasons) >= sum(word == each for _, _, each in bad), word


def test_kcat_produces_by_hand_and_reads_every_topic(cluster, blotter, tmp_path):
    try:
        kcat = need("kcat", "kcat")
    except Unavailable as why:
        pytest.skip(str(why))
    servers = cluster.log.removeprefix("kafka://").split("/")[0]

    def read(topic: str) -> list[tuple[str, str]]:
        printed = run_to_end(kcat, "-C", "-e", "-q", "-b", servers, "-t", cluster.prefix + topic, "-f", "%k\t%s\n").stdout
        return [tuple(line.split("\t", 1)) for line in printed.splitlines()]

    cluster.run("produce", "--data", simulated(tmp_path, 100), "--until-caught-up")
    incident = {"id": "BY-HAND", "occurred_at": "2017-03-12T12:30:00", "category": "arson", "areas": {"community_area": "25"},
                "latitude": 41.9, "longitude": -87.7}
    said = f"chicago/BY-HAND\t{json.dumps(incident)}\nchicago/BAD\toops\n"
    topic = ("-t", f"{cluster.prefix}incidents", "-X", "topic.partitioner=murmur2_random")
    run_to_end(kcat, "-P", "-b", servers, *topic, "-K", "\t", said=said)
    finish(cluster)
    incidents = dict(read("incidents"))
    assert len(incidents) == 102 and json.loads(incidents["chicago/BY-HAND"]) == incident
    one = json.loads(next(value for key, value in incidents.items() if key.split("/")[1].isdigit()))
    assert {"id", "occurred_at", "occurred_at_utc", "category", "areas", "latitude"} <= set(one)
    counts = read("counts")
    assert any(key == "25/ARSON/2017-03-12T17:00:00Z/" + str(json.loads(value)["part"]) and json.loads(value)["count"] == 1
               for key, value in counts if not key.startswith("progress/"))
    progress = {key: json.loads(value)["next_offset"] for key, value in counts if key.startswith("progress/")}
    assert set(progress) == {f"progress/{part}" for part in range(4)}
    rejected = read("rejected")
    assert len(rejected) == 1 and json.loads(rejected[0][1])["text"] == "oops"
    [(end, tick)] = read("peaks")
    assert datetime.fromisoformat(json.loads(tick)["at"]) == datetime.fromisoformat(end)
    assert json.loads(tick)["next_offsets"] == {key.removeprefix("progress/"): next for key, next in progress.items()}
    assert any(key == "log/id" for key, _ in read("positions"))


def test_counters_come_and_go_while_loading(cluster, blotter, tmp_path):
    files = [simulated(tmp_path, 15_000, seed) for seed in (3, 4, 5)]
    random.seed(5)
    counters = [cluster.spawn(blotter, "count") for _ in range(2)]
    for counter in counters:
        counter.wait_for_line("partitions are taken over")
    produce = cluster.spawn(blotter, "produce", *[word for file in files for word in ("--data", file)], "--until-caught-up")
    counters.append(cluster.spawn(blotter, "count"))
    counters[-1].wait_for_line("partitions are taken over")
    # Three become one: one is asked to go, one is not asked.
    counters[0].stop()
    counters[1].kill()
    assert produce.wait() == 0
    cluster.run("count", "--until-caught-up")
    counters[2].stop()
    finish(cluster)
    expect = Embedded(tmp_path / "embedded")
    expect.run("produce", *[word for file in files for word in ("--data", file)], "--until-caught-up")
    finish(expect)
    assert_same(state(cluster), state(expect))
