"""A Spark job: what the Delta table on S3 holds, by an implementation of Delta that shares no code with ours."""

import json
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))
from services.spark import session  # noqa: E402

given = json.loads(sys.argv[1])
spark = session("reads", given["endpoint"], given["key"], given["secret"], **{"spark.sql.shuffle.partitions": 4})
table = spark.read.format("delta").load(given["table"])
rows = table.select("id", "partition", "offset", "content_hash", table["areas.community_area"].alias("area")).collect()
history = spark.sql(f"DESCRIBE HISTORY delta.`{given['table']}`").count()
answer = {
    "rows": sorted([row["id"], row["partition"], row["offset"], str(row["content_hash"]), row["area"]] for row in rows),
    "years": sorted(row[0] for row in table.groupBy("year").count().collect()),
    "versions": history,
}
spark.stop()
print(json.dumps(answer))
