"""Kill -9 at random moments of a load: the end is that of an undisturbed run."""

import json
import os
import random
import time

import duckdb
from conftest import BINARY, Server, run_to_end
from deltalake import DeltaTable

KILLS = 20
ROWS = 400_000


def figures(server):
    meta = server.wait_until_caught_up()
    return {
        "incidents": meta["incidents"],
        "rejected": meta["rejected"],
        "data_as_of": meta["data_as_of"],
        "categories": meta["categories"],
        "by_area": server.json("/api/v1/series", by="community_area", bucket="month")["series"],
        "cells": server.json("/api/v1/cells", resolution=9)["cells"],
        "newest": server.json("/api/v1/incidents", limit=500)["incidents"],
    }


def counts(folder):
    return run_to_end(BINARY, "counts", "--log", f"embedded:{folder}/log").stdout


def rejects(folder):
    lines = run_to_end(BINARY, "rejected", "--format", "json", "--log", f"embedded:{folder}/log").stdout.splitlines()
    return sorted((json.loads(line)["key"], json.loads(line)["reason"], json.loads(line)["text"]) for line in lines)


def archive_rows(folder):
    table = DeltaTable(str(folder / "store" / "incidents")).to_pyarrow_table(
        columns=["id", "partition", "offset", "occurred_at_utc", "content_hash"]
    )
    db = duckdb.connect()
    db.register("rows", table)
    total, distinct = db.execute('SELECT count(*), count(DISTINCT ("partition", "offset")) FROM rows').fetchone()
    gaps = db.execute(
        'SELECT "partition" FROM rows GROUP BY 1 HAVING min("offset") != 0 OR max("offset") + 1 != count(*)'
    ).fetchall()
    ids = db.execute("SELECT count(DISTINCT id), bit_xor(content_hash) FROM rows").fetchone()
    return total, distinct, gaps, ids


def test_killed_at_twenty_moments(city_csv, tmp_path):
    # The newest rows of the city, some of them spoilt, so that there is something to reject.
    sample = tmp_path / "sample.csv"
    with city_csv.open() as source, sample.open("w") as target:
        target.write(source.readline())
        for number in range(ROWS):
            line = source.readline()
            target.write("not,a,row\n" if number % 40_000 == 7 else line)

    def start(folder):
        server = Server("demo", "--listen", "127.0.0.1:0", "--dir", str(folder), "--data", str(sample))
        server.wait_for_address()
        return server

    undisturbed = start(tmp_path / "undisturbed")
    began = time.monotonic()
    expect = figures(undisturbed)
    took = time.monotonic() - began
    undisturbed.stop()

    random_moments = random.Random(int(os.environ.get("BLOTTER_TEST_SEED", "7")))
    folder = tmp_path / "killed"
    for _ in range(KILLS):
        server = start(folder)
        # A random moment of a start or of the load: what is waited for is the moment itself.
        time.sleep(random_moments.uniform(0, took / 4))
        server.kill()
        server.check_log()
    server = start(folder)
    try:
        assert figures(server) == expect
        server.stop()
    finally:
        if server.process.poll() is None:
            server.kill()

    assert counts(folder) == counts(tmp_path / "undisturbed")
    assert rejects(folder) == rejects(tmp_path / "undisturbed")
    assert len(rejects(folder)) == ROWS // 40_000
    total, distinct, gaps, ids = archive_rows(folder)
    assert total == distinct
    assert not gaps
    assert ids == archive_rows(tmp_path / "undisturbed")[3]
