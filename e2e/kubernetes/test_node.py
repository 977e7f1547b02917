"""Blotter on a real Kubernetes node, as the overlay `demo` deploys it: what pods go through, with a visitor who notices.

The tests go in the order of this file, on one deployment.
"""

import base64
import json
import os
import signal
import subprocess
import time
from pathlib import Path

import duckdb
import node
import pytest
from conftest import BINARY, run_to_end
from deltalake import DeltaTable
from node import ADDRESS, NAMESPACE, PARTS, Visitor, get, is_ready, kubectl, logs, meta, pods, restarts, settle, wait_until
from paths import ROOT
from services.registry import SERVICES

#: Role, container, and the Deployment of both.
CONTAINERS = [
    ("produce", "produce"), ("count", "count"), ("detect", "detect"), ("archive", "archive"), ("map", "serve"), ("map", "fetch"),
]  # fmt: skip
#: As the overlay's Secret has them.
KEY_ID, SECRET = "blotter", "blotter-demo-only"
#: A city of its own for the load.
LOAD_LOG, LOAD_STORE = "kafka://kafka:9092/load.", "s3://blotter/load"


@pytest.fixture(scope="module", autouse=True)
def parts(tmp_path_factory):
    """Kafka, an S3 server and InfluxDB, on the node's address."""
    directory = tmp_path_factory.mktemp("parts")
    started = []
    try:
        for name, (_, port) in PARTS.items():
            SERVICES[name].provision()
            service = SERVICES[name](directory / name, address=(ADDRESS, port))
            if name == "s3":
                service.variables = lambda: {"ROOT_ACCESS_KEY": KEY_ID, "ROOT_SECRET_KEY": SECRET}
            service.start()
            started.append(service)
        yield
    finally:
        for service in reversed(started):
            service.stop()


@pytest.fixture(scope="module")
def url(parts):
    """The map, once it shows a snapshot."""
    node.import_images()
    node.name_parts()
    began = time.monotonic()
    node.apply(node.demo(["--simulate", "20000", "--simulate-rate", "50"]))
    for deployment in ("produce", "count", "detect", "archive", "map"):
        assert get("deployment", deployment)["spec"]["replicas"] == 1
    address = None

    def shows():
        nonlocal address
        address = address or node.map_url()
        found = meta(address)
        return found and found["incidents"]["total"] >= 20_000

    wait_until(shows, "the map shows the city")
    print(f"from nothing to the first map: {time.monotonic() - began:.1f} s")
    wait_until(lambda: meta(address)["snapshot"]["version"] is not None, "a snapshot has come through S3 and fetch")
    print(f"to the first snapshot: {time.monotonic() - began:.1f} s")
    return address


def test_every_role_is_ready(url):
    for deployment in ("produce", "count", "detect", "archive", "map"):
        settle(deployment)
    (pod,) = pods("map")
    # Data locality: the web app and the fetcher share the pod and its volume.
    assert [each["name"] for each in pod["spec"]["initContainers"]] == ["fetch"]
    assert "snapshot" in logs("map", "fetch")


def test_each_container_survives_a_kill(url):
    for role, container in CONTAINERS:
        before = restarts(role, container)
        (pod,) = pods(role)
        for process in node.processes(pod, container):
            os.kill(process, signal.SIGKILL)
        wait_until(lambda role=role, container=container, before=before: restarts(role, container) > before, f"{container} is started again")
    for role in {role for role, _ in CONTAINERS}:
        wait_until(lambda role=role: all(map(is_ready, pods(role))), f"{role} is ready again")
    # A pod may be called ready for a moment as it was before.
    wait_until(lambda: meta(url) is not None, "the map answers again")
    shown = meta(url)["incidents"]["total"]
    wait_until(lambda: (found := meta(url)) is not None and found["incidents"]["total"] > shown, "the map goes on")


def test_too_little_memory_ends_the_container_and_nothing_else(url):
    kubectl("-n", NAMESPACE, "set", "resources", "deployment/detect", "--limits=memory=8Mi", "--requests=memory=8Mi")

    def killed():
        states = [each["status"].get("containerStatuses", [{}])[0] for each in pods("detect")]
        ends = [state.get(key, {}).get("terminated", {}).get("reason") for state in states for key in ("state", "lastState")]
        return "OOMKilled" in ends

    wait_until(killed, "detect is ended for its memory")
    assert is_ready(pods("map")[0]) and is_ready(pods("count")[0])
    kubectl("-n", NAMESPACE, "rollout", "undo", "deployment/detect")
    settle("detect")


def roll_out(image: str, code: int) -> str:
    """The command that the release workflow runs."""
    done = subprocess.run([ROOT / "scripts/roll-out", image], env=os.environ | {"TIMEOUT": "20s"}, capture_output=True, text=True, check=False)
    assert done.returncode == code, f"{done.stdout}\n{done.stderr}\n{node.state()}"
    return done.stdout + done.stderr


def images() -> set[str]:
    found = get("deployments")["items"]
    return {container["image"] for each in found for container in node.containers(each["spec"]["template"]["spec"])}


def test_a_bad_image_is_rolled_back_and_nobody_notices(url):
    before = images()
    with Visitor(url) as visitor:
        said = roll_out("registry.test/blotter:none", code=1)
        assert "map is not ready" in said and "going back" in said, said
    assert images() == before
    settle("map")
    assert visitor.asked and not visitor.failed, visitor.failed[:5]


def rotate(key_id: str, secret: str) -> float:
    data = {"aws-access-key-id": key_id, "aws-secret-access-key": secret}
    node.apply(
        [
            {
                "apiVersion": "v1",
                "kind": "Secret",
                "metadata": {"name": "blotter-store", "namespace": NAMESPACE},
                "data": {name: base64.b64encode(value.encode()).decode() for name, value in data.items()},
            }
        ]
    )
    return time.monotonic()


def test_credentials_are_rotated_without_a_restart(url):
    """With bad credentials a role says so, and the map serves on. Good ones are used as soon as they are there."""
    wait_until(lambda: all(is_ready(pods(role)[0]) for role, _ in CONTAINERS), "every role is ready")
    before = {container: restarts(role, container) for role, container in CONTAINERS}

    def fetched():
        return logs("map", "fetch").count("was there already") + logs("map", "fetch").count("is in")

    with Visitor(url) as visitor:
        since = rotate(KEY_ID, "wrong")
        wait_until(lambda: "credentials are refused" in logs("map", "fetch"), "fetch says that its credentials are refused", 60)
        print(f"bad credentials were used after {time.monotonic() - since:.1f} s")
        assert is_ready(pods("map")[0]), "its snapshot is good"
        wait_until(lambda: "credentials are refused" in logs("archive"), "archive says that its credentials are refused", 60)
        before_that = fetched()
        since = rotate(KEY_ID, SECRET)
        wait_until(lambda: fetched() > before_that, "fetch uses the good ones", 60)
        print(f"good credentials were used after {time.monotonic() - since:.1f} s")
        wait_until(lambda: is_ready(pods("archive")[0]), "archive goes on")
    assert {container: restarts(role, container) for role, container in CONTAINERS} == before, "nothing was restarted"
    assert not visitor.failed, visitor.failed[:5]


def test_a_drain_leaves_a_pod_that_serves(url):
    kubectl("-n", NAMESPACE, "scale", "deployment/map", "--replicas=2")
    settle("map")
    with Visitor(url) as visitor:
        said = kubectl(
            "drain", "test", "--pod-selector=app.kubernetes.io/component=map", "--delete-emptydir-data", "--ignore-daemonsets", "--timeout=25s",
            code=None,
        )  # fmt: skip
        assert "Cannot evict pod as it would violate the pod's disruption budget" in said, said
        assert [is_ready(each) for each in pods("map")].count(True) == 1, "one is gone, one stays, a third has no node"
        kubectl("uncordon", "test")
        settle("map")
    assert not visitor.failed, visitor.failed[:5]
    kubectl("-n", NAMESPACE, "scale", "deployment/map", "--replicas=1")
    settle("map")


def probe(name: str, labels: dict[str, str]) -> None:
    """A pod of our image that asks Kafka for the counts, again and again."""
    pod = get("deployment", "count")["spec"]["template"]["spec"]
    container = pod["containers"][0] | {"name": "probe", "args": ["counts", "--log", "kafka://kafka:9092"]}
    for key in ("livenessProbe", "readinessProbe", "ports"):
        container.pop(key, None)
    # The policies of a new pod take effect a moment after it has begun.
    later = container | {"name": "later", "args": ["simulate", "--incidents", "1000000", "--output", "/tmp/later.csv"]}
    pod["volumes"] = [each | ({"emptyDir": {}} if "emptyDir" in each else {}) for each in pod["volumes"]]
    node.apply(
        [
            {
                "apiVersion": "v1",
                "kind": "Pod",
                "metadata": {"name": name, "namespace": NAMESPACE, "labels": labels},
                "spec": pod | {"initContainers": [later], "containers": [container], "topologySpreadConstraints": []},
            }
        ]
    )


def ends(name: str) -> set[int]:
    """With which codes its container has ended last."""
    statuses = get("pod", name)["status"].get("containerStatuses", [])
    found = [each.get(key, {}).get("terminated") for each in statuses for key in ("state", "lastState")]
    return {each["exitCode"] for each in found if each}


def test_a_connection_that_no_policy_allows_fails(url):
    probe("allowed", {"app.kubernetes.io/name": "blotter", "app.kubernetes.io/component": "count", "pod-template-hash": "none"})
    probe("stranger", {"app.kubernetes.io/name": "blotter", "app.kubernetes.io/component": "snapshot"})
    wait_until(lambda: 0 in ends("allowed"), "a pod that may reach Kafka has its counts")
    wait_until(lambda: ends("stranger") - {0}, "a pod that may not reach Kafka gives up")
    assert ends("allowed") == {0}
    # It may have begun again.
    said = "".join(kubectl("-n", NAMESPACE, "logs", "stranger", "-c", "probe", *which, code=None) for which in ([], ["--previous"]))
    assert "Kafka at kafka:9092" in said, said[-2000:]
    kubectl("-n", NAMESPACE, "delete", "pod", "allowed", "stranger", "--grace-period=0", "--force", code=None)


def archived() -> dict[str, int]:
    """Of the records of the archive: their number, their places in the log, incidents, the deleted of them, and the span of the ids' numbers."""
    options = {
        "AWS_ENDPOINT_URL": f"http://{ADDRESS}:{PARTS['s3'][1]}", "AWS_REGION": "us-east-1", "AWS_ACCESS_KEY_ID": KEY_ID,
        "AWS_SECRET_ACCESS_KEY": SECRET, "AWS_ALLOW_HTTP": "true", "AWS_CONDITIONAL_PUT": "etag",
    }  # fmt: skip
    rows = DeltaTable(f"{LOAD_STORE}/incidents", storage_options=options).to_pyarrow_table(columns=["id", "partition", "offset", "deleted"])
    db = duckdb.connect()
    db.register("rows", rows)
    found = db.execute(
        'SELECT count(*), count(DISTINCT ("partition", "offset")), count(DISTINCT id), count(DISTINCT id) FILTER (deleted), '
        "max(id::BIGINT) - min(id::BIGINT) + 1 FROM rows"
    ).fetchone()
    return dict(zip(("records", "places", "incidents", "deleted", "span"), found, strict=True))


def counted() -> int:
    lines = run_to_end(BINARY, "counts", "--log", f"kafka://{ADDRESS}:{PARTS['kafka'][1]}/load.").stdout.splitlines()[1:]
    return sum(int(line.rsplit(",", 1)[1]) for line in lines)


def test_every_role_is_updated_under_load_and_nothing_is_lost(url):
    """At 2,000 incidents a second: nothing is lost or doubled, no request fails."""
    everything = ("map", "count", "archive", "detect", "produce")
    node.apply(node.demo(["--simulate", "20000", "--simulate-rate", "2000"], {"BLOTTER_LOG": LOAD_LOG, "BLOTTER_STORE": LOAD_STORE}))
    node.roll(*everything)
    wait_until(lambda: (found := meta(url)) and found["incidents"]["total"] > 30_000, "the load is there")
    began, before = time.monotonic(), meta(url)["incidents"]["total"]
    with Visitor(url) as visitor:
        for deployment in everything:
            node.roll(deployment)
        wait_until(lambda: meta(url)["incidents"]["total"] > before + 20_000, "it goes on")
    rate = (meta(url)["incidents"]["total"] - before) / (time.monotonic() - began)
    print(f"{visitor.asked} requests, {len(visitor.failed)} failed; {rate:.0f} incidents a second came through the update")
    assert not visitor.failed, visitor.failed[:5]
    # The source stops; what it has said is what there is.
    kubectl("-n", NAMESPACE, "scale", "deployment/produce", "--replicas=0")
    wait_until(lambda: not get("pods", selector="app.kubernetes.io/component=produce")["items"], "produce has ended")
    total = 0

    def still():
        nonlocal total
        last, total = total, meta(url)["incidents"]["total"]
        return meta(url)["caught_up"] and last == total

    wait_until(still, "the map has all")
    wait_until(lambda: counted() == total, "count has all")
    wait_until(lambda: (found := archived())["incidents"] - found["deleted"] == total, f"archive has all {total}")
    found = archived()
    print(f"{total} incidents on the map, {found} in the archive")
    assert found["records"] == found["places"], "no record is archived twice"
    assert found["incidents"] == found["span"], "the simulator numbers its incidents: none is missing"


def test_every_line_of_a_log_is_json(url):
    for role, container in CONTAINERS:
        if role != "produce":
            lines = logs(role, container).splitlines()
            assert lines and all({"timestamp", "level"} <= json.loads(line).keys() for line in lines), lines[:5]


def test_a_role_ends_by_itself_when_asked(url):
    """Its last words are there: one that is killed at the end of the grace period has none."""
    (pod,) = pods("count")
    follow = ["kubectl", "-n", NAMESPACE, "logs", "--follow", "--tail=1", pod["metadata"]["name"]]
    with subprocess.Popen(follow, stdout=subprocess.PIPE, text=True) as log:
        kubectl("-n", NAMESPACE, "delete", "pod", pod["metadata"]["name"], "--wait=true")
        last = log.stdout.readlines()[-1]
    assert "counted to" in last
    settle("count")
