"""Sail: a Spark Connect server in Rust, without Java. From PyPI, with Spark's client beside it, whose version Sail reports as its own."""

from __future__ import annotations

import sys
from pathlib import Path

from .service import CACHE, Service, answers, cached, free_ports, run

VERSION = "0.7.2"
SPARK = "4.2.0"
HOME = CACHE / f"pysail-{VERSION}-spark-{SPARK}"


class Sail(Service):
    name = "sail"

    @classmethod
    def provision(cls) -> None:
        with cached(HOME.name) as place:
            if place:
                run(sys.executable, "-m", "pip", "install", "-q", "--disable-pip-version-check", "--no-deps", "--target", place, f"pysail=={VERSION}", f"pyspark-client=={SPARK}")

    def __init__(self, directory: Path, store: dict[str, str] | None = None, has_client: bool = True):
        """`store`: the variables of an S3 server's address and credentials. `has_client`: Spark's client is beside it."""
        super().__init__(directory)
        (self.port,) = free_ports(1)
        self.store = store or {}
        self.path = HOME
        if not has_client:
            self.path = directory / "alone"
            self.path.mkdir()
            (self.path / "pysail").symlink_to(HOME / "pysail")

    def command(self) -> list[str | Path]:
        return [sys.executable, "-m", "pysail", "spark", "server", "--ip", "127.0.0.1", "--port", str(self.port)]

    def variables(self) -> dict[str, str]:
        http = {"AWS_ALLOW_HTTP": "true"} if self.store.get("AWS_ENDPOINT_URL", "").startswith("http://") else {}
        return {"PYTHONPATH": str(self.path)} | self.store | http

    def is_ready(self) -> bool:
        return answers(self.port)

    def environment(self) -> dict[str, str]:
        return {"BLOTTER_TEST_SAIL": f"spark://127.0.0.1:{self.port}"}
