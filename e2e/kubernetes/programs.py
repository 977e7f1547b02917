"""The programs of a Kubernetes node, from package registries: built once, kept in the cache."""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))

from services.service import CACHE, Unavailable, cached, need, run  # noqa: E402

KUBERNETES = "1.37.2"
KUBE_ROUTER = "v2.1.0"
HELM = "v4.3.1"
NAMES = ("kube-apiserver", "kube-controller-manager", "kube-scheduler", "kube-proxy", "kubelet", "kubectl")
#: Program, and its Debian package.
PACKAGES = {
    "etcd": "etcd-server",
    "containerd": "containerd",
    "runc": "runc",
    "nft": "nftables",
    "dnsmasq": "dnsmasq-base",
    "iptables": "iptables",
    "ipset": "ipset",
    "conntrack": "conntrack",
    "buildah": "buildah",
    "debootstrap": "debootstrap",
    "openssl": "openssl",
    "ip": "iproute2",
    "cc": "gcc",
}
CNI = Path("/usr/lib/cni")


def packages() -> None:
    """What Debian has. Raises `Unavailable`."""
    for program, package in PACKAGES.items():
        need(program, package)
    if not (CNI / "bridge").exists():
        run("apt-get", "install", "-y", "-qq", "--no-install-recommends", "containernetworking-plugins")


def go_module(folder: Path) -> None:
    """A module that takes Kubernetes as a library: its parts have versions of their own, which only its own module replaces."""
    version = f"v{KUBERNETES}"
    (folder / "go.mod").write_text("module blotter.test/node\n\ngo 1.26\n")
    found = subprocess.run(
        ["go", "mod", "download", "-json", f"k8s.io/kubernetes@{version}"], cwd=folder, capture_output=True, text=True, check=False
    )
    if found.returncode:
        raise Unavailable(f"Kubernetes cannot be had: {found.stderr.strip() or found.stdout.strip()}")
    parts = sorted(set(re.findall(r"(k8s\.io/\S+) => \./staging/", Path(json.loads(found.stdout)["GoMod"]).read_text())))
    staged = "v0" + version.removeprefix("v1")
    lines = [f"require k8s.io/kubernetes {version}", *(f"replace {part} => {part} {staged}" for part in parts)]
    (folder / "go.mod").write_text("module blotter.test/node\n\ngo 1.26\n\n" + "\n".join(lines) + "\n")
    shutil.copy(HERE / "main.go", folder)


def kubernetes() -> Path:
    """The directory of the six programs: one binary of 200 MB under six names. Builds for some ten minutes, the first time."""
    name = f"kubernetes-{KUBERNETES}"
    with cached(name) as place:
        if place:
            need("go", "golang-go")
            print(f"kubernetes: building {KUBERNETES}, once; some ten minutes", flush=True)
            with tempfile.TemporaryDirectory(prefix="blotter-go-") as scratch:
                module = Path(scratch) / "module"
                module.mkdir()
                environment = os.environ | {"GOCACHE": f"{scratch}/cache", "CGO_ENABLED": "0", "GOFLAGS": "-mod=mod"}
                go_module(module)
                base, (major, minor, _) = "k8s.io/component-base/version", KUBERNETES.split(".")
                values = {"gitVersion": f"v{KUBERNETES}", "gitMajor": major, "gitMinor": minor, "gitTreeState": "clean"}
                flags = " ".join(["-s", "-w", *(f"-X {base}.{key}={value}" for key, value in values.items())])
                run("go", "build", "-ldflags", flags, "-o", place / "node", ".", cwd=module, env=environment)
            for each in NAMES:
                (place / each).symlink_to("node")
    return CACHE / name


def go_program(name: str, package: str, version: str) -> Path:
    """One program of the Go module proxy."""
    with cached(f"{name}-{version}") as place:
        if place:
            need("go", "golang-go")
            print(f"kubernetes: building {name} {version}, once", flush=True)
            with tempfile.TemporaryDirectory(prefix="blotter-go-") as scratch:
                environment = os.environ | {"GOBIN": str(place), "CGO_ENABLED": "0", "GOCACHE": scratch}
                run("go", "install", "-ldflags=-s -w", f"{package}@{version}", env=environment)
    return CACHE / f"{name}-{version}"


def kube_router() -> Path:
    return go_program("kube-router", "github.com/cloudnativelabs/kube-router/v2/cmd/kube-router", KUBE_ROUTER) / "kube-router"


def helm() -> Path:
    return go_program("helm", "helm.sh/helm/v4/cmd/helm", HELM) / "helm"


#: What others define, and what our manifests are tried against: a module, and its files.
DEFINITIONS = {
    "github.com/prometheus-operator/prometheus-operator@v0.85.0": [
        f"example/prometheus-operator-crd/monitoring.coreos.com_{plural}.yaml" for plural in ("podmonitors", "servicemonitors", "prometheusrules")
    ],
    "github.com/kedacore/keda/v2@v2.21.0": ["config/crd/bases/keda.sh_scaledobjects.yaml"],
    "github.com/compose-spec/compose-go/v2@v2.9.0": ["schema/compose-spec.json"],
}


def definitions() -> Path:
    """The directory of their files."""
    name = "definitions-" + hashlib.sha256(json.dumps(DEFINITIONS).encode()).hexdigest()[:12]
    with cached(name) as place:
        if place:
            need("go", "golang-go")
            for module, files in DEFINITIONS.items():
                found = subprocess.run(["go", "mod", "download", "-json", module], cwd=place, capture_output=True, text=True, check=False)
                if found.returncode:
                    raise Unavailable(f"{module} cannot be had: {found.stderr.strip() or found.stdout.strip()}")
                for file in files:
                    shutil.copy(Path(json.loads(found.stdout)["Dir"]) / file, place)
    return CACHE / name


if __name__ == "__main__":
    packages()
    print(kubernetes(), kube_router(), helm(), definitions())
