"""The counts by Spark are right in the end, also if a counter, Spark, the broker or the S3 server is killed."""

import pytest
from cluster import Cluster, Embedded, assert_same, finish, simulated, start, state
from proxy import Proxy, Trap, ends_transaction
from services.service import cpu_steps, wait_until
from sparks import assert_never_half, by_spark, started

SIMULATED = 40_000
#: Times faster than it happened: the data lasts longer than all that is done to it.
SLOWLY = "15000"
#: What the role says of Spark, Kafka or S3 while they are away.
TROUBLE = (r"going on from what is durable", r"is tried again", r"housekeeping failed")


@pytest.fixture
def own(tmp_path):
    """Servers that may be killed, and a proxy that sees the commits of count."""
    proxy = Proxy(frames=True)
    kafka, s3 = start("kafka", tmp_path / "kafka", advertised=proxy.port), start("s3", tmp_path / "s3")
    proxy.target = kafka.port
    deployment = Cluster(tmp_path, proxy.port, s3.port)
    service = started(tmp_path / "own-spark", store=deployment.aws)
    yield deployment, service, kafka, s3, proxy
    proxy.close()
    for server in (service, kafka, s3):
        server.stop()


def test_kill_whoever_at_any_step(own, blotter, tmp_path):
    cluster, service, kafka, s3, proxy = own
    data = simulated(tmp_path, SIMULATED)
    alone = Embedded(tmp_path / "alone")
    alone.run("produce", "--data", data, "--until-caught-up")
    finish(alone)
    expect = state(alone)
    engine = by_spark(f"spark://127.0.0.1:{service.port}")
    spawn = lambda role, *arguments: cluster.spawn(blotter, role, *arguments, expect=TROUBLE)  # noqa: E731
    produce = spawn("produce", "--data", str(data), "--speed", SLOWLY)
    archive = spawn("archive")
    count = spawn("count", *engine)

    def commits(least: int = 1) -> None:
        """Count commits so often more."""
        for _ in range(least):
            seen = Trap(ends_transaction("count/"), "after", lambda: None)
            proxy.trap = seen
            wait_until(seen.has_sprung.is_set, "count commits", count.process)

    commits()
    # The role, before, during and after its commit.
    for moment in ("before", "during", "after"):
        trap = Trap(ends_transaction("count/"), moment, count.kill)
        proxy.trap = trap
        wait_until(trap.has_sprung.is_set, f"count is killed {moment} its commit")
        count = spawn("count", *engine)
        commits()
    # Spark, in the middle of a batch.
    before = cpu_steps(service.process)
    wait_until(lambda: cpu_steps(service.process) > before, "Spark is at work", count.process)
    service.kill()
    count.wait_for_line("going on from what is durable")
    service.start()
    commits()
    # Two at once: one of them is killed, the other has all.
    second = spawn("count", *engine)
    second.wait_for_line("partitions are taken over|count by Spark")
    commits()
    count.kill()
    count = second
    commits(2)
    # The broker, in the middle of a commit: it is waited for.
    trap = Trap(ends_transaction("count/"), "during", kafka.kill)
    proxy.trap = trap
    wait_until(trap.has_sprung.is_set, "the broker is killed", count.process)
    kafka.start()
    commits()
    s3.kill()
    count.wait_for_line("going on from what is durable")
    s3.start()
    commits()
    for role in (produce, archive, count):
        role.stop()
    cluster.run("produce", "--data", data, "--speed", "1e12", "--until-caught-up")
    cluster.run("count", "--until-caught-up", *engine)
    finish(cluster)
    assert_same(state(cluster), expect)
    assert assert_never_half(cluster, kafka.port) > 10
