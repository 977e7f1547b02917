"""What only somebody can mend is waited for and said: refused credentials, a missing bucket, a full volume. What works stays ready.

A command that somebody has just typed ends with the reason instead: `test_secrets.py`.
"""

import subprocess
import urllib.error
import urllib.request

import pytest
from cluster import start
from conftest import BINARY, run_to_end
from services.s3 import ACCESS_KEY, BUCKET, SECRET_KEY
from services.service import wait_until


@pytest.fixture(scope="module")
def s3(tmp_path_factory):
    service = start("s3", tmp_path_factory.mktemp("s3"))
    yield service
    service.stop()


@pytest.fixture
def credentials(s3, tmp_path):
    """Their files, and the variables that name them."""
    files = {"AWS_ACCESS_KEY_ID": tmp_path / "key", "AWS_SECRET_ACCESS_KEY": tmp_path / "secret"}
    for (_, path), text in zip(files.items(), (ACCESS_KEY, SECRET_KEY), strict=True):
        path.write_text(text)
    return {"AWS_ENDPOINT_URL": f"http://127.0.0.1:{s3.port}", "AWS_REGION": "us-east-1"} | {
        f"{name}_FILE": str(path) for name, path in files.items()
    }


def is_ready(server) -> bool:
    try:
        with urllib.request.urlopen(f"{server.url}/readyz", timeout=30) as answer:
            return answer.status == 200
    except urllib.error.HTTPError as error:
        assert error.code == 503
        return False


@pytest.fixture
def snapshots(credentials, tmp_path):
    """A store with an archive and a snapshot; takes another one after each call."""
    log, store = f"embedded:{tmp_path}/log", f"s3://{BUCKET}/{tmp_path.name}"

    def take(incidents: int) -> str:
        run_to_end(BINARY, "produce", "--log", log, "--simulate", incidents, "--seed", incidents, "--until-caught-up", env=credentials)
        run_to_end(BINARY, "archive", "--log", log, "--store", store, "--until-caught-up", env=credentials)
        run_to_end(BINARY, "snapshot", "--store", store, env=credentials)
        return store

    return take


def test_fetch_waits_for_good_credentials_and_stays_ready(snapshots, credentials, tmp_path, blotter):
    store, secret = snapshots(300), tmp_path / "secret"
    fetch = ["fetch", "--store", store, "--to", tmp_path / "local", "--every", "1", "--ops-listen", "127.0.0.1:0"]
    server = blotter(*fetch, env=credentials, expect=("credentials are refused", "it waits"))
    server.wait_for_address()
    wait_until(lambda: is_ready(server), "its snapshot is here", server.process)
    secret.write_text("wrong")
    server.wait_for_line("ERROR.*credentials are refused.*it waits, and tries again in 1 s")
    assert is_ready(server), "its snapshot is good"
    # A process that begins now finds the snapshot that is here, and waits, too.
    server.stop()
    again = blotter(*fetch, env=credentials, expect=("credentials are refused", "it waits"))
    again.wait_for_address()
    again.wait_for_line("ERROR.*credentials are refused")
    assert is_ready(again)
    secret.write_text(SECRET_KEY)
    again.wait_for_line("snapshot .* was there already")
    again.stop()


def test_a_role_waits_for_a_bucket_that_is_missing(s3, credentials, tmp_path, blotter):
    log = f"embedded:{tmp_path}/log"
    run_to_end(BINARY, "produce", "--log", log, "--simulate", 300, "--until-caught-up")
    bucket = s3.data / f"late-{tmp_path.name.replace('_', '-')}"
    archive = ["archive", "--log", log, "--store", f"s3://{bucket.name}/city"]
    # Typed by somebody, it ends with the reason.
    ended = run_to_end(BINARY, *archive, code=1, env=credentials)
    assert "the bucket does not exist" in ended.stderr
    server = blotter(*archive, "--ops-listen", "127.0.0.1:0", env=credentials, expect=("the bucket does not exist",))
    server.wait_for_address()
    server.wait_for_line("ERROR.*the bucket does not exist; create it.*it waits")
    assert not is_ready(server)
    bucket.mkdir()
    wait_until(lambda: is_ready(server), "it has its bucket", server.process)
    server.stop()


def test_fetch_waits_for_room_on_its_volume_and_stays_ready(snapshots, credentials, tmp_path, blotter):
    store = snapshots(300)
    volume = tmp_path / "volume"
    volume.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=2m", "tmpfs", volume], capture_output=True, check=False).returncode != 0:
        pytest.skip("no small file system can be mounted here; run as root")
    try:
        server = blotter(
            "fetch", "--store", store, "--to", volume / "snapshots", "--every", "1", "--ops-listen", "127.0.0.1:0",
            env=credentials, expect=("No space left on device",),
        )  # fmt: skip
        server.wait_for_address()
        server.wait_for_line("snapshot .* is in")
        ballast = volume / "ballast"
        with ballast.open("wb", buffering=0) as file, pytest.raises(OSError, match="No space left"):
            while True:
                file.write(bytes(4096))
        snapshots(2_000)
        server.wait_for_line("ERROR.*No space left on device.*it waits")
        assert is_ready(server), "its snapshot is good"
        ballast.unlink()
        wait_until(lambda: server.output.count(" is in ") == 2, "the second snapshot", server.process)
        server.stop()
    finally:
        subprocess.run(["umount", "-l", volume], check=True)
