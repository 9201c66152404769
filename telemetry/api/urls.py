"""Paths under `/api/v1/`."""

from __future__ import annotations

from django.urls import path

from telemetry.api import views

app_name = "telemetry_api"

urlpatterns = [
    path("devices/<str:uid>/metrics/latest", views.LatestMetrics.as_view(), name="latest"),
    path("devices/<str:uid>/metrics", views.MetricSeries.as_view(), name="series"),
]
