"""Periodic jobs of the audit log."""

from audit.services import watching
from kernel import ticker

# Each chain is due every minute, and whole once a day; this looks at those that are.
ticker.register("audit.watching", every_s=10.0, run=watching.watch)
