"""The peer of `kafka`: Spark Structured Streaming from the same topic to the same bucket.

Every message is parsed by Spark's own `from_json`; one query appends it to a Delta table that is partitioned by year, as the
archive is; the other keeps hourly counts by area and category and says the changed ones to a topic. Neither looks for the
winning revision of an incident, which Blotter does. The clock starts when the session is up and has run a query.
"""

import json
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "e2e"))
from services.spark import session  # noqa: E402

given = json.loads(sys.argv[1])
spark = session(
    "peer", given["endpoint"], given["key"], given["secret"],
    **{
        "spark.sql.shuffle.partitions": 4,
        "spark.sql.adaptive.enabled": "false",
        "spark.sql.streaming.stateStore.providerClass": given["state"],
        "spark.databricks.delta.snapshotPartitions": 2,
    },
)  # fmt: skip
from pyspark.sql import functions as F  # noqa: E402

spark.range(1000).selectExpr("sum(id)").collect()
SCHEMA = """id STRING, case_number STRING, occurred_at STRING, occurred_at_utc TIMESTAMP, updated_at STRING, observed_at TIMESTAMP,
deleted BOOLEAN, category STRING, category_published STRING, description STRING, place STRING, code STRING, block STRING,
arrest BOOLEAN, domestic BOOLEAN, areas STRUCT<community_area: STRING, ward: STRING, district: STRING, beat: STRING>,
latitude DOUBLE, longitude DOUBLE"""


def incidents():
    read = spark.readStream.format("kafka").option("kafka.bootstrap.servers", given["servers"]).option("subscribe", given["topic"])
    read = read.option("kafka.isolation.level", "read_committed").option("startingOffsets", "earliest")
    read = read.option("maxOffsetsPerTrigger", given["batch"]).load()
    return read.select(F.from_json(F.col("value").cast("string"), SCHEMA).alias("it"), "partition", "offset", "timestamp").select("it.*", "partition", "offset", "timestamp")


began = time.perf_counter()
archive = incidents().withColumn("year", F.year("occurred_at_utc")).writeStream.format("delta").partitionBy("year")
archive = archive.option("checkpointLocation", given["checkpoints"] + "/archive").trigger(availableNow=True).start(given["table"])
hour = F.date_trunc("hour", "occurred_at_utc").alias("bucket")
counts = incidents().groupBy(hour, F.col("areas.community_area").alias("area"), "category").count()
said = counts.select(F.concat_ws("/", "area", "category", F.col("bucket").cast("string")).alias("key"), F.to_json(F.struct("bucket", "area", "category", "count")).alias("value"))
counting = said.writeStream.format("kafka").outputMode("update").option("kafka.bootstrap.servers", given["servers"]).option("topic", given["counts"])
counting = counting.option("checkpointLocation", given["checkpoints"] + "/counts").trigger(availableNow=True).start()
for query in (archive, counting):
    query.awaitTermination()
seconds = time.perf_counter() - began
rows = spark.read.format("delta").load(given["table"]).count()
spark.stop()
print(json.dumps({"seconds": seconds, "rows": rows}))
