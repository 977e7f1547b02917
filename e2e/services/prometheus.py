"""Prometheus, as Debian has it: it scrapes every second what a test names."""

from __future__ import annotations

import json
import urllib.error
import urllib.parse
import urllib.request
from pathlib import Path

from . import debian
from .service import Service, free_ports

VERSION = "2.42.0"

CONFIGURATION = """
global: {{ scrape_interval: 1s, scrape_timeout: 1s }}
scrape_configs:
  - job_name: blotter
    file_sd_configs: [{{ files: ["{targets}"], refresh_interval: 1s }}]
"""


class Prometheus(Service):
    name = "prometheus"

    @classmethod
    def provision(cls) -> None:
        debian.provision("prometheus", VERSION)

    def __init__(self, directory: Path):
        super().__init__(directory)
        (self.port,) = free_ports(1)
        self.targets = directory / "targets.json"
        self.configuration = directory / "prometheus.yml"
        self.configuration.write_text(CONFIGURATION.format(targets=self.targets))
        self.scrape({})

    def command(self) -> list[str | Path]:
        return [
            debian.program("prometheus", VERSION, "usr/bin/prometheus"),
            f"--config.file={self.configuration}",
            f"--storage.tsdb.path={self.directory}/data",
            f"--web.listen-address=127.0.0.1:{self.port}",
            # A question about an hour that has not come yet is answered with the newest sample.
            "--query.lookback-delta=2d",
        ]

    def is_ready(self) -> bool:
        try:
            return urllib.request.urlopen(f"http://127.0.0.1:{self.port}/-/ready", timeout=5).status == 200
        except (urllib.error.URLError, OSError):
            return False

    def environment(self) -> dict[str, str]:
        return {"BLOTTER_TEST_PROMETHEUS": f"127.0.0.1:{self.port}"}

    def scrape(self, targets: dict[str, str]) -> None:
        """By job, the address (`127.0.0.1:9090`) that is scraped from now on. The file is replaced whole: it is watched."""
        groups = [{"targets": [address], "labels": {"job": job}} for job, address in targets.items()]
        unfinished = self.targets.with_suffix(".unfinished")
        unfinished.write_text(json.dumps(groups))
        unfinished.rename(self.targets)

    def query(self, expression: str, at_s: float | None = None) -> list[tuple[dict[str, str], float]]:
        """Labels and value of each series that the expression has now, or at another time."""
        parameters = {"query": expression} | ({"time": str(at_s)} if at_s else {})
        address = f"http://127.0.0.1:{self.port}/api/v1/query?{urllib.parse.urlencode(parameters)}"
        answer = json.load(urllib.request.urlopen(address, timeout=60))
        assert answer["status"] == "success", answer
        return [(each["metric"], float(each["value"][1])) for each in answer["data"]["result"]]


def promtool() -> Path:
    return debian.program("prometheus", VERSION, "usr/bin/promtool")
