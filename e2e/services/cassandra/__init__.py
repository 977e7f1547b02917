"""A Cassandra node of its own."""

from __future__ import annotations

from pathlib import Path

from .. import maven
from ..service import Service, answers, free_ports

POM = Path(__file__).with_name("pom.xml")

CONFIGURATION = """
cluster_name: blotter
num_tokens: 1
partitioner: org.apache.cassandra.dht.Murmur3Partitioner
endpoint_snitch: SimpleSnitch
seed_provider:
  - class_name: org.apache.cassandra.locator.SimpleSeedProvider
    parameters:
      - seeds: "127.0.0.1:{storage}"
listen_address: 127.0.0.1
rpc_address: 127.0.0.1
storage_port: {storage}
native_transport_port: {port}
start_native_transport: true
data_file_directories: ["{directory}/data"]
commitlog_directory: "{directory}/commitlog"
saved_caches_directory: "{directory}/caches"
hints_directory: "{directory}/hints"
cdc_raw_directory: "{directory}/cdc"
# What is acknowledged has been written to the disk.
commitlog_sync: batch
commitlog_segment_size: 8MiB
disk_failure_policy: die
commit_failure_policy: die
auto_snapshot: false
"""

#: Cassandra looks into the platform; the platform wants to be told so.
EXPORTS = [
    "java.base/jdk.internal.misc", "java.base/jdk.internal.ref", "java.base/sun.nio.ch", "java.base/java.lang.ref",
    "java.management.rmi/com.sun.jmx.remote.internal.rmi", "java.rmi/sun.rmi.registry", "java.rmi/sun.rmi.server",
    "java.sql/java.sql", "jdk.unsupported/sun.misc",
]  # fmt: skip
OPENS = [
    "java.base/java.io", "java.base/java.lang", "java.base/java.lang.module", "java.base/java.lang.reflect",
    "java.base/java.nio", "java.base/java.util", "java.base/java.util.concurrent",
    "java.base/java.util.concurrent.atomic", "java.base/jdk.internal.loader", "java.base/jdk.internal.math",
    "java.base/jdk.internal.module", "java.base/jdk.internal.ref", "java.base/jdk.internal.reflect",
    "java.base/jdk.internal.util.jar", "java.base/sun.nio.ch", "jdk.management/com.sun.management.internal",
]  # fmt: skip


class Cassandra(Service):
    name = "cassandra"

    @classmethod
    def provision(cls) -> None:
        maven.provision(cls.name, POM)
        maven.keep_classes(cls.name, POM, cls)

    def __init__(self, directory: Path):
        super().__init__(directory)
        self.port, storage = free_ports(2)
        self.configuration = directory / "cassandra.yaml"
        self.configuration.write_text(CONFIGURATION.format(directory=directory, port=self.port, storage=storage))
        (directory / "logback.xml").write_text(
            '<configuration><appender name="out" class="ch.qos.logback.core.ConsoleAppender"><encoder><pattern>%d %p %m%n</pattern></encoder>'
            '</appender><root level="WARN"><appender-ref ref="out"/></root></configuration>'
        )

    def command(self) -> list[str | Path]:
        return [
            *maven.java(self.name, POM), *self.java_options, "-Xmx640m", "-XX:+UseSerialGC", "-Djava.security.manager=allow", "-Djdk.attach.allowAttachSelf=true",
            *(f"--add-exports={package}=ALL-UNNAMED" for package in EXPORTS),
            *(f"--add-opens={package}=ALL-UNNAMED" for package in OPENS),
            f"-Dcassandra.config=file://{self.configuration}", f"-Dcassandra.storagedir={self.directory}",
            f"-Dlogback.configurationFile={self.directory}/logback.xml", "-Dcassandra-foreground=yes",
            "-Dcassandra.skip_wait_for_gossip_to_settle=0", "-Dcassandra.ring_delay_ms=100",
            # At every start it measures how much memory a row takes, by this many of them; a hundred thousand is seconds of work.
            "-Dcassandra.memtable_row_overhead_computation_step=100",
            "org.apache.cassandra.service.CassandraDaemon",
        ]  # fmt: skip

    def is_ready(self) -> bool:
        return answers(self.port)

    def environment(self) -> dict[str, str]:
        return {}
