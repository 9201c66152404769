"""Periodic jobs of the fleet's figures."""

from fleet.services import tallying
from kernel import ticker

# Looks every minute whether the present quarter of an hour has its tallies.
ticker.register("fleet.tally", every_s=60.0, run=tallying.take)
ticker.register("fleet.tally.retention", every_s=300.0, run=tallying.forget_old)
