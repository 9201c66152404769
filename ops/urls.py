"""Paths of the console's pages and of what machines ask about the installation."""

from __future__ import annotations

from django.urls import path

from ops import health, metrics
from ops.views import claim, device, devices

app_name = "ops"

urlpatterns = [
    path("health", health.live, name="health"),
    path("health/ready", health.ready, name="health-ready"),
    path("metrics", metrics.metrics, name="metrics"),
    path("", devices.devices, name="devices"),
    path("claim", claim.claim, name="claim"),
    path("devices/<str:uid>", device.device, name="device"),
]
