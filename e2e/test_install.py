"""What is shipped can be installed and runs: the wheel, the archive, the Debian package, and the formula that names them."""

from __future__ import annotations

import hashlib
import json
import os
import re
import subprocess
import sys
import tarfile
import tomllib
import venv
from pathlib import Path

import pytest
from paths import BINARY, ROOT

TARGET = "x86_64-unknown-linux-gnu"
ALL_TARGETS = [TARGET, "aarch64-unknown-linux-gnu", "x86_64-apple-darwin", "aarch64-apple-darwin"]
TOOLS = Path(sys.executable).parent
VERSION = tomllib.loads((ROOT / "Cargo.toml").read_text())["workspace"]["package"]["version"]
MANIFEST = tomllib.loads((ROOT / "crates" / "blotter" / "Cargo.toml").read_text())["package"]
PEOPLE_ENV = {key: value for key, value in os.environ.items() if not key.startswith("BLOTTER_")}


def output(*command: object, **options) -> str:
    done = subprocess.run(list(map(str, command)), capture_output=True, text=True, env=PEOPLE_ENV, **options)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def loads_and_counts(binary: Path, folder: Path) -> None:
    """The installed command simulates a city, counts it and serves what it counted."""
    simulated = ["demo", "--dir", folder, "--simulate", "2000", "--no-serve", "--until-caught-up"]
    output(binary, *simulated)
    rows = output(binary, "counts", "--log", f"embedded:{folder}/log").splitlines()
    assert sum(int(row.rsplit(",", 1)[1]) for row in rows[1:]) == 2000


@pytest.fixture(scope="module")
def packed(tmp_path_factory) -> list[Path]:
    folder = tmp_path_factory.mktemp("packed")
    # What is shipped is stripped.
    output("objcopy", "--strip-all", BINARY, folder / "blotter")
    made = [Path(line) for line in output(ROOT / "scripts" / "package", folder / "blotter", TARGET, folder / "out").splitlines()]
    again = [Path(line) for line in output(ROOT / "scripts" / "package", folder / "blotter", TARGET, folder / "again").splitlines()]
    assert [path.read_bytes() for path in made] == [path.read_bytes() for path in again], "the same bits when made twice"
    return made


def test_the_wheel_installs_a_command(tmp_path):
    # `make test-e2e` built it before the tests: it moves the binary that all of them use.
    [wheel] = (ROOT / "target" / "wheels-checked").glob(f"blotter-{VERSION}-py3-none-linux_*.whl")
    venv.create(tmp_path / "fresh", with_pip=True)
    output(tmp_path / "fresh" / "bin" / "pip", "install", "--no-index", "--quiet", wheel)
    command = tmp_path / "fresh" / "bin" / "blotter"
    assert output(command, "--version") == output(BINARY, "--version")
    loads_and_counts(command, tmp_path / "city")
    # `uvx blotter` with a release; here the file.
    assert output(TOOLS / "uvx", "--offline", "--python", sys.executable, "--from", wheel, "blotter", "--version") == f"blotter {VERSION}\n"


def test_the_archive_is_where_binstall_looks(packed, tmp_path):
    archive = packed[0]
    metadata = MANIFEST["metadata"]["binstall"]
    names = {"repo": "R", "version": VERSION, "target": TARGET, "bin": "blotter", "binary-ext": ""}

    def filled(template: str) -> str:
        return re.sub(r"\{ ([a-z-]+) \}", lambda found: names[found[1]], template)

    assert filled(metadata["pkg-url"]) == f"R/releases/download/v{VERSION}/{archive.name}"
    with tarfile.open(archive) as files:
        files.extractall(tmp_path, filter="data")
    command = tmp_path / filled(metadata["bin-dir"])
    assert output(command, "--version") == f"blotter {VERSION}\n"


def test_the_debian_package_installs_a_command(packed, tmp_path):
    package = packed[1]
    fields = dict(line.split(": ", 1) for line in output("dpkg-deb", "--field", package).splitlines() if not line.startswith(" "))
    assert (fields["Package"], fields["Version"], fields["Architecture"]) == ("blotter", VERSION, "amd64")
    # What it depends on is here, and as new as it says.
    satisfied = subprocess.run(["dpkg", "--root", "/", "--dry-run", "--install", package], capture_output=True, text=True)
    assert satisfied.returncode == 0, satisfied.stderr
    output("dpkg-deb", "--extract", package, tmp_path)
    assert (tmp_path / "usr/share/doc/blotter/copyright").read_text() == (ROOT / "LICENSE").read_text()
    loads_and_counts(tmp_path / "usr" / "bin" / "blotter", tmp_path / "city")


def test_the_formula_names_each_archive_with_its_hash(tmp_path):
    for target in ALL_TARGETS:
        (tmp_path / f"blotter-{VERSION}-{target}.tar.gz").write_text(target)
    formula = output(ROOT / "scripts" / "homebrew-formula", tmp_path)
    found = dict(re.findall(r'url "\S+/([^/"]+)"\n\s+sha256 "([0-9a-f]{64})"', formula))
    assert found == {f"blotter-{VERSION}-{target}.tar.gz": hashlib.sha256(target.encode()).hexdigest() for target in ALL_TARGETS}


def test_the_metadata_of_wheel_and_crate_agree():
    wheel = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    crate = next(
        package
        for package in json.loads(output("cargo", "metadata", "--no-deps", "--locked", "--format-version", "1", cwd=ROOT))["packages"]
        if package["name"] == "blotter"
    )
    assert (wheel["license"], wheel["authors"][0]["name"], wheel["urls"]["Repository"]) == (
        crate["license"],
        crate["authors"][0],
        crate["repository"],
    )
