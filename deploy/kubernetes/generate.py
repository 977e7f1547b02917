"""Writes what is made from other files: the alerts as a PrometheusRule, Grafana's files for the demo, and the Helm chart.

    python3 deploy/kubernetes/generate.py            # needs kubectl and PyYAML

The chart is `overlays/production` with `components/kafka-credentials`, whose values became parameters. A test compares the files, and what the
chart makes with its defaults with what kustomize makes.
"""

from __future__ import annotations

import re
import shutil
import subprocess
import tempfile
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import yaml

HERE = Path(__file__).resolve().parent
DEPLOY = HERE.parent
CHART = DEPLOY / "helm/blotter"
NOTE = "# Made by deploy/kubernetes/generate.py; a test compares it.\n"
VERSION = "0.1.0"

#: Volume of a Secret, and the variables of the pods that name its files.
SECRETS = {
    "store": ("AWS_ACCESS_KEY_ID_FILE", "AWS_SECRET_ACCESS_KEY_FILE"),
    "influxdb": ("INFLUXDB_TOKEN_FILE",),
    "portal": ("BLOTTER_APP_TOKEN_FILE",),
    "kafka": ("KAFKA_SASL_PASSWORD_FILE", "KAFKA_SSL_CA_LOCATION", "KAFKA_SECURITY_PROTOCOL", "KAFKA_SASL_MECHANISM"),
}
#: Kinds that stand in the chart only where a value is true.
OPTIONAL = {
    "HorizontalPodAutoscaler": "autoscaling.enabled",
    "Ingress": "ingress.enabled",
    "ServiceMonitor": "monitoring.enabled",
    "PodMonitor": "monitoring.enabled",
    "PrometheusRule": "monitoring.enabled",
}
COMMENTS = {
    "image": "The image of all roles. A digest is preferred to a tag.",
    "config": "What every role reads from its environment: docs/configuration.md. No secret.",
    "secrets": "Names of Secrets that exist; empty: none. Their files are read anew when they change. docs/kubernetes.md says which keys each has.",
    "serviceAccount": "Annotations, such as the role of a pod identity.",
    "replicas": "Of `count`, only where autoscaling is off.",
    "autoscaling": "Counters by their lag, through an external metric.",
    "monitoring": "For the Prometheus operator.",
}


class Dumper(yaml.SafeDumper):
    """Lists indented below their key, and no aliases."""

    def increase_indent(self, flow=False, indentless=False):
        return super().increase_indent(flow, False)

    def ignore_aliases(self, data):
        return True


def text_of(document: Any) -> str:
    return yaml.dump(document, Dumper=Dumper, sort_keys=False, width=1000, allow_unicode=True)


def kustomize(folder: Path) -> list[dict[str, Any]]:
    """The objects of an overlay."""
    made = subprocess.run(["kubectl", "kustomize", str(folder)], check=True, capture_output=True, text=True).stdout
    return [each for each in yaml.safe_load_all(made) if each]


def prometheus_rule() -> str:
    rules = yaml.safe_load((DEPLOY / "prometheus/rules.yaml").read_text())
    return NOTE + text_of(
        {"apiVersion": "monitoring.coreos.com/v1", "kind": "PrometheusRule", "metadata": {"name": "blotter"}, "spec": rules}
    )


def grafana_files() -> str:
    folder = DEPLOY / "grafana"
    paths = ("provisioning/datasources/influxdb.yaml", "provisioning/dashboards/blotter.yaml", "dashboards/crimes-influxdb.json")
    data = {Path(path).name: (folder / path).read_text() for path in paths}
    return NOTE + text_of({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "grafana"}, "data": data})


# ----- the chart -----------------------------------------------------------------------------------


def of_values(path: str) -> str:
    return f"@@{{{{ .Values.{path} }}}}@@"


def block(path: str) -> str:
    """A value that is more than a scalar."""
    return f"@@yaml .Values.{path}@@"


def only_if(condition: str, items: Iterable[Any]) -> list[Any]:
    """Items of a list, where a value is true."""
    return [f"@@{{{{- if {condition} }}}}@@", *items, "@@{{- end }}@@"]


def parametrise_pod(pod: dict[str, Any], values: dict[str, Any]) -> None:
    """A pod's image, resources and secrets become values."""
    for container in [*pod.get("initContainers", []), *pod["containers"]]:
        for source in container["envFrom"]:
            source["configMapRef"]["name"] = "blotter"
        container["image"] = '@@{{ include "blotter.image" . }}@@'
        container["imagePullPolicy"] = of_values("image.pullPolicy")
        values["resources"][container["name"]] = container["resources"]
        container["resources"] = block(f"resources.{container['name']}")
        for name, variables in SECRETS.items():
            for key, belongs in (
                ("env", lambda each, variables=variables: each["name"] in variables),
                ("volumeMounts", lambda each, name=name: each["name"] == name),
            ):
                container[key] = wrapped(container.get(key, []), f".Values.secrets.{name}", belongs)
        if not container["env"]:
            del container["env"]
    for name in SECRETS:
        for volume in pod["volumes"]:
            if isinstance(volume, dict) and volume["name"] == name:
                values["secrets"][name] = "" if name == "kafka" else volume["secret"]["secretName"]
                volume["secret"]["secretName"] = of_values(f"secrets.{name}")
        pod["volumes"] = wrapped(pod["volumes"], f".Values.secrets.{name}", lambda each, name=name: each["name"] == name)


def wrapped(items: list[Any], condition: str, belongs) -> list[Any]:
    """The items that belong to a secret, together and behind a condition."""
    mine = [each for each in items if isinstance(each, dict) and belongs(each)]
    others = [each for each in items if each not in mine]
    return others + only_if(condition, mine) if mine else others


def parametrise(document: dict[str, Any], values: dict[str, Any]) -> dict[str, Any]:
    kind, metadata = document["kind"], document["metadata"]
    name, spec = metadata["name"], document.get("spec", {})
    metadata["namespace"] = "@@{{ .Release.Namespace }}@@"
    metadata["labels"] = metadata.get("labels", {}) | {"app.kubernetes.io/managed-by": "@@{{ .Release.Service }}@@"}
    if kind == "ConfigMap":
        metadata["name"] = "blotter"
        values["config"] = document["data"]
        document["data"] = block("config")
    elif kind == "ServiceAccount":
        metadata["annotations"] = block("serviceAccount.annotations")
    elif kind == "Deployment":
        template = spec["template"]
        template["metadata"]["annotations"] = {"blotter/config": "@@{{ toJson .Values.config | sha256sum }}@@"}
        if name == "count":
            values["replicas"]["count"] = 2
            document["spec"] = {"@@if not .Values.autoscaling.enabled@@": None, "replicas": of_values("replicas.count"), "@@end@@": None} | spec
        elif name == "map":
            values["replicas"]["map"] = spec["replicas"]
            spec["replicas"] = of_values("replicas.map")
        parametrise_pod(template["spec"], values)
    elif kind == "CronJob":
        values["snapshot"] = {"schedule": spec["schedule"]}
        spec["schedule"] = "@@{{ .Values.snapshot.schedule | quote }}@@"
        parametrise_pod(spec["jobTemplate"]["spec"]["template"]["spec"], values)
    elif kind == "HorizontalPodAutoscaler":
        values["autoscaling"] = {"enabled": True, "minReplicas": spec["minReplicas"], "maxReplicas": spec["maxReplicas"]}
        spec["minReplicas"], spec["maxReplicas"] = of_values("autoscaling.minReplicas"), of_values("autoscaling.maxReplicas")
    elif kind == "Ingress":
        rule, (tls,) = spec["rules"][0], spec["tls"]
        values["ingress"] = {"enabled": True, "className": "", "host": rule["host"], "tlsSecret": tls["secretName"], "annotations": {}}
        metadata["annotations"] = block("ingress.annotations")
        rule["host"], tls["hosts"] = of_values("ingress.host"), [of_values("ingress.host")]
        tls["secretName"] = of_values("ingress.tlsSecret")
        document["spec"] = {
            "@@if .Values.ingress.className@@": None,
            "ingressClassName": of_values("ingress.className"),
            "@@end@@": None,
        } | spec
    return document


def template_of(document: dict[str, Any], condition: str | None) -> str:
    """The text of a template: marks become expressions."""
    text = text_of(document)
    # What Prometheus fills in is not Helm's.
    text = re.sub(r"(?<!@@)\{\{(?! include)(.*?)\}\}(?!@@)", r'{{ "{{" }}\1{{ "}}" }}', text)
    text = re.sub(r"^ *'@@if (.*?)@@': null$", r"  {{- if \1 }}", text, flags=re.M)
    text = re.sub(r"^ *'@@end@@': null$", r"  {{- end }}", text, flags=re.M)
    text = re.sub(r"^( *)- '@@(\{\{-.*?\}\})@@'$", r"\1\2", text, flags=re.M)
    text = re.sub(
        r"^( *)(- )?(\w+): '@@yaml (.*?)@@'$",
        lambda found: f"{found[1]}{found[2] or ''}{found[3]}:\n{found[1]}{'  ' if found[2] else ''}  "
        f"{{{{- toYaml {found[4]} | nindent {len(found[1]) + (2 if found[2] else 0) + 2} }}}}",
        text,
        flags=re.M,
    )
    text = re.sub(r"'?@@(\{\{.*?\}\})@@'?", r"\1", text)
    assert "@@" not in text, text
    return text if condition is None else f"{{{{- if .Values.{condition} }}}}\n{text}{{{{- end }}}}\n"


def values_text(values: dict[str, Any]) -> str:
    parts = [f"# {COMMENTS[key]}\n{text_of({key: value})}" if key in COMMENTS else text_of({key: value}) for key, value in values.items()]
    return NOTE + "\n" + "\n".join(parts)


def chart() -> dict[str, str]:
    """The files of the chart, by their path in it."""
    with tempfile.TemporaryDirectory(dir=HERE / "overlays") as folder:
        path = Path(folder)
        shutil.copytree(HERE / "overlays/production", path, dirs_exist_ok=True)
        whole = yaml.safe_load((path / "kustomization.yaml").read_text())
        whole["components"].append("../../components/kafka-credentials")
        (path / "kustomization.yaml").write_text(text_of(whole))
        documents = kustomize(path)
    values: dict[str, Any] = {
        "image": {"repository": "ghcr.io/blotter-project/blotter", "tag": VERSION, "digest": "", "pullPolicy": "IfNotPresent"},
        "config": {},
        "secrets": {},
        "serviceAccount": {"annotations": {}},
        "replicas": {},
        "snapshot": {},
        "resources": {},
        "autoscaling": {},
        "ingress": {},
        "monitoring": {"enabled": True},
    }
    files = {}
    for document in documents:
        kind, name = document["kind"], document["metadata"]["name"]
        if kind == "Namespace":
            continue
        if kind == "ConfigMap":
            name = "blotter"
        files[f"templates/{kind.lower()}-{name}.yaml"] = NOTE + template_of(parametrise(document, values), OPTIONAL.get(kind))
    files["templates/_helpers.tpl"] = (
        '{{- define "blotter.image" -}}\n'
        "{{ .Values.image.repository }}{{ if .Values.image.digest }}@{{ .Values.image.digest }}{{ else }}:{{ .Values.image.tag }}{{ end }}\n"
        "{{- end }}\n"
    )
    files["templates/NOTES.txt"] = (
        "Blotter is being installed. The map, once its first snapshot is there:\n\n"
        "  kubectl --namespace {{ .Release.Namespace }} port-forward service/map 8080:80\n\n"
        "and http://127.0.0.1:8080 in a browser.\n"
    )
    files["Chart.yaml"] = NOTE + text_of(
        {
            "apiVersion": "v2",
            "name": "blotter",
            "description": "Maps a city's open crime data: what is peaking now, and where the hot spots have been",
            "type": "application",
            "version": VERSION,
            "appVersion": VERSION,
            "kubeVersion": ">=1.32.0-0",
            "home": "https://github.com/blotter-project/blotter",
            "maintainers": [{"name": "the Blotter authors"}],
        }
    )
    files["values.yaml"] = values_text(values)
    return files


def files() -> dict[Path, str]:
    """Every file that is made, by its path."""
    return {
        HERE / "components/prometheus/rules.yaml": prometheus_rule(),
        HERE / "components/backing-services/grafana-files.yaml": grafana_files(),
    }


def main() -> None:
    for path, text in files().items():
        path.write_text(text)
    # The chart is made from the overlays, which read those.
    shutil.rmtree(CHART, ignore_errors=True)
    for name, text in chart().items():
        path = CHART / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)


if __name__ == "__main__":
    main()
