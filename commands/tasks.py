"""Periodic jobs about commands."""

from commands.services import sweeping
from kernel import ticker

ticker.register("commands.sweep", every_s=1.0, run=sweeping.sweep)
