"""VictoriaMetrics, which takes InfluxDB's line protocol by the paths of API v1 and of v2."""

from __future__ import annotations

import urllib.error
import urllib.request
from pathlib import Path

from . import debian
from .service import Service, free_ports

VERSION = "1.79.5"


class VictoriaMetrics(Service):
    name = "victoriametrics"

    @classmethod
    def provision(cls) -> None:
        debian.provision("victoria-metrics", VERSION)

    def __init__(self, directory: Path):
        super().__init__(directory)
        (self.port,) = free_ports(1)

    def command(self) -> list[str | Path]:
        return [
            debian.program("victoria-metrics", VERSION, "usr/bin/victoria-metrics"),
            f"-httpListenAddr=127.0.0.1:{self.port}",
            f"-storageDataPath={self.directory}/data",
            # The history of decades, and points that are shown as soon as they are written.
            "-retentionPeriod=100y",
            "-search.latencyOffset=0s",
        ]

    def is_ready(self) -> bool:
        try:
            return urllib.request.urlopen(f"http://127.0.0.1:{self.port}/health", timeout=5).status == 200
        except (urllib.error.URLError, OSError):
            return False

    def environment(self) -> dict[str, str]:
        return {"BLOTTER_TEST_VICTORIAMETRICS": f"127.0.0.1:{self.port}"}
