"""Sail answers as Spark does: snapshots have the same bytes, counts are the same, also when Sail is killed. What Sail lacks is asserted,
too, so that a test fails once Sail has it."""

import random
import shutil

import pytest
from cluster import Embedded, start
from conftest import BINARY, run_to_end
from services.s3 import BUCKET
from services.sail import Sail
from test_revisions import feed, write  # noqa: F401
from test_spark import archive, check, ingested, manifest, taken  # noqa: F401
from test_spark_count import cluster, counts  # noqa: F401

SIMULATED = 250_000
#: What `count` logs while Sail is away.
TROUBLE = (r"does not answer", r"is tried again", r"going on from what is durable")


def engine(service: Sail) -> tuple[str, str]:
    return "--engine", f"spark://127.0.0.1:{service.port}"


@pytest.fixture(scope="module")
def sail(tmp_path_factory, aws):
    """A server that reads the shared S3 server."""
    service = start(Sail, tmp_path_factory.mktemp("sail"), store=aws)
    yield service
    service.stop()


@pytest.mark.parametrize("which", ["everything", "as of the first load"])
def test_snapshot_has_the_same_bytes(archive, sail, tmp_path, which):  # noqa: F811
    arguments = [] if which == "everything" else ["--as-of", ingested(archive)[0]]
    own = taken(archive, tmp_path / "own", *arguments)
    # Revisions and deletions are in it.
    assert 0 < own["incidents"] < own["rows"] < sum(own["next_offsets"].values())
    check(own, taken(archive, tmp_path / "sail", *engine(sail), *arguments))


def test_long_snapshot_has_the_same_bytes(sail, tmp_path):
    deployment = Embedded(tmp_path / "deployment")
    deployment.run("produce", "--simulate", SIMULATED, "--until-caught-up")
    deployment.run("archive", "--until-caught-up")
    check(taken(deployment, tmp_path / "own"), taken(deployment, tmp_path / "sail", *engine(sail)))


def test_bucket_snapshot_has_the_same_bytes(archive, sail, aws, tmp_path):  # noqa: F811
    store = f"s3://{BUCKET}/sail-{tmp_path.name}"
    run_to_end(BINARY, "archive", "--log", f"embedded:{archive.directory}/log", "--store", store, "--until-caught-up", env=aws)
    run_to_end(BINARY, "snapshot", "--store", store, *engine(sail), env=aws)
    run_to_end(BINARY, "fetch", "--store", store, "--to", tmp_path / "local", env=aws)
    own = taken(archive, tmp_path / "own")
    assert [each["checksum"] for each in manifest(tmp_path / "local")["files"]] == [each["checksum"] for each in own["files"]]


@pytest.mark.parametrize("seed", [1, 2])
def test_counts_are_the_same_in_any_order(sail, feed, tmp_path, seed):  # noqa: F811
    chance = random.Random(seed)
    header, rows = feed
    # Revisions, deletions and late records; every record twice.
    rows = rows + rows
    chance.shuffle(rows)
    cuts = sorted(chance.sample(range(1, len(rows)), 3))
    alone, by_sail = Embedded(tmp_path / "alone"), Embedded(tmp_path / "sail")
    for number, (start, end) in enumerate(zip([0, *cuts], [*cuts, len(rows)], strict=True)):
        part = write(tmp_path / f"part-{number}.csv", header, rows[start:end])
        for deployment, arguments in ((alone, ()), (by_sail, engine(sail))):
            deployment.run("produce", "--data", part, "--until-caught-up")
            # The archive has nothing, then a part; what it lacks travels with the question.
            if number == 2:
                deployment.run("archive", "--until-caught-up")
            deployment.run("count", "--until-caught-up", *arguments)
        assert counts(by_sail) == counts(alone)


def test_count_goes_on_after_sail_was_killed(cluster, blotter, feed, tmp_path):  # noqa: F811
    header, rows = feed
    half = len(rows) // 2
    alone = Embedded(tmp_path / "alone")
    service = start(Sail, tmp_path / "service", store=cluster.aws)
    role = cluster.spawn(blotter, "count", *engine(service), expect=TROUBLE)
    for number, part in enumerate((rows[:half], rows[half:])):
        file = write(tmp_path / f"part-{number}.csv", header, part)
        for deployment in (alone, cluster):
            deployment.run("produce", "--data", file, "--until-caught-up")
        if number == 0:
            cluster.run("archive", "--until-caught-up")
            service.kill()
    # By now it may have counted the first part. The second one it cannot.
    role.wait_for_line("does not answer")
    service.start()
    alone.run("count", "--until-caught-up")
    role.stop()
    cluster.run("count", "--until-caught-up", *engine(service))
    assert counts(cluster) == counts(alone)
    service.stop()


def test_sail_checks_no_token(archive, sail, tmp_path):  # noqa: F811
    """Who reaches the port may ask: docs/scaling.md says so."""
    directory = tmp_path / "store"
    shutil.copytree(archive.directory / "store", directory)
    env = {"SPARK_CONNECT_TOKEN": "any"}
    run_to_end(BINARY, "snapshot", "--store", f"file://{directory}", *engine(sail), env=env)


def test_sail_speaks_no_tls(archive, sail):  # noqa: F811
    address = f"spark://127.0.0.1:{sail.port};use_ssl=true"
    done = run_to_end(BINARY, "snapshot", "--store", f"file://{archive.directory}/store", "--engine", address, code=1)
    assert "does not answer" in done.stderr


def test_without_sparks_client_sail_has_no_version(archive, tmp_path):  # noqa: F811
    service = start(Sail, tmp_path / "service", has_client=False)
    address = f"spark://127.0.0.1:{service.port}"
    done = run_to_end(BINARY, "snapshot", "--store", f"file://{archive.directory}/store", "--engine", address, code=1)
    assert "No module named 'pyspark'" in done.stderr
    service.stop()
