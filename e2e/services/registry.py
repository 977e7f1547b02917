"""All servers, by name."""

from __future__ import annotations

from .kafka import Kafka
from .s3 import S3
from .service import Service

SERVICES: dict[str, type[Service]] = {service.name: service for service in (Kafka, S3)}
