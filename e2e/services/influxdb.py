"""InfluxDB 1, as Debian has it."""

from __future__ import annotations

import urllib.error
import urllib.request
from pathlib import Path

from . import debian
from .service import Service, free_ports

VERSION = "1.6.7"

CONFIGURATION = """
reporting-disabled = true
bind-address = "127.0.0.1:{rpc}"
[meta]
  dir = "{directory}/meta"
[data]
  dir = "{directory}/data"
  wal-dir = "{directory}/wal"
  index-version = "tsi1"
[http]
  bind-address = "{host}:{port}"
  log-enabled = false
  auth-enabled = {auth}
[monitor]
  store-enabled = false
"""


class InfluxDb(Service):
    name = "influxdb"

    @classmethod
    def provision(cls) -> None:
        debian.provision("influxdb", VERSION)

    def __init__(self, directory: Path, auth: bool = False, address: tuple[str, int] | None = None):
        """`address`: where it listens instead, in a network of a test's own."""
        super().__init__(directory)
        port, rpc = free_ports(2)
        self.host, self.port = address or ("127.0.0.1", port)
        self.configuration = directory / "influxdb.conf"
        self.configuration.write_text(CONFIGURATION.format(directory=directory, host=self.host, port=self.port, rpc=rpc, auth=str(auth).lower()))

    def command(self) -> list[str | Path]:
        return [debian.program("influxdb", VERSION, "usr/bin/influxd"), "-config", self.configuration]

    def is_ready(self) -> bool:
        try:
            return urllib.request.urlopen(f"http://{self.host}:{self.port}/ping", timeout=5).status == 204
        except (urllib.error.URLError, OSError):
            return False

    def environment(self) -> dict[str, str]:
        return {"BLOTTER_TEST_INFLUXDB": f"{self.host}:{self.port}"}
