"""Paths of the console's pages."""

from __future__ import annotations

from django.urls import path

from ops.views import claim, device, devices

app_name = "ops"

urlpatterns = [
    path("", devices.devices, name="devices"),
    path("claim", claim.claim, name="claim"),
    path("devices/<str:uid>", device.device, name="device"),
]
