"""Periodic jobs about telemetry."""

from __future__ import annotations

from kernel import ticker
from telemetry.services import partitions, retention, rolling, sensor_retention, set_aside

ticker.register("telemetry.rollup", every_s=10.0, run=rolling.roll_up_when_due)
ticker.register("telemetry.partitions", every_s=600.0, run=partitions.make_ahead)
ticker.register("telemetry.retention", every_s=60.0, run=retention.forget_old)
ticker.register("telemetry.windows", every_s=3_600.0, run=retention.forget_silent_windows)
ticker.register("telemetry.bucket_retention", every_s=600.0, run=retention.forget_old_buckets)
ticker.register("telemetry.sensor_retention", every_s=600.0, run=sensor_retention.forget_old_events)
ticker.register("telemetry.set_aside_retention", every_s=600.0, run=set_aside.forget_old)
