"""A Kafka broker in KRaft mode: one process that is broker and controller."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from .. import maven
from ..service import Service, answers, free_ports, run

POM = Path(__file__).with_name("pom.xml")
CLUSTER = "MkU3OEVBNTcwNTJENDM2Qg"

PROPERTIES = """
process.roles=broker,controller
node.id=1
controller.quorum.voters=1@127.0.0.1:{controller}
controller.listener.names=CONTROLLER
listeners=CLIENT://{host}:{port},BROKER://127.0.0.1:{broker},CONTROLLER://127.0.0.1:{controller}
advertised.listeners=CLIENT://{host}:{advertised},BROKER://127.0.0.1:{broker}
inter.broker.listener.name=BROKER
listener.security.protocol.map=CLIENT:{protocol},BROKER:PLAINTEXT,CONTROLLER:PLAINTEXT
log.dirs={directory}/data
auto.create.topics.enable=false
offsets.topic.replication.factor=1
offsets.topic.num.partitions=4
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
transaction.state.log.num.partitions=4
share.coordinator.state.topic.replication.factor=1
share.coordinator.state.topic.min.isr=1
group.initial.rebalance.delay.ms=0
group.min.session.timeout.ms=1000
"""


LOGIN = """
listener.name.client.sasl.enabled.mechanisms=PLAIN
listener.name.client.plain.sasl.jaas.config=org.apache.kafka.common.security.plain.PlainLoginModule required user_{user}="{password}";
"""


class Kafka(Service):
    name = "kafka"

    @classmethod
    def provision(cls) -> None:
        maven.provision(cls.name, POM)
        maven.keep_classes(cls.name, POM, cls)

    def __init__(
        self,
        directory: Path,
        advertised: int | None = None,
        login: tuple[str, str] | None = None,
        address: tuple[str, int] | None = None,
    ):
        """`advertised`: the port that clients are told to use, where a proxy stands before the broker. `login`: the one user
        and the password; without it anyone may do anything. `address`: where it listens instead, in a network of a test's own."""
        super().__init__(directory)
        self.port, broker, controller = free_ports(3)
        self.host, self.port = address or ("127.0.0.1", self.port)
        self.properties = directory / "server.properties"
        text = PROPERTIES.format(
            host=self.host, port=self.port, broker=broker, controller=controller, advertised=advertised or self.port,
            protocol="SASL_PLAINTEXT" if login else "PLAINTEXT", directory=directory,
        )  # fmt: skip
        self.properties.write_text(text + (LOGIN.format(user=login[0], password=login[1]) if login else ""))

    def java(self, main: str, *arguments: str | Path, options: Sequence[str] = ()) -> list[str | Path]:
        # The broker shares two cores with what is measured: the small collector has the fewest threads.
        settings = ["-Xmx512m", "-XX:+UseSerialGC", "-Dorg.slf4j.simpleLogger.defaultLogLevel=warn"]
        return [*maven.java(self.name, POM), *options, *settings, main, *arguments]

    def start(self) -> None:
        if not (self.directory / "data").exists():
            run(*self.java("kafka.tools.StorageTool", "format", "-t", CLUSTER, "-c", self.properties))
        super().start()

    def command(self) -> list[str | Path]:
        return self.java("kafka.Kafka", self.properties, options=self.java_options)

    def is_ready(self) -> bool:
        return answers(self.port, self.host)

    def environment(self) -> dict[str, str]:
        return {"BLOTTER_TEST_KAFKA": f"{self.host}:{self.port}"}
