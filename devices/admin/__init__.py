"""Devices in Django's admin: their lives, keys, connections, places and enrolments."""

from devices.admin import (  # noqa: F401  they register themselves
    connections,
    deeds,
    enrolments,
    keys,
    lives,
    places,
)
