"""Programs from Debian packages, unpacked into the cache: nothing is installed, and no service is started."""

from __future__ import annotations

import tempfile
from pathlib import Path

from .service import CACHE, Unavailable, cached, need, run


def provision(package: str, version: str) -> None:
    """Fetches and unpacks a package, once. `version`: of the package, or what it begins with."""
    with cached(f"{package}-{version}") as place:
        if place:
            need("apt-get", "apt")
            with tempfile.TemporaryDirectory() as scratch:
                try:
                    run("apt-get", "download", "-qq", f"{package}={version}*", cwd=Path(scratch))
                except Unavailable:
                    # The lists may be missing or old.
                    run("apt-get", "update", "-qq")
                    run("apt-get", "download", "-qq", f"{package}={version}*", cwd=Path(scratch))
                (archive,) = Path(scratch).glob("*.deb")
                run("dpkg", "-x", archive, place)


def program(package: str, version: str, path: str) -> Path:
    return CACHE / f"{package}-{version}" / path
