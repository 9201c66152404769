"""Periodic jobs about notifications."""

from kernel import ticker
from notifications.services import bundling, housekeeping, planning, sending

ticker.register("notifications.plan", every_s=2.0, run=planning.plan)
ticker.register("notifications.bundle", every_s=2.0, run=bundling.bundle)
# It only begins what threads of its own do: no receiver holds the other jobs up.
ticker.register("notifications.send", every_s=1.0, run=sending.dispatch)
ticker.register("notifications.retention", every_s=60.0, run=housekeeping.forget_old)
