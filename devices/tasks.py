"""Periodic jobs about devices."""

from devices.services import (
    connectivity,
    enrolment_deadlines,
    enrolment_runs,
    erasing,
    flapping,
    lateness,
    outages,
    rotation,
    sweeping,
    transfers,
)
from kernel import ticker

# DESIGN: a silent device is found at most one sweep (5 s) late.
ticker.register("devices.presence.sweep", every_s=2.0, run=sweeping.sweep)
# A key past its deadline opens nothing from that moment; this closes the sockets that stand on it.
ticker.register("devices.credentials.sweep", every_s=5.0, run=rotation.sweep)
# An offer past its time is refused at once; this makes it show as expired.
ticker.register("devices.transfers.expiry", every_s=30.0, run=transfers.expire_offers)
ticker.register("devices.erasures", every_s=2.0, run=erasing.run_erasures)
ticker.register("devices.enrolments", every_s=2.0, run=enrolment_runs.run)
ticker.register("devices.outages", every_s=5.0, run=outages.sweep)
ticker.register("devices.presence.forgetting", every_s=900.0, run=lateness.forget_old)
# An episode ends after ten calm minutes.
ticker.register("devices.flapping", every_s=15.0, run=flapping.settle)
ticker.register("devices.connections.retention", every_s=3600.0, run=connectivity.forget_old)
ticker.register("devices.enrolments.deadlines", every_s=300.0, run=enrolment_deadlines.sweep)
