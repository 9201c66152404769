"""Periodic jobs about commands."""

from commands.services import batch_runs, sweeping
from kernel import ticker

ticker.register("commands.sweep", every_s=1.0, run=sweeping.sweep)
ticker.register("commands.batches", every_s=1.0, run=batch_runs.run)
