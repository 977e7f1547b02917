"""Runs a command beside a real Kubernetes node, in namespaces that end with it.

    python e2e/kubernetes -- python -m pytest e2e/kubernetes

The node, every pod and every server of the tests live in one `unshare`: no address outside can be reached from there.
"""

from __future__ import annotations

import argparse
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))

import image  # noqa: E402
import programs  # noqa: E402
from services.service import CACHE, Unavailable, cached, run  # noqa: E402

HERE = Path(__file__).resolve().parent
CGROUP = "blotter-test"
PAUSE = """#include <signal.h>
#include <unistd.h>
static void end(int number) { (void)number; _exit(0); }
int main(void) { signal(SIGTERM, end); signal(SIGINT, end); for (;;) pause(); }
"""


def pause() -> Path:
    """The program that holds a pod's namespaces, as a directory of an image."""
    with cached("pause-1") as place:
        if place:
            (place / "pause.c").write_text(PAUSE)
            (place / "root").mkdir()
            run("cc", "-static", "-Os", "-o", place / "root/pause", place / "pause.c")
    return CACHE / "pause-1/root"


def make_cgroups() -> None:
    """The group of all pods, in every hierarchy."""
    for hierarchy in Path("/sys/fs/cgroup").iterdir():
        if hierarchy.is_symlink() or not (hierarchy / "cgroup.procs").exists() or hierarchy.name == "unified":
            continue
        group = hierarchy / CGROUP
        group.mkdir(exist_ok=True)
        if hierarchy.name.startswith("cpuset"):
            for file in ("cpuset.cpus", "cpuset.mems"):
                (group / file).write_text((hierarchy / file).read_text())


def remove() -> None:
    """In every hierarchy, also where a program of the node made it. What the kernel has not let go of is an empty directory."""
    for group in Path("/sys/fs/cgroup").glob(f"*/{CGROUP}"):
        for folder, _, _ in os.walk(group, topdown=False):
            try:
                os.rmdir(folder)
            except OSError:
                print(f"kubernetes: {folder} is left", file=sys.stderr)


def can_be_had() -> None:
    """Raises `Unavailable` where this machine cannot run a node."""
    if os.geteuid() != 0 or not shutil.which("apt-get"):
        raise Unavailable("it takes root on a Debian")
    if not (Path("/sys/fs/cgroup/memory") / "cgroup.procs").exists():
        raise Unavailable("it takes cgroup v1 with memory, as the test's node is configured")


def main() -> int:
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("command", nargs=argparse.REMAINDER, help="behind --; nothing only provisions")
    given = arguments.parse_args()
    command = given.command[1:] if given.command[:1] == ["--"] else given.command
    try:
        can_be_had()
        programs.packages()
        kubernetes, router, _, _ = programs.kubernetes(), programs.kube_router(), programs.helm(), programs.definitions()
        held = pause()
        image.base()
    except Unavailable as why:
        print(f"kubernetes: SKIPPED every test of a node: {why}", flush=True)
        return 0
    if not command:
        return 0
    # Not in the tree, and on a file system that can carry an overlay.
    with tempfile.TemporaryDirectory(prefix="blotter-node-", dir=CACHE) as work:
        images = Path(work) / "images"
        image.build(images, held)
        os.environ["BLOTTER_TEST_IMAGES"] = str(images)
        make_cgroups()
        inside = ["unshare", "--mount", "--net", "--pid", "--ipc", "--uts", "--fork", "--mount-proc", "--kill-child"]
        process = subprocess.Popen([*inside, HERE / "node.sh", work, kubernetes, router, *command])
        # `unshare` ignores SIGTERM; its child, process 1 inside, ends all when it ends.
        signal.signal(signal.SIGTERM, lambda *_: process.kill())
        try:
            return process.wait()
        except KeyboardInterrupt:
            process.kill()
            return 130
        finally:
            process.wait()
            remove()


if __name__ == "__main__":
    sys.exit(main())
