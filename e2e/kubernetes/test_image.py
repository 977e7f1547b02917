"""The image of the Dockerfile: small, without a shell, for a user who may do nothing else."""

import io
import json
import os
import subprocess
import tarfile
from pathlib import Path

import pytest

ARCHIVE = Path(os.environ["BLOTTER_TEST_IMAGES"]) / "blotter.tar"
MOST_BYTES = 25_000_000


@pytest.fixture(scope="module")
def blobs():
    with tarfile.open(ARCHIVE) as archive:
        found = {Path(each.name).name: archive.extractfile(each).read() for each in archive if each.isfile()}
    return found


@pytest.fixture(scope="module")
def manifest(blobs):
    (only,) = json.loads(blobs["index.json"])["manifests"]
    return json.loads(blobs[only["digest"].partition(":")[2]])


@pytest.fixture(scope="module")
def configuration(blobs, manifest):
    return json.loads(blobs[manifest["config"]["digest"].partition(":")[2]])


@pytest.fixture(scope="module")
def files(blobs, manifest):
    found = {}
    for layer in manifest["layers"]:
        unpacked = subprocess.run(["zstd", "-dc"], input=blobs[layer["digest"].partition(":")[2]], check=True, capture_output=True).stdout
        with tarfile.open(fileobj=io.BytesIO(unpacked)) as tar:
            found |= {each.name.rstrip("/"): each for each in tar}
    return found


def test_it_is_small(manifest):
    assert sum(layer["size"] for layer in manifest["layers"]) <= MOST_BYTES


def test_it_has_nothing_but_blotter(files):
    programs = {name for name, each in files.items() if each.isfile() and each.mode & 0o111}
    assert "usr/bin/blotter" in programs
    assert all(name == "usr/bin/blotter" or ".so" in name for name in programs), programs
    assert not any(name.endswith(("/sh", "/bash", "/busybox")) for name in files)
    assert "etc/ssl/certs/ca-certificates.crt" in files
    assert "usr/share/doc/blotter/copyright" in files


def test_its_user_owns_only_its_data(configuration, files):
    assert configuration["config"]["User"] == "65532:65532"
    mine = {name for name, each in files.items() if each.uid == 65532}
    assert mine == {"data"}
    # But for the directory that is for all.
    assert {name for name, each in files.items() if each.mode & 0o002 and not each.issym()} == {"tmp"}


def test_it_says_what_it_is(configuration):
    labels = configuration["config"]["Labels"]
    for name in ("title", "description", "authors", "licenses", "source", "documentation", "version", "revision"):
        assert labels[f"org.opencontainers.image.{name}"]
    assert configuration["config"]["Entrypoint"] == ["/usr/bin/blotter"]
