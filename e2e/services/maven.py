"""Programs from Maven Central: an artifact and all that it needs to run, by a POM."""

from __future__ import annotations

import hashlib
import shutil
import signal
import tempfile
from collections.abc import Callable
from pathlib import Path

from .service import CACHE, Service, cached, cpu_steps, need, run, wait_until

#: In the folder of a program's classes.
ARCHIVE = "classes.jsa"


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


def classes(name: str, pom: Path) -> str:
    """The name in the cache of a program's classes as this Java has parsed and verified them."""
    java = Path(shutil.which("java") or "java").resolve()
    return f"{home(name, pom)}-{hashlib.sha256(f'{java} {java.stat().st_mtime_ns}'.encode()).hexdigest()[:12]}"


def keep_classes(name: str, pom: Path, service: Callable[[Path], Service]) -> None:
    """Starts a server and stops it, once, so that Java keeps its classes: the next one starts with half of the work."""
    with cached(classes(name, pom)) as place, tempfile.TemporaryDirectory(prefix="blotter-classes-") as scratch:
        if place:
            training = service(Path(scratch))
            training.java_options = [f"-XX:ArchiveClassesAtExit={place / ARCHIVE}"]
            training.start()
            process = training.process
            process.send_signal(signal.SIGTERM)
            wait_until(lambda: process.poll() is not None, f"the classes of {name} are kept", progress=lambda: cpu_steps(process))
            training.stop()


def java(name: str, pom: Path) -> list[str]:
    """Java with the program's jars, and with its classes where they are kept."""
    archive = CACHE / classes(name, pom) / ARCHIVE
    return ["java", *([f"-XX:SharedArchiveFile={archive}"] if archive.exists() else []), "-cp", class_path(name, pom)]
