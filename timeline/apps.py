"""One story of a device: everything that happened to it, merged, with causes."""

from __future__ import annotations

from django.apps import AppConfig


class TimelineConfig(AppConfig):
    """The merged timeline of a device."""

    name = "timeline"
    verbose_name = "Timeline"
