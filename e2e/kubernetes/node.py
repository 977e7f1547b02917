"""What the tests ask of the node, and how Blotter gets there."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any

import yaml

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))

from paths import ROOT  # noqa: E402

MANIFESTS = ROOT / "deploy/kubernetes"
NAMESPACE = "blotter"
#: The node's address on the bridge of the pods, where the servers of the tests listen.
ADDRESS = "10.244.0.1"
#: Service, its address in the cluster, and the port.
PARTS = {"kafka": ("10.96.0.50", 9092), "s3": ("10.96.0.51", 7070), "influxdb": ("10.96.0.52", 8086)}
PATIENCE_S = 120


def kubectl(*arguments: str, given: str | None = None, code: int | None = 0) -> str:
    """What it printed; both streams where another end than a good one is looked at."""
    done = subprocess.run(["kubectl", *arguments], input=given, capture_output=True, text=True, check=False)
    if code is None:
        return done.stdout + done.stderr
    assert done.returncode == code, f"kubectl {' '.join(arguments)}: {done.returncode}\n{done.stdout}\n{done.stderr}"
    return done.stdout


def get(kind: str, name: str = "", selector: str = "") -> Any:
    chosen = [name] if name else []
    return json.loads(kubectl("-n", NAMESPACE, "get", kind, *chosen, *(["-l", selector] if selector else []), "-o", "json"))


def containers(pod: dict[str, Any]) -> list[dict[str, Any]]:
    """Of a pod's specification."""
    return [*pod.get("initContainers", []), *pod["containers"]]


def pods(role: str) -> list[dict[str, Any]]:
    """Of a role, those that are not about to end."""
    found = get("pods", selector=f"app.kubernetes.io/component={role}")["items"]
    return [each for each in found if "deletionTimestamp" not in each["metadata"]]


def is_ready(pod: dict[str, Any]) -> bool:
    return any(each["type"] == "Ready" and each["status"] == "True" for each in pod["status"].get("conditions", []))


def wait_until(condition: Callable[[], Any], what: str, patience_s: float = PATIENCE_S) -> Any:
    """Asks again until the answer is true, and returns it."""
    until = time.monotonic() + patience_s
    while not (found := condition()):
        assert time.monotonic() < until, f"never {what}\n{state()}"
        time.sleep(0.2)  # the interval of asking, not a hope: the condition decides
    return found


def state() -> str:
    """What a failed test shows."""
    parts = [kubectl("-n", NAMESPACE, "get", "pods", "-o", "wide", code=None), kubectl("-n", NAMESPACE, "get", "events", code=None)[-3000:]]
    for pod in get("pods")["items"]:
        parts.append(kubectl("-n", NAMESPACE, "logs", "--all-containers", "--tail=8", pod["metadata"]["name"], code=None))
    return "\n".join(parts)


def roll(*deployments: str) -> None:
    """Makes every pod of a deployment anew, and waits until the new ones are ready."""
    for name in deployments:
        kubectl("-n", NAMESPACE, "rollout", "restart", f"deployment/{name}")
    for name in deployments:
        settle(name)


def settle(deployment: str) -> None:
    said = kubectl("-n", NAMESPACE, "rollout", "status", f"deployment/{deployment}", f"--timeout={PATIENCE_S}s", code=None)
    assert "successfully rolled out" in said, f"{said}\n{state()}"


def kustomized(folder: str) -> list[dict[str, Any]]:
    return [each for each in yaml.safe_load_all(kubectl("kustomize", str(MANIFESTS / folder))) if each]


def demo(produce: list[str], settings: dict[str, str] | None = None) -> list[dict[str, Any]]:
    """The overlay `demo`, with other settings. Its Kafka, S3 and InfluxDB are servers of the tests: no image of them can be had here."""
    made = []
    for each in kustomized("overlays/demo"):
        kind, name = each["kind"], each["metadata"]["name"]
        if name in ("grafana", "backing-services") or (kind == "Deployment" and name in PARTS):
            continue
        if kind == "Service" and name in PARTS:
            cluster_ip, port = PARTS[name]
            each["spec"] = {"clusterIP": cluster_ip, "ports": [{"port": port}]}
            made.append(
                {
                    "apiVersion": "discovery.k8s.io/v1",
                    "kind": "EndpointSlice",
                    "metadata": {"name": name, "namespace": NAMESPACE, "labels": {"kubernetes.io/service-name": name}},
                    "addressType": "IPv4",
                    "endpoints": [{"addresses": [ADDRESS]}],
                    "ports": [{"port": port}],
                }
            )
        if kind == "ConfigMap":
            each["data"] |= settings or {}
        if kind == "Deployment" and name == "produce":
            each["spec"]["template"]["spec"]["containers"][0]["args"] = ["produce", *produce]
        made.append(each)
    return made


def apply(documents: list[dict[str, Any]]) -> None:
    kubectl("apply", "-f", "-", given=yaml.safe_dump_all(documents))


def map_url() -> str:
    return f"http://{get('service', 'map')['spec']['clusterIP']}"


def meta(url: str) -> dict[str, Any] | None:
    try:
        with urllib.request.urlopen(f"{url}/api/v1/meta", timeout=10) as answer:
            return json.loads(answer.read())
    except OSError:
        return None


class Visitor:
    """Somebody who asks the map all the time, each time by a new connection. What goes wrong is kept."""

    def __init__(self, url: str):
        self.url, self.asked, self.failed = url, 0, []
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._ask, daemon=True)

    def _ask(self) -> None:
        while not self._ended.wait(0.05):
            try:
                with urllib.request.urlopen(f"{self.url}/api/v1/series?by=category&bucket=month", timeout=30) as answer:
                    answer.read()
            except OSError as error:
                self.failed.append(f"{time.strftime('%X')}: {error!r}")
            self.asked += 1

    def __enter__(self) -> Visitor:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._thread.join()


def processes(pod: dict[str, Any], container: str) -> list[int]:
    """Of a container, as the node numbers them."""
    statuses = pod["status"].get("containerStatuses", []) + pod["status"].get("initContainerStatuses", [])
    full = next(each["containerID"] for each in statuses if each["name"] == container).partition("//")[2]
    found = []
    for place in Path("/proc").iterdir():
        try:
            if place.name.isdigit() and full in (place / "cgroup").read_text():
                found.append(int(place.name))
        except OSError:
            continue
    return found


def restarts(role: str, container: str) -> int:
    statuses = [
        each
        for pod in pods(role)
        for each in pod["status"].get("containerStatuses", []) + pod["status"].get("initContainerStatuses", [])
        if each["name"] == container
    ]
    return sum(each["restartCount"] for each in statuses)


def logs(role: str, container: str | None = None) -> str:
    (pod,) = pods(role)
    return kubectl("-n", NAMESPACE, "logs", pod["metadata"]["name"], *(["-c", container] if container else []))


def import_images() -> None:
    for archive in sorted(Path(os.environ["BLOTTER_TEST_IMAGES"]).glob("*.tar")):
        subprocess.run(
            ["ctr", "--address", "/run/containerd/containerd.sock", "--namespace", "k8s.io", "images", "import", str(archive)],
            check=True, capture_output=True,
        )  # fmt: skip


def name_parts() -> None:
    """The names of the tests' servers, as the cluster's DNS would say them."""
    folder = Path(os.environ["BLOTTER_TEST_NODE"]) / "hosts"
    lines = [f"{address} {name}.{NAMESPACE}.svc.cluster.local" for name, (address, _) in PARTS.items()]
    (folder / "parts").write_text("\n".join(lines) + "\n")


def drain_deadline_s() -> int:
    """So long a role may take to close after SIGTERM."""
    text = (ROOT / "crates/runtime/src/signals.rs").read_text()
    return int(re.search(r"DEADLINE: Duration = Duration::from_secs\((\d+)\)", text)[1])
