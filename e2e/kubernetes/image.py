"""The image from the Dockerfile that users build, with buildah and without a registry.

The base image is a Debian of the machine's own release, made by debootstrap. The binary is the one that the tests run: the Dockerfile takes it from
an image instead of compiling it again.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))

from paths import BINARY, ROOT  # noqa: E402
from services.service import CACHE, cached, run  # noqa: E402

DOCKERFILE = ROOT / "deploy/docker/Dockerfile"
#: As the manifests name it.
NAME = "ghcr.io/blotter-project/blotter:0.1.0"


def release() -> str:
    """Debian's name of this machine's release."""
    lines = Path("/etc/os-release").read_text().splitlines()
    return next(line.partition("=")[2].strip('"') for line in lines if line.startswith("VERSION_CODENAME="))


def base() -> Path:
    """A directory with a small Debian."""
    name = f"debian-{release()}"
    with cached(name) as place:
        if place:
            run("debootstrap", "--variant=minbase", "--include=ca-certificates", release(), place / "root")
            shutil.rmtree(place / "root/var/cache/apt", ignore_errors=True)
    return CACHE / name / "root"


class Buildah:
    """Images in a directory of their own."""

    def __init__(self, directory: Path):
        self.directory = directory
        self.storage = ["--root", str(directory / "storage"), "--runroot", str(directory / "run"), "--storage-driver", "vfs"]

    def __call__(self, *arguments: str | Path) -> str:
        command = ["buildah", *self.storage, *map(str, arguments)]
        ended = subprocess.run(command, cwd=ROOT, env=os.environ | {"TMPDIR": str(self.directory)}, capture_output=True, text=True, check=False)
        assert ended.returncode == 0, f"{' '.join(command)}\n{ended.stdout[-3000:]}\n{ended.stderr[-3000:]}"
        return ended.stdout.strip()

    def from_directory(self, directory: Path, name: str) -> None:
        container = self("from", "scratch")
        self("copy", container, directory, "/")
        self("commit", "--rm", container, name)

    def provide(self, binary: Path) -> None:
        """What the Dockerfile begins with, where no registry is: a Debian, and a binary."""
        self.from_directory(base(), "localhost/debian")
        with tempfile.TemporaryDirectory(dir=self.directory) as scratch:
            subprocess.run(["strip", "--strip-all", "-o", f"{scratch}/blotter", str(binary)], check=True)
            os.chmod(f"{scratch}/blotter", 0o755)
            self.from_directory(Path(scratch), "localhost/binary")

    def build(self, name: str = NAME, **arguments: str) -> None:
        """Twice the same, it makes the same bits: times are those of the epoch."""
        given = {"RUST": "localhost/debian", "NODE": "localhost/debian", "BINARY": "localhost/binary"} | arguments
        self(
            "build", "--isolation", "chroot", "--pull-never", "--layers=false", "--timestamp", "0", "--file", DOCKERFILE, "--tag", name,
            *(f"--build-arg={key}={value}" for key, value in given.items()), ROOT,
        )  # fmt: skip

    def identity(self, name: str) -> str:
        """The checksum of its configuration, which names those of its layers."""
        return self("inspect", "--type", "image", "--format", "{{.FromImageID}}", name)

    def export(self, name: str, archive: Path, compression: str = "zstd:19") -> None:
        """An OCI archive with compressed layers; unless said otherwise as the release workflow publishes them."""
        form, _, level = compression.partition(":")
        chosen = ["--compression-level", level] if level else []
        self("push", "--compression-format", form, *chosen, name, f"oci-archive:{archive}:{name}")


def build(directory: Path, pause: Path | None = None) -> None:
    """The image of the binary under test as an OCI archive, and that of the program `/pause` of a directory."""
    directory.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="blotter-images-", dir=CACHE) as scratch:
        buildah = Buildah(Path(scratch))
        buildah.provide(BINARY)
        buildah.build()
        buildah.build("localhost/again")
        assert buildah.identity(NAME) == buildah.identity("localhost/again"), "built twice, the image has the same bits"
        buildah.export(NAME, directory / "blotter.tar")
        if pause:
            container = buildah("from", "scratch")
            buildah("copy", container, pause, "/")
            buildah("config", "--entrypoint", '["/pause"]', "--user", "65535:65535", container)
            buildah("commit", "--rm", container, "registry.test/pause:1")
            buildah.export("registry.test/pause:1", directory / "pause.tar", "gzip")


if __name__ == "__main__":
    build(Path(sys.argv[1]))
