"""Spark and the embedded engine publish the same counts: in any order of the records, in any batches, and after a change of the engine."""

import random
import re

import pytest
from cluster import Cluster, Embedded, assert_same, finish, simulated, state
from confluent_kafka import Consumer, Producer, TopicPartition
from sparks import assert_never_half, by_spark, said, started
from test_revisions import feed, write  # noqa: F401


@pytest.fixture
def cluster(servers, tmp_path):
    kafka, s3 = servers
    return Cluster(tmp_path, kafka.port, s3.port)


def counts(deployment) -> list[str]:
    """Each key and its latest value; those of zero, too."""
    return sorted(deployment.run("counts").splitlines()[1:])


@pytest.mark.parametrize("seed", [1, 2])
def test_any_order_and_any_division_come_to_the_same(cluster, servers, spark, feed, tmp_path, seed):  # noqa: F811
    chance = random.Random(seed)
    header, rows = feed
    # Revisions, deletions and late records; every record twice.
    rows = rows + rows
    chance.shuffle(rows)
    cuts = sorted(chance.sample(range(1, len(rows)), 3))
    alone = Embedded(tmp_path / "alone")
    for number, (start_at, end) in enumerate(zip([0, *cuts], [*cuts, len(rows)], strict=True)):
        part = write(tmp_path / f"part-{number}.csv", header, rows[start_at:end])
        for deployment in (alone, cluster):
            deployment.run("produce", "--data", part, "--until-caught-up")
        # The archive may have all of it, a part, or nothing.
        if chance.random() < 0.5:
            cluster.run("archive", "--until-caught-up")
        cluster.run("count", "--until-caught-up", *by_spark(spark))
    finish(alone)
    finish(cluster)
    assert counts(cluster) == counts(alone)
    assert_same(state(cluster), state(alone))
    assert assert_never_half(cluster, servers[0].port) >= 4


def test_a_deployment_moves_to_spark_and_back(cluster, servers, spark, feed, tmp_path):  # noqa: F811
    header, rows = feed
    third = len(rows) // 3
    alone = Embedded(tmp_path / "alone")
    heard = 0
    for number, engine in enumerate(((), by_spark(spark), ())):
        part = write(tmp_path / f"part-{number}.csv", header, rows[number * third : (number + 1) * third if number < 2 else None])
        # Nothing new: the other engine goes on where the last one was, and says nothing again.
        if number:
            cluster.run("count", "--until-caught-up", *engine)
        assert sum(map(len, said(cluster, servers[0].port) if number else [])) == heard
        for deployment in (alone, cluster):
            deployment.run("produce", "--data", part, "--until-caught-up")
        cluster.run("count", "--until-caught-up", *engine)
        cluster.run("detect", "--until-caught-up")
        heard = sum(map(len, said(cluster, servers[0].port)))
        assert heard
    finish(alone)
    finish(cluster)
    assert counts(cluster) == counts(alone)
    assert_same(state(cluster), state(alone))


def test_the_embedded_log_is_counted_by_spark_too(spark, sample, tmp_path):
    data = simulated(tmp_path, 5_000)
    spark_counts, alone = Embedded(tmp_path / "spark"), Embedded(tmp_path / "alone")
    for deployment, engine in ((spark_counts, by_spark(spark)), (alone, ())):
        deployment.run("produce", "--data", data, "--until-caught-up")
        deployment.run("count", "--until-caught-up", *engine)
    assert counts(spark_counts) == counts(alone)


@pytest.mark.parametrize("engine", ["embedded", "spark"])
def test_a_record_in_a_foreign_partition_is_not_counted(cluster, servers, spark, feed, tmp_path, engine):  # noqa: F811
    header, rows = feed
    alone = Embedded(tmp_path / "alone")
    data = write(tmp_path / "few.csv", header, rows[:500])
    for deployment in (alone, cluster):
        deployment.run("produce", "--data", data, "--until-caught-up")
    alone.run("count", "--until-caught-up")
    broker = {"bootstrap.servers": f"127.0.0.1:{servers[0].port}"}
    topic = f"{cluster.prefix}incidents"
    consumer = Consumer(broker | {"group.id": "reader"})
    consumer.assign([TopicPartition(topic, 0, 0)])
    message = consumer.poll(30)
    consumer.close()
    # As a producer would that divides keys in another way.
    producer = Producer(broker)
    producer.produce(topic, key=message.key(), value=message.value(), headers=message.headers(), partition=1)
    assert producer.flush(30) == 0
    cluster.run("count", "--until-caught-up", *(by_spark(spark) if engine == "spark" else ()))
    assert counts(cluster) == counts(alone)


def test_what_is_wrong_with_spark_is_said(blotter, cluster, tmp_path, feed):  # noqa: F811
    header, rows = feed
    cluster.run("produce", "--data", write(tmp_path / "few.csv", header, rows[:100]), "--until-caught-up")
    cluster.run("archive", "--until-caught-up")
    service = started(tmp_path / "service", token="7b1e-a-token-of-the-test", settings={"spark.sql.extensions": "", "spark.sql.catalog.spark_catalog": ""})
    role = cluster.spawn(blotter, "count", *by_spark(f"spark://127.0.0.1:{service.port}"), expect=(r"SPARK_CONNECT_TOKEN",))
    role.wait_for_line("set SPARK_CONNECT_TOKEN")
    role.stop()
    (tmp_path / "token").write_text("7b1e-a-token-of-the-test\n")
    cluster.aws = cluster.aws | {"SPARK_CONNECT_TOKEN_FILE": str(tmp_path / "token")}
    role = cluster.spawn(blotter, "count", *by_spark(f"spark://127.0.0.1:{service.port}"), expect=(r"cannot read Delta tables",))
    role.wait_for_line("cannot read Delta tables")
    assert not re.search("7b1e-a-token", role.output)
    role.stop()
    service.stop()
