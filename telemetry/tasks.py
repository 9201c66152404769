"""Periodic jobs about telemetry."""

from __future__ import annotations

from kernel import ticker
from telemetry.services import retention, rolling, sensor_retention

ticker.register("telemetry.rollup", every_s=10.0, run=rolling.roll_up_when_due)
ticker.register("telemetry.retention", every_s=60.0, run=retention.forget_old)
ticker.register("telemetry.bucket_retention", every_s=600.0, run=retention.forget_old_buckets)
ticker.register("telemetry.sensor_retention", every_s=600.0, run=sensor_retention.forget_old_events)
