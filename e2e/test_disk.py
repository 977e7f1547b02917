"""A disk that is full: what is known is still served, the log says what it needs, and goes on when there is room."""

import os
import subprocess

import pytest

MEGABYTE = 1 << 20


@pytest.fixture
def small_disk(tmp_path):
    """A file system of 400 MB."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=400m", "tmpfs", folder], capture_output=True, check=False)
    if mounted.returncode != 0:
        pytest.skip("no small file system can be mounted here; run as root")
    yield folder
    subprocess.run(["umount", "-l", folder], check=True)


def test_a_full_disk_stops_nothing_but_writing(demo, small_disk):
    server = demo("--simulate", "5000", "--simulate-rate", "100", dir=small_disk / "city", expect=(r"needs \d+ free bytes",))
    before = server.wait_until(lambda meta: meta["incidents"]["total"] >= 5000, "has the history")
    ballast = small_disk / "ballast"
    room = os.statvfs(small_disk)
    with ballast.open("wb") as file:
        for _ in range(max(0, room.f_bavail * room.f_frsize // MEGABYTE - 8)):
            file.write(bytes(MEGABYTE))
    line = server.wait_for_line(r"the log in (\S+) is not written to: it needs (\d+) free bytes and the disk has (\d+)")
    assert str(small_disk) in line.group(1)
    full = server.meta()
    assert full["incidents"]["total"] >= before["incidents"]["total"]
    assert server.json("/api/v1/series", by="category", bucket="day")["series"]
    assert server.json("/api/v1/incidents", limit=10)["incidents"]
    ballast.unlink()
    server.wait_until(lambda meta: meta["incidents"]["total"] > full["incidents"]["total"] + 200, "goes on")
    server.stop()
    again = demo("--simulate", "5000", "--simulate-rate", "100", dir=small_disk / "city")
    again.wait_until(lambda meta: meta["incidents"]["total"] > full["incidents"]["total"] + 200, "has them after a restart")
    again.stop()
