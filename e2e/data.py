"""The data that the tests load: real files where they are beside the checkout, made-up ones of the same form where they are not.

Real data is never committed, so a clone has none. A test that checks what only a real file holds asks for `real`.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from made_up import CITY, FEED, MADE_UP, SODA
from paths import ROOT

#: Set it to a folder that is not there to run the tests as a clone does.
SHARED = Path(os.environ.get("BLOTTER_TEST_SHARED", ROOT.parent / "shared"))
DATA = SHARED / "data"

__all__ = ["CITY", "DATA", "FEED", "SODA", "Workshop", "has_real", "real"]


def has_real() -> bool:
    return DATA.is_dir()


def real(name: str, why: str) -> Path:
    """A real file; the test is skipped where it is not there. `why`: what only the real file shows."""
    path = DATA / name
    if not path.exists():
        pytest.skip(f"needs real data, which is not part of the repository: {why}")
    return path


class Workshop:
    """Makes each file once for all workers of a run, in a directory that they share."""

    def __init__(self, directory: Path):
        self.directory = directory

    @contextmanager
    def making(self, name: str) -> Iterator[tuple[Path, Path | None]]:
        """The file or folder, and where to write it if it is not there yet. Others wait meanwhile."""
        path, unfinished = self.directory / name, self.directory / f"unfinished-{name}"
        with (self.directory / f"{name}.lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            if path.exists():
                yield path, None
            else:
                # What another worker began and could not finish.
                shutil.rmtree(unfinished, ignore_errors=True)
                unfinished.unlink(missing_ok=True)
                yield path, unfinished
                unfinished.rename(path)

    def city(self) -> Path:
        """The city's whole file, plain."""
        with self.making("city.csv") as (path, target):
            if target and has_real():
                subprocess.run(["zstd", "-q", "-d", DATA / CITY, "-o", target], check=True)
            elif target:
                MADE_UP[CITY].make(CITY, target)
        return path

    def sample(self, name: str) -> Path:
        """A real file, or a made-up one with as many incidents."""
        if (DATA / name).exists():
            return DATA / name
        with self.making(name.removesuffix(".zst")) as (path, target):
            if target:
                MADE_UP[name].make(name, target)
        return path
