"""What must hold after any fault: one checker for all of them."""

from __future__ import annotations

from tests.factories.installation import Installation, eventually
from tests.faults.scripted_device import ScriptedDevice

# DESIGN of the reliability goals: server and device agree 10 s after the heal.
HEALED_WITHIN_S = 10
ENDED_WITHIN_S = 45
EXECUTED_STATES = {"succeeded", "timed_out"}


def check_healed(home: Installation, device: ScriptedDevice) -> None:
    """No phantom relay, no command lost or run twice, and an audit chain that verifies."""
    assert device.is_welcomed.wait(HEALED_WITHIN_S), "the device did not get back"
    eventually(
        lambda: knows_the_truth(home, device),
        within_s=HEALED_WITHIN_S,
        what=f"server {home.positions(device.uid)}, device {device.relays}",
    )
    check_commands(home, device)
    assert knows_the_truth(home, device)
    assert len(device.executed) == len(set(device.executed)), "a command ran twice"
    home.product.manage("audit_verify")


def knows_the_truth(home: Installation, device: ScriptedDevice) -> bool:
    """Whether the server's relays are the device's."""
    return home.positions(device.uid) == list(device.relays)


def check_commands(home: Installation, device: ScriptedDevice) -> None:
    """Every command ends, and as executed exactly when the device executed it."""
    eventually(
        lambda: all(command["finished_at"] for command in home.commands(device.uid)),
        within_s=ENDED_WITHIN_S,
        what=f"open: {home.commands(device.uid)}",
    )
    states = {command["id"]: command["state"] for command in home.commands(device.uid)}
    assert set(device.executed) <= states.keys(), "the device ran what the ledger does not know"
    for command_id, state in states.items():
        if command_id in device.executed:
            assert state in EXECUTED_STATES, (command_id, state)
        else:
            assert state != "succeeded", f"{command_id} was never run"
