"""Periodic jobs about devices."""

from devices.services import presence
from kernel import ticker

# DESIGN: a silent device is found at most one sweep (5 s) late.
ticker.register("devices.presence.sweep", every_s=2.0, run=presence.sweep)
