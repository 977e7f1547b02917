"""A log that is lost while the archive is whole: the start says what to do, and `blotter restore` does it."""

import shutil

import pytest
from conftest import BINARY, run_to_end
from data import FEED


def restore(*arguments, code=0):
    done = run_to_end(BINARY, "restore", *arguments, code=code)
    return done.stdout if code == 0 else done.stderr


def answers(server) -> dict:
    """What a user sees of the city."""
    meta = server.meta()
    pages = [server.json("/api/v1/incidents", limit=1000)]
    while cursor := pages[-1].get("next_cursor"):
        pages.append(server.json("/api/v1/incidents", limit=1000, cursor=cursor))
    return {
        "incidents": meta["incidents"],
        "next_offsets": meta["next_offsets"],
        "list": [incident for page in pages for incident in page["incidents"]],
        "series": server.json("/api/v1/series", bucket="month", by="category")["series"],
        "cells": server.json("/api/v1/cells", resolution=8)["cells"],
        "peaks": server.json("/api/v1/peaks", limit=25)["windows"],
    }


@pytest.fixture
def folder(tmp_path):
    return tmp_path / "blotter"


def test_a_lost_log_is_rebuilt_from_the_archive(blotter, sample, folder):
    run = ("demo", "--listen", "127.0.0.1:0", "--dir", folder, "--data", sample(FEED))
    server = blotter(*run)
    server.wait_for_address()
    server.wait_until_caught_up()
    before = answers(server)
    snapshot = server.meta()["snapshot"]["version"]
    assert len(before["list"]) == before["incidents"]["total"] > 1000
    assert "stop what runs on it" in restore("--dir", folder, code=1)
    server.stop()
    # Nothing is restored over a log that is whole.
    assert "is intact" in restore("--dir", folder, code=1)

    shutil.rmtree(folder / "log")
    server = blotter(*run, expect=("blotter restore",))
    assert server.wait() == 1
    assert f"`blotter restore --dir {folder}`" in server.output
    # Nothing was loaded into the new log, which stays until the command takes its place.
    said = restore("--dir", folder)
    assert f"restored {sum(before['next_offsets'].values())} records" in said
    assert "the sources go on where they were" in said

    server = blotter(*run)
    server.wait_for_address()
    server.wait_until_caught_up()
    assert answers(server) == before
    # What archive and snapshot hold is of this log.
    assert server.meta()["snapshot"]["version"] == snapshot
    server.stop()


def test_records_that_were_not_archived_are_loaded_again(blotter, sample, folder, tmp_path):
    feed = ("--data", sample(FEED))
    undisturbed = blotter("demo", "--listen", "127.0.0.1:0", "--dir", tmp_path / "undisturbed", *feed)
    undisturbed.wait_for_address()
    undisturbed.wait_until_caught_up()
    expected = answers(undisturbed)
    undisturbed.stop()

    server = blotter("demo", "--listen", "127.0.0.1:0", "--dir", folder, *feed, "--speed", "4000000")
    server.wait_for_address()
    server.wait_until(lambda meta: meta["incidents"]["total"] > 500 and meta["snapshot"]["version"], "a part is archived")
    server.kill()
    # Damaged where it says what it is: it does not open any more.
    (folder / "log" / "store" / "log.json").write_text("{}")
    said = restore("--dir", folder)
    assert f"kept in {folder}/log/store.1" in said

    server = blotter("demo", "--listen", "127.0.0.1:0", "--dir", folder, *feed)
    server.wait_for_address()
    server.wait_until_caught_up()
    found = answers(server)
    # Rows between the copied position and the loss are brought twice, which changes nothing but offsets.
    assert sum(found.pop("next_offsets").values()) >= sum(expected.pop("next_offsets").values())
    assert found == expected
    server.stop()


def test_restore_accepts_a_log_and_a_store_by_url(sample, tmp_path):
    log, store = f"embedded:{tmp_path / 'log'}", f"file://{tmp_path / 'store'}"
    environment = {"BLOTTER_LOG": log, "BLOTTER_STORE": store}
    assert "there is no archive" in restore("--log", log, "--store", store, code=1)
    for role in (("produce", "--data", sample(FEED)), ("archive",)):
        run_to_end(BINARY, *role, "--until-caught-up", env=environment)
    shutil.rmtree(tmp_path / "log")
    assert "restored" in restore("--log", log, "--store", store)
    run_to_end(BINARY, "count", "--until-caught-up", env=environment)
    counts = run_to_end(BINARY, "counts", "--log", log)
    assert len(counts.stdout.splitlines()) > 1000
    assert "embedded:DIR" in restore("--log", "kafka://127.0.0.1:1", "--store", store, code=1)


def test_a_backup_of_the_store_restored_into_an_empty_directory_gives_the_same_answers(blotter, sample, folder, tmp_path):
    server = blotter("demo", "--listen", "127.0.0.1:0", "--dir", folder, "--data", sample(FEED))
    server.wait_for_address()
    server.wait_until_caught_up()
    before = answers(server)
    # As docs/operations.md says: while everything runs, the commits first.
    elsewhere = tmp_path / "elsewhere"
    commits = "incidents/_delta_log"
    shutil.copytree(folder / "store" / commits, elsewhere / "store" / commits)
    shutil.copytree(folder / "store", elsewhere / "store", dirs_exist_ok=True, ignore=lambda path, names: names if path.endswith(commits) else [])
    server.kill()
    assert f"restored {sum(before['next_offsets'].values())} records" in restore("--dir", elsewhere)
    again = blotter("demo", "--listen", "127.0.0.1:0", "--dir", elsewhere, "--data", sample(FEED))
    again.wait_for_address()
    again.wait_until_caught_up()
    assert answers(again) == before
    again.stop()
