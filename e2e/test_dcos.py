"""`deploy/dcos`: every app is valid by Marathon's own schema and starts a binary that knows its flags and variables, and the Universe
package is valid and renders to a valid app."""

from __future__ import annotations

import importlib.util
import itertools
import json
import re
import sys
from functools import cache
from pathlib import Path

import jsonschema_rs
import pystache
import pytest
from conftest import BINARY, ROOT, run_to_end
from data import SHARED

DCOS = ROOT / "deploy" / "dcos"
UNIVERSE = DCOS / "universe"
SCHEMAS = SHARED / "schemas"
ROLES = ["archive", "count", "detect", "fetch", "produce", "serve", "snapshot"]
#: Every option that names a secret.
SECRET_OPTIONS = ["city.app_token_secret", "log.sasl_password_secret", "store.credentials_secret_path", "sinks.influxdb_token_secret"]
#: Variables of the system, which are not Blotter's.
SYSTEM = {"TMPDIR"}
#: A variable that must not stand in an app with its value.
CREDENTIAL = re.compile(r"PASSWORD|TOKEN|SECRET|ACCESS_KEY|WEBHOOK")


def schema(name: str) -> jsonschema_rs.Draft4Validator:
    path = SCHEMAS / name
    if not path.exists():
        pytest.skip(f"needs the schemas of Marathon and Universe, which are not part of the repository: {name}")
    return jsonschema_rs.Draft4Validator(json.loads(path.read_text()))


def assert_valid(document: object, name: str) -> None:
    wrong = [f"{'/'.join(map(str, error.instance_path))}: {error.message}" for error in schema(name).iter_errors(document)]
    assert not wrong, wrong


def apps_module():
    spec = importlib.util.spec_from_file_location("dcos_apps", DCOS / "apps.py")
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


def app(role: str) -> dict:
    return json.loads((DCOS / "marathon" / f"{role}.json").read_text())


@cache
def defaults() -> dict:
    """What Cosmos takes where the user gives nothing."""
    config = json.loads((UNIVERSE / "config.json").read_text())
    groups = {
        group: {name: option["default"] for name, option in about["properties"].items()} for group, about in config["properties"].items()
    }
    return groups | {"resource": json.loads((UNIVERSE / "resource.json").read_text())}


def rendered(options: dict[str, object] | None = None) -> dict:
    """The package's app as Cosmos renders it: mustache, over config and resource."""
    values = json.loads(json.dumps(defaults()))
    for path, value in (options or {}).items():
        group, _, name = path.partition(".")
        assert name in values[group], path
        values[group][name] = value
    renderer = pystache.Renderer(missing_tags="strict")
    return json.loads(renderer.render((UNIVERSE / "marathon.json.mustache").read_text(), values))


@cache
def known(role: str) -> tuple[set[str], set[str]]:
    """The flags and the variables of a role: those of its help, and the credentials that the docs list."""
    text = run_to_end(BINARY, role, "--help").stdout
    table = (ROOT / "docs" / "configuration.md").read_text().partition("\n## Secrets and their like\n")[2].partition("\n## ")[0]
    assert table
    variables = set(re.findall(r"\[env: (\w+)=", text)) | set(re.findall(r"`([A-Z][A-Z0-9_]+)`", table))
    return set(re.findall(r"--[a-z][a-z-]+", text)), variables


def assert_known(app: dict) -> None:
    """The binary knows each flag and variable, and no credential stands there with its value."""
    role, *arguments = app["args"]
    flags, variables = known(role)
    assert {word for word in arguments if word.startswith("--")} <= flags
    assert app["env"].keys() - SYSTEM <= variables
    declared = app.get("secrets", {})
    for name, value in app["env"].items():
        if isinstance(value, dict):
            assert value["secret"] in declared, name
        else:
            assert not CREDENTIAL.search(name), f"{name} must be a secret"
    assert declared.keys() == {value["secret"] for value in app["env"].values() if isinstance(value, dict)}


def deadline_s() -> int:
    """So long a role has after SIGTERM."""
    text = (ROOT / "crates" / "runtime" / "src" / "signals.rs").read_text()
    return int(re.search(r"const DEADLINE: Duration = Duration::from_secs\((\d+)\);", text).group(1))


def assert_runs_well(app: dict) -> None:
    """Its health is checked where it listens, and it has time to close."""
    assert app["taskKillGracePeriodSeconds"] > deadline_s()
    (port,) = app["container"]["portMappings"]
    listen = app["env"].get("BLOTTER_LISTEN") or app["env"]["BLOTTER_OPS_LISTEN"]
    assert listen == f"0.0.0.0:{port['containerPort']}"
    assert [(check["path"], check["portIndex"]) for check in app["healthChecks"]] == [("/healthz", 0)]
    assert [(check["path"], check["portName"]) for check in app["readinessChecks"]] == [("/readyz", port["name"])]


def test_there_is_an_app_for_each_role_as_the_generator_makes_it():
    module = apps_module()
    made = module.files(module.Site())
    assert sorted(made) == [f"{role}.json" for role in ROLES]
    assert {path.name: path.read_text() for path in (DCOS / "marathon").iterdir()} == made, "run `python3 deploy/dcos/apps.py`"


@pytest.mark.parametrize("role", ROLES)
def test_app_starts_a_binary_that_knows_its_flags_and_variables(role):
    assert app(role)["args"][0] == role
    assert_known(app(role))
    assert_runs_well(app(role))


@pytest.mark.parametrize("role", ROLES)
def test_app_is_valid_by_the_schema_of_marathon(role):
    assert_valid(app(role), "marathon-app.schema.json")


def test_roles_that_run_once_stop_before_the_next_one_starts():
    for role in ROLES:
        strategy = app(role)["upgradeStrategy"]
        assert strategy["maximumOverCapacity"] == 0
        assert strategy["minimumHealthCapacity"] == (0 if role in ("produce", "detect", "archive", "snapshot") else 0.5), role


def test_fetch_writes_where_serve_reads_on_the_same_agents():
    fetch, serve = app("fetch"), app("serve")
    assert fetch["args"][fetch["args"].index("--to") + 1] == serve["args"][serve["args"].index("--snapshots") + 1]
    (written,), (read,) = (each["container"]["volumes"] for each in (fetch, serve))
    assert (written["hostPath"], written["mode"], read["mode"]) == (read["hostPath"], "RW", "RO")
    assert fetch["constraints"] == serve["constraints"] and fetch["instances"] == serve["instances"]


def test_package_renders_with_its_defaults_to_an_app_that_starts_the_demo():
    app = rendered()
    assert app["args"] == ["demo"] and not app["secrets"]
    assert_known(app)
    assert_runs_well(app)


@pytest.mark.parametrize("given", [each for count in range(5) for each in itertools.combinations(SECRET_OPTIONS, count)], ids="+".join)
def test_package_renders_to_a_valid_app_with_any_secrets(given):
    others = {
        "city.data": "https://data.example/crimes.csv?a=1&b=2", "log.url": "kafka://broker:9092", "store.url": "s3://crime/chicago",
        "log.security_protocol": "SASL_SSL", "log.sasl_mechanism": "SCRAM-SHA-512", "log.sasl_username": "blotter",
        "store.endpoint": "http://s3:9000", "sinks.urls": "influxdb://influxdb:8086/crimes?version=2&org=city,kairosdb://kairosdb:8080",
        "service.virtual_host": "map.example",
    }  # fmt: skip
    app = rendered(others | {option: f"mine/{option}" for option in given})
    assert_known(app)
    assert app["env"]["BLOTTER_SINKS"] == others["sinks.urls"] and app["args"] == ["demo", "--data", others["city.data"]]
    assert len(app["secrets"]) == len(given) + ("store.credentials_secret_path" in given)
    assert_valid(app, "marathon-app.schema.json")


def test_package_with_its_defaults_is_valid_by_the_schema_of_marathon():
    assert_valid(rendered(), "marathon-app.schema.json")


@pytest.mark.parametrize(
    ("file", "name"), [("package.json", "package-schema.json"), ("resource.json", "v3-resource-schema.json"), ("config.json", "config-schema.json")]
)
def test_package_is_valid_by_the_schemas_of_universe(file, name):
    document = json.loads((UNIVERSE / file).read_text())
    assert_valid(document, f"universe/{name}")
    assert document.get("packagingVersion", "4.0") == "4.0"


def test_defaults_are_valid_by_the_package_s_own_configuration():
    given = {group: values for group, values in defaults().items() if group != "resource"}
    jsonschema_rs.Draft4Validator(json.loads((UNIVERSE / "config.json").read_text())).validate(given)


def test_docs_list_every_option_with_its_default():
    rows = dict(re.findall(r"^\| `([a-z]+\.[a-z_]+)` \| (.+?) \|", (ROOT / "docs" / "dcos.md").read_text(), re.M))
    shown = {
        f"{group}.{name}": "empty" if value == "" else f"`{value}`"
        for group, values in defaults().items() if group != "resource" for name, value in values.items()
    }  # fmt: skip
    assert rows == shown


def test_schemas_refuse_what_is_wrong():
    """A check that accepts everything would prove nothing."""
    for change in ({"instances": "two"}, {"unknown": 1}, {"id": ""}):
        assert not schema("marathon-app.schema.json").is_valid(app("serve") | change)
    package = json.loads((UNIVERSE / "package.json").read_text())
    assert not schema("universe/package-schema.json").is_valid({name: value for name, value in package.items() if name != "maintainer"})


def test_generator_writes_the_operator_s_values(tmp_path):
    run_to_end(sys.executable, DCOS / "apps.py", "--log", "kafka://mine:9092", "--endpoint", "http://s3:9000", "--output", tmp_path)
    written = {path.stem: json.loads(path.read_text()) for path in Path(tmp_path).iterdir()}
    assert sorted(written) == ROLES
    assert written["count"]["env"]["BLOTTER_LOG"] == "kafka://mine:9092"
    assert written["fetch"]["env"]["AWS_ENDPOINT_URL"] == "http://s3:9000"
