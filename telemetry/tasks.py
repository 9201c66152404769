"""Periodic jobs about telemetry."""

from __future__ import annotations

from kernel import ticker
from telemetry.services import retention

ticker.register("telemetry.retention", every_s=600.0, run=retention.forget_old)
