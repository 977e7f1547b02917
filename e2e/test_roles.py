"""Every role as its own command, one after the other on one embedded log: the end is the demo's."""

import json
import re
import urllib.request

from conftest import BINARY, run_to_end
from services.service import wait_until


def run(*arguments, code=0) -> str:
    done = run_to_end(BINARY, *arguments, code=code)
    return done.stdout + done.stderr if code else done.stdout


def test_roles_one_after_the_other_give_the_answers_of_the_demo(blotter, demo, sample, tmp_path):
    data = sample("chicago-2024-sample-bom.csv")
    log, store, local = f"embedded:{tmp_path}/log", f"file://{tmp_path}/store", tmp_path / "snapshots"
    assert "10000 incidents appended, 0 rejected" in run("produce", "--data", data, "--log", log, "--until-caught-up")
    # A second time there is nothing new.
    assert "0 incidents appended" in run("produce", "--data", data, "--log", log, "--until-caught-up")
    run("online", "--log", log, "--store", store, "--until-caught-up")
    run("archive", "--log", log, "--store", store, "--until-caught-up")
    assert "10000 incidents" in run("snapshot", "--store", store, "--until-caught-up")
    assert "has all" in run("snapshot", "--store", store)
    assert str(local) in run("fetch", "--store", store, "--to", local, "--until-caught-up")
    assert "was there already" in run("fetch", "--store", store, "--to", local)

    def answers(server):
        return {
            "incidents": server.meta()["incidents"],
            "series": server.json("/api/v1/series", by="community_area", bucket="month"),
            "cells": server.json("/api/v1/cells", resolution=9),
            "newest": server.json("/api/v1/incidents", limit=100)["incidents"],
        }

    together = demo("--data", data)
    together.wait_until_caught_up()
    expect = answers(together)
    together.stop()
    # With the log, and from the snapshot alone.
    for arguments in (["--log", log], []):
        server = blotter("serve", "--snapshots", local, "--listen", "127.0.0.1:0", *arguments)
        server.wait_for_address()
        server.wait_until_caught_up()
        assert answers(server) == expect
        server.stop()


def successes(server) -> set[str]:
    """When the last round went well, if one did."""
    with urllib.request.urlopen(f"{server.url}/metrics", timeout=30) as answer:
        return set(re.findall(r"^blotter_last_success_timestamp_seconds (.+)$", answer.read().decode(), re.M))


def test_a_round_with_nothing_new_says_nothing(blotter, tmp_path):
    log, store = f"embedded:{tmp_path}/log", f"file://{tmp_path}/store"
    run("produce", "--simulate", 300, "--log", log, "--until-caught-up")
    run("archive", "--log", log, "--store", store, "--until-caught-up")
    snapshot = blotter("snapshot", "--store", store, "--every", 1, "--ops-listen", "127.0.0.1:0")
    fetch = blotter("fetch", "--store", store, "--to", tmp_path / "near", "--every", 1, "--ops-listen", "127.0.0.1:0")
    for server, told in ((snapshot, ["snapshot 1: 300 incidents", "snapshot 1 has all"]), (fetch, ["snapshot 1 is in", "snapshot 1 was there"])):
        server.wait_for_address()
        for line in told:
            server.wait_for_line(line)
        ends = set()
        wait_until(lambda: ends.update(successes(server)) or len(ends) == 4, "four rounds went well", server.process)
        server.stop()
        assert [server.output.count(line) for line in told] == [1, 1]


def test_a_snapshot_as_of_a_time_has_what_was_ingested_by_then(sample, tmp_path):
    log, store = f"embedded:{tmp_path}/log", f"file://{tmp_path}/store"
    steps = [(sample("chicago-2015-10-sample.csv"), 999), (sample("chicago-2024-sample-bom.csv"), 10_999)]
    moments = []
    for data, total in steps:
        run("produce", "--data", data, "--log", log, "--until-caught-up")
        run("archive", "--log", log, "--store", store, "--until-caught-up")
        assert f"{total} incidents" in run("snapshot", "--store", store)
        manifest = json.loads((tmp_path / "store" / "snapshots" / "latest.json").read_text())
        folder = tmp_path / "store" / "snapshots" / str(manifest["version"])
        moments.append(json.loads((folder / "manifest.json").read_text())["ingested_as_of"])
    assert "999 incidents" in run("snapshot", "--store", store, "--as-of", moments[0])
    refused = run("snapshot", "--store", store, "--as-of", "yesterday", code=1)
    assert "2026-01-31T12:00:00Z" in refused


def test_wrong_arguments_are_refused_with_the_remedy(sample, tmp_path):
    data = sample("chicago-2015-10-sample.csv")
    for arguments, words in [
        (["produce", "--data", data, "--log", "nats://host:4222"], "kafka://"),
        (["produce", "--data", data, "--log", "kafka://me:hunter2@host:9092"], "KAFKA_SASL_PASSWORD"),
        (["archive", "--log", f"embedded:{tmp_path}/l", "--store", "ftp://host/x"], "s3://"),
        (["serve", "--log", f"embedded:{tmp_path}/none", "--snapshots", tmp_path], "blotter produce"),
        (["demo", "--city", "springfield", "--dir", tmp_path / "d"], "chicago"),
        (["demo", "--data", tmp_path / "none.csv", "--dir", tmp_path / "d"], "none.csv"),
        (["demo", "--data", data, "--boundaries", "x", "--dir", tmp_path / "d"], "LAYER=PATH"),
    ]:
        assert words in run(*arguments, code=1), arguments
    # What clap refuses by itself ends with its own code.
    assert "greater than zero" in run("demo", "--data", data, "--speed", "0", "--dir", tmp_path / "d", code=2)


def test_simulated_and_real_are_never_mixed(sample, tmp_path):
    log = f"embedded:{tmp_path}/log"
    run("produce", "--simulate", 1000, "--log", log, "--until-caught-up")
    refused = run("produce", "--data", sample("chicago-2015-10-sample.csv"), "--log", log, "--until-caught-up", code=1)
    assert "never mixed" in refused


def test_a_file_can_be_added_to_a_directory_later(demo, sample, tmp_path):
    first, second = sample("chicago-2015-10-sample.csv"), sample("chicago-2024-sample-bom.csv")
    server = demo("--data", first)
    assert server.wait_until_caught_up()["incidents"]["total"] == 999
    server.stop()
    server = demo("--data", first, "--data", second)
    meta = server.wait_until(lambda meta: meta["incidents"]["total"] > 999 and meta["caught_up"], "caught up with both")
    assert meta["incidents"]["total"] == 10_999
    # Nothing was loaded twice.
    assert sum(meta["next_offsets"].values()) == 10_999
    server.stop()


def test_a_replay_resumes_after_a_restart(demo, sample, tmp_path):
    data = sample("chicago-2015-10-sample.csv")
    # A million times faster: the file's weeks pass in a second or two.
    server = demo("--data", data, "--speed", "1000000")
    meta = server.wait_until(lambda meta: 0 < meta["incidents"]["total"], "started")
    server.stop()
    server = demo("--data", data, "--speed", "1000000")
    meta = server.wait_until_caught_up()
    assert meta["incidents"]["total"] == 999
    assert sum(meta["next_offsets"].values()) == 999
    server.stop()
