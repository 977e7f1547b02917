"""Spark in one process, with Delta, Kafka and S3: itself from PyPI, what it reads with from Maven Central. It is no server: a
job is run, and ends."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

from .. import maven
from ..service import CACHE, Unavailable, cached, run

VERSION = "4.1.1"
POM = Path(__file__).with_name("pom.xml")
HOME = CACHE / f"pyspark-{VERSION}"
#: A machine that is this slow has failed.
PATIENCE_S = 1800


def provision() -> None:
    """Fetches it, once. Raises `Unavailable`."""
    with cached(HOME.name) as place:
        if place:
            run(sys.executable, "-m", "pip", "install", "-q", "--disable-pip-version-check", "--no-deps", "--target", place, f"pyspark=={VERSION}", "py4j==0.10.9.9")
    maven.provision("spark", POM)


def job(script: Path, directory: Path, **arguments: object) -> dict:
    """Runs a job, which is given `arguments` as JSON, and answers what it prints last, from JSON. What it said before is
    in `directory`."""
    directory.mkdir(parents=True, exist_ok=True)
    log = directory / "spark.log"
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "SPARK_"))}
    environment |= {"PYTHONPATH": str(HOME), "SPARK_HOME": str(HOME / "pyspark"), "SPARK_LOCAL_IP": "127.0.0.1"}
    environment |= {"SPARK_LOCAL_DIRS": str(directory / "scratch"), "PYSPARK_PYTHON": sys.executable}
    with log.open("wb") as errors:
        ended = subprocess.run(
            [sys.executable, str(script), json.dumps(arguments)],
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=errors, env=environment, timeout=PATIENCE_S, check=False, cwd=directory,
        )  # fmt: skip
    if ended.returncode:
        said = [line for line in log.read_text(errors="replace").splitlines() if not line.lstrip().startswith("at ")]
        raise RuntimeError(f"{script.name} failed:\n" + "\n".join(said[-60:]))
    return json.loads(ended.stdout.decode().splitlines()[-1])


def session(name: str, endpoint: str, key: str, secret: str, **settings: object):
    """For a job: a session on both cores, which knows Delta and the S3 server."""
    from pyspark.sql import SparkSession

    builder = SparkSession.builder.appName(name).master("local[2]")
    chosen = {
        "spark.jars": ",".join(map(str, sorted((CACHE / maven.home("spark", POM) / "lib").glob("*.jar")))),
        "spark.sql.extensions": "io.delta.sql.DeltaSparkSessionExtension",
        "spark.sql.catalog.spark_catalog": "org.apache.spark.sql.delta.catalog.DeltaCatalog",
        "spark.hadoop.fs.s3a.endpoint": endpoint,
        "spark.hadoop.fs.s3a.endpoint.region": "us-east-1",
        "spark.hadoop.fs.s3a.path.style.access": "true",
        "spark.hadoop.fs.s3a.access.key": key,
        "spark.hadoop.fs.s3a.secret.key": secret,
        "spark.driver.host": "127.0.0.1",
        "spark.driver.bindAddress": "127.0.0.1",
        "spark.driver.memory": "3g",
        "spark.ui.enabled": "false",
        "spark.sql.session.timeZone": "UTC",
        **settings,
    }
    for setting, value in chosen.items():
        builder = builder.config(setting, str(value))
    return builder.getOrCreate()


__all__ = ["Unavailable", "job", "provision", "session"]
