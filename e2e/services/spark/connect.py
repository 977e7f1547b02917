"""A Spark Connect server in one process: Spark from PyPI, what it reads with from Maven Central."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import ClassVar

from .. import maven
from ..service import CACHE, Service, answers, free_ports, need
from . import HOME, POM, provision

#: What Java of these years wants opened for Spark, as its own launcher says it.
OPENED = [
    "java.lang", "java.lang.invoke", "java.lang.reflect", "java.io", "java.net", "java.nio", "java.util", "java.util.concurrent",
    "java.util.concurrent.atomic", "sun.nio.ch", "sun.nio.cs", "sun.security.action", "sun.util.calendar",
]  # fmt: skip


class SparkConnect(Service):
    name: ClassVar[str] = "spark"

    @classmethod
    def provision(cls) -> None:
        need("java", "openjdk-17-jre-headless")
        provision()

    def __init__(self, directory: Path, store: dict[str, str] | None = None, token: str | None = None, settings: dict[str, str] | None = None, java_options: Sequence[str] = ()):
        """`store`: the variables of an S3 server's address and credentials."""
        super().__init__(directory)
        (self.port,) = free_ports(1)
        self.store, self.token, self.settings = store or {}, token, settings or {}
        self.java_options = java_options

    def command(self) -> list[str | Path]:
        settings = {
            "spark.master": "local[2]",
            "spark.connect.grpc.binding.address": "127.0.0.1",
            "spark.connect.grpc.binding.port": str(self.port),
            "spark.sql.extensions": "io.delta.sql.DeltaSparkSessionExtension",
            "spark.sql.catalog.spark_catalog": "org.apache.spark.sql.delta.catalog.DeltaCatalog",
            "spark.driver.host": "127.0.0.1",
            "spark.driver.bindAddress": "127.0.0.1",
            "spark.local.dir": str(self.directory / "scratch"),
            "spark.sql.warehouse.dir": str(self.directory / "warehouse"),
            "spark.ui.enabled": "false",
            "spark.sql.session.timeZone": "UTC",
            "spark.sql.shuffle.partitions": "4",
        }
        if self.store:
            settings |= {
                "spark.hadoop.fs.s3a.endpoint": self.store["AWS_ENDPOINT_URL"],
                "spark.hadoop.fs.s3a.endpoint.region": self.store.get("AWS_REGION", "us-east-1"),
                "spark.hadoop.fs.s3a.path.style.access": "true",
                "spark.hadoop.fs.s3a.access.key": self.store["AWS_ACCESS_KEY_ID"],
                "spark.hadoop.fs.s3a.secret.key": self.store["AWS_SECRET_ACCESS_KEY"],
            }
        if self.token:
            settings["spark.connect.authenticate.token"] = self.token
        # Read by the launcher, so that no secret is in the arguments.
        chosen = "\n".join(f"{name} {value}" for name, value in (settings | self.settings).items() if value)
        (self.directory / "spark.conf").write_text(chosen + "\n")
        classes = [HOME / "pyspark" / "jars" / "*", CACHE / maven.home("spark", POM) / "lib" / "*"]
        return [
            "java", *self.java_options, "-Xmx3g", "-XX:+IgnoreUnrecognizedVMOptions", *(f"--add-opens=java.base/{name}=ALL-UNNAMED" for name in OPENED),
            "-Djdk.reflect.useDirectMethodHandle=false", "-cp", ":".join(map(str, classes)), "org.apache.spark.deploy.SparkSubmit",
            "--properties-file", self.directory / "spark.conf", "--class", "org.apache.spark.sql.connect.service.SparkConnectServer", "spark-internal",
        ]  # fmt: skip

    def variables(self) -> dict[str, str]:
        return {"SPARK_LOCAL_IP": "127.0.0.1", "SPARK_HOME": str(HOME / "pyspark")}

    def is_ready(self) -> bool:
        return answers(self.port)

    def environment(self) -> dict[str, str]:
        return {"BLOTTER_TEST_SPARK": f"spark://127.0.0.1:{self.port}"}
