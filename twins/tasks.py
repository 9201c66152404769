"""Periodic jobs about twins."""

from __future__ import annotations

from kernel import ticker
from twins.services import alerting, retention

ticker.register("twins.drift_alerts", every_s=30.0, run=alerting.tell_of_long_drifts)
ticker.register("twins.retention", every_s=600.0, run=retention.forget_old_reports)
