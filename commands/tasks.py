"""Periodic jobs about commands."""

from kernel import ticker

from commands.services import sweeping

ticker.register("commands.sweep", every_s=1.0, run=sweeping.sweep)
