"""All servers, by name."""

from __future__ import annotations

from .influxdb import InfluxDb
from .kafka import Kafka
from .kairosdb import KairosDb
from .s3 import S3
from .service import Service
from .victoriametrics import VictoriaMetrics

SERVICES: dict[str, type[Service]] = {service.name: service for service in (Kafka, S3, InfluxDb, VictoriaMetrics, KairosDb)}
