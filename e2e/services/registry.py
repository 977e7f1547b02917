"""All servers, by name."""

from __future__ import annotations

from .service import Service

SERVICES: dict[str, type[Service]] = {}
