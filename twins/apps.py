"""Twins: what devices should be like, and what they say they are."""

from django.apps import AppConfig


class TwinsConfig(AppConfig):
    """Registers what twins do in the lives of devices."""

    name = "twins"
