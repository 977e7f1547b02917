"""Spark for the tests: one server for all that do not disturb it."""

import json
from pathlib import Path

import duckdb
from cluster import start
from confluent_kafka import Consumer, KafkaError, TopicPartition
from services.spark.connect import SparkConnect


#: A server of the tests lives for some questions on few rows: the thorough compiler would not pay.
SHORT_LIFE = ("-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC")


def started(directory: Path, **options) -> SparkConnect:
    return start(SparkConnect, directory, java_options=SHORT_LIFE, **options)


def by_spark(engine: str) -> tuple[str, ...]:
    return ("--engine", engine)


def said(cluster, kafka_port: int) -> list[list[tuple[str, dict]]]:
    """The messages of topic `counts` of each partition, as any consumer reads them that reads what is committed."""
    consumer = Consumer({"bootstrap.servers": f"127.0.0.1:{kafka_port}", "group.id": "reader", "enable.partition.eof": True})
    topic = f"{cluster.prefix}counts"
    partitions = []
    for partition in sorted(consumer.list_topics(topic).topics[topic].partitions):
        consumer.assign([TopicPartition(topic, partition, 0)])
        messages = []
        while not (error := (message := consumer.poll(30)).error()):
            messages.append((message.key().decode(), json.loads(message.value())))
        assert error.code() == KafkaError._PARTITION_EOF, error
        partitions.append(messages)
    consumer.close()
    return partitions


def assert_never_half(cluster, kafka_port: int) -> int:
    """Whenever a reader hears how far count has come, the totals that it has heard are those of the records up to there. How often it
    heard that."""
    db = duckdb.connect()
    db.register("records", cluster.table().to_pyarrow_table(columns=["id", "updated_at", "observed_at", "content_hash", "deleted", "partition", "offset"]))
    heard = 0
    for partition, messages in enumerate(said(cluster, kafka_port)):
        latest = {}
        for key, value in messages:
            if not key.startswith("progress/"):
                latest[key] = value["count"]
                continue
            heard += 1
            (expected,) = db.execute(
                """SELECT count(*) FILTER (NOT deleted) FROM (SELECT arg_max(deleted, {'a': coalesce(updated_at, '-infinity'), 'b': observed_at, 'c': content_hash})
                AS deleted FROM records WHERE "partition" = ? AND "offset" < ? GROUP BY id)""",
                [partition, value["next_offset"]],
            ).fetchone()
            assert sum(latest.values()) == expected, (partition, value)
    return heard
