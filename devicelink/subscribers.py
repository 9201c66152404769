"""Facts of lower apps that a device must learn of, on whichever wire it is."""

from __future__ import annotations

from commands import selectors as command_selectors
from commands.events import CancelAsked, CommandQueued, LaneFreed
from devicelink import outbound
from devicelink.mqtt import accounts as mqtt_accounts
from devices.events import (
    BrokerAccountsRevoked,
    ConfigChanged,
    CredentialRevoked,
    DeviceUnpaired,
    SessionOpened,
)
from kernel.events import subscribe
from twins.events import DesiredChanged


@subscribe(CommandQueued)
def on_command_queued(event: CommandQueued) -> None:
    """Have the device's socket pull."""
    outbound.hint_commands(event.device_id)


@subscribe(CancelAsked)
def on_cancel_asked(event: CancelAsked) -> None:
    """Have the device told that a command it may hold is no longer wanted."""
    outbound.hint_commands(event.device_id)


@subscribe(ConfigChanged)
def on_config_changed(event: ConfigChanged) -> None:
    """Have the device told of its configuration."""
    outbound.hint_documents(event.device_id)


@subscribe(DesiredChanged)
def on_desired_changed(event: DesiredChanged) -> None:
    """Have the device told of what is desired of it."""
    outbound.hint_documents(event.device_id)


@subscribe(SessionOpened)
def on_session_opened(event: SessionOpened) -> None:
    """Have sockets of older sessions close."""
    outbound.hint_session(event.device_id, event.epoch)


@subscribe(CredentialRevoked)
def on_credential_revoked(event: CredentialRevoked) -> None:
    """Have sockets that were opened with the void token close."""
    outbound.hint_revoked(event.device_id, event.credential_id)


@subscribe(DeviceUnpaired)
def on_device_unpaired(event: DeviceUnpaired) -> None:
    """Have the device's sockets close."""
    outbound.hint_unpaired(event.device_id)


@subscribe(BrokerAccountsRevoked)
def on_broker_accounts_revoked(event: BrokerAccountsRevoked) -> None:
    """Have the broker throw the devices out."""
    mqtt_accounts.keeper.want(mqtt_accounts.remove_due)


@subscribe(LaneFreed)
def on_lane_freed(event: LaneFreed) -> None:
    """Have the device's socket pull what waited behind the command that ended."""
    # Mostly nothing waits, and this look is cheaper than a pull that takes the device's lock.
    if command_selectors.has_queued(event.device_id):
        outbound.hint_commands(event.device_id)
