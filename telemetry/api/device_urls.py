"""Paths under `/api/v1/` where devices themselves report what they measure."""

from __future__ import annotations

from django.urls import path

from telemetry.api import sensor_views

app_name = "telemetry_device_api"

urlpatterns = [
    path("devices/sensor-report", sensor_views.SensorReportView.as_view(), name="sensor-report"),
]
