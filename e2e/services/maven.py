"""Programs from Maven Central: an artifact and all that it needs to run, by a POM."""

from __future__ import annotations

import hashlib
from pathlib import Path

from .service import CACHE, cached, need, run


def home(name: str, pom: Path) -> str:
    """The name in the cache: another POM is another program."""
    return f"{name}-{hashlib.sha256(pom.read_bytes()).hexdigest()[:12]}"


def provision(name: str, pom: Path) -> None:
    """Fetches the jars, once."""
    need("java", "openjdk-17-jre-headless")
    with cached(home(name, pom)) as place:
        if place:
            maven = need("mvn", "maven")
            run(maven, "-q", "-B", "-f", pom, "dependency:copy-dependencies", f"-DoutputDirectory={place}/lib", "-DincludeScope=runtime")


def class_path(name: str, pom: Path) -> str:
    return str(CACHE / home(name, pom) / "lib" / "*")
