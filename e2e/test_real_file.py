"""The whole city, 1.7 million incidents: every figure equals DuckDB's over the same bytes."""

import json
from pathlib import Path

import duckdb
import duckdb_extension_delta
import pytest
from conftest import BINARY, Server, run_to_end
from data import has_real
from deltalake import DeltaTable
from reference import HOUR_OF_WEEK, INSTANT, Reference, without_zeros

#: Of the real file.
TOTAL = 1_718_685


@pytest.fixture(scope="module")
def reference(city_database):
    return Reference(city_database)


@pytest.fixture(scope="module")
def loaded(whole_city):
    return whole_city


def test_totals_equal_duckdb(loaded, reference):
    meta = loaded.meta()
    total = reference.total()
    assert meta["incidents"]["total"] == total
    assert total == TOTAL or not has_real()
    assert meta["incidents"]["mapped"] == reference.total("mapped")
    assert meta["incidents"]["unmapped"] == reference.total("NOT mapped")
    assert meta["rejected"] == 0
    assert not meta["simulated"]
    assert meta["data_as_of"].startswith(reference.one("SELECT strftime(max(occurred_at), '%Y-%m-%dT%H:%M:%S') FROM incidents"))
    assert sum(meta["next_offsets"].values()) == total
    assert set(meta["categories"]) == set(reference.series("category", "year"))


#: All but 277 beats by 2,192 days: they are more numbers than one answer holds.
SERIES = [
    (bucket, by)
    for bucket in ("year", "month", "week", "day")
    for by in ("none", "category", "community_area", "district", "beat")
    if (bucket, by) != ("day", "beat")
]


@pytest.mark.parametrize(("bucket", "by"), SERIES)
def test_series_equal_duckdb(loaded, reference, by, bucket):
    answer = loaded.json("/api/v1/series", by=by, bucket=bucket)
    assert without_zeros(answer) == reference.series(None if by == "none" else by, bucket)


def test_hourly_series_is_in_utc_hours(loaded, reference):
    answer = loaded.json("/api/v1/series", by="none", bucket="hour", **{"from": "2016-03-01", "to": "2016-04-01"})
    ours = {bucket: count for bucket, count in zip(answer["buckets"], answer["series"][0]["counts"]) if count}
    theirs = dict(
        reference.db.execute(
            f"SELECT strftime(date_trunc('hour', {INSTANT}), '%Y-%m-%dT%H:00:00Z'), count(*)"
            " FROM incidents WHERE occurred_at >= '2016-03-01' AND occurred_at < '2016-04-01' GROUP BY ALL"
        ).fetchall()
    )
    import datetime

    in_utc = {
        datetime.datetime.fromisoformat(bucket).astimezone(datetime.UTC).strftime("%Y-%m-%dT%H:00:00Z"): count
        for bucket, count in ours.items()
    }
    assert in_utc == theirs


@pytest.mark.parametrize("resolution", range(7, 12))
def test_cells_equal_duckdb(loaded, reference, resolution):
    answer = loaded.json("/api/v1/cells", resolution=resolution)
    assert dict(answer["cells"]) == reference.cells(resolution)


FILTERS = [
    ({"category": "BURGLARY", "from": "2014-01-01", "to": "2017-01-01"}, "category = 'BURGLARY' AND year(occurred_at) IN (2014, 2015, 2016)"),
    ({"category": ["THEFT", "ROBBERY"], "arrest": "true"}, "category IN ('THEFT', 'ROBBERY') AND arrest"),
    ({"area": "community_area:32"}, "community_area = '32'"),
    ({"area": ["district:011", "district:007"], "domestic": "false"}, "district IN ('011', '007') AND NOT domestic"),
    ({"area": ["community_area:25", "beat:1522"], "from": "2016-06-01T12:30"}, "community_area = '25' AND beat = '1522' AND occurred_at >= '2016-06-01 12:30'"),
    ({"hour_of_week": "0-5,163-167"}, f"{HOUR_OF_WEEK} IN (0, 1, 2, 3, 4, 5, 163, 164, 165, 166, 167)"),
    ({"hour_of_week": "44-47", "category": "BATTERY"}, f"{HOUR_OF_WEEK} BETWEEN 44 AND 47 AND category = 'BATTERY'"),
    ({"bbox": "-87.70,41.85,-87.60,41.95"}, "mapped AND longitude BETWEEN -87.70 AND -87.60 AND latitude BETWEEN 41.85 AND 41.95"),
    ({"category": "HOMICIDE", "to": "2012-01-01"}, "false"),
]


@pytest.mark.parametrize(("parameters", "where"), FILTERS)
def test_filters_reach_map_chart_and_table(loaded, reference, parameters, where):
    assert dict(loaded.json("/api/v1/cells", resolution=9, **parameters)["cells"]) == reference.cells(9, where)
    assert without_zeros(loaded.json("/api/v1/series", by="category", bucket="month", **parameters)) == reference.series(
        "category", "month", where
    )
    newest = loaded.json("/api/v1/incidents", limit=50, **parameters)["incidents"]
    expect = reference.db.execute(
        f"SELECT id FROM incidents WHERE {where} ORDER BY occurred_at DESC LIMIT 50"
    ).fetchall()
    assert len(newest) == len(expect)
    times = [incident["occurred_at_utc"] for incident in newest]
    assert times == sorted(times, reverse=True)
    if newest:
        ids = ",".join(f"'{incident['id']}'" for incident in newest)
        assert reference.total(f"id IN ({ids}) AND {where}") == len(newest)
        oldest = newest[-1]["occurred_at"]
        assert reference.total(f"occurred_at > '{oldest}' AND {where}") < 50 or len(newest) < 50


def test_paging_reaches_every_incident_once(loaded, reference):
    parameters = {"category": "ARSON", "from": "2015-01-01", "to": "2016-01-01"}
    seen, cursor = [], None
    while True:
        page = loaded.json("/api/v1/incidents", limit=100, **parameters, **({"cursor": cursor} if cursor else {}))
        seen += [incident["id"] for incident in page["incidents"]]
        cursor = page["next_cursor"]
        if not cursor:
            break
    expect = reference.db.execute("SELECT id FROM incidents WHERE category = 'ARSON' AND year(occurred_at) = 2015").fetchall()
    assert sorted(seen) == sorted(row[0] for row in expect)


@pytest.mark.parametrize(
    ("path", "parameters"),
    [("cells", {"resolution": 8}), ("series", {"by": "category", "bucket": "year"}), ("incidents", {"limit": 50})],
)
def test_arrow_says_the_same_as_json(loaded, path, parameters):
    import pyarrow

    _, headers, body = loaded.get(f"/api/v1/{path}", "application/vnd.apache.arrow.stream", **parameters)
    assert headers["content-type"] == "application/vnd.apache.arrow.stream"
    table = pyarrow.ipc.open_stream(body).read_all()
    answer = loaded.json(f"/api/v1/{path}", **parameters)
    if path == "cells":
        assert dict(zip(table["cell"].to_pylist(), table["count"].to_pylist())) == dict(answer["cells"])
    elif path == "series":
        ours = {(row["key"], row["bucket"]): row["count"] for row in table.to_pylist() if row["count"]}
        theirs = {(key, bucket): count for key, line in without_zeros(answer).items() for bucket, count in line.items()}
        assert ours == theirs
    else:
        assert table["id"].to_pylist() == [incident["id"] for incident in answer["incidents"]]
        assert table["category"].to_pylist() == [incident["category"] for incident in answer["incidents"]]


def test_the_archive_opens_elsewhere(loaded, reference):
    path = str(loaded.folder / "store" / "incidents")
    table = DeltaTable(path)
    assert table.to_pyarrow_table(columns=["id"]).num_rows == reference.total()
    db = duckdb.connect()
    # The extension comes from PyPI: nothing is downloaded.
    (extension,) = Path(duckdb_extension_delta.__file__).parent.glob("extensions/*/delta.duckdb_extension")
    db.execute(f"LOAD '{extension}'")
    by_category = db.execute(f"SELECT category, count(*) FROM delta_scan('{path}') GROUP BY ALL").fetchall()
    assert dict(by_category) == {k: sum(v.values()) for k, v in reference.series("category", "year").items()}
    twice = db.execute(
        f'SELECT count(*) - count(DISTINCT ("partition", "offset")) FROM delta_scan(\'{path}\')'
    ).fetchone()
    assert twice == (0,)


def test_counts_are_duckdbs_and_a_clean_stop_resumes_at_once(loaded, reference):
    """Last of all that ask this server: stops it."""
    before = loaded.meta()
    loaded.stop()
    counts = run_to_end(BINARY, "counts", "--log", f"embedded:{loaded.folder}/log").stdout
    db = duckdb.connect()
    (loaded.folder / "counts.csv").write_text(counts)
    db.execute(f"CREATE TABLE counts AS SELECT * FROM read_csv('{loaded.folder}/counts.csv', all_varchar = true, header = true)")
    ours = db.execute("SELECT bucket, coalesce(area, ''), category, count::INT FROM counts WHERE count != '0' ORDER BY ALL").fetchall()
    theirs = reference.db.execute(
        f"SELECT strftime(date_trunc('hour', {INSTANT}), '%Y-%m-%dT%H:00:00Z'),"
        " coalesce(community_area, ''), category, count(*)::INT FROM incidents GROUP BY ALL ORDER BY ALL"
    ).fetchall()
    assert ours == theirs

    again = Server("demo", "--listen", "127.0.0.1:0", "--dir", str(loaded.folder), "--data", loaded.process.args[-1])
    try:
        again.wait_for_address()
        after = again.wait_until_caught_up()
        for same in ("incidents", "next_offsets", "data_as_of", "rejected"):
            assert json.dumps(after[same], sort_keys=True) == json.dumps(before[same], sort_keys=True)
        again.stop()
    finally:
        if again.process.poll() is None:
            again.kill()
