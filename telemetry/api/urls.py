"""Paths under `/api/v1/`."""

from __future__ import annotations

from django.urls import path

from telemetry.api import metric_views, sensor_views, set_aside_views, views

app_name = "telemetry_api"

urlpatterns = [
    path("devices/<str:uid>/metrics/latest", views.LatestMetrics.as_view(), name="latest"),
    path("devices/<str:uid>/metrics/names", metric_views.MetricNames.as_view(), name="names"),
    path("devices/<str:uid>/metrics/export", metric_views.MetricExport.as_view(), name="export"),
    path("devices/<str:uid>/metrics", views.MetricSeries.as_view(), name="series"),
    path(
        "customer/devices/<str:uid>/metrics",
        views.CustomerMetricSeries.as_view(),
        name="customer-series",
    ),
    path("telemetry/set-aside", set_aside_views.SetAsideListView.as_view(), name="set-aside-list"),
    path("telemetry/set-aside/<str:uid>", set_aside_views.SetAsideView.as_view(), name="set-aside"),
    path(
        "telemetry/set-aside/<str:uid>/replay",
        set_aside_views.SetAsideReplayView.as_view(),
        name="set-aside-replay",
    ),
    path("analytics/fleet", metric_views.FleetMetrics.as_view(), name="fleet"),
    path("devices/<str:uid>/sensors", sensor_views.SensorsView.as_view(), name="sensors"),
    path(
        "customer/devices/<str:uid>/sensors",
        sensor_views.CustomerSensorsView.as_view(),
        name="customer-sensors",
    ),
    path(
        "devices/<str:uid>/sensor-events",
        sensor_views.SensorEventsView.as_view(),
        name="sensor-events",
    ),
]
