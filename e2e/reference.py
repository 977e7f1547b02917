"""What DuckDB says about a portal file: the profile's clean-ups and bounding box, written again as SQL."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import duckdb
import h3

BOX = (-87.95, 41.64, -87.52, 42.03)


#: The moment of a civil time. A time that occurred twice, when clocks were set back, is the first of the two.
INSTANT = """
    CASE WHEN timezone('America/Chicago', timezone('America/Chicago', occurred_at) - INTERVAL 1 HOUR) = occurred_at
         THEN timezone('America/Chicago', occurred_at) - INTERVAL 1 HOUR
         ELSE timezone('America/Chicago', occurred_at) END
"""

#: From Monday at midnight, by the civil time of the instant: the 72 incidents in spring gaps count an hour later.
CIVIL = "timezone('America/Chicago', timezone('America/Chicago', occurred_at))"
HOUR_OF_WEEK = f"((isodow({CIVIL}) - 1) * 24 + hour({CIVIL}))"


def read(csv: Path, database: Path) -> None:
    """Writes what DuckDB reads in a portal file: `raw`, its rows as they are, and `incidents`."""
    with duckdb.connect(str(database)) as db:
        db.execute("CREATE TABLE raw AS SELECT * FROM read_csv($1, all_varchar = true, header = true, nullstr = '', strict_mode = true)", [str(csv)])
        db.execute(
            f"""
            CREATE TABLE incidents AS
            WITH named AS (
                SELECT *, upper(trim(replace("Primary Type", chr(160), ' '))) AS published,
                       "Latitude"::DOUBLE AS y, "Longitude"::DOUBLE AS x
                FROM raw
            )
            SELECT "ID" AS id,
                   strptime("Date", '%m/%d/%Y %I:%M:%S %p') AS occurred_at,
                   CASE published
                       WHEN 'NON - CRIMINAL' THEN 'NON-CRIMINAL'
                       WHEN 'NON-CRIMINAL (SUBJECT SPECIFIED)' THEN 'NON-CRIMINAL'
                       WHEN 'CRIM SEXUAL ASSAULT' THEN 'CRIMINAL SEXUAL ASSAULT'
                       ELSE published END AS category,
                   nullif(CAST(TRY_CAST("Community Area" AS DOUBLE) AS INTEGER), 0)::VARCHAR AS community_area,
                   lpad("District", 3, '0') AS district,
                   lpad("Beat", 4, '0') AS beat,
                   "Arrest" = 'true' AS arrest,
                   "Domestic" = 'true' AS domestic,
                   y AS latitude, x AS longitude,
                   coalesce(NOT (y = 0 AND x = 0)
                            AND y BETWEEN {BOX[1]} AND {BOX[3]} AND x BETWEEN {BOX[0]} AND {BOX[2]}, false) AS mapped
            FROM named
            """
        )


class Reference:
    """A file that `read` has read."""

    def __init__(self, database: Path):
        self.db = duckdb.connect()
        self.db.execute("SET TimeZone = 'UTC'")
        self.db.execute(f"ATTACH '{database}' AS city (READ_ONLY)")
        self.db.execute("CREATE VIEW raw AS FROM city.raw; CREATE VIEW incidents AS FROM city.incidents")

    def total(self, where: str = "true") -> int:
        return self.one(f"SELECT count(*) FROM incidents WHERE {where}")

    def one(self, sql: str):
        row = self.db.execute(sql).fetchone()
        assert row
        return row[0]

    def series(self, by: str | None, bucket: str, where: str = "true") -> dict[str, dict[str, int]]:
        """Key → civil date → count, without zeros."""
        key = f"coalesce({by}, '')" if by else "''"
        rows = self.db.execute(
            f"SELECT {key}, strftime(date_trunc('{bucket}', occurred_at), '%Y-%m-%d'), count(*)"
            f" FROM incidents WHERE {where} GROUP BY ALL"
        ).fetchall()
        answer: dict[str, dict[str, int]] = {}
        for name, date, count in rows:
            answer.setdefault(name, {})[date] = count
        return answer

    def cells(self, resolution: int, where: str = "true") -> dict[str, int]:
        rows = self.db.execute(
            f"SELECT latitude, longitude, count(*) FROM incidents WHERE mapped AND {where} GROUP BY ALL"
        ).fetchall()
        counts: Counter[str] = Counter()
        for latitude, longitude, count in rows:
            counts[h3.latlng_to_cell(latitude, longitude, resolution)] += count
        return dict(counts)


def without_zeros(answer: dict) -> dict[str, dict[str, int]]:
    """A series answer in the reference's form."""
    series = {
        line["key"]: {bucket: count for bucket, count in zip(answer["buckets"], line["counts"], strict=True) if count}
        for line in answer["series"]
    }
    return {key: counts for key, counts in series.items() if counts}
