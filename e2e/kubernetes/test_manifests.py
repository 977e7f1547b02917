"""Every manifest, as strictly as it can be looked at; the chart makes the same."""

import json
import subprocess

import jsonschema_rs
import pytest
import yaml
from paths import BINARY, ROOT
from node import MANIFESTS, containers, drain_deadline_s, kubectl, kustomized

import programs

OVERLAYS = ["overlays/demo", "overlays/production"]


@pytest.fixture(scope="module", params=OVERLAYS)
def documents(request):
    return kustomized(request.param)


def pod_of(document):
    spec = document.get("spec", {})
    if document["kind"] == "CronJob":
        spec = spec["jobTemplate"]["spec"]
    return spec["template"]["spec"] if "template" in spec else None


def pods_of(documents):
    """Of Blotter's own roles: name and pod."""
    for each in documents:
        pod = pod_of(each)
        if pod and each["spec"].get("template", each).get("metadata", {}).get("labels", {}).get("app.kubernetes.io/name", "blotter") == "blotter":
            yield each["metadata"]["name"], pod


def roles(documents):
    backing = {"kafka", "s3", "influxdb", "grafana"}
    return [(name, pod) for name, pod in pods_of(documents) if name not in backing]


def test_every_role_has_a_workload(documents):
    found = {container["args"][0] for _, pod in roles(documents) for container in containers(pod)}
    assert found == {"produce", "count", "detect", "archive", "snapshot", "fetch", "serve"}


def test_every_pod_is_locked_down(documents):
    for name, pod in roles(documents):
        assert pod["automountServiceAccountToken"] is False, name
        assert pod["securityContext"]["runAsNonRoot"] and pod["securityContext"]["seccompProfile"]["type"] == "RuntimeDefault", name
        for container in containers(pod):
            assert container["securityContext"]["readOnlyRootFilesystem"] and not container["securityContext"]["allowPrivilegeEscalation"]
            assert container["securityContext"]["capabilities"]["drop"] == ["ALL"]
            assert container["resources"]["limits"]["memory"] and container["resources"]["requests"]["cpu"]


def test_a_pod_has_longer_to_close_than_a_role_takes(documents):
    for name, pod in roles(documents):
        waits = [each.get("lifecycle", {}).get("preStop", {}).get("sleep", {}).get("seconds", 0) for each in containers(pod)]
        assert pod["terminationGracePeriodSeconds"] >= max(waits) + drain_deadline_s() + 5, name


def test_secrets_are_files(documents):
    for name, pod in roles(documents):
        for container in containers(pod):
            for variable in container.get("env", []):
                assert "secretKeyRef" not in json.dumps(variable), f"{name}: {variable}"
            for source in container.get("envFrom", []):
                assert "secretRef" not in source, name


@pytest.fixture(scope="session")
def definitions():
    """The custom resources, defined on the real API server."""
    for path in sorted(programs.definitions().glob("*.yaml")):
        kubectl("apply", "--server-side", "-f", str(path))
    kubectl("wait", "--for=condition=Established", "crd", "--all", "--timeout=60s")


def test_the_api_server_takes_every_manifest(documents, definitions):
    namespace = next(each for each in documents if each["kind"] == "Namespace")
    # What a dry run puts into a namespace, the namespace must be there for.
    kubectl("apply", "-f", "-", given=yaml.safe_dump(namespace))
    others = [each for each in documents if each is not namespace]
    said = kubectl("apply", "--dry-run=server", "--validate=strict", "-f", "-", given=yaml.safe_dump_all(others), code=None)
    assert said.count("(server dry run)") == len(others), said
    assert "Warning" not in said and "would violate" not in said, said


def test_keda_takes_the_scaled_object(definitions):
    scaled = (MANIFESTS / "components/keda/count.yaml").read_text()
    said = kubectl("-n", "blotter", "apply", "--dry-run=server", "--validate=strict", "-f", "-", given=scaled, code=None)
    assert "(server dry run)" in said and "Warning" not in said, said


def test_what_is_generated_is_what_the_generator_makes():
    import sys

    sys.path.insert(0, str(MANIFESTS))
    import generate

    for path, text in generate.files().items():
        assert path.read_text() == text, f"{path}: run deploy/kubernetes/generate.py"
    made = generate.chart()
    there = {str(path.relative_to(generate.CHART)): path.read_text() for path in generate.CHART.rglob("*") if path.is_file()}
    assert there == made, "run deploy/kubernetes/generate.py"


def helm(*arguments: str) -> str:
    return subprocess.run([programs.helm(), *arguments], check=True, capture_output=True, text=True).stdout


def plain(document):
    """Without what each of the two says in its own way: the name of the configuration, whose manager it is, the default pull policy."""
    text = json.dumps(document)
    for name in {source["configMapRef"]["name"] for _, pod in pods_of([document]) for each in containers(pod) for source in each.get("envFrom", [])}:
        text = text.replace(f'"{name}"', '"blotter"')
    document = json.loads(text)
    metadata = document["metadata"]
    metadata.get("labels", {}).pop("app.kubernetes.io/managed-by", None)
    for key in ("labels", "annotations"):
        if not metadata.get(key):
            metadata.pop(key, None)
    if document["kind"] == "ConfigMap":
        metadata["name"] = "blotter"
    document.get("spec", {}).get("template", {}).get("metadata", {}).pop("annotations", None)
    if pod := pod_of(document):
        for container in containers(pod):
            container.pop("imagePullPolicy", None)
            if container.get("env") is None:
                container.pop("env", None)
            container.get("env", []).sort(key=lambda each: each["name"])
            container["volumeMounts"].sort(key=lambda each: each["name"])
        pod["volumes"].sort(key=lambda each: each["name"])
    return document


def test_the_chart_makes_the_same_as_the_overlay():
    chart = MANIFESTS.parent / "helm/blotter"
    helm("lint", "--strict", str(chart))
    made = [each for each in yaml.safe_load_all(helm("template", "blotter", str(chart), "--namespace", "blotter")) if each]
    theirs = [each for each in kustomized("overlays/production") if each["kind"] != "Namespace"]

    def by_name(documents):
        return {(each["kind"], each["metadata"]["name"]): each for each in map(plain, documents)}

    assert by_name(made) == by_name(theirs)


@pytest.mark.parametrize("values", [
    ["autoscaling.enabled=false", "ingress.enabled=false", "monitoring.enabled=false"],
    ["secrets.store=", "secrets.influxdb=", "secrets.portal=", "secrets.kafka=mine"],
    ["ingress.className=nginx", "image.digest=sha256:0123", "ingress.annotations.a=b"],
], ids=range(3))  # fmt: skip
def test_the_chart_is_valid_with_other_values(values, definitions):
    chart = MANIFESTS.parent / "helm/blotter"
    made = helm("template", "blotter", str(chart), "--namespace", "blotter", *(f"--set={each}" for each in values))
    said = kubectl("apply", "--dry-run=server", "--validate=strict", "-f", "-", given=made, code=None)
    assert said.count("(server dry run)") == len([each for each in yaml.safe_load_all(made) if each]), said
    assert "Warning" not in said, said


# ----- compose -------------------------------------------------------------------------------------


def compose():
    return yaml.safe_load((MANIFESTS.parent / "compose.yaml").read_text())


def test_compose_is_what_its_schema_describes():
    schema = json.loads((programs.definitions() / "compose-spec.json").read_text())
    jsonschema_rs.validate(schema, compose())


def test_compose_has_every_role_and_flags_that_there_are():
    own = {name: each for name, each in compose()["services"].items() if "blotter" in each["image"]}
    commands = [each["command"] if isinstance(each["command"], list) else each["command"].split() for each in own.values()]
    assert {command[0] for command in commands} == {"produce", "count", "detect", "archive", "snapshot", "fetch", "serve"}
    for role, *flags in commands:
        known = subprocess.run([BINARY, role, "--help"], check=True, capture_output=True, text=True).stdout
        for flag in flags:
            assert not flag.startswith("--") or flag in known, f"{role} {flag}"
    variables = {name for each in own.values() for name in each["environment"] if name.startswith("BLOTTER_")}
    every = subprocess.run([BINARY, "openapi", "--help"], check=True, capture_output=True, text=True).stdout + (ROOT / "docs/configuration.md").read_text()
    assert all(name in every for name in variables), variables


def test_the_demos_of_compose_and_kubernetes_use_the_same_images():
    kubernetes = {
        container["image"].removeprefix("docker.io/").removeprefix("library/")
        for each in kustomized("overlays/demo") if (pod := pod_of(each)) for container in containers(pod)
    }  # fmt: skip
    assert {each["image"] for each in compose()["services"].values()} == kubernetes
