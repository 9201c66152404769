"""Devices that nobody has claimed, with the code that their labels say."""

from __future__ import annotations

from dataclasses import dataclass

from tests.factories import devices


@dataclass(frozen=True)
class Newcomer:
    """A device that waits for its owner."""

    device_uid: str
    claim_code: str


def provision(hardware_id: str = "", *, relay_count: int = 4) -> Newcomer:
    """A device that has registered itself."""
    made = devices.provision(hardware_id, relay_count=relay_count)
    assert made.claim_code is not None
    return Newcomer(made.device_uid, made.claim_code)
