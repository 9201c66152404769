"""Periodic jobs about exports."""

from exports.services import keeping, making
from kernel import ticker

# A second of work at most with each run.
ticker.register("exports.making", every_s=1.0, run=making.run)
ticker.register("exports.keeping", every_s=60.0, run=keeping.sweep)
