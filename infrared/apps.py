"""Infrared: codes that devices learn and transmit."""

from django.apps import AppConfig


class InfraredConfig(AppConfig):
    """Registers the infrared kinds of commands."""

    name = "infrared"
