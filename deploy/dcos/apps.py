"""The Marathon apps of Blotter on DC/OS: one app for each role.

    python3 deploy/dcos/apps.py                                      # writes deploy/dcos/marathon/*.json
    python3 deploy/dcos/apps.py --log kafka://broker:9092 --store s3://crime/chicago --output my-apps

The committed files are made with the defaults of this file; a test compares them. Credentials are names of secrets in the secret store
of DC/OS. No option takes a password.
"""

from __future__ import annotations

import argparse
import json
from dataclasses import dataclass, field
from pathlib import Path

HERE = Path(__file__).resolve().parent
#: The metrics, health and readiness of every role but `serve`, which has them at its own address.
OPS_PORT = 9090
MAP_PORT = 8080
#: Longer than a role takes to close after SIGTERM: 25 s, and then it ends by itself.
KILL_GRACE_S = 40
#: `fetch` writes here and `serve` reads here. It is a directory of the agent, so both roles run on the same agents.
SHARED_DIRECTORY = "/var/lib/blotter"
#: The agents with `MESOS_ATTRIBUTES=blotter_map:true` run `fetch` and `serve`.
MAP_AGENTS = ["blotter_map", "LIKE", "true"]

#: Environment variable of a credential, and its secret below `--secrets`.
STORE_SECRETS = {"AWS_ACCESS_KEY_ID": "aws-access-key-id", "AWS_SECRET_ACCESS_KEY": "aws-secret-access-key"}
SINK_SECRETS = {"INFLUXDB_TOKEN": "influxdb-token"}
SOURCE_SECRETS = {"BLOTTER_APP_TOKEN": "portal-app-token"}


@dataclass(frozen=True)
class Site:
    """What differs from one cluster to the next."""

    image: str = "ghcr.io/blotter-project/blotter:0.1.0"
    group: str = "/blotter"
    city: str = "chicago"
    log: str = "kafka://broker.kafka.l4lb.thisdcos.directory:9092"
    store: str = "s3://blotter/chicago"
    endpoint: str = ""
    region: str = "us-east-1"
    sink: str = "influxdb://influxdb.marathon.l4lb.thisdcos.directory:8086/crimes"
    secrets: str = "blotter"


@dataclass(frozen=True)
class Role:
    """One role: what it needs of the machine and of the other parts."""

    name: str
    cpus: float
    mem_mib: int
    disk_mib: int = 64
    instances: int = 1
    arguments: tuple[str, ...] = ()
    city: bool = True
    log: bool = False
    store: bool = False
    sinks: bool = False
    #: A second process of the role would fence the first one: an update stops the old one first.
    is_single: bool = True
    #: Where it shares a directory of the agent: `RW` or `RO`.
    shared: str = ""
    secrets: dict[str, str] = field(default_factory=dict)


ROLES = (
    Role("produce", cpus=0.5, mem_mib=1024, disk_mib=2048, log=True, store=True, secrets=STORE_SECRETS | SOURCE_SECRETS),
    Role("count", cpus=0.5, mem_mib=1024, instances=2, log=True, store=True, is_single=False, secrets=STORE_SECRETS),
    Role("detect", cpus=0.5, mem_mib=1024, log=True, sinks=True, secrets=SINK_SECRETS),
    Role("archive", cpus=0.5, mem_mib=1536, log=True, store=True, secrets=STORE_SECRETS),
    Role("snapshot", cpus=1, mem_mib=3072, store=True, arguments=("--every", "300"), secrets=STORE_SECRETS),
    Role(
        "fetch", cpus=0.1, mem_mib=256, instances=2, city=False, store=True, is_single=False, shared="RW",
        arguments=("--to", f"{SHARED_DIRECTORY}/snapshots", "--every", "60"), secrets=STORE_SECRETS,
    ),
    Role(
        "serve", cpus=1, mem_mib=2048, instances=2, log=True, is_single=False, shared="RO",
        arguments=("--snapshots", f"{SHARED_DIRECTORY}/snapshots"),
    ),
)  # fmt: skip


def environment(role: Role, site: Site) -> dict[str, object]:
    """The configuration: by environment, and credentials by the name of their secret."""
    port = MAP_PORT if role.name == "serve" else OPS_PORT
    # The sandbox of the task is writable, whatever the image is.
    found: dict[str, object] = {"BLOTTER_LOG_FORMAT": "json", "TMPDIR": "/mnt/mesos/sandbox"}
    found["BLOTTER_LISTEN" if role.name == "serve" else "BLOTTER_OPS_LISTEN"] = f"0.0.0.0:{port}"
    for wanted, name, value in (
        (role.city, "BLOTTER_CITY", site.city),
        (role.log, "BLOTTER_LOG", site.log),
        (role.store, "BLOTTER_STORE", site.store),
        (role.store, "AWS_REGION", site.region),
        (role.store and site.endpoint, "AWS_ENDPOINT_URL", site.endpoint),
        (role.sinks and site.sink, "BLOTTER_SINKS", site.sink),
    ):
        if wanted:
            found[name] = value
    return found | {variable: {"secret": secret} for variable, secret in role.secrets.items()}


def health(path: str) -> dict[str, object]:
    """A process that does not answer is restarted. One that waits for another part answers: a restart would not help it."""
    return {
        "protocol": "MESOS_HTTP",
        "path": path,
        "portIndex": 0,
        "gracePeriodSeconds": 60,
        "intervalSeconds": 10,
        "timeoutSeconds": 5,
        "maxConsecutiveFailures": 6,
    }


def app(role: Role, site: Site) -> dict[str, object]:
    """The Marathon app of a role."""
    is_map = role.name == "serve"
    port, name = (MAP_PORT, "map") if is_map else (OPS_PORT, "ops")
    address = site.group.strip("/").replace("/", "-")
    container: dict[str, object] = {
        "type": "MESOS",
        "docker": {"image": site.image},
        "portMappings": [
            {
                "containerPort": port,
                "hostPort": 0,
                "protocol": "tcp",
                "name": name,
                **({"labels": {"VIP_0": f"/{address}:80"}} if is_map else {}),
            }
        ],
    }
    if role.shared:
        container["volumes"] = [{"containerPath": SHARED_DIRECTORY, "hostPath": SHARED_DIRECTORY, "mode": role.shared}]
    constraints = [["hostname", "UNIQUE"], MAP_AGENTS] if role.shared else [["hostname", "GROUP_BY"]] if role.instances > 1 else []
    found: dict[str, object] = {
        "id": f"{site.group}/{role.name}",
        "instances": role.instances,
        "cpus": role.cpus,
        "mem": role.mem_mib,
        "disk": role.disk_mib,
        "args": [role.name, *role.arguments],
        "env": environment(role, site),
        "container": container,
        "networks": [{"mode": "container/bridge"}],
        "healthChecks": [health("/healthz")],
        "readinessChecks": [
            {"name": "ready", "protocol": "HTTP", "path": "/readyz", "portName": name, "intervalSeconds": 10, "timeoutSeconds": 5}
        ],
        # One at a time: of a role that exists once the old process ends before the new one starts.
        "upgradeStrategy": {"minimumHealthCapacity": 0 if role.is_single else 0.5, "maximumOverCapacity": 0},
        "taskKillGracePeriodSeconds": KILL_GRACE_S,
        "backoffSeconds": 1,
        "backoffFactor": 2,
        "maxLaunchDelaySeconds": 60,
        "unreachableStrategy": {"inactiveAfterSeconds": 60, "expungeAfterSeconds": 300},
        "labels": {"blotter": role.name, "prometheus_path": "/metrics"},
    }
    if constraints:
        found["constraints"] = constraints
    if role.secrets:
        found["secrets"] = {secret: {"source": f"{site.secrets}/{secret}"} for secret in role.secrets.values()}
    return found


def files(site: Site) -> dict[str, str]:
    """The text of each app's file, by its name."""
    return {f"{role.name}.json": json.dumps(app(role, site), indent=2) + "\n" for role in ROLES}


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name, value in vars(Site()).items():
        arguments.add_argument(f"--{name}", default=value, help=f"default: {value or 'none'}")
    arguments.add_argument("--output", type=Path, default=HERE / "marathon", help="directory to write to")
    given = vars(arguments.parse_args())
    directory = given.pop("output")
    directory.mkdir(parents=True, exist_ok=True)
    for name, text in files(Site(**given)).items():
        (directory / name).write_text(text)


if __name__ == "__main__":
    main()
