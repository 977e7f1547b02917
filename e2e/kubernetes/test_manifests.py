"""Every manifest, as strictly as it can be looked at; the chart makes the same."""

import json
import re
import shutil
import subprocess
import tempfile
from collections.abc import Sequence
from pathlib import Path

import jsonschema_rs
import pytest
import yaml
from paths import BINARY, ROOT
from node import MANIFESTS, containers, drain_deadline_s, kubectl, kustomized

import programs

#: An overlay, and the components that are used beside its own.
OVERLAYS = {
    "demo": ("demo", []),
    "production": ("production", []),
    "a Spark elsewhere": ("production", ["spark"]),
    "Spark in one pod": ("demo", ["spark-server", "spark"]),
    "Spark with executors": ("production", ["spark", "spark-server", "spark-executors"]),
}


def with_components(overlay: str, components: list[str], patches: Sequence[dict] = ()):
    """The objects of an overlay with these components before its own, whose order must not matter, and with patches of its own."""
    with tempfile.TemporaryDirectory(dir=MANIFESTS / "overlays") as folder:
        shutil.copytree(MANIFESTS / "overlays" / overlay, folder, dirs_exist_ok=True)
        path = Path(folder) / "kustomization.yaml"
        whole = yaml.safe_load(path.read_text())
        whole["components"] = [f"../../components/{name}" for name in components] + whole["components"]
        whole["patches"] = [*whole.get("patches", []), *patches]
        path.write_text(yaml.safe_dump(whole))
        return kustomized(f"overlays/{Path(folder).name}")


@pytest.fixture(scope="module", params=OVERLAYS)
def documents(request):
    return with_components(*OVERLAYS[request.param])


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
    backing = {"kafka", "s3", "influxdb", "grafana", "spark"}
    return [(name, pod) for name, pod in pods_of(documents) if name not in backing]


def test_every_role_has_a_workload(documents):
    found = {container["args"][0] for _, pod in roles(documents) for container in containers(pod)}
    assert found == {"produce", "count", "detect", "archive", "snapshot", "fetch", "serve"}


def assert_locked_down(name, pod):
    assert pod["securityContext"]["runAsNonRoot"] and pod["securityContext"]["seccompProfile"]["type"] == "RuntimeDefault", name
    for container in containers(pod):
        assert container["securityContext"]["readOnlyRootFilesystem"] and not container["securityContext"]["allowPrivilegeEscalation"]
        assert container["securityContext"]["capabilities"]["drop"] == ["ALL"]


def test_every_pod_is_locked_down(documents):
    for name, pod in roles(documents):
        assert pod["automountServiceAccountToken"] is False, name
        assert_locked_down(name, pod)
        for container in containers(pod):
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


# ----- Spark ---------------------------------------------------------------------------------------


def named(documents, kind: str, name: str):
    """An object by its name, behind which kustomize may have put a hash."""
    (found,) = [each for each in documents if each["kind"] == kind and re.fullmatch(f"{name}(-[a-z0-9]{{10}})?", each["metadata"]["name"])]
    return found


@pytest.fixture(scope="module")
def spark():
    return with_components(*OVERLAYS["Spark with executors"])


def settings_of(documents) -> dict[str, str]:
    """Of the server; a later one wins."""
    (server,) = pod_of(named(documents, "Deployment", "spark"))["containers"]
    flags = dict(each.removeprefix("--").split("=", 1) for each in server["args"] if not each.startswith("--conf="))
    return flags | dict(each.removeprefix("--conf=").split("=", 1) for each in server["args"] if each.startswith("--conf="))


@pytest.mark.parametrize("overlay", ["production", "demo"])
@pytest.mark.parametrize("components", [["spark"], ["spark", "spark-server"]], ids=["spark", "spark-server"])
def test_roles_of_spark_have_its_address_and_token(overlay, components):
    made = with_components(overlay, components)
    config = named(made, "ConfigMap", "blotter")["data"]
    assert config["BLOTTER_COUNT_ENGINE"] == config["BLOTTER_SNAPSHOT_ENGINE"] == "spark://spark:15002"
    for name, pod in roles(made):
        mounts = {mount["name"]: mount["mountPath"] for container in containers(pod) for mount in container["volumeMounts"]}
        volumes = {volume["name"]: volume for volume in pod["volumes"]}
        assert ("spark" in volumes) == ("spark" in mounts) == (name in ("count", "snapshot")), name
        if "spark" in volumes:
            (item,) = volumes["spark"]["secret"]["items"]
            assert config["SPARK_CONNECT_TOKEN_FILE"] == f"{mounts['spark']}/{item['path']}"
    policy = named(made, "NetworkPolicy", "spark")["spec"]
    assert policy["podSelector"]["matchExpressions"][0]["values"] == ["count", "snapshot"]
    assert [port["port"] for port in policy["egress"][0]["ports"]] == [15002]


def test_an_overlay_changes_the_engines():
    """By a patch: what a component generates wins over what its overlay generates."""
    engines = {"BLOTTER_COUNT_ENGINE": "embedded", "BLOTTER_SNAPSHOT_ENGINE": "spark://elsewhere:443;use_ssl=true"}
    patch = [{"op": "replace", "path": f"/data/{name}", "value": engine} for name, engine in engines.items()]
    made = with_components("production", ["spark"], [{"target": {"kind": "ConfigMap", "name": "blotter"}, "patch": json.dumps(patch)}])
    config = named(made, "ConfigMap", "blotter")
    assert engines.items() <= config["data"].items()
    for name, pod in roles(made):
        assert config["metadata"]["name"] in json.dumps(pod), name


def test_spark_and_its_executors_are_locked_down(spark):
    assert_locked_down("spark", pod_of(named(spark, "Deployment", "spark")))
    executor = yaml.safe_load(named(spark, "ConfigMap", "spark-executor")["data"]["executor.yaml"])
    assert_locked_down("executor", executor["spec"])
    assert executor["spec"]["automountServiceAccountToken"] is False


def test_parts_of_spark_fit_together(spark):
    settings, server = settings_of(spark), pod_of(named(spark, "Deployment", "spark"))["containers"][0]
    assert settings["master"].startswith("k8s://") and settings["spark.kubernetes.container.image"] == server["image"]
    # As the documentation names them, and as the tests' own server has them.
    assert settings["packages"] in (ROOT / "docs/scaling.md").read_text()
    service = named(spark, "Service", "spark-driver")
    assert settings["spark.driver.host"] == service["metadata"]["name"]
    ports = {each["name"]: str(each["port"]) for each in service["spec"]["ports"]}
    assert ports == {"driver": settings["spark.driver.port"], "blocks": settings["spark.blockManager.port"]}
    folder = next(mount["mountPath"] for mount in server["volumeMounts"] if mount["name"] == "executor")
    assert settings["spark.kubernetes.executor.podTemplateFile"] == f"{folder}/executor.yaml"
    keys = {variable["valueFrom"]["secretKeyRef"]["key"] for variable in server["env"] if "secretKeyRef" in variable.get("valueFrom", {})}
    assert keys == {"token", "aws-access-key-id", "aws-secret-access-key"}


def test_the_api_server_takes_an_executor(spark, definitions):
    namespace = next(each for each in spark if each["kind"] == "Namespace")
    kubectl("apply", "-f", "-", given=yaml.safe_dump(namespace))
    executor = yaml.safe_load(named(spark, "ConfigMap", "spark-executor")["data"]["executor.yaml"])
    executor["metadata"]["name"] = "executor"
    said = kubectl("-n", "blotter", "apply", "--dry-run=server", "--validate=strict", "-f", "-", given=yaml.safe_dump(executor), code=None)
    assert "(server dry run)" in said and "Warning" not in said and "would violate" not in said, said


# ----- the chart -----------------------------------------------------------------------------------


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
