"""Snapshots by Spark have the bytes of those by the embedded engine, also if Spark is killed. Where Spark cannot be used, the error
names the remedy."""

import json
import shutil
from pathlib import Path

import pytest
from cluster import Embedded
from conftest import BINARY, run_to_end
from data import FEED
from services.s3 import BUCKET
from services.service import cpu_steps, free_ports, wait_until
from sparks import started

SIMULATED = 250_000


@pytest.fixture(scope="module")
def archive(tmp_path_factory, sample):
    """An archive with inserts, revisions, deletions and duplicates, in several commits."""
    deployment = Embedded(tmp_path_factory.mktemp("archive"))
    feed = sample(FEED)
    # The same rows under another name are read again.
    again = shutil.copy(feed, deployment.directory / f"again-{feed.name}")
    for file in (feed, again):
        deployment.run("produce", "--data", file, "--until-caught-up")
        deployment.run("archive", "--until-caught-up")
    return deployment


def ingested(deployment) -> list[str]:
    """When records were ingested, in order."""
    times = deployment.table().to_pyarrow_table(columns=["ingested_at"])["ingested_at"].unique().to_pylist()
    return [time.isoformat().replace("+00:00", "Z") for time in sorted(times)]


def manifest(snapshots: Path) -> dict:
    (path,) = sorted(snapshots.glob("*/manifest.json"))
    return json.loads(path.read_text())


def taken(deployment, directory: Path, *arguments) -> dict:
    """The manifest of a snapshot of a copy of the store."""
    shutil.copytree(deployment.directory / "store", directory)
    shutil.rmtree(directory / "snapshots", ignore_errors=True)
    run_to_end(BINARY, "snapshot", "--store", f"file://{directory}", *arguments)
    return manifest(directory / "snapshots")


def check(own: dict, sparks: dict) -> None:
    """The same in everything but who made it. The checksums are those of the files' bytes."""
    assert sparks.pop("engine").startswith("spark 4.")
    assert "engine" not in own
    for each in (own, sparks):
        each.pop("checksum")
    assert sparks == own


@pytest.mark.parametrize("which", ["everything", "as of the first load"])
def test_both_engines_write_the_same_bytes(archive, spark, tmp_path, which):
    times = ingested(archive)
    assert len(times) > 1
    arguments = [] if which == "everything" else ["--as-of", times[0]]
    own = taken(archive, tmp_path / "own", *arguments)
    # Revisions and deletions are in it.
    assert 0 < own["incidents"] < own["rows"] < sum(own["next_offsets"].values())
    check(own, taken(archive, tmp_path / "spark", "--engine", spark, *arguments))


def test_a_bucket_is_read_by_spark_itself(archive, spark, aws, tmp_path):
    store = f"s3://{BUCKET}/spark-{tmp_path.name}"
    run_to_end(BINARY, "archive", "--log", f"embedded:{archive.directory}/log", "--store", store, "--until-caught-up", env=aws)
    run_to_end(BINARY, "snapshot", "--store", store, "--engine", spark, env=aws)
    run_to_end(BINARY, "fetch", "--store", store, "--to", tmp_path / "local", env=aws)
    found = manifest(tmp_path / "local")
    own = taken(archive, tmp_path / "own")
    assert found["engine"].startswith("spark 4.")
    assert [each["checksum"] for each in found["files"]] == [each["checksum"] for each in own["files"]]


def test_spark_may_be_killed_in_the_middle(blotter, tmp_path):
    deployment = Embedded(tmp_path / "deployment")
    deployment.run("produce", "--simulate", SIMULATED, "--until-caught-up")
    deployment.run("archive", "--until-caught-up")
    own = taken(deployment, tmp_path / "own")
    service = started(tmp_path / "service")
    store = tmp_path / "store"
    shutil.copytree(deployment.directory / "store", store)
    arguments = ("--store", f"file://{store}", "--engine", f"spark://127.0.0.1:{service.port}", "--every", "1")
    before = cpu_steps(service.process)
    role = blotter("snapshot", *arguments, expect=("does not answer",))
    wait_until(lambda: cpu_steps(service.process) > before, "Spark is at work", role.process)
    service.kill()
    assert not (store / "snapshots/latest.json").exists()
    role.wait_for_line("does not answer")
    service.start()
    role.wait_for_line(r"snapshot \d+: ")
    role.stop()
    service.stop()
    check(own, manifest(store / "snapshots"))


def said(store: Path, engine: str, env: dict[str, str] | None = None) -> str:
    return run_to_end(BINARY, "snapshot", "--store", f"file://{store}", "--engine", engine, code=1, env=env).stderr


def test_what_is_missing_is_said_with_the_remedy(archive, tmp_path):
    store = archive.directory / "store"
    (nobody,) = free_ports(1)
    assert f"Spark at spark://127.0.0.1:{nobody} does not answer" in said(store, f"spark://127.0.0.1:{nobody}")
    token = "7b1e-a-token-of-the-test"
    service = started(tmp_path / "service", token=token, settings={"spark.sql.extensions": "", "spark.sql.catalog.spark_catalog": ""})
    engine = f"spark://127.0.0.1:{service.port}"
    try:
        assert "set SPARK_CONNECT_TOKEN" in said(store, engine)
        words = said(store, engine, {"SPARK_CONNECT_TOKEN": "another"})
        assert "set SPARK_CONNECT_TOKEN" in words and "another" not in words
        (tmp_path / "token").write_text(token + "\n")
        words = said(store, engine, {"SPARK_CONNECT_TOKEN_FILE": str(tmp_path / "token")})
        assert "cannot read Delta tables" in words and token not in words
    finally:
        service.stop()
