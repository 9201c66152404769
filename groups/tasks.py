"""Periodic jobs about groups."""

from groups.services import following, journal
from kernel import ticker

# Each dynamic group is due every 30 s; this looks at those that are.
ticker.register("groups.follow", every_s=3.0, run=following.sweep)
# A second of work at most with each run.
ticker.register("groups.journal.retention", every_s=60.0, run=journal.forget_old)
