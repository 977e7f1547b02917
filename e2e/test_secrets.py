"""Secrets open doors and are never shown: a full run on parts that ask for a password, and runs that are refused."""

import urllib.error
import urllib.parse
import urllib.request
import uuid

import pytest
from cluster import Cluster, simulated, start
from conftest import Server
from data import SODA
from services.s3 import SECRET_KEY
from services.service import wait_until
from sinks import in_influxdb
from webhook import Receiver

PASSWORD = f"pw-{uuid.uuid4().hex}"
TOKEN = f"token-{uuid.uuid4().hex}"
#: Everything that must never be shown, as it is and as it is said in a header.
SECRETS = [PASSWORD, TOKEN, SECRET_KEY]


def assert_hidden(text: str, where: str) -> None:
    for secret in SECRETS:
        assert secret not in text, f"a secret is shown in {where}"


@pytest.fixture(scope="module")
def locked(tmp_path_factory):
    """A broker, an S3 server and an InfluxDB that want to know who asks."""
    directory = tmp_path_factory.mktemp("locked")
    kafka = start("kafka", directory / "kafka", login=("blotter", PASSWORD))
    s3 = start("s3", directory / "s3")
    influxdb = start("influxdb", directory / "influxdb", auth=True)
    statement = f"CREATE USER me WITH PASSWORD '{PASSWORD}' WITH ALL PRIVILEGES"
    body = urllib.parse.urlencode({"q": statement}).encode()
    urllib.request.urlopen(f"http://127.0.0.1:{influxdb.port}/query", body, timeout=30).read()
    yield kafka, s3, influxdb
    for service in (kafka, s3, influxdb):
        service.stop()


@pytest.fixture
def receiver():
    receiver = Receiver()
    yield receiver
    receiver.stop()


@pytest.fixture
def cluster(locked, receiver, tmp_path):
    kafka, s3, influxdb = locked
    cluster = Cluster(tmp_path, kafka.port, s3.port, (f"influxdb://127.0.0.1:{influxdb.port}/crimes?version=1",))
    files = {}
    for name, secret in (("kafka", PASSWORD), ("s3", SECRET_KEY)):
        files[name] = tmp_path / name
        files[name].write_text(secret + "\n")
    files["webhook"] = tmp_path / "webhook"
    files["webhook"].write_text(receiver.url(f"/hooks/{PASSWORD}?token={TOKEN}") + "\n")
    config = tmp_path / "blotter.toml"
    config.write_text('[[rule]]\nname = "any"\nq = 1.0\nminimum = 1\nwebhook_env = "HOOK"\n')
    del cluster.aws["AWS_SECRET_ACCESS_KEY"]
    cluster.aws |= {
        "AWS_SECRET_ACCESS_KEY_FILE": str(files["s3"]),
        "KAFKA_SECURITY_PROTOCOL": "SASL_PLAINTEXT",
        "KAFKA_SASL_MECHANISM": "PLAIN",
        "KAFKA_SASL_USERNAME": "blotter",
        "KAFKA_SASL_PASSWORD_FILE": str(files["kafka"]),
        "INFLUXDB_USERNAME": "me",
        "INFLUXDB_PASSWORD": PASSWORD,
        "KAIROSDB_PASSWORD": PASSWORD,
        "BLOTTER_APP_TOKEN": TOKEN,
        "BLOTTER_CONFIG": str(config),
        "HOOK_FILE": str(files["webhook"]),
        # All that there is to say, of our own and of every library.
        "BLOTTER_TRACE": "trace",
        "BLOTTER_LOG_FORMAT": "json",
    }
    return cluster


def answers(url: str, paths: list[str]) -> str:
    """What an address says to each path, headers included."""
    said = []
    for path in paths:
        try:
            with urllib.request.urlopen(url + path, timeout=30) as answer:
                said.append(f"{answer.headers}{answer.read().decode(errors='replace')}")
        except urllib.error.HTTPError as error:
            said.append(f"{error.headers}{error.read().decode(errors='replace')}")
    return "\n".join(said)


def test_a_full_run_never_shows_a_secret(cluster, locked, blotter, tmp_path):
    data = simulated(tmp_path, 5_000)
    with data.open("a") as file:
        file.write(f"no date here,{uuid.uuid4().hex}\n")
    operated = ["--ops-listen", "127.0.0.1:0"]
    roles = [cluster.spawn(blotter, "produce", "--data", data, *operated)]
    roles += [cluster.spawn(blotter, role, *more, *operated) for role, *more in (
        ["online"], ["archive"], ["snapshot", "--every", "1"], ["fetch", "--every", "1"])]
    serve = cluster.spawn(blotter, "serve")
    serve.wait_for_address()
    serve.wait_until_caught_up()
    url = f"http://127.0.0.1:{locked[2].port}"
    sent = lambda: sum(in_influxdb(locked[2].port, "crimes", u="me", p=PASSWORD).values())  # noqa: E731
    wait_until(lambda: sent() == 5_000, f"{url} has every count", progress=sent)
    paths = ["/api/v1/meta", "/api/v1/peaks?as=said", "/api/v1/rejected", "/openapi.json", "/metrics", "/healthz", "/readyz", "/api/v1/nothing", "/"]
    assert_hidden(answers(serve.url, paths), "the API")
    # A source that goes on: a day each day.
    roles.append(cluster.spawn(blotter, "produce", "--data", simulated(tmp_path, 1_000, seed=2), "--speed", "1", *operated))
    for role in roles[1:]:
        metrics = role.wait_for_line(r"(http://\S+)/metrics")[1]
        assert_hidden(answers(metrics, ["/metrics", "/readyz", "/healthz"]), "metrics")
    for role in [*roles, serve]:
        if role.process.poll() is None:
            role.process.terminate()
        assert role.wait() == 0, role.output[-5000:]
        assert any("TRACE" in line for line in role.lines), "so much is said that something could be shown"
        assert_hidden(role.output, f"the log of {role.process.args[1]}")
    # Nor in what is kept.
    for role in ("counts", "rejected"):
        assert_hidden(cluster.run(role), role)
    manifests = [path.read_text() for path in cluster.local.rglob("*.json")]
    assert manifests
    assert_hidden("\n".join(manifests), "the snapshot")


def test_a_webhooks_address_is_never_shown(blotter, receiver, sample, tmp_path):
    config = tmp_path / "blotter.toml"
    config.write_text('[[rule]]\nname = "any"\nq = 1.0\nminimum = 1\nwebhook_env = "HOOK"\n')
    address = tmp_path / "webhook"
    address.write_text(receiver.url(f"/hooks/{PASSWORD}?token={TOKEN}") + "\n")
    # Years, so that something can be expected and there is something to tell.
    data = sample(SODA)
    demo = blotter(
        "demo", "--listen", "127.0.0.1:0", "--dir", tmp_path / "blotter", "--data", data, "--config", config,
        env={"HOOK_FILE": str(address), "BLOTTER_TRACE": "trace"},
    )  # fmt: skip
    demo.wait_for_address()
    # Some are refused before, and some are not answered.
    wait_until(lambda: receiver.requests > 15, "the webhook is told", progress=lambda: receiver.requests)
    assert {path for path, _, _ in receiver.taken} == {f"/hooks/{PASSWORD}?token={TOKEN}"}
    assert_hidden(answers(demo.url, ["/metrics", "/api/v1/peaks?as=said", "/api/v1/meta"]), "the API")
    demo.process.terminate()
    assert demo.wait() == 0, demo.output[-5000:]
    assert any("the webhook gets it later" in line for line in demo.lines)
    assert any("TRACE" in line for line in demo.lines)
    assert_hidden(demo.output, "the log")


def refused(*arguments, **environment) -> str:
    """What a run says that cannot succeed: until it ends, or, where it waits until somebody mends that, of two attempts."""
    run = Server(*map(str, arguments), env={"BLOTTER_TRACE": "trace"} | {name: str(value) for name, value in environment.items()})
    attempts = lambda: sum(" WARN " in line for line in list(run.lines))  # noqa: E731
    try:
        wait_until(lambda: run.process.poll() is not None or attempts() >= 2, "a refusal", progress=attempts)
        assert run.process.poll() in (None, 1, 2), run.output
    finally:
        run.kill()
    run.wait()
    assert run.output
    return run.output


@pytest.mark.parametrize("url", [
    ["--log", f"kafka://me:{PASSWORD}@127.0.0.1:1", "--store", "file:///tmp/x"],
    ["--log", f"kafka://127.0.0.1:1?sasl.password={PASSWORD}", "--store", "file:///tmp/x"],
    ["--log", "kafka://127.0.0.1:1", "--store", f"s3://key:{PASSWORD}@bucket/x"],
    ["--log", "kafka://127.0.0.1:1", "--store", f"s3://bucket/x?secret={PASSWORD}"],
    ["--log", "kafka://127.0.0.1:1", "--store", "file:///tmp/x", "--sink", f"influxdb://me:{PASSWORD}@127.0.0.1/x"],
    ["--log", "kafka://127.0.0.1:1", "--store", "file:///tmp/x", "--sink", f"influxdb://127.0.0.1/x?token={PASSWORD}"],
    ["--log", "kafka://127.0.0.1:1", "--store", "file:///tmp/x", "--sink", f"kairosdb://me:{PASSWORD}@127.0.0.1"],
], ids=lambda words: words[-1].split(":")[0])  # fmt: skip
def test_a_secret_in_a_url_is_refused_and_not_repeated(url):
    assert_hidden(refused("online", *url), str(url).replace(PASSWORD, "…"))


@pytest.mark.parametrize("text", [
    f'sasl_password = "{PASSWORD}"\n',
    f'[online]\npassword = "{PASSWORD}"\n',
    f'log = "kafka://me:{PASSWORD}@127.0.0.1:1"\nstore = "file:///tmp/x"\n',
    f'log = "kafka://127.0.0.1:1" {PASSWORD}\n',
    f'[online\npassword = "{PASSWORD}"\n',
    f'[[rule]]\nname = "a"\nwebhook = "https://hooks.example/{PASSWORD}"\n',
    f'[[rule]]\nname = "a"\nwebhook_env = "https://hooks.example/{PASSWORD}"\n',
], ids=range(7))  # fmt: skip
def test_a_secret_in_the_file_is_refused_and_not_repeated(text, tmp_path):
    path = tmp_path / "blotter.toml"
    path.write_text(text)
    assert_hidden(refused("--config", path, "online", "--store", "file:///tmp/x"), text.replace(PASSWORD, "…"))


def test_a_wrong_secret_is_refused_and_not_repeated(locked, tmp_path):
    kafka, s3, influxdb = locked
    wrong = {"KAFKA_SECURITY_PROTOCOL": "SASL_PLAINTEXT", "KAFKA_SASL_MECHANISM": "PLAIN", "KAFKA_SASL_USERNAME": "blotter"}
    said = refused("counts", "--log", f"kafka://127.0.0.1:{kafka.port}", **wrong, KAFKA_SASL_PASSWORD=TOKEN)
    assert "KAFKA_SASL_PASSWORD" in said, said
    assert_hidden(said, "the broker's refusal")
    aws = {"AWS_ENDPOINT_URL": f"http://127.0.0.1:{s3.port}", "AWS_REGION": "us-east-1", "AWS_ACCESS_KEY_ID": "blotter-test-key"}
    for credentials in ({"AWS_SECRET_ACCESS_KEY": TOKEN}, {"AWS_SECRET_ACCESS_KEY": SECRET_KEY, "AWS_SESSION_TOKEN": TOKEN}):
        said = refused("fetch", "--store", "s3://blotter/x", "--to", tmp_path, **aws, **credentials)
        assert_hidden(said, "the store's refusal")
