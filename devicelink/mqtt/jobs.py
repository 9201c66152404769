"""Periodic jobs about accounts at the broker: they only wake the thread that does the work."""

from datetime import datetime

from devicelink.mqtt import accounts
from kernel import ticker


def remove(now: datetime) -> None:
    """Have accounts removed whose removal no hint brought about."""
    accounts.keeper.want(accounts.remove_due)


def reconcile(now: datetime) -> None:
    """Have the broker's accounts compared with the rows."""
    accounts.keeper.want(accounts.reconcile)


ticker.register("devicelink.mqtt.removals", every_s=5.0, run=remove)
ticker.register("devicelink.mqtt.reconcile", every_s=300.0, run=reconcile)
