"""Where the files of a run are: in memory where there is plenty, since writing them to a disk takes a sixth of a run's processor time.

Nothing is tested less: roles are killed, but the machine never loses its power. Tests that need a disk of a certain size mount one.
"""

import os
import shutil
from pathlib import Path

SHARED_MEMORY = Path("/dev/shm")
PREFIX = "blotter-tests-"
#: A whole run writes 4 GB. The processes that it starts need as much again.
ROOM = 8 << 30


def in_memory() -> bool:
    """Whether there is room, and programs can be started from it."""
    try:
        there = os.statvfs(SHARED_MEMORY)
        lines = Path("/proc/meminfo").read_text().splitlines()
    except OSError:
        return False
    (available,) = (int(line.split()[1]) << 10 for line in lines if line.startswith("MemAvailable:"))
    return there.f_bavail * there.f_frsize >= ROOM and available >= 2 * ROOM and not there.f_flag & os.ST_NOEXEC


def make() -> Path | None:
    """A directory of this process, if it may be in memory. What processes that have ended left is removed: a run that failed leaves
    its files until the next begins."""
    for left in SHARED_MEMORY.glob(f"{PREFIX}*"):
        if not Path("/proc", left.name.removeprefix(PREFIX)).exists():
            shutil.rmtree(left, ignore_errors=True)
    if not in_memory():
        return None
    own = SHARED_MEMORY / f"{PREFIX}{os.getpid()}"
    own.mkdir(mode=0o700)
    return own
