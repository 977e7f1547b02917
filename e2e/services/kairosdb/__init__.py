"""KairosDB on a Cassandra node, which is started with it."""

from __future__ import annotations

import urllib.error
import urllib.request
from pathlib import Path

from .. import maven
from ..cassandra import Cassandra
from ..service import Service, free_ports

POM = Path(__file__).with_name("pom.xml")

CONFIGURATION = """
kairosdb: {{
  service.telnet: "<disabled>"
  service.reporter: "<disabled>"
  jetty: {{ port: {port}, address: "127.0.0.1" }}
  service.datastore: "org.kairosdb.datastore.cassandra.CassandraModule"
  datastore.cassandra: {{
    # Cassandra has no compact storage any more.
    table_create_with.data_points: ""
    write_cluster: {{ cql_host_list: ["127.0.0.1:{cassandra}"] }}
  }}
  # In order: with several, what Cassandra failed to take is written again beside what came later, and an old total stays.
  ingest_executor.thread_count: 1
  queue_processor: {{ queue_path: "{directory}/queue", seconds_till_checkpoint: 1, min_batch_wait: 10 }}
}}
"""


class KairosDb(Service):
    name = "kairosdb"

    @classmethod
    def provision(cls) -> None:
        Cassandra.provision()
        maven.provision(cls.name, POM)
        maven.keep_classes(cls.name, POM, cls)

    def __init__(self, directory: Path):
        super().__init__(directory)
        self.cassandra = Cassandra(directory / "cassandra")
        (self.port,) = free_ports(1)
        self.configuration = directory / "kairosdb.conf"
        self.configuration.write_text(CONFIGURATION.format(directory=directory, port=self.port, cassandra=self.cassandra.port))
        (directory / "logback.xml").write_text((self.cassandra.directory / "logback.xml").read_text())

    def start(self) -> None:
        if not self.cassandra.process or self.cassandra.process.poll() is not None:
            self.cassandra.start()
        super().start()

    def stop(self) -> None:
        super().stop()
        self.cassandra.stop()

    def command(self) -> list[str | Path]:
        return [
            *maven.java(self.name, POM), *self.java_options, "-Xmx384m", "-XX:+UseSerialGC", *(f"--add-opens=java.base/{package}=ALL-UNNAMED" for package in ("java.lang", "java.util", "java.lang.reflect")), f"-Dlogback.configurationFile={self.directory}/logback.xml",
            "org.kairosdb.core.Main", "-c", "run", "-p", self.configuration,
        ]  # fmt: skip

    def is_ready(self) -> bool:
        try:
            return urllib.request.urlopen(f"http://127.0.0.1:{self.port}/api/v1/health/check", timeout=5).status == 204
        except (urllib.error.URLError, OSError):
            return False

    def environment(self) -> dict[str, str]:
        return {"BLOTTER_TEST_KAIROSDB": f"127.0.0.1:{self.port}"}
